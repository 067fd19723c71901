"""Replies of the QST.Lab TCS II, both ways: what the driver decodes is what the simulator encodes.

Replies carry no tag and no terminator: which one it is follows from what was asked, and where it ends from its length.
They are read by position. (Splitting temperatures at ``+`` loses zones below 0 °C, and old firmware prints a space.)

Source: TCS 2.2 User's Manual, QST.Lab MATLAB libraries, parsers published by the UCLouvain TCS toolbox. Unverified:
whether ``Q`` and ``?`` begin with CR (both accepted), the layout of ``P`` (read as CR-separated commands, any order),
what follows the probe type in ``H``, how streamed lines end and how they show temperatures below 0 °C.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from qst.errors import RemoteProtocolError
from qst_drivers.wire.tcs import ZONE_COUNT

#: Query letters with a reply of known length, and the longest form of that reply in bytes.
REPLY_BYTES: dict[str, int] = {"E": 24, "K": 3, "B": 14, "Q": 7, "?": 4}
#: Most characters read for a free-text reply (``H``, ``P``, ``Ur``) before it counts as garbage.
TEXT_LIMIT = 16_384
#: A sensor field of a zone without a probe, in °C: readings above this cannot be skin temperatures.
NO_PROBE_ABOVE_C = 65.0

_TEMPERATURES = re.compile(rb"\r(\d\d\d)" + rb"([+\- ]\d\d\d)" * ZONE_COUNT)
_KEYS = {b"\r00": (False, False), b"\r01": (False, True), b"\r10": (True, False), b"\r11": (True, True)}
_BATTERY = re.compile(rb"\r(\d\d\.\d{4})v (\d{3})%")
_SENSORS = re.compile(rb"\r?([0-9]{6})")
_HEADER = re.compile(rb"\rFirmware: (.{24})\rProbe ID: (.{23})\rProbe TYPE: (\d{3})", re.DOTALL)
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})")
_CLOCK = re.compile(rb"\r" + rb"(\d\d)" * 6)
_LINE_FIELD = re.compile(rb"[+\- ]\d\d\.\d")
_PARAMETER = re.compile(r"(Om|Ov|Or|Ot|Ue|[NSCVRDTIY])(\d+)")


class Temperatures(NamedTuple):
    """``E``: a reference near ambient (never a skin temperature) and the five zones, °C."""

    reference_c: float
    zones_c: tuple[float, float, float, float, float]


class Keys(NamedTuple):
    """``K``: the stimulation button and the participant's response button, True when down."""

    stimulate: bool
    respond: bool


class Battery(NamedTuple):
    """``B``: volts, and charge in percent (100 % included)."""

    volts: float
    percent: int


class Sensors(NamedTuple):
    """``Q``: error digit of the neutral sensor and of the five zones' sensors; 0 is sound."""

    neutral: int
    zones: tuple[int, ...]

    @property
    def sound(self) -> bool:
        """Whether every sensor reports 0."""
        return self.neutral == 0 and not any(self.zones)


class Alive(NamedTuple):
    """``?``: the device's own name."""

    name: str


class Header(NamedTuple):
    """``H``: firmware text, probe identity (8 hexadecimal bytes), probe type (3 digits)."""

    firmware: str
    probe_id: str
    probe_type: str

    @property
    def major(self) -> int | None:
        """Major firmware version; None when the text shows none."""
        found = _VERSION.search(self.firmware)
        return int(found[1]) if found else None


Reply = Temperatures | Keys | Battery | Sensors | Alive


def _illegal(what: str, data: bytes) -> RemoteProtocolError:
    return RemoteProtocolError(f"the TCS answered {data[:40]!r} where {what} was due")


def decode_temperatures(data: bytes) -> Temperatures:
    """24 bytes: CR, 3 digits, then five times a sign (``+``, ``-`` or a space) and 3 digits, all in 0.1 °C."""
    found = _TEMPERATURES.fullmatch(data)
    if found is None:
        raise _illegal("the reply to E", data)
    n, a, b, c, d, e = found.groups()
    return Temperatures(int(n) / 10, (int(a) / 10, int(b) / 10, int(c) / 10, int(d) / 10, int(e) / 10))


