"""Ctrl-C, a closed terminal and the system's wish to end the process become an abort: instruments safe, then the end.

POSIX tells by signals. Windows tells by console events, each in a thread of its own, so that none of them waits for
what the main thread does.
"""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from qst.abort import AbortCause, AbortSwitch

_CAUSES = {
    "SIGINT": AbortCause.INTERRUPT,
    "SIGQUIT": AbortCause.INTERRUPT,
    "SIGBREAK": AbortCause.INTERRUPT,
    "SIGTERM": AbortCause.TERMINATED,
    "SIGHUP": AbortCause.TERMINAL_CLOSED,
}
#: Windows: CTRL_C, CTRL_BREAK, CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN.
_EVENT_CAUSES = {
    0: AbortCause.INTERRUPT,
    1: AbortCause.INTERRUPT,
    2: AbortCause.TERMINAL_CLOSED,
    5: AbortCause.TERMINATED,
    6: AbortCause.TERMINATED,
}
#: After these Windows ends the process as soon as they are handled, or when it has waited for some seconds.
_LAST_EVENTS = (2, 5, 6)


@contextmanager
def abort_on_signals(abort: AbortSwitch) -> Iterator[None]:
    """Throw the switch on whatever of these this system knows; earlier handlers are restored afterwards."""
    before = {}
    for name, cause in _CAUSES.items():
        number = getattr(signal, name, None)
        if number is not None:
            before[number] = signal.signal(number, _thrower(abort, cause))
    suspend = getattr(signal, "SIGTSTP", None)
    if suspend is not None:
        # A suspended program hears no stop key while the plate goes on.
        before[suspend] = signal.signal(suspend, signal.SIG_IGN)
    try:
        with _console_events(abort):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _thrower(abort: AbortSwitch, cause: AbortCause) -> Callable[[int, FrameType | None], None]:
    def throw(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        abort.throw(cause)

    return throw


def console_event(event: int, abort: AbortSwitch, visit_over: threading.Event) -> bool:
    """An event of a Windows console, in the thread that Windows made for it. Returns whether it was ours.

    To return from the last ones is to let Windows end the process: not before the instruments are safe.
    """
    cause = _EVENT_CAUSES.get(event)
    if cause is None:
        return False
    abort.throw(cause)
    if event in _LAST_EVENTS:
        visit_over.wait()
    return True


if sys.platform == "win32":
    import ctypes

    @contextmanager
    def _console_events(abort: AbortSwitch) -> Iterator[None]:
        visit_over = threading.Event()

        # Kept until the end: Windows calls what ctypes would otherwise have thrown away.
        handler = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(lambda event: console_event(event, abort, visit_over))
        ctypes.windll.kernel32.SetConsoleCtrlHandler(handler, 1)
        try:
            yield
        finally:
            visit_over.set()
            ctypes.windll.kernel32.SetConsoleCtrlHandler(handler, 0)

else:

    @contextmanager
    def _console_events(abort: AbortSwitch) -> Iterator[None]:  # noqa: ARG001 - only Windows has such events
        yield
