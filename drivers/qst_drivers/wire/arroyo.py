"""The text language of Arroyo temperature controllers (TECSource 5300 family): what the host may say, and the answers.

Lines of ASCII: IEEE 488.2 common commands and a tree of names joined by colons. Set commands have no answer; what was
wrong with them collects in an error queue. ``;`` chains commands and *keeps the path* of the one before, so every
command here is written with its full path from the root, and a line has at most one query, alone. How the device
hears all this: ``arroyo_device``.

Source: Arroyo Instruments, *Computer Interfacing Manual* (530-1003 Rev K). Unverified: the number of digits in answers
(anything that reads as a number is taken), and the resolution of ``TEC:TRATE`` (0.01 °C/min assumed).
"""

import math
import re
from typing import ClassVar, Final, NamedTuple

import msgspec

from qst.errors import LocalProtocolError, RemoteProtocolError

TERMINATOR: Final = "\r\n"
#: The device's input buffer in characters; one more and everything in it is discarded (error 102).
LINE_MAX: Final = 128
#: Longest answer that is waited for, in characters; error texts are the longest known ones.
ANSWER_MAX: Final = 1024
#: Fastest ramp in °C per minute.
RATE_MAX_C_PER_MIN: Final = 100.0
#: What a temperature, or a limit of it, may be, in °C.
TEMPERATURE_MIN_C, TEMPERATURE_MAX_C = -99.0, 250.0

#: Every query that the host may ask.
QUERIES: Final = frozenset(
    {
        *("*IDN", "*ESR", "*ESE", "*STB", "*SRE"),
        *("ERR", "ERRSTR", "TERM", "TERMINAL", "HEXFLOAT", "RADIX", "TIME", "TIMER", "SN", "VER"),
        *("TEC:T", "TEC:SET:T", "TEC:TRATE", "TEC:OUT", "TEC:MODE", "TEC:TOL"),
        *("TEC:COND", "TEC:EVE", "TEC:STB", "TEC:ENAB:OUTOFF", "TEC:ENAB:COND", "TEC:ENAB:EVE"),
        *("TEC:LIM:THI", "TEC:LIM:TLO", "TEC:LIM:ITE", "TEC:LIM:V", "TEC:LIM:RHI", "TEC:LIM:RLO"),
        *("TEC:ITE", "TEC:V", "TEC:R", "TEC:SEN", "TEC:CONST", "TEC:GAIN", "TEC:PID", "TEC:HEATCOOL"),
    }
)
#: Every command without arguments. ``*OPC?`` is left out on purpose: its answer may take minutes.
PLAIN: Final = frozenset({"*CLS", "*RST", "*WAI", "TEC:MODE:T", "TEC:MODE:R", "TEC:MODE:ITE", "LOCAL", "RADIX DEC"})
_FINISHED: Final = re.compile(r"\*?[A-Z]+(:[A-Z]+)*(\?| -?\d+(\.\d+)?(,\d+(\.\d+)?)*| DEC)?")
_ON_GRID: Final = 1e-6


class Bit:
    """Bits of ``TEC:COND?`` and ``TEC:EVE?``, as masks. In EVE? the last two mean "has changed"."""

    CURRENT_LIMIT: Final = 1 << 0
    VOLTAGE_LIMIT: Final = 1 << 1
    SENSOR_LIMIT: Final = 1 << 2
    TEMPERATURE_HIGH: Final = 1 << 3
    TEMPERATURE_LOW: Final = 1 << 4
    SENSOR_SHORT: Final = 1 << 5
    SENSOR_OPEN: Final = 1 << 6
    MODULE_OPEN: Final = 1 << 7
    OUT_OF_TOLERANCE: Final = 1 << 9
    OUTPUT_ON: Final = 1 << 10
    RUNAWAY: Final = 1 << 12


class Error:
    """Codes of the error queue that matter here."""

    MESSAGE_TOO_LONG: Final = 102
    UNKNOWN_PATH: Final = 123
    DATA_MISMATCH: Final = 124
    ARGUMENT_COUNT: Final = 126
    CHANGE_NOT_ALLOWED: Final = 127
    OUT_OF_RANGE: Final = 201
    SENSOR_OPEN: Final = 402
    TEMPERATURE_LIMIT: Final = 407
    SENSOR_SHORT: Final = 415
    MODE_CHANGE: Final = 435


#: What the codes mean, in the words of this suite; the device's own texts are published for 201 only.
ERROR_TEXTS: Final[dict[int, str]] = {
    9: "memory fault, output blocked",
    102: "message too long",
    104: "bad radix type",
    123: "unknown command",
    124: "data mismatch",
    126: "wrong number of arguments",
    127: "change not allowed",
    201: "Out of range",
    202: "bad data type",
    204: "bad suffix",
    303: "input overrun",
    402: "sensor open, output off",
    403: "module open, output off",
    404: "current limit, output off",
    405: "voltage limit, output off",
    406: "resistance limit, output off",
    407: "temperature limit, output off",
    409: "sensor changed, output off",
    410: "out of tolerance, output off",
    415: "sensor short, output off",
    435: "mode change, output off",
    438: "thermal trip",
    439: "thermal runaway",
    998: "not supported",
}


