"""Mark-10 force gauges: Gauge Control Language 2 (GCL2), as bytes.

A command is upper-case text and CR LF (a CR alone is accepted); an answer is text and CR LF. Setting commands have no
documented answer. Sources: Omega DFG-RS5 user's guide M5251 (a re-badged Mark-10 Model 5i), cross-checked with the
re-badged Series 5 (Omega DFG55, Checkline) and Series 7 (Cooper) guides.

``SAVE`` exists in the language but cannot be said with this module: it would overwrite the laboratory's own defaults.
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from qst.errors import LocalProtocolError, RemoteProtocolError

#: Auto-output rates that the gauge knows. 0 is off; 1 is an old spelling of 50 lines a second.
AUTO_OUTPUT_RATES: Final = (0, 1, 2, 5, 10, 25, 50, 125, 250)
#: Bits a byte needs on the wire: 8 data bits, no parity, 1 stop bit.
BITS_PER_BYTE: Final = 10
#: A line longer than this is garbage; the longest documented one, the answer to LIST, has about 70 bytes.
LONGEST_LINE: Final = 256

_READING_REQUESTS = ("?", "?C", "?PC", "?PT", "?CW", "?CCW", "?ET", "?A")
_FORCE_UNITS = ("LB", "OZ", "KG", "G", "N", "MN", "KN")
_TORQUE_UNITS = ("LBFT", "LBIN", "OZIN", "KGM", "KGMM", "GCM", "NM", "NCM", "NMM")
_MODES = ("CUR", "PT", "PC")
_OTHERS = ("Z", "CLR", "FULL", "NUM", "MIT", "MITD", "POL", "NPOL", "LIST", "RN", "RM", "RV", "RS")
_PLAIN: Final = frozenset(_READING_REQUESTS + _FORCE_UNITS + _TORQUE_UNITS + _MODES + _OTHERS)
_ARGUMENTS: Final[dict[str, Sequence[int]]] = {
    "AOUT": AUTO_OUTPUT_RATES,
    "AOFF": range(31),  # minutes without use until the gauge switches itself off; 0 is never
    "FLTC": range(11),  # display filter: moving average over 2**n samples
    "FLTP": range(11),  # filter of the current reading and of the peak detector
    "IPOL": range(2),
    "OPOL": range(2),
}
#: Commands that a force sensor answers with ``*11``.
TORQUE_ONLY: Final = frozenset({"?CW", "?CCW", *_TORQUE_UNITS})


class Command(msgspec.Struct, frozen=True):
    """One command: a name of the language and, where it takes one, a whole number.

    Raises:
        LocalProtocolError: not a command of this module, or an argument the gauge would refuse.
    """

    name: str
    argument: int | None = None

    def __post_init__(self) -> None:
        allowed = _ARGUMENTS.get(self.name)
        if allowed is None:
            if self.name not in _PLAIN:
                raise LocalProtocolError(f"'{self.name}' is not a command that may be sent to a Mark-10 gauge")
            if self.argument is not None:
                raise LocalProtocolError(f"the command {self.name} takes no number")
        elif type(self.argument) is not int or self.argument not in allowed:
            raise LocalProtocolError(f"{self.name} takes one of {', '.join(map(str, allowed))}, not {self.argument}")

    @property
    def text(self) -> str:
        """The command without its terminator."""
        return self.name if self.argument is None else f"{self.name}{self.argument}"


def encode(command: Command) -> bytes:
    """The command's bytes."""
    return f"{command.text}\r\n".encode("ascii")


class Unit(StrEnum):
    """Units as the gauge prints them."""

    LBF = "lbF"
    KLBF = "klbF"
    OZF = "ozF"
    KGF = "kgF"
    GF = "gF"
    N = "N"
    MN = "mN"
    KN = "kN"
    LBF_FT = "lbFft"
    LBF_IN = "lbFin"
    OZF_IN = "ozFin"
    KGF_M = "kgFm"
    KGF_MM = "kgFmm"
    GF_CM = "gFcm"
    N_M = "Nm"
    N_CM = "Ncm"
    N_MM = "Nmm"


class GaugeError(StrEnum):
    """What a gauge sends instead of an answer."""

    UNKNOWN = "*10"  # illegal command
    NOT_APPLICABLE = "*11"  # such as a torque request to a force sensor
    INVALID_SPECIFIER_OLD = "*12"  # the Checkline guide's number for the next one
    INVALID_SPECIFIER = "*21"  # such as AOUT3
    TOO_LARGE = "*22"  # such as AOFF99


class Reading(NamedTuple):
    """A measured value. ``unit`` is None in ``NUM`` mode, which leaves it out; ``text`` is the line as sent."""

    value: float
    unit: Unit | None
    text: str


class Overload(NamedTuple):
    """A word in place of a number: beyond about 110 % of capacity. Unverified: what is really sent then."""

    text: str


class ErrorReply(NamedTuple):
    """An error code."""

    error: GaugeError


