"""Ctrl-C and the system's wish to end the process become an abort: instruments safe first, then the end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from qst.abort import AbortCause, AbortSwitch

_CAUSES = {"SIGINT": AbortCause.INTERRUPT, "SIGTERM": AbortCause.TERMINATED, "SIGHUP": AbortCause.CONSOLE_LOST}


@contextmanager
def abort_on_signals(abort: AbortSwitch) -> Iterator[None]:
    """Throw the switch on any of the signals that this system knows; earlier handlers are restored afterwards."""
    before = {}
    for name, cause in _CAUSES.items():
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None:
            before[number] = signal.signal(number, _thrower(abort, cause))
    suspend = getattr(signal, "SIGTSTP", None)
    if suspend is not None:
        # A suspended program hears no stop key while the plate goes on.
        before[suspend] = signal.signal(suspend, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _thrower(abort: AbortSwitch, cause: AbortCause) -> Callable[[int, FrameType | None], None]:
    def throw(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        abort.throw(cause)

    return throw
