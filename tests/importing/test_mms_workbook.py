"""Result workbooks of Medoc Main Station: what is read, and that every guess is named."""

import contextlib
import random
import re
import zipfile
from collections.abc import Callable
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


def rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> None:
    """Change the files inside a workbook."""
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in files.items():
            new.writestr(name, change(name, data))


def test_a_sheet_that_states_a_size_too_small_loses_no_row(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    whole = read_mms_workbook(path)
    ref = re.compile(rb'<dimension ref="[A-Z0-9:]+"')
    rewritten(path, lambda _, data: ref.sub(b'<dimension ref="A1:B3"', data))
    assert b'ref="A1:B3"' in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")
    cut = read_mms_workbook(path)
    assert (cut.trials, cut.time_s, cut.headings) == (whole.trials, whole.time_s, whole.headings)


def test_a_number_that_no_float_holds_stays_as_it_is_written(tmp_path: Path) -> None:
    path = workbook(tmp_path)
    rewritten(path, lambda _, data: data.replace(b"<v>0.8</v>", b"<v>" + b"9" * 400 + b"</v>"))
    assert read_mms_workbook(path).trials[0].cells["5: Reaction"] == "9" * 400


@pytest.mark.parametrize(
    ("old", "new"), [(b'<row r="9"', b'<row r="999999999"'), (b"<v>50</v>", b"<v>fifty</v>"), (b"</worksheet>", b"")]
)
def test_damage_inside_is_named(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = workbook(tmp_path)
    rewritten(path, lambda _, data: data.replace(old, new))
    with pytest.raises(InputError, match=r"this workbook is damaged: ."):
        read_mms_workbook(path)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_damaged_in_a_workbook_is_said_to_be(tmp_path: Path, seed: int) -> None:
    """Bytes of the archive, and bytes and whole values of the XML in it, which no checksum protects."""
    chance = random.Random(seed)
    path = workbook(tmp_path)
    if seed % 3 == 0:
        data = bytearray(path.read_bytes())
        for _ in range(chance.randint(1, 40)):
            data[chance.randrange(4, len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.choice((len(data), chance.randrange(30, len(data))))])
    else:
        rewritten(path, lambda name, data: damaged(chance, data) if chance.random() < 0.5 else data)
    with contextlib.suppress(InputError):
        read_mms_workbook(path)


def damaged(chance: random.Random, data: bytes) -> bytes:
    for _ in range(chance.randint(1, 3)):
        if chance.random() < 0.5:
            at = chance.randrange(len(data))
            data = data[:at] + bytes([chance.randrange(256)]) + data[at + chance.randrange(2) :]
        else:
            values = re.findall(rb'"[^"<>]*"|>[^<>]+<', data)
            value = chance.choice(values) if values else b">"
            other = chance.choice((b"", b"x", b"-1", b"99999999", b"1e999", b"A0", b"n"))
            data = data.replace(value, value[:1] + other + value[-1:], 1)
    return data


def test_no_column_of_a_workbook_is_said_to_come_from_a_log(tmp_path: Path) -> None:
    for table in tables_of(read(tmp_path)):
        assert all(column.derivation for column in table.columns)
