"""The only module that touches the system's time.

``Clock`` has four methods. ``RealClock`` follows the computer, optionally faster; ``VirtualClock`` moves only when
somebody sleeps on it, so a visit of half an hour runs in a fraction of a second, exactly, and the same twice;
``PacedClock`` is a virtual one that waits as well, for a person who takes part in a simulated visit.
"""

import datetime as dt
import sys
import time
from typing import Protocol

from qst.abort import AbortSwitch

#: Where every virtual visit begins. A fixed, obviously artificial date: equal seeds must give byte-equal logs.
VIRTUAL_EPOCH = dt.datetime(2000, 1, 1, 9, 0, 0, tzinfo=dt.UTC)


class Clock(Protocol):
    """Time as the suite sees it. All times are seconds (s)."""

    @property
    def kind(self) -> str:
        """``real`` or ``virtual``; goes into the log's header."""

    def monotonic(self) -> float:
        """Seconds since this clock was made; never goes backwards."""

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass; a negative or zero duration only checks the abort switch. Raises Aborted."""

    def utc(self) -> dt.datetime:
        """Now, as an aware UTC datetime."""

    def utc_offset_s(self) -> int:
        """Offset of local time from UTC in seconds, as it is now."""


def _uptime_s() -> float:
    """Time since the computer was started, s, its own sleep included: the plate on the skin does not sleep with it.

    Without that a ramp that ran on while the computer slept would have no gap in its readings. On Linux
    ``time.monotonic`` stands still meanwhile; whether it does on the other systems is unverified.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic()


class RealClock:
    """The computer's clock. What it says goes on while the computer sleeps; a wait that was begun before does not.

    So a wait is never too short, and whoever waits for a moment in small steps is there when the computer wakes.

    Args:
        abort: switch that ends every sleep at once.
        speed: how many seconds of the visit pass in one real second (simulation only).

    Raises:
        ValueError: speed is not positive.
    """

    kind = "real"

    def __init__(self, abort: AbortSwitch | None = None, *, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be positive, not {speed}")
        self._abort = abort or AbortSwitch()
        self._speed = speed
        self._origin_s = _uptime_s()
        self._origin_utc = dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        """Seconds since the clock was made, at the clock's speed."""
        return (_uptime_s() - self._origin_s) * self._speed

    def sleep(self, seconds: float) -> None:
        """Wait; ends at once with Aborted when the switch is thrown."""
        if seconds > 0:
            self._abort.wait(seconds / self._speed)
        else:
            self._abort.check()

    def utc(self) -> dt.datetime:
        """The computer's time, or, at another speed, the origin plus the time that passed on this clock."""
        if self._speed == 1.0:
            return dt.datetime.now(dt.UTC)
        return self._origin_utc + dt.timedelta(seconds=self.monotonic())

    def utc_offset_s(self) -> int:
        """Offset of the computer's local time zone."""
        offset = dt.datetime.now().astimezone().utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0


class VirtualClock:
    """A clock that moves only by sleeping on it.

    Args:
        abort: switch that is checked at every sleep.
    """

    kind = "virtual"

    def __init__(self, abort: AbortSwitch | None = None) -> None:
        self._abort = abort or AbortSwitch()
        self._now_s = 0.0

    def monotonic(self) -> float:
        """Seconds slept so far."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Advance by ``seconds``."""
        self._abort.check()
        if seconds > 0:
            self._now_s += seconds

    def utc(self) -> dt.datetime:
        """The fixed epoch plus the time slept."""
        return VIRTUAL_EPOCH + dt.timedelta(seconds=self._now_s)

    def utc_offset_s(self) -> int:
        """Always 0: a virtual visit has no place."""
        return 0


class PacedClock(VirtualClock):
    """Virtual time that a person can follow: every sleep also takes its share of real time.

    However slow the computer is, nothing on this clock is ever late: it simply runs slower.

    Args:
        abort: switch that ends every sleep at once.
        speed: how many seconds of the visit pass in one real second, at most.

    Raises:
        ValueError: speed is not positive.
    """

    #: Shorter waits are gathered: the system's own are not exact enough to make them one by one, s.
    _SHORTEST_WAIT_S = 0.004

    def __init__(self, abort: AbortSwitch | None = None, *, speed: float) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be positive, not {speed}")
        super().__init__(abort)
        self._speed = speed
        self._owed_s = 0.0  # real time still to be waited

    def sleep(self, seconds: float) -> None:
        """Advance by ``seconds``, after the real time that they take."""
        self._owed_s += max(seconds, 0.0) / self._speed
        if self._owed_s >= self._SHORTEST_WAIT_S:
            owed_s, self._owed_s = self._owed_s, 0.0
            self._abort.wait(owed_s)
        super().sleep(seconds)


def nap(seconds: float) -> None:
    """Pause a thread that nobody has to wake, as exactly as the system can; never a visit's own thread."""
    time.sleep(seconds)


def performance_seconds() -> float:
    """A stopwatch for benchmarks, progress displays and how far a disk or a thread is behind, never for a visit.

    It may stand still while the computer sleeps: neither a disk nor a thread falls behind then.
    """
    return time.perf_counter()
