"""A virtual clock on which things happen at exact times, also in the middle of somebody's sleep."""

import heapq
from collections.abc import Callable

from qst.abort import AbortSwitch
from qst.clock import VirtualClock


class ScheduledClock(VirtualClock):
    """A virtual clock with its abort switch and a timetable.

    What is due during a sleep happens at its own time, and the sleep goes on afterwards; when it throws the abort
    switch, the sleep ends there with Aborted, as a sleep on the computer's clock would.

    Args:
        abort: the switch that ends sleeps; a new one when there is none.
    """

    def __init__(self, abort: AbortSwitch | None = None) -> None:
        self.abort = AbortSwitch() if abort is None else abort
        super().__init__(self.abort)
        self._timetable: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, time_s: float, action: Callable[[], None]) -> None:
        """Let ``action`` happen at ``time_s`` (s on this clock), or with the next sleep when that is already past."""
        self._count += 1
        heapq.heappush(self._timetable, (time_s, self._count, action))

    def every(self, period_s: float, action: Callable[[], None]) -> None:
        """Let ``action`` happen each ``period_s`` from now on."""

        def again() -> None:
            action()
            self.at(self.monotonic() + period_s, again)

        self.at(self.monotonic() + period_s, again)

    def sleep(self, seconds: float) -> None:
        """Advance by ``seconds``, with everything that is due on the way. Raises Aborted."""
        end_s = self.monotonic() + max(seconds, 0.0)
        while self._timetable and self._timetable[0][0] <= end_s:
            time_s, _, action = heapq.heappop(self._timetable)
            super().sleep(time_s - self.monotonic())
            action()
        super().sleep(end_s - self.monotonic())
