"""A Medoc Main Station result workbook as tables for export: results, excursions, samples."""

from collections.abc import Sequence
from typing import Final

import msgspec

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import Column, Kind
from qst.analysis.importing.mms_workbook import MmsWorkbook, Raw

_IN_BOOK: Final = "as it stands in the workbook"


def tables_of(book: MmsWorkbook) -> tuple[Table, Table, Table]:
    """Results, excursions and samples, for export. Results keep the workbook's own headings as descriptions."""
    return _results_table(book), _excursions_table(book), _samples_table(book)


def _results_table(book: MmsWorkbook) -> Table:
    columns = [
        Column(
            name="source_row",
            description="Row of the sheet 'Results'.",
            kind=Kind.INTEGER,
            derivation="counted in the sheet",
        ),
        Column(
            name="target",
            description="Second column, taken as the target temperature (unverified).",
            kind=Kind.NUMBER,
            unit="Cel",
            missing="no temperature stands there",
        ),
        Column(
            name="maybe_dummy",
            description="Whether it is the last row, with its target at the baseline: possibly no trial.",
            kind=Kind.BOOLEAN,
            derivation="compared with the first sample",
        ),
    ]
    columns += [
        Column(name=f"column_{number}", description=f"Under the heading '{heading}'; meaning open.", kind=Kind.TEXT)
        for number, heading in enumerate(book.headings, 1)
    ]
    rows = [
        (trial.row, trial.target_c, trial.maybe_dummy, *(_text(trial.cells[name]) for name in book.headings))
        for trial in book.trials
    ]
    return _table("mms_results", "Rows of the sheet 'Results', as they stand there.", columns, rows)


def _excursions_table(book: MmsWorkbook) -> Table:
    derived = "derived from the samples"
    columns = [
        Column(name="start_s", description="It left the baseline.", kind=Kind.NUMBER, unit="s", derivation=derived),
        Column(name="peak_s", description="It was farthest away.", kind=Kind.NUMBER, unit="s", derivation=derived),
        Column(
            name="peak",
            description="Farthest temperature; whether it is a threshold depends on the program.",
            kind=Kind.NUMBER,
            unit="Cel",
            derivation=derived,
        ),
        Column(name="end_s", description="It was back, or the end.", kind=Kind.NUMBER, unit="s", derivation=derived),
    ]
    return _table("mms_excursions", "Ways from the baseline and back, seen in the samples.", columns, book.excursions)


def _samples_table(book: MmsWorkbook) -> Table:
    columns = [
        Column(
            name="time_s",
            description="First column of 'Data', taken as ms.",
            kind=Kind.NUMBER,
            unit="s",
            derivation="a thousandth of the number in the workbook",
        ),
        Column(name="temperature", description="Second column, taken as °C.", kind=Kind.NUMBER, unit="Cel"),
    ]
    rows = list(zip(book.time_s, book.temperature_c, strict=True))
    return _table("mms_samples", "The recording, at its own times.", columns, rows)


def _table(name: str, label: str, columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]]) -> Table:
    cells = tuple(zip(*rows, strict=True)) if rows else ((),) * len(columns)
    told = (one if one.derivation else msgspec.structs.replace(one, derivation=_IN_BOOK) for one in columns)
    return Table(name=name, label=label, columns=tuple(told), cells=cells)


def _text(cell: Raw) -> str | None:
    return repr(cell) if isinstance(cell, float) else cell
