"""The way to safety, seen from the guard: the script, sent and sent again, over a link that may have failed."""

import contextlib
from collections.abc import Callable
from typing import Final

from qst.clock import Clock
from qst.errors import LinkClosedError, LinkError, LinkTimeoutError
from qst.instruments import Link, SafeScript

#: A script is sent this often: one line may be spoilt on its way, or fall on deaf ears. In quick succession, because
#: some controllers begin their ramp anew each time.
TIMES: Final = 3
_BETWEEN_S: Final = 0.15
#: Pause between two attempts at a link that has failed, and how long it is tried for.
_AGAIN_S: Final = 0.25
#: A connection that was broken takes its first bytes all the same; so long after them it has said that it is, s.
_BREAKS_WITHIN_S: Final = 0.05
GIVE_UP_S: Final = 15.0


class WayToSafety:
    """One script on its way to the device. Call :meth:`go_on` again and again until :attr:`over`.

    Args:
        link: to the device.
        script: what makes it safe.
        clock: for pauses.
        reopen: whether the link has failed and must be opened first.
        first: called when the script has gone out for the first time (with an empty text), or when there is no more
            hope that it will (with what stood in the way).
        heard: given what the device says meanwhile.
    """

    def __init__(
        self,
        link: Link,
        script: SafeScript,
        clock: Clock,
        *,
        reopen: bool,
        first: Callable[[str], None],
        heard: Callable[[bytes], None],
    ) -> None:
        self._link = link
        self._script = script
        self._clock = clock
        self._reopen = reopen
        self._first = first
        self._heard = heard
        self._left = TIMES
        now_s = clock.monotonic()
        self._next_s = now_s
        self._gives_up_s = now_s + GIVE_UP_S
        self._problem = ""

    @property
    def over(self) -> bool:
        """Whether everything has been done that can be."""
        return self._left == 0

    @property
    def out(self) -> bool:
        """Whether the script has gone out at least once."""
        return self._left < TIMES

    def go_on(self) -> None:
        """Send the script if it is time to."""
        if self.over or self._clock.monotonic() < self._next_s:
            return
        try:
            self._send()
        except LinkError as failed:
            self._put_off(failed)
            return
        first, self._left = not self.out, self._left - 1
        self._next_s = self._clock.monotonic() + _BETWEEN_S
        if first:
            self._first("")

    def _send(self) -> None:
        if self._reopen:
            self._link.open()
            self._reopen = False
        for step in self._script:
            self._link.write(step.data)
            if step.pause_s > 0.0:
                self._clock.sleep(step.pause_s)
        self._require_alive()

    def _require_alive(self) -> None:
        """What was written to a link that turns out to be closed has not arrived. Raises LinkError."""
        until_s = self._clock.monotonic() + _BREAKS_WITHIN_S
        with contextlib.suppress(LinkTimeoutError):  # nobody says anything: nobody has hung up either
            while (left_s := until_s - self._clock.monotonic()) > 0.0:
                data = self._link.read(left_s)
                if not data:
                    raise LinkClosedError("the device has closed the connection")
                self._heard(data)

    def _put_off(self, failed: LinkError) -> None:
        """Open the link anew in a moment, and begin the script at its beginning."""
        self._problem = failed.what
        self._reopen = True
        with contextlib.suppress(LinkError):
            self._link.close()
        now_s = self._clock.monotonic()
        self._next_s = now_s + _AGAIN_S
        if now_s >= self._gives_up_s:
            hopeless, self._left = not self.out, 0
            if hopeless:
                self._first(self._problem)
