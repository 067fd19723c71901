"""CSV that reads the same everywhere: RFC 4180, UTF-8 without a mark, decimal point, lines that end in CR LF.

A missing value is an empty field and an empty text is ``""``, so that a reader who looks can tell them apart. Text
stands as it was recorded, also when it begins with ``=``: this file is for programs that compute, and a quote mark put
in front would be part of the value. For spreadsheets there is the Excel format.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import Column, Kind
from qst.analysis.dataset import Dataset
from qst.analysis.export.cells import rates_told
from qst.analysis.export.dictionary import Entry, Missing, entries, meaning

SUFFIXES: Final = (".csv",)
TITLE: Final = "CSV files"

_TO_QUOTE: Final = frozenset(',"\r\n')


def write(dataset: Dataset, table: Table, path: Path) -> dict[str, tuple[Table, tuple[Entry, ...]]]:
    """Write one table; returns what stands in it, for the dictionary."""
    del dataset
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines(table))
    return {"": (table, entries(table, _stored_as, _missing))}


def lines(table: Table) -> Iterator[str]:
    """The file, line by line, header first."""
    yield _line([column.name for column in table.columns])
    for row in rates_told(table).rows():
        yield _line(row)


def _line(row: Sequence[Cell]) -> str:
    return ",".join(map(field, row)) + "\r\n"


def field(cell: Cell) -> str:
    """One field: numbers in their shortest exact decimal form, ``true`` and ``false``, text quoted where needed."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell if cell and _TO_QUOTE.isdisjoint(cell) else '"' + cell.replace('"', '""') + '"'
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "NaN" if isinstance(cell, float) and math.isnan(cell) else repr(cell)


def _stored_as(column: Column) -> str:
    return {
        Kind.NUMBER: "decimal number",
        Kind.INTEGER: "whole number",
        Kind.BOOLEAN: "true or false",
        Kind.TIME: "ISO 8601 in UTC, milliseconds",
        Kind.TEXT: "text",
    }[column.kind]


def _missing(column: Column) -> tuple[Missing, ...]:
    codes = [Missing("", meaning(column))]
    if column.kind is Kind.NUMBER:
        codes.append(Missing("NaN", "not a number"))
    return tuple(codes)
