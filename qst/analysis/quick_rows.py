"""One log as columns, quickly: where nobody touched the file and nothing was interrupted, attempts go together.

Most logs are like that. All others go the thorough way of :mod:`qst.analysis.log_rows`, to the same columns; a test
compares the two.
"""

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from qst.analysis.log_rows import OF_ROW, LogRows, facts_of, rows_of, spread
from qst.instruments import Modality
from qst.record.assemble import verdict
from qst.record.folders import read_file
from qst.record.one_pass import ENTRY_OF, made_of, read_once
from qst.record.reader import parse_log
from qst.record.records import Decision, End, Header, Note, Resume, Trial, TrialStart
from qst.record.visit_log import REJECTIONS, Entry, VisitLog

_OF_ATTEMPTS: Final = (ENTRY_OF[TrialStart], ENTRY_OF[Trial], ENTRY_OF[Decision])
_FIELDS: Final = ENTRY_OF[Trial].__struct_fields__
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
    return rows_of_bytes(path, data, verify=verify)


def rows_of_bytes(path: str, data: bytes, *, verify: bool) -> LogRows:
    """As :func:`read_rows`, from the file's bytes."""
    name = Path(path).name
    entries = read_once(data, verify=verify)
    if entries is None:
        return rows_of(path, parse_log(data, name=name, verify=verify, details=False))
    plain = _as_plain(entries)
    log = made_of(entries if plain is None else plain.others, data, name=name, verify=verify)
    if log.damage:
        return rows_of(path, parse_log(data, name=name, verify=verify, details=False))
    return rows_of(path, log) if plain is None or log.header is None else _columns(path, plain, log, log.header)


class _Plain(NamedTuple):
    """The entries of a plain log, by what they are; the n-th beginning and the n-th result are one attempt."""

    starts: list[Any]
    trials: list[Any]
    decisions: list[Any]
    others: list[Entry]


def _as_plain(entries: Sequence[Entry]) -> _Plain | None:
    """The entries sorted; None when there are several sessions, or no end, or something special about an attempt."""
    kinds = list(map(type, entries))
    starts, trials, decisions = (
        [entry for entry, kind in zip(entries, kinds, strict=True) if kind is wanted] for wanted in _OF_ATTEMPTS
    )
    others = [entry for entry, kind in zip(entries, kinds, strict=True) if kind not in _OF_ATTEMPTS]
    if not starts or not isinstance(others[-1], End) or any(map(_is_special, others)):
        return None
    keys = list(map(_key, starts))
    if keys != list(map(_key, trials)) or len(set(keys)) < len(keys):
        return None
    return _Plain(starts, trials, decisions, others)


def _is_special(entry: Any) -> bool:  # noqa: ANN401 - entries that are their own records
    """Whether the entry begins another session, or says something about an attempt."""
    return isinstance(entry, Resume) or (isinstance(entry, Note) and entry.sequence_index is not None)


def _columns(path: str, plain: _Plain, log: VisitLog, header: Header) -> LogRows:
    (session,) = log.sessions
    rows = zip(*map(msgspec.structs.astuple, plain.trials), strict=True)
    columns: dict[str, Sequence[Any]] = dict(zip(_FIELDS, rows, strict=True))
    columns["t_utc"] = tuple(start.utc for start in plain.starts)
    columns["t_mono_ns"] = tuple(round(start.t * 1e9) for start in plain.starts)
    columns["prev_hash"] = columns["prev"]
    columns["note"] = ("",) * len(plain.trials)
    columns["superseded"] = _superseded(plain.trials)
    _judge(columns, plain)
    shared, which = spread(header, [(session, modality == Modality.PRESSURE) for modality in columns["modality"]])
    return LogRows(
        path=path, facts=facts_of(log, header), shared=shared, which=which, cells=[columns[name] for name in OF_ROW]
    )


def _superseded(trials: Sequence[Any]) -> Sequence[bool]:
    """Whether a later attempt names each of these as the one that it replaces."""
    replaced = {(trial.sequence_index, trial.supersedes) for trial in trials if trial.supersedes is not None}
    return tuple(key in replaced for key in map(_key, trials)) if replaced else (False,) * len(trials)


def _judge(columns: dict[str, Sequence[Any]], plain: _Plain) -> None:
    """Take back what the operator's latest decision took back."""
    doubtful = {_key(decision) for decision in plain.decisions if decision.decision in REJECTIONS}
    if not doubtful:
        return
    latest = {_key(decision): decision for decision in plain.decisions if _key(decision) in doubtful}
    verdicts = [verdict(trial, latest.get(_key(trial))) for trial in plain.trials]
    columns["valid"], columns["invalid_reason"] = zip(*verdicts, strict=True)
