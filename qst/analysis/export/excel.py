"""Excel ``.xlsx``: a sheet for each table and one for the dictionary. Numbers are numbers and text stays text.

A text that begins with ``=``, ``+``, ``-`` or ``@`` is written as text and marked as such (the apostrophe that Excel
shows when it is edited), so nothing that somebody typed at the bench can become a formula.
"""

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import Column, Kind
from qst.analysis.export.cells import LARGEST_EXACT, WIDE_INTEGERS, check, refused, utc
from qst.analysis.export.dictionary import Entry, Missing, entries, meaning
from qst.analysis.export.libraries import needed_for
from qst.analysis.export.source import Source

if TYPE_CHECKING:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

SUFFIXES: Final = (".xlsx",)
TITLE: Final = "Excel files"

#: Longest text that a cell holds, in UTF-16 units.
LONGEST_TEXT: Final = 32767
_MOST_ROWS: Final = 1_048_575  # and the header
_FIRST_YEAR: Final = 1900
_TIME_FORMAT: Final = "yyyy-mm-dd hh:mm:ss.000"
_FORMULA_LIKE: Final = frozenset("=+-@")
_NOT_PLAIN: Final = _FORMULA_LIKE | {"#"}  # openpyxl takes #N/A and its like for errors
_TO_ESCAPE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_DICTIONARY_HEAD: Final = (
    "table",
    "name",
    "label",
    "type",
    "unit_ucum",
    "unit_column",
    "allowed",
    "missing",
    "derivation",
)


def write(dataset: Source, table: Table, path: Path) -> dict[str, tuple[Table, tuple[Entry, ...]]]:
    """Write a workbook: the table asked for first, then the dataset's others, then the dictionary.

    Raises:
        InputError: a text or a table is longer than Excel holds, or a number is not exact there.
    """
    with needed_for(TITLE):
        from openpyxl import Workbook  # noqa: PLC0415 - large, and needed by this format only
    book = Workbook(write_only=True)
    tables = [table, *(one for one in dataset.tables if one.name != table.name)]
    parts = {}
    for one in tables:
        if one is not table:
            check(one)
        _write_sheet(book.create_sheet(one.name), one)
        parts[one.name] = (one, entries(one, _stored_as, _missing))
    _write_dictionary(book.create_sheet("dictionary"), parts)
    book.save(path)
    return parts


def _write_sheet(sheet: "WriteOnlyWorksheet", table: Table) -> None:
    if len(table) > _MOST_ROWS:
        raise refused(table.columns[0], _MOST_ROWS + 1, f"Excel holds {_MOST_ROWS} rows and there are {len(table)}")
    _begin(sheet, [column.name for column in table.columns])
    for number, row in enumerate(table.rows(), 1):
        sheet.append(_cell(sheet, column, number, cell) for column, cell in zip(table.columns, row, strict=True))


def _begin(sheet: "WriteOnlyWorksheet", head: Iterable[str]) -> None:
    """The header, bold, in sight while one scrolls."""
    from openpyxl.styles import Font  # noqa: PLC0415 - large, and needed by this format only
    from openpyxl.utils import get_column_letter  # noqa: PLC0415 - likewise

    sheet.freeze_panes = "A2"
    cells = [_text(sheet, name) for name in head]
    for position, cell in enumerate(cells, 1):
        cell.font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(position)].width = max(10, len(str(cell.value)) + 2)
    sheet.append(cells)


def _cell(sheet: "WriteOnlyWorksheet", column: Column, row: int, cell: Cell) -> Any:  # noqa: ANN401 - as openpyxl takes
    if cell is None or cell == "":
        return None
    if column.kind is Kind.TEXT or column.name in WIDE_INTEGERS:
        text = _escaped(str(cell))
        if len(text.encode("utf-16-le")) > 2 * LONGEST_TEXT:
            raise refused(column, row, f"its text is longer than the {LONGEST_TEXT} characters of an Excel cell")
        return _text(sheet, text) if text[0] in _NOT_PLAIN else text
    if column.kind is Kind.TIME:
        return _time(sheet, str(cell))
    if isinstance(cell, int) and abs(cell) > LARGEST_EXACT:
        raise refused(column, row, f"{cell} has more digits than Excel keeps")
    return _float(sheet, cell) if isinstance(cell, float) and not _is_plain(cell) else cell


def _escaped(text: str) -> str:
    """What XML cannot hold, or would change, as Office writes it: ``_x000D_`` for a carriage return."""
    return _TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


def _text(sheet: "WriteOnlyWorksheet", text: str) -> "WriteOnlyCell":
    """A text cell, never a formula."""
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - large, and needed by this format only

    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"  # openpyxl takes what begins with = for a formula
    if text[:1] in _FORMULA_LIKE:
        cell.quotePrefix = True
    return cell


def _time(sheet: "WriteOnlyWorksheet", text: str) -> "WriteOnlyCell":
    """A date and time of Excel, which has no time zones: the column is UTC. Its calendar begins in 1900."""
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - large, and needed by this format only

    moment = utc(text).replace(tzinfo=None)
    if moment.year <= _FIRST_YEAR:
        return _text(sheet, text)
    cell = WriteOnlyCell(sheet, moment)
    cell.number_format = _TIME_FORMAT
    return cell


def _is_plain(number: float) -> bool:
    """Whether openpyxl's 16 digits are all there are, which is so of most measured values, but not of -0.0."""
    return float(f"{number:.16g}") == number and f"{number:.16g}" != "-0"


def _float(sheet: "WriteOnlyWorksheet", number: float) -> "WriteOnlyCell":
    """A number with all its digits, of which openpyxl would write 16. NaN is Excel's own: it spoils every sum."""
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415 - large, and needed by this format only

    is_nan = math.isnan(number)
    cell = WriteOnlyCell(sheet, "#NUM!" if is_nan else repr(number))
    cell.data_type = "e" if is_nan else "n"
    return cell


def _write_dictionary(sheet: "WriteOnlyWorksheet", parts: dict[str, tuple[Table, tuple[Entry, ...]]]) -> None:
    _begin(sheet, _DICTIONARY_HEAD)
    for table, columns in parts.values():
        for column in columns:
            sheet.append(_text(sheet, text) if text else None for text in _described(table.name, column))


def _described(table_name: str, column: Entry) -> Iterator[str]:
    yield table_name
    yield from (column.name, column.label, column.type, column.unit_ucum, column.unit_column)
    yield "; ".join(choice.value or f"(blank): {choice.label}" for choice in column.allowed)
    yield "; ".join(f"{missing.code or 'blank'}: {missing.meaning}" for missing in column.missing)
    yield column.derivation


def _stored_as(column: Column) -> str:
    if column.name in WIDE_INTEGERS:
        return "text"
    return {Kind.TIME: "date and time, UTC", Kind.NUMBER: "number", Kind.INTEGER: "number"}.get(
        column.kind, column.kind.value
    )


def _missing(column: Column) -> tuple[Missing, ...]:
    blank = Missing("", meaning(column))
    return (blank, Missing("#NUM!", "not a number")) if column.kind is Kind.NUMBER else (blank,)
