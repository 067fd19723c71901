"""``python -m qst_drivers.guard``: started by :class:`qst_drivers.guard.link.GuardedLink`, never by hand."""

import contextlib
import hmac
import signal
import socket
import sys
from typing import Final

import msgspec

from qst.abort import AbortSwitch
from qst.clock import Clock, RealClock
from qst.errors import LinkError, QstError
from qst.instruments import Link
from qst_drivers.guard.messages import Channel, Hello, Listening, NotOpened, Opened, Terms, line
from qst_drivers.guard.relay import Relay
from qst_drivers.links import open_link

#: Longest wait for the session's two connections, and for the first line on one of them, s.
_ADMIT_S: Final = 10.0
_HELLO_S: Final = 1.0
_HELLO_MAX: Final = 1024
#: What asks a process to end; the guard ends when its session has, and the device is safe.
_DEAF_TO: Final = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK", "SIGQUIT", "SIGTSTP")


def main() -> int:
    """Be the guard of one link, and end with its session."""
    for name in _DEAF_TO:
        number = getattr(signal, name, None)  # systems differ in which signals they have
        if number is not None:
            signal.signal(number, signal.SIG_IGN)
    clock = RealClock()
    try:
        terms = msgspec.json.decode(sys.stdin.buffer.readline(), type=Terms)
    except msgspec.DecodeError:
        return 2
    with socket.create_server(("127.0.0.1", 0), backlog=4) as listener:
        sys.stdout.buffer.write(line(Listening(listener.getsockname()[1])))
        sys.stdout.buffer.close()
        channels = _admit(listener, terms.token, clock)
    if len(channels) < len(("control", "data")):
        return 1
    with channels["control"] as control, channels["data"] as data:
        return _guard(control, data, clock, terms)


def _guard(control: socket.socket, data: socket.socket, clock: Clock, terms: Terms) -> int:
    link: Link | None = None
    try:
        link = open_link(terms.url, clock, AbortSwitch())
        link.open()
    except QstError as error:
        control.sendall(line(NotOpened(error.what, error.remedy)))
        return 1
    try:
        control.sendall(line(Opened()))
        relay = Relay(link, control, data, clock, terms)
        relay.run()
    finally:
        _close(link)
    return 0


def _close(link: Link) -> None:
    with contextlib.suppress(LinkError):
        link.close()


def _admit(listener: socket.socket, token: str, clock: Clock) -> dict[Channel, socket.socket]:
    """The session's two connections: the ones that know the token. It works once for each."""
    channels: dict[Channel, socket.socket] = {}
    deadline_s = clock.monotonic() + _ADMIT_S
    while len(channels) < len(("control", "data")):
        left_s = deadline_s - clock.monotonic()
        if left_s <= 0.0:
            break
        listener.settimeout(left_s)
        try:
            caller, _ = listener.accept()
        except TimeoutError:
            break
        channel = _greeted(caller, token)
        if channel is None or channel in channels:
            caller.close()
        else:
            channels[channel] = caller
    return channels


def _greeted(caller: socket.socket, token: str) -> Channel | None:
    caller.settimeout(_HELLO_S)
    caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    text = b""
    try:
        while not text.endswith(b"\n") and len(text) < _HELLO_MAX:
            byte = caller.recv(1)  # not one byte of what follows
            if not byte:
                return None
            text += byte
        hello = msgspec.json.decode(text, type=Hello)
    except (OSError, msgspec.DecodeError):
        return None
    return hello.channel if hmac.compare_digest(hello.token.encode(), token.encode()) else None


if __name__ == "__main__":
    sys.exit(main())
