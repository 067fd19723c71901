"""What the dictionary for programs says of a REDCap data file: every one of its columns."""

from collections.abc import Sequence
from typing import Final

import msgspec

from qst.analysis.columnar import Table
from qst.analysis.columns import Column, Kind
from qst.analysis.columns import column as make_column
from qst.analysis.export.dictionary import Entry, Missing, entry, meaning
from qst.analysis.export.redcap_fields import (
    FORMS,
    MILLISECONDS,
    PARTICIPANT_FORM,
    RECORD_ID,
    Field,
    fields,
    participant_fields,
)

_Part = tuple[Table, tuple[Entry, ...]]

_NO_REPEAT: Final = f"the row fills in {PARTICIPANT_FORM}, which does not repeat"
_BY_TABLE: Final = "which table the row is from"


def entries(table: Table) -> tuple[Entry, ...]:
    """The fields of one form."""
    prefix = FORMS[table.name].prefix
    return tuple(
        entry(
            _as_it_stands(field, field.column),
            name=field.name,
            stored_as=field.validation or field.type,
            missing=[Missing("", meaning(field.column))],
            unit_column=prefix + field.column.unit_column if field.column.unit_column else "",
        )
        for field in fields(table)
        if field.column is not None
    )


def _as_it_stands(field: Field, column: Column) -> Column:
    """What stands in a field: the milliseconds of a time are a whole number by themselves."""
    if field.part != MILLISECONDS:
        return column
    derivation = "a part of the time"
    return msgspec.structs.replace(column, description=field.label, kind=Kind.INTEGER, unit="ms", derivation=derivation)


def of_every_row(n_rows: int, complete: str, forms: Sequence[str]) -> _Part:
    """The columns that say where a row belongs, and which of the forms it fills in.

    Args:
        n_rows: of the file.
        complete: what says that a form is filled in.
        forms: names of the forms.
    """
    record = next(field for field in participant_fields() if field.name == RECORD_ID)
    keys = [
        make_column(RECORD_ID, Kind.TEXT, record.label, derivation="participant_id"),
        make_column("redcap_event_name", Kind.TEXT, "REDCap's name of the event.", derivation="made of visit"),
        make_column(
            "redcap_repeat_instrument",
            Kind.TEXT,
            "The form that this row fills in.",
            missing=_NO_REPEAT,
            derivation=_BY_TABLE,
        ),
        make_column(
            "redcap_repeat_instance",
            Kind.INTEGER,
            "Number of the form within record and event, from 1.",
            missing=_NO_REPEAT,
            derivation="counted in the order in which the logs began",
        ),
    ]
    done = [
        make_column(
            f"{form}_complete",
            Kind.INTEGER,
            f"{complete} where this row fills in the form {form}.",
            missing="the row fills in another form",
            derivation=_BY_TABLE,
        )
        for form in forms
    ]
    return _described("rows", "All rows of the file.", n_rows, [*keys, *done])


def of_participants(n_rows: int) -> _Part:
    """The one field of the form that does not repeat."""
    own = [field for field in participant_fields() if field.name != RECORD_ID]
    return _described(
        "participants", "One row a participant.", n_rows, [make_column(one.name, Kind.TEXT, one.label) for one in own]
    )


def _described(name: str, label: str, n_rows: int, columns: Sequence[Column]) -> _Part:
    """Columns that no table of the dataset has."""
    table = Table(name=name, label=label, columns=tuple(columns), cells=((None,) * n_rows,) * len(columns))
    return table, tuple(entry(one, stored_as=one.kind.value, missing=[Missing("", meaning(one))]) for one in columns)
