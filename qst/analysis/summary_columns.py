"""The columns of the threshold table and of the visit table; :mod:`qst.analysis.columns` has those of the trials."""

from collections.abc import Mapping
from typing import Final

import msgspec

from qst.analysis.columns import Column, Kind, column
from qst.instruments import Modality
from qst.record.records import VisitOutcome

_TEXT, _INTEGER, _NUMBER, _BOOLEAN, _TIME = Kind
_UNIT, _DISPLAY = "@unit_ucum", "@display_unit"
_NONE_COUNTED = "no trial counts: there is no mean of nothing"

_COUNTED = "counted in the trial table"
_TOLD = "counted in the log's records"
_PLANNED = "from the protocol in the log, and the visit's seed"
_IN_MEAN = "of value_reported over the trials that are in the mean"
_ENDED = "of the last end record; 'interrupted' where the last session has none"
_FILE = "name of the file that was read"


def _derived(how: Mapping[str, str], *columns: Column) -> tuple[Column, ...]:
    """The columns; those named in ``how`` do not stand in the log as they are."""
    return tuple(msgspec.structs.replace(one, derivation=how[one.name]) if one.name in how else one for one in columns)


_HOW_THRESHOLDS: Final = {
    **dict.fromkeys(
        ("score_id", "score_label", "modality", "rule_id", "rounding", "n_planned", "unit_ucum", "display_unit"),
        _PLANNED,
    ),
    **dict.fromkeys(("n_valid", "n_censored", "n_missing", "n_corrected"), _COUNTED),
    "visit_outcome": _ENDED,
    "complete": "whether n_valid is n_planned",
    "sd": f"sample standard deviation {_IN_MEAN}",
    "median": f"median {_IN_MEAN}",
    "min": f"smallest {_IN_MEAN}",
    "max": f"greatest {_IN_MEAN}",
    "log_file": _FILE,
}
_HOW_VISITS: Final = {
    **dict.fromkeys(("n_attempts", "n_valid", "n_invalid", "n_interrupted", "n_censored", "n_corrected"), _COUNTED),
    **dict.fromkeys(("n_deviations", "n_adverse_events", "n_faults", "n_sessions"), _TOLD),
    **dict.fromkeys(("deviations", "adverse_events"), "the texts of these records, joined"),
    **dict.fromkeys(("software_version", "operator_id"), "as recorded for each session, joined"),
    "outcome": _ENDED,
    "complete": "whether n_valid is n_planned",
    "missing_trials": "planned trials for which the trial table has no valid attempt",
    "tz_offset": "from the recorded offset in seconds",
    "torn_bytes": "counted in the file",
    "log_file": _FILE,
}

_WHOSE: Final = (
    column("study_id", _TEXT, "Study; empty if the visit belongs to none."),
    column("participant_id", _TEXT, "Pseudonym of the participant."),
    column("visit", _INTEGER, "Number of the visit, from 1."),
    column("session_uuid", _TEXT, "Identifier of the visit's log."),
    column("protocol_id", _TEXT, "Identifier of the protocol."),
    column("protocol_version", _TEXT, "Version of the protocol."),
    column("protocol_sha256", _TEXT, "SHA-256 of the protocol's text, which is in the log."),
    column("is_simulated", _BOOLEAN, "Whether participant and instruments were simulated."),
)

