"""A device that answers every line, in a thread on the loopback interface, and keeps account of what it heard."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from qst.clock import performance_seconds
from tests.guard.waits import until

#: What counts as an answer.
ANSWER = b"fine\r\n"


class Peer:
    """Attributes: ``heard`` every line with the time of its coming; ``connections`` how many there were."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.connections = 0
        self.answers = True
        self.away = False  # takes calls and hangs up, as a terminal server whose device is not there
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connection: socket.socket | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def lines(self) -> list[bytes]:
        return [line for _, line in self.heard]

    def await_line(self, line: bytes, times: int = 1) -> float:
        """Until it has come so often; when it came first."""
        until(lambda: self.lines.count(line) >= times)
        return next(time_s for time_s, heard in self.heard if heard == line)

    def hang_up(self) -> None:
        """Close the connection; the next one is welcome."""
        if self._connection is not None:
            self._connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._over.is_set():
                connection.close()
                return
            self.connections += 1
            with connection, contextlib.suppress(OSError):
                self._connection = connection
                if not self.away:
                    self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        rest = b""
        while data := connection.recv(4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.heard.append((performance_seconds(), line))
                if self.answers:
                    connection.sendall(ANSWER)

    def close(self) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self.hang_up()
        with socket.create_connection(self._listener.getsockname()):
            self._thread.join(5.0)
        self._listener.close()


@contextmanager
def peer() -> Iterator[Peer]:
    made = Peer()
    try:
        yield made
    finally:
        made.close()
