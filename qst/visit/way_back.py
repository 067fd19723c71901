"""A plate on its way back to its start, and what is wrong when it is not."""

from typing import Final

from qst.errors import InstrumentFaultError
from qst.instruments import ThermalRamp
from qst.protocol.plan import Settle
from qst.visit.watch import RampWatch

#: How long after the end of a ramp the return may take beyond its computed time, s (our choice).
RETURN_MARGIN_S: Final = 10.0
#: How near its start a plate counts as returned when the protocol does not say, °C (our choice).
RETURNED_WITHIN_C: Final = 0.5
#: A plate that goes on so far after the end of its ramp, and as far as its rate takes it in a moment, °C and s, was
#: not stopped (our choice).
GOES_ON_C, GOES_ON_S = 0.5, 0.3
#: What the operator is to do after a fault that the trial found by itself.
LOOK: Final = "Look at the instrument and the button, then repeat."


class WayBack:
    """From the end of a ramp to its start. Temperatures °C, times s on the host's clock.

    Args:
        ramp: what was commanded.
        settle: how near its start a plate counts as there.
        watch: the watch on the ramp, if its readings are watched.
    """

    def __init__(self, ramp: ThermalRamp, settle: Settle | None, watch: RampWatch | None) -> None:
        self._ramp, self._watch = ramp, watch
        self._sign = 1.0 if ramp.rising else -1.0
        self._within_c = RETURNED_WITHIN_C if settle is None else settle.within_c
        self._longest_s = abs(ramp.cutoff_c - ramp.start_c) / ramp.return_rate_c_per_s + RETURN_MARGIN_S
        self._begun_s = 0.0
        self._from_c: float | None = None

    def begin(self, now_s: float, from_c: float | None) -> None:
        """The ramp ended at ``from_c``; None when none had begun: then any reading is back."""
        self._begun_s, self._from_c = now_s, from_c

    def see(self, value_c: float) -> InstrumentFaultError | None:
        """What a reading shows to be wrong."""
        beyond = None if self._watch is None else self._watch.beyond(value_c)
        if beyond is None and self._goes_on(value_c):
            what = f"the plate goes on after the end of its ramp: it is at {value_c:.1f} °C"
            return InstrumentFaultError(what, remedy=LOOK)
        return beyond

    def _goes_on(self, value_c: float) -> bool:
        from_c = self._from_c
        return from_c is not None and (value_c - from_c) * self._sign > GOES_ON_C + GOES_ON_S * self._ramp.rate_c_per_s

    def over(self, value_c: float) -> bool:
        """Whether the plate is back."""
        return self._from_c is None or (value_c - self._ramp.start_c) * self._sign <= self._within_c

    def late(self, now_s: float) -> InstrumentFaultError | None:
        """Whether it takes too long."""
        if now_s - self._begun_s <= self._longest_s:
            return None
        what = f"the plate did not return to its start within {self._longest_s:.0f} s"
        return InstrumentFaultError(what, remedy=LOOK)
