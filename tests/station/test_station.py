import json
from importlib import resources
from pathlib import Path

import jsonschema
import msgspec
import pytest
from ruamel.yaml import YAML

import qst
from qst.errors import InputError, LinkOpenError, StationFileError
from qst.instruments import PressureRamp, ThermalRamp
from qst.rigs.simulated import find_station, shipped_stations, simulated_station, unconnected_instruments
from qst.station import SCHEMA_FILE, driver_class, driver_names, load_station, load_station_bytes, station_schema_text

PUBLISHED = Path(qst.__path__[0]) / SCHEMA_FILE


def test_the_published_schema_is_current() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == station_schema_text()


@pytest.mark.parametrize("name", shipped_stations())
def test_shipped_stations_load_name_their_schema_and_fit_it(name: str) -> None:
    file = resources.files("qst_simulators").joinpath("stations", f"{name}.yaml")
    text = file.read_text(encoding="utf-8")
    first = text.splitlines()[0]
    schema = (Path(str(file)).parent / first.rpartition("$schema=")[2]).resolve()
    assert schema == PUBLISHED.resolve()
    jsonschema.validate(YAML(typ="safe", pure=True).load(text), json.loads(station_schema_text()))
    loaded = simulated_station(name)
    assert loaded.station.id == name
    assert loaded.station.simulated
    assert set(loaded.station.roles()) == {"thermode", "algometer"}


def test_there_are_the_four_stations_of_the_readme() -> None:
    assert shipped_stations() == ("default", "paper", "peltier", "tcs")


def test_every_driver_can_be_asked_without_a_device() -> None:
    assert driver_names() == ("arroyo-5300", "jtech-commander", "mark10", "medoc-mms", "qstlab-tcs")
    for name in driver_names():
        assert driver_class(name).CAPABILITIES.kind in ("thermode", "algometer")
    for name in shipped_stations():
        for instrument in unconnected_instruments(simulated_station(name)).values():
            assert instrument.capabilities.value_max > instrument.capabilities.value_min
            if instrument.capabilities.reading != "operator":
                with pytest.raises(LinkOpenError):
                    instrument.connect()


def test_a_station_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    assert find_station("tcs").station.id == "tcs"
    path = tmp_path / "bench.yaml"
    path.write_text(simulated_station("paper").text, encoding="utf-8")
    assert find_station(str(path)).station.id == "paper"
    with pytest.raises(InputError, match="no simulated station"):
        find_station("tsc")
    with pytest.raises(InputError, match="cannot read"):
        load_station(tmp_path / "none.yaml")


def test_plain_numbers_and_truth_values_are_what_they_look_like() -> None:
    text = simulated_station("tcs").text.replace(
        "simulator: {}", "simulator: {noise_c: 0.5, offsets: false, firmware: '14.52', probe: 3}", 1
    )
    spec = load_station_bytes(text.encode(), "x.yaml").station.roles()["thermode"]
    assert spec.simulator == {"noise_c": 0.5, "offsets": False, "firmware": "14.52", "probe": 3}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("station: a\ninstruments: {}\n", "without instruments"),
        ("- a\n", "must hold keys"),
        ("station: a\ninstruments: &x {}\n", "anchor"),
    ],
)
def test_what_is_no_station_says_why(text: str, said: str) -> None:
    with pytest.raises(StationFileError, match=said) as caught:
        load_station_bytes(text.encode(), "bench.yaml")
    assert caught.value.where.startswith("bench.yaml")


def test_switches_of_a_simulator_need_a_simulated_link() -> None:
    text = "station: a\ninstruments:\n  thermode:\n    driver: qstlab-tcs\n    link: serial://COM3\n    simulator: {x: 1}\n"
    with pytest.raises(StationFileError, match="not simulated"):
        load_station_bytes(text.encode(), "bench.yaml")


@pytest.mark.parametrize(
    ("thermode", "algometer"),
    [
        ("serial://COM3?baud=115200", "serial://COM3?baud=9600"),
        ("tcp://127.0.0.1:20121", "fault+tcp://127.0.0.1:20121?fault=silence"),
    ],
)
def test_two_instruments_behind_one_link_are_refused(thermode: str, algometer: str) -> None:
    """What one of them is told would reach the other: a gauge's question starts a stimulus of a thermode."""
    text = (
        "station: a\nsimulated: true\ninstruments:\n"
        f"  thermode: {{driver: qstlab-tcs, link: '{thermode}'}}\n"
        f"  algometer: {{driver: mark10, link: '{algometer}', settings: {{tip_area: 1 cm²}}}}\n"
    )
    with pytest.raises(StationFileError, match="both instruments are behind the same link"):
        load_station_bytes(text.encode(), "bench.yaml")


