"""Verification: the verdict, and every rule that a log's records must keep among themselves."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from qst.clock import VirtualClock
from qst.errors import InputError
from qst.record.lines import TraceHasher
from qst.record.log import LogWriter
from qst.record.records import Decision, Deviation, End, Note, Record, State, Trace, VisitOutcome
from qst.record.verify import Status, VerifyReport, verify_log
from tests.record.logs import forge, header, resume, start, trial, write_visit


def end(n_trials: int, outcome: VisitOutcome = VisitOutcome.COMPLETED) -> End:
    return End(outcome=outcome, reason="", n_trials=n_trials, summary=())


def report(path: Path, records: Sequence[Record], *, step_s: float = 1.0) -> VerifyReport:
    clock = VirtualClock()
    with LogWriter.create(path, clock, sync=False) as writer:
        for record in records:
            writer.write(record)
            clock.sleep(step_s)
    return verify_log(path)


def found(verdict: VerifyReport) -> list[tuple[int, str]]:
    return [(finding.line, finding.kind) for finding in verdict.findings]


def test_an_intact_log(tmp_path: Path) -> None:
    data = write_visit(tmp_path / "a.jsonl")
    verdict = verify_log(tmp_path / "a.jsonl")
    assert verdict.status is Status.INTACT
    assert verdict.findings == ()
    assert verdict.n_lines == data.count(b"\n")
    assert verdict.n_trials == 4
    assert verdict.outcome is VisitOutcome.COMPLETED


def test_a_log_without_an_end_is_interrupted(tmp_path: Path) -> None:
    verdict = report(tmp_path / "a.jsonl", [header(), start(1), trial(1)])
    assert verdict.status is Status.INTERRUPTED
    assert verdict.findings == ()


def test_a_torn_line_is_not_an_edited_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    data = write_visit(path)
    path.write_bytes(data[:-20])
    torn = verify_log(path)
    assert torn.status is Status.TORN
    assert [(finding.kind, finding.damage) for finding in torn.findings] == [("torn", False)]
    assert str(data.rindex(b"\n", 0, -1) + 1) in torn.findings[0].what
    path.write_bytes(data.replace(b"37.9", b"38.9", 1))
    edited = verify_log(path)
    assert edited.status is Status.DAMAGED
    assert [finding.kind for finding in edited.findings] == ["edited"]
    path.write_bytes(data.replace(b"37.9", b"38.9", 1)[:-20])
    both = verify_log(path)
    assert both.status is Status.DAMAGED
    assert [finding.kind for finding in both.findings] == ["edited", "torn"]
    path.write_bytes(data[:-1])
    assert verify_log(path).status is Status.TORN
    assert "Nothing is lost" in verify_log(path).findings[0].means


def test_what_cannot_be_read_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        verify_log(tmp_path / "none.jsonl")


def test_a_visit_that_was_resumed_verifies(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    records: list[Record] = [header(n_planned=2), start(1), trial(1), end(1, VisitOutcome.INTERRUPTED)]
    assert report(path, records).status is Status.INTACT
    writer, _ = LogWriter.resume(path, VirtualClock())
    for record in (resume(next_index=2), start(2), trial(2), end(2)):
        writer.write(record)
    writer.close()
    verdict = verify_log(path)
    assert verdict.status is Status.INTACT
    # Virtual clocks all begin on the same day: that the calendar went back says nothing.
    assert found(verdict) == []


def test_a_computers_clock_that_was_set_is_worth_knowing_and_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    first: list[Record] = [
        header(n_planned=2, clock="real", simulated=False),
        start(1),
        trial(1),
        end(1, VisitOutcome.INTERRUPTED),
    ]
    report(path, first)
    writer, _ = LogWriter.resume(path, VirtualClock())
    for record in (resume(next_index=2, clock="real"), start(2), trial(2), end(2)):
        writer.write(record)
    writer.close()
    verdict = verify_log(path)
    assert (verdict.status, found(verdict)) == (Status.INTACT, [(5, "clock_set")])


def test_a_trial_that_the_dose_budget_left_out_is_accounted_for(tmp_path: Path) -> None:
    left_out = Deviation(kind="dose_refused", text="this site has had its dose", sequence_index=2)
    other = Deviation(kind="rate", text="too fast", sequence_index=2)
    whole: list[Record] = [header(n_planned=2), start(1), trial(1), left_out, end(1)]
    assert report(tmp_path / "a.jsonl", whole).status is Status.INTACT
    missing: list[Record] = [header(n_planned=2), start(1), trial(1), other, end(1)]
    assert found(report(tmp_path / "b.jsonl", missing)) == [(5, "end_outcome")]


OTHER_TRACE = Trace(sequence_index=1, attempt=1, unit="Cel", t_s=[0.0, 1.0], value=[32.0, 33.0])


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([header(), start(4)], [(2, "unknown_trial")]),
        ([header(), start(0)], [(2, "unknown_trial")]),
        ([header(), trial(1)], [(2, "not_begun")]),
        ([header(), Decision(sequence_index=1, attempt=1, decision="accept")], [(2, "not_begun")]),
        ([header(), start(1, 2, supersedes=1)], [(2, "supersedes")]),
        ([header(), start(1), trial(1), end(2, VisitOutcome.INTERRUPTED)], [(4, "end_count")]),
        ([header(), start(1), trial(1), end(1)], [(4, "end_outcome")]),
        ([header(), end(0, VisitOutcome.FAILED), Note(text="later")], [(3, "after_end")]),
        ([header(simulated=False)], [(1, "simulated")]),
        ([header(), start(1), trial(1, n_samples=3)], [(3, "trace_count")]),
        ([header(), start(1), OTHER_TRACE, trial(1, n_samples=2)], [(4, "trace_hash")]),
        ([header(), start(1), trial(1, trace_sha256="0" * 64)], [(3, "trace_hash")]),
        (
            [header(), start(1), Trace(sequence_index=1, attempt=1, unit="Cel", t_s=[0.0], value=[32.0, 33.0])],
            [(3, "trace_length")],
        ),
        (
            [header(), start(1), Trace(sequence_index=1, attempt=1, unit="Cel", t_s=[1.0, 0.0], value=[32.0, 33.0])],
            [(3, "trace_time")],
        ),
    ],
)
def test_records_that_contradict_each_other(
    tmp_path: Path, records: list[Record], expected: list[tuple[int, str]]
) -> None:
    verdict = report(tmp_path / "a.jsonl", records)
    assert found(verdict) == expected
    assert verdict.status is Status.DAMAGED
    assert all(finding.means for finding in verdict.findings)


def test_a_final_visit_that_goes_on_contradicts_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    report(path, [header(), end(0, VisitOutcome.WITHDRAWN)])
    writer, _ = LogWriter.resume(path, VirtualClock())
    writer.write(resume())
    writer.close()
    assert (3, "after_end") in found(verify_log(path))


def rewritten(path: Path, old: bytes, new: bytes) -> VerifyReport:
    """The verdict on a log whose text was replaced and whose hashes were all made to fit."""
    path.write_bytes(forge(path.read_bytes(), old, new))
    return verify_log(path)


def test_a_sequence_number_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    report(path, [header(), Note(text="a"), Note(text="b")])
    assert found(rewritten(path, b'"seq":2', b'"seq":7')) == [(2, "sequence")]


def test_time_that_runs_backwards(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    report(path, [header(), Note(text="a"), Note(text="b")])
    assert found(rewritten(path, b'"t":1.000000', b'"t":3.000000')) == [(3, "time")]


def test_a_key_that_stands_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    report(path, [header(), Note(text="a")])
    assert found(rewritten(path, b'"text":"a"', b'"text":"a","text":"b"')) == [(2, "repeated_key")]


def test_a_second_header(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    report(path, [header(), Note(text="a")])
    first, second = path.read_bytes().split(b"\n")[:2]
    forged = first + b"\n" + first.replace(b'"seq":1', b'"seq":2') + b"\n" + second.replace(b'"seq":2', b'"seq":3')
    path.write_bytes(forge(forged + b"\n", b"", b""))
    assert found(verify_log(path)) == [(2, "header")]


def test_the_fingerprint_of_traces_is_that_of_their_lines(tmp_path: Path) -> None:
    hasher = TraceHasher()
    assert hasher.hexdigest() == ""
    path = tmp_path / "a.jsonl"
    with LogWriter.create(path, VirtualClock()) as writer:
        writer.write(header())
        writer.write(start(1))
        hasher.add(writer.write(OTHER_TRACE))
        writer.write(State(sequence_index=1, attempt=1, state="ramp"))
        hasher.add(writer.write(OTHER_TRACE))
        writer.write(trial(1, n_samples=4, trace_sha256=hasher.hexdigest()))
    assert found(verify_log(path)) == []
