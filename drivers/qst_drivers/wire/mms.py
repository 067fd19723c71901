"""The bytes of Medoc Main Station's External Control over TCP: numbers and requests; replies are in ``mms_reply``.

One request, one reply, then MMS closes the connection. Every number is little-endian in the form encoded here. There is
no checksum, no version byte and no terminator; the only thing that ties a reply to its request is the request's time
stamp, which MMS copies, and its command number.

Sources: Medoc, *TSA 2 External Control Addendum* (printed January 2020), tables 1, 2 and 5, and Medoc's MATLAB sample
of the same package; *Pathway Technical Reference Manual* DC 00054, External Control chapter. How clients differ is
taken from public ones: HAPNlab/heat-task, cosanlab/pymedoc, canlab/CANLab_PsychoPy_Toolbox, omriloew/eyepy.
"""

import struct
from enum import IntEnum
from typing import NamedTuple

import msgspec

from qst.errors import LocalProtocolError, RemoteProtocolError

#: Temperatures on the wire are whole hundredths of a degree Celsius.
HUNDREDTHS_PER_C = 100

U32_MAX = 0xFFFF_FFFF
WORD_MAX = 0xFF

LENGTH_SIZE = 4


class Command(IntEnum):
    """Numbers of the commands. 2 to 13 are printed by Medoc; 0, 1 and 14 come from its sample code."""

    GET_STATUS = 0
    SELECT_TP = 1
    START = 2
    PAUSE = 3
    TRIGGER = 4
    STOP = 5
    ABORT = 6
    YES = 7
    NO = 8
    COVAS = 9
    VAS = 10
    SPECIFY_NEXT = 11
    T_UP = 12
    T_DOWN = 13
    KEYUP = 14


class SystemState(IntEnum):
    """What MMS as a whole is doing."""

    IDLE = 0
    READY = 1
    TEST = 2


class TestState(IntEnum):
    """What the test is doing."""

    __test__ = False  # not a test case, whatever its name begins with

    IDLE = 0
    RUNNING = 1
    PAUSED = 2
    READY = 3


class ReturnCode(IntEnum):
    """An enumeration, not bit flags: 0x3000 is not 0x1000 and 0x2000 at once."""

    OK = 0
    ILLEGAL_ARG = 1
    ILLEGAL_STATE = 2
    ILLEGAL_TEST_STATE = 3
    DEVICE_COMM_ERROR = 0x1000
    SAFETY_WARNING = 0x2000
    WAITING_MANUAL_OPERATION = 0x3000
    SAFETY_ERROR = 0x4000


# Parameters by command: (least, greatest, required). What COVAS and SPECIFY_NEXT take is unverified.
_PARAMETERS: dict[int, tuple[int, int, bool]] = {
    Command.SELECT_TP: (0, WORD_MAX, True),
    Command.COVAS: (0, 255, False),
    Command.VAS: (0, 10, True),
    Command.SPECIFY_NEXT: (0, U32_MAX, False),
    Command.T_UP: (0, U32_MAX, True),
    Command.T_DOWN: (0, U32_MAX, True),
}
_COMMANDS = frozenset(int(command) for command in Command)

_PLAIN = struct.Struct("<IIB")
_WITH_PARAMETER = struct.Struct("<IIBI")
_REQUEST_HEAD = struct.Struct("<IB")
_U32 = struct.Struct("<I")
_PLAIN_LENGTH = 5
_PARAMETER_LENGTH = 9
# Public clients send the request's length in either byte order, and MMS took both.
_REQUEST_LENGTHS = {
    length.to_bytes(LENGTH_SIZE, order): length
    for length in (_PLAIN_LENGTH, _PARAMETER_LENGTH)
    for order in ("little", "big")
}


class Request(msgspec.Struct, frozen=True):
    """A command to MMS, checked when it is made.

    Args:
        command: a :class:`Command`.
        timestamp: u32, opaque to MMS, which copies it into the reply; customarily Unix seconds.
        parameter: u32: the program's 8-bit word for SELECT_TP, a rating 0..10 for VAS, hundredths of a degree for T_UP
            and T_DOWN (:func:`hundredths`); None for commands that take none.

    Raises:
        LocalProtocolError: the wire cannot express this, or no document says what it would mean.
    """

    command: int
    timestamp: int
    parameter: int | None = None

    def __post_init__(self) -> None:
        if self.command not in _COMMANDS:
            raise LocalProtocolError(f"MMS has no command {self.command}")
        if not 0 <= self.timestamp <= U32_MAX:
            raise LocalProtocolError(f"time stamp {self.timestamp} does not fit in 32 bits")
        if self.command in _PARAMETERS:
            _check_parameter(self.command, self.parameter)
        elif self.parameter is not None:
            raise LocalProtocolError(f"{Command(self.command).name} takes no parameter, not {self.parameter}")


