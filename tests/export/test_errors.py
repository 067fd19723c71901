"""Whole or not at all, and a clear word when not."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import qst
from qst.analysis.columns import TRIAL_COLUMNS
from qst.analysis.dataset import Dataset, LeftOut
from qst.analysis.export import FORMATS, export
from qst.analysis.export.cells import choices
from qst.cli import _run
from qst.errors import InputError
from tests.export.tables import dataset, of_column

NAMES = {"csv": "a.csv", "parquet": "a.parquet", "spss": "a.sav", "excel": "a.xlsx", "redcap": "a", "bids": "a"}


def test_codes_never_change() -> None:
    """A study's syntax files rely on them: words are added at the end of a list, and none is moved."""
    found = {column.name: [choice.value for choice in choices(column)] for column in TRIAL_COLUMNS if column.allowed}
    assert found == {
        "modality": ["pressure", "heat", "cold"],
        "method": ["limits", "levels", "staircase"],
        "side": ["", "L", "R"],
        "unit_ucum": ["Cel", "kPa"],
        "outcome": [
            *("response", "cutoff", "pain_at_baseline", "timeout"),
            *("operator_stop", "participant_withdrew", "device_fault", "estop", "interrupted"),
        ],
        "censoring": ["none", "left", "right"],
        "rate_unit_ucum": ["K/s", "kPa/s"],
        "display_unit": ["Cel", "kPa", "kgf/cm2"],
        "rate_flag": ["", "slow", "fast"],
        "source": ["device", "operator"],
    }


@pytest.mark.parametrize("name", ["table.ods", "table"])
def test_an_unknown_ending_names_the_option(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        export(dataset(), tmp_path / name)
    assert "use --format with one of csv, parquet, spss, excel, redcap, bids" in caught.value.remedy


def test_an_unknown_format_or_table_names_the_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown format 'stata'"):
        export(dataset(), tmp_path / "a.dta", "stata")
    with pytest.raises(InputError, match="unknown table 'traces'"):
        export(dataset(), tmp_path / "a.csv", table="traces")


@pytest.mark.parametrize(
    ("name", "format_name"), [("a.csv", "excel"), ("a.XLSX", "csv"), ("a.sav", "bids"), ("a.pq", "redcap")]
)
def test_a_format_that_the_ending_contradicts(name: str, format_name: str, tmp_path: Path) -> None:
    """The file would be opened by the wrong program, which sees no more than that it is broken."""
    with pytest.raises(InputError, match=f"is that of .*the format is {format_name}"):
        export(dataset(), tmp_path / name, format_name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "format_name"), [("a.csv", "csv"), ("a.txt", "csv"), ("a.pq", "parquet")])
def test_a_format_that_the_ending_does_not_contradict(name: str, format_name: str, tmp_path: Path) -> None:
    assert export(dataset(of_column("note", "seen")), tmp_path / name, format_name)[0] == tmp_path / name


