"""The matrix: every fault × every driver × the moments at which it can strike, and what came of each cell."""

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from qst.record.records import Outcome, State, Trial
from qst_simulators.faults import Fault
from tests.faults.run import GAUGES, SETTLED_S, THERMODES, Visit, run

MOMENTS = ("connect", "idle", "adapt", "ramp", "return")
#: How far a reported threshold may lie from the truth at the press: °C for thermodes, kPa for gauges; and, for
#: thermodes, that share of the way from the start besides. docs/faults.md states them.
TOLERANCE = {"medoc-mms": 0.65, "qstlab-tcs": 0.65, "arroyo-5300": 0.8, "mark10": 15.0, "jtech-commander": 6.0}
SHARE = 0.03
_START_C = 32.0
#: Where a plate may be left, °C: a TCS that has started anew rests at 30; a laboratory-built plate that was never driven
#: is as warm as the room, 25, and without power it ends at its heat sink's 36.
HARMLESS_C = {**dict.fromkeys(THERMODES, (29.5, 34.5)), "arroyo-5300": (24.5, 36.5)}
_IDLE_S = 2.5
_OBEYED_S = 0.25  # from a press to the turn of the slowest plate
_THERMAL_AFTER_S = {"adapt": 0.05, "ramp": 8.0, "return": 0.2}
_GAUGE_AFTER_S = {"adapt": 0.0, "ramp": 0.5, "return": 0.05}

#: Drivers whose device talks.
TALKING = (*THERMODES, "mark10")
WIRE = (
    Fault.SILENCE,
    Fault.DISCONNECT,
    Fault.RECONNECT,
    Fault.GARBAGE,
    Fault.TRUNCATED,
    Fault.DUPLICATED,
    Fault.DELAYED,
    Fault.STALE,
)
REFUSED = (Fault.PORT_BUSY, Fault.PERMISSION_DENIED)
SENSOR = (Fault.STUCK_SENSOR, Fault.JUMPING_SENSOR, Fault.DRIFTING_SENSOR)
BUTTON = (Fault.STUCK_BUTTON, Fault.BOUNCING_BUTTON, Fault.EARLY_PRESS, Fault.LATE_PRESS)
_ALL = ("idle", "adapt", "ramp", "return")


