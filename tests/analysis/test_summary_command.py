"""``qst summary``: every visit once, whatever lies beside it."""

import json
from pathlib import Path

import pytest

from qst.cli import _run
from tests.analysis.test_corrections import LOG, correction, write


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


def test_a_visit_that_cannot_be_scored_is_there_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["summary", str(LOG.parent / "every-record.jsonl")]) == 1
    printed = capsys.readouterr()
    assert "every-record" in printed.out
    assert "cannot be scored" in printed.err
