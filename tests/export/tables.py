"""Datasets for the tests of the exports: of arbitrary cells in the columns' domains, and of simulated visits."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

from hypothesis import strategies as st

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import TRIAL_COLUMNS as COLUMNS
from qst.analysis.columns import Column, Kind
from qst.analysis.dataset import Dataset
from qst.analysis.export.cells import WIDE_INTEGERS
from qst.analysis.summary_columns import THRESHOLD_COLUMNS, VISIT_COLUMNS

OF = {"trials": COLUMNS, "thresholds": THRESHOLD_COLUMNS, "visits": VISIT_COLUMNS}


class Made:
    """What an export needs of a dataset, without logs."""

    left_out = unscored = set_aside = ()

    def __init__(self, *tables: Table) -> None:
        by_name = {table.name: table for table in tables}
        self.trials, self.thresholds, self.visits = (by_name.get(name, table(name, ())) for name in OF)
        self.tables = (self.trials, self.thresholds, self.visits)


def dataset(*tables: Table) -> Dataset:
    return cast("Dataset", Made(*tables))


def table(name: str, rows: Sequence[Sequence[Cell]], columns: tuple[Column, ...] = ()) -> Table:
    columns = columns or OF[name]
    cells = tuple(zip(*rows, strict=True)) if rows else ((),) * len(columns)
    return Table(name=name, label="One row an attempt, valid or not.", columns=columns, cells=cells)


def of_column(name: str, *cells: Cell) -> Table:
    """A table of trials with one column."""
    return table("trials", [[cell] for cell in cells], tuple(column for column in COLUMNS if column.name == name))


#: Clocks go back in Europe at 01:00 UTC on 25 October 2026 and forward on 29 March: local hours that come twice or never.
DST = ("2026-10-25T00:59:59.999Z", "2026-10-25T01:00:00.000Z", "2026-03-29T00:59:59.999Z", "2026-03-29T01:00:00.000Z")

_TRICKY = st.sampled_from(
    [
        *("", " ", "°C", "=1+1", "@SUM(A1)", "+1", "-1", "P" * 300, "NA", "NaN", "n/a", "null", "true", "1e5", "007"),
        *('"', "a,b", "a\r\nb", "\t", "\r", "_x0041_", "😀", "\u2028", "\ufeff", "é"),
    ]
)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


times = st.sampled_from(DST) | st.datetimes(
    datetime(1901, 1, 1),
    datetime(2200, 1, 1),
    timezones=st.just(UTC),
).map(_iso)
numbers = st.sampled_from([0.0, -0.0, math.nan, 1e-9, 0.1, 37.9]) | st.floats(allow_infinity=False, width=64).filter(
    lambda number: abs(number) < 1e308 and number != -9999
)


def cells(column: Column) -> st.SearchStrategy[Cell]:
    """What may stand in a column."""
    by_kind: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.TEXT: _TRICKY | st.text(max_size=20),
        Kind.INTEGER: st.integers(0, 2**63 - 1 if column.name in WIDE_INTEGERS else 2**53),
        Kind.NUMBER: numbers,
        Kind.BOOLEAN: st.booleans(),
        Kind.TIME: times,
    }
    present = st.sampled_from([str(word) for word in column.allowed]) if column.allowed else by_kind[column.kind]
    return st.none() | present


#: By kind first: there is one time among seventy columns.
_of_any_kind = st.sampled_from(list(Kind)).flatmap(
    lambda kind: st.sampled_from([column for column in COLUMNS if column.kind is kind])
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Some columns of the trials and up to five rows."""
    columns = tuple(draw(st.lists(_of_any_kind, min_size=1, max_size=6, unique_by=lambda one: one.name)))
    rows = draw(st.lists(st.tuples(*map(cells, columns)), max_size=5))
    return table("trials", rows, columns)


def same(a: object, b: object) -> bool:
    """Equal to the sign of a zero; NaN is itself."""
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return type(a) is type(b) and a == b
