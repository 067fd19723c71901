"""Reading a visit log: every whole record is recovered, and whatever is wrong with the file is named, not raised.

The common case is fast: lines are told apart by their first bytes, traces are hashed and never parsed. Only a file that
does not verify gets the slow look of ``qst.record.chain``.
"""

import re
from pathlib import Path
from typing import NamedTuple

import msgspec

from qst.errors import InputError
from qst.record.assemble import assemble
from qst.record.chain import Damage, DamageKind, seq_of, utc_of, walk
from qst.record.folders import read_file
from qst.record.lines import HEADER_PREFIX, PREFIX, ZERO_HASH, hash_of, is_bound, is_chain
from qst.record.records import READABLE_VERSIONS, SCHEMA_VERSION, Envelope, Header, Record
from qst.record.visit_log import Attempt, Entry, Session, Torn, VisitLog

__all__ = ["Attempt", "Damage", "DamageKind", "Entry", "Session", "Torn", "VisitLog", "parse_log", "read_log"]

_TRACE = (b'{"type":"trace",',)
#: What no table needs: left out when ``details=False``.
_DETAILS = (b'{"type":"state",', b'{"type":"prompt",', b'{"type":"answer",')
#: What msgspec raises for a line that is no record; wrong UTF-8 inside a text comes as its own error.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)

_HASHED = re.compile(rb',"hash":"[0-9a-f]{64}"\}')

_RECORD: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
_ENVELOPE: msgspec.json.Decoder[Envelope] = msgspec.json.Decoder(Envelope)


class _Version(msgspec.Struct, frozen=True):
    schema_version: int


_VERSION: msgspec.json.Decoder[_Version] = msgspec.json.Decoder(_Version)


class _File(NamedTuple):
    """A file cut into lines: whole ones, and what is left behind the last line feed."""

    lines: list[bytes]
    torn: Torn | None
    missing_end: bytes  # the line feed, when only that is missing
    damage: list[Damage]


def read_log(path: Path, *, verify: bool = True, traces: bool = False, details: bool = True) -> VisitLog:
    """Read one visit log.

    Args:
        path: the file.
        verify: check every line's hash. Without it only the records that are read are validated: a changed value or a
            line in a wrong place can go unnoticed.
        traces: also read the samples.
        details: also read state changes, prompts and answers, which no table of trials needs.

    Raises:
        InputError: the file cannot be read at all. Damage raises nothing; see ``VisitLog.damage``.
    """
    data = read_bytes(path)
    return parse_log(data, name=path.name, verify=verify, traces=traces, details=details)


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises InputError when it cannot be read."""
    try:
        return read_file(path)
    except OSError as error:
        raise InputError(
            f"the visit log cannot be read: {error.strerror}",
            where=str(path),
            remedy="Check the name, and that you may read the file.",
        ) from error


def parse_log(
    data: bytes, *, name: str = "", verify: bool = True, traces: bool = False, details: bool = True
) -> VisitLog:
    """As :func:`read_log`, from the file's bytes."""
    cut = _cut(data)
    skip = (() if traces else _TRACE) + (() if details else _DETAILS)
    entries, last = _read_quickly(cut, skip, verify=verify) or _read_thoroughly(cut, skip)
    return assemble(
        entries,
        cut.damage,
        name=name,
        n_bytes=len(data),
        intact_bytes=len(data) - (cut.torn.n_bytes if cut.torn is not None else 0),
        last_seq=(seq_of(last) or 0) if last else 0,
        last_hash=hash_of(last).decode("ascii", errors="replace") if last else ZERO_HASH,
        last_utc=utc_of(last),
        torn=cut.torn,
        missing_end=cut.missing_end,
        verified=verify,
    )


def _read_quickly(cut: _File, skip: tuple[bytes, ...], *, verify: bool) -> tuple[list[Entry], bytes] | None:
    """The entries of a log without damage, and its last line; None when it needs the thorough look."""
    lines = cut.lines
    if cut.damage or not lines or not lines[0].startswith(HEADER_PREFIX) or (verify and not is_chain(lines)):
        return None
    record_of, envelope_of = _RECORD.decode, _ENVELOPE.decode
    entries = []
    try:
        if _VERSION.decode(lines[0]).schema_version not in READABLE_VERSIONS:
            return None
        for number, line in enumerate(lines, 1):
            if not line.startswith(skip):
                record = record_of(line)
                seq, utc, t_s, prev, digest = msgspec.structs.astuple(envelope_of(line))
                entries.append(Entry(number, seq, utc, t_s, prev, digest, record))
                if number > 1 and type(record) is Header:
                    return None
    except UNREADABLE:
        return None
    return entries, lines[-1]


