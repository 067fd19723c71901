"""From a log's entries to sessions and attempts, with every later judgement merged in."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from qst.record.chain import Damage, DamageKind
from qst.record.records import Decision, End, Header, Instruments, Note, Resume, Trial, TrialStart
from qst.record.visit_log import REJECTIONS, Attempt, Entry, Session, VisitLog

_Key = tuple[int, int]  # sequence_index, attempt

#: Why an attempt without a trial record does not count.
NEVER_RECORDED = "interrupted: begun, but its result was never recorded"
#: Why an attempt does not count although nobody rejected it.
NOT_JUDGED = "not judged: the session ended before the operator's decision on this attempt"


class _Began(NamedTuple):
    entry: Entry
    record: TrialStart
    session: int


class _Ended(NamedTuple):
    entry: Entry
    record: Trial
    session: int


class _Collector:
    """Everything that is known about the attempts, by sequence index and attempt."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.header: Header | None = None
        self.starts: dict[_Key, _Began] = {}
        self.trials: dict[_Key, _Ended] = {}
        self.decisions: dict[_Key, Decision] = {}
        self.notes: dict[_Key, tuple[str, ...]] = {}
        self.latest: dict[int, _Key] = {}  # the attempt that a note about a trial belongs to
        self.superseded: set[_Key] = set()
        self.damage: list[Damage] = []

    def take(self, entries: Iterable[Entry]) -> None:
        """Sort the entries in, one after the other."""
        handlers: dict[type, Callable[[Entry, Any], None] | None] = {}
        for entry in entries:
            record = entry.record
            kind = type(record)
            if kind not in handlers:
                handlers[kind] = self._handler(kind)
            handler = handlers[kind]
            if handler is not None:
                handler(entry, record)

    def _handler(self, kind: type) -> Callable[[Entry, Any], None] | None:
        """What is done with a kind of record; an entry that is its own record has a type derived from it."""
        known: dict[type, Callable[[Entry, Any], None]] = {
            Header: self._take_header,
            Resume: self._begin_session,
            Instruments: self._take_instruments,
            End: self._take_end,
            TrialStart: self._take_start,
            Trial: self._take_trial,
            Decision: self._take_decision,
            Note: self._take_note,
        }
        return next((known[base] for base in kind.__mro__ if base in known), None)

    def _take_trial(self, entry: Entry, trial: Trial) -> None:
        """A result."""
        key = (trial.sequence_index, trial.attempt)
        if key in self.trials:
            self._twice(entry, key)
            return
        self.trials[key] = _Ended(entry, trial, self._session(entry))
        self.latest[key[0]] = key
        if trial.supersedes is not None:
            self.superseded.add((trial.sequence_index, trial.supersedes))

    def _take_start(self, entry: Entry, start: TrialStart) -> None:
        """A begin."""
        key = (start.sequence_index, start.attempt)
        if key in self.starts:
            self._twice(entry, key)
            return
        self.starts[key] = _Began(entry, start, self._session(entry))
        self.latest[key[0]] = key

    def _twice(self, entry: Entry, key: _Key) -> None:
        what = f"attempt {key[1]} at trial {key[0]} is there twice; the first one was read"
        self.damage.append(Damage(entry.line, entry.seq, DamageKind.DUPLICATED, what))

    def _take_decision(self, _: Entry, decision: Decision) -> None:
        """A judgement; the latest one counts."""
        self.decisions[decision.sequence_index, decision.attempt] = decision

    def _take_note(self, _: Entry, note: Note) -> None:
        """A remark on the attempt that is under way at its trial."""
        key = self.latest.get(note.sequence_index) if note.sequence_index is not None else None
        if key is not None:
            self.notes[key] = (*self.notes.get(key, ()), note.text)

    def _take_header(self, entry: Entry, header: Header) -> None:
        """The first session, and what all of them have in common."""
        self.header = header
        self._begin_session(entry, header)

    def _begin_session(self, entry: Entry, record: Header | Resume) -> None:
        """A process went on with the log."""
        self.sessions.append(
            Session(
                number=len(self.sessions) + 1,
                started_utc=entry.utc,
                software_version=record.software_version,
                operator_id=record.operator_id,
                clock=record.clock,
                seed=record.seed,
            )
        )

    def _take_instruments(self, entry: Entry, record: Instruments) -> None:
        """What answered in this session."""
        self._update(entry, instruments=record.instruments)

    def _take_end(self, entry: Entry, record: End) -> None:
        """How this session ended."""
        self._update(entry, end=record)

    def _update(self, entry: Entry, **changes: Any) -> None:  # noqa: ANN401 - fields of Session
        index = self._session(entry)
        self.sessions[index] = msgspec.structs.replace(self.sessions[index], **changes)

    def _session(self, entry: Entry) -> int:
        """Index of the session that ``entry`` is in; a log whose header was destroyed begins with an unknown one."""
        if not self.sessions:
            self.sessions.append(
                Session(number=1, started_utc=entry.utc, software_version="", operator_id="", clock="", seed=0)
            )
        return len(self.sessions) - 1

    def attempts(self) -> tuple[Attempt, ...]:
        """All attempts in the order in which they began."""
        found = [self._attempt(key, start, self.trials.get(key, start)) for key, start in self.starts.items()]
        found += [self._attempt(key, trial, trial) for key, trial in self.trials.items() if key not in self.starts]
        for session in self.sessions:
            if session.end is None:
                _doubt_the_last(found, session.number)
        return tuple(found)

    def _attempt(self, key: _Key, first: _Began | _Ended, last: _Began | _Ended) -> Attempt:
        trial = last.record if isinstance(last.record, Trial) else None
        decision = self.decisions.get(key)
        valid, reason = verdict(trial, decision)
        return Attempt(
            sequence_index=key[0],
            attempt=key[1],
            start=first.record if isinstance(first.record, TrialStart) else None,
            trial=trial,
            decision=decision,
            valid=valid,
            invalid_reason=reason,
            superseded=key in self.superseded,
            session=self.sessions[last.session],
            utc=first.entry.utc,
            t_s=first.entry.t_s,
            seq=last.entry.seq,
            prev=last.entry.prev,
            hash=last.entry.hash,
            notes=self.notes.get(key, ()),
        )


def _doubt_the_last(attempts: list[Attempt], number: int) -> None:
    """Where a session broke off, a rejection of the attempt that was the last one by then may be what is lost."""
    place = max((at for at, one in enumerate(attempts) if one.session.number <= number), default=None)
    if place is not None and attempts[place].valid and attempts[place].decision is None:
        attempts[place] = msgspec.structs.replace(attempts[place], valid=False, invalid_reason=NOT_JUDGED)


def verdict(trial: Trial | None, decision: Decision | None) -> tuple[bool, str]:
    """Whether the attempt counts, and if not, why."""
    reason = NEVER_RECORDED if trial is None else trial.invalid_reason
    if decision is not None and decision.decision in REJECTIONS:
        return False, decision.reason or reason or decision.decision
    return trial is not None and trial.valid, reason


def assemble(entries: Sequence[Entry], damage: Sequence[Damage], **file: Any) -> VisitLog:  # noqa: ANN401 - see VisitLog
    """The log that these entries make up.

    Args:
        entries: in the log's own order.
        damage: what was found wrong with the file.
        file: the remaining fields of ``VisitLog``: what is known about the file itself.
    """
    collector = _Collector()
    collector.take(entries)
    return VisitLog(
        header=collector.header,
        entries=tuple(entries),
        sessions=tuple(collector.sessions),
        attempts=collector.attempts(),
        damage=(*damage, *collector.damage),
        **file,
    )
