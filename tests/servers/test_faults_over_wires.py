"""A sample of the faults over real sockets and pseudo-terminals, struck and looked at through the control channel.

The full matrix runs on the virtual clock (tests/faults). Here the same faults meet real links: each visit ends by
itself, with a recorded outcome, no number that counts, and a device that its own hidden state shows to be safe.

A busy computer may be late for a driver's deadline before the fault strikes, or instead of it. Such a visit is run again
more slowly, where the same lateness weighs less; a fault that is not recorded as it should be at the slowest pace fails.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from qst.abort import AbortSwitch
from qst.clock import RealClock
from qst.instruments import Link
from qst.record.reader import read_log
from qst.record.records import Fault, Outcome, VisitOutcome
from qst.record.verify import Status, verify_log
from qst.visit.engine import VisitResult
from qst_simulators.server import SimulatorServer
from tests.servers.rig import Control, needs_pty, until
from tests.servers.wired import SETTINGS, station_of, visit_over_wires, wired_rig

pytestmark = needs_pty

DATA = Path(__file__).parent / "data"
SPEEDS = (16.0, 5.0, 1.5)
SEED = 5
CUTOFF_C, BEYOND_C, START_C, NEAR_C, POWERLESS_C = 42.0, 1.0, 32.0, 2.5, 40.0
PROGRAM = {"word": 100, "baseline": "32 °C", "rate": "1 °C/s", "cutoff": "42 °C", "return_rate": "1.5 °C/s"}
SETTINGS_HERE: dict[str, dict[str, Any]] = {
    "medoc-mms": {"programs": [PROGRAM], "pretest": "3.5 s"},
    "arroyo-5300": {"reply_timeout": "2 s"},
}
SIMULATOR: dict[str, dict[str, Any]] = {
    "medoc-mms": {"programs": [PROGRAM], "pretest_s": 2},
    "qstlab-tcs": {"offsets": False},
    "arroyo-5300": {"start_c": 32.0},
    "mark10": {},
}
LISTEN = {
    "medoc-mms": "tcp://127.0.0.1:0",
    "qstlab-tcs": "pty:",
    "mark10": "pty:",
    "arroyo-5300": "tcp://127.0.0.1:0",
}

#: Codes of the cable, of the language on it, and of what a device or its readings show.
CABLE, LANGUAGE, DEVICE = ("QST-2",), ("QST-3", "QST-2"), ("QST-4", "QST-5")


class Case(NamedTuple):
    """A fault, struck in mid-ramp, and the first digits of the codes that tell it."""

    driver: str
    fault: str
    codes: tuple[str, ...]
    options: Mapping[str, Any] = {}

    @property
    def role(self) -> str:
        return "algometer" if self.driver == "mark10" else "thermode"


CASES = [
    Case("medoc-mms", "disconnect", CABLE),
    Case("medoc-mms", "stale", LANGUAGE, {"count": 3}),
    Case("medoc-mms", "stuck_sensor", DEVICE),
    Case("qstlab-tcs", "silence", CABLE),
    Case("qstlab-tcs", "disconnect", CABLE),
    Case("qstlab-tcs", "garbage", LANGUAGE, {"count": 3}),
    Case("mark10", "disconnect", (*CABLE, *DEVICE)),
    Case("mark10", "garbage", LANGUAGE, {"count": 3}),
    Case("mark10", "stuck_sensor", DEVICE),
    Case("arroyo-5300", "silence", CABLE),
    Case("arroyo-5300", "stuck_sensor", DEVICE),
]
MORE = [
    Case("medoc-mms", "silence", CABLE),
    Case("medoc-mms", "garbage", LANGUAGE, {"count": 3}),
    Case("qstlab-tcs", "stuck_sensor", DEVICE),
    Case("qstlab-tcs", "truncated", LANGUAGE, {"count": 3}),
    Case("mark10", "silence", (*CABLE, *DEVICE)),
    Case("arroyo-5300", "garbage", LANGUAGE, {"count": 3}),
]


class OverVisa:
    """The Arroyo's socket, opened by VISA; a link by a name behind which the driver asks for no guard."""

    description = "sim://arroyo-5300"

    def __init__(self, link: Link) -> None:
        self.open, self.close = link.open, link.close
        self.write, self.read, self.read_available = link.write, link.read, link.read_available


def link_of(driver: str, links: Mapping[str, str], role: str) -> str:
    if driver != "arroyo-5300":
        return links[role]
    host, _, port = links[role].removeprefix("tcp://").rpartition(":")
    return f"visa://TCPIP::{host}::{port}::SOCKET?backend=py"


