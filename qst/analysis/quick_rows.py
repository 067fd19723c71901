"""One log as columns, quickly: where nobody touched the file and nothing was interrupted, attempts go together.

Most logs are like that. All others go the thorough way of :mod:`qst.analysis.log_rows`, to the same columns; a test
compares the two.
"""

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import msgspec

from qst.analysis.log_rows import OF_ROW, LogRows, facts_of, rows_of, spread
from qst.analysis.plausible import plausible
from qst.instruments import Modality
from qst.record.agreement import agree
from qst.record.assemble import verdict
from qst.record.folders import read_file
from qst.record.one_pass import TRIAL_LINE, Lines, read_once, without_attempts
from qst.record.reader import parse_log
from qst.record.records import Note, Resume
from qst.record.visit_log import REJECTIONS, VisitLog

_END: Final = b'{"type":"end",'
_FIELDS: Final = TRIAL_LINE.__struct_fields__
_key = attrgetter("sequence_index", "attempt")


def read_rows(path: str, *, verify: bool) -> LogRows:
    """One log as columns; a log that cannot be used says why.

    Args:
        path: the file.
        verify: check every line's hash.
    """
    try:
        data = read_file(Path(path))
    except OSError as error:
        return LogRows(path=path, reason="unreadable", text=f"the file cannot be read: {error.strerror}")
    return plausible(rows_of_bytes(path, data, verify=verify))


def rows_of_bytes(path: str, data: bytes, *, verify: bool) -> LogRows:
    """As :func:`read_rows`, from the file's bytes."""
    name = Path(path).name
    lines = read_once(data, verify=verify)
    if lines is None or not _is_plain(lines, data) or (verify and not agree(lines)):
        return rows_of(path, parse_log(data, name=name, verify=verify, details=False))
    return _columns(path, lines, without_attempts(lines, data, name=name, verify=verify))


def _is_plain(lines: Lines, data: bytes) -> bool:
    """Whether there is one session, its end is last, and each attempt has its result before the next one begins."""
    if (
        not lines.starts
        or not data.startswith(_END, data.rfind(b"\n", 0, -1) + 1)
        or any(isinstance(one, Resume) for one in lines.others)
    ):
        return False
    keys = list(map(_key, lines.starts))
    in_turn = lines.begun_at_trials == list(range(1, len(keys) + 1))
    return in_turn and keys == list(map(_key, lines.trials)) and len(set(keys)) == len(keys)


def _columns(path: str, lines: Lines, log: VisitLog) -> LogRows:
    (session,) = log.sessions
    if log.header is None:
        raise ValueError("read_once gives no lines without a header")
    rows = zip(*map(msgspec.structs.astuple, lines.trials), strict=True)
    columns: dict[str, Sequence[Any]] = dict(zip(_FIELDS, rows, strict=True))
    columns["t_utc"] = tuple([start.utc for start in lines.starts])
    columns["t_mono_ns"] = tuple([round(start.t * 1e9) for start in lines.starts])
    columns["prev_hash"] = columns["prev"]
    columns["note"] = _notes(lines)
    columns["superseded"] = _superseded(columns)
    _judge(columns, lines)
    kinds = {modality: (session, modality == Modality.PRESSURE) for modality in dict.fromkeys(columns["modality"])}
    shared, index_of = spread(log.header, kinds)
    return LogRows(
        path=path,
        facts=facts_of(log, log.header),
        shared=shared,
        which=[index_of[modality] for modality in columns["modality"]],
        cells=[columns[name] for name in OF_ROW],
    )


def _notes(lines: Lines) -> Sequence[str]:
    """The remarks on each attempt, joined: those about its trial, until the next attempt at that trial began."""
    notes = [""] * len(lines.starts)
    remarks = [
        (one, n_begun)
        for one, n_begun in zip(lines.others, lines.begun_at_others, strict=True)
        if isinstance(one, Note) and one.sequence_index is not None
    ]
    for remark, n_begun in remarks:
        begun = [place for place in range(n_begun) if lines.starts[place].sequence_index == remark.sequence_index]
        if begun:
            notes[begun[-1]] = " | ".join(filter(None, (notes[begun[-1]], remark.text)))
    return tuple(notes)


def _superseded(columns: dict[str, Sequence[Any]]) -> Sequence[bool]:
    """Whether a later attempt names each of these as the one that it replaces."""
    trials, attempts, supersedes = (columns[name] for name in ("sequence_index", "attempt", "supersedes"))
    if supersedes.count(None) == len(supersedes):
        return (False,) * len(supersedes)
    replaced = {(trial, earlier) for trial, earlier in zip(trials, supersedes, strict=True) if earlier is not None}
    return tuple([key in replaced for key in zip(trials, attempts, strict=True)])


def _judge(columns: dict[str, Sequence[Any]], lines: Lines) -> None:
    """Take back what the operator's latest decision took back."""
    doubtful = {_key(decision) for decision in lines.decisions if decision.decision in REJECTIONS}
    if doubtful:
        latest = {key: decision for decision in lines.decisions if (key := _key(decision)) in doubtful}
        verdicts = [verdict(trial, latest.get(_key(trial))) for trial in lines.trials]
        columns["valid"], columns["invalid_reason"] = zip(*verdicts, strict=True)
