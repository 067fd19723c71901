"""Parquet: exact types, and every column carries its description, unit and the rest of its entry as metadata."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from qst.analysis.columnar import Table
from qst.analysis.columns import Column, Kind
from qst.analysis.dataset import Dataset
from qst.analysis.export.cells import utc
from qst.analysis.export.dictionary import Entry, Missing, entries, meaning
from qst.analysis.export.libraries import needed_for

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES: Final = (".parquet", ".pq")
TITLE: Final = "Parquet files"

_STORED_AS: Final = {
    Kind.TEXT: "string",
    Kind.INTEGER: "int64",
    Kind.NUMBER: "double",
    Kind.BOOLEAN: "bool",
    Kind.TIME: "timestamp[ms, tz=UTC]",
}


def write(dataset: Dataset, table: Table, path: Path) -> dict[str, tuple[Table, tuple[Entry, ...]]]:
    """Write one table; returns what stands in it, for the dictionary."""
    del dataset
    with needed_for(TITLE):
        import pyarrow as pa  # noqa: PLC0415 - large, and needed by this format only
        import pyarrow.parquet as pq  # noqa: PLC0415 - likewise
    columns = entries(table, lambda column: _STORED_AS[column.kind], _missing)
    schema = pa.schema(
        [_field(pa, one) for one in columns], metadata={"qst.table": table.name, "qst.label": table.label}
    )
    arrays = [_array(pa, table, column) for column in table.columns]
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), path)
    return {"": (table, columns)}


def _types(pa: Any) -> dict[str, "pa.DataType"]:  # noqa: ANN401 - the module itself
    return {
        "string": pa.string(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "timestamp[ms, tz=UTC]": pa.timestamp("ms", tz="UTC"),
    }


def _field(pa: Any, column: Entry) -> "pa.Field":  # noqa: ANN401 - the module itself
    """A field whose metadata has every part of the entry: words as they are, lists as JSON."""
    parts = msgspec.structs.asdict(column)
    metadata = {
        key: part if isinstance(part, str) else msgspec.json.encode(part).decode("utf-8")
        for key, part in parts.items()
        if key not in {"name", "type", "stored_as"}
    }
    return pa.field(column.name, _types(pa)[column.stored_as], metadata=metadata)


def _array(pa: Any, table: Table, column: Column) -> "pa.Array":  # noqa: ANN401 - the module itself
    cells: list[Any] = list(table.column(column.name))
    if column.kind is Kind.TIME:
        cells = [None if cell is None else utc(cell) for cell in cells]
    return pa.array(cells, type=_types(pa)[_STORED_AS[column.kind]], from_pandas=False)


def _missing(column: Column) -> tuple[Missing, ...]:
    """Null; a NaN stays a NaN and is something else."""
    return (Missing(None, meaning(column)),)
