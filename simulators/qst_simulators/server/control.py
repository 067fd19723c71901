"""The control channel: JSON lines on a loopback port, any number of clients at once."""

import socket
from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from qst.errors import InputError
from qst_simulators.server.address import TcpAddress
from qst_simulators.server.commands import CommandError, decode, refusal
from qst_simulators.server.port import Source
from qst_simulators.server.tcp_port import listen

_CHUNK = 65_536
_LINE_MAX = 65_536
_CLIENTS_MAX = 32
_LOOPBACK = ("127.0.0.1", "localhost")


class ControlPort:
    """Listens on a loopback port and answers each line with one line.

    Args:
        address: loopback only: whoever reaches this channel can throw every switch of the bench.
        obey: carries a line's command out.

    Raises:
        InputError: the address is not a loopback address, or is taken.
    """

    def __init__(self, address: TcpAddress, obey: Callable[[bytes], dict[str, Any]]) -> None:
        if address.host not in _LOOPBACK:
            raise InputError(
                f"the control channel listens on this computer only, not at {address.host}", remedy="127.0.0.1:0"
            )
        self._obey = obey
        self._listener = listen(address)
        self._clients: dict[socket.socket, bytearray] = {}

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self._listener.getsockname()[:2]
        return host, port

    def sources(self) -> Sequence[Source]:
        """What to wake up for."""
        return (self._listener, *self._clients)

    def serve(self, ready: Collection[Source]) -> None:
        """Answer every whole line that has come."""
        for client in [each for each in self._clients if each in ready]:
            self._hear(client)
        if self._listener in ready:
            self._welcome()

    def close(self) -> None:
        """Hang up on everybody."""
        for client in list(self._clients):
            self._drop(client)
        self._listener.close()

    def _welcome(self) -> None:
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        if len(self._clients) >= _CLIENTS_MAX:
            client.close()
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clients[client] = bytearray()

    def _hear(self, client: socket.socket) -> None:
        try:
            data = client.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        held = self._clients[client]
        held += data
        *lines, rest = bytes(held).split(b"\n")
        held[:] = rest
        for line in lines:
            if line.strip() and not self._say(client, self._obey(line)):
                return
        if len(held) > _LINE_MAX:
            self._say(client, refusal(CommandError(f"a line has at most {_LINE_MAX} bytes")))
            self._drop(client)

    def _say(self, client: socket.socket, answer: dict[str, Any]) -> bool:
        """Send one line; a client that does not take it is dropped, and this is False."""
        line = msgspec.json.encode(answer) + b"\n"
        try:
            taken = client.send(line)
        except OSError:
            taken = 0
        if taken < len(line):
            self._drop(client)
            return False
        return True

    def _drop(self, client: socket.socket) -> None:
        if self._clients.pop(client, None) is not None:
            client.close()


def obeying(carry_out: Callable[[Any], dict[str, Any]]) -> Callable[[bytes], dict[str, Any]]:
    """A line's command, carried out or refused, as the answer to send."""

    def obey(line: bytes) -> dict[str, Any]:
        try:
            return {"ok": True, **carry_out(decode(line))}
        except (CommandError, InputError) as error:
            return refusal(error)

    return obey
