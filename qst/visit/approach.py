"""A plate on its way to its start, and while it waits there; what is wrong when it goes elsewhere."""

from qst.errors import InstrumentFaultError, OffStartError
from qst.visit.watch import OFF_C, RampWatch


class Approach:
    """Fed every reading before the ramp. Temperatures °C.

    What a device understood by its start shows only here: one that holds another program goes to that one's baseline,
    and would settle there for as long as it is let. So the plate may be anywhere between where it was first seen and
    its start, and not further than that.

    Args:
        watch: the watch on the ramp; knows its start, and how far the plate may be beyond its cut-off.
    """

    def __init__(self, watch: RampWatch) -> None:
        self._watch = watch
        self._start_c = self._low_c = self._high_c = watch.start_c
        self._off_c = OFF_C + watch.overshoot_c
        self._seen = False

    def see(self, value_c: float) -> InstrumentFaultError | None:
        """What a reading shows to be wrong."""
        if not self._seen:
            self._seen = True
            self._low_c, self._high_c = min(value_c, self._start_c), max(value_c, self._start_c)
        beyond = self._watch.beyond(value_c)
        if beyond is not None or self._low_c - self._off_c <= value_c <= self._high_c + self._off_c:
            return beyond
        return OffStartError(
            f"the plate is at {value_c:.1f} °C on its way from {self._other_c:.1f} °C to its start at "
            f"{self._start_c:.1f} °C",
            remedy="Lift the thermode. Compare what the device is set up for with the station file.",
        )

    @property
    def _other_c(self) -> float:
        """Where it was first seen."""
        return self._low_c if self._high_c == self._start_c else self._high_c
