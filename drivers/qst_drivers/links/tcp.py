"""``tcp://host:port``: a device, or its vendor's program, that listens on the network.

Opening and closing is cheap, because some devices want it for every request (Medoc Main Station takes one request a
connection): the address is looked up once, and what waits for the connection is kept.
"""

import contextlib
import errno
import os
import selectors
import socket
import weakref
from typing import Any, Final
from urllib.parse import urlsplit

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst_drivers.links.urls import LinkUrl, refuse_unknown, wrong
from qst_drivers.links.waiting import SLICE_S, Waker, unhurried

#: Longest wait for a connection; a device on the same bench answers within milliseconds.
CONNECT_S: Final = 2.0
LOOKUP_S: Final = 5.0
#: Longest wait until the system takes the bytes of one request.
WRITE_S: Final = 2.0
_CHUNK: Final = 65536

_UNDER_WAY: Final = {0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, getattr(errno, "WSAEWOULDBLOCK", 0)}
_NO_WAY: Final = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}

_Address = tuple[int, tuple[Any, ...]]  # family, and what its sockets connect to


class TcpLink:
    """A TCP connection to one host and port.

    Args:
        url: ``tcp://host:port``; an IPv6 address in brackets.
        clock: for deadlines.
        abort: ends every wait at once.

    Raises:
        StationFileError: no host, no port, or options.
    """

    def __init__(self, url: LinkUrl, clock: Clock, abort: AbortSwitch) -> None:
        self._description = url.text
        self._host, self._port = _host_and_port(url)
        self._now = clock.monotonic
        self._clock = clock
        self._abort = abort
        self._addresses: list[_Address] = []
        self._socket: socket.socket | None = None
        self._waker = Waker()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._waker.ear, selectors.EVENT_READ)
        weakref.finalize(self, self._selector.close)

    @property
    def description(self) -> str:
        """The URL."""
        return self._description

    def open(self) -> None:
        """Connect.

        Raises:
            LinkOpenError: unknown host, refused, no way there, no answer within 2 s.
        """
        self.close()
        problem: LinkOpenError | None = None
        for address in self._resolved():
            try:
                self._socket = self._connect(address)
            except LinkOpenError as failed:
                problem = failed
            else:
                self._addresses = [address]  # the one that works, for next time
                return
        self._addresses = []  # a computer may have got another address
        raise problem or self._not_opened(errno.EADDRNOTAVAIL)

    def _resolved(self) -> list[_Address]:
        if not self._addresses:
            try:
                self._addresses = self._look_up(socket.AI_NUMERICHOST)
            except socket.gaierror:
                self._addresses = self._look_up_name()
        return self._addresses

    def _look_up_name(self) -> list[_Address]:
        try:
            return unhurried(
                lambda: self._look_up(0), self._clock, self._abort, within_s=LOOKUP_S, where=self._description
            )
        except socket.gaierror as unknown:
            raise LinkOpenError(
                f"no computer is known by the name '{self._host}'",
                where=self._description,
                remedy="check the spelling, or write the computer's address (such as 192.168.0.2) instead of its name",
            ) from unknown

    def _look_up(self, flags: int) -> list[_Address]:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM, flags=flags)
        return [(family, address) for family, _, _, _, address in found]

    def _connect(self, address: _Address) -> socket.socket:
        family, place = address
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._establish(made, place)
        except BaseException:
            self._forget(made)
            raise
        return made

    def _establish(self, made: socket.socket, place: tuple[Any, ...]) -> None:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = made.connect_ex(place)
        if code not in _UNDER_WAY:
            raise self._not_opened(code)
        self._selector.register(made, selectors.EVENT_WRITE)
        if not self._ready(self._now() + CONNECT_S):
            raise self._not_opened(errno.ETIMEDOUT)
        code = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise self._not_opened(code)
        self._selector.modify(made, selectors.EVENT_READ)

    def _forget(self, old: socket.socket) -> None:
        with contextlib.suppress(KeyError):  # not yet registered
            self._selector.unregister(old)
        old.close()

    def _not_opened(self, code: int) -> LinkOpenError:
        if code == errno.ECONNREFUSED:
            what = f"nobody listens on port {self._port} of {self._host}"
            remedy = "start the program that should listen there, and check the port number and the firewall"
        elif code in _NO_WAY:
            what = f"there is no way to {self._host}: {os.strerror(code)}"
            remedy = "check the network cable and the address"
        elif code == errno.ETIMEDOUT:
            what = f"{self._host} does not answer"
            remedy = "check that the computer is on, its address, the network cable and its firewall"
        else:
            what = f"cannot connect to {self._host}: {os.strerror(code)}"
            remedy = "check the address and the network"
        return LinkOpenError(what, where=self._description, remedy=remedy)

    def _ready(self, deadline_s: float) -> bool:
        """Wait until the socket is; False when the deadline has passed."""
        abort = self._abort
        if abort.shielded_now:
            return self._wait(deadline_s)
        with abort.waking(self._waker.wake):
            return self._wait(deadline_s)

    def _wait(self, deadline_s: float) -> bool:
        while True:
            self._abort.check()
            left_s = deadline_s - self._now()
            for key, _ in self._selector.select(min(max(left_s, 0.0), SLICE_S)):
                if key.fileobj is not self._waker.ear:
                    return True
                self._waker.hush()
            if left_s <= 0.0:
                return False

    def write(self, data: bytes) -> None:
        """Send all of ``data``.

        Raises:
            LinkClosedError: not open, or the other side is gone.
            LinkTimeoutError: the other side has stopped taking bytes.
        """
        connected = self._require_open()
        try:
            sent = connected.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as gone:
            raise self._gone(gone) from gone
        if sent < len(data):
            self._write_rest(connected, memoryview(data)[sent:])

    def _write_rest(self, connected: socket.socket, rest: memoryview) -> None:
        deadline_s = self._now() + WRITE_S
        self._selector.modify(connected, selectors.EVENT_WRITE)
        try:
            while rest:
                if not self._ready(deadline_s):
                    raise LinkTimeoutError("the other side takes no more bytes", where=self._description)
                try:
                    rest = rest[connected.send(rest) :]
                except BlockingIOError:
                    continue
                except OSError as gone:
                    raise self._gone(gone) from gone
        finally:
            self._selector.modify(connected, selectors.EVENT_READ)

    def read(self, timeout_s: float) -> bytes:
        """At least one byte, or ``b""`` when the other side has closed.

        Raises:
            LinkTimeoutError: nothing came in time.
            LinkClosedError: not open, or the connection was reset.
        """
        connected = self._require_open()
        deadline_s = self._now() + timeout_s
        while self._ready(deadline_s):
            try:
                return connected.recv(_CHUNK)
            except BlockingIOError:  # the system may be wrong about what is ready
                continue
            except OSError as gone:
                raise self._gone(gone) from gone
        raise LinkTimeoutError(f"no answer within {timeout_s:g} s", where=self._description)

    def read_available(self) -> bytes:
        """Whatever has arrived."""
        connected = self._require_open()
        try:
            return connected.recv(_CHUNK)
        except BlockingIOError:
            return b""
        except OSError as gone:
            raise self._gone(gone) from gone

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._forget(self._socket)
            self._socket = None

    def _require_open(self) -> socket.socket:
        if self._socket is None:
            raise LinkClosedError("the link is not open", where=self._description)
        return self._socket

    def _gone(self, error: OSError) -> LinkClosedError:
        return LinkClosedError(
            f"the other side has broken the connection: {error.strerror or error}",
            where=self._description,
            remedy="check that the program there still runs, and the network cable",
        )


def _host_and_port(url: LinkUrl) -> tuple[str, int]:
    refuse_unknown(url)
    example = "write it like tcp://192.168.0.2:20121"
    try:
        parts = urlsplit(f"//{url.place}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise wrong(url.text, f"its port is none ({error})", example) from error
    if not host or not port or parts.path or parts.username:
        raise wrong(url.text, "it needs a host and a port, and nothing else", example)
    return host, port
