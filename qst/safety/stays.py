"""The longest stay at a temperature: of a ramp that nobody ends, and of what was measured."""

import math
from typing import Final

from qst.safety.dose import Ramp

#: (from this temperature up, longest stay in s), hottest first: the host-side table of Medoc's programming library. Of
#: the two shipped variants of its rows below 47 °C it is the one with which a thermode can rest at 32 °C (the other
#: allows 300 s anywhere below 47 °C). Colder than the last row: no stay at all. The timer restarts when the
#: temperature crosses into another row.
LONGEST_STAYS: Final = (
    (56.0, 0.0),
    (55.0, 0.05),
    (52.0, 0.4),
    (51.0, 1.0),
    (50.0, 5.0),
    (49.0, 10.0),
    (47.0, 60.0),
    (40.0, math.inf),
    (15.0, math.inf),
    (6.0, 300.0),
    (0.0, 300.0),
    (-10.0, 300.0),
)


def longest_stay_s(temperature_c: float) -> float:
    """Longest stay in the row of :data:`LONGEST_STAYS` that holds ``temperature_c``; infinite where there is none."""
    return next((stay_s for from_c, stay_s in LONGEST_STAYS if temperature_c >= from_c), 0.0)


def stay_problem(ramp: Ramp) -> str:
    """Why a trial without a response stays too long in a row of :data:`LONGEST_STAYS`; empty when it does not."""
    low, high = sorted((ramp.start_c, ramp.cutoff_c))
    if low < LONGEST_STAYS[-1][0]:
        return f"{low:g} °C is colder than any stay that is allowed"
    upper = math.inf
    for from_c, stay_s in LONGEST_STAYS:
        width = min(high, upper) - max(low, from_c)
        stay = max(0.0, width) * (1 / ramp.rate_c_per_s + 1 / ramp.return_rate_c_per_s)
        if stay > stay_s:
            return f"{stay:.1f} s from {from_c:g} °C up; the longest stay there is {stay_s:g} s"
        upper = from_c
    return ""


class StayWatch:
    """Live check of :data:`LONGEST_STAYS`: feed it every sample; it says when a stay has become too long."""

    __slots__ = ("_from_c", "_longest_s", "_since_s", "_to_c")

    def __init__(self) -> None:
        # An empty row: the first sample enters a real one.
        self._from_c = self._to_c = math.inf
        self._since_s = self._longest_s = 0.0

    def add(self, time_s: float, temperature_c: float) -> str:
        """One sample. Returns why the stimulus must end, or an empty text."""
        if not self._from_c <= temperature_c < self._to_c:
            self._enter_row(time_s, temperature_c)
        stay_s = time_s - self._since_s
        if stay_s > self._longest_s or self._longest_s == 0.0:
            return f"{temperature_c:.2f} °C for {stay_s:.1f} s; the longest stay there is {self._longest_s:g} s"
        return ""

    def _enter_row(self, time_s: float, temperature_c: float) -> None:
        """The timer restarts with the row that this temperature belongs to."""
        self._since_s, self._to_c = time_s, math.inf
        for from_c, longest_s in LONGEST_STAYS:
            if temperature_c >= from_c:
                self._from_c, self._longest_s = from_c, longest_s
                return
            self._to_c = from_c
        self._from_c, self._longest_s = -math.inf, 0.0
