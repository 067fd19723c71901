"""The summary of an end record is what the trials before it come to; whoever writes another one is found."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import qst
from qst.analysis.recorded_summary import verify_visit
from qst.cli.verify import verify
from qst.record.assemble import NOT_JUDGED
from qst.record.reader import read_log
from qst.record.records import End
from qst.record.verify import Status, verify_log
from tests.record.logs import forge, write_visit

FIXTURES = Path(__file__).parents[1] / "record" / "fixtures" / "v1"


def forged(tmp_path: Path, old: str, new: str, name: str = "completed") -> Path:
    data = (FIXTURES / f"{name}.jsonl").read_bytes()
    assert data.count(old.encode()) == 1
    path = tmp_path / "forged.jsonl"
    path.write_bytes(forge(data, old.encode(), new.encode()))
    assert verify_log(path).status is Status.INTACT  # every hash fits: only the arithmetic tells
    return path


@pytest.mark.parametrize("name", ["completed", "operator-read", "resumed"])
def test_logs_of_real_engines_agree(name: str) -> None:
    path = FIXTURES / f"{name}.jsonl"
    assert all(session.end is None or session.end.summary for session in read_log(path).sessions)
    assert verify_visit(path).findings == ()


@pytest.mark.parametrize("field", ["mean", "mean_display", "mean_unrounded", "n_valid", "n_censored", "n_planned"])
def test_a_changed_summary_is_found(tmp_path: Path, field: str) -> None:
    end = read_log(FIXTURES / "completed.jsonl").sessions[-1].end
    assert end is not None
    first = end.summary[0]
    text = (FIXTURES / "completed.jsonl").read_text(encoding="utf-8")
    line = text[text.index('{"type":"end"') :]
    begin = line[line.index(f'"id":"{first.id}"') :]
    whole = begin[: begin.index(f'"{field}":')]
    value = begin[len(whole) :].partition(",")[0]
    path = forged(tmp_path, whole + value, f'{whole}"{field}":{getattr(first, field) + 1}')
    report = verify_visit(path)
    assert report.status is Status.DAMAGED
    (finding,) = report.findings
    assert finding.kind == "end_summary"
    assert f"{first.id}, {field}" in finding.what
    done = CliRunner().invoke(verify, [str(path)], standalone_mode=False)
    assert done.return_value == 1
    assert f"the end record states {first.id}, {field}" in done.output


def test_a_missing_summary_is_found(tmp_path: Path) -> None:
    text = (FIXTURES / "completed.jsonl").read_text(encoding="utf-8")
    line = text[text.index('{"type":"end"') :]
    found = line[line.index('"summary":[') : line.index('],"prev"') + 1]
    (finding,) = verify_visit(forged(tmp_path, found, '"summary":[]')).findings
    assert "the end record has the summary values none" in finding.what


def test_a_judgement_after_the_measurement_is_in_the_comparison(tmp_path: Path) -> None:
    """A decision that is turned round changes what the trials come to, and not what the end record says."""
    text = (FIXTURES / "completed.jsonl").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith('{"type":"decision"') and '"accept"' in line]
    last = lines[-1][: lines[-1].index(',"prev"')]
    report = verify_visit(forged(tmp_path, last, last.replace('"accept"', '"invalid"')))
    assert report.status is Status.DAMAGED
    assert {finding.kind for finding in report.findings} == {"end_summary"}


def gone_on(tmp_path: Path) -> Path:
    """A visit that broke off before its last attempt was judged, and that an earlier version ended without asking."""
    text = (FIXTURES / "completed.jsonl").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith('{"type":"decision"')]
    whole = lines[-1][: lines[-1].index(',"prev"')]
    place = whole[whole.index(',"seq"') : whole.index(',"sequence_index"')]
    session = '"software_version":"0.0.1","operator_id":"OP2","clock":"virtual","seed":1,"torn":""'
    return forged(tmp_path, whole, f'{{"type":"resume"{place},{session},"next_sequence_index":5')


def test_what_nobody_had_judged_does_not_count_after_the_visit_went_on_either(tmp_path: Path) -> None:
    path = gone_on(tmp_path)
    rows = [(row["valid"], row["invalid_reason"]) for row in qst.read(path).trials.dicts()]
    assert rows == [(True, ""), (True, ""), (True, ""), (False, NOT_JUDGED)]
    assert [trial.valid for trial in read_log(path).trials] == [True, True, True, False]
    report = verify_visit(path)
    assert [(finding.kind, finding.damage) for finding in report.findings] == [
        ("not_judged", False),
        ("end_not_judged", False),
    ]
    assert all("attempt 1 at trial 4" in finding.what for finding in report.findings)


def test_a_changed_summary_is_found_also_where_a_judgement_is_lost(tmp_path: Path) -> None:
    path = gone_on(tmp_path)
    data = path.read_bytes()
    at = data.index(b'"n_valid":', data.index(b'{"type":"end"'))
    path.write_bytes(forge(data, data[at - 40 : at + 11], data[at - 40 : at + 10] + b"7"))
    report = verify_visit(path)
    assert report.status is Status.DAMAGED
    assert {finding.kind for finding in report.findings} == {"not_judged", "end_summary"}


def test_what_cannot_be_scored_is_said_and_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_visit(path)  # its protocol is none that can be read, and it has no summary
    assert verify_visit(path).findings == ()
    end = read_log(path).records[-1]
    assert isinstance(end, End)
    score = (FIXTURES / "completed.jsonl").read_text(encoding="utf-8")
    score = score[score.index('"summary":[') : score.index('],"prev"', score.index('"summary":[')) + 1]
    path.write_bytes(forge(path.read_bytes(), b'"summary":[]', score.encode()))
    report = verify_visit(path)
    assert report.status is Status.INTACT
    assert [finding.kind for finding in report.findings] == ["end_unscored"]
