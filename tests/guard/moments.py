"""One moment at which something dies or freezes, and what became of plate and log."""

import os
import random
import signal
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from qst.clock import performance_seconds
from qst.record.reader import read_log
from qst.record.records import Fault, Outcome, VisitOutcome
from qst.record.verify import Status, verify_log
from qst.rigs.guards import reports_path
from qst_drivers.wire.mms import Command, SystemState, TestState
from tests.guard.bench import (
    BASELINE_C,
    COLD,
    HEAT,
    KINDS,
    PATIENCE_S,
    EndedEarlyError,
    Kind,
    Ramp,
    Served,
    Visit,
    protocol_text,
)
from tests.guard.bench import station_text as station_of
from tests.guard.waits import until, wait
from tests.servers.rig import FORMS, mms

#: How long nobody may act, s: the guard's time-out is the default; a session needs a time-out of its own for an answer
#: and one for the guard's word to know that its guard hangs.
UNWATCHED_S: Final = {"session": 0.5, "freeze": 0.5, "guard": 0.5, "guard-freeze": 0.8}
#: This near to its baseline a plate is back; the settle rule of the runs.
BACK_C: Final = 0.5
#: How far the simulated plate of the Arroyo is behind its set-point when it arrives: 1.6 °C/s x 1.5 s, which then takes
#: 1.5 s x ln(2.4 / 0.5) to fade; the other plates follow within 0.3 s. And what a busy computer may add.
LAG_S: Final = {"arroyo-5300": 2.4, "medoc-mms": 0.5, "qstlab-tcs": 0.5}
BUSY_S: Final = 0.4
#: A session that lives makes its plate safe more than once, the last time without a program: at 1 °C/s.
HOME_RATE: Final = 1.0
LOOK_S: Final = 0.04
#: How often an operator tries to go on with a visit.
RESUMES: Final = 3


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What happened. Times s since the blow, temperatures °C; ``beyond_c`` past the cut-off, negative if never there.

    ``allowed_s`` is the guard's time-out (a device that ends its ramp by itself: the rest of the ramp) and the return
    ramp from where the plate was, with the plate's own lag.
    """

    driver: str
    kind: str
    index: int
    modality: str
    state: str  # of the trial
    at_c: float
    back_s: float
    allowed_s: float
    beyond_c: float
    outcome: str
    problems: tuple[str, ...]


class Blow(NamedTuple):
    """When and where: so long after this state began."""

    state: str
    after_s: float


def draw(driver: str, kind: str, index: int, seed: int) -> tuple[Ramp, Blow]:
    """Four moments of five during the ramp, the others anywhere between adaptation and return."""
    numbers = random.Random(f"{seed}/{driver}/{kind}/{index}")
    ramp = (HEAT, COLD)[index % 2]
    ramp_s = abs(ramp.cutoff_c - ramp.start_c) / KINDS[driver].rate_c_per_s
    if index % 5 < 4:
        return ramp, Blow("ramp", numbers.uniform(0.0, ramp_s))
    return ramp, Blow(numbers.choice(("adapt", "ramp", "return")), numbers.uniform(0.0, 2.0))


def strike(bench: Served, driver: str, kind: str, index: int, folder: Path, *, seed: int = 0) -> Moment:
    """Run a visit, deliver the blow, watch the plate come back, and look at the log."""
    ramp, blow = draw(driver, kind, index, seed)
    protocol, station = folder / "protocol.yaml", folder / "station.yaml"
    protocol.write_text(protocol_text(KINDS[driver], ramp), encoding="utf-8")
    station.write_text(station_of(driver, bench.link), encoding="utf-8")
    with Visit("run", str(protocol), str(station), str(folder / "data")) as visit:
        visit.await_word(f"state {blow.state}")
        wait(blow.after_s)
        state = visit.state
        if any(text.startswith("outcome") for text in visit.said):
            raise EndedEarlyError(f"the visit was over before the blow: {visit.said}")
        at_c = bench.temperature_c()
        struck_s = performance_seconds()
        deliver(visit, kind)
        back_s, beyond_c = watch_back(bench, KINDS[driver], ramp, struck_s)
        finish(visit, kind)
    problems, outcome = look_at_log(bench, next((folder / "data").glob("*.jsonl")), kind, KINDS[driver], state)
    allowed = allowed_s(driver, kind, ramp, at_c)
    if back_s > allowed:
        problems.append(f"back after {back_s:.2f} s, allowed {allowed:.2f} s")
    if beyond_c > stated_overshoot_c(driver):
        problems.append(f"{beyond_c:.2f} °C beyond the cut-off")
    return Moment(
        driver=driver,
        kind=kind,
        index=index,
        modality=ramp.modality,
        state=state,
        at_c=at_c,
        back_s=back_s,
        allowed_s=allowed,
        beyond_c=beyond_c,
        outcome=outcome,
        problems=tuple(problems),
    )


def deliver(visit: Visit, kind: str) -> None:
    """The blow itself."""
    match kind:
        case "session":
            visit.kill()
        case "freeze":
            os.kill(visit.pid, signal.SIGSTOP)
        case "guard":
            os.kill(visit.guard_pid, signal.SIGKILL)
        case "guard-freeze":
            os.kill(visit.guard_pid, signal.SIGSTOP)
        case _:
            raise ValueError(kind)


def finish(visit: Visit, kind: str) -> None:
    """A frozen session goes on, and every one that lives ends its visit by itself."""
    if kind == "freeze":
        os.kill(visit.pid, signal.SIGCONT)
    if kind != "session":
        visit.await_word("outcome ")
        visit.end()


def away_c(kind: Kind, ramp: Ramp, value_c: float) -> float:
    """How far from home a plate is; one that returns by itself may go on from its baseline to its rest temperature."""
    if kind.guarded:
        return abs(value_c - BASELINE_C)
    return (value_c - ramp.start_c) * (1.0 if ramp.cutoff_c > ramp.start_c else -1.0)


def stated_overshoot_c(driver: str) -> float:
    """What the driver states in its capabilities, at the fastest ramp of its station."""
    return 1.6 if driver == "arroyo-5300" else 0.3


def allowed_s(driver: str, death: str, ramp: Ramp, at_c: float) -> float:
    """Until somebody acts, in which time the plate goes on; and the way back from there."""
    kind = KINDS[driver]
    rate = kind.rate_c_per_s
    if kind.guarded:
        unwatched_s = UNWATCHED_S[death]
        farthest_c = abs(at_c - BASELINE_C) + unwatched_s * rate
        home_rate = HOME_RATE if death.startswith("guard") else rate
        return unwatched_s + farthest_c / home_rate + LAG_S[driver] + BUSY_S
    rest_s = abs(ramp.cutoff_c - at_c) / rate
    return rest_s + abs(ramp.cutoff_c - ramp.start_c) / rate + LAG_S[driver] + BUSY_S


def watch_back(bench: Served, kind: Kind, ramp: Ramp, struck_s: float) -> tuple[float, float]:
    """When the plate is back for good, and how far beyond the cut-off it was, by the simulator's own truth."""
    way = 1.0 if ramp.cutoff_c > ramp.start_c else -1.0
    back_s, beyond_c = 0.0, -abs(ramp.cutoff_c - ramp.start_c)
    quiet_s = 2.0 if kind.guarded else 2.0 + 2 * abs(ramp.cutoff_c - ramp.start_c) / kind.rate_c_per_s
    while (now_s := performance_seconds() - struck_s) < back_s + quiet_s:
        value_c = bench.temperature_c()
        beyond_c = max(beyond_c, way * (value_c - ramp.cutoff_c))
        if away_c(kind, ramp, value_c) > BACK_C:
            back_s = performance_seconds() - struck_s
        if now_s > PATIENCE_S:
            break
        wait(LOOK_S)
    return back_s, beyond_c


