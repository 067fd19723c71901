"""``qst summary``: every visit once, whatever lies beside it."""

import json
import os
import shutil
from pathlib import Path

import pytest

import qst
from qst.analysis.columnar import Table
from qst.cli import _run
from tests.analysis.test_corrections import LOG, correction, write
from tests.record.logs import write_visit


def test_a_copy_counts_once_and_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_bytes(LOG.read_bytes())
    assert _run(["summary", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out.count("PPT_2_mean") == 1
    assert "2.00 kg/cm²" in printed.out
    assert "b.jsonl: this is a copy of" in printed.err


def test_corrections_count_in_the_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    overlay = write(tmp_path, correction())
    assert _run(["summary", str(LOG), "--corrections", str(overlay), "--json"]) == 0
    (visit,) = json.loads(capsys.readouterr().out)["visits"]
    (score,) = [score for score in visit["scores"] if score["score_id"] == "PPT_2_mean"]
    assert (visit["n_corrected"], score["n_valid"], score["n_planned"]) == (1, 1, 2)


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, site in enumerate(("london", "oslo")):
        (tmp_path / site).mkdir()
        write_visit(tmp_path / site / "P01.jsonl", session_uuid=f"00000000-0000-4000-8000-{number:012d}")
    _run(["summary", str(tmp_path)])
    printed = "".join(capsys.readouterr().out.split())
    for site in ("london", "oslo"):
        assert printed.count(f"{site}/P01".replace("/", os.sep)) == 2  # one in each table


def test_scores_are_looked_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each visit, a thousand visits take ten seconds."""
    for number in range(3):
        write_visit(tmp_path / f"P0{number}.jsonl", session_uuid=f"00000000-0000-4000-8000-{number:012d}")
    asked = []
    dicts = Table.dicts

    def counted(table: Table) -> object:
        asked.append(table.name)
        return dicts(table)

    monkeypatch.setattr(Table, "dicts", counted)
    _run(["summary", str(tmp_path)])
    assert sorted(asked) == ["thresholds", "visits"]


def test_where_there_is_no_visit_there_is_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text("hello\n", encoding="utf-8")
    assert _run(["summary", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "this is not a visit log" in printed.err


def test_a_visit_that_cannot_be_scored_is_there_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["summary", str(LOG.parent / "every-record.jsonl")]) == 1
    printed = capsys.readouterr()
    assert "every-record" in printed.out
    assert "not scored: " in printed.err
    assert "cannot be scored" in printed.err
    assert "left out" not in printed.err


def test_programs_are_told_what_is_not_scored_and_what_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(LOG.parent / "every-record.jsonl", tmp_path)
    (tmp_path / "a.jsonl").write_text("hello\n", encoding="utf-8")
    assert _run(["summary", str(tmp_path), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [Path(path).name for path, _ in told["left_out"]] == ["a.jsonl"]
    assert [Path(path).name for path, _ in told["not_scored"]] == ["every-record.jsonl"]


def test_what_is_in_the_table_is_not_called_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A visit without thresholds has its trials there; the exit code is the same for tables and pictures."""
    log = str(LOG.parent / "every-record.jsonl")
    for command in (["thresholds", log], ["plot", "rates", log, "--out", str(tmp_path / "a.svg")]):
        assert _run(command) == 1, command
        said = capsys.readouterr().err
        assert "1 visit(s) not scored" in said
        assert "left out" not in said


def test_a_torn_log_is_not_called_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["thresholds", str(LOG.parent / "torn.jsonl"), "--out", str(tmp_path / "a.csv")]) == 1
    said = capsys.readouterr().err
    assert "in part: " in said
    assert "log(s) left out" not in said


def test_two_logs_of_one_visit_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two sites that gave one pseudonym, or a visit begun anew: a mean over both is nobody's."""
    for number in range(2):
        write_visit(tmp_path / f"{number}.jsonl", session_uuid=f"00000000-0000-4000-8000-{number:012d}")
    write_visit(tmp_path / "2.jsonl", session_uuid="00000000-0000-4000-8000-000000000002", visit=3)
    assert qst.read(tmp_path).doubled == ((str(tmp_path / "0.jsonl"), str(tmp_path / "1.jsonl")),)
    for command in ("summary", "thresholds"):
        _run([command, str(tmp_path)])
        said = capsys.readouterr().err
        assert said.count("begun anew") == 1, command
        assert "1.jsonl" in said
        assert "2.jsonl;" not in said


# -- real and simulated ----------------------------------------------------------------------------------------------

KINDS = ("real", "simulated")


@pytest.fixture
def mixture(tmp_path: Path) -> Path:
    """A folder with a real visit and a simulated one."""
    for number, kind in enumerate(KINDS):
        uuid = f"00000000-0000-4000-8000-{number:012d}"
        write_visit(tmp_path / f"{kind}.jsonl", session_uuid=uuid, simulated=kind == "simulated", clock="real")
    return tmp_path


@pytest.fixture(params=["summary", "thresholds", "plot"])
def words(request: pytest.FixtureRequest, mixture: Path) -> list[str]:
    """A command about the mixture."""
    more = {"summary": ["--json"], "thresholds": [], "plot": ["--out", str(mixture / "a.svg")]}[request.param]
    return [request.param, *(["rates"] if request.param == "plot" else []), str(mixture), *more]


def test_no_command_mixes_real_and_simulated_by_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "--only real or --only simulated, or --mixed" in printed.err
    assert _run([*words, "--mixed"]) == 1  # no visit of this folder can be scored
    assert "2 visit(s) not scored" in capsys.readouterr().err


@pytest.mark.parametrize("only", KINDS)
def test_one_kind_can_be_asked_for(words: list[str], only: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run([*words, "--only", only]) == 1
    printed = capsys.readouterr()
    assert f"{only}.jsonl" in printed.err
    assert "1 visit(s) not scored" in printed.err
    assert "1 log(s) of the other kind set aside" in printed.err


def test_the_summary_of_one_kind_has_no_line_of_the_other(mixture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _run(["summary", str(mixture), "--only", "real", "--json"])
    (visit,) = json.loads(capsys.readouterr().out)["visits"]
    assert visit["is_simulated"] is False


def test_the_two_options_exclude_each_other(mixture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["summary", str(mixture), "--only", "real", "--mixed"]) == 2
    assert "contradict each other" in capsys.readouterr().err
