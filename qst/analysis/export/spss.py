"""SPSS ``.sav``: labels for variables and values, missing codes, levels of measurement, formats.

SPSS knows two types, 64-bit floats and text of a fixed width, and one value that is no value. The table's words with a
closed list become numbers with value labels. A number that was not measured is system-missing, which no program can
average by mistake; a NaN, which no log can hold, would be the user-missing code :data:`NAN_CODE`. That code is
declared only where it occurs: a value label would make R's ``haven::as_factor`` take a measurement for a category.
"""

import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import Column, Kind
from qst.analysis.dataset import Dataset
from qst.analysis.export.cells import LARGEST_EXACT, WIDE_INTEGERS, choices, code_of, refused, utc
from qst.analysis.export.dictionary import Entry, Missing, entries, meaning
from qst.analysis.export.libraries import needed_for
from qst.errors import InputError

SUFFIXES: Final = (".sav",)
TITLE: Final = "SPSS files"

#: A word that is not recorded, where words are numbers.
NO_WORD_CODE: Final = -9.0
#: A number that is NaN.
NAN_CODE: Final = -9999.0
#: Text that is not recorded, as opposed to empty. SPSS compares the first eight bytes of a missing text.
NO_TEXT_CODE: Final = "#NULL!"
#: Longest text that SPSS holds, in bytes of UTF-8.
LONGEST_TEXT_BYTES: Final = 32767

_LONGEST_NAME_BYTES: Final = 64
_LONGEST_LABEL_BYTES: Final = 256
_RESERVED: Final = frozenset(["ALL", "AND", "BY", "EQ", "GE", "GT", "LE", "LT", "NE", "NOT", "OR", "TO", "WITH"])
_EPOCH: Final = datetime(1582, 10, 14, tzinfo=UTC)  # SPSS counts seconds from here
_WIDEST_SHOWN: Final = 40


class _Variable(NamedTuple):
    """One variable: its values as SPSS stores them, and what SPSS knows about it."""

    column: Column
    values: "Sequence[float] | Sequence[str]"
    format: str
    measure: str
    labels: dict[float, str]
    missing: tuple[float, ...] | tuple[str, ...]

    @property
    def is_text(self) -> bool:
        return self.format.startswith("A")


def write(dataset: Dataset, table: Table, path: Path) -> dict[str, tuple[Table, tuple[Entry, ...]]]:
    """Write one table; returns what stands in it, for the dictionary.

    Raises:
        InputError: a text is longer than SPSS holds, or a number is not exact there.
    """
    del dataset
    with needed_for(TITLE):
        import pandas as pd  # noqa: PLC0415 - large, and needed by this format only
        import pyreadstat  # noqa: PLC0415 - likewise
    variables = {column.name: _variable(column, table.column(column.name)) for column in table.columns}
    frame = pd.DataFrame(
        {
            name: pd.Series(variable.values, dtype="object" if variable.is_text else "float64")
            for name, variable in variables.items()
        }
    )
    pyreadstat.write_sav(
        frame,
        path,
        file_label=table.label[:64],
        column_labels={name: _label(variable.column) for name, variable in variables.items()},
        variable_value_labels={name: variable.labels for name, variable in variables.items() if variable.labels},
        missing_ranges={name: list(variable.missing) for name, variable in variables.items() if variable.missing},
        variable_measure={name: variable.measure for name, variable in variables.items()},
        variable_format={name: variable.format for name, variable in variables.items() if not variable.is_text},
        variable_display_width={name: _width(variable) for name, variable in variables.items()},
    )
    stored = {name: variable.format for name, variable in variables.items()}
    return {"": (table, entries(table, lambda column: stored[column.name], _missing))}


def _variable(column: Column, cells: Sequence[Cell]) -> _Variable:
    _check_name(column.name)
    if column.allowed:
        return _words(column, cells)
    if column.kind is Kind.TEXT or column.name in WIDE_INTEGERS:
        return _text(column, cells)
    if column.kind is Kind.BOOLEAN:
        values = [math.nan if cell is None else float(cell) for cell in cells]
        return _Variable(column, values, "F1.0", "nominal", {0.0: "no", 1.0: "yes"}, ())
    if column.kind is Kind.TIME:
        values = [math.nan if cell is None else (utc(cell) - _EPOCH).total_seconds() for cell in cells]
        return _Variable(column, values, "DATETIME23.3", "scale", {}, ())
    return _number(column, cells)


