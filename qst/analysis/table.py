"""One row an attempt, valid or not. Nothing is averaged here, and nothing is left out."""

from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from qst.analysis.columnar import Cell
from qst.analysis.columns import COLUMNS, INTERRUPTED, NAMES, Column, Kind
from qst.errors import LogDamagedError
from qst.instruments import Modality
from qst.record.records import Header, InstrumentEntry, Trial, TrialStart
from qst.record.visit_log import Attempt, Session, VisitLog

__all__ = ["COLUMNS", "NAMES", "Cell", "Column", "Kind", "row_tuples", "rows"]

#: Columns that are fields of the trial's record, as they stand side by side in the table.
_DESIGN_TO_CENSORING: Final = NAMES[NAMES.index("block") : NAMES.index("valid")]
_DOSE: Final = ("time_ge_43_s", "cem43_min", "omega")
_fields = attrgetter(*_DESIGN_TO_CENSORING)
_dose = attrgetter(*_DOSE)
#: Where the columns stand among them whose values come as enumerations and go out as plain text.
_ENUMERATIONS = tuple(map(_DESIGN_TO_CENSORING.index, ("modality", "outcome", "censoring")))

_NO_INSTRUMENT = InstrumentEntry(role="", driver="", link="", model="")


def rows(log: VisitLog, *, allow_damaged: bool = False) -> list[dict[str, Cell]]:
    """The rows of one visit, in the order in which the attempts began; keys and units as in :data:`COLUMNS`.

    Args:
        log: a log as ``read_log`` returns it.
        allow_damaged: also make rows from a log that somebody changed. Its rows are those that verify, but a
            judgement on them may be among what is lost.

    Raises:
        LogDamagedError: the log is damaged and that was not allowed, or it has no header to say whose it is.
    """
    return [dict(zip(NAMES, row, strict=True)) for row in row_tuples(log, allow_damaged=allow_damaged)]


def row_tuples(log: VisitLog, *, allow_damaged: bool = False) -> list[tuple[Cell, ...]]:
    """As :func:`rows`, each row a tuple in the order of :data:`COLUMNS`."""
    header = log.header
    if header is None or (log.damage and not allow_damaged):
        what = log.damage[0].what if log.damage else "it ends inside its first record"
        raise LogDamagedError(
            f"this log is no source of rows: {what}",
            where=log.name,
            did="left it out",
            remedy="Verify the log to see everything that is wrong with it.",
        )
    common = _Common(log, header)
    return [common.row(attempt) for attempt in log.attempts]


class _Measured(NamedTuple):
    """What an attempt's own record gives to its row."""

    modality: Modality
    design_to_censoring: tuple[Cell, ...]
    supersedes: int | None
    dose: tuple[Cell, ...]
    n_samples: int
    trace_sha256: str
    value_display: float | None
    display_unit: str
    rate_flag: str
    instrument: str
    source: str
    raw_text: str


def _of_trial(trial: Trial) -> _Measured:
    cells = list(_fields(trial))
    for index in _ENUMERATIONS:
        cells[index] = cells[index].value
    return _Measured(
        trial.modality,
        tuple(cells),
        trial.supersedes,
        _dose(trial),
        trial.n_samples,
        trial.trace_sha256,
        trial.value_display,
        trial.display_unit,
        trial.rate_flag,
        trial.instrument,
        trial.source,
        trial.raw_text,
    )


def _of_start(start: TrialStart) -> _Measured:
    """An attempt whose result was never recorded: its place in the design, and no value."""
    known: dict[str, Cell] = {
        **msgspec.structs.asdict(start),
        "modality": start.modality.value,
        "unit_ucum": "kPa" if start.modality is Modality.PRESSURE else "Cel",
        "outcome": INTERRUPTED,
    }
    cells = tuple(known.get(name) for name in _DESIGN_TO_CENSORING)
    return _Measured(start.modality, cells, start.supersedes, (None,) * len(_DOSE), 0, "", None, "", "", "", "", "")


class _Common:
    """What the rows of one visit have in common, made once."""

    def __init__(self, log: VisitLog, header: Header) -> None:
        self._file_name = log.name
        self._header = header
        self._tz_offset = offset_text(header.utc_offset_s)
        self._front: dict[tuple[int, Modality], tuple[Cell, ...]] = {}

    def row(self, attempt: Attempt) -> tuple[Cell, ...]:
        """One row, in the order of :data:`COLUMNS`."""
        measured = _measured(attempt)
        key = (attempt.session.number, measured.modality)
        if key not in self._front:
            self._front[key] = _ids_and_devices(self._header, attempt.session, measured.modality)
        return (
            *self._front[key],
            *measured.design_to_censoring,
            attempt.valid,
            attempt.invalid_reason,
            measured.supersedes,
            " | ".join(attempt.notes),
            *measured.dose,
            attempt.utc,
            self._tz_offset,
            round(attempt.t_s * 1e9),
            self._file_name if measured.n_samples else "",
            measured.trace_sha256,
            attempt.prev,
            attempt.hash,
            "kPa/s" if measured.modality is Modality.PRESSURE else "K/s",
            measured.value_display,
            measured.display_unit,
            measured.rate_flag,
            attempt.superseded,
            measured.instrument,
            measured.source,
            measured.raw_text,
            measured.n_samples,
            attempt.session.number,
            attempt.session.seed,
        )


def _measured(attempt: Attempt) -> _Measured:
    if attempt.trial is not None:
        return _of_trial(attempt.trial)
    if attempt.start is not None:
        return _of_start(attempt.start)
    raise ValueError("an attempt has a start, a result, or both")


def _ids_and_devices(header: Header, session: Session, modality: Modality) -> tuple[Cell, ...]:
    """The columns up to the design."""
    device = instrument_of(session, "algometer" if modality is Modality.PRESSURE else "thermode")
    return (
        header.schema_version,
        header.study_id,
        header.participant_id,
        header.visit,
        header.session_uuid,
        header.protocol_id,
        header.protocol_version,
        header.protocol_sha256,
        session.software_version,
        header.simulated,
        session.operator_id,
        device.model,
        device.serial,
        device.firmware,
        device.calibration_date,
        device.tip_area_cm2,
        device.thermode_area_cm2,
    )


def instrument_of(session: Session, role: str) -> InstrumentEntry:
    """The instrument in this role as it answered in this session."""
    return next((entry for entry in session.instruments if entry.role == role), _NO_INSTRUMENT)


def offset_text(offset_s: int) -> str:
    """``+01:00``."""
    hours, minutes = divmod(abs(offset_s) // 60, 60)
    return f"{'-' if offset_s < 0 else '+'}{hours:02d}:{minutes:02d}"
