"""Whether the plate goes where its set-point goes.

A loop whose sensor tells the same whatever the plate does ends at full power, and the only sign of it on the wire is
that the reading does not follow. So every way (to the start, along the ramp, back) is watched from its beginning.
"""

from typing import Final

from qst.errors import InstrumentFaultError

#: How far a plate may be off its set-point's path: so many seconds of its rate, and noise and skin besides. The lag of
#: a laboratory-built plate at 1 °C/s is estimated at 0.5 to 1.5 °C; a skin that touches it moves it by 0.2 to 1 °C.
LAG_S: Final = 1.5
SLACK_C: Final = 0.3
#: For so long, so that one wrong reading is no fault.
PATIENCE_S: Final = 0.3


class PathWatch:
    """One straight way of the set-point. Temperatures °C, rates °C/s, times s on the host's clock.

    Args:
        from_c: where the plate was when it was told.
        to_c: where it was told to go.
        rate: how fast.
        began_s: when.
    """

    __slots__ = ("_began_s", "_from_c", "_off_since_s", "_rate", "_to_c", "_tolerance_c", "arrives_s")

    def __init__(self, from_c: float, to_c: float, rate: float, began_s: float) -> None:
        self._from_c, self._to_c = from_c, to_c
        self._rate = rate if to_c > from_c else -rate
        self._began_s = began_s
        self._off_since_s: float | None = None  # the first of the readings that were off, without one between
        self._tolerance_c = rate * LAG_S + SLACK_C
        self.arrives_s = began_s + abs(to_c - from_c) / rate  #: when the set-point is there

    def see(self, time_s: float, value_c: float) -> bool:
        """Whether the plate is on its way, by this reading.

        Raises:
            InstrumentFaultError: the plate has been off its way for too long.
        """
        expected_c = self._to_c if time_s >= self.arrives_s else self._from_c + self._rate * (time_s - self._began_s)
        if abs(value_c - expected_c) <= self._tolerance_c:
            self._off_since_s = None
            return True
        if self._off_since_s is None:
            self._off_since_s = time_s
        elif time_s - self._off_since_s > PATIENCE_S:
            raise InstrumentFaultError(
                f"the plate reads {value_c:.2f} °C where it should be at {expected_c:.2f} °C",
                did="the output was switched off: a loop that does not follow may be heating or cooling at full power",
                remedy="lift the thermode off the skin now, then check its sensor, its module and its water or fan",
            )
        return False
