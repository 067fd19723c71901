"""What a cell may hold, and the codes of words: one look at each column before any file is written."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import Column, Kind
from qst.errors import InputError
from qst.record.records import Outcome

#: Whole numbers beyond this are not exact in a 64-bit float, the only number that SPSS and Excel have.
LARGEST_EXACT: Final = 2**53

#: What a signed number of 64 bits can be.
_REPRESENTABLE: Final = range(-(2**63), 2**63)

#: Columns of whole numbers that may be larger: seeds have 63 bits, a monotonic clock counts nanoseconds since boot.
#: Formats that know 64-bit floats only carry them as text, whatever their values: a type never depends on the data.
WIDE_INTEGERS: Final = frozenset({"seed", "t_mono_ns"})

#: Words that an empty cell stands for, in columns where empty is a statement and not a gap.
EMPTY_MEANS: Final = {"side": "midline", "rate_flag": "within the band"}

_TYPES: Final = {
    Kind.TEXT: frozenset({str, type(None)}),
    Kind.INTEGER: frozenset({int, type(None)}),
    Kind.NUMBER: frozenset({float, int, type(None)}),
    Kind.BOOLEAN: frozenset({bool, type(None)}),
    Kind.TIME: frozenset({str, type(None)}),
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def check(table: Table) -> None:
    """Every cell is in its column's domain: its type, finite or NaN, UTF-8, one of the allowed words.

    Raises:
        InputError: the first cell that is not, by column and row.
    """
    for column in table.columns:
        _check_column(column, table.column(column.name))


def _check_column(column: Column, cells: Sequence[Cell]) -> None:
    if not set(map(type, cells)) <= _TYPES[column.kind]:
        _refuse(column, cells, lambda cell: type(cell) not in _TYPES[column.kind], f"is no {column.kind.value}")
    if column.kind is Kind.NUMBER:
        if any(map(math.isinf, _present(cells))):
            _refuse(column, cells, lambda cell: cell is not None and math.isinf(float(cell)), "is infinite")
        return
    different = set(cells)
    if column.kind is Kind.INTEGER and not all(cell is None or cell in _REPRESENTABLE for cell in different):
        _refuse(column, cells, lambda cell: cell is not None and cell not in _REPRESENTABLE, "has more than 64 bits")
    if column.kind is Kind.TEXT:
        if not all(map(_is_utf8, different)):
            _refuse(column, cells, lambda cell: not _is_utf8(cell), "holds a character that UTF-8 cannot say")
        if column.allowed and not different <= {*column.allowed, "", None}:
            _refuse(
                column,
                cells,
                lambda cell: cell not in (*column.allowed, "", None),
                f"is none of {', '.join(column.allowed)}",
            )
    if column.kind is Kind.TIME and not all(map(_is_time, different)):
        _refuse(column, cells, lambda cell: not _is_time(cell), "is no time such as 2026-03-29T00:59:59.999Z")


def _present(cells: Iterable[Cell]) -> Iterable[float]:
    return (float(cell) for cell in cells if cell is not None)


def _is_utf8(cell: Cell) -> bool:
    try:
        str(cell).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_time(cell: Cell) -> bool:
    if cell is None:
        return True
    try:
        return _TIME.fullmatch(str(cell)) is not None and datetime.fromisoformat(str(cell)) is not None
    except ValueError:
        return False


def _refuse(column: Column, cells: Sequence[Cell], wrong: Callable[[Cell], bool], why: str) -> None:
    row, cell = next((row, cell) for row, cell in enumerate(cells, 1) if wrong(cell))
    raise refused(column, row, f"{cell!r} {why}")


def refused(column: Column, row: int, why: str) -> InputError:
    """The error for one cell; rows count from 1."""
    return InputError(
        f"column {column.name}, row {row}: {why}",
        did="wrote nothing",
        remedy="leave the log out that this row comes from, and report it: such a value does not belong in a table",
    )


class Choice(msgspec.Struct, frozen=True):
    """One of the words that a column allows: its code in files that number their categories, and its label.

    A word's code is its place in ``Column.allowed``, from 1; 0 is the empty cell, where empty is a statement.
    """

    value: str
    code: int
    label: str


def rates_told(table: Table) -> Table:
    """The table with an empty ``rate_flag`` only where a rate was compared with its band, and a missing one elsewhere.

    The log has one empty text for both, and every version of it reads to the same table for ever; but in a file the
    empty flag has a code of its own, and that would be a claim about rates that nobody measured.
    """
    if not {"rate_flag", "rate_achieved_mean", "outcome"} <= set(table.names):
        return table
    flags, means, outcomes = (table.column(name) for name in ("rate_flag", "rate_achieved_mean", "outcome"))
    told = tuple(
        flag if flag or (mean is not None and outcome == Outcome.RESPONSE) else None
        for flag, mean, outcome in zip(flags, means, outcomes, strict=True)
    )
    cells = [told if name == "rate_flag" else column for name, column in zip(table.names, table.cells, strict=True)]
    return msgspec.structs.replace(table, cells=tuple(cells))


def choices(column: Column) -> tuple[Choice, ...]:
    """The words of a column with their codes; empty for a column that allows anything."""
    if not column.allowed:
        return ()
    empty = EMPTY_MEANS.get(column.name)
    first = () if empty is None else (Choice("", 0, empty),)
    words = (Choice(str(word), code, word.replace("_", " ")) for code, word in enumerate(column.allowed, 1))
    return (*first, *words)


def code_of(column: Column) -> dict[Cell, int]:
    """Code of every word of a column. A word that is missing here is missing in the table."""
    codes: dict[Cell, int] = {choice.value: choice.code for choice in choices(column)}
    return codes


def utc(cell: Cell) -> datetime:
    """The moment that a cell of kind TIME names, in UTC."""
    return datetime.fromisoformat(str(cell))