def resume(bench: Served, log: Path) -> None:
    """Go on with the visit, as its operator would.

    Where a test is still open in MMS, the operator first ends it there, as the message asks; on a busy computer a
    simulated instrument may answer too late to be connected, which says so, too.
    """
    for _ in range(RESUMES):
        with Visit("resume", str(log)) as rest:
            outcome = rest.await_word("outcome ")
            rest.end()
        if "did not connect" not in outcome:
            return
        if "MMS is not listening" in outcome:
            end_open_test(bench)


def end_open_test(bench: Served) -> None:
    """What a hand at MMS would do: stop the test that is open, and wait until MMS listens again."""
    mms(bench.link, FORMS["CANlab"](Command.ABORT))
    until(lambda: listening(bench.link))


def listening(address: str) -> bool:
    told = mms(address, FORMS["CANlab"](Command.GET_STATUS))
    return (told.system_state, told.test_state) == (SystemState.READY, TestState.IDLE)


def look_at_log(bench: Served, log: Path, kind: str, device: Kind, state: str) -> tuple[list[str], str]:
    """Whether the log verifies, says what happened, and goes on; how the visit ended in the end."""
    problems = []
    if verify_log(log).status is Status.DAMAGED:
        problems.append("the log does not verify")
    so_far = read_log(log)
    if kind == "session":
        if so_far.ended:
            problems.append("a killed session has written its end")
        resume(bench, log)
        if verify_log(log).status is not Status.INTACT:
            problems.append("the resumed log does not verify")
        so_far = read_log(log)
        if len([trial for trial in so_far.trials if trial.outcome is not Outcome.DEVICE_FAULT]) > 1:
            problems.append("a stimulus was repeated")
    if so_far.outcome is not VisitOutcome.COMPLETED:
        problems.append(f"the visit ended {so_far.outcome.value}")
    told = [record for record in so_far.records if isinstance(record, Fault) and "guard" in record.what]
    guard_did = reports_path(log).exists() or kind.startswith("guard")
    if device.guarded and state != "done" and guard_did and not told:
        problems.append("the log does not say what the guard did")
    return problems, so_far.outcome.value
