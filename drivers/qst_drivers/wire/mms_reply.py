"""Replies of Medoc Main Station's External Control over TCP.

Three generations are known by the length of their body: 13 bytes without a temperature, 18 without TTL, 19 with
everything; a message may follow each. A message after a short body cannot be told from a longer body by itself, so a
client that has seen a reply without a message should say which generation it talks to.

Sources: as in :mod:`qst_drivers.wire.mms`. The byte order of the reply and the two shorter generations are taken from
public clients and from one packet capture (HAPNlab/heat-task), and are unverified beyond them.
"""

import struct
from typing import NamedTuple

from qst.errors import LocalProtocolError, RemoteProtocolError

from qst_drivers.wire.mms import HUNDREDTHS_PER_C, LENGTH_SIZE, ReturnCode

#: Bytes after the length field of a reply, without its message, in the three generations of MMS.
BODY_WITHOUT_TEMPERATURE = 13  # unverified: Pathway, 2015-18, as pymedoc reads it
BODY_WITHOUT_TTL = 18  # unverified: as CANlab and eyepy read it
BODY_FULL = 19
GENERATIONS = (BODY_WITHOUT_TEMPERATURE, BODY_WITHOUT_TTL, BODY_FULL)

#: Longest reply body that is believed. The documents state no bound; a message is a line of text.
BODY_MAX = 4096

_OLDEST = struct.Struct("<IBBBHI")
_MIDDLE = struct.Struct("<IBBBHIhBBB")
_FULL = struct.Struct("<IBBBHIhBBBB")

_U32 = struct.Struct("<I")
_NOT_TOLD = (None, None, None, None, None)  # temperature, CoVAS, Yes, No, TTL


class Reply(NamedTuple):
    """What MMS answered. States and return code stay plain integers, so that unknown values survive.

    ``test_time_ms``: its origin and its resets are unverified. ``temperature_hundredths_c``: signed, 1/100 °C.
    ``covas``: scale 0-100 or 0-255, unverified. ``yes``, ``no``: whether level or latched is unverified. Fields that a
    generation does not have are None. ``message``: all its bytes; the character set is unverified. ``generation``: the
    body length without message.
    """

    timestamp: int
    command: int
    system_state: int
    test_state: int
    return_code: int
    test_time_ms: int
    temperature_hundredths_c: int | None = None
    covas: int | None = None
    yes: int | None = None
    no: int | None = None
    ttl: int | None = None
    message: bytes = b""
    generation: int = BODY_FULL

    @property
    def temperature_c(self) -> float | None:
        """Temperature in °C, or None where this generation of MMS does not tell."""
        hundredths_c = self.temperature_hundredths_c
        return None if hundredths_c is None else hundredths_c / HUNDREDTHS_PER_C

    @property
    def text(self) -> str:
        """The message for a person; read as Latin-1 (unverified), without NULs."""
        return self.message.decode("latin-1").replace("\0", "").strip()

    @property
    def code_name(self) -> str:
        """The return code for a person."""
        try:
            return ReturnCode(self.return_code).name
        except ValueError:
            return f"0x{self.return_code:04X} (not documented)"


def encode_reply(reply: Reply) -> bytes:
    """A whole reply, length field included, in the form of ``reply.generation``.

    Raises:
        LocalProtocolError: a field does not fit, or its generation does not have it or lacks it.
    """
    _check_generation_fields(reply)
    try:
        if reply.generation == BODY_FULL:
            body = _FULL.pack(*reply[:11])
        elif reply.generation == BODY_WITHOUT_TTL:
            body = _MIDDLE.pack(*reply[:10])
        else:
            body = _OLDEST.pack(*reply[:6])
    except struct.error as error:
        raise LocalProtocolError(f"a reply cannot carry this: {error}") from error
    length = len(body) + len(reply.message)
    if length > BODY_MAX:
        raise LocalProtocolError(f"a message of {len(reply.message)} bytes is too long")
    return _U32.pack(length) + body + reply.message


def _check_generation_fields(reply: Reply) -> None:
    """Raise LocalProtocolError unless exactly the fields of the reply's generation are there."""
    if reply.generation not in GENERATIONS:
        raise LocalProtocolError(f"no generation of MMS has a body of {reply.generation} bytes")
    if (reply.temperature_hundredths_c is None) != (reply.generation == BODY_WITHOUT_TEMPERATURE):
        raise LocalProtocolError("the oldest reply has no temperature, and every other one has")
    if (reply.ttl is None) != (reply.generation != BODY_FULL):
        raise LocalProtocolError("only the full reply has TTL")


class ReplyDecoder:
    """The client's side: bytes in, replies out. One decoder a connection; after an error it stays broken.

    Args:
        generation: 13, 18 or 19 where it is known, so that a message after a short body is read as one; None to tell by
            length alone: 13 and 18 exactly, everything from 19 as a full reply.
    """

    __slots__ = ("_body_length", "_broken", "_buffer", "_generation")

    def __init__(self, generation: int | None = None) -> None:
        self._generation = generation
        self._buffer = b""
        self._body_length = 0  # 0: the length field has not been read
        self._broken = False

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are complete now.

        Raises:
            RemoteProtocolError: a length that no generation of MMS sends; the message quotes the bytes.
        """
        if self._broken:
            raise RemoteProtocolError("MMS has sent an illegal length before; the connection is of no use")
        buffer = self._buffer + data if self._buffer else data
        replies = []
        while True:
            if not self._body_length:
                if len(buffer) < LENGTH_SIZE:
                    break
                self._body_length = self._checked_length(buffer)
                buffer = buffer[LENGTH_SIZE:]
            if len(buffer) < self._body_length:
                break
            replies.append(_decode_body(buffer[: self._body_length], self._generation))
            buffer = buffer[self._body_length :]
            self._body_length = 0
        self._buffer = buffer
        return replies

    @property
    def pending(self) -> int:
        """How many bytes of an incomplete reply have come."""
        return len(self._buffer) + (LENGTH_SIZE if self._body_length else 0)

    def _checked_length(self, buffer: bytes) -> int:
        """The length field's value; too small, too large and ambiguous ones break the decoder."""
        length: int = _U32.unpack_from(buffer)[0]
        shortest = self._generation or BODY_WITHOUT_TEMPERATURE
        if shortest <= length <= BODY_MAX and (
            self._generation or not BODY_WITHOUT_TEMPERATURE < length < BODY_WITHOUT_TTL
        ):
            return length
        self._broken = True
        self._buffer = b""
        quoted = buffer[:32].hex(" ")
        raise RemoteProtocolError(f"a reply cannot announce {length} bytes; it began with {quoted}")


def _decode_body(body: bytes, generation: int | None) -> Reply:
    """Read a body whose length was checked."""
    if generation is None:
        generation = min(len(body), BODY_FULL)
    message = body[generation:]
    if generation == BODY_FULL:
        return Reply._make((*_FULL.unpack_from(body), message, generation))
    if generation == BODY_WITHOUT_TTL:
        return Reply._make((*_MIDDLE.unpack_from(body), None, message, generation))
    return Reply._make((*_OLDEST.unpack_from(body), *_NOT_TOLD, message, generation))