class Text(NamedTuple):
    """Any other printable line, such as the answer to RM or RS (their formats are not documented)."""

    text: str


class ListReply(msgspec.Struct, frozen=True, kw_only=True):
    """The gauge's settings, as ``LIST`` tells them. None where the gauge did not mention one (older ones omit some)."""

    firmware: str = ""
    unit: Unit | None = None
    mode: str | None = None
    display_filter: int | None = None  # FLTC
    current_filter: int | None = None  # FLTP
    auto_output: int | None = None
    auto_off_min: int | None = None
    with_units: bool | None = None  # FULL or NUM
    input_inverted: bool | None = None  # IPOL
    unsigned_output: bool | None = None  # OPOL
    mitutoyo: bool | None = None
    mitutoyo_polarity: bool | None = None
    battery: int | None = None  # 0 full … 3 minimum
    other: tuple[str, ...] = ()


Reply = Reading | Overload | ErrorReply | ListReply | Text

# Other makes write the same units in other letter cases, or without the F; all of them are understood.
_UNITS: Final[dict[str, Unit]] = {unit.lower(): unit for unit in Unit} | {
    "lb": Unit.LBF,
    "oz": Unit.OZF,
    "kg": Unit.KGF,
    "g": Unit.GF,
}
_READING: Final = re.compile(r"([+-]? *(?:\d+\.?\d*|\.\d+)) *([A-Za-z]*)")
_OVERLOAD: Final = re.compile(r"OVER\b.*|HELP|-{3,}", re.IGNORECASE)
_ERRORS: Final = {error.value: ErrorReply(error) for error in GaugeError}


@lru_cache(maxsize=8192)  # readings lie on a grid, so a visit meets the same few thousand lines again and again
def decode_line(line: bytes) -> Reply:
    """One line without its terminator.

    Raises:
        RemoteProtocolError: too long, not printable ASCII, an unknown error code, or a LIST entry without its number.
    """
    if len(line) > LONGEST_LINE:
        raise RemoteProtocolError(f"the gauge sent a line of more than {LONGEST_LINE} bytes; is the baud rate right?")
    if not line.isascii() or not (text := line.decode("ascii").strip()).isprintable():
        raise RemoteProtocolError(f"the gauge sent a line that is no text: {line[:40]!r}")
    if match := _READING.fullmatch(text):
        number, token = match.groups()
        unit = _UNITS.get(token.lower())
        if unit is not None or not token:
            return Reading(float(number.replace(" ", "")), unit, text)
    if _OVERLOAD.fullmatch(text):
        return Overload(text)
    if text.startswith("*"):
        return _decode_error(text)
    return decode_list(text) if ";" in text else Text(text)


def _decode_error(text: str) -> ErrorReply:
    if (reply := _ERRORS.get(text)) is None:
        raise RemoteProtocolError(f"the gauge sent an unknown error code: {text}")
    return reply


_LIST_UNITS: Final = {unit.upper(): unit for unit in Unit} | {token.upper(): unit for token, unit in _UNITS.items()}
_LIST_NUMBERS: Final = {
    "FLTC": "display_filter",
    "FLTP": "current_filter",
    "AOUT": "auto_output",
    "AOFF": "auto_off_min",
    "IPOL": "input_inverted",
    "OPOL": "unsigned_output",
    "B": "battery",
}
_LIST_FLAGS: Final = {
    "FULL": ("with_units", True),
    "NUM": ("with_units", False),
    "MIT": ("mitutoyo", True),
    "MITD": ("mitutoyo", False),
    "POL": ("mitutoyo_polarity", True),
    "NPOL": ("mitutoyo_polarity", False),
}
_LIST_NUMBERED: Final = re.compile(r"(FLTC|FLTP|AOUT|AOFF|IPOL|OPOL|B)(.*)")


def decode_list(text: str) -> ListReply:
    """The answer to LIST, by the prefix of each entry and not by its place: older gauges omit some.

    Raises:
        RemoteProtocolError: an entry lacks its number.
    """
    found: dict[str, object] = {}
    other = []
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        if numbered := _LIST_NUMBERED.fullmatch(entry):
            found[_LIST_NUMBERS[numbered[1]]] = _list_number(numbered[1], numbered[2])
        elif entry in _LIST_FLAGS:
            name, flag = _LIST_FLAGS[entry]
            found[name] = flag
        elif entry in _LIST_UNITS:
            found["unit"] = _LIST_UNITS[entry]
        elif entry in _MODES:
            found["mode"] = entry
        elif re.fullmatch(r"V\d.*", entry):
            found["firmware"] = entry
        else:
            other.append(entry)
    return msgspec.convert({**found, "other": tuple(other)}, ListReply)


def _list_number(name: str, digits: str) -> int | bool:
    if not re.fullmatch(r"\d{1,3}", digits):
        raise RemoteProtocolError(f"the gauge's list of settings has no number after {name}: '{digits}'")
    return digits != "0" if name in ("IPOL", "OPOL") else int(digits)


