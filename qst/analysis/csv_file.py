"""CSV that reads the same everywhere: RFC 4180, UTF-8, decimal point, an empty field for what is missing."""

import csv
from collections.abc import Iterable, Mapping
from typing import TextIO

from qst.analysis.columns import NAMES
from qst.analysis.table import Cell


def write_csv(table: Iterable[Mapping[str, Cell]], file: TextIO) -> int:
    """Write the header and one record a row; returns the number of rows.

    Args:
        table: rows with the keys of ``COLUMNS``.
        file: text file opened with ``encoding="utf-8", newline=""``.
    """
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(NAMES)
    count = 0
    for row in table:
        writer.writerow([_text(row[name]) for name in NAMES])
        count += 1
    return count


def _text(cell: Cell) -> str:
    """Numbers in their shortest exact decimal form; ``true`` and ``false``; nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return repr(cell) if isinstance(cell, float) else str(cell)
