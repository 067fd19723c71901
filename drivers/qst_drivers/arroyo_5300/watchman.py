"""The driver's side of its guard: a real plate is not driven without one."""

from typing import Final

from qst.errors import RefusedError
from qst.instruments import Link, SafeScript, guard_of

#: Links behind which no plate gets warm.
_NOTHING_REAL: Final = ("sim://", "replay:")


class Watchman:
    """The guard of a link, or nobody.

    Args:
        link: as the driver got it.
        timeout_s: how long the driver may be silent while the guard is armed, s.
    """

    def __init__(self, link: Link, timeout_s: float) -> None:
        self._guard = guard_of(link)
        self._where = link.description
        self._timeout_s = timeout_s
        self.armed = False  #: whether silence would be acted upon

    @property
    def note(self) -> str:
        """For the identity in the log."""
        return "" if self._guard is None else f"; behind a guard that allows {self._timeout_s:g} s"

    def answer_within_s(self, wanted_s: float) -> float:
        """How long an answer may be waited for.

        A late answer is the controller's fault, and must be known before the guard takes the wait for the program's.
        """
        return wanted_s if self._guard is None else min(wanted_s, self._timeout_s / 2)

    def require(self) -> None:
        """Raise RefusedError on a real link that nobody guards."""
        if self._guard is None and not self._where.startswith(_NOTHING_REAL):
            raise RefusedError(
                "this controller has no watchdog: if the program or its cable fails, the plate stays where it is",
                where=self._where,
                did="nothing was started",
                remedy="drive it through a guard: a visit does so by itself; a program of your own uses GuardedLink",
            )

    def arm(self, script: SafeScript) -> None:
        """Before the plate may leave home, or its ramp begins. Raises as ``Guard.arm``."""
        if self._guard is not None:
            self.armed = True
            self._guard.arm(script, self._timeout_s)

    def disarm(self) -> None:
        """The plate is at home, at its start, or seen to be on its way home: silence does no harm. Raises LinkError."""
        if self._guard is not None:
            self._guard.disarm()
            self.armed = False