def _check_parameter(command: int, parameter: int | None) -> None:
    """Raise LocalProtocolError unless the parameter is one that the command takes."""
    least, greatest, required = _PARAMETERS[command]
    name = Command(command).name
    if parameter is None:
        if required:
            raise LocalProtocolError(f"{name} needs a parameter")
    elif not least <= parameter <= greatest:
        raise LocalProtocolError(f"{name} takes {least} to {greatest}, not {parameter}")


def hundredths(difference_c: float) -> int:
    """A temperature difference in °C as the parameter of T_UP or T_DOWN.

    Raises:
        LocalProtocolError: negative (use the other command), not finite, or not a multiple of 0.01 °C.
    """
    if not 0 <= difference_c * HUNDREDTHS_PER_C <= U32_MAX:
        raise LocalProtocolError(f"a shift of {difference_c} °C cannot be sent: MMS takes magnitudes")
    count = round(difference_c * HUNDREDTHS_PER_C)
    if abs(count - difference_c * HUNDREDTHS_PER_C) > 1e-6:  # noqa: PLR2004 - rounding of a decimal text, in hundredths
        raise LocalProtocolError(f"a shift of {difference_c} °C is not a multiple of 0.01 °C")
    return count


def encode_request(request: Request) -> bytes:
    """The 9 or 13 bytes of a request, all numbers little-endian."""
    if request.parameter is None:
        return _PLAIN.pack(_PLAIN_LENGTH, request.timestamp, request.command)
    return _WITH_PARAMETER.pack(_PARAMETER_LENGTH, request.timestamp, request.command, request.parameter)


class ReceivedRequest(NamedTuple):
    """A request as MMS sees it: unknown commands and needless parameters included.

    ``timestamp`` is the little-endian reading of four opaque bytes, so that echoing it gives the same four bytes back
    whatever order the client meant.
    """

    command: int
    timestamp: int
    parameter: int | None = None


class RequestDecoder:
    """MMS's side: bytes in, requests out. One decoder a connection; after an error it stays broken."""

    __slots__ = ("_broken", "_buffer")

    def __init__(self) -> None:
        self._buffer = b""
        self._broken = False

    def feed(self, data: bytes) -> list[ReceivedRequest]:
        """The requests that are complete now.

        Raises:
            RemoteProtocolError: the length field is neither 5 nor 9 in either byte order.
        """
        if self._broken:
            raise RemoteProtocolError("the client has sent an illegal length before; the connection is of no use")
        buffer = self._buffer + data if self._buffer else data
        if _REQUEST_LENGTHS.get(buffer[:LENGTH_SIZE]) == len(buffer) - LENGTH_SIZE:  # one whole request, as ever
            self._buffer = b""
            return [_received(buffer[LENGTH_SIZE:])]
        requests = []
        while len(buffer) >= LENGTH_SIZE:
            length = _REQUEST_LENGTHS.get(buffer[:LENGTH_SIZE])
            if length is None:
                self._broken = True
                self._buffer = b""
                raise RemoteProtocolError(f"a request cannot begin with {buffer[:LENGTH_SIZE].hex(' ')}")
            if len(buffer) < LENGTH_SIZE + length:
                break
            requests.append(_received(buffer[LENGTH_SIZE : LENGTH_SIZE + length]))
            buffer = buffer[LENGTH_SIZE + length :]
        self._buffer = buffer
        return requests

    @property
    def pending(self) -> bytes:
        """Bytes of a request that is not complete yet."""
        return self._buffer


def _received(body: bytes) -> ReceivedRequest:
    """Read a request's body of 5 or 9 bytes."""
    timestamp, command = _REQUEST_HEAD.unpack_from(body)
    if len(body) == _PLAIN_LENGTH:
        return ReceivedRequest(command, timestamp)
    return ReceivedRequest(command, timestamp, _U32.unpack_from(body, _PLAIN_LENGTH)[0])