LIMITED = """\
station: bench
instruments:
  thermode:
    driver: medoc-mms
    link: sim://medoc-mms
    settings: {programs: [{word: 100, baseline: 32 °C, rate: 0.3 °C/s, cutoff: 48 °C, return_rate: 8 °C/s}]}
    limits: {heat_max: 47 °C, cold_min: 5 °C}
  algometer:
    driver: mark10
    link: sim://mark10
    settings: {tip_area: 1 cm²}
    limits: {pressure_max: 6 kg/cm²}
"""


def test_a_station_may_tighten_the_limits() -> None:
    specs = load_station_bytes(LIMITED.encode("utf-8"), "bench.yaml").station.roles()
    heat = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0)
    thermal, manual = specs["thermode"].limits, specs["algometer"].limits
    assert thermal is not None
    assert manual is not None
    assert thermal.problem(heat) == "cut-off 48 °C is above this station's 47 °C"
    assert thermal.problem(msgspec.structs.replace(heat, cutoff_c=47.0)) == ""
    assert "start 4 °C is below" in thermal.problem(msgspec.structs.replace(heat, cutoff_c=20.0, start_c=4.0))
    assert "588 kPa is above" not in manual.problem(PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=588.0))
    assert "600 kPa is above this station's 6 kg/cm²" in manual.problem(
        PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=600.0)
    )


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("heat_max: 52 °C", "loosens the suite's own limit"),
        ("cold_min: -2 °C", "loosens the suite's own limit"),
        ("pressure_max: 6 kg/cm²", "a limit of pressure_max for a thermode"),
        ("heat_max: 47", "47"),
        ("heatmax: 47 °C", "heatmax"),
    ],
)
def test_wrong_limits_are_refused_with_their_line(written: str, wrong: str) -> None:
    text = LIMITED.replace("heat_max: 47 °C, cold_min: 5 °C", written)
    with pytest.raises(StationFileError) as caught:
        load_station_bytes(text.encode("utf-8"), "bench.yaml")
    assert wrong in caught.value.report()
    assert "bench.yaml:7" in caught.value.report()


BUTTONED = """\
station: bench
button: {button}
instruments:
  algometer:
    driver: jtech-commander
    link: 'operator:'
    settings: {{tip_area: 1 cm²}}
"""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("simulated", ("simulated", " ", "", "cts", True)),
        ("keyboard", ("keyboard", " ", "", "cts", True)),
        ("keyboard?key=space", ("keyboard", " ", "", "cts", True)),
        ("keyboard?key=page-down", ("keyboard", "PageDown", "", "cts", True)),
        ("keyboard?key=b", ("keyboard", "b", "", "cts", True)),
        ("serial-line://COM5", ("serial-line", " ", "COM5", "cts", True)),
        ("serial-line:///dev/ttyUSB0?line=dsr&active=low", ("serial-line", " ", "/dev/ttyUSB0", "dsr", False)),
        ("serial-line+loop://?line=ri", ("serial-line", " ", "", "ri", True)),
    ],
)
def test_a_button_is_a_key_a_line_or_simulated(text: str, meant: tuple[object, ...]) -> None:
    written = BUTTONED.format(button=text)
    spec = load_station_bytes(written.encode(), "bench.yaml").station.response_button
    assert (spec.kind, spec.key, spec.port, spec.line, spec.pressed_when) == meant
    jsonschema.validate(YAML(typ="safe", pure=True).load(written), json.loads(station_schema_text()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keybord", "is no button"),
        ("simulated?key=b", "is no button"),
        ("keyboard?key=r", "cannot be the participant's key"),
        ("keyboard?key=escape", "cannot be the participant's key"),
        ("keyboard?pedal=b", "'pedal' is no option"),
        ("keyboard?key=b&key=c", "not readable"),
        ("keyboard?b", "is no option"),
        ("serial-line://", "names no port"),
        ("serial-line://COM5?line=rts", "'rts' is no line"),
        ("serial-line://COM5?active=yes", "'yes' is no active"),
        ("serial-line://COM5?baud=9600", "'baud' is no option"),
        ("serial://COM5", "is no button"),
    ],
)
def test_what_is_no_button_is_said_with_its_line(text: str, said: str) -> None:
    written = BUTTONED.format(button=f"'{text}'")
    with pytest.raises(StationFileError, match=said) as caught:
        load_station_bytes(written.encode(), "bench.yaml")
    assert "bench.yaml:2" in str(caught.value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(YAML(typ="safe", pure=True).load(written), json.loads(station_schema_text()))


def test_a_real_button_does_not_go_with_simulated_time() -> None:
    text = simulated_station("tcs").text.replace("button: simulated", "button: serial-line://COM5")
    with pytest.raises(StationFileError, match="does not follow simulated time"):
        load_station_bytes(text.encode("utf-8"), "bench.yaml")
