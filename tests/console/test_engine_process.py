"""The engine's process: what it does with commands, stops, silence and the end of its pipe."""

from pathlib import Path

import pytest

from qst.abort import AbortCause
from qst.console import messages
from qst.console.messages import Asked, Began, Continue, Ended, Entered, Finished, Probe, Probed, Ready, Refused
from qst.record.reader import read_log
from qst.record.records import Note, Stop, VisitOutcome
from qst.record.visit_log import VisitLog
from qst.rigs.job import Manner, ResumeRequest
from qst.rigs.simulated import simulated_station
from qst.visit.operator import Choice, PromptKind
from tests.console.engine import Engine, begun, request

RAMP = "ramp"


def the_log(folder: Path) -> VisitLog:
    (path,) = folder.glob("*.jsonl")
    return read_log(path)


def in_ramp(event: Entered) -> bool:
    return event.state == RAMP


def test_a_whole_visit_over_the_pipes(tmp_path: Path) -> None:
    with begun(tmp_path, own_process=True) as engine:
        ready = engine.wait_for(Ready)
        assert (ready.simulated, ready.participant_id, len(ready.trials)) == (True, "P01", 4)
        finished = engine.wait_for(Finished)
        assert engine.end() == 0
    assert finished.outcome is VisitOutcome.COMPLETED
    assert [score.n_valid for score in finished.summary] == [1, 1, 2]
    assert the_log(tmp_path).verified
    samples = [event for event in engine.seen if isinstance(event, messages.Samples)]
    assert sum(len(event.readings) for event in samples) > 100


def test_the_operators_stop_ends_the_stimulus_and_the_visit_goes_on(tmp_path: Path) -> None:
    with begun(tmp_path) as engine:
        engine.wait_for(Entered, in_ramp)
        engine.send(messages.Stop(cause=AbortCause.OPERATOR_STOP))
        engine.wait_for(messages.StopSeen)
        ended = engine.wait_for(Ended)
        assert (ended.outcome, ended.valid) == ("operator_stop", False)
        asked = engine.wait_for(Asked, lambda event: event.kind is PromptKind.JUDGE)
        assert Choice.ACCEPT not in asked.choices
        engine.answer(asked, Choice.SKIP, reason="stopped in the test")
        assert engine.wait_for(Finished).outcome is VisitOutcome.COMPLETED


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (AbortCause.EMERGENCY_STOP, VisitOutcome.INTERRUPTED),
        (AbortCause.PARTICIPANT_WITHDREW, VisitOutcome.WITHDRAWN),
    ],
)
@pytest.mark.parametrize("state", ["adapt", "ramp", "return", "question"])
def test_stops_that_end_the_visit_work_in_every_state(
    tmp_path: Path, cause: AbortCause, outcome: VisitOutcome, state: str
) -> None:
    with begun(tmp_path) as engine:
        if state == "question":
            engine.wait_for(Asked)
        else:
            engine.wait_for(Entered, lambda event: event.state == state)
        engine.send(messages.Stop(cause=cause))
        assert engine.wait_for(Finished).outcome is outcome
    log = the_log(tmp_path)
    assert log.verified
    assert cause.value in [record.cause for record in log.records if isinstance(record, Stop)]


def test_a_stop_while_the_visit_is_paused_ends_it(tmp_path: Path) -> None:
    with begun(tmp_path) as engine:
        asked = engine.wait_for(Asked)
        engine.send(messages.PausePlease())
        engine.answer(asked)
        engine.wait_for(Asked, lambda event: event.kind is PromptKind.PAUSED)
        engine.send(messages.Stop(cause=AbortCause.EMERGENCY_STOP))
        assert engine.wait_for(Finished).outcome is VisitOutcome.INTERRUPTED


def test_the_end_of_the_pipe_ends_the_visit_safely_and_it_can_go_on(tmp_path: Path) -> None:
    with begun(tmp_path, own_process=True) as engine:
        engine.wait_for(Entered, in_ramp)
        engine.hang_up()
        assert engine.end() == 0
    log = the_log(tmp_path)
    assert log.outcome is VisitOutcome.INTERRUPTED
    assert log.ended
    assert [record.cause for record in log.records if isinstance(record, Stop)] == ["console_lost"]
    (path,) = tmp_path.glob("*.jsonl")
    with Engine(Continue(request=ResumeRequest(log=str(path), manner=Manner(speed="60")))) as engine:
        assert engine.wait_for(Finished).outcome is VisitOutcome.COMPLETED


