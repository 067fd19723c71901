"""The participant's button, when a key of this computer is it."""

from collections import deque
from collections.abc import Sequence

from qst.clock import Clock
from qst.instruments import ButtonEdge


class KeyButton:
    """A key as the participant's button. A key has no release here, so each press is an edge down and up.

    The thread that reads the keys hits it, so a press has the time at which the key came; the visit's thread asks.

    Args:
        clock: the visit's clock.
        key: which key, as a browser names it; the space bar, or what a pedal sends.
    """

    def __init__(self, clock: Clock, key: str = " ") -> None:
        self.key = key
        self._clock = clock
        self._edges: deque[ButtonEdge] = deque()

    def hit(self) -> None:
        """The key was pressed now."""
        now_s = self._clock.monotonic()
        self._edges.extend((ButtonEdge(now_s, pressed=True), ButtonEdge(now_s, pressed=False)))

    def edges(self) -> Sequence[ButtonEdge]:
        """Edges since the last call."""
        return [self._edges.popleft() for _ in range(len(self._edges))]

    def pressed(self) -> bool:
        """A key cannot be seen to be held."""
        return False
