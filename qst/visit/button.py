"""The participant's button, when a key of this computer is it."""

from collections import deque
from collections.abc import Sequence

from qst.clock import Clock
from qst.instruments import ButtonEdge


class KeyButton:
    """A key as the participant's button.

    The thread that reads the keys tells it, so a press has the time at which the key came; the visit's thread asks. A
    terminal does not see a key go up: there each press is an edge down and up. A browser does.

    Args:
        clock: the visit's clock.
        key: which key, as a browser names it; the space bar, or what a pedal sends.
    """

    def __init__(self, clock: Clock, key: str = " ") -> None:
        self.key = key
        self._clock = clock
        self._edges: deque[ButtonEdge] = deque()

        self._down = False

    def hit(self) -> None:
        """The key was pressed now; when it is let go will not be seen."""
        self.move(pressed=True)
        self.move(pressed=False)

    def move(self, *, pressed: bool) -> None:
        """The key went down or up now. What it did already, a second time, is nothing."""
        if pressed != self._down:
            self._down = pressed
            self._edges.append(ButtonEdge(self._clock.monotonic(), pressed=pressed))

    def edges(self) -> Sequence[ButtonEdge]:
        """Edges since the last call."""
        return [self._edges.popleft() for _ in range(len(self._edges))]

    def pressed(self) -> bool:
        """Whether the key is down, as far as can be seen."""
        return self._down
