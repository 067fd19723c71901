"""The simulated world's time: a small discrete-event scheduler.

Physics between events is closed form, so nothing depends on how often anybody looks: a device that is polled once a
second and one that is polled a hundred times a second live through the same ramp. Time moves only through
:meth:`World.advance`, called by whatever part is touched by the host.
"""

import heapq
import random
from collections.abc import Callable


class Event:
    """Something that will happen; ``cancel`` it if it will not."""

    __slots__ = ("action", "cancelled", "time_s")

    def __init__(self, time_s: float, action: Callable[[], None]) -> None:
        self.time_s = time_s
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        """It does not happen."""
        self.cancelled = True


class World:
    """Time and chance of one simulation.

    Args:
        seed: everything random in the world follows from it.
    """

    def __init__(self, seed: int | str) -> None:
        self.seed = seed
        self.now_s = 0.0
        self._queue: list[tuple[float, int, Event]] = []
        self._count = 0

    def at(self, time_s: float, action: Callable[[], None]) -> Event:
        """Let ``action`` happen at ``time_s`` (s), or at once when that is already past."""
        time_s = max(time_s, self.now_s)
        event = Event(time_s, action)
        self._count += 1
        heapq.heappush(self._queue, (time_s, self._count, event))
        return event

    def advance(self, to_s: float) -> None:
        """Let time pass until ``to_s``, with every event on the way at its exact time. A past ``to_s`` does nothing."""
        queue = self._queue
        while queue and queue[0][0] <= to_s:
            time_s, _, event = heapq.heappop(queue)
            if event.cancelled:
                continue
            self.now_s = max(self.now_s, time_s)
            event.action()
        self.now_s = max(self.now_s, to_s)

    def next_event_s(self) -> float | None:
        """Time of the next event, or None."""
        queue = self._queue
        while queue and queue[0][2].cancelled:
            heapq.heappop(queue)
        return queue[0][0] if queue else None

    def random(self, *name: object) -> random.Random:
        """An independent stream of chance for ``name``: the same seed and name give the same stream, in any order."""
        return random.Random("/".join(map(str, (self.seed, *name))))