def decode_keys(data: bytes) -> Keys:
    """3 bytes: CR, stimulation button, response button."""
    found = _KEYS.get(data)
    if found is None:
        raise _illegal("the reply to K", data)
    return Keys(*found)


def decode_battery(data: bytes) -> Battery:
    """14 bytes, such as CR ``19.1234v 040%``."""
    found = _BATTERY.fullmatch(data)
    if found is None or int(found[2]) > 100:  # noqa: PLR2004 - percent
        raise _illegal("the reply to B", data)
    return Battery(float(found[1]), int(found[2]))


def decode_sensors(data: bytes) -> Sensors:
    """6 digits, with or without CR in front (unverified)."""
    found = _SENSORS.fullmatch(data)
    if found is None:
        raise _illegal("the reply to Q", data)
    digits = [byte - ord("0") for byte in found[1]]
    return Sensors(digits[0], tuple(digits[1:]))


def decode_alive(data: bytes) -> Alive:
    """``TCS``, with or without CR in front (unverified)."""
    if data not in (b"\rTCS", b"TCS"):
        raise _illegal("the reply to ?", data)
    return Alive("TCS")


_DECODERS: dict[str, Callable[[bytes], Reply]] = {
    "E": decode_temperatures,
    "K": decode_keys,
    "B": decode_battery,
    "Q": decode_sensors,
    "?": decode_alive,
}
_CR = 0x0D


