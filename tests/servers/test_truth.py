"""Nothing simulated passes as real, however far away it is; and nothing real as simulated."""

from pathlib import Path
from typing import Any

import pytest

from qst.abort import AbortSwitch
from qst.clock import RealClock
from qst.errors import RefusedError, StationFileError
from qst.instruments import Identity
from qst.record.reader import read_log
from qst.record.records import Fault, VisitOutcome
from qst.station import load_station_bytes
from qst.visit.session import refuse_masquerade
from qst_simulators.server import SimulatorServer
from tests.faults.run import DATA
from tests.servers.rig import HEAT
from tests.servers.wired import station_of, visit_over_wires, wired_rig

SPEED = 20.0
DEVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "medoc-mms": ("thermode", {"programs": [HEAT]}),
    "qstlab-tcs": ("thermode", {}),
    "mark10": ("algometer", {}),
}


@pytest.mark.parametrize("name", DEVICES)
def test_a_visit_on_a_simulator_behind_a_real_link_is_refused_unless_the_station_says_so(
    name: str, tmp_path: Path
) -> None:
    role, settings = DEVICES[name]
    abort = AbortSwitch()
    clock = RealClock(abort, speed=SPEED)
    protocol = str(DATA / ("heat.yaml" if role == "thermode" else "pressure.yaml"))
    path = tmp_path / "log.jsonl"
    with SimulatorServer([(name, settings)], clock=clock, speed=SPEED) as server:
        station = station_of({role: (name, server.addresses[role])})
        assert not station.station.simulated
        result = visit_over_wires(wired_rig(station, server, clock, abort), protocol, path, clock, abort, seed=1)
    log = read_log(path)
    assert result.outcome is VisitOutcome.FAILED
    assert not log.trials, "nothing simulated is recorded as real"
    (fault,) = [entry.record for entry in log.entries if isinstance(entry.record, Fault)]
    assert "says that it is simulated" in fault.what
    assert "simulated: true" in fault.remedy


def identity(*, simulated: bool | None) -> Identity:
    return Identity(model="gauge", serial="1", simulated=simulated)


def refused(link: str, *, instrument: bool | None, station: bool | None) -> bool:
    loaded = station_of({"algometer": ("mark10", link)}, simulated=station)
    spec = loaded.station.roles()["algometer"]
    try:
        refuse_masquerade(loaded.station, spec, identity(simulated=instrument))
    except RefusedError:
        return True
    return False


@pytest.mark.parametrize(
    ("link", "instrument", "station", "is_refused"),
    [
        ("tcp://h:1", True, None, True),  # simulated, and nobody said so
        ("tcp://h:1", True, False, True),
        ("tcp://h:1", True, True, False),
        ("tcp://h:1", False, None, False),  # the usual visit
        ("tcp://h:1", False, True, True),  # a real gauge at a bench that says it is simulated
        ("tcp://h:1", None, None, False),  # it does not tell: the station's word counts
        ("tcp://h:1", None, True, False),
        ("replay://r", False, True, False),  # a recording of a real gauge
        ("replay://r", True, True, False),
        ("fault+tcp://h:1", True, True, False),
        ("fault+tcp://h:1", None, True, True),  # what may be real is not made to fail
        ("fault+tcp://h:1", False, True, True),
        ("sim://mark10", False, None, False),  # somebody else's simulator, in this process
        ("sim://mark10", None, None, False),
    ],
)
def test_who_is_refused(link: str, instrument: bool | None, station: bool | None, is_refused: bool) -> None:
    assert refused(link, instrument=instrument, station=station) is is_refused


@pytest.mark.parametrize("link", ["replay://x.jsonl", "REPLAY://x.jsonl", "fault+tcp://h:1", "Fault+TCP://h:1"])
@pytest.mark.parametrize("word", [None, False])
def test_recordings_and_rehearsals_need_the_stations_word(link: str, word: bool | None) -> None:
    with pytest.raises(StationFileError, match="a recording, or a rehearsal"):
        station_of({"algometer": ("mark10", link)}, simulated=word)
    assert station_of({"algometer": ("mark10", link)}, simulated=True).station.simulated


def test_a_station_in_this_process_cannot_say_that_it_is_real() -> None:
    with pytest.raises(StationFileError, match="no real instrument"):
        station_of({"algometer": ("mark10", "sim://mark10")}, simulated=False)
    station = station_of({"algometer": ("mark10", "sim://mark10")}).station
    assert (station.in_process, station.simulated) == (True, True)


def test_the_word_stands_in_the_file_and_in_the_schema() -> None:
    text = b"station: a\nsimulated: true\ninstruments:\n  algometer: {driver: mark10, link: 'tcp://h:1'}\n"
    station = load_station_bytes(text, "a.yaml").station
    assert (station.in_process, station.simulated) == (False, True)
    with pytest.raises(StationFileError, match="simulated"):
        load_station_bytes(text.replace(b"true", b"perhaps"), "a.yaml")
