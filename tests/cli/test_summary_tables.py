"""``qst summary``: every mean with its numbers, and what a number cannot say in words."""

import json
from pathlib import Path

import pytest

from qst.cli import _run
from tests.record.logs import write_visit

EVERY_RECORD = Path(__file__).parents[1] / "record" / "fixtures" / "v1" / "every-record.jsonl"


def test_completeness_and_what_happened_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    _run(["summary", str(EVERY_RECORD)])
    printed = " ".join(capsys.readouterr().out.split())
    assert "every-record real 2000-01-01 09:00 not scored" in printed
    # complete, valid, attempts, invalid, censored, deviations, adverse events, failures
    assert "every-record completed yes 4 of 4 6 1 1 1 1 1" in printed
    assert "every-record: interrupted and resumed, 2 sessions" in printed
    assert "every-record: deviations: by 3 s" in printed
    assert "every-record: adverse events: dizzy" in printed


def test_missing_trials_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_visit(tmp_path / "whole.jsonl").splitlines(keepends=True)
    third = next(number for number, line in enumerate(data) if b'"sequence_index":3' in line)
    (tmp_path / "whole.jsonl").unlink()
    (tmp_path / "part.jsonl").write_bytes(b"".join(data[:third]))
    _run(["summary", str(tmp_path)])
    printed = " ".join(capsys.readouterr().out.split())
    assert "part interrupted NO 2 of 3" in printed
    assert "part: no valid attempt at trial(s): 3" in printed


def test_several_visits_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["run", "demo-quick", "--simulate", "--seed", "1", "--data", str(tmp_path)]) == 0
    assert _run(["run", "demo-quick", "--simulate", "--seed", "2", "--visit", "2", "--data", str(tmp_path)]) == 0
    capsys.readouterr()
    assert _run(["summary", str(tmp_path), "--json"]) == 0
    visits = json.loads(capsys.readouterr().out)["visits"]
    assert [visit["visit"] for visit in visits] == [1, 2]
    assert all(
        {"n_valid", "n_planned", "n_censored", "n_missing"} <= set(score) for one in visits for score in one["scores"]
    )
    assert _run(["summary", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    for visit in visits:
        for score in visit["scores"]:
            line = next(line for line in printed.splitlines() if score["score_id"] in line)
            assert f"{score['n_valid']} of {score['n_planned']}" in line
