"""An analyst's overlay: applied on reading, signed in every row that it changes, and never to a measured value."""

import json
from pathlib import Path
from typing import Any

import pytest

import qst
from qst.analysis.corrections import OF_ATTEMPT, OF_VISIT
from qst.cli import _run
from qst.errors import InputError
from tests.analysis.test_dataset import FIXTURES
from tests.record.logs import write_visit

LOG = FIXTURES / "completed.jsonl"


def correction(**changes: Any) -> dict[str, Any]:
    """Taking out the second pressure trial."""
    row = list(qst.read(LOG).trials.dicts())[3]
    fields = {
        "who": "A. Analyst",
        "when": "2026-03-01",
        "why": "wrong site, see the diary",
        **{name: row[name] for name in ("session_uuid", "sequence_index", "attempt", "hash")},
        "field": "valid",
        "old": True,
        "new": False,
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def of_visit(field: str, old: str | int, new: str | int) -> dict[str, Any]:
    return correction(sequence_index=None, attempt=None, hash=None, field=field, old=old, new=new)


def write(folder: Path, *entries: dict[str, Any]) -> Path:
    path = folder / "corrections.jsonl"
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


def test_a_correction_counts_and_is_signed(tmp_path: Path) -> None:
    before = LOG.read_bytes()
    path = write(tmp_path, correction(), correction(field="invalid_reason", old="", new="wrong site"))
    data = qst.read(LOG, corrections=path)
    row = list(data.trials.dicts())[3]
    assert (row["valid"], row["invalid_reason"]) == (False, "wrong site")
    assert (row["corrected"], row["corrected_from"]) == ("valid invalid_reason", "true | ")
    assert row["corrected_by"] == "A. Analyst, 2026-03-01 | A. Analyst, 2026-03-01"
    assert row["corrected_why"] == "wrong site, see the diary | wrong site, see the diary"
    others = [one for index, one in enumerate(data.trials.dicts()) if index != 3]
    assert {one["corrected"] for one in others} == {""}
    assert LOG.read_bytes() == before


def test_thresholds_and_visits_follow(tmp_path: Path) -> None:
    data = qst.read(LOG, corrections=write(tmp_path, correction()))
    score = next(one for one in data.thresholds.dicts() if one["score_id"] == "PPT_2_mean")
    assert (score["n_planned"], score["n_valid"], score["n_missing"]) == (2, 1, 1)
    assert (score["complete"], score["n_corrected"]) == (False, 1)
    assert score["mean"] == list(qst.read(LOG).trials.dicts())[2]["value_reported"]
    (visit,) = data.visits.dicts()
    assert (visit["n_corrected"], visit["missing_trials"], visit["complete"]) == (1, "4", False)


def test_a_pseudonym_that_was_mistyped(tmp_path: Path) -> None:
    path = write(tmp_path, of_visit("participant_id", "P11", "P12"), of_visit("visit", 1, 2))
    data = qst.read(LOG, corrections=path)
    for table in (data.trials, data.thresholds, data.visits):
        assert set(table.column("participant_id")) == {"P12"}
        assert set(table.column("visit")) == {2}
    assert set(data.trials.column("corrected_from")) == {"P11 | 1"}


def test_later_corrections_see_earlier_ones(tmp_path: Path) -> None:
    back = correction(old=False, new=True, why="it was the right site after all")
    data = qst.read(LOG, corrections=write(tmp_path, correction(), back))
    row = list(data.trials.dicts())[3]
    assert (row["valid"], row["corrected_from"]) == (True, "true | false")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"old": False, "new": True}, "valid is True, and not False"),
        ({"hash": "0" * 64}, "another hash"),
        ({"attempt": 7}, "no attempt 7 at trial 4"),
        ({"session_uuid": "nobody"}, "no visit nobody"),
        ({"field": "value_reported", "old": 1, "new": 2}, "Measured values never change"),
        ({"field": "participant_id", "old": "P11", "new": "P12"}, "cannot be corrected here"),
        ({"attempt": None}, "belong together"),
        ({"why": " "}, "must not be empty"),
        ({"new": True}, "are the same"),
        ({"new": 0}, "must be of type bool"),
        ({"oops": 1}, "no correction: Object contains unknown field"),
        ({"who": None}, "missing required field `who`"),
    ],
)
def test_what_does_not_fit_names_its_line(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    path = write(tmp_path, correction(field="note", old="", new="seen"), correction(**changes))
    with pytest.raises(InputError, match=what) as refused:
        qst.read(LOG, corrections=path)
    assert refused.value.where == f"{path}:2"


def test_nothing_counts_that_was_never_measured(tmp_path: Path) -> None:
    log = FIXTURES / "torn.jsonl"
    row = list(qst.read(log).trials.dicts())[3]
    assert row["outcome"] == "interrupted"
    entry = correction(**{name: row[name] for name in ("session_uuid", "hash")}, old=False, new=True)
    with pytest.raises(InputError, match="nothing to count"):
        qst.read(log, corrections=write(tmp_path, entry))


def test_an_attempt_that_was_taken_out_says_why(tmp_path: Path) -> None:
    data = qst.read(LOG, corrections=write(tmp_path, correction()))
    row = list(data.trials.dicts())[3]
    assert (row["valid"], row["invalid_reason"]) == (False, "wrong site, see the diary")
    assert (row["corrected"], row["corrected_from"]) == ("valid", "true")


@pytest.mark.parametrize("old", ["", "wrong site, see the diary"])
def test_the_reason_can_be_put_in_other_words(tmp_path: Path, old: str) -> None:
    """An overlay that was written against the log itself says that there was no reason, and stays right."""
    other = correction(field="invalid_reason", old=old, new="slipped")
    data = qst.read(LOG, corrections=write(tmp_path, correction(), other))
    row = list(data.trials.dicts())[3]
    assert (row["invalid_reason"], row["corrected_from"]) == ("slipped", "true | ")
    third = correction(field="invalid_reason", old="", new="talked")
    with pytest.raises(InputError, match="invalid_reason is 'slipped', and not ''"):
        qst.read(LOG, corrections=write(tmp_path, correction(), other, third))


def test_an_attempt_that_counts_again_has_no_reason(tmp_path: Path) -> None:
    back = correction(old=False, new=True, why="the right site after all")
    for between in ([], [correction(field="invalid_reason", old="", new="slipped")]):
        data = qst.read(LOG, corrections=write(tmp_path, correction(), *between, back))
        row = list(data.trials.dicts())[3]
        assert (row["valid"], row["invalid_reason"]) == (True, "")
    assert row["corrected"] == "valid invalid_reason valid invalid_reason"
    assert row["corrected_from"] == "true |  | false | slipped"


def test_a_reason_of_the_log_is_noted_when_it_goes(tmp_path: Path) -> None:
    write_visit(tmp_path / "visit.jsonl")
    row = list(qst.read(tmp_path / "visit.jsonl").trials.dicts())[1]
    assert (row["valid"], row["invalid_reason"]) == (False, "slipped")
    of_row = {name: row[name] for name in ("session_uuid", "sequence_index", "attempt", "hash")}
    back = correction(**of_row, old=False, new=True)
    tidied = correction(**of_row, field="invalid_reason", old="slipped", new="none")
    for more, reason in (([], ""), ([tidied], "none")):
        data = qst.read(tmp_path / "visit.jsonl", corrections=write(tmp_path, back, *more))
        row = list(data.trials.dicts())[1]
        assert (row["valid"], row["invalid_reason"]) == (True, reason)
        assert str(row["corrected_from"]).startswith("false | slipped")


def test_a_visit_without_attempts_can_be_given_its_pseudonym(tmp_path: Path) -> None:
    log = without_attempts(tmp_path)
    uuid = qst.read(log).visits.column("session_uuid")[0]
    path = write(tmp_path, of_visit("participant_id", "P01", "P12") | {"session_uuid": uuid})
    (visit,) = qst.read(log, corrections=path).visits.dicts()
    assert (visit["participant_id"], visit["n_attempts"]) == ("P12", 0)
    wrong = of_visit("participant_id", "P02", "P12") | {"session_uuid": uuid}
    with pytest.raises(InputError, match="participant_id is 'P01', and not 'P02'"):
        qst.read(log, corrections=write(tmp_path, wrong))


def without_attempts(folder: Path) -> Path:
    """The log of a visit that was ended before its first trial."""
    whole = write_visit(folder / "whole.jsonl").splitlines(keepends=True)
    (folder / "whole.jsonl").unlink()
    (folder / "early.jsonl").write_bytes(b"".join(whole[:2]))
    return folder / "early.jsonl"


# -- lines about visits that are in no table -------------------------------------------------------------------------

OTHER = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def two_visits(tmp_path: Path) -> Path:
    """A folder with a real visit and a simulated one, and an overlay that corrects both."""
    (tmp_path / "a.jsonl").write_bytes(LOG.read_bytes())
    write_visit(tmp_path / "b.jsonl", simulated=False, clock="real")
    write(tmp_path, correction(), of_visit("visit", 2, 3) | {"session_uuid": OTHER})
    return tmp_path


def test_a_damaged_log_does_not_cost_the_others(two_visits: Path) -> None:
    log = two_visits / "b.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"valid":true', b'"valid":null', 1))
    data = qst.read(two_visits, corrections=two_visits / "corrections.jsonl")
    assert [one.path for one in data.left_out] == [str(log)]
    assert data.passed_over == (
        f"{two_visits / 'corrections.jsonl'}:2: this line was not applied, because {log} is in no table",
    )
    assert data.trials.column("valid")[3] is False


def test_a_log_of_the_other_kind_does_not_either(two_visits: Path) -> None:
    data = qst.read(two_visits, corrections=two_visits / "corrections.jsonl", simulated="real")
    assert data.visits.column("visit") == (3,)
    (passed_over,) = data.passed_over
    assert "a.jsonl" in passed_over
    both = qst.read(two_visits, corrections=two_visits / "corrections.jsonl", simulated="both")
    assert both.passed_over == ()


def test_of_a_log_that_does_not_say_its_name_the_error_does(two_visits: Path) -> None:
    log = two_visits / "b.jsonl"
    log.write_bytes(log.read_bytes().replace(b"session_uuid", b"session_----"))
    with pytest.raises(InputError, match="may be in what could not be used: ") as refused:
        qst.read(two_visits, corrections=two_visits / "corrections.jsonl")
    assert str(log) in str(refused.value)
    assert refused.value.where.endswith(":2")


def test_the_commands_name_the_lines_that_were_not_applied(
    two_visits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = two_visits / "b.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"valid":true', b'"valid":null', 1))
    overlay = ["--corrections", str(two_visits / "corrections.jsonl")]
    for command in (["summary"], ["thresholds"], ["plot", "rates", "--out", str(two_visits / "a.svg")]):
        assert _run([*command, str(two_visits), *overlay]) == 1
        assert "corrections.jsonl:2: this line was not applied" in capsys.readouterr().err


def test_a_log_that_is_kept_as_a_copy_is_corrected(two_visits: Path) -> None:
    (two_visits / "copy.jsonl").write_bytes((two_visits / "b.jsonl").read_bytes())
    data = qst.read(two_visits, corrections=two_visits / "corrections.jsonl", simulated="both")
    assert [one.reason for one in data.left_out] == ["duplicate"]
    assert data.passed_over == ()


def test_a_file_that_is_not_there_or_not_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        qst.read(LOG, corrections=tmp_path / "none.jsonl")
    (tmp_path / "c.jsonl").write_bytes(b"\n\xff\n")
    with pytest.raises(InputError, match="no correction") as refused:
        qst.read(LOG, corrections=tmp_path / "c.jsonl")
    assert refused.value.where.endswith(":2")


def test_an_overlay_beside_the_logs_is_no_log_and_never_forgotten(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LOG.read_bytes())
    path = write(tmp_path, correction())
    forgotten = qst.read(tmp_path)
    assert [one.reason for one in forgotten.left_out] == ["corrections"]
    assert qst.read(tmp_path, corrections=path).left_out == ()


def test_what_can_be_corrected_are_columns() -> None:
    names = qst.read(LOG).trials.names
    assert set(OF_ATTEMPT) | set(OF_VISIT) <= set(names)
    assert not any(name.startswith("value") for name in OF_ATTEMPT)
