import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

import qst
from qst.errors import InputError, LinkOpenError, StationFileError
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
