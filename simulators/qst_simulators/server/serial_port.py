"""A simulated device behind a serial port of this computer; the client is at the other end of its cable."""

import contextlib
import queue
import threading
from collections.abc import Callable, Collection, Sequence

import serial

from qst.errors import InputError
from qst_simulators.server.address import SerialAddress
from qst_simulators.server.port import ByteDevice, Now, Source

_READ_S = 0.1
_WRITE_S = 0.5
_JOIN_S = 2.0


class SerialPort:
    """A serial port read by a thread of its own, because Windows cannot wait for one together with sockets.

    A cable does not tell who is at its other end: the device counts as connected from the start.

    Args:
        device: the device's byte side.
        address: port and baud rate; 8 data bits, no parity, 1 stop bit.
        now: time of the simulated world.
        wake: tells the loop that something has come.

    Raises:
        InputError: the port cannot be opened.
    """

    look_again_s: float | None = None

    def __init__(self, device: ByteDevice, address: SerialAddress, now: Now, wake: Callable[[], None]) -> None:
        self._device = device
        self._address = address
        self._now = now
        self._wake = wake
        try:
            self._port = serial.serial_for_url(
                address.port, baudrate=address.baud, timeout=_READ_S, write_timeout=_WRITE_S
            )
        except (serial.SerialException, ValueError) as error:
            raise InputError(
                f"cannot open the serial port: {error}", where=f"serial:{address.port}", remedy="'qst ports' lists them"
            ) from error
        self._heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._closing = False
        self._connected = False
        self._connect()
        self._reader = threading.Thread(target=self._listen, name=f"serial:{address.port}", daemon=True)
        self._reader.start()

    @property
    def address(self) -> str:
        """The port's name."""
        return f"serial:{self._address.port}@{self._address.baud}"

    def sources(self) -> Sequence[Source]:
        """None: the reading thread wakes the loop."""
        return ()

    def serve(self, ready: Collection[Source]) -> None:  # noqa: ARG002 - the interface's name
        """Hear and speak."""
        if self._connected and self._device.hung_up(self._now()):
            self._connected = False
            self._device.disconnect(self._now())
        elif not self._connected:
            self._connect()
        while not self._heard.empty():
            data = self._heard.get()
            if self._connected:
                self._device.receive(data, self._now())
        if self._connected:
            self._speak()

    def wake_s(self) -> float | None:
        """When the device next has something to say."""
        return self._device.next_transmit_s() if self._connected else None

    def close(self) -> None:
        """Close the port."""
        self._closing = True
        if self._connected:
            self._connected = False
            self._device.disconnect(self._now())
        self._reader.join(_JOIN_S)
        self._port.close()

    def _connect(self) -> None:
        with contextlib.suppress(ConnectionRefusedError):  # unplugged, or switched off
            self._device.connect(self._now())
            self._connected = True

    def _speak(self) -> None:
        data = self._device.transmit(self._now())
        if data:
            with contextlib.suppress(serial.SerialException):  # nobody takes it, or the port is gone
                self._port.write(data)

    def _listen(self) -> None:
        """Read until the port is closed or gone."""
        with contextlib.suppress(serial.SerialException, OSError):
            while not self._closing:
                data = self._port.read(max(1, self._port.in_waiting))
                if data:
                    self._heard.put(data)
                    self._wake()
