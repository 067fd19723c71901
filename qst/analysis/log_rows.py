"""One log as columns and facts, small enough to cross from one process to another.

The columns hold what differs between attempts; what all attempts of a session with the same kind of instrument share
(who, what, which device) stands once in ``shared``. :mod:`qst.analysis.trial_table` makes the table of both.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from qst.analysis.columns import INTERRUPTED, NAMES
from qst.instruments import Modality
from qst.record.agreement import contradictions
from qst.record.chain import DamageKind
from qst.record.records import AdverseEvent, Deviation, Fault, Header, InstrumentEntry, Trial, TrialStart
from qst.record.visit_log import Attempt, Session, VisitLog

#: Columns that need the judgements and the line, in the order of ``LogRows.cells``, behind those of the trial.
OF_ATTEMPT: Final = ("valid", "invalid_reason", "note", "t_utc", "t_mono_ns", "prev_hash", "hash", "superseded")
#: Columns whose values are fields of the trial's record.
OF_TRIAL: Final = tuple(name for name in NAMES if name in Trial.__struct_fields__ and name not in OF_ATTEMPT)
#: Columns of ``LogRows.cells``, in order.
OF_ROW: Final = (*OF_TRIAL, *OF_ATTEMPT)
#: Columns that attempts share, in the order of ``LogRows.shared``; the name of the file is the file's own.
OF_SESSION: Final = tuple(name for name in NAMES if name not in {*OF_TRIAL, *OF_ATTEMPT, "trace_file"})

#: What is said of a torn log.
TORN: Final = (
    "the last {} bytes are no whole line and were left out: the process was killed, or the file was copied half; "
    "the {} attempts before them are whole and in the table"
)

#: Damage that is not at one line.
_OF_THE_FILE: Final = frozenset(
    {DamageKind.LINE_ENDINGS, DamageKind.NEWER_SCHEMA, DamageKind.NOT_A_LOG, DamageKind.EMPTY}
)

_NO_INSTRUMENT: Final = InstrumentEntry(role="", driver="", link="", model="")
_MODALITY: Final = OF_TRIAL.index("modality")
_WORDS: Final = tuple(OF_TRIAL.index(name) for name in ("modality", "outcome", "censoring"))
_of_trial = attrgetter(*OF_TRIAL)
_record_of = attrgetter("record")
_TOLD: Final = (Deviation, AdverseEvent, Fault)


class Facts(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is known about a visit besides its attempts. Texts of several records are joined by ' | '."""

    schema_version: int
    study_id: str
    participant_id: str
    visit: int
    session_uuid: str
    protocol_id: str
    protocol_version: str
    protocol_sha256: str
    protocol_text: str
    simulated: bool
    station_id: str
    clock: str
    seed: int
    tz_offset: str
    n_planned: int
    software_versions: str
    operator_ids: str
    outcome: str
    outcome_reason: str
    n_deviations: int
    deviations: str
    n_adverse_events: int
    adverse_events: str
    n_faults: int
    n_sessions: int
    started_utc: str
    ended_utc: str
    torn_bytes: int
    last_hash: str
    n_lines: int


