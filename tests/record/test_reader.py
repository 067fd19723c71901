"""The reader: what it recovers from a whole log, from one that was cut anywhere, and from one that was changed."""

from pathlib import Path

import pytest

from qst.clock import VirtualClock
from qst.errors import InputError
from qst.record.chain import DamageKind
from qst.record.log import LogWriter
from qst.record.reader import VisitLog, parse_log, read_log
from qst.record.records import (
    AdverseEvent,
    Decision,
    Deviation,
    End,
    Note,
    Record,
    Resume,
    Trace,
    Trial,
    VisitOutcome,
)
from qst.record.verify import Status, verify_log
from tests.record.logs import forge, header, resume, start, trial, write_attempt, write_visit


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_visit(tmp_path_factory.mktemp("log") / "a.jsonl")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_visit(tmp_path_factory.mktemp("log") / "small.jsonl", n_trials=1, samples=3)


def kinds(log: VisitLog) -> list[str]:
    return [damage.kind.value for damage in log.damage]


def write(path: Path, *records: Record) -> VisitLog:
    with LogWriter.create(path, VirtualClock(), sync=False) as writer:
        for record in records:
            writer.write(record)
    return read_log(path)


def test_a_whole_log(data: bytes) -> None:
    log = parse_log(data)
    assert log.header == header()
    assert log.outcome is VisitOutcome.COMPLETED
    assert log.ended
    assert not log.damage
    assert log.torn is None
    assert [(t.sequence_index, t.attempt, t.valid, t.invalid_reason) for t in log.trials] == [
        (1, 1, True, ""),
        (2, 1, False, "slipped"),
        (2, 2, True, ""),
        (3, 1, True, ""),
    ]
    assert [a.superseded for a in log.attempts] == [False, True, False, False]
    assert log.attempts[1].notes == ("talked, “slipped” °",)
    assert log.sessions[0].instruments[1].serial == "T1"


def test_traces_are_read_only_when_asked_for(data: bytes) -> None:
    assert not any(isinstance(record, Trace) for record in parse_log(data).records)
    log = parse_log(data, traces=True)
    (trace,) = log.traces(2, 2)
    assert list(trace.t_s)[:2] == [0.0, 0.02]
    assert len(log.entries) == data.count(b"\n")


@pytest.mark.parametrize("verify", [True, False])
def test_leaving_out_details_changes_no_trial(data: bytes, verify: bool) -> None:
    quick, full = parse_log(data, verify=verify, details=False), parse_log(data)
    assert quick.attempts == full.attempts
    assert quick.sessions == full.sessions
    assert len(quick.entries) < len(full.entries)


def test_an_unreadable_file_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as failed:
        read_log(tmp_path / "none.jsonl")
    assert failed.value.remedy
    with pytest.raises(InputError):
        read_log(tmp_path)


# -- judgements --------------------------------------------------------------------------------------------------------


def test_the_latest_decision_counts(tmp_path: Path) -> None:
    log = write(
        tmp_path / "a.jsonl",
        header(),
        start(1),
        trial(1),
        Decision(sequence_index=1, attempt=1, decision="invalid", reason="talked"),
        Decision(sequence_index=1, attempt=1, decision="accept", reason="it was the operator who talked"),
        start(2),
        trial(2),
        Decision(sequence_index=2, attempt=1, decision="accept"),
        Decision(sequence_index=2, attempt=1, decision="skip", reason="tired"),
    )
    assert [(t.valid, t.invalid_reason) for t in log.trials] == [(True, ""), (False, "tired")]
    assert log.attempts[1].trial is not None
    assert log.attempts[1].trial.valid  # what was recorded stays readable


def test_nobody_can_accept_what_was_never_measured(tmp_path: Path) -> None:
    log = write(
        tmp_path / "a.jsonl",
        header(),
        start(1),
        trial(1, valid=False, invalid_reason="device fault"),
        Decision(sequence_index=1, attempt=1, decision="accept"),
    )
    assert [(t.valid, t.invalid_reason) for t in log.trials] == [(False, "device fault")]


