"""The value that stands on a gauge after the press: read by software, or typed in by the operator."""

import math
from collections.abc import Sequence

import msgspec

from qst.clock import Clock
from qst.errors import NoNumberError, QstError
from qst.instruments import Algometer, OperatorRead
from qst.record.records import Outcome
from qst.visit.bench import Bench
from qst.visit.commands import INSTRUMENT_FAILURES
from qst.visit.desk import Desk
from qst.visit.entry import Entry, enter_value
from qst.visit.operator import Hands
from qst.visit.periods import GAUGE_PERIOD_S
from qst.visit.rates import achieved_rate
from qst.visit.trial import LimitsTrial

_CHECK = "Repeat the trial; if it happens again, have gauge and cable checked."
#: How long a simulated hand may take to let go before its gauge is read, s.
LET_GO_S = 1.5


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """What stood on the gauge. ``note``: how it differs from the readings; ``fault``: why it could not be read."""

    entry: Entry = Entry(value_kpa=None, raw_text="")
    note: str = ""
    fault: QstError | None = None


def read_peak(trial: LimitsTrial, bench: Bench, desk: Desk, clock: Clock, earlier_kpa: Sequence[float]) -> Peak:
    """The gauge's own peak of a press that is over.

    Args:
        trial: done, of the modality pressure.
        bench: has the gauge, and in simulation the hand that lets go of it.
        desk: asks the operator where only eyes can read the gauge.
        clock: the visit's clock.
        earlier_kpa: earlier values at this site, against which a typed value is checked.

    Raises:
        Aborted: a stop came instead of a value.
    """
    gauge = bench.algometer
    if gauge is None:
        return Peak()
    if isinstance(gauge, OperatorRead):
        return Peak(entry=_typed(trial, gauge, bench.hands, desk, clock, earlier_kpa))
    return _read(trial, gauge)


def _typed(
    trial: LimitsTrial,
    gauge: OperatorRead,
    hands: Hands | None,
    desk: Desk,
    clock: Clock,
    earlier_kpa: Sequence[float],
) -> Entry:
    result = trial.result()
    if result.ramp_duration_s is None or result.outcome is Outcome.TIMEOUT:
        return Entry(value_kpa=None, raw_text="")
    shown = ""
    if hands is not None:  # what a simulated console shows once the hand has let go; a real one only eyes can see
        desk.rest(clock.monotonic() + LET_GO_S)
        shown = hands.read_display()
    return enter_value(
        desk, gauge, trial.planned, elapsed_s=result.ramp_duration_s, earlier_kpa=earlier_kpa, shown=shown
    )


def _read(trial: LimitsTrial, gauge: Algometer) -> Peak:
    try:
        gauge.stop()
        peak_kpa = gauge.peak_kpa()
        if peak_kpa is not None and not math.isfinite(peak_kpa):
            raise NoNumberError(f"the gauge's own peak is not a number: {peak_kpa}", remedy=_CHECK)
    except INSTRUMENT_FAILURES as error:
        # The readings stand; the gauge's own peak is missing and the fault says why.
        error.did = error.did or "kept the readings; the gauge's own peak is missing"
        return Peak(fault=error)
    note = _compare(trial, peak_kpa, gauge.capabilities.resolution)
    return Peak(entry=Entry(value_kpa=peak_kpa, raw_text=""), note=note)


def _compare(trial: LimitsTrial, peak_kpa: float | None, resolution_kpa: float) -> str:
    """The gauge's peak against the greatest reading: they may differ by two digits, or by one reading's rise."""
    seen = trial.result().value_peak
    rate, _ = achieved_rate(trial.ramp_samples)
    if peak_kpa is None or seen is None or rate is None:
        return ""
    if abs(peak_kpa - seen) <= max(2 * resolution_kpa, rate * GAUGE_PERIOD_S) + 1e-9:
        return ""
    return f"the gauge's own peak is {peak_kpa:.2f} kPa, the greatest reading {seen:.2f} kPa"
