"""The common case, fast: a log that nobody touched, read in one pass over its bytes.

Lines that no table needs are told by their first bytes and never parsed; each of the others is decoded once, envelope
and record together, and validated on the way. Whatever is not exactly as the writer leaves it gets the slow and
thorough look of ``qst.record.reader``, which names what is wrong.
"""

import hashlib
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple, Union, get_args

import msgspec

from qst.record.assemble import assemble
from qst.record.chain import seq_of, utc_of
from qst.record.lines import END_OF_LINE, HASHED_END, HEADER_PREFIX, ZERO_HASH, hash_of
from qst.record.reader import UNREADABLE
from qst.record.records import READABLE_VERSIONS, Decision, Envelope, Header, Record, Trial, TrialStart
from qst.record.visit_log import Entry, VisitLog


def _line_of(record: type[msgspec.Struct], *envelope: str) -> type[Any]:
    """The record's type with those fields of the envelope that are needed, so that one decoding gives both."""
    words = [
        (field.name, Literal[tuple(word.value for word in field.type)])
        for field in msgspec.structs.fields(record)
        if record is Trial and isinstance(field.type, type) and issubclass(field.type, StrEnum)
    ]
    types = {field.name: field.type for field in msgspec.structs.fields(Envelope)}
    return msgspec.defstruct(
        record.__name__,
        # In a row of a table a word of an enumeration is the text that it is.
        [*words, *((name, types[name]) for name in envelope)],
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


#: A result as it stands in its line: the fields of ``Trial``, then ``prev`` and ``hash``.
TRIAL_LINE: Final = _line_of(Trial, "prev", "hash")
_START_LINE: Final = _line_of(TrialStart, "utc", "t")
_DECISION_LINE: Final = _line_of(Decision)
#: Not spelt with ``|``: the types are made at run time.
_OTHER_LINES: Any = Union[  # noqa: UP007 - see above
    tuple(_line_of(record, *Envelope.__struct_fields__) for record in get_args(Record))
]

_decode_trial: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(TRIAL_LINE).decode
_decode_start: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(_START_LINE).decode
_decode_decision: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(_DECISION_LINE).decode
_decode_other: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(_OTHER_LINES).decode

#: Beginnings of lines, all of the same length.
_N_FIRST: Final = len(b'{"type":"trial",')
_FIRST_OF_TRIAL, _FIRST_OF_START, _FIRST_OF_DECISION = b'{"type":"trial",', b'{"type":"trial_s', b'{"type":"decisio'
#: What no table needs.
_SKIPPED: Final = (b'{"type":"trace",', b'{"type":"state",', b'{"type":"prompt"', b'{"type":"answer"')


class Lines(NamedTuple):
    """The lines of an untouched log that tables need, decoded, each kind in the log's order.

    Attributes:
        starts: ``TrialStart`` with ``utc`` and ``t``.
        trials: ``TRIAL_LINE``.
        decisions: ``Decision``.
        others: everything else, as entries that are their own records.
        begun_at_trials: for each of ``trials``, how many of ``starts`` stand before it.
        begun_at_decisions: the same for each of ``decisions``.
        begun_at_others: the same for each of ``others``.
    """

    starts: list[Any]
    trials: list[Any]
    decisions: list[Any]
    others: list[Any]
    begun_at_trials: list[int]
    begun_at_decisions: list[int]
    begun_at_others: list[int]


def read_once(data: bytes, *, verify: bool) -> Lines | None:
    """The lines; None when one is changed or out of its place, or there is not one header of a known version.

    One long loop: a visit has hundreds of lines, and a study thousands of visits.

    Args:
        data: the whole file.
        verify: check every line's hash and place.
    """
    if not (data.startswith(HEADER_PREFIX) and data.endswith(b'"}\n')):  # so no CR LF, also where no hash would show it
        return None
    found = Lines([], [], [], [], [], [], [])
    starts = found.starts
    decode_other: Callable[[bytes], Any] = msgspec.json.Decoder(_OTHER_LINES).decode
    ways = dict.fromkeys(_SKIPPED) | {
        _FIRST_OF_TRIAL: (msgspec.json.Decoder(TRIAL_LINE).decode, found.trials.append, found.begun_at_trials.append),
        _FIRST_OF_START: (msgspec.json.Decoder(_START_LINE).decode, starts.append, None),
        _FIRST_OF_DECISION: (
            msgspec.json.Decoder(_DECISION_LINE).decode, found.decisions.append, found.begun_at_decisions.append
        ),
    }  # fmt: skip
    other = (decode_other, found.others.append, found.begun_at_others.append)
    n_first, way_of, find, endswith, sha256 = _N_FIRST, ways.get, data.find, data.endswith, hashlib.sha256
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
            way = way_of(data[begin : begin + n_first], other)
            if way is not None:
                decode, take, note = way
                take(decode(data[begin:end]))
                if note is not None:
                    note(len(starts))
            begin = end + 1
    except UNREADABLE:
        return None
    headers = [line for line in found.others if isinstance(line, Header)]
    return found if len(headers) == 1 and headers[0].schema_version in READABLE_VERSIONS else None


def without_attempts(lines: Lines, data: bytes, *, name: str, verify: bool) -> VisitLog:
    """The log that the other lines make up: header, sessions, and what was told; no attempts.

    Args:
        lines: as :func:`read_once` returns them.
        data: the whole file.
        name: of the file.
        verify: whether every line's hash and place was checked.
    """
    entries: list[Entry] = lines.others
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
