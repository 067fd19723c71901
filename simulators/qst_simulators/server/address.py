"""Where a simulated device is to be found: ``tcp://HOST:PORT``, ``pty:`` or ``serial:PORT``."""

from pathlib import Path

import msgspec

from qst.errors import InputError

_TCP, _PTY, _SERIAL = "tcp://", "pty:", "serial:"
_PORT_MAX = 65535
#: What the serial devices of the suite leave the factory with.
_BAUD = 115_200
_REMEDY = "write tcp://127.0.0.1:0 (the system chooses a port), pty: or serial:PORT"


class TcpAddress(msgspec.Struct, frozen=True):
    """A TCP port; 0 lets the system choose."""

    host: str
    port: int


class PtyAddress(msgspec.Struct, frozen=True):
    """A pseudo-terminal; ``link`` is a symbolic link that stays the same whatever the system calls the terminal."""

    link: Path | None


class SerialAddress(msgspec.Struct, frozen=True):
    """A serial port of this computer, the other end of whose cable is the client's."""

    port: str
    baud: int


Address = TcpAddress | PtyAddress | SerialAddress


def parse_address(text: str) -> Address:
    """Read an address: ``tcp://127.0.0.1:20121``, ``pty:``, ``pty:LINK``, ``serial:COM5``, ``serial:COM5@9600``.

    Raises:
        InputError: it is none of these.
    """
    if text.startswith(_TCP):
        return parse_tcp(text.removeprefix(_TCP), whole=text)
    if text.startswith(_PTY):
        link = text.removeprefix(_PTY)
        return PtyAddress(Path(link) if link else None)
    if text.startswith(_SERIAL):
        return _parse_serial(text)
    raise InputError(f"'{text}' is not an address to listen at", remedy=_REMEDY)


def parse_tcp(text: str, *, whole: str = "") -> TcpAddress:
    """Read ``HOST:PORT``. Raises InputError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not _is_number(port) or int(port) > _PORT_MAX:
        raise InputError(f"'{whole or text}' is not a host and a port (0 to {_PORT_MAX})", remedy="127.0.0.1:0")
    return TcpAddress(host, int(port))


def link_to(address: str) -> str | None:
    """The link of a station file that leads to a served address.

    None behind a serial port, where only the cable knows, and while a terminal is unplugged.
    """
    if address.startswith(_PTY) and address != _PTY:
        return f"serial://{address.removeprefix(_PTY)}?baud={_BAUD}"
    return address if address.startswith(_TCP) else None


def _parse_serial(text: str) -> SerialAddress:
    port, _, baud = text.removeprefix(_SERIAL).partition("@")
    if not port:
        raise InputError(f"'{text}' does not say which serial port", remedy="serial:COM5, or serial:/dev/ttyUSB0")
    if baud and (not _is_number(baud) or int(baud) == 0):
        raise InputError(f"'{baud}' is not a baud rate", where=text, remedy="such as serial:COM5@9600")
    return SerialAddress(port, int(baud) if baud else _BAUD)


def _is_number(text: str) -> bool:
    """Whether ``text`` is a plain whole number (``isdigit`` alone also takes other scripts' digits)."""
    return text.isascii() and text.isdigit()
