"""The guard at work: bytes to and fro, an eye on the session, and the way to safety."""

import contextlib
import selectors
import socket
from pathlib import Path
from typing import Final

import msgspec

from qst.clock import Clock
from qst.errors import LinkError, LinkTimeoutError, RemoteProtocolError
from qst.instruments import Link, SafeScript
from qst_drivers.guard.acting import WayToSafety
from qst_drivers.guard.messages import (
    Acknowledge,
    Acted,
    Arm,
    Close,
    Disarm,
    Done,
    FromGuard,
    Lines,
    Lost,
    Reason,
    Report,
    Terms,
    ToGuard,
    line,
)
from qst_drivers.guard.reports import append_report

#: Longest wait for the device while it owes an answer, and for the session while it does not, s.
_LOOK_S: Final = 0.001
_IDLE_S: Final = 0.005
#: For so long after the session's bytes an answer is expected.
_OWED_S: Final = 1.0
_CHUNK: Final = 65_536

_DECODER: msgspec.json.Decoder[ToGuard] = msgspec.json.Decoder(ToGuard)


class Relay:
    """Joins a session to a device until one of them is gone, and the device is safe.

    Args:
        link: to the device, open.
        control: connection for orders and reports.
        data: connection for the device's bytes.
        clock: real time.
        terms: what the guard was started with.
    """

    def __init__(self, link: Link, control: socket.socket, data: socket.socket, clock: Clock, terms: Terms) -> None:
        self._link = link
        self._control = control
        self._data = data
        self._clock = clock
        self._now = clock.monotonic
        self._terms = terms
        self._lines = Lines()
        self._selector = selectors.DefaultSelector()
        for channel in (control, data):
            channel.setblocking(False)
            self._selector.register(channel, selectors.EVENT_READ)
        self._script: SafeScript = ()
        self._armed = False
        self._timeout_s = 0.0
        self._heard_s = self._now()  # when the last bytes came from the session
        self._owed_until_s = 0.0
        self._way: WayToSafety | None = None
        self._deaf = False  # after acting: the session's bytes do not pass until it knows
        self._lost = False  # the device's link has failed
        self._gone = False  # the session is
        self._n_reports = 0
        self.over = False

    def run(self) -> None:
        """Until the session has closed the link, or is gone, and the device was made safe where that was due.

        A defect of the guard itself ends it; the device is made safe first.
        """
        with self._selector:
            try:
                while not self.over:
                    self._turn()
            except Exception:
                self._act(Reason.DEFECT)
                self._finish()
                raise

    def _finish(self) -> None:
        while self._way is not None and not self._way.over:
            self._clock.sleep(_IDLE_S)
            self._way.go_on()

    def _turn(self) -> None:
        ready = self._wait()
        if self._control in ready:
            self._hear_orders()
        if self._data in ready and not self.over:
            self._hear_session()
        if not self._lost and not self.over:
            self._hear_device()
        if self._armed and self._now() - self._heard_s > self._timeout_s:
            self._act(Reason.SILENT)
        if self._way is not None:
            self._way.go_on()
            if self._way.over:
                self._way = None
        if self._gone and self._way is None:
            self.over = True

    def _wait(self) -> set[object]:
        """For bytes from wherever they are due; what has come from the session."""
        pause_s = _IDLE_S
        if not self._lost and self._now() < self._owed_until_s:
            self._pass_back(_LOOK_S)
            pause_s = 0.0
        if self._gone:  # both connections are out of the selector, which on Windows cannot wait for nothing
            self._clock.sleep(_IDLE_S)
            return set()
        return {key.fileobj for key, _ in self._selector.select(pause_s)}

    # --- the device ----------------------------------------------------------------------------------------------

    def _pass_back(self, timeout_s: float) -> None:
        try:
            data = self._link.read(timeout_s)
        except LinkTimeoutError:
            return
        except LinkError as failed:
            self._lose(failed.what, failed.remedy)
            return
        if not data:
            self._lose("the device has closed the connection", "check that it is on, and its cable")
            return
        self._owed_until_s = 0.0
        self._to_session(self._data, data)

    def _hear_device(self) -> None:
        try:
            data = self._link.read_available()
        except LinkError as failed:
            self._lose(failed.what, failed.remedy)
            return
        if data:
            self._to_session(self._data, data)

    def _lose(self, what: str, remedy: str) -> None:
        """The device cannot be reached: the session hears of it at once; an armed guard goes on trying."""
        self._lost = True
        self._link.close()
        self._tell(Lost(what, remedy))
        if self._armed:
            self._act(Reason.LINK_LOST)

    # --- the session ---------------------------------------------------------------------------------------------

    def _hear_session(self) -> None:
        try:
            data = self._data.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._session_gone()
            return
        self._heard_s = self._now()
        if self._deaf or self._lost:
            return
        try:
            self._link.write(data)
        except LinkError as failed:
            self._lose(failed.what, failed.remedy)
            return
        self._owed_until_s = self._heard_s + _OWED_S

    def _hear_orders(self) -> None:
        try:
            data = self._control.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._session_gone()
            return
        try:
            for text in self._lines.feed(data):
                self._obey(_DECODER.decode(text))
        except (msgspec.DecodeError, RemoteProtocolError):
            self._session_gone()  # whatever that was, it is no session any more

    def _obey(self, order: ToGuard) -> None:
        match order:
            case Arm():
                self._arm(order)
            case Disarm():
                self._armed = False
            case Acknowledge():
                self._deaf = False
                if self._way is not None and self._way.out:
                    self._way = None  # the session has the device in hand again
                return
            case Close():
                self._close()
                return
            case _:  # a ping
                pass
        self._tell(Done(order.n))

    def _arm(self, order: Arm) -> None:
        """Not while the session has not yet heard that the device was made safe: it will not go on from there."""
        if self._deaf or self._lost:
            return
        self._script, self._timeout_s, self._armed = order.script, order.timeout_s, True
        self._heard_s = self._now()

    def _close(self) -> None:
        """The session leaves; whatever is on its way to safety gets there, or is tried for, without it."""
        self._hear_session()  # what it wrote before it left may be what sends the device home
        if self._gone:
            return
        if self._armed and not self._lost:
            self._act(Reason.CLOSED_ARMED)
        self._part()

    def _part(self) -> None:
        self._gone = True
        for channel in (self._control, self._data):
            self._selector.unregister(channel)

    def _session_gone(self) -> None:
        if self._gone:
            return
        self._part()
        if self._script:
            self._act(Reason.SESSION_GONE)

    def _tell(self, message: FromGuard) -> None:
        if not self._gone:
            self._to_session(self._control, line(message))

    def _to_session(self, channel: socket.socket, data: bytes) -> None:
        """What a session does not take it will not miss: it does not live, or will hear that the guard has acted."""
        if self._gone:
            return
        try:
            sent = channel.send(data)
        except OSError:  # full or broken; a broken one says so when it is read
            sent = 0
        if sent < len(data):
            self._session_gone()

    # --- acting --------------------------------------------------------------------------------------------------

    def _act(self, reason: Reason) -> None:
        """Send the script now, and see to it that nobody undoes it unknowingly."""
        now_s = self._now()
        armed, self._armed, self._deaf = self._armed, False, True
        silent_s = now_s - self._heard_s

        def first(problem: str) -> None:
            self._report(reason, silent_s, problem, armed=armed)

        def heard(data: bytes) -> None:
            self._to_session(self._data, data)

        self._way = WayToSafety(self._link, self._script, self._clock, reopen=self._lost, first=first, heard=heard)
        self._way.go_on()

    def _report(self, reason: Reason, silent_s: float, problem: str, *, armed: bool) -> None:
        self._n_reports += 1
        report = Report(
            guard=self._terms.guard,
            n=self._n_reports,
            utc=self._clock.utc().isoformat(timespec="milliseconds"),
            link=self._terms.url,
            reason=reason,
            silent_s=round(silent_s, 3),
            armed=armed,
            sent=not problem,
            problem=problem,
        )
        self._tell(Acted(report))
        if self._terms.reports:
            with contextlib.suppress(OSError):  # a full disk must not end the guard
                append_report(Path(self._terms.reports), report)
