"""The common case, fast: a log that nobody touched, read in one pass over its bytes.

Lines that no table needs are told by their first bytes and never parsed; each of the others is decoded once, envelope
and record together, and validated on the way. Whatever is not exactly as the writer leaves it gets the slow and
thorough look of ``qst.record.reader``, which names what is wrong.
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, Literal, Union, cast, get_args

import msgspec

from qst.record.assemble import assemble
from qst.record.chain import seq_of, utc_of
from qst.record.lines import END_OF_LINE, HASHED_END, HEADER_PREFIX, ZERO_HASH, hash_of
from qst.record.reader import UNREADABLE
from qst.record.records import READABLE_VERSIONS, Envelope, Record, Trial
from qst.record.visit_log import Entry, VisitLog


def _with_envelope(record: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The record's type with the envelope's fields: an entry that is its own record, made by one decoding."""
    words = [
        (field.name, Literal[tuple(word.value for word in field.type)])
        for field in msgspec.structs.fields(record)
        if record is Trial and isinstance(field.type, type) and issubclass(field.type, StrEnum)
    ]
    return msgspec.defstruct(
        record.__name__,
        # In a row of a table a word of an enumeration is the text that it is.
        [*words, *((field.name, field.type) for field in msgspec.structs.fields(Envelope))],
        bases=(record,),
        namespace={
            "record": property(lambda self: self),
            "t_s": property(lambda self: self.t),
            "line": property(lambda self: self.seq),  # in a log that nobody touched they are the same
        },
        tag=record.__struct_config__.tag,
        frozen=True,
        kw_only=True,
        gc=False,  # plain values, no cycles: nothing for the garbage collector to look for
    )


#: The type of an entry that is its own record, by the type of the record.
ENTRY_OF: Final[dict[type, type[Any]]] = {record: _with_envelope(record) for record in get_args(Record)}
#: Not spelt with ``|``: the types are made at run time.
_LINES: Any = Union[tuple(ENTRY_OF.values())]  # noqa: UP007 - see above
_DECODER: Final = msgspec.json.Decoder(_LINES)


#: What no table needs.
_SKIPPED: Final = (b'{"type":"trace",', b'{"type":"state",', b'{"type":"prompt",', b'{"type":"answer",')


def made_of(entries: Sequence[Entry], data: bytes, *, name: str, verify: bool) -> VisitLog:
    """The log that some entries of an untouched file make up.

    Args:
        entries: as :func:`read_once` returns them, or a part of them.
        data: the whole file.
        name: of the file.
        verify: whether every line's hash and place was checked.
    """
    last = data[data.rfind(b"\n", 0, -1) + 1 : -1]
    return assemble(
        entries,
        (),
        name=name,
        n_bytes=len(data),
        intact_bytes=len(data),
        last_seq=seq_of(last) or 0,
        last_hash=hash_of(last).decode("ascii", errors="replace"),
        last_utc=utc_of(last),
        torn=None,
        missing_end=b"",
        verified=verify,
    )


def read_once(data: bytes, *, verify: bool) -> list[Entry] | None:
    """The entries that tables need; None when a line is changed or out of its place, or there is not one known header.

    One long loop: a visit has hundreds of lines, and a study thousands of visits.

    Args:
        data: the whole file.
        verify: check every line's hash and place.
    """
    if not (data.startswith(HEADER_PREFIX) and data.endswith(b'"}\n')):  # so no CR LF, also where no hash would show it
        return None
    decode, find, startswith, endswith = _DECODER.decode, data.find, data.startswith, data.endswith
    sha256, skipped = hashlib.sha256, _SKIPPED
    entries = []
    prev = ZERO_HASH.encode("ascii")
    begin, size = 0, len(data)
    try:
        while begin < size:
            end = find(b"\n", begin)
            if verify:
                digest = sha256(data[begin : end + HASHED_END]).hexdigest().encode("ascii")
                if not endswith(END_OF_LINE % (prev, digest), begin, end):
                    return None
                prev = digest
            if not startswith(skipped, begin):
                entries.append(decode(data[begin:end]))
            begin = end + 1
    except UNREADABLE:
        return None
    header = entries[0]
    if header.schema_version not in READABLE_VERSIONS or list(map(type, entries)).count(type(header)) > 1:
        return None
    return cast("list[Entry]", entries)
