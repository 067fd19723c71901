"""A visit that is cut off at any byte is recovered, verified and finished, and nobody gets a stimulus twice unasked."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qst
from qst.analysis.recorded_summary import verify_visit
from qst.cli import _run
from qst.clock import VirtualClock
from qst.record.log import LogWriter
from qst.record.reader import read_log
from qst.record.records import Answer, Decision, Instruments, Prompt, Resume, Trial, VisitOutcome
from qst.record.verify import Status
from qst.visit.history import Unjudged, history_of
from qst.visit.operator import Choice
from tests.record.logs import resume as log_resume
from tests.visits.simulated import run_visit


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The log of a short visit without a hitch."""
    visit = run_visit(tmp_path_factory.mktemp("whole") / "log.jsonl", protocol="demo-quick", seed=3)
    assert visit.result.outcome is VisitOutcome.COMPLETED
    return visit.path.read_bytes()


def recorded(path: Path) -> list[tuple[int, int]]:
    return [(trial.sequence_index, trial.attempt) for trial in read_log(path).trials]


def cut_and_resume(path: Path, whole: bytes, at: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Cut the log as a killed process leaves it, resume, and look at what became of it."""
    path.write_bytes(whole[:at])
    before = read_log(path)
    torn = whole[:at].rpartition(b"\n")[2]
    if before.header is None:
        assert _run(["resume", str(path), "--auto"]) == 2
        assert "no visit to resume" in capsys.readouterr().err
        assert path.read_bytes() == whole[:at]
        return
    if before.outcome is VisitOutcome.COMPLETED:
        assert _run(["resume", str(path), "--auto"]) == 2
        return
    had = recorded(path)
    assert _run(["resume", str(path), "--auto"]) == 0, capsys.readouterr().err
    assert verify_visit(path).status is Status.INTACT
    after = read_log(path)
    assert after.outcome is VisitOutcome.COMPLETED
    now = recorded(path)
    assert now[: len(had)] == had
    assert len(set(now)) == len(now)
    # No trial that had a result got another attempt, and every trial has a result now.
    assert not {index for index, _ in now[len(had) :]} & {index for index, _ in had}
    assert {index for index, _ in now} == {1, 2, 3, 4}
    (resume,) = [entry.record for entry in after.entries if isinstance(entry.record, Resume)]
    if before.torn is not None and before.torn.n_bytes:
        assert resume.torn == torn.decode("utf-8", errors="backslashreplace")


def test_cut_after_every_record(whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for number, at in enumerate(ends):
        cut_and_resume(tmp_path / f"{number}.jsonl", whole, at, capsys)


@given(share=st.floats(0, 1))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_cut_at_any_byte(whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], share: float) -> None:
    cut_and_resume(tmp_path / "log.jsonl", whole, int(share * len(whole)), capsys)


@pytest.mark.nightly
def test_cut_at_every_byte(whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for at in range(len(whole)):
        cut_and_resume(tmp_path / "log.jsonl", whole, at, capsys)


def test_an_unfinished_trial_is_asked_about(whole: bytes, tmp_path: Path) -> None:
    """Cut in the middle of the first ramp: the operator is asked before a second attempt is made."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(whole[: whole.index(b'"type":"trial"') - 1])
    assert _run(["resume", str(path), "--auto"]) == 0
    log = read_log(path)
    resumed = next(index for index, entry in enumerate(log.entries) if isinstance(entry.record, Resume))
    after = [entry.record for entry in log.entries[resumed + 1 :]]
    asked = [record for record in after if isinstance(record, Prompt) and record.kind == "unfinished"]
    assert len(asked) == 1
    assert any(isinstance(record, Answer) and record.prompt == asked[0].prompt for record in after)
    first = next(record for record in after if isinstance(record, Trial))
    assert (first.sequence_index, first.attempt, first.supersedes) == (1, 2, 1)
    assert any(isinstance(record, Decision) and record.decision == "invalid" for record in after)


def cut_while_judged(path: Path, whole: bytes, torn: bytes = b"") -> None:
    """The process died while the operator judged trial 2, or while the judgement was on its way to the disk."""
    lines = whole.splitlines(keepends=True)
    kinds = [(json.loads(line)["type"], json.loads(line).get("sequence_index")) for line in lines]
    kept = lines[: kinds.index(("decision", 2)) - 1]  # the answer is lost as well
    path.write_bytes(b"".join(kept) + torn)


def torn_decision(whole: bytes, end: str) -> bytes:
    """A rejection of trial 2, up to and with ``end``."""
    line = next(line for line in whole.splitlines() if line.startswith(b'{"type":"decision"') and b'index":2' in line)
    text = line.decode().replace('"decision":"accept"', '"decision":"invalid","reason":"moved"')
    return text[: text.index(end) + len(end)].encode()


def judgements(path: Path) -> list[tuple[int, int, str, str]]:
    found = [entry.record for entry in read_log(path).entries if isinstance(entry.record, Decision)]
    return [(one.sequence_index, one.attempt, one.decision, one.reason) for one in found]


def test_what_nobody_had_judged_is_judged_before_anything_else(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    cut_while_judged(path, whole)
    n_before = len(read_log(path).entries)
    assert history_of(read_log(path)).unjudged == Unjudged(sequence_index=2, attempt=1)
    assert _run(["resume", str(path), "--auto"]) == 0
    records = [entry.record for entry in read_log(path).entries[n_before:]]
    assert [type(record) for record in records[:5]] == [Resume, Instruments, Prompt, Answer, Decision]
    assert isinstance(records[2], Prompt)
    assert "before this attempt was judged" in records[2].text
    assert judgements(path)[:3] == [(1, 1, "accept", ""), (2, 1, "accept", ""), (3, 1, "accept", "")]
    assert qst.read(path).trials.column("valid") == [True] * 4


@pytest.mark.parametrize("end", ['"decision":"inv', '"reason":"mo', '"reason":"moved"'])
def test_a_rejection_whose_line_was_torn_does_not_become_an_acceptance(whole: bytes, tmp_path: Path, end: str) -> None:
    path = tmp_path / "log.jsonl"
    cut_while_judged(path, whole, torn_decision(whole, end))
    assert qst.read(path).trials.column("valid") == [True, False]
    left = history_of(read_log(path)).unjudged
    assert left is not None
    assert (left.said, left.reason) == (Choice.REPEAT, end.partition('reason":"')[2].strip('"'))
    assert _run(["resume", str(path), "--auto"]) == 0
    assert (2, 1, "invalid", "automatic operator: the attempt was rejected before the interruption") in judgements(path)
    rows = [(row["sequence_index"], row["attempt"], row["valid"]) for row in qst.read(path).trials.dicts()]
    assert rows == [(1, 1, True), (2, 1, False), (2, 2, True), (3, 1, True), (4, 1, True)]
    assert verify_visit(path).findings == ()


def test_the_operators_answer_outlives_the_decision(whole: bytes, tmp_path: Path) -> None:
    """Answer, then decision: where only the first got to the disk, a rejection is still known; also one resume later."""
    path = tmp_path / "log.jsonl"
    cut_while_judged(path, whole)
    clock = VirtualClock()
    writer, log = LogWriter.resume(path, clock)
    with writer:
        writer.write(log_resume(torn=log.torn_text, next_index=2))
        writer.write(Answer(prompt="q1", answer="skip", reason="tired", by="op"))
    wanted = Unjudged(sequence_index=2, attempt=1, said=Choice.SKIP, reason="tired")
    assert history_of(read_log(path)).unjudged == wanted
    assert _run(["resume", str(path), "--auto"]) == 0
    assert [(index, word) for index, _, word, _ in judgements(path)] == [
        (1, "accept"),
        (2, "skip"),
        (3, "accept"),
        (4, "accept"),
    ]
    assert qst.read(path).trials.column("valid") == [True, False, True, True]


def test_a_torn_rejection_is_still_known_when_the_next_process_dies_before_it_asks(
    whole: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    cut_while_judged(path, whole, torn_decision(whole, '"reason":"moved"'))
    writer, log = LogWriter.resume(path, VirtualClock())
    with writer:
        writer.write(log_resume(torn=log.torn_text, next_index=2))
    wanted = Unjudged(sequence_index=2, attempt=1, said=Choice.REPEAT, reason="moved")
    assert history_of(read_log(path)).unjudged == wanted
    assert qst.read(path).trials.column("valid") == [True, False]


def test_killed_twice_in_one_trial_both_attempts_are_charged(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(whole[: whole.index(b'"type":"trial"') - 1])
    assert _run(["resume", str(path), "--auto"]) == 0
    again = path.read_bytes()
    path.write_bytes(again[: again.index(b'"type":"trial"') - 1])
    history = history_of(read_log(path))
    assert history.unfinished == (1, 2)
    assert history.unrecorded == ((1, 1), (1, 2))


def test_a_damaged_log_is_not_continued(whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = whole.index(b'"thermal"') + 1
    path = tmp_path / "log.jsonl"
    path.write_bytes(whole[:at] + b"T" + whole[at + 1 : -200])
    before = path.read_bytes()
    assert _run(["resume", str(path), "--auto"]) == 1
    assert "QST-620" in capsys.readouterr().err
    assert path.read_bytes() == before
    assert _run(["verify", str(path)]) == 1
    assert "damaged" in capsys.readouterr().out


def test_a_finished_visit_has_nothing_to_resume(
    whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(whole)
    assert _run(["resume", str(path), "--auto"]) == 2
    assert "nothing to resume" in capsys.readouterr().err
    assert path.read_bytes() == whole


def test_what_an_operator_began_is_not_finished_in_their_name_by_nobody(
    whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(whole[: len(whole) // 2])
    assert _run(["resume", str(path)]) == 2
    assert "terminal" in capsys.readouterr().err
    assert path.read_bytes() == whole[: len(whole) // 2]
    assert _run(["resume", str(path), "--auto"]) == 0
    log = read_log(path)
    at = next(index for index, entry in enumerate(log.entries) if isinstance(entry.record, Resume))
    signed = {entry.record.by for entry in log.entries[at:] if isinstance(entry.record, Answer | Decision)}
    assert signed == {"simulated"}


def test_a_log_in_use_cannot_be_resumed(whole: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(whole[: len(whole) // 2])
    writer, _ = LogWriter.resume(path, VirtualClock())
    assert _run(["resume", str(path), "--auto"]) == 2
    assert "in use" in capsys.readouterr().err
    writer.close()
    assert _run(["resume", str(path), "--auto"]) == 0