def test_nobody_looks_on_any_more_ends_the_stimulus_and_the_visit_waits(tmp_path: Path) -> None:
    with begun(tmp_path) as engine:
        engine.wait_for(Entered, in_ramp)
        engine.send(messages.ViewsLost(why="the last page was closed"))
        ended = engine.wait_for(Ended)
        assert ended.outcome == "operator_stop"
        judge = engine.wait_for(Asked, lambda event: event.kind is PromptKind.JUDGE)
        engine.answer(judge, Choice.REPEAT, reason="nobody looked on")
        paused = engine.wait_for(Asked, lambda event: event.kind is PromptKind.PAUSED)
        engine.answer(paused)
        assert engine.wait_for(Began).attempt == 2
        assert engine.wait_for(Finished).outcome is VisitOutcome.COMPLETED
    notes = [record.text for record in the_log(tmp_path).records if isinstance(record, Note)]
    assert "the visit pauses: the last page was closed" in notes


def test_nobody_looks_on_while_a_question_stands_only_pauses(tmp_path: Path) -> None:
    with begun(tmp_path) as engine:
        asked = engine.wait_for(Asked, lambda event: event.kind is PromptKind.PLACE)
        engine.send(messages.ViewsLost(why="the last page was closed"))
        engine.answer(asked)
        engine.wait_for(Asked, lambda event: event.kind is PromptKind.PAUSED)
    assert not [event for event in engine.seen if isinstance(event, Began)]


def test_an_answer_to_an_older_question_means_nothing(tmp_path: Path) -> None:
    with begun(tmp_path) as engine:
        first = engine.wait_for(Asked)
        engine.answer(first)
        engine.answer(first)
        judge = engine.wait_for(Asked, lambda event: event.kind is PromptKind.JUDGE)
        engine.answer(first, Choice.OK)
        engine.answer(judge, Choice.OK)  # no choice of this question
        engine.answer(judge, Choice.ACCEPT)
        engine.wait_for(messages.Judged, lambda event: event.choice is Choice.ACCEPT)


def test_a_key_that_is_stuck_is_noticed_before_a_ramp(tmp_path: Path) -> None:
    station = tmp_path / "keyboard.yaml"
    text = simulated_station("default").text.replace("button: simulated", "button: keyboard")
    station.write_text(text, encoding="utf-8")
    with begun(tmp_path / "data", station=str(station)) as engine:
        # The thermode has a button of its own; the key answers for the gauge.
        gauge = next(card.sequence_index for card in engine.wait_for(Ready).trials if card.modality == "pressure")
        place = engine.wait_for(Asked, lambda event: event.kind is PromptKind.PLACE and event.sequence_index == gauge)
        before = len(engine.seen)
        engine.send(messages.MoveButton(pressed=True))
        engine.answer(place)
        fault = engine.wait_for(Asked, lambda event: event.kind is PromptKind.FAULT)
        assert "button" in fault.text
        assert not [event for event in engine.seen[before:] if isinstance(event, Entered) and event.state == RAMP]
        engine.send(messages.MoveButton(pressed=False))
        engine.answer(fault, Choice.REPEAT, reason="the key was stuck")
        engine.wait_for(Entered, in_ramp)


def test_what_is_wrong_is_said_in_the_words_of_its_error(tmp_path: Path) -> None:
    with begun(tmp_path, protocol="nothing-like-this") as engine:
        refused = engine.wait_for(Refused)
        assert refused.code == "QST-100"
        assert "nothing-like-this" in refused.what
        assert engine.end() == 1
    assert list(tmp_path.iterdir()) == []


def test_a_station_that_is_not_what_the_person_believes_is_refused(tmp_path: Path) -> None:
    wanted = messages.Begin(request=request(tmp_path))
    mistaken = messages.Begin(
        request=type(wanted.request)(
            protocol="demo-quick",
            station="default",
            participant="P01",
            operator="op1",
            data=str(tmp_path),
            simulated=False,
        )
    )
    with Engine(mistaken) as engine:
        assert "this station is simulated, and a real visit was asked for" in engine.wait_for(Refused).what
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_command_counts_as_a_lost_console(tmp_path: Path) -> None:
    with begun(tmp_path) as engine:
        engine.wait_for(Asked)
        engine.commands.write(b"\xff\xff\xff\xffGET / HTTP/1.1")
        assert engine.wait_for(Finished).outcome is VisitOutcome.INTERRUPTED


def test_a_station_is_probed_without_a_visit() -> None:
    with Engine(Probe(station="default"), own_process=True) as engine:
        rows = engine.wait_for(Probed).rows
        assert {row.role: row.status for row in rows} == {"thermode": "ok", "algometer": "ok"}
        assert engine.end() == 0