def faulty_visit(case: Case, path: Path, speed: float) -> Iterator[str]:
    """Run a visit with its fault; what is not as it should be."""
    abort = AbortSwitch()
    clock = RealClock(abort, speed=speed)
    device = (case.driver, SIMULATOR[case.driver])
    hottest: list[float] = []
    with (
        SimulatorServer([device], listen=[LISTEN[case.driver]], clock=clock, speed=speed, seed=SEED) as server,
        Control(server.control) as control,
    ):
        watch(server, case, hottest)
        after_s = 0.5 if case.driver == "mark10" else 2.0
        options = {"when": "ramp", "after_s": after_s, **case.options}
        assert control.do("fault", role=case.role, name=case.fault, options=options) == {"ok": True}
        link = link_of(case.driver, server.links, case.role)
        station = station_of(
            {case.role: (case.driver, link)},
            simulated=True,
            settings={case.driver: SETTINGS_HERE.get(case.driver, SETTINGS.get(case.driver, {}))},
        )
        around = OverVisa if case.driver == "arroyo-5300" else None
        rig = wired_rig(station, server, clock, abort, around=around)
        protocol = str(DATA / ("pressure.yaml" if case.driver == "mark10" else "heat.yaml"))
        result = visit_over_wires(rig, protocol, path, clock, abort, seed=SEED)
        with server.lock:
            struck = bool(server.bench.device(case.role).injected)
        if not struck:
            yield "the fault never struck"
        until(lambda: is_safe(control.do("state"), case))
    yield from recorded(case, result, path)
    if max(hottest, default=START_C) > CUTOFF_C + BEYOND_C:
        yield f"the plate went to {max(hottest):.1f} °C"


def watch(server: SimulatorServer, case: Case, hottest: list[float]) -> None:
    """Note the true temperature whenever the plate's path changes: between two changes it is monotonic."""
    surface = getattr(server.bench.device(case.role), "surface", None)
    if surface is None:
        return

    def changed() -> None:
        hottest.append(surface.temperature_c(server.bench.world.now_s))

    with server.lock:
        surface.on_change.append(changed)


def is_safe(state: Mapping[str, Any], case: Case) -> bool:
    """What the device hides from every driver."""
    hidden = state["devices"][case.role]
    if case.driver == "mark10":
        return bool(state["force_n"] == 0.0)
    if hidden.get("output_on") is False:
        return bool(hidden["temperature_c"] < POWERLESS_C)  # without power a plate drifts towards its heat sink
    return abs(hidden["temperature_c"] - START_C) <= NEAR_C and not hidden.get("stimulating", False)


def recorded(case: Case, result: VisitResult, path: Path) -> Iterator[str]:
    """What the log says."""
    if verify_log(path).status is not Status.INTACT:
        yield "the log does not verify"
    log = read_log(path)
    faults = [entry.record for entry in log.entries if isinstance(entry.record, Fault)]
    (trial,) = log.trials or (None,)
    if trial is None or trial.outcome is not Outcome.DEVICE_FAULT or trial.valid or not trial.invalid_reason:
        yield f"the attempt is recorded as {trial and (trial.outcome, trial.valid, trial.invalid_reason)}"
    if not faults or not faults[0].code.startswith(case.codes):
        yield f"the log tells {[(fault.code, fault.what) for fault in faults]}"
    if result.outcome not in (VisitOutcome.COMPLETED, VisitOutcome.FAILED):
        yield f"the visit ended as {result.outcome}"
    if any(score.n_valid for score in result.summary):
        yield "a threshold came out of it"


@pytest.mark.parametrize(
    "case",
    [*CASES, *(pytest.param(case, marks=pytest.mark.nightly) for case in MORE)],
    ids=lambda case: f"{case.driver}-{case.fault}",
)
def test_a_fault_over_a_real_link_ends_in_a_recorded_outcome_and_a_safe_device(case: Case, tmp_path: Path) -> None:
    for speed in SPEEDS:
        problems = list(faulty_visit(case, tmp_path / f"{speed:g}.jsonl", speed))
        if not problems:
            return
    pytest.fail("\n".join(problems))


def test_a_fault_can_be_rehearsed_from_the_station_file(tmp_path: Path) -> None:
    abort = AbortSwitch()
    clock = RealClock(abort, speed=10.0)
    path = tmp_path / "log.jsonl"
    with SimulatorServer(["mark10"], listen=["pty:"], clock=clock, speed=10.0, seed=SEED) as server:
        link = f"fault+{server.links['algometer']}&fault=silence&after_s=4"
        station = station_of({"algometer": ("mark10", link)}, simulated=True)
        rig = wired_rig(station, server, clock, abort)
        result = visit_over_wires(rig, str(DATA / "pressure.yaml"), path, clock, abort, seed=SEED)
        until(lambda: server.do({"do": "state"})["force_n"] == 0.0)
    log = read_log(path)
    assert log.header is not None
    assert log.header.simulated
    assert result.outcome in (VisitOutcome.COMPLETED, VisitOutcome.FAILED)
    assert any(isinstance(record, Fault) for record in log.records)
    assert not any(trial.valid for trial in log.trials)
