"""A visit log as it was read: header, sessions, attempts with the judgements on them, and everything that is wrong."""

import msgspec

from qst.record.chain import Damage
from qst.record.records import (
    AdverseEvent,
    Decision,
    Deviation,
    End,
    Header,
    InstrumentEntry,
    Record,
    Trace,
    Trial,
    TrialStart,
    VisitOutcome,
)

#: Decisions after which an attempt does not count.
REJECTIONS = frozenset({"invalid", "skip"})


class Entry(msgspec.Struct, frozen=True):
    """A record with its envelope. ``line`` counts from 1; ``t_s`` is monotonic within its session, s."""

    line: int
    seq: int
    utc: str
    t_s: float
    prev: str
    hash: str
    record: Record


class Torn(msgspec.Struct, frozen=True, kw_only=True):
    """The log ends inside line ``line``: ``n_bytes`` bytes from ``offset`` on are no whole line.

    ``n_bytes`` is 0 when only the line feed is missing and nothing is lost.
    """

    line: int
    offset: int
    n_bytes: int
    data: bytes

    @property
    def text(self) -> str:
        """The torn bytes as text; a byte that is no UTF-8 is shown by a backslash, ``x`` and its two hex digits."""
        return self.data.decode("utf-8", errors="backslashreplace")


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What one process contributed: a log has one session, and another one after every resume."""

    number: int
    started_utc: str
    software_version: str
    operator_id: str
    clock: str
    seed: int
    instruments: tuple[InstrumentEntry, ...] = ()
    end: End | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt, valid or not, with the judgements on it. ``trial`` is None when it was begun and never recorded.

    ``utc`` and ``t_s`` (s, of its session) say when it began; ``seq``, ``prev`` and ``hash`` are those of its trial
    record (of its start when there is none). ``valid`` is the engine's own verdict, taken back by a decision
    ``invalid`` or ``skip`` (the latest one counts), and where the decision is lost; nobody can make valid what the
    engine called invalid.
    """

    sequence_index: int
    attempt: int
    start: TrialStart | None
    trial: Trial | None
    decision: Decision | None
    valid: bool
    invalid_reason: str
    superseded: bool
    session: Session
    utc: str
    t_s: float
    seq: int
    prev: str
    hash: str
    notes: tuple[str, ...] = ()

    @property
    def decision_lost(self) -> bool:
        """Whether the only thing against it is that its session broke off before anybody had judged it."""
        return self.trial is not None and self.trial.valid and self.decision is None and not self.valid


class VisitLog(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that could be recovered from one log.

    ``entries`` holds the records in the log's order (traces, and other details, only if they were asked for). A log
    with ``damage`` is evidence of something; it is no source of rows until a person has looked at it.
    """

    name: str
    n_bytes: int
    intact_bytes: int
    last_seq: int
    last_hash: str
    last_utc: str
    header: Header | None
    entries: tuple[Entry, ...]
    sessions: tuple[Session, ...]
    attempts: tuple[Attempt, ...]
    torn: Torn | None
    missing_end: bytes
    damage: tuple[Damage, ...]
    verified: bool

    @property
    def outcome(self) -> VisitOutcome:
        """How the visit ended; ``interrupted`` when its last session has no end record."""
        end = self.sessions[-1].end if self.sessions else None
        return end.outcome if end is not None else VisitOutcome.INTERRUPTED

    @property
    def ended(self) -> bool:
        """Whether the last session wrote its end record."""
        return bool(self.sessions) and self.sessions[-1].end is not None

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The recorded attempts, oldest first, with ``valid`` and ``invalid_reason`` as judged."""
        return tuple(_judged(attempt, attempt.trial) for attempt in self.attempts if attempt.trial is not None)

    @property
    def interrupted_attempts(self) -> tuple[Attempt, ...]:
        """Attempts that were begun and have no trial record."""
        return tuple(attempt for attempt in self.attempts if attempt.trial is None)

    @property
    def torn_bytes(self) -> bytes:
        """The bytes of the torn last line; empty when there is none."""
        return self.torn.data if self.torn is not None else b""

    @property
    def torn_text(self) -> str:
        """What a ``Resume`` record has to keep of the torn last line."""
        return self.torn.text if self.torn is not None else ""

    @property
    def records(self) -> tuple[Record, ...]:
        """The records alone."""
        return tuple(entry.record for entry in self.entries)

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """Where the visit differed from its protocol."""
        return tuple(entry.record for entry in self.entries if isinstance(entry.record, Deviation))

    @property
    def adverse_events(self) -> tuple[AdverseEvent, ...]:
        """Adverse events, oldest first."""
        return tuple(entry.record for entry in self.entries if isinstance(entry.record, AdverseEvent))

    def traces(self, sequence_index: int, attempt: int) -> tuple[Trace, ...]:
        """The traces of one attempt, oldest first; empty unless the log was read with ``traces=True``."""
        return tuple(
            entry.record
            for entry in self.entries
            if isinstance(entry.record, Trace)
            and (entry.record.sequence_index, entry.record.attempt) == (sequence_index, attempt)
        )


def _judged(attempt: Attempt, trial: Trial) -> Trial:
    if trial.valid == attempt.valid and trial.invalid_reason == attempt.invalid_reason:
        return trial
    return msgspec.structs.replace(trial, valid=attempt.valid, invalid_reason=attempt.invalid_reason)
