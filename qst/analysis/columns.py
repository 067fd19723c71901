"""The columns of the trial table: the single source of their names, meanings, types, units and permitted values.

Units are UCUM codes. A value whose unit differs between rows (°C for a thermode, kPa for an algometer) names the column
that holds the unit. The order is that of the table.
"""

from enum import StrEnum
from typing import Final

import msgspec

from qst.instruments import Modality
from qst.record.records import Censoring, Outcome


class Kind(StrEnum):
    """Type of a column's values."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"  # ISO 8601 in UTC, text


#: What the column ``outcome`` says of an attempt that was begun and never recorded.
INTERRUPTED: Final = "interrupted"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a table.

    Attributes:
        name: in the table and in every file made of it.
        description: what it means, one sentence.
        kind: type of its values; None can stand among them only where ``missing`` says what it means.
        unit: UCUM code; empty for what has none.
        unit_column: the column that holds the unit, where it differs between rows (°C, kPa).
        allowed: every word that can stand here; empty when that is open.
        missing: what None means; empty for a column in which there is none. An empty text is a value.
        derivation: how it is made; empty for what stands in the log as it is.
    """

    name: str
    description: str
    kind: Kind
    unit: str = ""
    unit_column: str = ""
    allowed: tuple[str, ...] = ()
    missing: str = ""
    derivation: str = ""


def column(
    name: str,
    kind: Kind,
    description: str,
    unit: str = "",
    *,
    allowed: tuple[str, ...] = (),
    missing: str = "",
    derivation: str = "",
) -> Column:
    """A column; a ``unit`` that begins with ``@`` names the column that holds it."""
    in_column = unit.startswith("@")
    return Column(
        name=name,
        description=description,
        kind=kind,
        unit="" if in_column else unit,
        unit_column=unit[1:] if in_column else "",
        allowed=allowed,
        missing=missing,
        derivation=derivation,
    )


_column = column


_TEXT, _INTEGER, _NUMBER, _BOOLEAN, _TIME = Kind
_VALUE, _RATE, _DISPLAY = "@unit_ucum", "@rate_unit_ucum", "@display_unit"

_NEVER = "the attempt was begun and its result never recorded"
_NOT_MEASURED = "not measured, or not applicable to this attempt"
_NO_THRESHOLD = "no threshold was measured: censored, invalid, or never recorded"
_OTHER_DEVICE = "the instrument has none, or its station file does not say"
_NO_DOSE = "no heat was applied, a gap or a fault left it unknown, or the result was never recorded"
_REPLACES_NONE = "it replaces none"
_JUDGED = "the engine's verdict in the attempt's record, after every decision on the attempt"

