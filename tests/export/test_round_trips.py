"""What is written is what an independent reader finds: values, units, labels, missing codes."""

import csv
import json
import math
import re
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pyreadstat
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import TRIAL_COLUMNS as COLUMNS
from qst.analysis.columns import Column, Kind
from qst.analysis.export import export
from qst.analysis.export.cells import WIDE_INTEGERS, choices
from tests.export.tables import DST, dataset, of_column, same, table, tables

#: A failing example is made small by the nightly run.
lean = settings(max_examples=40, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
thorough = settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def written(made: Table, name: str, use: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        export(dataset(made), path)
        use(path)


def moment(cell: Cell) -> datetime:
    return datetime.strptime(str(cell), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


# -- CSV ----------------------------------------------------------------------------------------------------------

_READ: dict[Kind, Callable[[str], Cell]] = {
    Kind.TEXT: str,
    Kind.TIME: str,
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.BOOLEAN: {"true": True, "false": False}.__getitem__,
}


def csv_comes_back(made: Table) -> None:
    def use(path: Path) -> None:
        types = {column.name: pa.string() for column in made.columns}
        read = pyarrow.csv.read_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
            ),
        )
        assert read.column_names == [column.name for column in made.columns]
        for column in made.columns:
            texts = read.column(column.name).to_pylist()
            values = [None if text is None else _READ[column.kind](text) for text in texts]
            assert all(map(same, values, made.column(column.name))), column.name
            assert len(values) == len(made)

    written(made, "a.csv", use)


@given(tables().filter(lambda made: len(made.columns) > 1))
@lean
def test_csv(made: Table) -> None:
    csv_comes_back(made)


@pytest.mark.nightly
@given(tables().filter(lambda made: len(made.columns) > 1))
@thorough
def test_csv_thoroughly(made: Table) -> None:
    csv_comes_back(made)


def test_csv_is_rfc_4180_in_utf_8_without_a_mark(tmp_path: Path) -> None:
    made = table("trials", [("a\nb", 0.5), ('"°', 1e-9)], tuple(c for c in COLUMNS if c.name in {"note", "omega"}))
    export(dataset(made), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == 'note,omega\r\n"a\nb",0.5\r\n"""°",1e-09\r\n'.encode()


def test_pandas_reads_the_csv_of_visits(visits: Any, tmp_path: Path) -> None:
    export(visits, tmp_path / "a.csv")
    frame = pd.read_csv(tmp_path / "a.csv")
    assert len(frame) == len(visits.trials)
    assert frame["value_reported"].dropna().tolist() == [
        v for v in visits.trials.column("value_reported") if v is not None
    ]
    assert frame["is_simulated"].dtype == bool


# -- Parquet ------------------------------------------------------------------------------------------------------


def parquet_comes_back(made: Table) -> None:
    def use(path: Path) -> None:
        read = pq.read_table(path)
        for column in made.columns:
            expected = list(made.column(column.name))
            if column.kind is Kind.TIME:
                assert read.schema.field(column.name).type == pa.timestamp("ms", tz="UTC")
                expected = [None if cell is None else moment(cell) for cell in expected]  # type: ignore[misc] # times
            assert all(map(same, read.column(column.name).to_pylist(), expected)), column.name
            metadata = read.schema.field(column.name).metadata
            assert metadata[b"label"].decode() == column.description
            assert metadata[b"unit_ucum"].decode() == column.unit
            assert metadata[b"unit_column"].decode() == column.unit_column
            assert [one["value"] for one in json.loads(metadata[b"allowed"])] == [one.value for one in choices(column)]

    written(made, "a.parquet", use)


@given(tables())
@lean
def test_parquet(made: Table) -> None:
    parquet_comes_back(made)


@pytest.mark.nightly
@given(tables())
@thorough
def test_parquet_thoroughly(made: Table) -> None:
    parquet_comes_back(made)


# -- SPSS ---------------------------------------------------------------------------------------------------------


def spss_comes_back(made: Table) -> None:
    def use(path: Path) -> None:
        frame, meta = pyreadstat.read_sav(path, user_missing=True, disable_datetime_conversion=True)
        for column in made.columns:
            values = [_from_spss(column, meta, value) for value in frame[column.name].tolist()]
            expected = [_as_spss_keeps(column, cell) for cell in made.column(column.name)]
            assert all(map(same, values, expected)), (column.name, values, expected)
            label = str(meta.column_names_to_labels[column.name])
            assert label.startswith(column.description)
            assert column.unit in {"", "1"} or label.endswith(f"[{column.unit}]")

    written(made, "a.sav", use)


def _is_text(column: Column) -> bool:
    return not column.allowed and (column.kind is Kind.TEXT or column.name in WIDE_INTEGERS)


def _as_spss_keeps(column: Column, cell: Cell) -> Cell:
    """Fields of a fixed width: blanks at the end of a text are lost, and it is known."""
    if _is_text(column) and cell is not None:
        return str(cell).rstrip(" ")
    return moment(cell).timestamp() if column.kind is Kind.TIME and cell is not None else cell


def _from_spss(column: Column, meta: Any, value: Any) -> Cell:
    declared = [one["lo"] for one in meta.missing_ranges.get(column.name, [])]
    if value in declared:
        return math.nan if column.kind is Kind.NUMBER else None
    if _is_text(column):
        return str(value)
    return None if math.isnan(value) else _number_from_spss(column, meta, value)


def _number_from_spss(column: Column, meta: Any, value: float) -> Cell:
    if column.allowed:
        label = meta.variable_value_labels[column.name][value]
        return next(choice.value for choice in choices(column) if choice.label == label)
    if column.kind is Kind.BOOLEAN:
        return {"no": False, "yes": True}[meta.variable_value_labels[column.name][value]]
    if column.kind is Kind.TIME:
        seconds = timedelta(milliseconds=round(value * 1000))
        return (datetime(1582, 10, 14, tzinfo=UTC) + seconds).timestamp()
    return int(value) if column.kind is Kind.INTEGER else float(value)


def _spss_can(made: Table) -> bool:
    """No zero byte, which SPSS cannot hold; the refusal has its own test."""
    return not any("\0" in cell for cells in made.cells for cell in cells if isinstance(cell, str))


@given(tables().filter(_spss_can))
@lean
def test_spss(made: Table) -> None:
    spss_comes_back(made)


@pytest.mark.nightly
@given(tables().filter(_spss_can))
@thorough
def test_spss_thoroughly(made: Table) -> None:
    spss_comes_back(made)


def test_spss_knows_what_it_measures(visits: Any, tmp_path: Path) -> None:
    export(visits, tmp_path / "a.sav")
    _, meta = pyreadstat.read_sav(tmp_path / "a.sav", user_missing=True)
    assert meta.variable_measure["value_reported"] == "scale"
    assert meta.variable_measure["modality"] == "nominal"
    assert meta.original_variable_types["t_utc"] == "DATETIME23.3"
    assert meta.variable_value_labels["side"] == {0.0: "midline", 1.0: "L", 2.0: "R", -9.0: "not recorded"}
    assert meta.missing_ranges["side"] == [{"lo": -9.0, "hi": -9.0}]
    assert "value_reported" not in meta.variable_value_labels  # R would take a labelled number for a category
    assert meta.file_encoding == "UTF-8"


# -- Excel --------------------------------------------------------------------------------------------------------


def excel_comes_back(made: Table) -> None:
    def use(path: Path) -> None:
        sheet = openpyxl.load_workbook(path)["trials"]
        head, *rows = sheet.iter_rows()
        assert [cell.value for cell in head] == [column.name for column in made.columns]
        for place, column in enumerate(made.columns):
            expected = list(made.column(column.name))
            found = [row[place] for row in rows] + [None] * (len(made) - len(rows))  # rows of blanks are not there
            for cell, value in zip(found, expected, strict=True):
                _same_in_excel(column, cell, value)

    written(made, "a.xlsx", use)


def _same_in_excel(column: Column, cell: Any, value: Cell) -> None:
    if value is None or value == "":
        assert cell is None or cell.value is None
    elif column.kind is Kind.TEXT or column.name in WIDE_INTEGERS:
        assert cell.data_type == "s"
        assert _unescaped(cell.value) == str(value)
        assert cell.quotePrefix == (str(value)[0] in "=+-@")
    elif column.kind is Kind.TIME:
        assert cell.is_date
        assert abs(cell.value.replace(tzinfo=UTC) - moment(value)) < timedelta(milliseconds=0.5)
    elif isinstance(value, float) and math.isnan(value):
        assert (cell.data_type, cell.value) == ("e", "#NUM!")
    elif isinstance(value, bool):
        assert cell.value is value
    else:
        assert cell.data_type == "n"
        assert cell.value == value
        assert math.copysign(1, cell.value) == math.copysign(1, value)  # type: ignore[arg-type] # a number


def _unescaped(text: str) -> str:
    return re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text)


@given(tables())
@lean
def test_excel(made: Table) -> None:
    excel_comes_back(made)


@pytest.mark.nightly
@given(tables())
@thorough
def test_excel_thoroughly(made: Table) -> None:
    excel_comes_back(made)


def test_nothing_in_a_workbook_is_a_formula(visits: Any, tmp_path: Path) -> None:
    export(dataset(of_column("note", '=HYPERLINK("http://x")', "+1", "-1", "@x")), tmp_path / "a.xlsx")
    for sheet in openpyxl.load_workbook(tmp_path / "a.xlsx"):
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_a_workbook_has_all_tables_and_the_dictionary(visits: Any, tmp_path: Path) -> None:
    export(visits, tmp_path / "a.xlsx", table="visits")
    book = pd.read_excel(tmp_path / "a.xlsx", sheet_name=None)
    assert list(book) == ["visits", "trials", "thresholds", "dictionary"]
    assert len(book["trials"]) == len(visits.trials)
    described = book["dictionary"].set_index(["table", "name"])
    assert described.loc[("trials", "settle_s"), "unit_ucum"] == "s"
    assert "(blank): midline; L; R" in str(described.loc[("trials", "side"), "allowed"])


# -- all ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.sav", "a.xlsx"])
def test_the_dictionary_beside_the_file_describes_every_column(name: str, visits: Any, tmp_path: Path) -> None:
    paths = export(visits, tmp_path / name)
    assert paths == (tmp_path / name, tmp_path / f"{name}.dictionary.json")
    content = json.loads(paths[1].read_text(encoding="utf-8"))
    columns = {column["name"]: column for column in content["tables"][0]["columns"]}
    assert list(columns) == [column.name for column in COLUMNS]
    assert content["tables"][0]["rows"] == len(visits.trials)
    assert all(column["label"] and column["derivation"] and column["missing"] for column in columns.values())
    assert columns["tip_area_cm2"]["unit_ucum"] == "cm2"
    assert columns["value_reported"]["unit_column"] == "unit_ucum"
    assert [one["value"] for one in columns["modality"]["allowed"]] == ["pressure", "heat", "cold"]


def test_units_are_ucum_and_never_mass_per_area(visits: Any) -> None:
    units = {column.unit for one in (visits.trials, visits.thresholds, visits.visits) for column in one.columns}
    assert units <= {"", "cm2", "s", "min", "1", "ns", "ms", "By"}
    allowed = {word for column in COLUMNS for word in column.allowed if column.name.endswith(("unit", "unit_ucum"))}
    assert allowed == {"Cel", "kPa", "K/s", "kPa/s", "kgf/cm2"}


def test_times_around_a_change_of_clocks_stay_apart(tmp_path: Path) -> None:
    made = table(
        "trials",
        [(time, offset) for time, offset in zip(DST, ("+02:00", "+01:00", "+01:00", "+02:00"), strict=True)],
        tuple(column for column in COLUMNS if column.name in {"t_utc", "tz_offset"}),
    )
    for name in ("a.csv", "a.parquet", "a.sav", "a.xlsx"):
        export(dataset(made), tmp_path / name)
    read = {
        "csv": [row["t_utc"] for row in csv.DictReader((tmp_path / "a.csv").read_text("utf-8").splitlines())],
        "parquet": pq.read_table(tmp_path / "a.parquet")["t_utc"].to_pylist(),
        "sav": pyreadstat.read_sav(tmp_path / "a.sav")[0]["t_utc"].dt.round("ms").tolist(),
        "xlsx": pd.read_excel(tmp_path / "a.xlsx")["t_utc"].tolist(),
    }
    expected = [pd.Timestamp(time).tz_localize(None) for time in DST]
    for name, times in read.items():
        assert [pd.Timestamp(time).tz_localize(None) for time in times] == expected, name
    assert pyreadstat.read_sav(tmp_path / "a.sav")[0]["tz_offset"].tolist()[:2] == ["+02:00", "+01:00"]