def encode_list(settings: ListReply) -> bytes:
    """The line a gauge answers LIST with, in the documented order; what is None is left out."""
    numbers = (
        ("FLTC", settings.display_filter, ""),
        ("FLTP", settings.current_filter, ""),
        ("AOUT", settings.auto_output, "02"),
        ("AOFF", settings.auto_off_min, ""),
    )
    entries = [settings.firmware, settings.unit.upper() if settings.unit else "", settings.mode or ""]
    entries += [f"{name}{value:{width}d}" for name, value, width in numbers if value is not None]
    entries.append(_flag(settings.with_units, "FULL", "NUM"))
    entries.append(_flag(settings.input_inverted, "IPOL1", "IPOL0"))
    entries.append(_flag(settings.unsigned_output, "OPOL1", "OPOL0"))
    entries.append(_flag(settings.mitutoyo, "MIT", "MITD"))
    entries.append(_flag(settings.mitutoyo_polarity, "POL", "NPOL"))
    entries += list(settings.other)
    entries.append("" if settings.battery is None else f"B{settings.battery}")
    return encode_text(";".join(filter(None, entries)))


def _flag(value: bool | None, yes: str, no: str) -> str:
    return "" if value is None else yes if value else no


_MOST_DIGITS: Final = 6
_MOST_DECIMALS: Final = 3


@lru_cache(maxsize=8192)
def encode_reading(scaled: int, decimals: int, unit: Unit | None) -> bytes:
    """The line for the value ``scaled`` × 10 ** -``decimals``; without a unit (``NUM`` mode) when ``unit`` is None.

    Raises:
        LocalProtocolError: more than six digits or more than three decimals; the format has no room for them.
    """
    if not 0 <= decimals <= _MOST_DECIMALS or abs(scaled) >= 10**_MOST_DIGITS:
        raise LocalProtocolError(f"a reading of {scaled} with {decimals} decimals does not fit the gauge's format")
    digits = f"{abs(scaled):0{decimals + 1}d}"
    number = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    sign = "-" if scaled < 0 else ""
    return f"{sign}{number} {unit.value}\r\n".encode("ascii") if unit else f"{sign}{number}\r\n".encode("ascii")


def encode_text(text: str) -> bytes:
    """Any other line of a gauge.

    Raises:
        LocalProtocolError: empty, too long, or not printable ASCII.
    """
    if not text or len(text) > LONGEST_LINE or not text.isascii() or not text.isprintable():
        raise LocalProtocolError(f"not a line of a gauge: {text[:40]!r}")
    return f"{text}\r\n".encode("ascii")


def encode_error(error: GaugeError) -> bytes:
    """The line of an error."""
    return encode_text(error.value)


# CR, LF and CR LF all end a line (an empty one is dropped); NUL bytes are line noise of some converters.
_TERMINATORS: Final = bytes.maketrans(b"\r", b"\n")
_MOST_WAITING: Final = 1000


class LineSplitter:
    """Bytes in, whole lines out, whatever the splits. Both ends of the wire use it.

    Memory is bounded: of a line longer than LONGEST_LINE one byte more than that is kept, so that it can be refused.
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that ``data`` completes, without terminators, empty ones dropped."""
        *lines, rest = (self._rest + data.translate(_TERMINATORS, b"\0")).split(b"\n")
        self._rest = rest[: LONGEST_LINE + 1]
        return [line[: LONGEST_LINE + 1] for line in lines if line]


class ReplyDecoder:
    """Bytes of a gauge in, replies out."""

    __slots__ = ("_lines", "_ready")

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._ready: list[Reply] = []

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that ``data`` completes, oldest first.

        Raises:
            RemoteProtocolError: a line that no gauge may send. The good lines around it are not lost: the next call
                returns them first (the newest 1000 at most, if nobody calls).
        """
        ready = self._ready
        error = None
        for line in self._lines.feed(data):
            try:
                ready.append(decode_line(line))
            except RemoteProtocolError as bad:
                error = error or bad
        if error is not None:
            del ready[:-_MOST_WAITING]
            raise error
        self._ready = []
        return ready


def decode_command(text: str) -> Command | GaugeError:
    """What a gauge with a force sensor makes of a line from the host: a command, or the error it answers with.

    Unverified: lower case is taken as unknown, because the printed list is upper-case.
    """
    if text in TORQUE_ONLY:
        return GaugeError.NOT_APPLICABLE
    if text in _PLAIN:
        return Command(text)
    name, digits = text[:4], text[4:]
    allowed = _ARGUMENTS.get(name)
    if allowed is None:
        return GaugeError.UNKNOWN
    if not re.fullmatch(r"[0-9]{1,3}", digits):
        return GaugeError.INVALID_SPECIFIER
    if int(digits) in allowed:
        return Command(name, int(digits))
    return GaugeError.TOO_LARGE if isinstance(allowed, range) and len(allowed) > 2 else GaugeError.INVALID_SPECIFIER  # noqa: PLR2004 - a switch knows only 0 and 1
