"""One switch for everything that ends a stimulus, whoever throws it and from whatever thread.

A stop is not an ordinary error: :class:`Aborted` derives from ``BaseException`` so that no ``except Exception`` on its
way can swallow it. Its way has three steps, and nothing else lies on it:

1. ``throw`` puts the stop on a list and wakes whoever waits (a clock, a link). It takes no lock, so it may be called
   from every thread and from a signal handler, at any moment.
2. Whoever waits, or next waits, gets :class:`Aborted`.
3. Who catches it calls ``take``: these are the stops that it now obeys and writes down. While they are being obeyed
   only a *stronger* stop breaks in again; what is no stronger waits on the list to be taken later. So every stop
   that was ever thrown is taken exactly once, in order.

A stop that ends no more than a trial is forgotten by ``clear`` once that trial is over; every other one stays.
The code that makes an instrument safe runs ``shielded``, so that nothing can interrupt it.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final


class AbortCause(StrEnum):
    """Who asked for the end. Each is its own event in the log."""

    OPERATOR_STOP = "operator_stop"
    EMERGENCY_STOP = "estop"
    PARTICIPANT_WITHDREW = "participant_withdrew"
    INTERRUPT = "interrupt"
    TERMINATED = "terminated"
    TERMINAL_CLOSED = "terminal_closed"
    CONSOLE_LOST = "console_lost"


#: The same, as a technician reads it.
CAUSE_WORDS = {
    AbortCause.OPERATOR_STOP: "stopped by the operator",
    AbortCause.EMERGENCY_STOP: "emergency stop",
    AbortCause.PARTICIPANT_WITHDREW: "the participant wanted to stop",
    AbortCause.INTERRUPT: "interrupted at the keyboard",
    AbortCause.TERMINATED: "the program was told to end",
    AbortCause.TERMINAL_CLOSED: "the terminal was closed",
    AbortCause.CONSOLE_LOST: "the operator's keys or page were lost",
}

#: The greater number is the stronger stop. 1 ends a trial; 2 and more end the visit; 3 and more also leave a start that
#: may itself be what hurts.
STRENGTH: Final = {
    AbortCause.OPERATOR_STOP: 1,
    AbortCause.INTERRUPT: 2,
    AbortCause.TERMINATED: 2,
    AbortCause.TERMINAL_CLOSED: 2,
    AbortCause.CONSOLE_LOST: 2,
    AbortCause.PARTICIPANT_WITHDREW: 3,
    AbortCause.EMERGENCY_STOP: 4,
}
_ENDS_THE_VISIT: Final = 2


def strongest(causes: tuple[AbortCause, ...]) -> AbortCause | None:
    """The strongest of some causes, the first of equal ones; None when there are none."""
    return max(causes, key=STRENGTH.__getitem__, default=None)


def ends_the_visit(cause: AbortCause) -> bool:
    """Whether this stop ends more than the trial it found."""
    return STRENGTH[cause] >= _ENDS_THE_VISIT


class Aborted(BaseException):
    """Raised out of a wait when the switch was thrown.

    Args:
        cause: who asked; what else was thrown tells :meth:`AbortSwitch.take`.
    """

    def __init__(self, cause: AbortCause) -> None:
        super().__init__(cause.value)
        self.cause = cause


class AbortSwitch:
    """Thrown from anywhere; taken, cleared and waited on by the one thread that owns the instruments.

    No method takes a lock: ``throw`` may run as a signal handler in the middle of any other method. It only appends to
    a list, and only the owner's thread moves the two marks in it::

        thrown   [ cleared ... | taken ... | still to be taken ... ]
    """

    def __init__(self) -> None:
        self._thrown: list[AbortCause] = []
        self._cleared = 0  # up to here: dealt with, and the switch armed again
        self._taken = 0  # up to here: somebody is obeying it
        self._shields = 0
        self._wakers: list[Callable[[], None]] = []

    @property
    def standing(self) -> tuple[AbortCause, ...]:
        """Every stop that was thrown and not cleared, oldest first."""
        return tuple(self._thrown[self._cleared :])

    @property
    def cause(self) -> AbortCause | None:
        """The strongest of them, or None."""
        return strongest(self.standing)

    @property
    def obeyed(self) -> AbortCause | None:
        """The strongest stop that was taken and not cleared, or None."""
        return strongest(tuple(self._thrown[self._cleared : self._taken]))

    def throw(self, cause: AbortCause) -> None:
        """Throw the switch. Never blocks, never raises; from any thread or signal handler."""
        self._thrown.append(cause)
        if self._due() is not None:
            for wake in tuple(self._wakers):
                wake()

    def _due(self) -> AbortCause | None:
        """The stop that has to break in now: stronger than what is being obeyed already."""
        taken = self._taken  # read first: what is taken meanwhile is obeyed by whoever took it
        due = strongest(tuple(self._thrown[taken:]))
        obeyed = strongest(tuple(self._thrown[self._cleared : taken]))
        if due is None or (obeyed is not None and STRENGTH[due] <= STRENGTH[obeyed]):
            return None
        return due

    # -- for the thread that owns the instruments -----------------------------------------------------------------

    def take(self) -> tuple[AbortCause, ...]:
        """The stops thrown since the last call, oldest first: the caller obeys the strongest and records all.

        Until ``clear``, only something stronger raises Aborted again.
        """
        causes = tuple(self._thrown[self._taken :])
        self._taken += len(causes)
        return causes

    def clear(self) -> None:
        """Arm the switch again after a stop that ended no more than a trial.

        Only what was taken is forgotten: a stop thrown in between still raises. What ends the visit is never forgotten.
        """
        obeyed = self.obeyed
        if obeyed is not None and not ends_the_visit(obeyed):
            self._cleared = self._taken

    @property
    def shielded_now(self) -> bool:
        """Whether somebody is on the way to safety: waits go on whatever was thrown."""
        return self._shields > 0

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Within this block waits are not interrupted: for making instruments safe, and nothing else."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1

    def check(self) -> None:
        """Raise Aborted if a stop is to break in now and nobody is on the way to safety."""
        if len(self._thrown) > self._taken and not self._shields:
            due = self._due()
            if due is not None:
                raise Aborted(due)

    def wait(self, seconds: float) -> None:
        """Wait at most ``seconds``; raise Aborted at once when a stop breaks in (unless shielded)."""
        bell = threading.Lock()
        bell.acquire()
        if self._shields:
            bell.acquire(timeout=seconds)
            return

        def ring() -> None:
            with contextlib.suppress(RuntimeError):  # rung already
                bell.release()

        with self.waking(ring):
            bell.acquire(timeout=seconds)
        self.check()

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Within this block ``wake`` is called when a stop breaks in, from whatever thread or signal handler.

        For waits that the switch itself cannot end, such as a read from a socket. ``wake`` must not block or raise; it
        is called at once, before the block is entered further, when a stop is due already.
        """
        self._wakers.append(wake)
        try:
            if self._due() is not None:
                wake()
            yield
        finally:
            self._wakers.remove(wake)
