"""How long Medoc's device lets a temperature last, and the watch that keeps it.

Source: the table in the header and the shipped binaries of Medoc's own Python API; users of MMS report the same rows
for 47, 49 and 50 °C (visserle/pain-measurement). Below 47 °C two variants are in circulation. The timer restarts when
the temperature crosses into another row.
"""

import math
from collections.abc import Callable

from qst_simulators.thermal import LaggedSurface
from qst_simulators.world import Event, World

Rows = tuple[tuple[float, float], ...]

_HOT: Rows = (
    (56.0, 0.0),
    (55.0, 0.05),
    (52.0, 0.4),
    (51.0, 1.0),
    (50.0, 5.0),
    (49.0, 10.0),
    (47.0, 60.0),
)
_COLD: Rows = ((6.0, 300.0), (0.0, 300.0), (-10.0, 300.0), (-math.inf, 0.0))

#: (lower bound °C, longest stay s), hottest first. Variant A trips after five minutes at a 32 °C rest temperature.
SAFETY_TABLES: dict[str, Rows] = {
    "A": _HOT + _COLD,
    "B": (*_HOT, (40.0, math.inf), (15.0, math.inf), *_COLD),
}


class SafetyWatch:
    """Calls ``trip`` at the exact moment when the surface has stayed too long in a row of the table.

    Args:
        world: whose events it uses.
        surface: what it watches.
        rows: a table of :data:`SAFETY_TABLES`.
        trip: what to do; called once a violation.
    """

    def __init__(self, world: World, surface: LaggedSurface, rows: Rows, trip: Callable[[], None]) -> None:
        self._world, self._surface, self._rows, self._trip = world, surface, rows, trip
        temperature_c = surface.temperature_c(world.now_s)
        self._row = next(index for index, (lower_c, _) in enumerate(rows) if lower_c <= temperature_c)
        self._since_s = world.now_s
        self._event: Event | None = None
        surface.on_change.append(self._plan)
        self._plan()

    def _plan(self) -> None:
        """Schedule whatever comes first: the crossing into another row, or the end of the longest stay."""
        if self._event is not None:
            self._event.cancel()
            self._event = None
        crossing_s, row = self._next_crossing()
        expiry_s = self._since_s + self._rows[self._row][1]
        if crossing_s <= expiry_s and crossing_s < math.inf:
            self._event = self._world.at(crossing_s, lambda: self._enter(row))
        elif expiry_s < math.inf:
            self._event = self._world.at(expiry_s, self._expire)

    def _next_crossing(self) -> tuple[float, int]:
        """(time, row) of the next crossing.

        Rows are told by events and never looked up again: at a bound, rounding could put the temperature on
        either side.
        """
        now_s, surface, row = self._world.now_s, self._surface, self._row
        temperature_c = surface.temperature_c(now_s)
        if surface.target_c > temperature_c and row > 0:
            crossing_s = surface.when(self._rows[row - 1][0], rising=True, after_s=now_s)
            return (math.inf if crossing_s is None else crossing_s), row - 1
        if surface.target_c < temperature_c and row < len(self._rows) - 1:
            crossing_s = surface.when(self._rows[row][0], rising=False, after_s=now_s)
            return (math.inf if crossing_s is None else crossing_s), row + 1
        return math.inf, row

    def _enter(self, row: int) -> None:
        self._event = None
        self._row, self._since_s = row, self._world.now_s
        self._plan()

    def _expire(self) -> None:
        self._event = None
        self._since_s = math.inf  # tripped: said once, until the temperature enters another row
        self._trip()
