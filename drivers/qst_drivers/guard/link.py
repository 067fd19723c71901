"""The session's side: a link whose device end belongs to a guard process."""

import contextlib
from pathlib import Path
from typing import Final, NoReturn

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import LinkClosedError, LinkError, LinkTimeoutError, NotReadyError, RefusedError
from qst.instruments import Guard, SafeScript
from qst_drivers.guard.acting import GIVE_UP_S
from qst_drivers.guard.launch import RunningGuard, start_guard
from qst_drivers.guard.messages import (
    TIMEOUT_MAX_S,
    TIMEOUT_MIN_S,
    Acknowledge,
    Acted,
    Arm,
    Close,
    Disarm,
    Done,
    FromGuard,
    Lost,
    Ping,
    Reason,
    Report,
    ToGuard,
)
from qst_drivers.links import open_link

#: A guard that lives answers within this, s; its turn takes a few milliseconds.
_ANSWER_S: Final = 0.3
#: How long the device's own link is tried for when the guard has died: its port may not be free at once.
_TAKE_OVER_S: Final = 3.0
_AGAIN_S: Final = 0.05
_CONNECT_ANEW: Final = "look at the skin; then connect the instrument again, which starts a new guard"
_LIFT: Final = "lift the thermode off the skin now, then switch the device off"


