"""How an Arroyo controller hears its host: a buffer of 128 characters, names in a tree, and ``;`` that keeps the path.

Source: Arroyo Instruments, *Computer Interfacing Manual* (530-1003 Rev K). Unverified: that a name which is not found
where the path points is looked for further up (inferred; the manual warns that after ``TEC:MODE:T`` a bare ``T 32`` is
heard as the mode command), and which letters of the long names may be left out beyond those in ``_LONG``.
"""

from typing import Final, NamedTuple

from qst_drivers.wire.arroyo import LINE_MAX, PLAIN, QUERIES

_SET_ONLY: Final = (
    "TEC:MODE:T",
    "TEC:MODE:R",
    "TEC:MODE:ITE",
    "*CLS",
    "*RST",
    "*WAI",
    "*OPC",
    "LOCAL",
    "BEEP",
    "DELAY",
)
_MORE: Final = ("*SAV", "*RCL", "TEC:STEP", "TEC:INC", "TEC:DEC", "TEC:AUTOTUNE", "TEC:AUTOTUNESTATE", "TEC:DIS")
#: Every name the device knows, as it is written in capitals in the manual.
NAMES: Final = frozenset({*QUERIES, *_SET_ONLY, *_MORE, *(name for name in PLAIN if " " not in name)})
#: Long forms: letters beyond the short name are optional.
_LONG: Final = {"OUT": "OUTPUT", "DIS": "DISPLAY"}


class Order(NamedTuple):
    """One command as it was heard. ``name`` is empty when no command has that name."""

    name: str
    query: bool
    arguments: tuple[str, ...] = ()


class Overflow(NamedTuple):
    """More characters than the buffer holds came without a terminator; they are discarded."""


class OrderParser:
    """From bytes to lines to orders. Terminators are CR, LF or both."""

    __slots__ = ("_buffer", "_overflown")

    def __init__(self) -> None:
        self._buffer = b""
        self._overflown = False  # what comes up to the next terminator belongs to a line that is discarded

    @property
    def pending(self) -> int:
        """Characters of a line that has not ended."""
        return len(self._buffer)

    def clear(self) -> None:
        """Empty the buffer."""
        self._buffer, self._overflown = b"", False

    def feed(self, data: bytes) -> list[list[Order] | Overflow]:
        """The lines that are complete now, each as its orders. An overflowing line is discarded up to its end."""
        heard: list[list[Order] | Overflow] = []
        *lines, rest = (self._buffer + data).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if self._overflown:
                self._overflown = False
            elif len(line) >= LINE_MAX:
                heard.append(Overflow())
            elif line.strip():
                heard.append(parse_line(line.decode("latin-1")))
        if len(rest) >= LINE_MAX and not self._overflown:
            heard.append(Overflow())
            self._overflown = True
        self._buffer = b"" if self._overflown else rest
        return heard


def parse_line(line: str) -> list[Order]:
    """The orders of one line; the path begins at the root."""
    orders = []
    path: tuple[str, ...] = ()
    for part in line.split(";"):
        if not part.strip():
            continue
        header, _, rest = part.strip().partition(" ")
        query = header.endswith("?")
        arguments = tuple([argument.strip() for argument in rest.split(",")]) if rest.strip() else ()
        name = _find(header.removesuffix("?").upper(), path)
        orders.append(Order(name, query, arguments))
        if name and not name.startswith("*"):
            path = tuple(name.split(":")[:-1])
    return orders


def _find(header: str, path: tuple[str, ...]) -> str:
    """The full name of a header: where the path points, else further up; from the root after a leading colon."""
    names = tuple([_short(name) for name in header.removeprefix(":").split(":")])
    starts = range(len(path), -1, -1) if not header.startswith((":", "*")) else (0,)
    for length in starts:
        name = ":".join((*path[:length], *names))
        if name in NAMES:
            return name
    return ""


def _short(name: str) -> str:
    for short, long in _LONG.items():
        if name.startswith(short) and long.startswith(name):
            return short
    return name