def test_printed_lines_end_alike_on_every_system(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows ends a line of text with CR LF, which the lines of the file do by themselves."""
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="cp1252", newline="\r\n"))
    assert _run(["thresholds", str(logs)]) == 0
    lines = printed.getvalue().decode("utf-8").split("\r\n")
    assert lines[0].startswith("schema_version,")
    assert len(lines) == len(qst.read(logs).trials) + 2
    assert not any("\r" in line or "\n" in line for line in lines)


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_place_that_is_not_there(format_name: str, visits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        export(visits, tmp_path / "missing" / NAMES[format_name], format_name)


@pytest.mark.parametrize(
    ("format_name", "library"),
    [("parquet", "pyarrow"), ("spss", "pyreadstat"), ("spss", "pandas"), ("excel", "openpyxl")],
)
def test_a_library_that_is_not_installed(
    format_name: str, library: str, visits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name == library or name.startswith(f"{library}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(InputError, match=f"'{library}'.*not installed") as caught:
        export(visits, tmp_path / NAMES[format_name], format_name)
    assert "pip install qst-suite[analysis]" in caught.value.remedy
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.sav", "a.xlsx"])
def test_what_fails_leaves_what_was_there(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("old", encoding="utf-8")
    with pytest.raises(InputError, match="column note, row 2"):
        export(dataset(of_column("note", "fine", "\ud800")), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text(encoding="utf-8") == "old"


def test_a_second_file_that_cannot_be_placed_takes_the_first_back(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old", encoding="utf-8")
    (tmp_path / "a.csv.dictionary.json").mkdir()
    (tmp_path / "a.csv.dictionary.json" / "in the way").touch()
    with pytest.raises(InputError, match="cannot be written"):
        export(dataset(of_column("note", "new")), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.csv.dictionary.json"]


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    for text in ("one", "two"):
        export(dataset(of_column("note", text)), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "note\ntwo\n"


@pytest.mark.parametrize("format_name", ["redcap", "bids"])
def test_a_folder_is_never_mixed_with_another(format_name: str, visits: Dataset, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    export(visits, tmp_path / "a", format_name)  # an empty folder is no matter
    with pytest.raises(InputError, match="already there"):
        export(visits, tmp_path / "a", format_name)


def test_a_file_is_never_put_in_a_folders_place(visits: Dataset, tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match="this is a folder"):
        export(visits, tmp_path / "a.csv")


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes are those of POSIX")
def test_a_pipe_or_a_device_stays_where_it_is(tmp_path: Path) -> None:
    """An administrator who says ``--out /dev/stdout`` would lose it for the whole computer."""
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(InputError, match="a device or a pipe"):
        export(dataset(of_column("note", "new")), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").is_fifo()


@pytest.mark.parametrize("name", ["a.jsonl", "a.JSONL"])
def test_nothing_replaces_a_visit_log(name: str, logs: Path, tmp_path: Path) -> None:
    (log,) = logs.glob("P02*demo*")
    (tmp_path / name).write_bytes(log.read_bytes())
    with pytest.raises(InputError, match="visit log"):
        export(dataset(of_column("note", "new")), tmp_path / name, "csv")
    assert _run(["report", str(log), "--out", str(tmp_path / name)]) == 2
    assert (tmp_path / name).read_bytes() == log.read_bytes()


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_name_that_no_system_takes(format_name: str, visits: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        export(visits, tmp_path / f"{'n' * 300}{NAMES[format_name]}", format_name)


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("note", 3, "3 is no text"),
        ("attempt", 1.0, "1.0 is no integer"),
        ("valid", 1, "1 is no boolean"),
        ("omega", float("inf"), "inf is infinite"),
        ("omega", float("-inf"), "-inf is infinite"),
        ("outcome", "bored", "'bored' is none of response"),
        ("t_utc", "2026-03-29 01:00", "is no time"),
        ("t_utc", "2026-02-30T00:00:00.000Z", "is no time"),
    ],
)
def test_a_cell_outside_its_columns_domain_is_named(column: str, cell: Any, why: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"column {column}, row 2: .*{why}"):
        export(dataset(of_column(column, None, cell)), tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "column", "cell", "why"),
    [
        ("a.sav", "note", "°" * 16384, "32768 bytes and SPSS holds 32767"),
        ("a.sav", "note", "a\0b", "SPSS cannot hold"),
        ("a.sav", "note", "#NULL! ", "SPSS cannot hold"),
        ("a.sav", "attempt", 2**53 + 1, "more digits than SPSS keeps"),
        ("a.sav", "omega", -9999.0, "means a missing value in SPSS"),
        ("a.sav", "omega", sys.float_info.max, "means a missing value in SPSS"),
        ("a.xlsx", "note", "x" * 32768, "longer than the 32767 characters"),
        ("a.xlsx", "note", "\r" * 5000, "longer than the 32767 characters"),
        ("a.xlsx", "attempt", 2**53 + 1, "more digits than Excel keeps"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_and_never_changed(
    name: str, column: str, cell: Any, why: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=why):
        export(dataset(of_column(column, cell)), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.sav", "a.xlsx"])
def test_the_longest_text_fits(name: str, tmp_path: Path) -> None:
    export(dataset(of_column("note", "x" * 32767)), tmp_path / name)


def test_logs_that_were_left_out_are_in_the_dictionary(tmp_path: Path) -> None:
    made = dataset(of_column("note", "x"))
    made.left_out = (LeftOut(path="b.jsonl", reason="edited", text="line 3 was changed"),)
    export(made, tmp_path / "a.csv")
    assert '"path": "b.jsonl"' in (tmp_path / "a.csv.dictionary.json").read_text(encoding="utf-8")


# -- the command ----------------------------------------------------------------------------------------------------


def call(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = _run([str(word) for word in words])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


@pytest.mark.parametrize("format_name", FORMATS)
def test_the_command_writes_every_format(
    format_name: str, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / NAMES[format_name]
    by_suffix = () if out.suffix else ("--format", format_name)
    code, output, _ = call(capsys, "thresholds", logs, "--out", out, *by_suffix)
    assert code == 0
    assert f"wrote {out}" in output
    assert out.exists()


def test_the_command_prints_csv(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, _ = call(capsys, "thresholds", logs, "--table", "thresholds")
    assert code == 0
    assert output.startswith("study_id,participant_id,visit,")
    assert "PPT" in output


def test_the_command_prints_nothing_else(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, output, error = call(capsys, "thresholds", logs, "--format", "spss")
    assert (code, output) == (2, "")
    assert "say with --out where" in error


def test_the_command_says_what_is_wrong_with_a_name(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, error = call(capsys, "thresholds", logs, "--out", tmp_path / "a.doc")
    assert (code, output) == (2, "")
    assert "'.doc' names no format" in error
    assert "use --format" in error
