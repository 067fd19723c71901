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

_U32 = struct.Struct("<I")
# Of the whole frame, length field included, by generation; and how many fields of a reply it carries.
_LAYOUTS = {
    BODY_WITHOUT_TEMPERATURE: (struct.Struct("<IIBBBHI"), 6),
    BODY_WITHOUT_TTL: (struct.Struct("<IIBBBHIhBBB"), 10),
    BODY_FULL: (struct.Struct("<IIBBBHIhBBBB"), 11),
}
_N_FIELDS = 11  # before the message
_NOT_TOLD = (None,) * _N_FIELDS


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
    layout = _LAYOUTS.get(reply.generation)
    if layout is None:
        raise LocalProtocolError(f"no generation of MMS has a body of {reply.generation} bytes")
    structure, count = layout
    if reply[count:_N_FIELDS] != _NOT_TOLD[count:]:
        raise LocalProtocolError(f"a body of {reply.generation} bytes does not have all these fields")
    length = reply.generation + len(reply.message)
    if length > BODY_MAX:
        raise LocalProtocolError(f"a message of {len(reply.message)} bytes is too long")
    try:
        return structure.pack(length, *reply[:count]) + reply.message
    except struct.error as error:
        raise LocalProtocolError(f"a reply cannot carry this: {error}") from error


class ReplyDecoder:
    """The client's side: bytes in, replies out. One decoder a connection; after an error it stays broken.

    Args:
        generation: 13, 18 or 19 where it is known, so that a message after a short body is read as one; None to tell by
            length alone: 13 and 18 exactly, everything from 19 as a full reply.
    """

    __slots__ = ("_broken", "_buffer", "_generation")

    def __init__(self, generation: int | None = None) -> None:
        self._generation = generation
        self._buffer = b""
        self._broken = False

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are complete now.

        Raises:
            RemoteProtocolError: a length that no generation of MMS sends; the message quotes the bytes.
        """
        if self._broken:
            raise RemoteProtocolError("MMS has sent an illegal length before; the connection is of no use")
        buffer = self._buffer + data if self._buffer else data
        replies: list[Reply] = []
        while len(buffer) >= LENGTH_SIZE:
            size = LENGTH_SIZE + self._checked_length(buffer)
            if len(buffer) == size:
                replies.append(_decode(buffer, self._generation))
                buffer = b""
                break
            if len(buffer) < size:
                break
            replies.append(_decode(buffer[:size], self._generation))
            buffer = buffer[size:]
        self._buffer = buffer
        return replies

    @property
    def pending(self) -> int:
        """How many bytes of an incomplete reply have come."""
        return len(self._buffer)

    def _checked_length(self, buffer: bytes) -> int:
        """The length field's value; too small, too large and ambiguous ones break the decoder."""
        length: int = _U32.unpack_from(buffer)[0]
        generation = self._generation
        if (generation or BODY_FULL) <= length <= BODY_MAX or (generation is None and length in GENERATIONS):
            return length
        self._broken = True
        self._buffer = b""
        quoted = buffer[:32].hex(" ")
        raise RemoteProtocolError(f"a reply cannot announce {length} bytes; it began with {quoted}")


def _decode(frame: bytes, generation: int | None) -> Reply:
    """Read a whole frame whose length was checked."""
    if generation is None:
        generation = min(len(frame) - LENGTH_SIZE, BODY_FULL)
    structure, count = _LAYOUTS[generation]
    fields = structure.unpack_from(frame)[1:]
    return Reply._make((*fields, *_NOT_TOLD[count:], frame[structure.size :], generation))
