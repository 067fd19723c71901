"""A plate on its way to its start, and while it waits there; what is wrong when it goes elsewhere."""

from typing import Final

from qst.errors import InstrumentFaultError, OffStartError
from qst.visit.watch import OFF_C, RampWatch

#: Where a plate rests, °C, neither warm nor cold to the skin: one that was stopped a moment ago is on its way there.
REST_C: Final = 32.0


class Approach:
    """Fed every reading before the ramp. Temperatures °C.

    What a device understood by its start shows only here: one that holds another program goes to that one's baseline,
    and would settle there for as long as it is let. So the plate may be anywhere between where it was first seen, where
    it rests and its start, and not further than that.

    Args:
        watch: the watch on the ramp; knows its start, and how far the plate may be beyond its cut-off.
    """

    def __init__(self, watch: RampWatch) -> None:
        self._watch = watch
        self._start_c = watch.start_c
        self._off_c = OFF_C + watch.overshoot_c
        self._first_c: float | None = None
        self._low_c = self._high_c = self._start_c

    def see(self, value_c: float) -> InstrumentFaultError | None:
        """What a reading shows to be wrong."""
        if self._first_c is None:
            self._first_c = value_c
            way_c = (value_c, REST_C, self._start_c)
            self._low_c, self._high_c = min(way_c) - self._off_c, max(way_c) + self._off_c
        beyond = self._watch.beyond(value_c)
        if beyond is not None or self._low_c <= value_c <= self._high_c:
            return beyond
        return OffStartError(
            f"the plate is at {value_c:.1f} °C on its way from {self._first_c:.1f} °C to its start at "
            f"{self._start_c:.1f} °C",
            remedy="Lift the thermode. Compare what the device is set up for with the station file.",
        )
