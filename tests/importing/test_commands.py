"""``qst template``, ``import-csv``, ``import-mms``: nothing half done, nothing guessed in silence."""

import csv
import json
from pathlib import Path

import openpyxl
import pandas as pd
import pyreadstat
import pytest

from qst.analysis.importing.against_plan import check_against
from qst.analysis.importing.handwritten import read_handwritten, table_of
from qst.cli import _run
from qst.protocol.loader import load_protocol
from qst.protocol.planner import make_plan
from tests.importing.test_mms_workbook import workbook

VALUES = {"heat": "38.5", "cold": "17.1", "pressure": "1.2"}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def filled(**changes: dict[str, str]) -> Path:
    """The reference protocol's template, filled in; ``row_3={...}`` changes its third line of values."""
    assert _run(["template", "--protocol", "fibromyalgia-visit", "--out", "sheet.csv"]) == 0
    with Path("sheet.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows, 1):
        row.update({"participant_id": "P01", "value": VALUES[row["modality"]]} | changes.get(f"row_{number}", {}))
    path = Path("filled.csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row for row in rows if row["value"] != "delete")
    return path


def test_the_template_has_a_line_a_trial_and_a_help_beside_it() -> None:
    path = filled()
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1 + 24
    assert Path("sheet.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert "participant_id: pseudonym" in Path("sheet-columns.txt").read_text(encoding="utf-8")


def test_a_template_never_replaces_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("sheet.csv").write_text("precious", encoding="utf-8")
    assert _run(["template", "--out", "sheet.csv"]) == 2
    assert "already there" in capsys.readouterr().err
    assert Path("sheet.csv").read_text(encoding="utf-8") == "precious"


def test_scores_and_missing_trials_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    cutoff = {"value": "", "outcome": "cutoff"}
    path = filled(row_2=cutoff, row_8={"value": "delete"}, row_9={"value": "1.5"})
    assert _run(["import-csv", str(path), "--out", "all.csv", "--protocol", "fibromyalgia-visit"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "CPT_mean3 17.10 °C 2 of 3 1 0" in words
    assert "PPT_18_mean 1.22 kg/cm² 17 of 18 0 1" in words
    assert "P01, visit 1: no valid line for 1: pressure left occiput" in words


def test_every_problem_is_named_and_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    path = filled(row_3={"value": "38.5*"}, row_9={"site": "trapez"}, row_10={"value": "1200"})
    assert _run(["import-csv", str(path), "--out", "all.csv"]) == 2
    said = capsys.readouterr().err
    for words in ("line 4, value: '38.5*' has a mark", "line 10, site: unknown site 'trapez'; did you mean", "line 11"):
        assert words in said
    assert "3 problem(s)" in said
    assert not list(Path().glob("all.csv*"))


def test_warnings_are_printed_and_stay_in_the_dictionary(capsys: pytest.CaptureFixture[str]) -> None:
    path = filled(row_9={"value": "0.05"})
    assert _run(["import-csv", str(path), "--out", "all.csv"]) == 0
    assert "warning: line 10" in capsys.readouterr().err
    remarks = json.loads(Path("all.csv.dictionary.json").read_text(encoding="utf-8"))["remarks"]
    assert "a person vouches" in remarks[0]
    assert remarks[1].startswith("warning: line 10")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "sav", "xlsx"])
def test_every_format_holds_the_same_values(suffix: str) -> None:
    path = filled(row_2={"value": "0", "outcome": "cutoff"})
    out = Path(f"all.{suffix}")
    assert _run(["import-csv", str(path), "--out", str(out)]) == 0
    frame = {
        "csv": lambda: pd.read_csv(out),
        "parquet": lambda: pd.read_parquet(out),
        "sav": lambda: pyreadstat.read_sav(out)[0],
        "xlsx": lambda: pd.read_excel(out, sheet_name="trials"),
    }[suffix]()
    assert len(frame) == 24
    assert frame["value_display"].tolist()[0] == 38.5
    assert pd.isna(frame["value_reported"][1])  # a cut-off is no threshold
    assert frame["cutoff"][1] == 0.0
    assert frame["source_line"].tolist() == list(range(2, 26))


@pytest.mark.parametrize("arguments", [["--format", "bids"], ["--out", "filled.csv"], ["--out", "all.docx"]])
def test_what_cannot_be_written_is_refused(arguments: list[str]) -> None:
    before = filled().read_bytes()
    assert _run(["import-csv", "filled.csv", "--out", "x.csv", *arguments]) == 2
    assert Path("filled.csv").read_bytes() == before


def test_a_value_in_another_unit_is_converted_for_the_score() -> None:
    imported = read_handwritten(filled(row_7={"value": "117.6798", "unit": "kPa"}))
    (checked,) = check_against(make_plan(load_protocol("fibromyalgia-visit"), 1), imported.rows)
    score = next(score for score in checked.scores if score.id == "PPT_18_mean")
    assert score.n_valid == 18
    assert score.mean_display == pytest.approx(1.2)
    assert score.mean == pytest.approx(117.6798)


def test_a_line_of_no_trial_is_in_no_score_and_named() -> None:
    imported = read_handwritten(filled(row_7={"site": "cheek"}))
    (checked,) = check_against(make_plan(load_protocol("fibromyalgia-visit"), 1), imported.rows)
    assert [row.site_code for row in checked.extra] == ["cheek"]
    assert [(trial.site_code, trial.side) for trial in checked.missing] == [("OCC", "R")]


def test_a_cutoff_without_a_number_is_valid_and_censored() -> None:
    (row, *_) = table_of(read_handwritten(filled(row_1={"value": "", "outcome": "cutoff"}))).dicts()
    assert (row["valid"], row["censoring"], row["value_reported"], row["cutoff"]) == (True, "right", None, None)


def test_every_guess_about_a_workbook_is_printed_and_stays_beside_the_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["import-mms", str(workbook(tmp_path)), "--out", "mms"]) == 0
    guesses = [line.removeprefix("uncertain: ") for line in capsys.readouterr().out.splitlines() if "uncertain" in line]
    assert len(guesses) >= 4
    readme = Path("mms/README.txt").read_text(encoding="utf-8")
    for name in ("mms_results", "mms_excursions", "mms_samples"):
        assert Path(f"mms/{name}.csv").exists()
        remarks = json.loads(Path(f"mms/{name}.csv.dictionary.json").read_text(encoding="utf-8"))["remarks"]
        assert [guess for guess in guesses if f"uncertain: {guess}" not in remarks] == []
    assert [guess for guess in guesses if guess not in readme] == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    file = workbook(tmp_path)
    Path("mms").mkdir()
    Path("mms/mine.txt").write_text("mine", encoding="utf-8")
    assert _run(["import-mms", str(file), "--out", "mms"]) == 2
    assert [path.name for path in Path("mms").iterdir()] == ["mine.txt"]


def test_a_workbook_can_become_workbooks(tmp_path: Path) -> None:
    assert _run(["import-mms", str(workbook(tmp_path)), "--out", "mms", "--format", "excel"]) == 0
    book = openpyxl.load_workbook("mms/mms_results.xlsx")
    assert book.sheetnames == ["mms_results", "dictionary"]
