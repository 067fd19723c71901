"""Other ends of real links, in threads: a loopback server and a pseudo-terminal (POSIX only, marked as such)."""

import contextlib
import os
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from qst.abort import AbortCause, AbortSwitch
from qst.clock import RealClock, performance_seconds
from qst.instruments import Link
from qst_drivers.links import open_link

#: For whatever should come at once: long enough for a loaded computer, short enough for a test.
SOON_S = 5.0

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal, which Windows does not have")


def link_to(url: str, abort: AbortSwitch | None = None) -> Link:
    abort = abort or AbortSwitch()
    return open_link(url, RealClock(abort), abort)


@contextmanager
def opened(url: str, abort: AbortSwitch | None = None) -> Iterator[Link]:
    link = link_to(url, abort)
    link.open()
    try:
        yield link
    finally:
        link.close()


def read_all(link: Link, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = link.read(SOON_S)
        assert chunk, f"hung up after {data!r}"
        data += chunk
    return data


@contextmanager
def server(handle: Callable[[socket.socket], Any]) -> Iterator[str]:
    """Serve every connection in turn with ``handle``, on a port that the system chooses; yields HOST:PORT."""
    listener = socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                if stopping.is_set():
                    return
                handle(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    try:
        yield f"127.0.0.1:{port}"
    finally:
        stopping.set()
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join(SOON_S)
        listener.close()
        assert not thread.is_alive()


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def hold(connection: socket.socket) -> None:
    """Silent until the other side closes."""
    while connection.recv(65536):
        pass


class PseudoTerminal:
    """POSIX only. ``device`` is the port; what is written there is read here and the other way round."""

    def __init__(self) -> None:
        import pty  # noqa: PLC0415 - Windows has none
        import tty  # noqa: PLC0415 - likewise

        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.device = os.ttyname(self._slave)

    def hang_up(self) -> None:
        if self._slave >= 0:
            os.close(self._slave)
            os.close(self.master)
            self._slave = -1


@contextmanager
def pseudo_terminal() -> Iterator[PseudoTerminal]:
    made = PseudoTerminal()
    try:
        yield made
    finally:
        made.hang_up()


@contextmanager
def echoing(terminal: PseudoTerminal) -> Iterator[None]:
    """Answer every byte with itself."""
    ear, mouth = socket.socketpair()

    def serve() -> None:
        while True:
            ready, _, _ = select.select([terminal.master, ear.fileno()], [], [])
            if ear.fileno() in ready:
                return
            os.write(terminal.master, os.read(terminal.master, 65536))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        mouth.send(b"!")
        thread.join(SOON_S)
        ear.close()
        mouth.close()


@contextmanager
def thrown_while_waiting(abort: AbortSwitch) -> Iterator[Callable[[], float]]:
    """Throw the switch from another thread once somebody waits under it; yields how to ask when it was thrown."""
    thrown_s: list[float] = []
    done = threading.Event()

    def throw() -> None:
        # A wait announces itself by registering a waker; waits that cannot be woken are given a moment.
        for _ in range(50):
            if abort._wakers or done.wait(0.002):
                break
        done.wait(0.01)
        thrown_s.append(performance_seconds())
        abort.throw(AbortCause.OPERATOR_STOP)

    thread = threading.Thread(target=throw, daemon=True)
    thread.start()
    try:
        yield lambda: thrown_s[0]
    finally:
        done.set()
        thread.join(SOON_S)
