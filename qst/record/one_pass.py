"""The common case, fast: a log that nobody touched, read in one pass over its bytes.

Lines that no table needs are told by their first bytes and never parsed; each of the others is decoded once, envelope
and record together, and validated on the way. Whatever is not exactly as the writer leaves it gets the slow and
thorough look of ``qst.record.reader``, which names what is wrong.
"""

import hashlib
from typing import Any, Final, Union, cast, get_args

import msgspec

from qst.record.assemble import assemble
from qst.record.chain import seq_of
from qst.record.lines import END_OF_LINE, HASHED_END, HEADER_PREFIX, ZERO_HASH, hash_of
from qst.record.reader import UNREADABLE, parse_log
from qst.record.records import SCHEMA_VERSION, Envelope, Header, Record
from qst.record.visit_log import Entry, VisitLog


def _with_envelope(record: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """The record's type with the envelope's fields: an entry that is its own record, made by one decoding."""
    return msgspec.defstruct(
        record.__name__,
        [(field.name, field.type) for field in msgspec.structs.fields(Envelope)],
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


#: Not spelt with ``|``: the types are made at run time.
_LINES: Any = Union[tuple(map(_with_envelope, get_args(Record)))]  # noqa: UP007 - see above
_DECODER: Final = msgspec.json.Decoder(_LINES)


#: What no table needs.
_SKIPPED: Final = (b'{"type":"trace",', b'{"type":"state",', b'{"type":"prompt",', b'{"type":"answer",')


def parse_for_tables(data: bytes, *, name: str = "", verify: bool = True) -> VisitLog:
    """As ``parse_log`` without traces and details; an entry is its own record where the quick look was enough.

    Args:
        data: the whole file.
        name: of the file.
        verify: check every line's hash and place.
    """
    ends = _ends(data) if data.startswith(HEADER_PREFIX) and data.endswith(b"\n") else []
    entries = _read_once(data, ends) if ends and (not verify or _is_chain(data, ends)) else None
    if entries is None:
        return parse_log(data, name=name, verify=verify, details=False)
    last = data[ends[-2] + 1 if len(ends) > 1 else 0 : ends[-1]]
    log = assemble(
        entries,
        (),
        name=name,
        n_bytes=len(data),
        intact_bytes=len(data),
        last_seq=seq_of(last) or 0,
        last_hash=hash_of(last).decode("ascii", errors="replace"),
        torn=None,
        missing_end=b"",
        verified=verify,
    )
    return log if not log.damage else parse_log(data, name=name, verify=verify, details=False)


def _read_once(data: bytes, ends: list[int]) -> list[Entry] | None:
    """The entries; None when one of them cannot be read, or there is not one header that is known here."""
    decode, startswith, skipped = _DECODER.decode, data.startswith, _SKIPPED
    entries = []
    begin = 0
    try:
        for end in ends:
            if not startswith(skipped, begin):
                entries.append(decode(data[begin:end]))
            begin = end + 1
    except UNREADABLE:
        return None
    found = cast("list[Entry]", entries)
    return found if _has_one_header(found) else None


def _has_one_header(entries: list[Entry]) -> bool:
    """Whether the first record is a header of a version that is known here, and no other one is."""
    first = entries[0].record
    if not isinstance(first, Header) or first.schema_version > SCHEMA_VERSION:
        return False
    return not any(isinstance(entry.record, Header) for entry in entries[1:])


def _ends(data: bytes) -> list[int]:
    """Where the line feeds are."""
    find, ends = data.find, []
    at = find(b"\n")
    while at >= 0:
        ends.append(at)
        at = find(b"\n", at + 1)
    return ends


def _is_chain(data: bytes, ends: list[int]) -> bool:
    """Whether all lines are unchanged and in their places, from the first line of a log on."""
    sha256, endswith = hashlib.sha256, data.endswith
    prev = ZERO_HASH.encode("ascii")
    begin = 0
    for end in ends:
        digest = sha256(data[begin : end + HASHED_END]).hexdigest().encode("ascii")
        if not endswith(END_OF_LINE % (prev, digest), begin, end):
            return False
        prev = digest
        begin = end + 1
    return True
