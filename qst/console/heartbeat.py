"""Whether the console's server still runs: a server that hangs keeps its pipe open, so the pipe alone cannot tell.

The server's event loop sends a sign of life every :data:`SIGN_S`; every other message is one as well. Where none comes
while something is on the skin, no stop and no press of a page reaches the engine any more, and the ramp must not go on.
"""

import threading
from collections.abc import Callable
from typing import Final

#: How often the server gives a sign of life, s.
SIGN_S: Final = 0.5
#: How often the engine looks whether one has come, s.
LOOK_S: Final = 0.25
#: So long without any, and the console counts as lost, s: four signs. A server that builds pages on a busy computer is
#: late by tenths of a second; a ramp of the reference study moves by 0.6 °C meanwhile, and its cut-off stays in force.
SILENT_S: Final = 2.0


class Heartbeat:
    """Counts the looks since the last sign of life.

    Looks of its own are counted and no clock is read: where the whole computer stood still, this thread did, too, and
    what the server has sent meanwhile is read before the silence is long.

    Args:
        on_skin: whether something may be on the skin; otherwise silence is forgiven, since nothing begins unanswered.
        lost: called once, in this thread, when the console counts as lost.
    """

    def __init__(self, on_skin: Callable[[], bool], lost: Callable[[], None]) -> None:
        self._on_skin = on_skin
        self._lost = lost
        self._signs = 0  # counted by the thread that reads, and only there
        self._seen = 0
        self._silent_looks = 0
        self._over = threading.Event()

    def heard(self) -> None:
        """Something came from the server. From the thread that reads."""
        self._signs += 1

    def look(self) -> bool:
        """Whether the silence has become too long by this look."""
        signs = self._signs
        self._silent_looks = self._silent_looks + 1 if signs == self._seen else 0
        self._seen = signs
        return self._silent_looks * LOOK_S >= SILENT_S and self._on_skin()

    def watch(self) -> None:
        """Look until the end. Runs in a thread of its own."""
        while not self._over.wait(LOOK_S):
            if self.look():
                self._lost()
                return

    def end(self) -> None:
        """The visit is over."""
        self._over.set()
