"""Waits that an abort ends at once.

Two ways, because not every wait can be woken. A wait on a socket watches a second socket, too, which the abort switch
writes to (:class:`Waker`). A call that cannot be interrupted at all (a name server, a port that is slow to open) runs
in a thread that is left behind when the switch is thrown (:func:`unhurried`).

Besides, no wait is longer than :data:`SLICE_S`: whatever wakes too late, or never, costs no more than that.
"""

import contextlib
import socket
import threading
import weakref
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import LinkOpenError

#: Longest single wait, in real seconds.
SLICE_S: Final = 0.004
#: Pause between two looks at something that cannot wake anybody.
LOOK_S: Final = 0.001

T = TypeVar("T")


class Waker:
    """A pair of sockets: what is written into one wakes whoever waits for the other."""

    def __init__(self) -> None:
        self._mouth, self.ear = socket.socketpair()
        self._mouth.setblocking(False)
        self.ear.setblocking(False)
        self._closer = weakref.finalize(self, _close_both, self._mouth, self.ear)

    def wake(self) -> None:
        """Wake the waiter; from any thread or signal handler. Never blocks, never raises."""
        with contextlib.suppress(OSError):  # full: it is awake already; closed: nobody waits any more
            self._mouth.send(b"!")

    def hush(self) -> None:
        """Forget earlier wake-ups."""
        with contextlib.suppress(BlockingIOError):
            while self.ear.recv(64):
                pass


def _close_both(mouth: socket.socket, ear: socket.socket) -> None:
    mouth.close()
    ear.close()


class _Outcome(Generic[T]):
    """What became of a call in another thread."""

    def __init__(self, call: Callable[[], T], discard: Callable[[T], None]) -> None:
        self._call = call
        self._discard = discard
        self._lock = threading.Lock()
        self._abandoned = False
        self.done = threading.Event()
        self.values: list[T] = []
        self.error: Exception | None = None

    def run(self) -> None:
        """In the thread."""
        try:
            value = self._call()
        except Exception as error:  # noqa: BLE001 - raised again, whatever it is, in the thread that waits
            self.error = error
        else:
            with self._lock:
                self.values.append(value)
                if self._abandoned:
                    self._discard(value)
        self.done.set()

    def abandon(self) -> None:
        """Nobody waits any more: what was, or will be, obtained is given back."""
        with self._lock:
            self._abandoned = True
            for value in self.values:
                self._discard(value)


def unhurried(
    call: Callable[[], T],
    clock: Clock,
    abort: AbortSwitch,
    *,
    within_s: float,
    where: str,
    discard: Callable[[T], None] = lambda _: None,
) -> T:
    """Run a call that nothing can interrupt, in a thread, and wait for it.

    Args:
        call: what to do; its exceptions are raised here.
        clock: for the deadline.
        abort: ends the wait at once; the thread is left behind.
        within_s: longest wait.
        where: the link, for the message.
        discard: gives back a result that comes when nobody waits for it any more.

    Raises:
        LinkOpenError: it took too long.
        Aborted: the switch was thrown.
    """
    outcome = _Outcome(call, discard)
    threading.Thread(target=outcome.run, name=f"opening {where}", daemon=True).start()
    try:
        done = _done_by(outcome.done, clock, abort, clock.monotonic() + within_s)
    except BaseException:
        outcome.abandon()
        raise
    if not done:
        outcome.abandon()
        raise LinkOpenError(
            f"it could not be opened within {within_s:g} s",
            where=where,
            remedy="check the cable and that the device is switched on, then try again",
        )
    if outcome.error is not None:
        raise outcome.error
    return outcome.values[0]


def _done_by(done: threading.Event, clock: Clock, abort: AbortSwitch, deadline_s: float) -> bool:
    while not done.is_set():
        if clock.monotonic() >= deadline_s:
            return False
        abort.wait(LOOK_S)
    return True
