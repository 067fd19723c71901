"""What happened besides the trials: adverse events, deviations, notes, stops, failures, pauses, judgements."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Final, NamedTuple

from qst.record.records import AdverseEvent, Decision, Deviation, Fault, Note, Pause, Record, Resume, Stop
from qst.record.visit_log import VisitLog


class Event(NamedTuple):
    """One of them: when, at which planned trial (empty for none), what, who."""

    when: str
    trial: str
    what: str
    by: str


class Group(NamedTuple):
    """All events of one kind, oldest first."""

    title: str
    events: Sequence[Event]


def _adverse(record: Record) -> str:
    return record.text if isinstance(record, AdverseEvent) else ""


def _deviation(record: Record) -> str:
    return f"{record.kind.replace('_', ' ')}: {record.text}" if isinstance(record, Deviation) else ""


def _rejected(record: Record) -> str:
    if not isinstance(record, Decision) or record.decision == "accept":
        return ""
    return f"attempt {record.attempt} {record.decision}: {record.reason or 'no reason given'}"


def _note(record: Record) -> str:
    return record.text if isinstance(record, Note) else ""


def _trouble(record: Record) -> str:
    if isinstance(record, Stop):
        return f"stop by {record.cause.replace('_', ' ')}, in the state {record.state.replace('_', ' ')}"
    if isinstance(record, Fault):
        where = f" ({record.where})" if record.where else ""
        parts = (f"failure {record.code}: {record.what}{where}", record.did and f"done: {record.did}")
        return "; ".join(filter(None, parts))
    if isinstance(record, Pause):
        return "paused" if record.paused else "went on"
    if isinstance(record, Resume):
        torn = "; the torn end of the file is kept in this record" if record.torn else ""
        return f"resumed at trial {record.next_sequence_index} by {record.operator_id}{torn}"
    return ""


#: Heading, and what is said of a record (empty when it does not belong there).
_GROUPS: Final[tuple[tuple[str, Callable[[Record], str]], ...]] = (
    ("Adverse events", _adverse),
    ("Deviations from the protocol", _deviation),
    ("Attempts rejected or skipped", _rejected),
    ("Stops, failures and interruptions", _trouble),
    ("Notes", _note),
)


def events_of(log: VisitLog) -> list[Group]:
    """The groups of events, each with the title that stands above it; a group without events stays."""
    offset_s = log.header.utc_offset_s if log.header is not None else 0
    return [
        Group(
            title,
            [
                Event(moment(entry.utc, offset_s)[11:19], _trial(entry.record), what, getattr(entry.record, "by", ""))
                for entry in log.entries
                if (what := say(entry.record))
            ],
        )
        for title, say in _GROUPS
    ]


def _trial(record: Record) -> str:
    index = getattr(record, "sequence_index", None)
    return "" if index is None else str(index)


def moment(utc: str, offset_s: int) -> str:
    """A time of a log in the local time of the visit's begin: ``2026-03-29 10:00:00+01:00``."""
    local = datetime.fromisoformat(utc).astimezone(timezone(timedelta(seconds=offset_s)))
    return local.isoformat(sep=" ", timespec="seconds")