COLUMNS: Final = (
    # who, what, by which software
    _column("schema_version", _INTEGER, "Version of the log's schema."),
    _column("study_id", _TEXT, "Study, if the visit belongs to one."),
    _column("participant_id", _TEXT, "Pseudonym of the participant."),
    _column("visit", _INTEGER, "Number of the visit, from 1."),
    _column("session_uuid", _TEXT, "Identifier of the visit's log."),
    _column("protocol_id", _TEXT, "Identifier of the protocol."),
    _column("protocol_version", _TEXT, "Version of the protocol."),
    _column("protocol_sha256", _TEXT, "SHA-256 of the protocol's text, which is in the log."),
    _column("software_version", _TEXT, "Version of the suite that recorded the attempt."),
    _column("is_simulated", _BOOLEAN, "Whether participant and instruments were simulated."),
    # people and devices
    _column("operator_id", _TEXT, "Who ran this part of the visit."),
    _column("device_model", _TEXT, "Model of the instrument, as it answered."),
    _column("device_serial", _TEXT, "Serial number of the instrument; empty when it does not tell."),
    _column("firmware", _TEXT, "Firmware of the instrument; empty when it does not tell."),
    _column("calibration_date", _TEXT, "Date of the last calibration, from the station file."),
    _column("tip_area_cm2", _NUMBER, "Area of the algometer's tip.", "cm2", missing=_OTHER_DEVICE),
    _column("thermode_area_cm2", _NUMBER, "Area of the thermode's plate.", "cm2", missing=_OTHER_DEVICE),
    # design
    _column("block", _TEXT, "Block of the protocol."),
    _column("step_id", _TEXT, "Planned trial, unique within the visit."),
    _column("attempt", _INTEGER, "1, 2, … for each planned trial."),
    _column("modality", _TEXT, "What was applied.", allowed=tuple(Modality)),
    _column("method", _TEXT, "Method of measurement.", allowed=("limits", "levels", "staircase"), missing=_NEVER),
    _column("site_code", _TEXT, "Body site."),
    _column("side", _TEXT, "Side of the participant; empty for a site in the midline.", allowed=("L", "R")),
    _column("sequence_index", _INTEGER, "Position of the planned trial in the visit, from 1."),
    _column("repeat_index", _INTEGER, "1, 2, … for each stimulus and site."),
    _column("is_practice", _BOOLEAN, "Whether the trial was for practice; practice never counts."),
    # stimulus
    _column("start_value", _NUMBER, "Where the ramp starts.", _VALUE, missing=_NEVER),
    _column("rate_commanded", _NUMBER, "Rate that the protocol asks for, as a magnitude.", _RATE, missing=_NEVER),
    _column("rate_achieved_mean", _NUMBER, "Mean of the measured rate, as a magnitude.", _RATE, missing=_NOT_MEASURED),
    _column("rate_achieved_sd", _NUMBER, "Standard deviation of the measured rate.", _RATE, missing=_NOT_MEASURED),
    _column("cutoff", _NUMBER, "Where the ramp ends without a response.", _VALUE, missing=_NEVER),
    _column("return_rate", _NUMBER, "Rate of the return to the start, as a magnitude.", _RATE, missing=_NOT_MEASURED),
    _column(
        "settle_s",
        _NUMBER,
        "Time from the command to adapt until the start value was held.",
        "s",
        missing=_NOT_MEASURED,
    ),
    _column(
        "isi_s", _NUMBER, "Time since the stimulus before, anywhere; empty for the first.", "s", missing=_NOT_MEASURED
    ),
    # result
    _column("value_at_response", _NUMBER, "Measured value at the response.", _VALUE, missing=_NOT_MEASURED),
    _column("value_peak", _NUMBER, "Greatest excursion measured in the attempt.", _VALUE, missing=_NOT_MEASURED),
    _column(
        "value_reported",
        _NUMBER,
        "Threshold after the protocol's rounding, decimal half-up.",
        _VALUE,
        missing=_NO_THRESHOLD,
    ),
    _column("unit_ucum", _TEXT, "Unit of the values.", allowed=("Cel", "kPa")),
    _column(
        "response_latency_s", _NUMBER, "Time from the start of the ramp to the response.", "s", missing=_NOT_MEASURED
    ),
    _column("ramp_duration_s", _NUMBER, "Time from the start of the ramp to its end.", "s", missing=_NOT_MEASURED),
    # status
    _column(
        "outcome",
        _TEXT,
        "How the attempt ended; 'interrupted' when it was begun and its result never recorded.",
        allowed=(*Outcome, INTERRUPTED),
        derivation="as recorded; 'interrupted' where there is a beginning and no result",
    ),
    _column(
        "censoring",
        _TEXT,
        "'right': the threshold is beyond the cut-off; 'left': it was passed at the start.",
        allowed=tuple(Censoring),
        missing=_NEVER,
    ),
    _column("valid", _BOOLEAN, "Whether the attempt stands after all judgements.", derivation=_JUDGED),
    _column("invalid_reason", _TEXT, "Why it does not; empty when it does.", derivation=_JUDGED),
    _column("supersedes", _INTEGER, "The attempt at the same trial that this one replaces.", missing=_REPLACES_NONE),
    _column(
        "note",
        _TEXT,
        "The operator's remarks on the attempt, joined by ' | '.",
        derivation="the remarks about its trial from its beginning to that of the next attempt at it",
    ),
    # dose
    _column("time_ge_43_s", _NUMBER, "Time of the skin at or above 43 °C.", "s", missing=_NO_DOSE),
    _column("cem43_min", _NUMBER, "Cumulative equivalent minutes at 43 °C.", "min", missing=_NO_DOSE),
    _column("omega", _NUMBER, "Henriques-Moritz damage integral, dimensionless.", "1", missing=_NO_DOSE),
    # time and proof
    _column("t_utc", _TIME, "When the attempt began, UTC, milliseconds."),
    _column(
        "tz_offset",
        _TEXT,
        "Offset of local time from UTC when the visit began, such as +01:00.",
        derivation="from the recorded offset in seconds",
    ),
    _column(
        "t_mono_ns",
        _INTEGER,
        "When the attempt began, on the monotonic clock of its session.",
        "ns",
        derivation="from the recorded seconds, which have six decimals",
    ),
    _column(
        "trace_file",
        _TEXT,
        "File that holds the samples; empty when there are none.",
        derivation="name of the log, as it was found",
    ),
    _column("trace_sha256", _TEXT, "Fingerprint of the samples: SHA-256 over the hashes of their lines."),
    _column("prev_hash", _TEXT, "Hash of the line before the attempt's record."),
    _column("hash", _TEXT, "Hash of the line of the attempt's record."),
    # what the columns above leave open
    _column(
        "rate_unit_ucum",
        _TEXT,
        "Unit of the rates (UCUM has no rate of Cel).",
        allowed=("K/s", "kPa/s"),
        derivation="follows from the modality",
    ),
    _column(
        "value_display", _NUMBER, "value_reported in the unit in which it was rounded.", _DISPLAY, missing=_NO_THRESHOLD
    ),
    _column("display_unit", _TEXT, "Unit of value_display.", allowed=("Cel", "kPa", "kgf/cm2")),
    _column(
        "rate_flag",
        _TEXT,
        "Measured rate of a response outside the protocol's band.",
        allowed=("slow", "fast"),
        missing="nobody compared a rate with the band: there was no response, or no rate was measured",
    ),
    _column(
        "superseded",
        _BOOLEAN,
        "Whether a later attempt replaces this one.",
        derivation="whether its number stands in the 'supersedes' of a later attempt at its trial",
    ),
    _column("instrument", _TEXT, "Driver of the instrument."),
    _column("source", _TEXT, "Who read the value.", allowed=("device", "operator")),
    _column("raw_text", _TEXT, "The value as the operator typed it."),
    _column("n_samples", _INTEGER, "Number of samples.", "1"),
    _column(
        "session",
        _INTEGER,
        "1 for the first process that ran the visit, one more after every resume.",
        derivation="counted: the header, and the resume records up to the attempt's",
    ),
    _column("seed", _INTEGER, "Everything random in the visit follows from it."),
)

_OVERLAY = "from the analyst's overlay file; the log itself stays as it is"

#: What an analyst's overlay file did to a row; empty where it did nothing.
CORRECTION_COLUMNS: Final = (
    _column("corrected", _TEXT, "Columns of this row that were corrected, separated by blanks.", derivation=_OVERLAY),
    _column("corrected_from", _TEXT, "What the log says instead, joined by ' | '.", derivation=_OVERLAY),
    _column("corrected_by", _TEXT, "Who corrected them, joined by ' | '.", derivation=_OVERLAY),
    _column("corrected_why", _TEXT, "Why, joined by ' | '.", derivation=_OVERLAY),
)

#: The trial table of a dataset.
TRIAL_COLUMNS: Final = (*COLUMNS, *CORRECTION_COLUMNS)

#: Names of the columns, in order.
NAMES: Final = tuple(column.name for column in COLUMNS)
