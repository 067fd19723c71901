"""The fixtures, and that the plugin costs nothing where it is not used."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import qst.testing
from qst.abort import AbortCause, Aborted
from qst.errors import InputError
from qst.record.reader import read_log
from qst.record.records import Header, VisitOutcome
from qst.testing.plugin import MakeParticipant, MakeStation
from qst.testing.scheduled_clock import ScheduledClock
from qst.testing.station import VirtualVisit

HEAVY = (
    "qst.units", "pint", "msgspec", "click", "rich", "ruamel", "numpy", "serial", "pyvisa", "qst_simulators", "qst_drivers"
)  # fmt: skip


def header_of(visit: VirtualVisit) -> Header:
    header = read_log(visit.path).header
    assert header is not None
    return header


def test_a_visit_in_one_line(virtual_station: MakeStation) -> None:
    station = virtual_station("tcs", seed=7)
    visit = station.run()
    assert visit.result.outcome is VisitOutcome.COMPLETED
    assert (
        [one.placement.modality for one in visit.truth]
        == [trial.modality.value for trial in visit.result.trials]
        == [record.modality.value for record in visit.result.trials]
    )
    assert visit.truth == tuple(station.truth)
    header = header_of(visit)
    assert header.simulated
    assert header.seed == 7


def test_equal_seeds_give_equal_logs(virtual_station: MakeStation, tmp_path: Path) -> None:
    logs = [
        virtual_station(seed=seed).run(path=tmp_path / f"{index}.jsonl").path for index, seed in enumerate((3, 3, 4))
    ]
    first, second, other = [log.read_bytes() for log in logs]
    assert first == second != other


def test_a_log_is_never_overwritten(virtual_station: MakeStation) -> None:
    virtual_station().run()
    with pytest.raises(InputError, match="already a file"):
        virtual_station().run()


STATION = """\
station: mine
instruments:
  algometer:
    driver: mark10
    link: sim://mark10
    settings: {tip_area: 1 cm²}
button: simulated
"""
PROTOCOL = Path(__file__).parents[2] / "protocols" / "demo-quick.yaml"


def test_a_station_from_text_or_from_a_file(virtual_station: MakeStation, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no thermode"):
        virtual_station(STATION)
    whole = STATION.replace("  algometer:", "  thermode: {driver: qstlab-tcs, link: 'sim://qstlab-tcs'}\n  algometer:")
    file = tmp_path / "mine.yaml"
    file.write_text(whole, encoding="utf-8")
    for station in (whole, file, str(file)):
        assert virtual_station(station, protocol=str(PROTOCOL)).station.station.id == "mine"


def test_a_real_station_is_refused(virtual_station: MakeStation) -> None:
    with pytest.raises(InputError, match="is not simulated"):
        virtual_station(STATION.replace("sim://mark10", "serial://COM3").replace("simulated", "keyboard"))


def test_switches_of_the_simulators(virtual_station: MakeStation) -> None:
    quiet = virtual_station(simulator={"algometer": {"serial": "SIM-4711"}})
    assert quiet.bench.device("algometer")._serial == "SIM-4711"
    with pytest.raises(InputError, match="has no balance"):
        virtual_station(simulator={"balance": {}})


def test_a_visit_can_be_aborted(virtual_station: MakeStation, virtual_clock: ScheduledClock) -> None:
    station = virtual_station(abort=virtual_clock.abort)
    virtual_clock.abort.throw(AbortCause.OPERATOR_STOP)
    assert station.run().result.outcome is VisitOutcome.INTERRUPTED


def test_participants(virtual_station: MakeStation, simulated_participant: MakeParticipant) -> None:
    healthy = simulated_participant("healthy")
    assert healthy.text != simulated_participant().text
    station = virtual_station(participant=healthy)
    assert header_of(station.run()).participant_model == healthy.text


def test_the_clock_and_its_switch(virtual_clock: ScheduledClock) -> None:
    virtual_clock.at(1.5, lambda: virtual_clock.abort.throw(AbortCause.EMERGENCY_STOP))
    with pytest.raises(Aborted):
        virtual_clock.sleep(4.0)
    assert virtual_clock.monotonic() == 1.5


def test_every_public_name_is_there() -> None:
    assert qst.testing.__all__ == sorted(qst.testing._HOMES)
    assert all(getattr(qst.testing, name) is not None for name in qst.testing.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = qst.testing.nothing


def test_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import pytest, sys; before = set(sys.modules); import qst.testing.plugin; print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "qst.testing.plugin" in loaded
    assert not {name for name in loaded if name.startswith(HEAVY)}
    assert len(loaded) < 10


def test_pytest_finds_the_plugin_by_itself() -> None:
    (point,) = entry_points(group="pytest11", name="qst")
    assert point.value == "qst.testing.plugin"


def test_in_somebody_elses_project(tmp_path: Path) -> None:
    file = tmp_path / "test_mine.py"
    file.write_text(
        "from qst.instruments import PressureRamp\n"
        "from qst.testing import algometer_conformance\n"
        "TestMine = algometer_conformance('jtech-commander', settings={'tip_area': '1 cm²'}, "
        "simulator='jtech-commander', ramps=[PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=588.399)])\n"
        "def test_visit(virtual_station):\n"
        "    assert virtual_station(seed=7).run().result.outcome == 'completed'\n",
        encoding="utf-8",
    )
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    done = subprocess.run(line, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
