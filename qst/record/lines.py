"""How a record becomes a line of the log, and how a line is tied to the one before it.

A line is ``{"type":…,"seq":…,"utc":…,"t":…,<fields>,"prev":"<64 hex>","hash":"<64 hex>"}`` and a line feed. ``hash``
is the SHA-256 of the line's bytes in front of ``,"hash":``; ``prev`` is the hash of the line before, so that the last
hash vouches for the whole file. Both have a fixed length and stand at the end: a reader finds them without parsing.
"""

import datetime as dt
import hashlib
import math
import re
from collections.abc import Iterable, Iterator

import msgspec

from qst.record.records import Record, Trace

#: ``prev`` of a log's first line.
ZERO_HASH = "0" * 64
#: How every line begins.
PREFIX = b'{"type":"'
#: How a log begins.
HEADER_PREFIX = b'{"type":"header",'

_PREV_KEY = b',"prev":"'
_HASH_KEY = b'","hash":"'
_END = b'"}'
#: Lengths from the end of a line: of ``,"hash":"…"}``, to the hash, and to ``prev``.
HASHED_END = -(len(_HASH_KEY) - 1 + 64 + len(_END))
_DIGEST = slice(-(64 + len(_END)), -len(_END))
_PREV = slice(HASHED_END - 65, HASHED_END - 1)

#: How a line ends, of the hashes of its predecessor and of itself.
END_OF_LINE = _PREV_KEY + b"%b" + _HASH_KEY + b"%b" + _END

_PAIR = re.compile(rb',"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"')

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


class UnwritableRecordError(ValueError):
    """The record holds something that would not read back as it was: the caller's mistake; nothing was written."""


def utc_text(utc: dt.datetime) -> str:
    """``2000-01-01T09:00:01.234Z``: ISO 8601 in UTC, whole milliseconds."""
    return utc.astimezone(dt.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def compose(record: Record, *, seq: int, utc: str, t_s: float, prev: str) -> tuple[bytes, str]:
    """The line (with its line feed) for ``record``, and its hash.

    Raises:
        UnwritableRecordError: a field has the wrong type, or a number is not finite (JSON cannot say so).
    """
    encoded = _encode(record)
    head = len(PREFIX) + len(tag_of(record)) + 1
    hashed = b'%b,"seq":%d,"utc":"%b","t":%.6f%b,"prev":"%b"' % (
        encoded[:head],
        seq,
        utc.encode("ascii"),
        t_s,
        encoded[head:-1],
        prev.encode("ascii"),
    )
    digest = hashlib.sha256(hashed).hexdigest()
    return hashed + b',"hash":"' + digest.encode("ascii") + b'"}\n', digest


def tag_of(record: Record) -> str:
    """The record's ``type``."""
    return str(record.__struct_config__.tag)


def _encode(record: Record) -> bytes:
    """The record alone as JSON, proved to read back."""
    if not _is_finite(record):
        raise UnwritableRecordError(f"a number in the record {tag_of(record)!r} is not finite")
    try:
        encoded = _ENCODER.encode(record)
        _DECODER.decode(encoded)
    except (TypeError, ValueError) as error:  # ValueError covers msgspec's own errors and unencodable text
        raise UnwritableRecordError(f"the record {tag_of(record)!r} cannot be written: {error}") from error
    return encoded


def _is_finite(record: Record) -> bool:
    if isinstance(record, Trace):
        return all(map(math.isfinite, record.t_s)) and all(map(math.isfinite, record.value))
    return all(math.isfinite(value) for value in msgspec.structs.astuple(record) if isinstance(value, float))


def is_bound(line: bytes, prev: bytes) -> bool:
    """Whether ``line`` (without line feed) is unchanged and follows the line with the hash ``prev``."""
    return line.endswith(END_OF_LINE % (prev, _digest(line[:HASHED_END])))


def is_chain(lines: Iterable[bytes]) -> bool:
    """Whether all ``lines`` are unchanged and in their places, from the first line of a log on."""
    sha256 = hashlib.sha256
    prev = ZERO_HASH.encode("ascii")
    for line in lines:
        digest = sha256(line[:HASHED_END]).hexdigest().encode("ascii")
        if not line.endswith(_PREV_KEY + prev + _HASH_KEY + digest + _END):
            return False
        prev = digest
    return True


def prev_of(line: bytes) -> bytes:
    """The hash of the predecessor as the line states it, by position; not checked."""
    return line[_PREV]


def hash_of(line: bytes) -> bytes:
    """The line's own hash as it states it, by position; not checked."""
    return line[_DIGEST]


def hashes_of_changed(changed: bytes, prev: bytes) -> Iterator[bytes]:
    """What the hash of the last of some changed lines (joined) was, if they followed the line with the hash ``prev``.

    Only what the bytes themselves bear out is offered: lines that were put in from another log lead nowhere.
    """
    last = prev
    for named, digest in _PAIR.findall(changed):
        if named == last:
            prev, last = named, digest
    yield last
    # The change may have hit the hash itself: what stands in front of it still gives it.
    at = changed.rfind(_PREV_KEY + prev)
    if at >= 0:
        yield _digest(changed[: at + len(_PREV_KEY) + 64] + b'"')
    # Or it hit the predecessor's hash, by a byte more, a byte less or another byte: put right, it gives the hash.
    stated = hash_of(changed)
    for length in (149, 148, 150):
        if _digest(changed[:-length] + _PREV_KEY + prev + b'"') == stated:
            yield stated


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).hexdigest().encode("ascii")


class TraceHasher:
    """Fingerprint of one attempt's traces: SHA-256 over the hashes of its trace lines, in order, as ASCII text.

    Each line's hash covers the line's samples, so this vouches for them all, and a reader needs no sample to check it.
    """

    __slots__ = ("_hash", "_n_lines")

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._n_lines = 0

    def add(self, line_hash: str) -> None:
        """Add the hash of the next trace line (what ``LogWriter.write`` returned)."""
        self._hash.update(line_hash.encode("ascii"))
        self._n_lines += 1

    def hexdigest(self) -> str:
        """64 hex digits; empty when the attempt has no trace."""
        return self._hash.hexdigest() if self._n_lines else ""
