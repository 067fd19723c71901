"""One switch that ends everything, whoever throws it.

An abort is not an ordinary error: :class:`Aborted` derives from ``BaseException`` so that no ``except Exception`` on
its way can swallow it, and it says who asked and why. Waiting code (clocks, links) checks the switch; the code that
makes an instrument safe runs shielded, so that an abort can never interrupt the way to safety, and a second abort
during it changes nothing.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum


class AbortCause(StrEnum):
    """Who asked for the end. Each is its own event in the log."""

    OPERATOR_STOP = "operator_stop"
    EMERGENCY_STOP = "estop"
    PARTICIPANT_WITHDREW = "participant_withdrew"
    INTERRUPT = "interrupt"
    TERMINATED = "terminated"
    CONSOLE_LOST = "console_lost"


#: The same, as a technician reads it.
CAUSE_WORDS = {
    AbortCause.OPERATOR_STOP: "stopped by the operator",
    AbortCause.EMERGENCY_STOP: "emergency stop",
    AbortCause.PARTICIPANT_WITHDREW: "the participant wanted to stop",
    AbortCause.INTERRUPT: "interrupted at the keyboard",
    AbortCause.TERMINATED: "the program was told to end",
    AbortCause.CONSOLE_LOST: "the terminal was lost",
}


class Aborted(BaseException):
    """Raised out of a wait when the switch was thrown.

    Args:
        cause: who asked.
    """

    def __init__(self, cause: AbortCause) -> None:
        super().__init__(cause.value)
        self.cause = cause


class AbortSwitch:
    """Thrown at most once; safe to throw from a signal handler or another thread."""

    def __init__(self) -> None:
        self._thrown = threading.Event()
        self._cause: AbortCause | None = None
        self._shields = 0
        self._wakers: list[Callable[[], None]] = []

    @property
    def cause(self) -> AbortCause | None:
        """Who threw the switch, or None while it has not been thrown."""
        return self._cause

    def throw(self, cause: AbortCause) -> None:
        """Throw the switch. The first cause stays; later ones change nothing."""
        if self._cause is None:
            self._cause = cause
        self._thrown.set()
        for wake in tuple(self._wakers):
            wake()

    @property
    def shielded_now(self) -> bool:
        """Whether somebody is on the way to safety: waits go on whatever was thrown."""
        return self._shields > 0

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Within this block ``wake`` is called when the switch is thrown, from whatever thread or signal handler.

        For waits that the switch itself cannot end, such as a read from a socket. ``wake`` must not block or raise; it
        is called at once, before the block is entered further, when the switch was thrown already.
        """
        self._wakers.append(wake)
        try:
            if self._thrown.is_set():
                wake()
            yield
        finally:
            self._wakers.remove(wake)

    def check(self) -> None:
        """Raise Aborted if the switch was thrown and nobody is on the way to safety."""
        if self._cause is not None and not self._shields:
            raise Aborted(self._cause)

    def wait(self, seconds: float) -> None:
        """Wait at most ``seconds``; raise Aborted at once when the switch is thrown (unless shielded)."""
        if self._shields:
            threading.Event().wait(seconds)
            return
        self._thrown.wait(seconds)
        self.check()

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Within this block waits are not interrupted: for making instruments safe, and nothing else."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
