"""How the QST.Lab TCS II hears its host: characters into orders.

Source: arities from the TCS 2.2 User's Manual and the device's help text; that stray bytes are dropped is what
published working code relies on. Unverified: what the device does with a non-digit inside a digit field.
"""

from typing import NamedTuple

from qst_drivers.wire.tcs import ARITY

#: Commands whose one further character is a sub-letter or a digit.
LETTERED: dict[str, str] = {"Os": "de", "Of": "123g", "Oi": "ICmt"}
#: ``Ox70`` lifts the ceiling to 70 °C on some firmware. The parser knows it, no command here can say it.
CEILING_LIFT_ARITY = 2

_PREFIXES = frozenset("OUX")


class Order(NamedTuple):
    """A command as the device's parser hears it: letters, and what followed them. Values are not checked."""

    name: str
    digits: str = ""


class HostParser:
    """The device's ear: byte after byte into orders. Its buffer is bounded by the longest profile (6002 bytes).

    Stray bytes between commands are dropped, as published working code relies on. Unverified, our choice: a byte that
    cannot belong to the command under way discards that partial command and is then read as a command letter itself.
    """

    __slots__ = ("_name", "_need", "_plain", "_rest")

    def __init__(self) -> None:
        self._name = ""  # letters of the command under way
        self._need = 0  # characters still to come; 0 while only a prefix letter is there
        self._rest: list[str] = []
        self._plain = {ord(name): Order(name) for name, count in ARITY.items() if len(name) == 1 and count == 0}

    @property
    def idle(self) -> bool:
        """True between commands."""
        return not self._name

    def feed(self, data: bytes) -> list[Order]:
        """All orders that ``data`` completes."""
        return [order for byte in data if (order := self.push(byte)) is not None]

    def push(self, byte: int) -> Order | None:
        """The order that this byte completes, if it does."""
        if not self._name:
            order = self._plain.get(byte)
            if order is None:
                self._open(chr(byte))
            return order
        character = chr(byte)
        if self._name in _PREFIXES:
            return self._second_letter(character)
        if self._fits(character):
            return self._take(character)
        self._clear()
        return self.push(byte)

    def _open(self, letter: str) -> None:
        if letter in _PREFIXES:
            self._name = letter
        elif letter in ARITY:
            self._name, self._need = letter, ARITY[letter]

    def _second_letter(self, character: str) -> Order | None:
        name = self._name + character
        self._clear()
        need = 1 if name in LETTERED else CEILING_LIFT_ARITY if name == "Ox" else ARITY.get(name)
        if need is None:
            return self.push(ord(character))
        if need == 0:
            return Order(name)
        self._name, self._need = name, need
        return None

    def _fits(self, character: str) -> bool:
        return character in LETTERED[self._name] if self._name in LETTERED else "0" <= character <= "9"

    def _take(self, character: str) -> Order | None:
        self._rest.append(character)
        self._need -= 1
        if self._need:
            return None
        if self._name == "Uw" and len(self._rest) == ARITY["Uw"]:
            self._need = 6 * int("".join(self._rest[5:8]))
            if self._need:
                return None
        order = Order(self._name, "".join(self._rest))
        self._clear()
        return order

    def _clear(self) -> None:
        self._name, self._need = "", 0
        self._rest.clear()
