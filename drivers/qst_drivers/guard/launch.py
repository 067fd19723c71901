"""Starting a guard, and the session's end of the two connections to it."""

import contextlib
import secrets
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import msgspec

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import LinkClosedError, LinkError, LinkOpenError, LinkTimeoutError
from qst_drivers.guard.messages import (
    Channel,
    FromGuard,
    Hello,
    Lines,
    Listening,
    NotOpened,
    Opened,
    Terms,
    ToGuard,
    line,
)
from qst_drivers.links.tcp import TcpLink
from qst_drivers.links.urls import parse_url
from qst_drivers.links.waiting import unhurried

#: Longest wait for the process to run, and then for the device's link to open, s.
START_S: Final = 15.0
OPEN_S: Final = 15.0
#: Longest wait for it to end when it was told to, s.
END_S: Final = 3.0
_REMEDY: Final = "try again; if it stays, this computer does not let the program start another one: see its protection"

_DECODER: msgspec.json.Decoder[FromGuard] = msgspec.json.Decoder(FromGuard)


class ControlLine:
    """The session's end of the control connection.

    Args:
        link: the connection, open.
        clock: for deadlines.
    """

    def __init__(self, link: TcpLink, clock: Clock) -> None:
        self._link = link
        self._now = clock.monotonic
        self._lines = Lines()

    def say(self, order: ToGuard) -> None:
        """Tell the guard. Raises LinkError."""
        self._link.write(line(order))

    def heard(self) -> list[FromGuard]:
        """What the guard has said since. Never waits. Raises LinkError."""
        data = self._link.read_available()
        return self._decoded(data) if data else []

    def wait(self, within_s: float) -> list[FromGuard]:
        """The same, at least one; empty when nothing comes in time. Raises LinkError when the guard is gone."""
        try:
            data = self._link.read(within_s)
        except LinkTimeoutError:
            return []
        if not data:
            raise LinkClosedError("the guard process has ended")
        return self._decoded(data)

    def close(self) -> None:
        """Hang up."""
        self._link.close()

    def _decoded(self, data: bytes) -> list[FromGuard]:
        return [_DECODER.decode(text) for text in self._lines.feed(data)]


class RunningGuard:
    """A guard process, and both connections to it.

    Args:
        process: the process.
        control: for orders and reports.
        data: for the device's bytes.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", control: ControlLine, data: TcpLink) -> None:
        self.process = process
        self.control = control
        self.data = data

    def kill(self) -> None:
        """End the process at once, also one that has stopped."""
        self.process.kill()
        self._bury()

    def leave(self) -> None:
        """Wait for the process to end by itself, as it was told; kill it when it does not."""
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._bury()

    def leave_behind(self) -> None:
        """Let the process end when it has done, or given up, what it still tries: to reach its device."""
        threading.Thread(target=self.process.wait, name="guard left behind", daemon=True).start()
        self.control.close()
        self.data.close()

    def _bury(self) -> None:
        self.process.wait()
        self.control.close()
        self.data.close()


def start_guard(url: str, reports: Path | None, clock: Clock, abort: AbortSwitch) -> RunningGuard:
    """Start a guard that opens ``url``; the device's link is open when this returns.

    Args:
        url: the device's link, of any kind that ``open_link`` knows.
        reports: file for what the guard does; None keeps none.
        clock: real time.
        abort: ends the wait.

    Raises:
        LinkOpenError: the guard does not start, or the link does not open.
    """
    token = secrets.token_hex(32)
    terms = Terms(
        guard=secrets.token_hex(4), url=url, token=token, reports="" if reports is None else str(reports.resolve())
    )
    process = _spawn(url)
    links: list[TcpLink] = []
    try:
        port = _port_of(process, terms, clock, abort)
        channels: tuple[Channel, ...] = ("control", "data")
        for channel in channels:
            link = TcpLink(parse_url(f"tcp://127.0.0.1:{port}"), clock, abort)
            links.append(link)
            link.open()
            link.write(line(Hello(token, channel)))
        control = ControlLine(links[0], clock)
        _await_opening(control, url, clock)
    except BaseException:
        process.kill()
        process.wait()
        for link in links:
            link.close()
        raise
    return RunningGuard(process, control, links[1])


def _spawn(url: str) -> "subprocess.Popen[bytes]":
    """Out of reach of the terminal: Ctrl-C, its closing, and the end of its session are not for the guard."""
    try:
        return subprocess.Popen(
            # -P: nothing in the present folder can stand in for a module
            [sys.executable, "-P", "-m", "qst_drivers.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # Windows only; there a console of its own, which nobody sees, has the same effect
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as error:
        raise LinkOpenError(
            f"the guard process does not start: {error.strerror or error}",
            where=url,
            did="nothing was connected",
            remedy=_REMEDY,
        ) from error


def _port_of(process: "subprocess.Popen[bytes]", terms: Terms, clock: Clock, abort: AbortSwitch) -> int:
    """Hand over the terms; the guard's only line in return."""
    given, told = process.stdin, process.stdout
    if given is None or told is None:
        raise RuntimeError("the guard was started without pipes")

    def exchange() -> bytes:
        with contextlib.suppress(OSError), given:  # a guard that has died already says nothing either
            given.write(line(terms))
        with told:
            return told.readline()

    answer = unhurried(exchange, clock, abort, within_s=START_S, where=terms.url)
    try:
        return msgspec.json.decode(answer, type=Listening).port
    except msgspec.DecodeError as error:
        raise LinkOpenError(
            "the guard process ends as soon as it has started",
            where=terms.url,
            did="nothing was connected",
            remedy=_REMEDY,
        ) from error


def _await_opening(control: ControlLine, url: str, clock: Clock) -> None:
    deadline_s = clock.monotonic() + OPEN_S
    while (left_s := deadline_s - clock.monotonic()) > 0.0:
        try:
            messages = control.wait(left_s)
        except LinkError as gone:
            raise LinkOpenError("the guard process has ended", where=url, remedy=_REMEDY) from gone
        for message in messages:
            if isinstance(message, Opened):
                return
            if isinstance(message, NotOpened):
                raise LinkOpenError(message.what, where=url, remedy=message.remedy)
    raise LinkOpenError(f"the device's link does not open within {OPEN_S:g} s", where=url, remedy=_REMEDY)
