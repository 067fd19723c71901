"""What the server's loop knows of a wire, and what a wire knows of its device."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, Protocol

from qst_drivers.wire.mms import LENGTH_SIZE

#: Whatever ``select`` can wait for: a socket or a file descriptor.
Source = Any
Now = Callable[[], float]


class ByteDevice(Protocol):
    """The byte side of a simulated device (see ``docs/simulation.md``). Times are seconds of the simulated world."""

    def connect(self, now_s: float) -> None:
        """A host is there. Raises ConnectionRefusedError when nobody listens."""

    def disconnect(self, now_s: float) -> None:
        """The host is gone."""

    def receive(self, data: bytes, now_s: float) -> None:
        """Bytes from the host."""

    def transmit(self, now_s: float) -> bytes:
        """Take the bytes that have reached the host by now."""

    def next_transmit_s(self) -> float | None:
        """When the next byte is due."""

    def hung_up(self, now_s: float) -> bool:
        """Whether the device has closed the connection and its last byte was taken."""


class Port(Protocol):
    """One device's wire, driven by the loop. Nothing here ever waits."""

    @property
    def address(self) -> str:
        """Where a client finds it."""

    #: How long, in seconds of the computer, the loop may at most sleep; None for as long as nothing happens.
    look_again_s: float | None

    def sources(self) -> Sequence[Source]:
        """What to wake up for."""

    def serve(self, ready: Collection[Source]) -> None:
        """Hear what came over ``ready`` sources and say what is due."""

    def wake_s(self) -> float | None:
        """When the device next has something to say, in seconds of the simulated world."""

    def close(self) -> None:
        """Hang up and stop listening."""


class Manners(NamedTuple):
    """How a device uses a TCP connection, where a byte stream is not the whole truth.

    ``first_segment`` bytes are sent apart from the rest; with ``in_turn`` a second client waits until the first one's
    connection is over, else it is turned away.
    """

    first_segment: int = 0
    in_turn: bool = False


#: A packet capture on MMS 7.0.0.25 (HAPNlab/heat-task) shows the length and the body of each reply as two segments.
#: unverified: what MMS does with two clients at once.
_MANNERS = {"medoc-mms": Manners(first_segment=LENGTH_SIZE, in_turn=True)}

#: Devices without a public protocol, which nobody could connect to.
WORDLESS = frozenset({"jtech-commander"})


def manners_of(name: str) -> Manners:
    """The manners of the simulator called ``name``."""
    return _MANNERS.get(name, Manners())
