"""How long a thread waits for its turn: the part of a stop's way that belongs to the interpreter."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from qst.clock import Clock

#: A thread that draws or computes gives way to the one that stops after this long, s. Python's own 5 ms is the whole
#: budget of a stop.
SWITCH_S: Final = 0.0005


@contextmanager
def prompt_threads(clock: Clock) -> Iterator[None]:
    """Within this block, on a real clock, no other thread of this process holds up the stop path for long.

    Threads give way sooner, and the collector of cyclic garbage, during which everything stands still, leaves alone
    whatever the program had loaded before.
    """
    if clock.kind != "real":
        yield
        return
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before_s)