#: One row a participant, visit and score.
THRESHOLD_COLUMNS: Final = _derived(
    _HOW_THRESHOLDS,
    *_WHOSE,
    column("visit_outcome", _TEXT, "How the visit ended.", allowed=tuple(VisitOutcome)),
    column("score_id", _TEXT, "The score's name in the protocol."),
    column("score_label", _TEXT, "The score's name for people."),
    column("modality", _TEXT, "What was applied.", allowed=tuple(Modality)),
    column("rule_id", _TEXT, "The scoring rule, by its name in docs/analysis.md."),
    column("rounding", _TEXT, "How each reported value was rounded before the mean, such as 'half-up to 0.1 kgf/cm2'."),
    column("n_planned", _INTEGER, "Trials that the protocol plans for this score, without practice.", "1"),
    column("n_valid", _INTEGER, "Trials that are in the mean.", "1"),
    column("n_censored", _INTEGER, "Valid trials without a threshold: cut off, or painful at the start.", "1"),
    column("n_missing", _INTEGER, "Planned trials that have no valid attempt.", "1"),
    column("complete", _BOOLEAN, "Whether every planned trial is in the mean."),
    column(
        "mean",
        _NUMBER,
        "Arithmetic mean of the reported values.",
        _UNIT,
        missing=_NONE_COUNTED,
        derivation="mean of value_reported over the valid, uncensored, not superseded trials, practice left out",
    ),
    column("sd", _NUMBER, "Sample standard deviation of the reported values.", _UNIT, missing="fewer than two values"),
    column("median", _NUMBER, "Median of the reported values.", _UNIT, missing=_NONE_COUNTED),
    column("min", _NUMBER, "Smallest reported value.", _UNIT, missing=_NONE_COUNTED),
    column("max", _NUMBER, "Greatest reported value.", _UNIT, missing=_NONE_COUNTED),
    column("unit_ucum", _TEXT, "Unit of mean, sd, median, min, max and mean_unrounded.", allowed=("Cel", "kPa")),
    column(
        "mean_unrounded",
        _NUMBER,
        "Sensitivity: mean of the same trials' values before rounding.",
        _UNIT,
        missing="no trial counts, or one of them has no unrounded value",
        derivation="mean of value_at_response; of value_peak where the peak is what was reported",
    ),
    column(
        "mean_display",
        _NUMBER,
        "Mean of the reported values in the unit in which they were rounded.",
        _DISPLAY,
        missing=_NONE_COUNTED,
        derivation="mean of value_display in decimal arithmetic",
    ),
    column("display_unit", _TEXT, "Unit of mean_display.", allowed=("Cel", "kPa", "kgf/cm2")),
    column("n_corrected", _INTEGER, "Attempts at this score's trials that the analyst's overlay changed.", "1"),
    column("log_file", _TEXT, "The visit's log, as it was found."),
)

#: One row a visit.
VISIT_COLUMNS: Final = _derived(
    _HOW_VISITS,
    *_WHOSE,
    column("schema_version", _INTEGER, "Version of the log's schema."),
    column(
        "software_version", _TEXT, "Version of the suite; all of them, joined by ' | ', when it was resumed by another."
    ),
    column("operator_id", _TEXT, "Who ran the visit; all of them, joined by ' | ', after a resume."),
    column("station_id", _TEXT, "Identifier of the station."),
    column("clock", _TEXT, "Whose time it is; on virtual time the calendar says nothing.", allowed=("real", "virtual")),
    column("seed", _INTEGER, "Everything random in the visit follows from it."),
    column("outcome", _TEXT, "How the visit ended.", allowed=tuple(VisitOutcome)),
    column("outcome_reason", _TEXT, "Why, where somebody said so."),
    column("complete", _BOOLEAN, "Whether every planned trial, practice too, has a valid attempt."),
    column("n_planned", _INTEGER, "Planned trials, practice too.", "1"),
    column("n_attempts", _INTEGER, "Attempts, valid or not.", "1"),
    column("n_valid", _INTEGER, "Planned trials with a valid attempt, practice too.", "1"),
    column("n_invalid", _INTEGER, "Attempts that do not count.", "1"),
    column("n_interrupted", _INTEGER, "Attempts that were begun and whose result was never recorded.", "1"),
    column("n_censored", _INTEGER, "Planned trials whose valid attempt has no threshold.", "1"),
    column("missing_trials", _TEXT, "Planned trials without a valid attempt, by sequence_index, separated by blanks."),
    column("n_deviations", _INTEGER, "Deviations from the protocol.", "1"),
    column("deviations", _TEXT, "The deviations, joined by ' | '."),
    column("n_adverse_events", _INTEGER, "Adverse events.", "1"),
    column("adverse_events", _TEXT, "The adverse events in the operator's words, joined by ' | '."),
    column("n_faults", _INTEGER, "Failures of instruments, links or the log.", "1"),
    column("n_sessions", _INTEGER, "1, and one more for every resume.", "1"),
    column("n_corrected", _INTEGER, "Attempts that the analyst's overlay changed.", "1"),
    column("started_utc", _TIME, "First record."),
    column("ended_utc", _TIME, "Last whole record."),
    column("tz_offset", _TEXT, "Offset of local time from UTC when the visit began, such as +01:00."),
    column(
        "torn_bytes",
        _INTEGER,
        "Bytes of a torn last line, which was left out; 0 when the file ends with a record.",
        "By",
    ),
    column("last_hash", _TEXT, "Hash of the last record: it vouches for the whole file. Keep it elsewhere."),
    column("log_file", _TEXT, "The log, as it was found."),
)