class ReplyDecoder:
    """Bytes into replies to the queries that were announced with :meth:`expect`, in their order.

    A byte that nobody asked for is a RemoteProtocolError, and so is a reply of the wrong shape; afterwards call
    :meth:`clear` and resynchronise. The buffer never holds more than one incomplete reply.
    """

    __slots__ = ("_awaited", "_buffer")

    def __init__(self) -> None:
        self._awaited: deque[str] = deque()
        self._buffer = b""

    @property
    def complete(self) -> bool:
        """Whether everything that was announced has arrived."""
        return not self._awaited

    @property
    def received(self) -> int:
        """Bytes of the incomplete reply that have arrived."""
        return len(self._buffer)

    def expect(self, queries: str) -> None:
        """Announce the replies to these one-letter queries."""
        self._awaited.extend(queries)

    def clear(self) -> None:
        """Forget what was announced and what has arrived."""
        self._awaited.clear()
        self._buffer = b""

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that ``data`` completes."""
        buffer = self._buffer + data if self._buffer else data
        replies: list[Reply] = []
        awaited = self._awaited
        position = 0
        while awaited and position < len(buffer):
            query = awaited[0]
            end = position + REPLY_BYTES[query] - (query in "Q?" and buffer[position] != _CR)
            if end > len(buffer):
                break
            replies.append(_DECODERS[query](buffer[position:end]))
            awaited.popleft()
            position = end
        self._buffer = buffer[position:]
        if self._buffer and not awaited:
            raise _illegal("nothing", self._buffer)
        return replies


def decode_header(data: bytes) -> Header:
    """The identity out of the text that answers ``H``; whatever precedes and follows it is ignored."""
    found = _HEADER.search(data)
    if found is None:
        raise _illegal("the reply to H", data)
    firmware, probe_id, probe_type = (field.decode("ascii", "replace").strip() for field in found.groups())
    return Header(firmware, probe_id, probe_type)


def decode_parameters(data: bytes) -> dict[str, int]:
    """The text that answers ``P``, as integers on the wire's grid, one key a parameter and zone.

    Keys: ``N`` and ``Om`` (0.1 °C); ``S1``…``S5``; ``C1``… (0.01 °C); ``V1``…, ``R1``… (0.01 °C/s); ``D1``… (ms);
    ``Ue1``…. Zone 0 stands for all five. Lines of any other form are ignored: their layout is unverified.
    """
    parameters: dict[str, int] = {}
    for line in data.decode("ascii", "replace").split("\r"):
        found = _PARAMETER.fullmatch(line.strip())
        if found is not None:
            parameters.update(_parameter(found[1], found[2]))
    return parameters


#: letters -> (key, digits after the zone, factor to the key's grid)
_BY_ZONE = {
    "C": ("C", 3, 10),
    "Ot": ("C", 4, 1),
    "V": ("V", 4, 10),
    "Ov": ("V", 5, 1),
    "R": ("R", 4, 10),
    "Or": ("R", 5, 1),
    "D": ("D", 5, 1),
}


def _parameter(name: str, digits: str) -> Mapping[str, int]:
    if name in ("S", "Ue"):
        return (
            {f"{name}{zone}": int(flag) for zone, flag in enumerate(digits, start=1)}
            if len(digits) == ZONE_COUNT
            else {}
        )
    if name not in _BY_ZONE:
        return {name: int(digits)}
    key, width, factor = _BY_ZONE[name]
    zone, value = int(digits[0]), digits[1:]
    if len(value) != width or zone > ZONE_COUNT:
        return {}
    zones = range(1, ZONE_COUNT + 1) if zone == 0 else (zone,)
    return {f"{key}{each}": int(value) * factor for each in zones}


def decode_clock(data: bytes) -> datetime:
    """13 bytes that answer ``Xr``: CR, then two digits each of hour, minute, second, day, month and year.

    The device's own date and time; in which time zone is whatever somebody has set.
    """
    found = _CLOCK.fullmatch(data)
    if found is None:
        raise _illegal("the reply to Xr", data)
    hour, minute, second, day, month, year = map(int, found.groups())
    try:
        return datetime(2000 + year, month, day, hour, minute, second)
    except ValueError as never:
        raise _illegal("a date and time", data) from never


def encode_clock(moment: datetime) -> bytes:
    """The reply to ``Xr``."""
    return f"\r{moment:%H%M%S%d%m%y}".encode("ascii")


def decode_line(line: bytes) -> tuple[float, ...]:
    """One streamed line: five fields of sign, two digits, point, digit; °C. There is no reference field."""
    text = line.strip(b"\r\n")
    fields = _LINE_FIELD.findall(text)
    if len(fields) != ZONE_COUNT or b"".join(fields) != text:
        raise _illegal("a streamed line", line)
    return tuple(float(field) for field in fields)


def encode_temperatures(reference: int, zones: Sequence[int], *, plus: str = "+") -> bytes:
    """The reply to ``E``; all values in 0.1 °C, within ±99.9 °C."""
    a, b, c, d, e = zones
    text = f"\r{reference:03d}{a:+04d}{b:+04d}{c:+04d}{d:+04d}{e:+04d}"
    return (text if plus == "+" else text.replace("+", plus)).encode("ascii")


_KEY_BYTES = {state: data for data, state in _KEYS.items()}


def encode_keys(*, stimulate: bool, respond: bool) -> bytes:
    """The reply to ``K``."""
    return _KEY_BYTES[(stimulate, respond)]


def encode_battery(volts: float, percent: int) -> bytes:
    """The reply to ``B``."""
    return f"\r{volts:07.4f}v {percent:03d}%".encode("ascii")


def encode_sensors(neutral: int, zones: Sequence[int]) -> bytes:
    """The reply to ``Q``, with CR in front (unverified)."""
    return f"\r{neutral}{''.join(map(str, zones))}".encode("ascii")


def encode_header(header: Header, tail: str = "") -> bytes:
    """The reply to ``H``; ``tail`` is what follows the probe type."""
    head = f"\rFirmware: {header.firmware:<24.24}\rProbe ID: {header.probe_id:<23.23}"
    return f"{head}\rProbe TYPE: {header.probe_type:>03.3}{tail}".encode("ascii")


def encode_line(zones: Sequence[int]) -> bytes:
    """One streamed line from 0.1 °C values; ends with CR LF (unverified)."""
    return ("".join([f"{'-' if value < 0 else '+'}{abs(value) / 10:04.1f}" for value in zones]) + "\r\n").encode(
        "ascii"
    )