def _everywhere(drivers: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Every moment; a console that says nothing has no adaptation that anybody could see."""
    return {driver: tuple(m for m in _ALL if m != "adapt" or driver != "jtech-commander") for driver in drivers}


#: fault -> driver -> moments. What is not here makes no sense for the device, and its simulator refuses it.
WHERE: dict[Fault, dict[str, tuple[str, ...]]] = {
    **{fault: dict.fromkeys(TALKING, ("connect", *_ALL)) for fault in WIRE},
    Fault.WRONG_ECHO: {"medoc-mms": ("connect", *_ALL)},
    **{fault: dict.fromkeys(TALKING, ("connect", "adapt", "ramp")) for fault in REFUSED},
    **{fault: _everywhere((*THERMODES, *GAUGES)) for fault in SENSOR},
    Fault.SLOW_RAMP: dict.fromkeys(THERMODES, ("idle", "ramp")),
    Fault.OVERSHOOT: dict.fromkeys(THERMODES, ("idle", "ramp")),
    Fault.IGNORED_STOP: dict.fromkeys(THERMODES, ("idle", "ramp")),
    Fault.BATTERY_LOW: {
        "qstlab-tcs": ("connect", *_ALL),
        "mark10": ("connect", *_ALL),
        "jtech-commander": ("idle", "ramp", "return"),
    },
    Fault.DEVICE_REBOOT: _everywhere((*THERMODES, *GAUGES)),
    Fault.SAFE_MODE: {"medoc-mms": ("connect", *_ALL)},
    Fault.OPERATOR_MENU: {
        "medoc-mms": ("connect", *_ALL),
        "mark10": ("connect", *_ALL),
        "jtech-commander": ("idle", "ramp", "return"),
    },
    Fault.UNIT_KEY: {"mark10": ("connect", *_ALL)},
    Fault.OVERLOAD: _everywhere(GAUGES),
    Fault.STUCK_BUTTON: dict.fromkeys((*THERMODES, *GAUGES), ("idle", "ramp")),
    Fault.BOUNCING_BUTTON: dict.fromkeys((*THERMODES, *GAUGES), ("idle", "ramp")),
    Fault.EARLY_PRESS: _everywhere((*THERMODES, *GAUGES)),
    Fault.LATE_PRESS: dict.fromkeys((*THERMODES, *GAUGES), ("idle", "ramp")),
}

_NO_WIRE = "nothing passes over a wire"
_HAND = "a hand makes the ramp"
_NO_BATTERY = "no battery"
#: fault -> driver -> why there is nothing to try. Together with WHERE: every fault and every driver.
NOT_APPLICABLE: dict[Fault, dict[str, str]] = {
    **{fault: {"jtech-commander": _NO_WIRE} for fault in (*WIRE, *REFUSED)},
    Fault.WRONG_CHECKSUM: {**dict.fromkeys(TALKING, "no checksum on this wire"), "jtech-commander": _NO_WIRE},
    Fault.WRONG_ECHO: {
        **dict.fromkeys(("qstlab-tcs", "arroyo-5300", "mark10"), "no answer names its question"),
        "jtech-commander": _NO_WIRE,
    },
    **{fault: dict.fromkeys(GAUGES, _HAND) for fault in (Fault.SLOW_RAMP, Fault.OVERSHOOT, Fault.IGNORED_STOP)},
    Fault.BATTERY_LOW: dict.fromkeys(("medoc-mms", "arroyo-5300"), _NO_BATTERY),
    Fault.SAFE_MODE: dict.fromkeys(("qstlab-tcs", "arroyo-5300", *GAUGES), "no such mode"),
    Fault.OPERATOR_MENU: dict.fromkeys(("qstlab-tcs", "arroyo-5300"), "no menu in which it falls silent"),
    Fault.UNIT_KEY: {**dict.fromkeys(THERMODES, "no unit key"), "jtech-commander": "the operator reads the unit"},
    Fault.OVERLOAD: dict.fromkeys(THERMODES, "no force to measure"),
}

#: Left as they are, and why. A controller without a watchdog that nobody can reach goes on to its cut-off and stays there:
#: the fault of that design, declared by the driver, told to the operator at once, and found here again each time.
DECLARED = {
    (Fault.DISCONNECT, "arroyo-5300", "ramp"): "the plate is left at 48.00 °C",
}

#: Which code a fault in mid-ramp has, where it has one of its own: whoever finds it, the driver or the visit's own watch.
CAUSES = {
    **{(Fault.STUCK_SENSOR, driver): "QST-432" for driver in TALKING},
    **{(Fault.JUMPING_SENSOR, driver): "QST-436" for driver in ("medoc-mms", "qstlab-tcs", "mark10")},
    **{(fault, driver): "QST-433" for fault in (Fault.DRIFTING_SENSOR, Fault.SLOW_RAMP) for driver in THERMODES},
    (Fault.OVERSHOOT, "arroyo-5300"): "QST-433",
    **{(fault, "mark10"): "QST-431" for fault in (Fault.SILENCE, Fault.DISCONNECT, Fault.DEVICE_REBOOT)},
    **{(fault, driver): "QST-437" for fault in (Fault.STUCK_BUTTON,) for driver in (*THERMODES, *GAUGES)},
}

#: What makes a fault a lasting one where a single spoilt reply would only be asked for once more.
_OPTIONS: dict[Fault, dict[str, Any]] = {
    Fault.GARBAGE: {"count": 3},
    Fault.TRUNCATED: {"count": 3},
    Fault.DUPLICATED: {"count": 3},
    Fault.DELAYED: {"count": 3},
    Fault.STALE: {"count": 3},
    Fault.WRONG_ECHO: {"count": 3},
    Fault.LATE_PRESS: {"late_s": 1.0},
    Fault.BATTERY_LOW: {},
}


class Cell(NamedTuple):
    """One fault of one driver's device at one moment; ``variant`` tells two ways of the same fault apart."""

    fault: Fault
    driver: str
    moment: str
    variant: str = ""

    @property
    def id(self) -> str:
        return "-".join(filter(None, (self.fault.value, self.driver, self.moment, self.variant)))

    @property
    def thermal(self) -> bool:
        return self.driver in THERMODES

    def injection(self) -> dict[str, Any]:
        """What the station file says about it."""
        entry: dict[str, Any] = {"name": self.fault.value, **_OPTIONS.get(self.fault, {}), **_VARIANTS[self.variant]}
        if self.moment == "idle":
            return {**entry, "at_s": _IDLE_S}
        after_s = (_THERMAL_AFTER_S if self.thermal else _GAUGE_AFTER_S).get(self.moment, 0.0)
        return {**entry, "when": self.moment, "after_s": after_s}


_VARIANTS: dict[str, dict[str, Any]] = {
    "": {},
    "once": {"count": 1},
    "held now": {"now": True},
    "button, too": {"button": True},
}


def cells() -> Iterator[Cell]:
    """Every cell, in the order of the table."""
    for fault, drivers in WHERE.items():
        for driver, moments in drivers.items():
            for moment in moments:
                yield Cell(fault, driver, moment)
                if "count" in _OPTIONS.get(fault, {}):
                    yield Cell(fault, driver, moment, "once")
                if fault is Fault.STUCK_BUTTON:
                    yield Cell(fault, driver, moment, "held now")
                if fault is Fault.IGNORED_STOP and driver != "arroyo-5300":  # sees no button
                    yield Cell(fault, driver, moment, "button, too")


class Found(NamedTuple):
    """What came of a cell.

    ``codes`` are the codes of the log's fault records, in order; ``after_s`` the time from the fault to the first of
    them, or to the end of the first attempt that is not valid, whichever comes first; None when nothing was noticed.
    ``attempts`` are outcomes, with ``(invalid)`` where they are; ``felt`` is what became of the stimulus that was under
    way: how far a plate went on, when a hand let go.
    """

    codes: tuple[str, ...]
    whats: tuple[str, ...]
    remedies: tuple[str, ...]
    after_s: float | None
    attempts: tuple[str, ...]
    visit: str
    felt: str
    problems: tuple[str, ...]


def outcome_of(cell: Cell) -> Found:
    """Run a cell and judge it."""
    stop_after_s = 10.0 if cell.fault is Fault.IGNORED_STOP and not cell.variant else None
    with tempfile.TemporaryDirectory() as folder:
        visit = run(Path(folder) / "log.jsonl", cell.driver, [cell.injection()], stop_after_s=stop_after_s)
    return found(cell, visit)


@functools.cache
def results() -> dict[Cell, Found]:
    """What came of every cell; run once."""
    return {cell: outcome_of(cell) for cell in cells()}


def found(cell: Cell, visit: Visit) -> Found:
    """Judge what came of a cell."""
    faults = visit.faults
    return Found(
        codes=tuple(fault.code for _, fault in faults),
        whats=tuple(fault.what for _, fault in faults),
        remedies=tuple(fault.remedy for _, fault in faults),
        after_s=_noticed_after_s(visit),
        attempts=tuple(f"{t.outcome.value}{'' if t.valid else ' (invalid)'}" for t in visit.trials),
        visit=visit.result.outcome.value,
        felt=_felt(cell, visit) if cell.moment == "ramp" else "",
        problems=tuple(_problems(cell, visit)),
    )


def _felt(cell: Cell, visit: Visit) -> str:
    """What became of the stimulus that was under way when the fault struck."""
    struck_s = visit.injected_s
    if struck_s is None:
        return ""
    ended_s = next(_over_s(visit, trial) for trial in visit.trials)
    if not cell.thermal:
        return f"hand told to let go {_how(visit, struck_s, ended_s)}"
    next_s = next((trial.t_start_s for trial in visit.trials[1:]), visit.ended_s + SETTLED_S)
    here_c = visit.struck_c or 0.0
    turns = [(true_c, time_s) for time_s, true_c in visit.turns if struck_s <= time_s < next_s]
    hottest_c, turned_s = max(turns, default=(here_c, struck_s))
    if _rest_c(visit) > HARMLESS_C[cell.driver][1]:
        return f"{hottest_c - here_c:.1f} °C further, and stays there"
    return f"{hottest_c - here_c:.1f} °C further, then back {_how(visit, struck_s, turned_s)}"


def _how(visit: Visit, struck_s: float, ended_s: float) -> str:
    pressed = any(ended_s - _OBEYED_S <= time_s <= ended_s + 1e-6 for time_s, _ in visit.presses)
    return "at the press" if pressed else f"after {ended_s - struck_s:.1f} s"


def _noticed_after_s(visit: Visit) -> float | None:
    if visit.injected_s is None:
        return None
    times = [*visit.noticed, *(time_s for time_s, _ in visit.faults)]
    times += [entry.t_s for entry in visit.log.entries if isinstance(entry.record, Trial) and not entry.record.valid]
    later = [time_s - visit.injected_s for time_s in times if time_s >= visit.injected_s]
    return min(later, default=None)


def _problems(cell: Cell, visit: Visit) -> Iterator[str]:
    """What must never be."""
    if visit.injected_s is None and cell.moment in ("connect", "idle"):
        yield "the fault never struck"
    if visit.result.outcome.value != "completed" and not visit.result.reason:
        yield "a visit that failed without a reason"
    for trial in visit.trials:
        if not trial.valid and not trial.invalid_reason:
            yield "an attempt that is not valid without a reason"
        if trial.valid:
            yield from _wrong_number(cell, visit, trial)
    if cell.thermal:
        if visit.beyond:
            yield f"the plate went to {max(visit.beyond):.2f} °C"
        rest_c = _rest_c(visit)
        low_c, high_c = HARMLESS_C[cell.driver]
        if not low_c <= rest_c <= high_c:
            yield f"the plate is left at {rest_c:.2f} °C"


def _rest_c(visit: Visit) -> float:
    """True temperature of the plate when everything has settled."""
    true_c: float = visit.bench.device("thermode").surface.temperature_c(visit.bench.world.now_s)
    return true_c


def _wrong_number(cell: Cell, visit: Visit, trial: Trial) -> Iterator[str]:
    begin_s = trial.t_start_s
    end_s = next(e.t_s for e in visit.log.entries if e.record == trial)
    presses = [true for time_s, true in visit.presses if begin_s <= time_s <= _over_s(visit, trial) + 0.05]
    if trial.outcome is Outcome.CUTOFF:
        yield from _wrong_cutoff(cell, visit, trial, begin_s, end_s)
        return
    if not presses:
        yield f"a {trial.outcome.value} although nobody pressed"
        return
    if trial.outcome is not Outcome.RESPONSE:
        return
    value, true = trial.value_at_response, presses[-1]
    if cell.driver == "jtech-commander":  # the console keeps the greatest
        value, true = trial.value_peak, 10.0 * visit.bench.hand.max_force_n(begin_s, end_s)
        if cell.fault in (*SENSOR, Fault.OVERLOAD):
            return  # nobody but the operator, who watches the display, can see it: docs/faults.md says so
    tolerance = TOLERANCE[cell.driver] + (SHARE * abs(true - _START_C) if cell.thermal else 0.0)
    if value is None or abs(value - true) > tolerance:
        yield f"reported {value}, the truth at the press was {true:.2f}"


def _over_s(visit: Visit, trial: Trial) -> float:
    """When the attempt left its ramp: an end that is held back is seen a little later than the press."""
    for entry in visit.log.entries:
        state = entry.record
        if not isinstance(state, State) or state.state not in ("return", "done"):
            continue
        if (state.sequence_index, state.attempt) == (trial.sequence_index, trial.attempt):
            return entry.t_s
    raise AssertionError("an attempt without an end")


def _wrong_cutoff(cell: Cell, visit: Visit, trial: Trial, begin_s: float, end_s: float) -> Iterator[str]:
    """A cut-off that was not reached is a wrong number, too."""
    if not cell.thermal:
        true = 10.0 * visit.bench.hand.max_force_n(begin_s, end_s)
        if true < trial.cutoff - TOLERANCE[cell.driver]:
            yield f"a cut-off at {true:.2f} kPa"
    elif visit.warmest(begin_s, end_s) < trial.cutoff - TOLERANCE[cell.driver]:
        yield f"a cut-off at {visit.warmest(begin_s, end_s):.2f} °C"
