"""The participant's button as a station file names it, where an instrument has none of its own.

``simulated``; ``keyboard``, or ``keyboard?key=page-down`` for a pedal that sends a key; ``serial-line://COM5`` for a
switch between two pins of a serial port, with ``?line=cts&active=high``.
"""

from typing import Final, Literal, NamedTuple
from urllib.parse import parse_qsl

from qst.errors import InputError

Kind = Literal["simulated", "keyboard", "serial-line"]

#: What a pedal may send, besides the letters, as a browser names it. A named key works also while a text is typed.
NAMED_KEYS: Final = {"space": " ", "page-down": "PageDown", "page-up": "PageUp"}
#: Letters that mean nothing else, at the terminal or on the page.
LETTERS: Final = "bcdefghijoqsuvyz"
#: Modem status lines that a computer reads.
LINES: Final = ("cts", "dsr", "ri", "cd")
#: For the published schema; the messages of a wrong file say more.
PATTERN: Final = (
    rf"^(simulated|keyboard(\?key=({'|'.join(NAMED_KEYS)}|[{LETTERS}]))?"
    rf"|serial-line(:(//)?/?[^?/][^?]*|\+[a-z0-9]+:[^?]*)(\?((line=({'|'.join(LINES)})|active=(high|low))(&|$))*)?)$"
)
_SERIAL: Final = "serial-line"
_EXAMPLES: Final = "write simulated, keyboard, keyboard?key=page-down, or serial-line://COM5?line=cts&active=high"


class ButtonSpec(NamedTuple):
    """Which button. ``key`` as a browser names it; ``port`` as pyserial takes it, behind ``scheme`` of a link.

    ``pressed_when``: whether the line is asserted ("high") while the button is pressed.
    """

    kind: Kind
    text: str
    key: str = " "
    scheme: str = "serial"
    port: str = ""
    line: str = "cts"
    pressed_when: bool = True


def parse_button(text: str) -> ButtonSpec:
    """Take a station file's button apart. Raises InputError with what is wrong and what would be right."""
    address, _, query = text.partition("?")
    kind, colon, place = address.partition(":")
    scheme, _, handler = kind.partition("+")
    if address == "simulated" and not query:
        return ButtonSpec("simulated", text)
    if address == "keyboard":
        return ButtonSpec("keyboard", text, key=_key(_options(query, "key").get("key", "space")))
    if scheme != _SERIAL or not colon:
        raise InputError(f"'{text}' is no button", remedy=_EXAMPLES)
    port = place.removeprefix("//")
    if not port and not handler:
        raise InputError(f"the button '{text}' names no port", remedy="write it like serial-line://COM5")
    options = _options(query, "line", "active")
    line = _one_of("line", options.get("line", "cts"), LINES)
    active = _one_of("active", options.get("active", "high"), ("high", "low"))
    return ButtonSpec(
        _SERIAL, text, scheme=f"serial+{handler}" if handler else "serial", port=port, line=line,
        pressed_when=active == "high",
    )  # fmt: skip


def _options(query: str, *known: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    options = dict(pairs)
    for name in options:
        if name not in known:
            raise InputError(f"'{name}' is no option of this button", remedy=f"known options: {', '.join(known)}")
    if len(pairs) != len(options) or (query and not pairs):
        raise InputError("the button's options are not readable", remedy="write each once, like ?line=cts&active=low")
    return options


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InputError(f"'{value}' is no {name} of a button", remedy=f"write one of: {', '.join(allowed)}")
    return value


def _key(name: str) -> str:
    if name in NAMED_KEYS:
        return NAMED_KEYS[name]
    if len(name) == 1 and name in LETTERS:
        return name
    raise InputError(
        f"'{name}' cannot be the participant's key",
        remedy=f"use {', '.join(NAMED_KEYS)}, or a letter without another meaning: {' '.join(LETTERS)}",
    )
