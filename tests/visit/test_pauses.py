"""Pauses: they begin at once wherever nothing runs, nothing is lost by one, and nothing runs during one."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qst.record import records
from qst.record.records import VisitOutcome
from qst.visit.operator import Answered, Choice, OperatorCommand, PauseAsked, PromptKind, Remark
from tests.visit.fakes import Visit
from tests.visit.plans import planned

QUESTIONS = [kind for kind in PromptKind if kind is not PromptKind.PAUSED]
INSTRUCTION = "It gets warmer."


def pausing(visit: Visit, *at_s: float) -> None:
    """Somebody presses ``p`` at these times."""
    left = sorted(at_s)

    def script(now_s: float) -> Sequence[OperatorCommand]:
        due = [PauseAsked() for time_s in left if time_s <= now_s]
        del left[: len(due)]
        return due

    visit.operator.script = script


def when(visit: Visit, moment: Callable[[], bool], *said: OperatorCommand) -> None:
    """Somebody says this once, when its moment has come."""
    left = [said]
    visit.operator.script = lambda _: left.pop() if left and moment() else ()


def asked(visit: Visit) -> list[str]:
    return [prompt.kind.value for prompt in visit.operator.prompts]


def pauses(visit: Visit) -> list[bool]:
    return [record.paused for record in visit.log.of(records.Pause) if isinstance(record, records.Pause)]


@pytest.mark.parametrize("kind", QUESTIONS)
def test_a_pause_asked_for_at_a_question_begins_at_once_and_the_question_is_asked_anew(kind: PromptKind) -> None:
    visit = Visit()
    pausing(visit, 0.35)
    answer = visit.desk.ask(kind, "The text.", (Choice.OK, Choice.SKIP))
    assert answer == Answered(prompt_id="q3", choice=Choice.OK, text="1.0" if kind is PromptKind.ENTER_VALUE else "")
    first, pause, again = visit.operator.prompts
    assert (first.kind, pause.kind, again.kind) == (kind, PromptKind.PAUSED, kind)
    assert (again.text, again.choices) == (first.text, first.choices)
    assert pauses(visit) == [True, False]
    began_s = next(at for at, line in enumerate(visit.journal) if line == "log Pause")
    assert "log Answer" not in visit.journal[:began_s]
    assert visit.clock.monotonic() == pytest.approx(0.4 + 1.0 + 1.0, abs=0.25)  # the pause and its question, 1 s each
    assert visit.desk.doing == "visit"


def test_a_pause_asked_for_while_paused_is_no_second_one() -> None:
    visit = Visit(planned())
    pausing(visit, 0.35, 0.6, 0.9)
    visit.button.presses_s = [25.0]
    assert visit.run().outcome is VisitOutcome.COMPLETED
    assert pauses(visit) == [True, False]
    assert visit.operator.seen.count(Remark("     the visit is paused already")) == 2


def test_a_pause_asked_for_in_one_breath_with_going_on_is_another_pause() -> None:
    visit = Visit(planned())
    said: list[Sequence[OperatorCommand]] = [
        (Answered(prompt_id="q2", choice=Choice.OK), PauseAsked()),
        (PauseAsked(),),
    ]
    visit.operator.script = lambda now_s: said.pop() if said and now_s > (0.3 if len(said) == 2 else 0.7) else ()
    visit.button.presses_s = [25.0]
    visit.run()
    assert pauses(visit) == [True, False, True, False]


def test_a_pause_together_with_the_answer_to_the_placement_begins_no_attempt() -> None:
    visit = Visit(planned(instruction=INSTRUCTION))
    when(visit, lambda: visit.desk.doing == "place", Answered(prompt_id="q1", choice=Choice.OK), PauseAsked())
    visit.button.presses_s = [25.0]
    visit.run()
    assert asked(visit) == ["place", "paused", "place", "judge"]
    assert len(visit.trials()) == 1
    assert "log TrialStart" not in visit.journal[: visit.journal.index("log Pause")]


@pytest.mark.parametrize("at_s", [0.5, 1.0])
def test_what_is_to_be_read_aloud_is_not_lost_by_a_pause_at_the_placement(at_s: float) -> None:
    second = planned(sequence_index=2, step_id="heat-2", instruction=INSTRUCTION)
    visit = Visit(planned(instruction=INSTRUCTION), second)
    pausing(visit, at_s)
    visit.button.presses_s = [25.0, 60.0]
    visit.run()
    aloud = [INSTRUCTION in prompt.text for prompt in visit.operator.prompts if prompt.kind is PromptKind.PLACE]
    assert aloud == [True, True, False], "until it was read, and then no more"


def test_a_pause_asked_for_during_a_ramp_waits_for_the_judgement_and_a_second_press_does_not() -> None:
    def visit() -> Visit:
        made = Visit(planned(), planned(sequence_index=2, step_id="heat-2"))
        made.button.presses_s = [20.0, 60.0]
        return made

    once, twice = visit(), visit()
    pausing(once, 15.0)
    pausing(twice, 15.0, 20.6)
    for one in (once, twice):
        assert one.run().outcome is VisitOutcome.COMPLETED
        assert pauses(one) == [True, False]
    assert asked(once)[:4] == ["place", "judge", "paused", "place"]
    assert asked(twice)[:5] == ["place", "judge", "paused", "judge", "place"]


def test_ending_the_visit_at_a_pause_finds_it_paused() -> None:
    visit = Visit(planned())
    pausing(visit, 0.35)
    visit.operator.answers["paused"] = Answered(prompt_id="q2", choice=Choice.END)
    assert visit.run().outcome is VisitOutcome.INTERRUPTED
    assert [stop.state for stop in visit.log.of(records.Stop) if isinstance(stop, records.Stop)] == ["paused"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.0, 80.0), max_size=8))
def test_whenever_pauses_are_asked_for(at_s: list[float]) -> None:
    """Every pause ends, none is inside another one, nothing is begun in one, and every trial comes to a result."""
    visit = Visit(planned(), planned(sequence_index=2, step_id="heat-2", rest_before_s=10.0))
    pausing(visit, *at_s)
    visit.button.presses_s = [25.0, 60.0, 95.0, 130.0]
    assert visit.run().outcome is VisitOutcome.COMPLETED
    assert pauses(visit) == [True, False] * (len(pauses(visit)) // 2)
    paused = False
    for record in visit.log.records:
        if isinstance(record, records.Pause):
            paused = record.paused
        assert not (paused and isinstance(record, records.TrialStart | records.State))
    answered = [record.prompt for record in visit.log.of(records.Answer) if isinstance(record, records.Answer)]
    assert len(answered) == len(set(answered)), "no question is answered twice"
    assert {trial.sequence_index for trial in visit.trials() if trial.valid} == {1, 2}
