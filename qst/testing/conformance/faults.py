"""What can go wrong on a wire, and what a driver may say about it."""

import random
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from qst.errors import InstrumentFaultError, LinkError, LinkTimeoutError, QstError, RemoteProtocolError
from qst.testing.faulty_link import FaultyLink

_NOISE: Final = random.Random(1).randbytes(4096)


class WireFault(NamedTuple):
    """How a link is broken, and the errors that tell it rightly; ``deaf``: the device hears nothing either."""

    strike: Callable[[FaultyLink], None]
    told_as: tuple[type[QstError], ...]
    deaf: bool = False


def _silence(link: FaultyLink) -> None:
    link.silent = True


def _changing(change: Callable[[bytes], bytes]) -> Callable[[FaultyLink], None]:
    def strike(link: FaultyLink) -> None:
        link.change = change

    return strike


#: Nothing but an answer makes sense of bytes like these: an answer that never becomes whole, or a fault that follows.
_UNREADABLE: Final = (RemoteProtocolError, LinkError, InstrumentFaultError)

WIRE_FAULTS: Final[Mapping[str, WireFault]] = {
    "silence": WireFault(_silence, (LinkTimeoutError, InstrumentFaultError)),
    "disconnect": WireFault(FaultyLink.hang_up, (LinkError,), deaf=True),
    "noise": WireFault(_changing(lambda data: _NOISE[: len(data)]), _UNREADABLE),
    "digits": WireFault(_changing(lambda data: b"7" * len(data)), _UNREADABLE),
    "line-ends": WireFault(_changing(lambda data: b"\r\n" * len(data)), _UNREADABLE),
    "endless-noise": WireFault(_changing(lambda _: _NOISE * 4), _UNREADABLE),
    "truncated": WireFault(_changing(lambda data: data[: len(data) // 2]), _UNREADABLE),
}

#: What happens to one reply only. The driver may notice it or not, but no sample may be wrong for it.
HICCUPS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "duplicated": lambda data: data + data,
    "noise-before": lambda data: _NOISE[:7] + data,
    "noise-behind": lambda data: data + _NOISE[:7],
    "lost": lambda _: b"",
    "first-byte-lost": lambda data: data[1:],
    "last-byte-lost": lambda data: data[:-1],
    "half-lost": lambda data: data[: len(data) // 2],
}

#: How late a reply may come, s: within and beyond every deadline.
DELAYS_S: Final = (0.03, 0.06, 0.12, 0.24, 0.3, 0.45, 0.55, 0.7, 0.99, 1.3, 1.9, 2.6, 4.5)
#: Which reply of those that connecting asks for comes too late.
LATE_REPLIES: Final = range(6)


def turn_a_bit(position: int, data: bytes) -> bytes:
    """``data`` with the lowest bit of its byte number ``position``, counted from the end, turned over."""
    if position >= len(data):
        return data
    turned = bytearray(data)
    turned[-1 - position] ^= 1
    return bytes(turned)


def once(link: FaultyLink, change: Callable[[bytes], bytes]) -> None:
    """Let ``change`` befall the next chunk only."""

    def strike(data: bytes) -> bytes:
        link.change = None
        return change(data)

    link.change = strike
