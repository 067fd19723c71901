"""What the records of a log must agree on, beyond their hashes.

A log that breaks one of these rules was not changed after it was written; it was written wrongly, or made by hand.
"""

import json
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from typing import Any

import msgspec

from qst.record.lines import TraceHasher
from qst.record.records import Decision, Deviation, End, Header, Resume, Trace, Trial, TrialStart, VisitOutcome
from qst.record.visit_log import VisitLog

_CONTRADICTION = "The log contradicts itself. Ask who wrote it, and do not use it until that is known."
_NOT_JUDGED = "Its rejection may be what is lost, so it does not count."
_CLOCK = "The computer's clock was set during the visit. Durations are not affected."


#: So many trials are named one by one.
_MOST_NAMED = 40


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a person should know: where, what, and what it means. ``kind`` is for programs.

    ``damage`` is false for what is worth knowing and does not make the log doubtful.
    """

    line: int
    kind: str
    what: str
    means: str
    damage: bool = True


class _RepeatedKeyError(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RepeatedKeyError
    return found


def repeated_keys(data: bytes) -> Iterator[Finding]:
    """Lines in which a key stands twice: readers would disagree about its value."""
    parse = json.JSONDecoder(object_pairs_hook=_unique).decode
    for number, line in enumerate(data.split(b"\n"), 1):
        try:
            parse(line.decode("utf-8"))
        except _RepeatedKeyError:
            yield _contradiction(number, "repeated_key", "a key stands twice in this line")
        except ValueError:
            return  # the torn end of the file: nothing else fails to parse in a log that verifies


def _contradiction(line: int, kind: str, what: str) -> Finding:
    return Finding(line=line, kind=kind, what=what, means=_CONTRADICTION)


#: Deviations by which a planned trial never begins, with its reason on record.
LEFT_OUT = ("dose_refused",)


def order(log: VisitLog) -> Iterator[Finding]:
    """Sequence numbers count 1, 2, 3, …; only a resume record follows an end, and none a final one."""
    ended: VisitOutcome | None = None
    for entry in log.entries:
        if entry.seq != entry.line:
            yield _contradiction(entry.line, "sequence", f"sequence number {entry.seq} stands in line {entry.line}")
        resumes = isinstance(entry.record, Resume)
        if ended is not None and not resumes:
            yield _contradiction(entry.line, "after_end", "a record follows the end of the visit")
        if ended in (VisitOutcome.COMPLETED, VisitOutcome.WITHDRAWN) and resumes:
            yield _contradiction(entry.line, "after_end", f"the visit goes on although it was {ended.value}")
        ended = entry.record.outcome if isinstance(entry.record, End) else None


def time(log: VisitLog) -> Iterator[Finding]:
    """Monotonic time never runs backwards within a session; the calendar clock of a real visit may have been set.

    A simulated visit has a calendar of its own: it runs faster, and begins anew when the visit is resumed.
    """
    simulated = log.header is not None and log.header.simulated
    for before, entry in pairwise(log.entries):
        if entry.t_s < before.t_s and not isinstance(entry.record, Resume):
            what = f"time runs backwards, from {before.t_s:.6f} s to {entry.t_s:.6f} s"
            yield _contradiction(entry.line, "time", what)
        if entry.utc < before.utc and not simulated:
            what = f"the calendar clock went back from {before.utc} to {entry.utc}"
            yield Finding(line=entry.line, kind="clock_set", what=what, means=_CLOCK, damage=False)


def trials(log: VisitLog) -> Iterator[Finding]:
    """Attempts belong to planned trials, begin before they end, and refer to attempts that exist."""
    started: set[tuple[int, int]] = set()
    n_planned = log.header.n_planned if log.header is not None else 0
    for entry in log.entries:
        record = entry.record
        if not isinstance(record, TrialStart | Trial | Trace | Decision):
            continue
        key = (record.sequence_index, record.attempt)
        name = _named(*key)
        if not 1 <= key[0] <= n_planned:
            yield _contradiction(entry.line, "unknown_trial", f"trial {key[0]} of {n_planned} is not in the plan")
        if isinstance(record, TrialStart):
            started.add(key)
        elif key not in started:
            yield _contradiction(entry.line, "not_begun", f"{name} has a {_name(record)} and never began")
        supersedes = record.supersedes if isinstance(record, TrialStart | Trial) else None
        if supersedes is not None and (key[0], supersedes) not in started:
            yield _contradiction(entry.line, "supersedes", f"{name} supersedes attempt {supersedes}, which never began")


def judgements(log: VisitLog) -> Iterator[Finding]:
    """A visit that goes on after it broke off says what the operator thought of the last attempt before that."""
    for attempt in log.attempts:
        if attempt.decision_lost and attempt.session.number < log.sessions[-1].number:
            what = f"the visit broke off and went on; nobody judged {_named(attempt.sequence_index, attempt.attempt)}"
            yield Finding(line=attempt.seq, kind="not_judged", what=what, means=_NOT_JUDGED, damage=False)


def _named(sequence_index: int, attempt: int) -> str:
    return f"attempt {attempt} at trial {sequence_index}"


def _name(record: Trial | Trace | Decision) -> str:
    return {Trial: "result", Trace: "trace"}.get(type(record), "decision")


def traces(log: VisitLog) -> Iterator[Finding]:
    """The samples of each attempt are those that its record vouches for."""
    hashers: dict[tuple[int, int], TraceHasher] = {}
    counts: dict[tuple[int, int], int] = {}
    for entry in log.entries:
        record = entry.record
        if isinstance(record, Trace):
            key = (record.sequence_index, record.attempt)
            hashers.setdefault(key, TraceHasher()).add(entry.hash)
            counts[key] = counts.get(key, 0) + len(record.t_s)
            if len(record.t_s) != len(record.value):
                yield _contradiction(entry.line, "trace_length", "this trace has more times than values, or fewer")
            if any(later < earlier for earlier, later in pairwise(record.t_s)):
                yield _contradiction(entry.line, "trace_time", "the times of this trace run backwards")
        elif isinstance(record, Trial):
            key = (record.sequence_index, record.attempt)
            if record.trace_sha256 != hashers.get(key, TraceHasher()).hexdigest():
                yield _contradiction(entry.line, "trace_hash", "the traces are not those that this trial vouches for")
            if record.n_samples != counts.get(key, 0):
                what = f"this trial counts {record.n_samples} samples; its traces have {counts.get(key, 0)}"
                yield _contradiction(entry.line, "trace_count", what)


def ending(log: VisitLog) -> Iterator[Finding]:
    """An end record says what the trials say."""
    n_trials = 0
    begun: set[int] = set()
    for entry in log.entries:
        record = entry.record
        if isinstance(record, Trial):
            n_trials += 1
        elif isinstance(record, TrialStart | Deviation):
            begun |= _accounted_for(record)
        elif isinstance(record, End):
            if record.n_trials != n_trials:
                what = f"the end record counts {record.n_trials} attempts; the log has {n_trials}"
                yield _contradiction(entry.line, "end_count", what)
            never = _never_begun(log, begun) if record.outcome is VisitOutcome.COMPLETED else ""
            if never:
                what = f"the visit is called completed, but trials {never} never began"
                yield _contradiction(entry.line, "end_outcome", what)


def _accounted_for(record: TrialStart | Deviation) -> set[int]:
    """The trial that began, or that was left out for a recorded reason."""
    index = record.sequence_index
    began = isinstance(record, TrialStart) or record.kind in LEFT_OUT
    return {index} if began and index is not None else set()


def _never_begun(log: VisitLog, begun: set[int]) -> str:
    """The planned trials that never began, the first ones by number: a header can state any number of them."""
    n_planned = log.header.n_planned if log.header is not None else 0
    missing = (index for index in range(1, n_planned + 1) if index not in begun)
    first = ", ".join(map(str, islice(missing, _MOST_NAMED)))
    return f"{first}, …" if next(missing, None) is not None else first


def header(log: VisitLog) -> Iterator[Finding]:
    """One header, at the beginning; and no real visit runs on a virtual clock."""
    for entry in log.entries:
        if isinstance(entry.record, Header) != (entry.line == 1):
            yield _contradiction(entry.line, "header", "a log has one header, and it is its first line")
    if log.header is not None and log.header.clock == "virtual" and not log.header.simulated:
        yield _contradiction(1, "simulated", "a visit on the virtual clock is not marked as simulated")


#: Takes a log that verifies, with its traces, and names what does not agree.
Rule = Callable[[VisitLog], Iterator[Finding]]
RULES: tuple[Rule, ...] = (header, order, time, trials, judgements, traces, ending)
