"""Result workbooks of Medoc Main Station: what is read, and that every guess is named."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from qst.analysis.importing.mms_tables import tables_of
from qst.analysis.importing.mms_workbook import MmsWorkbook, read_mms_workbook
from qst.errors import InputError

HEADINGS = ["Trial", "Target", "Rate", "Result", "Reaction", "Remark"]
RESULTS: list[list[Any]] = [
    HEADINGS,
    [1, 50, 0.3, 38.4, 0.8, "*"],
    [2, 50, 0.3, 39.1, 0.7, None],
    [3, 32, None, None, None, None],
]
#: Two ramps from 32 °C, sampled unevenly.
DATA: list[list[Any]] = [
    ["Time", "Temperature"],
    *[[round(1000 * s), 32.0] for s in (0.0, 0.11, 0.2)],
    *[[1000 + 97 * n, round(32.0 + 0.8 * n, 2)] for n in range(9)],
    *[[2000 + 100 * n, round(38.4 - 3.2 * n, 2)] for n in range(3)],
    [3000, 32.0],
    *[[4000 + 103 * n, round(32.0 + 0.71 * n, 2)] for n in range(11)],
    [6000, 32.1],
]


def workbook(
    tmp_path: Path,
    data: list[list[Any]] = DATA,
    results: list[list[Any]] = RESULTS,
    sheets: tuple[str, str] = ("Data", "Results"),
) -> Path:
    book = openpyxl.Workbook()
    first = book.active
    assert first is not None
    first.title = sheets[0]
    for row in data:
        first.append(row)
    second = book.create_sheet(sheets[1])
    for row in results:
        second.append(row)
    path = tmp_path / "export.xlsx"
    book.save(path)
    return path


def read(tmp_path: Path, **given: Any) -> MmsWorkbook:
    return read_mms_workbook(workbook(tmp_path, **given))


def test_samples_results_and_excursions(tmp_path: Path) -> None:
    book = read(tmp_path)
    assert book.time_s[1] == pytest.approx(0.11)
    assert len(book.time_s) == len(DATA) - 1
    assert book.headings[:2] == ("1: Trial", "2: Target")
    assert [trial.target_c for trial in book.trials] == [50.0, 50.0, 32.0]
    assert [trial.maybe_dummy for trial in book.trials] == [False, False, True]
    assert [round(one.peak_c, 2) for one in book.excursions] == [38.4, 39.1]
    assert book.trials[0].cells["6: Remark"] == "*"


def test_every_guess_is_named(tmp_path: Path) -> None:
    text = " ".join(read(tmp_path).uncertain)
    for words in ("taken to be in ms", "second column", "possibly no trial but a dummy", "whether it is a threshold"):
        assert words in text
    assert "cannot be matched" not in text
    assert "cannot be matched" in " ".join(read(tmp_path, results=RESULTS[:2]).uncertain)


def test_decimal_commas(tmp_path: Path) -> None:
    data = [DATA[0], *[[str(time), str(value).replace(".", ",")] for time, value in DATA[1:]]]
    book = read(tmp_path, data=data)
    assert book.temperature_c == read(tmp_path).temperature_c
    assert any("decimal comma" in guess for guess in book.uncertain)


def test_a_long_recording_goes_on_in_further_columns(tmp_path: Path) -> None:
    half = len(DATA) // 2
    left, right = DATA[:half], DATA[half:]
    rows = [[*left[n], None, *(right[n - 1] if 0 < n <= len(right) else (None, None))] for n in range(len(left))]
    rows += [[None, None, None, *right[n]] for n in range(len(left) - 1, len(right))]
    book = read(tmp_path, data=rows)
    assert (book.time_s, book.temperature_c) == (read(tmp_path).time_s, read(tmp_path).temperature_c)
    assert any("further pair" in guess for guess in book.uncertain)


@pytest.mark.parametrize(
    ("sheets", "words"),
    [(("Samples", "Results"), "no sheet 'Data'"), (("Data", "Summary"), "no sheet 'Results'")],
)
def test_missing_sheets_are_named(tmp_path: Path, sheets: tuple[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, sheets=sheets)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([["Time", "Temperature"]], "hold no numbers"),
        ([["Time"], [0, 32.0], [100, 320.0]], "no temperature"),
        ([["Time"], [100, 32.0], [0, 32.0]], "backwards"),
        ([["Time"], [0, 32.0], [100, None]], "lacks its"),
    ],
)
def test_impossible_recordings_are_refused(tmp_path: Path, data: list[list[Any]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, data=data)


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"\xd0\xcf\x11\xe0\xa1", r"\.xls"), (b"a,b\n1,2\n", "no Excel workbook"), (b"PK\x03\x04broken", "damaged")],
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "export.xlsx"
    path.write_bytes(data)
    with pytest.raises(InputError, match=words):
        read_mms_workbook(path)


def test_tables_keep_the_headings_and_every_value(tmp_path: Path) -> None:
    results, excursions, samples = tables_of(read(tmp_path))
    assert results.column("column_6") == ("*", None, None)
    assert "'6: Remark'" in results.columns[-1].description
    assert len(excursions) == 2
    assert samples.column("time_s")[1] == pytest.approx(0.11)
    assert [column.unit for column in samples.columns] == ["s", "Cel"]
