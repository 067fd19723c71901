"""Logs whose hashes fit and whose records contradict each other give no rows, on the quick way as on the thorough one."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

import qst
from qst.analysis.log_rows import rows_of
from qst.analysis.quick_rows import rows_of_bytes
from qst.clock import VirtualClock
from qst.record.agreement import agree, contradictions
from qst.record.log import LogWriter
from qst.record.one_pass import read_once
from qst.record.reader import parse_log
from qst.record.records import Decision, Deviation, End, Header, Note, Record, Trial, TrialStart, VisitOutcome
from tests.record.logs import header, start, trial

COMPLETED = End(outcome=VisitOutcome.COMPLETED, reason="", n_trials=4, summary=())
REFUSED = Deviation(kind="dose_refused", text="this site has had its dose", sequence_index=4)


def accept(index: int, attempt: int = 1) -> Decision:
    return Decision(sequence_index=index, attempt=attempt, decision="accept")


#: A whole visit: an attempt that was replaced, and a trial that was left out for a reason.
WHOLE: tuple[Record, ...] = (
    header(n_planned=4),
    *(start(1), trial(1), accept(1)),
    *(start(2), trial(2), Note(text="slipped", sequence_index=2)),
    Decision(sequence_index=2, attempt=1, decision="invalid", reason="slipped"),
    *(start(2, 2, supersedes=1), trial(2, 2, supersedes=1), accept(2, 2)),
    *(start(3), trial(3), accept(3)),
    *(REFUSED, COMPLETED),
)


def written(path: Path, records: Sequence[Record]) -> bytes:
    path.unlink(missing_ok=True)
    with LogWriter.create(path, VirtualClock(), sync=False) as writer:
        for record in records:
            writer.write(record)
    return path.read_bytes()


def swapped(old: Record, new: Record) -> list[Record]:
    return [new if record is old else record for record in WHOLE]


def changed(place: int, **fields: object) -> list[Record]:
    return swapped(WHOLE[place], msgspec.structs.replace(WHOLE[place], **fields))


def test_a_whole_visit_goes_the_quick_way(tmp_path: Path) -> None:
    lines = read_once(written(tmp_path / "a.jsonl", WHOLE), verify=True)
    assert lines is not None
    assert agree(lines)
    data = qst.read(tmp_path)
    assert (data.left_out, len(data.trials)) == ((), 4)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (swapped(COMPLETED, msgspec.structs.replace(COMPLETED, n_trials=3)), "line 16: the end record counts 3"),
        ([record for record in WHOLE if record is not REFUSED], "trials 4 never began"),
        (changed(0, n_planned=2), "trial 3 of 2 is not in the plan; and 2 more finding(s)"),
        (
            [*WHOLE[:-1], start(0), trial(0), accept(0), msgspec.structs.replace(COMPLETED, n_trials=5)],
            "line 16: trial 0 of 4 is not in the plan",
        ),
        (changed(0, simulated=False), "line 1: a visit on the virtual clock"),
        (changed(8, supersedes=5), "line 9: attempt 2 at trial 2 supersedes attempt 5, which never began"),
        (changed(9, supersedes=5), "line 10: attempt 2 at trial 2 supersedes attempt 5, which never began"),
        ([*WHOLE[:1], WHOLE[3], *WHOLE[1:3], *WHOLE[4:]], "line 2: attempt 1 at trial 1 has a decision and never"),
        ([*WHOLE[:1], WHOLE[2], WHOLE[1], *WHOLE[3:]], "line 2: attempt 1 at trial 1 has a result and never"),
        (changed(13, attempt=3), "line 14: attempt 3 at trial 3 has a decision and never began"),
        ([*WHOLE[:-3], COMPLETED, *WHOLE[-3:-1]], "trials 4 never began"),
    ],
)
def test_a_log_that_contradicts_itself_gives_no_rows(tmp_path: Path, records: list[Record], words: str) -> None:
    path = tmp_path / "a.jsonl"
    written(path, records)
    data = qst.read(path, simulated="both")
    (left_out,) = data.left_out
    assert (left_out.reason, left_out.n_rows_kept, len(data.trials)) == ("contradiction", 0, 0)
    assert words in left_out.text
    assert qst.read(path, simulated="both", verify=False).left_out == ()


def variations() -> Iterator[list[Record]]:
    """The whole visit with one record less, twice, at another place, or about another trial or attempt."""
    body = range(1, len(WHOLE))
    for at in body:
        yield [*WHOLE[:at], *WHOLE[at + 1 :]]
        yield [*WHOLE[:at], WHOLE[at], *WHOLE[at:]]
        record = WHOLE[at]
        if isinstance(record, Trial | TrialStart | Decision):
            for index, attempt in itertools.product((0, 1, 2, 4, 5), (1, 2)):
                yield changed(at, sequence_index=index, attempt=attempt)
        if isinstance(record, Trial | TrialStart):
            yield from (changed(at, supersedes=number) for number in (1, 2, None))
        if isinstance(record, Deviation):
            yield from (changed(at, sequence_index=index) for index in (None, 0, 3, 5))
    for one, other in itertools.permutations(body, 2):
        rest = [*WHOLE[:one], *WHOLE[one + 1 :]]
        yield [*rest[:other], WHOLE[one], *rest[other:]]
    for fields in ({"clock": "real"}, {"clock": "real", "simulated": False}, {"simulated": False}, {"n_planned": 5}):
        head = msgspec.structs.replace(header(n_planned=4), **fields)
        assert isinstance(head, Header)
        yield [head, *WHOLE[1:]]


def test_the_quick_way_comes_to_what_the_rules_say(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    doubtful = quick = 0
    for records in variations():
        data = written(path, records)
        log = parse_log(data, verify=True, details=False)
        found = rows_of_bytes("a.jsonl", data, verify=True)
        assert found == rows_of("a.jsonl", log), records
        if not log.damage:
            assert (found.reason == "contradiction") is any(True for _ in contradictions(log)), records
            doubtful += found.reason == "contradiction"
            quick += found.facts is not None
    assert doubtful > 100
    assert quick > 50