def _check_name(name: str) -> None:
    legal = name.isidentifier() and name[0].isalpha() and name[-1] != "_" and name.upper() not in _RESERVED
    if not legal or len(name.encode("utf-8")) > _LONGEST_NAME_BYTES:
        raise InputError(f"'{name}' cannot be the name of an SPSS variable", did="wrote nothing")


def _words(column: Column, cells: Sequence[Cell]) -> _Variable:
    codes = code_of(column)
    labels = {float(choice.code): choice.label for choice in choices(column)}
    values = [float(codes.get(cell, NO_WORD_CODE)) for cell in cells]
    return _Variable(column, values, "F3.0", "nominal", {**labels, NO_WORD_CODE: "not recorded"}, (NO_WORD_CODE,))


def _text(column: Column, cells: Sequence[Cell]) -> _Variable:
    texts = [NO_TEXT_CODE if cell is None else str(cell) for cell in cells]
    widest = 1
    for row, (cell, text) in enumerate(zip(cells, texts, strict=True), 1):
        width = len(text.encode("utf-8"))
        widest = max(widest, width)
        if width > LONGEST_TEXT_BYTES:
            raise refused(column, row, f"its text has {width} bytes and SPSS holds {LONGEST_TEXT_BYTES}")
        if "\0" in text or (cell is not None and text.rstrip(" ") == NO_TEXT_CODE):
            raise refused(column, row, f"SPSS cannot hold the text {text[:20]!r}")
    return _Variable(column, texts, f"A{widest}", "nominal", {}, (NO_TEXT_CODE,))


def _number(column: Column, cells: Sequence[Cell]) -> _Variable:
    whole = column.kind is Kind.INTEGER
    values = []
    for row, cell in enumerate(cells, 1):
        number = math.nan if cell is None else float(cell)
        if isinstance(cell, int) and abs(cell) > LARGEST_EXACT:
            raise refused(column, row, f"{cell} has more digits than SPSS keeps")
        if number == NAN_CODE or abs(number) == sys.float_info.max:
            raise refused(column, row, f"{cell} means a missing value in SPSS")
        values.append(NAN_CODE if cell is not None and math.isnan(number) else number)
    if whole:
        return _Variable(column, values, "F12.0", "scale" if column.unit else "ordinal", {}, ())
    shown = "E11.3" if column.unit == "1" else "F12.4"  # a damage integral of 1e-9 is no zero
    if NAN_CODE in values:
        return _Variable(column, values, shown, "scale", {NAN_CODE: "not a number"}, (NAN_CODE,))
    return _Variable(column, values, shown, "scale", {}, ())


def _label(column: Column) -> str:
    """The description with its unit, cut at a whole character where SPSS would cut it."""
    unit = column.unit if column.unit not in {"", "1"} else ""
    tail = f" [{unit}]" if unit else f" [unit: {column.unit_column}]" if column.unit_column else ""
    room = _LONGEST_LABEL_BYTES - len(tail.encode("utf-8"))
    return column.description.encode("utf-8")[:room].decode("utf-8", errors="ignore") + tail


def _width(variable: _Variable) -> int:
    """Width of the column on the screen, in characters."""
    digits = int(variable.format[1:].split(".")[0]) if variable.format[0] in "AEF" else 23
    return max(8, min(digits, _WIDEST_SHOWN))


def _missing(column: Column) -> tuple[Missing, ...]:
    if column.allowed:
        return (Missing(NO_WORD_CODE, meaning(column)),)
    if column.kind is Kind.TEXT or column.name in WIDE_INTEGERS:
        return (Missing(NO_TEXT_CODE, meaning(column)),)
    system = Missing("system-missing", meaning(column))
    return (system, Missing(NAN_CODE, "not a number")) if column.kind is Kind.NUMBER else (system,)
