"""A table in memory, column by column, and the data frames that other libraries make of it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from qst.analysis.columns import Column, Kind

if TYPE_CHECKING:  # the libraries are large: they are loaded when somebody asks for a frame
    import pandas as pd
    import polars as pl

Cell = str | int | float | bool | None

_PANDAS: Final = {
    Kind.TEXT: "string",
    Kind.INTEGER: "Int64",
    Kind.NUMBER: "float64",
    Kind.BOOLEAN: "boolean",
    Kind.TIME: "datetime64[ms, UTC]",
}


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table in memory. Its columns say what they mean, in which unit, and what a missing value means.

    Attributes:
        name: short and stable: ``trials``, ``thresholds``, ``visits``.
        label: one sentence for people.
        columns: what stands in each column, in order.
        cells: the values, one sequence a column.
    """

    name: str
    label: str
    columns: tuple[Column, ...]
    cells: tuple[Sequence[Cell], ...]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.cells[0]) if self.cells else 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Sequence[Cell]:
        """The values of one column, in the order of the rows.

        Raises:
            KeyError: there is no such column.
        """
        try:
            return self.cells[self.names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """The rows, each in the order of the columns."""
        return zip(*self.cells, strict=True)

    def dicts(self) -> Iterator[dict[str, Cell]]:
        """The rows, each with its columns' names."""
        names = self.names
        return (dict(zip(names, row, strict=True)) for row in self.rows())

    def to_polars(self) -> "pl.DataFrame":
        """A polars frame: missing values are null, times are ``Datetime`` in UTC with milliseconds.

        Units and descriptions stay in ``columns``: a polars frame has no place for them.
        """
        import polars as pl  # noqa: PLC0415 - large, and needed here only

        types: dict[Kind, Any] = {
            Kind.TEXT: pl.String,
            Kind.INTEGER: pl.Int64,
            Kind.NUMBER: pl.Float64,
            Kind.BOOLEAN: pl.Boolean,
            Kind.TIME: pl.String,
        }
        frame = pl.DataFrame(
            [
                pl.Series(column.name, cells, dtype=types[column.kind], strict=True)
                for column, cells in zip(self.columns, self.cells, strict=True)
            ]
        )
        times = [column.name for column in self.columns if column.kind is Kind.TIME]
        return frame.with_columns(
            pl.col(times).str.to_datetime("%Y-%m-%dT%H:%M:%S%.3fZ", time_unit="ms", time_zone="UTC")
        )

    def to_pandas(self) -> "pd.DataFrame":
        """A pandas frame with nullable types; numbers that were not measured are NaN; times are UTC.

        ``frame.attrs["units"]`` and ``frame.attrs["descriptions"]`` are mappings from column to text.
        """
        import pandas as pd  # noqa: PLC0415 - large, and needed here only

        frame = pd.DataFrame(
            {
                column.name: pd.Series(_for_pandas(column.kind, cells), dtype=_PANDAS[column.kind])
                for column, cells in zip(self.columns, self.cells, strict=True)
            }
        )
        frame.attrs["units"] = {
            c.name: c.unit or f"see {c.unit_column}" for c in self.columns if c.unit or c.unit_column
        }
        frame.attrs["descriptions"] = {c.name: c.description for c in self.columns}
        return frame


def _for_pandas(kind: Kind, cells: Sequence[Cell]) -> Any:  # noqa: ANN401 - whatever makes a Series
    if kind is not Kind.TIME:
        return list(cells)
    import pandas as pd  # noqa: PLC0415 - as above

    return pd.to_datetime(pd.Series(list(cells), dtype="string"), format="%Y-%m-%dT%H:%M:%S.%fZ", utc=True)
