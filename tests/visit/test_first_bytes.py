"""What goes to a thermode first after an emergency stop, on every driver and at every moment: a command that ends.

The stop may come in the middle of a question: its answer is not waited for, and nothing is asked before.
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from qst.abort import AbortCause
from qst.record.records import VisitOutcome
from qst.testing import VirtualStation
from qst_drivers.links.sim import SimLink
from tests.visit.test_way_back import PROTOCOLS, STATIONS

#: Whether these bytes bring the device to safety.
SAFE = {
    "default": lambda data: data[8] == 6,  # ABORT
    "tcs": lambda data: data[:1] == b"A",
    "peltier": lambda data: data.startswith(b"TEC:T 32;"),
}


class Wire:
    """Notes what is done to the thermode's link once the stop was thrown."""

    def __init__(self, station: VirtualStation, at_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[tuple[str, float, bytes]] = []
        self.thrown_s: float | None = None
        link = station.rig.station.station.roles()["thermode"].link
        sleep, write, read, look = station.clock.sleep, SimLink.write, SimLink.read, SimLink.read_available

        def note(one: SimLink, what: str, data: bytes = b"") -> None:
            if self.thrown_s is not None and one.description == link:
                self.done.append((what, station.clock.monotonic(), data))

        def sleep_and_stop(seconds: float) -> None:
            if self.thrown_s is None and station.clock.monotonic() >= at_s:
                self.thrown_s = station.clock.monotonic()
                station.abort.throw(AbortCause.EMERGENCY_STOP)
            sleep(seconds)

        def noted_write(one: SimLink, data: bytes) -> None:
            note(one, "write", data)
            write(one, data)

        def noted_read(one: SimLink, timeout_s: float) -> bytes:
            note(one, "read")
            return read(one, timeout_s)

        def noted_look(one: SimLink) -> bytes:
            note(one, "read")
            return look(one)

        station.clock.sleep = sleep_and_stop  # type: ignore[method-assign] # a stop comes while everybody waits
        monkeypatch.setattr(SimLink, "write", noted_write)
        monkeypatch.setattr(SimLink, "read", noted_read)
        monkeypatch.setattr(SimLink, "read_available", noted_look)


def stopped(name: str, folder: Path, at_s: float, seed: int) -> tuple[Wire, Any]:
    station = VirtualStation(name, folder=folder, seed=seed, protocol=PROTOCOLS[name])
    with pytest.MonkeyPatch.context() as monkeypatch:
        wire = Wire(station, at_s, monkeypatch)
        path = folder / f"{at_s}_{seed}.jsonl"
        path.unlink(missing_ok=True)
        return wire, station.run(path=path)


@pytest.mark.parametrize("name", STATIONS)
@given(at_s=st.floats(20.0, 100.0), seed=st.integers(0, 50))
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_the_first_bytes_after_a_stop_end_the_stimulus_and_nothing_is_asked_before(
    tmp_path_factory: pytest.TempPathFactory, name: str, at_s: float, seed: int
) -> None:
    wire, visit = stopped(name, tmp_path_factory.mktemp("stop"), at_s, seed)
    assume(wire.thrown_s is not None and visit.result.outcome is VisitOutcome.INTERRUPTED)
    what, when_s, data = wire.done[0]
    assert what == "write"
    assert SAFE[name](data)
    assert when_s == wire.thrown_s  # on virtual time: it waited for nothing