def test_an_attempt_without_a_result_is_an_interrupted_attempt(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", header(), start(1), trial(1), start(2))
    (attempt,) = log.interrupted_attempts
    assert (attempt.sequence_index, attempt.trial, attempt.valid) == (2, None, False)
    assert "interrupted" in attempt.invalid_reason
    assert log.outcome is VisitOutcome.INTERRUPTED
    assert len(log.attempts) == 2


def test_an_attempt_that_is_there_twice_is_damage(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", header(), start(1), start(1), trial(1), trial(1, value_reported=1.0))
    assert kinds(log) == ["duplicated", "duplicated"]
    assert [t.value_reported for t in log.trials] == [37.9]


def test_sessions_have_their_own_operator_and_end(tmp_path: Path) -> None:
    end = End(outcome=VisitOutcome.INTERRUPTED, reason="operator stop", n_trials=1, summary=())
    log = write(tmp_path / "a.jsonl", header(), start(1), trial(1), end)
    assert log.outcome is VisitOutcome.INTERRUPTED
    assert log.ended
    writer, _ = LogWriter.resume(tmp_path / "a.jsonl", VirtualClock())
    writer.write(resume(next_index=2))
    writer.write(start(2))
    writer.write(trial(2))
    writer.close()
    log = read_log(tmp_path / "a.jsonl")
    assert [a.session.operator_id for a in log.attempts] == ["OP1", "OP2"]
    assert [a.session.number for a in log.attempts] == [1, 2]
    assert not log.ended
    assert log.outcome is VisitOutcome.INTERRUPTED


def test_deviations_and_adverse_events(tmp_path: Path) -> None:
    log = write(
        tmp_path / "a.jsonl", header(), Deviation(kind="rest_shortened", text="by 3 s"), AdverseEvent(text="dizzy")
    )
    assert [d.kind for d in log.deviations] == ["rest_shortened"]
    assert [e.text for e in log.adverse_events] == ["dizzy"]


def test_a_note_belongs_to_the_attempt_under_way(tmp_path: Path) -> None:
    log = write(
        tmp_path / "a.jsonl",
        header(),
        Note(text="about nothing"),
        start(1),
        trial(1),
        Note(text="first", sequence_index=1),
        start(1, 2),
        trial(1, 2, supersedes=1),
        Note(text="second", sequence_index=1),
        Note(text="third", sequence_index=1),
    )
    assert [a.notes for a in log.attempts] == [("first",), ("second", "third")]


# -- killed at any moment ----------------------------------------------------------------------------------------------


def test_cut_at_every_byte_every_whole_record_is_recovered(data: bytes) -> None:
    whole = parse_log(data, traces=True).entries
    for size in range(1, len(data)):
        log = parse_log(data[:size], traces=True)
        n_whole = data[: size + 1].count(b"\n")  # a line that lacks only its line feed is whole
        assert log.entries == whole[:n_whole], size
        assert not log.damage, size
        lost = size - data[:size].rfind(b"\n") - 1
        if not lost:
            assert log.torn is None, size
        else:
            assert log.torn is not None, size
            only_the_line_feed = data[size : size + 1] == b"\n"
            assert log.torn.n_bytes == (0 if only_the_line_feed else lost), size
            assert log.torn.offset == size - log.torn.n_bytes, size
            assert log.torn.line == data[:size].count(b"\n") + 1, size
        assert log.outcome is (VisitOutcome.COMPLETED if n_whole == len(whole) else VisitOutcome.INTERRUPTED)


def test_cut_at_every_byte_verification_says_torn_and_never_damaged(small: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    for size in range(1, len(small)):
        path.write_bytes(small[:size])
        report = verify_log(path)
        expected = Status.INTERRUPTED if small[:size].endswith(b"\n") else Status.TORN
        assert report.status is expected, (size, report)


def test_cut_anywhere_it_can_be_resumed(small: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.jsonl"
    first_line = small.index(b"\n")
    whole = parse_log(small).entries
    for size in range(first_line, len(small)):
        path.write_bytes(small[:size])
        writer, log = LogWriter.resume(path, VirtualClock(), sync=False)
        writer.write(resume(torn=log.torn_text))
        writer.write(Note(text="on"))
        writer.close()
        again = read_log(path)
        assert not again.damage, size
        assert again.torn is None, size
        assert again.entries[:-2] == whole[: len(again.entries) - 2], size
        assert len(again.entries) - 2 == len(log.entries), size
        kept = again.records[-2]
        assert isinstance(kept, Resume)
        assert kept.torn.encode("utf-8") == log.torn_bytes or "\\x" in kept.torn


def test_resumed_and_killed_again_anywhere_while_resuming(data: bytes, tmp_path: Path) -> None:
    """The resume record is written over the torn line: whatever part of it arrives, the file reads as torn."""
    cut = data[: data.index(b"\n", len(data) // 2) - 40]
    path = tmp_path / "cut.jsonl"
    path.write_bytes(cut)
    writer, log = LogWriter.resume(path, VirtualClock(), sync=False)
    writer.write(resume(torn=log.torn_text))
    writer.close()
    resumed = path.read_bytes()
    for size in range(log.intact_bytes + 1, len(resumed) - 1):
        killed = parse_log(resumed[:size] + cut[size:])
        assert not killed.damage, size
        assert killed.entries == log.entries, size
        assert killed.torn is not None, size


def test_a_machine_without_power_may_leave_zeros(data: bytes) -> None:
    end = data.index(b"\n", 2000) + 1
    for cut in (end, end + 50):
        log = parse_log(data[:cut] + b"\0" * 100)
        assert not log.damage
        assert log.torn is not None
        assert log.torn.n_bytes == cut - end + 100


# -- damage ------------------------------------------------------------------------------------------------------------


def changed(data: bytes, *lines: bytes) -> VisitLog:
    return parse_log(b"".join(line + b"\n" for line in lines), traces=True)


def test_every_byte_of_an_edited_log_is_watched(data: bytes) -> None:
    whole = [(entry.seq, entry.hash, entry.record) for entry in parse_log(data, traces=True).entries]
    n_lines = data.count(b"\n")
    for at in range(0, len(data) - 1, 3):
        log = parse_log(data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :], traces=True)
        assert log.damage, at
        line = data[: at + 1].count(b"\n") + (data[at : at + 1] != b"\n")
        assert log.damage[0].line == line, at
        assert log.damage[0].kind is DamageKind.EDITED, (at, log.damage)
        assert len(log.entries) >= n_lines - 2, at
        assert all((entry.seq, entry.hash, entry.record) in whole for entry in log.entries), at


def test_one_byte_more_or_less_costs_no_more_than_the_lines_it_is_in(data: bytes) -> None:
    n_lines = data.count(b"\n")
    for at in range(1, len(data) - 2, 5):
        for edited in (data[:at] + b"7" + data[at:], data[:at] + b"\n" + data[at:], data[:at] + data[at + 1 :]):
            if edited != data:
                log = parse_log(edited)
                assert log.damage, at
                assert sum(damage.n_lines for damage in log.damage) <= 2, (at, log.damage)
                assert log.last_seq == n_lines or at > len(data) - 700, at


def test_an_edited_last_line_without_line_feed_is_not_torn(data: bytes) -> None:
    for bad in (data[:-1] + b"x", data[:-30] + b"0" * 10 + data[-20:-1]):
        log = parse_log(bad)
        assert kinds(log) == ["edited"]
        assert log.torn is None


def test_something_else_at_the_end_is_not_torn(data: bytes) -> None:
    assert kinds(parse_log(data + b"hello")) == ["foreign"]


def test_removed_lines(data: bytes) -> None:
    lines = data.split(b"\n")[:-1]
    log = changed(data, *lines[:10], *lines[13:])
    (damage,) = log.damage
    assert damage.kind is DamageKind.MISSING
    assert (damage.line, damage.seq, damage.n_lines) == (11, 14, len(lines) - 13)
    assert "3 lines are missing" in damage.what
    assert len(log.entries) == 10


def test_a_removed_beginning(data: bytes) -> None:
    log = changed(data, *data.split(b"\n")[1:-1])
    assert kinds(log) == ["missing"]
    assert log.header is None
    assert log.entries == ()


def test_a_duplicated_line_counts_once(data: bytes) -> None:
    lines = data.split(b"\n")[:-1]
    log = changed(data, *lines[:10], lines[9], *lines[10:])
    (damage,) = log.damage
    assert (damage.kind, damage.line, damage.seq) == (DamageKind.DUPLICATED, 11, 10)
    assert log.attempts == parse_log(data).attempts


def test_swapped_lines_are_read_in_their_own_order(data: bytes) -> None:
    lines = data.split(b"\n")[:-1]
    log = changed(data, *lines[:10], lines[11], lines[10], *lines[12:])
    (damage,) = log.damage
    assert (damage.kind, damage.line, damage.seq) == (DamageKind.OUT_OF_ORDER, 12, 11)
    assert [entry.seq for entry in log.entries] == list(range(1, len(lines) + 1))


def test_a_foreign_line(data: bytes) -> None:
    lines = data.split(b"\n")[:-1]
    for foreign in (b"", b"hello", b'{"a":1}', b"\xff\xfe"):
        log = changed(data, *lines[:10], foreign, *lines[10:])
        assert kinds(log) == ["foreign"]
        assert log.attempts == parse_log(data).attempts


def test_two_logs_in_one_file(data: bytes, tmp_path: Path) -> None:
    other = write_visit(tmp_path / "b.jsonl", participant_id="P02")
    log = parse_log(data + other)
    assert kinds(log) == ["other_log"]
    assert log.damage[0].n_lines == other.count(b"\n")
    assert log.attempts == parse_log(data).attempts
    assert kinds(parse_log(data + other, verify=False)) == ["other_log"]


def test_a_line_of_another_log(data: bytes, tmp_path: Path) -> None:
    other = write_visit(tmp_path / "b.jsonl", participant_id="P02").split(b"\n")
    lines = data.split(b"\n")[:-1]
    log = changed(data, *lines[:10], other[10], *lines[11:])
    assert kinds(log) == ["other_log", "missing"]
    assert len(log.entries) == 10


def test_two_continuations_of_one_log(data: bytes, tmp_path: Path) -> None:
    cut = data[: data.index(b"\n", 3000) + 1]
    parts = []
    for name in ("a", "b"):
        path = tmp_path / name
        path.write_bytes(cut)
        writer, _ = LogWriter.resume(path, VirtualClock(), sync=False)
        writer.write(resume())
        writer.write(Note(text=name))
        writer.close()
        parts.append(path.read_bytes()[len(cut) :])
    log = parse_log(cut + parts[0] + parts[1])
    # Both wrote the same resume record, and different notes after it.
    assert kinds(log) == ["duplicated", "other_log"]
    assert [r.text for r in log.records if isinstance(r, Note)][-1] == "a"


def test_a_text_mode_copy(data: bytes) -> None:
    log = parse_log(data.replace(b"\n", b"\r\n"))
    assert kinds(log) == ["line_endings"]
    assert log.attempts == parse_log(data).attempts


def test_a_newer_schema_is_named_and_not_interpreted(tmp_path: Path) -> None:
    write_visit(tmp_path / "a.jsonl", schema_version=2)
    for verify in (True, False):
        log = read_log(tmp_path / "a.jsonl", verify=verify)
        (damage,) = log.damage
        assert damage.kind is DamageKind.NEWER_SCHEMA
        assert "schema version 2" in damage.what
        assert log.attempts == ()


@pytest.mark.parametrize(
    "text",
    [b"hello", b"hello\n", b"a,b\r\n1,2\r\n", b'{"type": "Feature"}\n', b"\x89PNG\r\n\x1a\n", b"[]", b"\n\n", b"\0\n"],
)
def test_other_files_are_no_logs(text: bytes) -> None:
    for verify in (True, False):
        log = parse_log(text, verify=verify)
        assert kinds(log) == ["not_a_log"]
        assert log.header is None
        assert log.outcome is VisitOutcome.INTERRUPTED


def test_an_empty_file() -> None:
    assert kinds(parse_log(b"")) == ["empty"]


def test_an_unknown_record_is_named(tmp_path: Path) -> None:
    """A line that verifies and is no record: the chain is whole, the content is not ours."""
    path = tmp_path / "a.jsonl"
    write(path, header(), start(1), trial(1))
    forged = forge(path.read_bytes(), b'"type":"trial"', b'"type":"riddle"')
    log = parse_log(forged)
    assert kinds(log) == ["invalid"]
    assert log.damage[0].line == 3


def test_a_destroyed_header_leaves_the_rest_readable(data: bytes) -> None:
    log = parse_log(data.replace(b'"participant_id":"P01"', b'"participant_id":"P09"', 1))
    assert kinds(log) == ["edited"]
    assert log.header is None
    assert len(log.attempts) == 4
    assert log.sessions[0].operator_id == ""


def test_an_attempt_from_the_engine_shape(tmp_path: Path) -> None:
    clock = VirtualClock()
    with LogWriter.create(tmp_path / "a.jsonl", clock, sync=False) as writer:
        writer.write(header())
        clock.sleep(2.0)
        write_attempt(writer, clock, 1, samples=400)
    log = read_log(tmp_path / "a.jsonl", traces=True)
    (attempt,) = log.attempts
    assert attempt.t_s == 2.0
    assert attempt.utc == "2000-01-01T09:00:02.000Z"
    assert len(log.traces(1, 1)) == 3
    assert isinstance(attempt.trial, Trial)