def decimal(what: str, value: float, low: float, high: float, digits: int = 2) -> str:
    """``value`` with at most ``digits`` decimals and no idle zeros; refused when that is not exactly what it is."""
    if not math.isfinite(value):
        raise LocalProtocolError(f"{what} is not a finite number")
    if not low <= value <= high:
        raise LocalProtocolError(f"{what} {value:g} is outside {low:g} to {high:g}")
    per_unit = 10**digits
    whole = round(value * per_unit)
    if abs(value * per_unit - whole) > _ON_GRID:
        raise LocalProtocolError(f"{what} {value:g} is not a multiple of {1 / per_unit:g}")
    units, rest = divmod(abs(whole), per_unit)
    fraction = f"{rest:0{digits}d}".rstrip("0")
    return f"{'-' if whole < 0 else ''}{units}{'.' if fraction else ''}{fraction}"


class Command(msgspec.Struct, frozen=True):
    """One command. An illegal one cannot exist: making it raises LocalProtocolError."""

    query: ClassVar[bool] = False

    def text(self) -> str:
        """The characters on the wire, without a terminator."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        if not _FINISHED.fullmatch(self.text()):
            raise LocalProtocolError(f"{self.text()!r} is no command of an Arroyo controller")


class Query(Command, frozen=True):
    """A question, such as ``Query("TEC:T")``."""

    name: str
    query: ClassVar[bool] = True

    def text(self) -> str:
        """The name and a question mark."""
        if self.name not in QUERIES:
            raise LocalProtocolError(f"{self.name!r} is no query of an Arroyo controller that this suite asks")
        return f"{self.name}?"


class Plain(Command, frozen=True):
    """A command without numbers."""

    name: str

    def text(self) -> str:
        """The name itself."""
        if self.name not in PLAIN:
            raise LocalProtocolError(f"{self.name!r} is no command without arguments")
        return self.name


class Setpoint(Command, frozen=True):
    """``TEC:T``: the set-point in °C, in steps of 0.01; the device also wants it inside its limits."""

    temperature_c: float

    def text(self) -> str:
        """``TEC:T`` and the number."""
        return "TEC:T " + decimal("the set-point in °C", self.temperature_c, TEMPERATURE_MIN_C, TEMPERATURE_MAX_C)


class RampRate(Command, frozen=True):
    """``TEC:TRATE``: how fast the set-point moves, in °C per *minute*, in steps of 0.01; 0 is at once."""

    rate_c_per_min: float

    def text(self) -> str:
        """``TEC:TRATE`` and the number."""
        return "TEC:TRATE " + decimal("the rate in °C/min", self.rate_c_per_min, 0.0, RATE_MAX_C_PER_MIN)


class Output(Command, frozen=True):
    """``TEC:OUT``: the output on or off. Off, a plate drifts towards its heat sink."""

    on: bool

    def text(self) -> str:
        """``TEC:OUT`` and a digit."""
        return f"TEC:OUT {self.on:d}"


class HighLimit(Command, frozen=True):
    """``TEC:LIM:THI``: above this temperature (°C) the device switches its output off."""

    temperature_c: float

    def text(self) -> str:
        """``TEC:LIM:THI`` and the number."""
        return "TEC:LIM:THI " + decimal("the limit in °C", self.temperature_c, TEMPERATURE_MIN_C, TEMPERATURE_MAX_C)


class LowLimit(Command, frozen=True):
    """``TEC:LIM:TLO``: below this temperature (°C) the device switches its output off."""

    temperature_c: float

    def text(self) -> str:
        """``TEC:LIM:TLO`` and the number."""
        return "TEC:LIM:TLO " + decimal("the limit in °C", self.temperature_c, TEMPERATURE_MIN_C, TEMPERATURE_MAX_C)


class CurrentLimit(Command, frozen=True):
    """``TEC:LIM:ITE``: the module's largest current in A; 10 A is the most that a 5300 of this family drives."""

    current_a: float

    def text(self) -> str:
        """``TEC:LIM:ITE`` and the number."""
        return "TEC:LIM:ITE " + decimal("the current in A", self.current_a, 0.0, 10.0)


class Tolerance(Command, frozen=True):
    """``TEC:TOL``: in tolerance means within ``band_c`` °C of the set-point for ``time_s`` s."""

    band_c: float
    time_s: float

    def text(self) -> str:
        """``TEC:TOL`` and two numbers."""
        band = decimal("the tolerance in °C", self.band_c, 0.01, 10.0)
        return f"TEC:TOL {band},{decimal('the time in s', self.time_s, 0.1, 50.0, 1)}"


