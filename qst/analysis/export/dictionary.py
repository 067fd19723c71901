"""The machine-readable data dictionary that goes with every export."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

import qst
from qst.analysis.columnar import Table
from qst.analysis.columns import Column
from qst.analysis.export.cells import Choice, choices
from qst.analysis.export.source import Source

_AS_RECORDED: Final = "as recorded in the visit log"
_NOT_RECORDED: Final = "not measured or not recorded"


class Missing(msgspec.Struct, frozen=True):
    """How a file says that there is no value: the code that stands in the cell, and what it means."""

    code: str | float | None
    meaning: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One column of a file.

    ``unit_ucum`` is a UCUM code; where it differs between rows, ``unit_column`` names the column that holds it.
    ``stored_as`` is the type in the file.
    """

    name: str
    label: str
    type: str
    stored_as: str
    unit_ucum: str
    unit_column: str
    allowed: tuple[Choice, ...]
    missing: tuple[Missing, ...]
    derivation: str


def entry(
    column: Column, *, stored_as: str, missing: Sequence[Missing], name: str = "", unit_column: str = ""
) -> Entry:
    """The entry of one column as it stands in one format's files, where it may have another name."""
    return Entry(
        name=name or column.name,
        label=column.description,
        type=column.kind.value,
        stored_as=stored_as,
        unit_ucum=column.unit,
        unit_column=unit_column or column.unit_column,
        allowed=choices(column),
        missing=tuple(missing),
        derivation=column.derivation or _AS_RECORDED,
    )


def meaning(column: Column) -> str:
    """What a missing value of this column means, in words."""
    return column.missing or _NOT_RECORDED


def entries(
    table: Table, stored_as: Callable[[Column], str], missing: Callable[[Column], Sequence[Missing]]
) -> tuple[Entry, ...]:
    """The entries of a whole table for one format."""
    return tuple(entry(column, stored_as=stored_as(column), missing=missing(column)) for column in table.columns)


def render(
    dataset: Source,
    format_name: str,
    parts: Mapping[str, tuple[Table, Sequence[Entry]]],
    remarks: Sequence[str] = (),
) -> bytes:
    """The dictionary as JSON, UTF-8, readable.

    Args:
        dataset: names what was left out of it.
        format_name: format of the files described.
        parts: by file or sheet: the table in it and its columns.
        remarks: what else somebody who uses the tables has to know, such as what was guessed when they were read.
    """
    content: dict[str, Any] = {
        "dictionary_version": 1,
        "software": f"qst-suite {qst.__version__}",
        "format": format_name,
        "units": "UCUM",
        "tables": [
            {"in": where, "name": table.name, "label": table.label, "rows": len(table), "columns": columns}
            for where, (table, columns) in parts.items()
        ],
        "left_out": dataset.left_out,
        "unscored": dataset.unscored,
        "set_aside": dataset.set_aside,
    }
    if remarks:
        content["remarks"] = remarks
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
