"""A simulated device behind a TCP port."""

import socket
from collections.abc import Collection, Sequence

from qst.errors import InputError
from qst_simulators.server.address import TcpAddress
from qst_simulators.server.port import ByteDevice, Manners, Now, Source

_CHUNK = 65_536
_BACKLOG = 64


class TcpPort:
    """Listens, and joins one client at a time to the device.

    A client that has only finished sending is still answered. What a client does not read in time is lost, as on a
    serial line.

    Args:
        device: the device's byte side.
        address: where to listen.
        now: time of the simulated world.
        manners: how the device uses a connection.

    Raises:
        InputError: this computer does not let us listen there.
    """

    look_again_s: float | None = None

    def __init__(self, device: ByteDevice, address: TcpAddress, now: Now, manners: Manners) -> None:
        self._device = device
        self._now = now
        self._manners = manners
        self._listener = listen(address)
        self._client: socket.socket | None = None
        self._finished = False  # the client has closed its sending side
        self._sent = False  # something, on this connection

    @property
    def address(self) -> str:
        """With the port that the system has chosen."""
        host, port = self._listener.getsockname()[:2]
        return f"tcp://{host}:{port}"

    def sources(self) -> Sequence[Source]:
        """The listener, and the client unless it has said its last."""
        client = self._client
        if client is None:
            return (self._listener,)
        if self._manners.in_turn:
            return () if self._finished else (client,)
        return (self._listener,) if self._finished else (client, self._listener)

    def serve(self, ready: Collection[Source]) -> None:
        """Hear, welcome, speak."""
        if self._client in ready:
            self._hear()
        if self._listener in ready:
            self._welcome()
        if self._client is not None:
            self._speak()

    def wake_s(self) -> float | None:
        """When the device next has something to say to its client."""
        return None if self._client is None else self._device.next_transmit_s()

    def close(self) -> None:
        """Hang up and stop listening."""
        self._hang_up()
        self._listener.close()

    def _welcome(self) -> None:
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):  # gone again before it was welcomed
            return
        if self._client is not None:
            while self._hear():  # it may have hung up a moment before this one called
                pass
            if not self._over():
                client.close()
                return
            self._hang_up()
        self._join(client)

    def _over(self) -> bool:
        """Whether the client is gone, or has said its last."""
        return self._client is None or self._finished

    def _join(self, client: socket.socket) -> None:
        try:
            self._device.connect(self._now())
        except ConnectionRefusedError:
            client.close()
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client, self._finished, self._sent = client, False, False
        self._hear()  # a request mostly comes right behind the connection

    def _hear(self) -> bool:
        """Pass on what has come; False when nothing has, or nothing more will."""
        client = self._client
        if client is None:
            return False
        try:
            data = client.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # reset by the client
            self._hang_up()
            return False
        if not data:
            self._finished = True
            return False
        self._device.receive(data, self._now())
        return True

    def _speak(self) -> None:
        device, now_s = self._device, self._now()
        data = device.transmit(now_s)
        if data:
            self._send(data)
        if device.hung_up(now_s) or (self._finished and device.next_transmit_s() is None):
            self._hang_up()

    def _send(self, data: bytes) -> None:
        client = self._client
        if client is None:
            return
        head = 0 if self._sent else self._manners.first_segment
        self._sent = True
        try:
            if 0 < head < len(data):
                client.send(data[:head])
                data = data[head:]
            client.send(data)
        except BlockingIOError:
            return
        except OSError:
            self._hang_up()

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._device.disconnect(self._now())
            client.close()


def listen(address: TcpAddress) -> socket.socket:
    """A listening socket that never blocks.

    Raises:
        InputError: this computer does not let us listen there.
    """
    try:
        listener = socket.create_server((address.host, address.port), backlog=_BACKLOG)
    except OSError as error:
        raise InputError(
            f"cannot listen at {address.host}:{address.port}: {error.strerror or error}",
            remedy="choose another port, or 0 to let the system choose",
        ) from error
    listener.setblocking(False)
    return listener