def _read_thoroughly(cut: _File, skip: tuple[bytes, ...]) -> tuple[list[Entry], bytes]:
    """The entries that belong to a damaged log, and its last line; ``cut.damage`` names each piece of damage."""
    lines, damage = cut.lines, cut.damage
    if not lines:
        return [], b""
    order, found = walk(lines)
    if not order and not any(line.startswith(PREFIX) for line in lines):
        damage[:] = [Damage(1, None, DamageKind.NOT_A_LOG, "this is not a visit log", len(lines))]
        return [], b""
    damage.extend(found)
    last = lines[order[-1]] if order else b""
    if order and _unknown_schema(lines[order[0]], damage):
        return [], last
    entries = []
    for index in order:
        if not lines[index].startswith(skip):
            try:
                entries.append(_entry(index + 1, lines[index]))
            except UNREADABLE as error:
                what = f"this line is unchanged, but it is no record of this schema: {error}"
                damage.append(Damage(index + 1, seq_of(lines[index]), DamageKind.INVALID, what))
    damage.sort(key=lambda item: item.line)
    return entries, last


def _entry(number: int, line: bytes) -> Entry:
    seq, utc, t_s, prev, digest = msgspec.structs.astuple(_ENVELOPE.decode(line))
    return Entry(number, seq, utc, t_s, prev, digest, _RECORD.decode(line))


def _unknown_schema(header: bytes, damage: list[Damage]) -> bool:
    try:
        version = _VERSION.decode(header).schema_version
    except UNREADABLE:
        return False  # the header itself is named as invalid when it is read
    if version in READABLE_VERSIONS:
        return False
    if version < SCHEMA_VERSION:
        damage.append(Damage(1, 1, DamageKind.INVALID, f"there never was a schema version {version}"))
        return True
    what = (
        f"this log has schema version {version}; this software reads up to {SCHEMA_VERSION}. "
        "Read it with the version of the suite that wrote it, or a later one"
    )
    damage.append(Damage(1, 1, DamageKind.NEWER_SCHEMA, what))
    return True


def _cut(data: bytes) -> _File:
    """Cut a file into lines and judge what stands behind the last line feed."""
    damage: list[Damage] = []
    if not data:
        what = "the file is empty: the visit ended before its first record, or a copy failed"
        return _File([], None, b"", [Damage(1, None, DamageKind.EMPTY, what)])
    lines = data.split(b"\n")
    rest = lines.pop()
    if lines and all(line.endswith(b"\r") for line in lines):
        what = "a text-mode copy changed every line feed to CR LF; nothing else is implied by it"
        damage.append(Damage(1, None, DamageKind.LINE_ENDINGS, what, len(lines)))
        lines = [line[:-1] for line in lines]
    if not rest:
        return _File(lines, None, b"", damage)
    number = len(lines) + 1
    if _is_whole(rest, lines):
        return _File([*lines, rest], Torn(line=number, offset=len(data), n_bytes=0, data=b""), b"\n", damage)
    if _looks_torn(rest, whole_lines=bool(lines)):
        torn = Torn(line=number, offset=len(data) - len(rest), n_bytes=len(rest), data=rest)
        return _File(lines, torn, b"", damage)
    return _File([*lines, rest], None, b"", damage)


def _is_whole(rest: bytes, lines: list[bytes]) -> bool:
    """Whether only the line feed is missing: the line is unchanged and follows the one before."""
    return is_bound(rest, hash_of(lines[-1]) if lines else ZERO_HASH.encode("ascii")) and rest.startswith(PREFIX)


def _looks_torn(rest: bytes, *, whole_lines: bool) -> bool:
    """Whether a last line without line feed is the beginning of a record, and not something else that was put there.

    A machine that lost its power may have left zero bytes where the rest of the line should be.
    """
    text = rest.rstrip(b"\0")
    start = PREFIX if whole_lines else HEADER_PREFIX
    # A line that has its hash is not torn: if it is not whole, it was changed.
    return start.startswith(text[: len(start)]) and _HASHED.search(text) is None
