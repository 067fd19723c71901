"""``sim://``: a simulated device in this process, on the visit's own clock.

The link knows only the device's byte side (:class:`ByteDevice`): what it is fed, and which bytes have reached the host
by a given time. On a virtual clock a read sleeps exactly until the next byte; on a real clock it waits for it.
"""

from collections.abc import Callable
from typing import Protocol

from qst.clock import Clock
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError


class ByteDevice(Protocol):
    """The byte side of a simulated device. Every method takes the time now, in seconds; time never goes backwards."""

    def connect(self, now_s: float) -> None:
        """The host opened the port or connected. Raises ConnectionRefusedError when nobody listens."""

    def disconnect(self, now_s: float) -> None:
        """The host closed its side."""

    def receive(self, data: bytes, now_s: float) -> None:
        """Bytes from the host, sent at ``now_s``."""

    def transmit(self, now_s: float) -> bytes:
        """Take the bytes that have reached the host by ``now_s``."""

    def next_transmit_s(self) -> float | None:
        """When the next byte reaches the host if nothing else is sent; None if none is under way."""

    def hung_up(self, now_s: float) -> bool:
        """Whether the device has closed the connection and all its bytes were taken."""


class SimLink:
    """A link to a simulated device.

    Args:
        device: the device's byte side.
        clock: the visit's clock.
        description: the URL it stands for, such as ``sim://mark10``.
    """

    def __init__(self, device: ByteDevice, clock: Clock, description: str) -> None:
        self._device = device
        self._clock = clock
        self._now: Callable[[], float] = clock.monotonic
        self._description = description
        self._open = False
        self._written_s = -1.0  # when the device was last written to

    @property
    def description(self) -> str:
        """The URL."""
        return self._description

    def open(self) -> None:
        """Connect to the device."""
        try:
            self._device.connect(self._now())
        except ConnectionRefusedError as refused:
            raise LinkOpenError(str(refused) or "nobody answers", where=self._description) from refused
        self._open = True

    def write(self, data: bytes) -> None:
        """Send all of ``data`` at once; the device accounts for the time its wire needs."""
        if not self._open:
            raise LinkClosedError("the link is not open", where=self._description)
        self._written_s = now_s = self._now()
        self._device.receive(data, now_s)

    def read(self, timeout_s: float) -> bytes:
        """At least one byte, or ``b""`` when the device has hung up."""
        if not self._open:
            raise LinkClosedError("the link is not open", where=self._description)
        device = self._device
        now_s = self._now()
        deadline_s = now_s + timeout_s
        if now_s == self._written_s:
            # The device has lived up to now: when its next byte is yet to come, there is nothing to look for before.
            next_s = device.next_transmit_s()
            if next_s is not None and now_s < next_s <= deadline_s:
                self._clock.sleep(next_s - now_s)
                now_s = self._now()
        while True:
            data = device.transmit(now_s)
            if data:
                return data
            if device.hung_up(now_s):
                return b""
            if now_s >= deadline_s:
                raise LinkTimeoutError(f"no answer within {timeout_s:g} s", where=self._description)
            next_s = device.next_transmit_s()
            wake_s = deadline_s if next_s is None else min(next_s, deadline_s)
            # A wait that rounding would make empty must still move time.
            self._clock.sleep(max(wake_s - now_s, 1e-9))
            now_s = self._now()

    def read_available(self) -> bytes:
        """Whatever has arrived by now."""
        if not self._open:
            raise LinkClosedError("the link is not open", where=self._description)
        return self._device.transmit(self._now())

    def close(self) -> None:
        """Hang up."""
        if self._open:
            self._open = False
            self._device.disconnect(self._now())
