"""REDCap's side of the tables: forms, field names, field types, validation, and the values as REDCap takes them.

Sources: REDCap's own data dictionary template (its 18 columns) and import rules as published by its users' groups; not
tried against a REDCap server.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import Column, Kind
from qst.analysis.export.cells import choices, code_of, refused, utc

#: The columns of a data dictionary, as REDCap's template has them.
DICTIONARY_HEAD: Final = (
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
)

#: REDCap advises names no longer than this, and the statistics packages it exports to thank for it.
LONGEST_NAME: Final = 26

#: The part of a time that REDCap's own type for it has no place for.
MILLISECONDS: Final = "milliseconds"

RECORD_ID: Final = "record_id"
PARTICIPANT_FORM: Final = "qst_participant"

#: Carried by the record and its event instead of by a field.
_IN_THE_RECORD: Final = frozenset({"participant_id", "study_id"})
#: Free text of people: a large box, and possibly somebody's name.
_NOTES: Final = frozenset(
    {"note", "invalid_reason", "deviations", "adverse_events", "outcome_reason", "raw_text"}
    | {"corrected_from", "corrected_why"}
)
#: Names of people.
_PEOPLE: Final = frozenset({"corrected_by"})
_REQUIRED: Final = frozenset(
    {"visit", "session_uuid", "protocol_id", "is_simulated", "step_id", "attempt", "modality", "sequence_index"}
    | {"outcome", "t_utc", "score_id", "n_planned", "n_valid"}
)
#: Whole numbers that count from 1. All others count from 0.
_FROM_ONE: Final = frozenset({"visit", "attempt", "sequence_index", "repeat_index", "session", "schema_version"})
_LARGEST: Final = {"visit": "9999"}
#: Numbers that cannot be negative, besides all with these units.
_FROM_ZERO: Final = frozenset({"rate_commanded", "rate_achieved_sd", "sd"})
_UNITS_FROM_ZERO: Final = frozenset({"s", "min", "cm2", "1"})
_MOST_RADIO_BUTTONS: Final = 4
_BAD_IN_RECORD_ID: Final = re.compile(r"[#&+'\"<>\x00-\x1f]|^\s|\s$")
_LONGEST_RECORD_ID: Final = 100


class Form(NamedTuple):
    """A repeating instrument, and what the names of its fields begin with."""

    name: str
    prefix: str
    label: str


FORMS: Final = {
    "visits": Form("qst_visit", "qstv_", "[qstv_protocol_id] [qstv_outcome]"),
    "thresholds": Form("qst_score", "qsts_", "[qsts_score_id]"),
    "trials": Form("qst_trial", "qst_", "[qst_step_id] [qst_attempt]"),
}


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the dictionary. ``part``: which part of a time it holds, "" for a whole value."""

    name: str
    form: str
    type: str = "text"
    label: str
    choices: str = ""
    note: str = ""
    validation: str = ""
    min: str = ""
    max: str = ""
    identifier: bool = False
    required: bool = False
    annotation: str = ""
    column: Column | None = None
    part: str = ""

    def row(self) -> tuple[str, ...]:
        """The field's line of the dictionary."""
        yes = {True: "y", False: ""}
        return (
            *(self.name, self.form, "", self.type, self.label, self.choices, self.note),
            *(self.validation, self.min, self.max, yes[self.identifier], "", yes[self.required]),
            *("", "", "", "", self.annotation),
        )


def participant_fields() -> tuple[Field, ...]:
    """The first instrument: the record's identifier, which REDCap wants first, and the study."""
    return (
        Field(name=RECORD_ID, form=PARTICIPANT_FORM, label="Pseudonym of the participant."),
        Field(name="qst_study_id", form=PARTICIPANT_FORM, label="Study of the visits.", annotation="@READONLY"),
    )


def fields(table: Table) -> tuple[Field, ...]:
    """The fields of a table's form, in its order of columns."""
    form = FORMS[table.name]
    return tuple(
        field for column in table.columns if column.name not in _IN_THE_RECORD for field in _fields(form, column)
    )


def _fields(form: Form, column: Column) -> Iterator[Field]:
    field = Field(
        name=form.prefix + column.name,
        form=form.name,
        label=column.description,
        note=_note(form, column),
        identifier=column.name in _NOTES | _PEOPLE,
        required=column.name in _REQUIRED,
        annotation="@READONLY",
        column=column,
    )
    if column.kind is Kind.TIME:
        yield msgspec.structs.replace(
            field, validation="datetime_seconds_ymd", note="UTC, whole seconds", part="seconds"
        )
        yield msgspec.structs.replace(
            field,
            name=f"{field.name}_ms",
            label=f"{column.description} Milliseconds of that second.",
            note="Unit: ms",
            validation="integer",
            min="0",
            max="999",
            part=MILLISECONDS,
        )
    elif column.allowed:
        listed = " | ".join(f"{choice.code}, {choice.label}" for choice in choices(column))
        kind = "radio" if len(choices(column)) <= _MOST_RADIO_BUTTONS else "dropdown"
        yield msgspec.structs.replace(field, type=kind, choices=listed)
    elif column.kind is Kind.BOOLEAN:
        yield msgspec.structs.replace(field, type="yesno")
    elif column.kind is Kind.TEXT:
        yield msgspec.structs.replace(field, type="notes" if column.name in _NOTES else "text")
    else:
        smallest, largest = _range(column)
        validation = column.kind.value  # REDCap says integer and number too
        yield msgspec.structs.replace(field, validation=validation, min=smallest, max=largest)


def _note(form: Form, column: Column) -> str:
    if column.unit_column:
        return f"Unit: see {form.prefix}{column.unit_column}"
    return f"Unit: {column.unit} (UCUM)" if column.unit else ""


def _range(column: Column) -> tuple[str, str]:
    if column.kind is Kind.INTEGER:
        return ("1" if column.name in _FROM_ONE else "0"), _LARGEST.get(column.name, "")
    return ("0" if column.name in _FROM_ZERO or column.unit in _UNITS_FROM_ZERO else ""), ""


def value(field: Field, cell: Cell, row: int) -> str:
    """A cell as REDCap takes it; blank for what is missing, NaN too: REDCap has no other word for it.

    Raises:
        InputError: it lies outside the range that the dictionary states.
    """
    if field.column is None:
        return "" if cell is None else str(cell)
    if cell is None or cell != cell:  # noqa: PLR0124 - true of NaN only
        return ""
    if field.column.allowed:
        code = code_of(field.column).get(cell)
        return "" if code is None else str(code)
    if field.part:
        moment = utc(cell)
        return f"{moment:%Y-%m-%d %H:%M:%S}" if field.part == "seconds" else str(moment.microsecond // 1000)
    if isinstance(cell, bool):
        return "1" if cell else "0"
    return cell if isinstance(cell, str) else _number(field, cell, row)


def _number(field: Field, cell: float, row: int) -> str:
    """Digits without an exponent, which REDCap does not accept in a number."""
    number = Decimal(repr(cell))
    if field.column is not None and (
        (field.min and number < Decimal(field.min)) or (field.max and number > Decimal(field.max))
    ):
        raise refused(field.column, row, f"{cell} is outside {field.min} to {field.max or 'anything'}")
    return f"{number:f}"


def check_record_id(record_id: str, column: Column, row: int) -> None:
    """Refuse a participant that REDCap could not name a record after."""
    if not record_id or len(record_id) > _LONGEST_RECORD_ID or _BAD_IN_RECORD_ID.search(record_id):
        raise refused(column, row, f"{record_id[:30]!r} cannot be the name of a REDCap record")