class Echo(Command, frozen=True):
    """``TERMINAL``: whether the device echoes what it hears."""

    on: bool

    def text(self) -> str:
        """``TERMINAL`` and a digit."""
        return f"TERMINAL {self.on:d}"


class AnswerEnd(Command, frozen=True):
    """``TERM``: how answers end: 0 or 1 CR LF, 2 or 3 CR, 4 or 5 LF. 6 and 7 (nothing) cannot be said here."""

    code: int

    def text(self) -> str:
        """``TERM`` and a digit."""
        if self.code not in range(6):
            raise LocalProtocolError(f"answers that end with code {self.code} cannot be told apart")
        return f"TERM {self.code}"


class HexFloat(Command, frozen=True):
    """``HEXFLOAT``: whether numbers come as hexadecimal floats; this suite reads decimals only."""

    on: bool

    def text(self) -> str:
        """``HEXFLOAT`` and a digit."""
        return f"HEXFLOAT {self.on:d}"


def encode(*commands: Command) -> bytes:
    """One line with these commands, each with its full path. A query stands alone.

    Raises:
        LocalProtocolError: nothing to say, a query in company, or more than the device's buffer holds.
    """
    if not commands or (len(commands) > 1 and any(command.query for command in commands)):
        raise LocalProtocolError("a line has one query, or one or more commands and no query")
    texts = [command.text() for command in commands]
    line = texts[0] + "".join([f";{text}" if text.startswith("*") else f";:{text}" for text in texts[1:]]) + TERMINATOR
    if len(line) > LINE_MAX:
        raise LocalProtocolError(f"a line of {len(line)} characters; the device holds {LINE_MAX}")
    return line.encode("ascii")


class LineDecoder:
    """Answers, line by line, whatever they end with: CR LF, CR or LF. Empty lines are nothing."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def pending(self) -> int:
        """Bytes of a line that has not ended."""
        return len(self._buffer)

    def clear(self) -> None:
        """Forget the line that has not ended."""
        self._buffer = b""

    def feed(self, data: bytes) -> list[str]:
        """Lines that are complete now.

        Raises:
            RemoteProtocolError: not printable ASCII, or a line that does not end; nothing is kept.
        """
        parts = (self._buffer + data).replace(b"\r", b"\n").split(b"\n")
        self._buffer = parts.pop()
        lines = [self._text(part) for part in parts if part]
        if len(self._buffer) > ANSWER_MAX:
            self.clear()
            raise RemoteProtocolError(f"an answer of more than {ANSWER_MAX} characters")
        return lines

    def _text(self, line: bytes) -> str:
        if len(line) <= ANSWER_MAX and line.isascii():
            text = line.decode("ascii")
            if text.isprintable():
                return text
        self.clear()
        raise RemoteProtocolError(f"an answer that is no text of the controller: {line[:40]!r}")


class Identification(NamedTuple):
    """The parts of an answer to ``*IDN?``; empty where it has fewer."""

    maker: str
    model: str
    serial: str
    firmware: str
    build: str


_BETWEEN = re.compile(r"[ ,]+")
_INTEGER = re.compile(r"\+?\d{1,9}")
_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{0,12})?([eE][+-]?\d{1,3})?|[+-]?\.\d{1,12}")


def decode_number(text: str) -> float:
    """A decimal number. Raises RemoteProtocolError when it is none."""
    if not _NUMBER.fullmatch(text):
        raise RemoteProtocolError(f"{text[:40]!r} is no number")
    return float(text)


def decode_integer(text: str) -> int:
    """A mask, a code or a switch. Raises RemoteProtocolError when it is no whole number."""
    if not _INTEGER.fullmatch(text):
        raise RemoteProtocolError(f"{text[:40]!r} is no whole number")
    return int(text)


def decode_errors(text: str) -> tuple[int, ...]:
    """The codes of ``ERR?``; empty for ``0``. Raises RemoteProtocolError."""
    codes = tuple([decode_integer(part.strip()) for part in text.split(",")])
    return () if codes == (0,) else codes


def decode_identity(text: str) -> Identification:
    """The answer to ``*IDN?``, with spaces (manual) or commas (another source) between its parts.

    Raises:
        RemoteProtocolError: not an Arroyo, or no model.
    """
    maker, *parts = _BETWEEN.split(text.strip())
    if maker.lower() != "arroyo" or not parts:
        raise RemoteProtocolError(f"{text[:60]!r} is not an Arroyo controller's name")
    model, serial, firmware, build = (*parts, "", "", "", "")[:4]
    return Identification(maker, model, serial, firmware, build)