class LogRows(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A log as columns. Without ``facts`` it gives no rows, and ``reason`` and ``text`` say why.

    Attributes:
        path: the file.
        reason: what is wrong with it, a stable word.
        text: the same for people.
        facts: about the visit.
        shared: what attempts share, as ``OF_SESSION``.
        which: index into ``shared``, for each attempt.
        cells: one column for each of ``OF_TRIAL`` and ``OF_ATTEMPT``, a value for each attempt; none without attempts.
    """

    path: str
    reason: str = ""
    text: str = ""
    facts: Facts | None = None
    shared: list[tuple[Any, ...]] = []
    which: list[int] = []
    cells: list[Sequence[Any]] = []


def rows_of(path: str, log: VisitLog) -> LogRows:
    """A log as ``parse_log`` or ``parse_for_tables`` returns it, as columns."""
    if log.damage:
        more = f"; and {len(log.damage) - 1} more finding(s)" if len(log.damage) > 1 else ""
        first = log.damage[0]
        place = "" if first.kind in _OF_THE_FILE else f"line {first.line}: "
        return LogRows(path=path, reason=first.kind.value, text=place + first.what + more)
    found = list(contradictions(log)) if log.verified else []
    if found:
        more = f"; and {len(found) - 1} more finding(s)" if len(found) > 1 else ""
        return LogRows(path=path, reason="contradiction", text=f"line {found[0].line}: {found[0].what}{more}")
    header = log.header
    if header is None:
        return LogRows(path=path, reason="torn", text="the file ends inside its first record: nothing can be read")
    measured = [_of_trial(one.trial) if one.trial is not None else _of_start(one.start) for one in log.attempts]
    judged = [_of_attempt(attempt) for attempt in log.attempts]
    cells: list[Sequence[Any]] = [column for rows in (measured, judged) for column in zip(*rows, strict=True)]
    for index in _WORDS if cells else ():
        cells[index] = tuple(None if word is None else str(word) for word in cells[index])
    torn_bytes = log.torn.n_bytes if log.torn is not None else 0
    keys = [
        (one.session.number, row[_MODALITY] == Modality.PRESSURE)
        for one, row in zip(log.attempts, measured, strict=True)
    ]
    kinds = {key: (one.session, key[1]) for key, one in zip(keys, log.attempts, strict=True)}
    shared, index_of = spread(header, kinds)
    return LogRows(
        path=path,
        reason="torn" if torn_bytes else "",
        text=TORN.format(torn_bytes, len(measured)) if torn_bytes else "",
        facts=facts_of(log, header),
        shared=shared,
        which=[index_of[key] for key in keys],
        cells=cells,
    )


def _of_start(start: TrialStart | None) -> tuple[Any, ...]:
    """An attempt whose result was never recorded: its place in the design, and no value."""
    if start is None:
        raise ValueError("an attempt has a start, a result, or both")
    known = {
        **dict.fromkeys(("trace_sha256", "display_unit", "rate_flag", "instrument", "source", "raw_text"), ""),
        **msgspec.structs.asdict(start),
        "unit_ucum": "kPa" if start.modality is Modality.PRESSURE else "Cel",
        "outcome": INTERRUPTED,
        "n_samples": 0,
    }
    return tuple(known.get(name) for name in OF_TRIAL)


def _of_attempt(attempt: Attempt) -> tuple[Any, ...]:
    return (
        attempt.valid,
        attempt.invalid_reason,
        " | ".join(attempt.notes),
        attempt.utc,
        round(attempt.t_s * 1e9),
        attempt.prev,
        attempt.hash,
        attempt.superseded,
    )


def spread(header: Header, kinds: Mapping[Any, tuple[Session, bool]]) -> tuple[list[tuple[Any, ...]], dict[Any, int]]:
    """What attempts share, once for each kind of them, and the index into it for each kind.

    Args:
        header: of the log.
        kinds: for each kind its session, and whether it is one of pressure.
    """
    places = {(session.number, pressure): (session, pressure) for session, pressure in kinds.values()}
    index_of = {key: index for index, key in enumerate(places)}
    shared = [_shared(header, session, pressure=pressure) for session, pressure in places.values()]
    return shared, {kind: index_of[session.number, pressure] for kind, (session, pressure) in kinds.items()}


def _shared(header: Header, session: Session, *, pressure: bool) -> tuple[Any, ...]:
    """As ``OF_SESSION``."""
    role = "algometer" if pressure else "thermode"
    device = next((entry for entry in session.instruments if entry.role == role), _NO_INSTRUMENT)
    cells: dict[str, Any] = {name: getattr(header, name, None) for name in OF_SESSION}
    cells |= {
        "software_version": session.software_version,
        "is_simulated": header.simulated,
        "operator_id": session.operator_id,
        "device_model": device.model,
        "device_serial": device.serial,
        "firmware": device.firmware,
        "calibration_date": device.calibration_date,
        "tip_area_cm2": device.tip_area_cm2,
        "thermode_area_cm2": device.thermode_area_cm2,
        "tz_offset": _offset_text(header.utc_offset_s),
        "rate_unit_ucum": "kPa/s" if pressure else "K/s",
        "session": session.number,
        "seed": session.seed,
    }
    return tuple(cells[name] for name in OF_SESSION)


def facts_of(log: VisitLog, header: Header) -> Facts:
    """What is known besides the attempts."""
    end = log.sessions[-1].end
    told = [record for record in map(_record_of, log.entries) if isinstance(record, _TOLD)]
    deviations = [record.text for record in told if isinstance(record, Deviation)]
    adverse_events = [record.text for record in told if isinstance(record, AdverseEvent)]
    return Facts(
        schema_version=header.schema_version,
        study_id=header.study_id,
        participant_id=header.participant_id,
        visit=header.visit,
        session_uuid=header.session_uuid,
        protocol_id=header.protocol_id,
        protocol_version=header.protocol_version,
        protocol_sha256=header.protocol_sha256,
        protocol_text=header.protocol_text,
        simulated=header.simulated,
        station_id=header.station_id,
        clock=header.clock,
        seed=header.seed,
        tz_offset=_offset_text(header.utc_offset_s),
        n_planned=header.n_planned,
        software_versions=_joined(dict.fromkeys(session.software_version for session in log.sessions)),
        operator_ids=_joined(dict.fromkeys(session.operator_id for session in log.sessions)),
        outcome=log.outcome.value,
        outcome_reason=end.reason if end is not None else "",
        n_deviations=len(deviations),
        deviations=_joined(deviations),
        n_adverse_events=len(adverse_events),
        adverse_events=_joined(adverse_events),
        n_faults=len(told) - len(deviations) - len(adverse_events),
        n_sessions=len(log.sessions),
        started_utc=log.entries[0].utc,
        ended_utc=log.last_utc,
        torn_bytes=log.torn.n_bytes if log.torn is not None else 0,
        last_hash=log.last_hash,
        n_lines=log.last_seq,
    )


def _joined(texts: Iterable[str]) -> str:
    return " | ".join(texts)


def _offset_text(offset_s: int) -> str:
    """``+01:00``."""
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    return f"{'-' if offset_s < 0 else '+'}{hours:02d}:{minutes:02d}"