class GuardedLink:
    """A link behind a guard; also the ``Guard`` itself.

    When the guard has acted, the next use of the link raises a LinkError once; then bytes pass again, so that a driver
    can look after its device, but :meth:`arm` refuses until the link is opened anew. When the guard dies or hangs, this
    side kills it, opens the device's link itself, sends the script, and raises likewise.

    Args:
        url: of the device's link.
        clock: the visit's clock; real time.
        abort: ends every wait, except on the way to safety.
        reports: file for what the guard does; None keeps none.

    Raises:
        StationFileError: the link is wrong; nothing was started.
    """

    def __init__(self, url: str, clock: Clock, abort: AbortSwitch, reports: Path | None = None) -> None:
        self._url = url
        self._clock = clock
        self._abort = abort
        self._reports = reports
        self._own = open_link(url, clock, abort)  # used when the guard has died
        self._by_hand = False
        self._running: RunningGuard | None = None
        self._left: RunningGuard | None = None  # closed, and still trying to reach its device
        self._script: SafeScript = ()
        self._armed = False
        self._spent = ""  # why this guard is of no further use
        self._lost: Lost | None = None
        self._tries = False  # the device's link has failed, and the guard tries to open it and to make the device safe
        self._n = 0

    @property
    def description(self) -> str:
        """The device's URL."""
        return self._url

    @property
    def guard(self) -> Guard:
        """This."""
        return self

    @property
    def guard_pid(self) -> int | None:
        """Number of the guard's process, while there is one."""
        return None if self._running is None else self._running.process.pid

    # --- a link --------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start a guard; it opens the device's link. Raises LinkOpenError."""
        self.close()
        left, self._left = self._left, None
        if left is not None:
            left.kill()  # the port is needed, and whoever opens it looks after the device
        self._spent, self._lost, self._script, self._armed, self._tries = "", None, (), False, False
        self._running = start_guard(self._url, self._reports, self._clock, self._abort)

    def write(self, data: bytes) -> None:
        """As the device's link. Raises LinkError, also when the guard has acted or died."""
        if self._by_hand:
            self._own.write(data)
            return
        running = self._listen()
        try:
            running.data.write(data)
        except LinkError:
            self._ended()

    def read(self, timeout_s: float) -> bytes:
        """As the device's link. Raises LinkError, also when the guard has acted or died."""
        if self._by_hand:
            return self._own.read(timeout_s)
        running = self._listen()
        try:
            data = running.data.read(timeout_s)
        except LinkTimeoutError as silence:
            # The device's silence, or the guard's?
            self._ask(Ping(self._number()))
            raise LinkTimeoutError(f"no answer within {timeout_s:g} s", where=self._url) from silence
        except LinkClosedError:
            self._ended()
        if not data:
            self._ended()
        return data

    def read_available(self) -> bytes:
        """As the device's link. Raises LinkError, also when the guard has acted."""
        if self._by_hand:
            return self._own.read_available()
        running = self._listen()
        try:
            return running.data.read_available()
        except LinkError:
            self._ended()

    def close(self) -> None:
        """The guard closes the device's link, and ends; an armed one makes the device safe first.

        One that has lost its device goes on trying to reach it, also when this program has ended.
        """
        running, self._running = self._running, None
        if running is not None:
            with contextlib.suppress(LinkError):  # a guard that is gone already
                running.control.say(Close(self._number()))
            if self._tries:
                running.leave_behind()
                self._left = running
            else:
                running.leave()
        if self._by_hand:
            self._by_hand = False
            self._own.close()

    # --- a guard -------------------------------------------------------------------------------------------------

    def arm(self, script: SafeScript, timeout_s: float) -> None:
        """As :meth:`qst.instruments.Guard.arm`."""
        if not TIMEOUT_MIN_S <= timeout_s <= TIMEOUT_MAX_S:
            raise RefusedError(
                f"a guard cannot wait {timeout_s:g} s",
                where=self._url,
                remedy=f"choose {TIMEOUT_MIN_S:g} to {TIMEOUT_MAX_S:g} s",
            )
        if not any(step.data for step in script):
            raise RefusedError("a guard needs something to send", where=self._url, remedy="give it a safe script")
        self._listen_unless_by_hand()
        if self._spent:
            raise NotReadyError(self._spent, where=self._url, did="nothing was started", remedy=_CONNECT_ANEW)
        self._script = script
        self._armed = True  # before it is: an abort may end the wait for the answer
        self._ask(Arm(self._number(), script, timeout_s))

    def disarm(self) -> None:
        """As :meth:`qst.instruments.Guard.disarm`."""
        if self._armed:
            self._ask(Disarm(self._number()))
            self._armed = False

    # --- talking to it -------------------------------------------------------------------------------------------

    def _number(self) -> int:
        self._n += 1
        return self._n

    def _require_running(self) -> RunningGuard:
        if self._lost is not None:
            raise self._unreachable(self._lost)
        if self._running is None:
            raise LinkClosedError("the link is not open", where=self._url)
        return self._running

    def _unreachable(self, lost: Lost) -> LinkClosedError:
        if not self._tries:
            return LinkClosedError(lost.what, where=self._url, remedy=lost.remedy)
        return LinkClosedError(
            lost.what,
            where=self._url,
            did=f"the device was not made safe: its guard tries to reach it for {GIVE_UP_S:g} s",
            remedy=f"lift the thermode off the skin now; then {lost.remedy}" if lost.remedy else _LIFT,
        )

    def _listen(self) -> RunningGuard:
        """The guard, unless it has said something that stops the session. Never waits."""
        running = self._require_running()
        try:
            messages = running.control.heard()
        except LinkError:
            self._ended()
        self._take(messages)
        return running

    def _listen_unless_by_hand(self) -> None:
        if not self._by_hand:
            self._listen()

    def _ask(self, order: ToGuard) -> None:
        """Say it, and wait until it is done; a guard that does not do it is none."""
        running = self._require_running()
        deadline_s = self._clock.monotonic() + _ANSWER_S
        said = False
        messages: list[FromGuard] = []
        while not any(isinstance(message, Done) and message.n == order.n for message in messages):
            left_s = deadline_s - self._clock.monotonic()
            if left_s <= 0.0:
                self._take_over("does not answer")
            try:
                if not said:
                    running.control.say(order)
                    said = True
                messages = running.control.wait(left_s)
            except LinkError:
                self._take_over("has died")
            self._take(messages)

    def _take(self, messages: list[FromGuard]) -> None:
        """Raise what the session must know, once all has been read."""
        acted = next((message.report for message in messages if isinstance(message, Acted)), None)
        lost = next((message for message in messages if isinstance(message, Lost)), None)
        if lost is not None:
            self._lost, self._tries, self._armed = lost, self._armed, False
            self._require_running()
        if acted is not None and acted.reason is not Reason.LINK_LOST:
            self._stop_here(acted)

    def _stop_here(self, report: Report) -> NoReturn:
        self._spent = "the guard has made the device safe before"
        self._armed = False
        if self._running is not None:
            with contextlib.suppress(LinkError):  # a guard that has died since will be missed at the next use
                self._running.control.say(Acknowledge(self._number()))
        why = f"the program sent nothing for {report.silent_s:.2f} s"
        raise LinkError(
            f"the guard made the device safe, because {why}",
            where=f"{self._url} ({report.name})",
            did="sent the device where it is safe" if report.sent else f"tried to: {report.problem}",
            remedy=_CONNECT_ANEW if report.sent else _LIFT,
        )

    # --- when it is gone -----------------------------------------------------------------------------------------

    def _ended(self) -> NoReturn:
        """The guard has closed a connection: because the device's link failed, or because it has died."""
        running = self._require_running()
        with contextlib.suppress(LinkError):
            self._take(running.control.heard())
        self._require_running()
        self._take_over("has died")

    def _take_over(self, what: str) -> NoReturn:
        """Nothing may stand between a device and its way to safety, least of all a guard."""
        running, self._running = self._running, None
        self._spent, self._armed = f"the guard process {what}", False
        with self._abort.shielded():
            if running is not None:
                running.kill()
            did, remedy = self._make_safe()
        raise LinkError(self._spent, where=self._url, did=did, remedy=remedy)

    def _make_safe(self) -> tuple[str, str]:
        """By this side alone; what was done, and what is to be done."""
        deadline_s = self._clock.monotonic() + _TAKE_OVER_S
        while not self._by_hand:
            try:
                self._own.open()
                self._by_hand = True
            except LinkError as failed:
                if self._clock.monotonic() >= deadline_s:
                    return f"could not reach the device to make it safe: {failed.what}", _LIFT
                self._clock.sleep(_AGAIN_S)
        if not self._script:
            return "nothing: the device had not left its baseline", _CONNECT_ANEW
        try:
            for step in self._script:
                self._own.write(step.data)
                self._clock.sleep(step.pause_s)
        except LinkError as failed:
            return f"could not make the device safe: {failed.what}", _LIFT
        return "sent the device where it is safe, without the guard", _CONNECT_ANEW
