"""What the server keeps of a visit, and the body map that it draws of it."""

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from qst.abort import AbortCause
from qst.console import messages
from qst.console.messages import Alarmed, Began, Ended, Entered, Event, Finished, Judged, Next, Ready, Refused, Samples
from qst.console.pages.parts.bodymap import LEGEND, body_map, points
from qst.console.pages.parts.now import instruction
from qst.console.picture import operator_picture, participant_picture
from qst.console.session_state import MOST_READINGS, MOST_REMARKS, Mark, Phase, VisitState
from qst.record.records import VisitOutcome
from qst.sites import TENDER_POINTS
from qst.visit.operator import Choice, PromptKind
from tests.console.one_page import asked, card, ready

SVG = "{http://www.w3.org/2000/svg}"


def visit(*events: Event) -> VisitState:
    state = VisitState()
    for event in (ready(), *events):
        state.apply(event)
    return state


def ended(index: int, outcome: str = "response", *, valid: bool = True) -> Ended:
    return Ended(
        sequence_index=index, attempt=1, outcome=outcome, censoring="none", valid=valid, invalid_reason="", text="3.1 kg/cm²",
        value=3.1, response=304.0, rate_achieved=98.0, rate_flag="",
    )  # fmt: skip


def marks(state: VisitState) -> list[Mark]:
    assert state.ready is not None
    return [state.mark(one) for one in state.ready.trials]


def test_a_visit_begins_open_and_ends_with_nothing_on_the_skin() -> None:
    state = VisitState()
    assert (state.phase, state.log, state.simulated, state.n_trials) == (Phase.STARTING, None, None, 0)
    state.apply(ready())
    assert (state.phase, state.simulated, state.n_trials) == (Phase.RUNNING, True, 3)
    state.apply(Began(sequence_index=1, attempt=1))
    state.apply(Entered(state="ramp", time_s=3.0))
    assert state.stimulus_may_run
    state.apply(Finished(outcome=VisitOutcome.COMPLETED, reason="", summary=(), log="x"))
    assert (state.phase, state.stimulus_may_run, state.current, state.prompt) == (Phase.ENDED, False, None, None)


def test_a_refusal_ends_it_too() -> None:
    state = VisitState()
    state.apply(Refused(code="QST-100", what="no such protocol"))
    assert state.phase is Phase.ENDED
    assert state.refused is not None


@pytest.mark.parametrize(
    ("events", "mark"),
    [
        ((), Mark.OPEN),
        ((Next(sequence_index=2),), Mark.CURRENT),
        ((ended(2),), Mark.DONE),
        ((ended(2, "cutoff"),), Mark.CENSORED),
        ((ended(2, "pain_at_baseline"),), Mark.CENSORED),
        ((ended(2, valid=False),), Mark.INVALID),
        ((ended(2), Judged(sequence_index=2, attempt=1, choice=Choice.SKIP, reason="talked")), Mark.INVALID),
        ((ended(2, valid=False), ended(2)), Mark.DONE),
    ],
)
def test_what_became_of_a_trial(events: tuple[Event, ...], mark: Mark) -> None:
    assert marks(visit(*events))[1] is mark


def test_trials_before_a_resume_are_what_became_of_them() -> None:
    state = VisitState()
    state.apply(ready(n_done=2, earlier=((1, "censored"), (2, "invalid"))))
    assert marks(state) == [Mark.CENSORED, Mark.INVALID, Mark.OPEN]
    assert state.left_s == 60.0
    state.apply(ended(2))
    assert marks(state) == [Mark.CENSORED, Mark.DONE, Mark.OPEN]


def test_a_question_takes_the_rest_away_and_stands_until_it_is_withdrawn() -> None:
    state = visit(messages.Resting(left_s=5.0), asked(PromptKind.PLACE, Choice.OK, index=2))
    assert (state.rest_left_s, state.current) == (0.0, card(2))
    state.apply(messages.Withdrawn(prompt_id="another"))
    assert state.prompt is not None
    state.apply(messages.Withdrawn(prompt_id="q-place"))
    assert state.prompt is None


def test_each_question_wants_its_own_side_and_its_own_tick() -> None:
    state = visit(asked(PromptKind.PLACE, Choice.OK))
    state.side_confirmed = state.read_aloud = state.answering = True
    state.apply(asked(PromptKind.PLACE, Choice.OK, index=2, prompt_id="q2"))
    assert not (state.side_confirmed)
    assert not (state.read_aloud)
    assert not (state.answering)


def test_the_trace_begins_anew_with_each_attempt_and_each_ramp() -> None:
    state = visit(Began(sequence_index=1, attempt=2), Samples(readings=[(0.0, 1.0)]))
    assert (state.attempt, len(state.readings)) == (2, 1)
    state.apply(Entered(state="ramp", time_s=1.0))
    assert len(state.readings) == 0
    state.apply(Samples(readings=[(float(count), 1.0) for count in range(MOST_READINGS + 10)]))
    assert len(state.readings) == MOST_READINGS
    state.apply(Next(sequence_index=2))
    assert len(state.readings) == 0


def test_an_alarm_a_release_and_a_stop_belong_to_their_trial() -> None:
    state = visit(
        Began(sequence_index=1, attempt=1), Alarmed(text="LET GO", urgent=True), messages.ReleaseNow(),
        messages.Pacing(elapsed_s=1.0, expected="2.2 lbf"), messages.StopSeen(cause=AbortCause.OPERATOR_STOP),
    )  # fmt: skip
    assert (state.alarm is not None, state.release, state.stop_seen) == (True, True, "operator_stop")
    state.apply(Next(sequence_index=2))
    assert (state.alarm, state.release, state.stop_seen, state.pacing) == (None, False, "", None)


@pytest.mark.parametrize("lasting", [False, True])
def test_an_alarm_about_a_hand_ends_with_the_attempt_and_a_lasting_one_stands_at_its_judgement(lasting: bool) -> None:
    state = visit(Began(sequence_index=1, attempt=1), Alarmed(text="LET GO", urgent=True, lasting=lasting), ended(1))
    state.apply(asked(PromptKind.JUDGE, Choice.ACCEPT))
    assert (state.alarm is not None) is lasting


def test_a_hand_that_must_let_go_comes_before_the_fault_that_is_still_there_afterwards() -> None:
    state = visit(
        Began(sequence_index=1, attempt=1), Alarmed(text="FAULT: stale", urgent=True, lasting=True),
        Alarmed(text="LET GO", urgent=True),
    )  # fmt: skip
    seen = [state.alarm]
    state.apply(ended(1, "device_fault", valid=False))
    seen.append(state.alarm)
    state.apply(Next(sequence_index=2))
    assert [alarm and alarm.text for alarm in (*seen, state.alarm)] == ["LET GO", "FAULT: stale", None]


def test_a_pause_is_asked_for_until_it_begins() -> None:
    state = visit()
    state.pause_asked = True
    state.apply(asked(PromptKind.JUDGE, Choice.ACCEPT))
    assert state.pause_asked
    state.apply(asked(PromptKind.PAUSED, Choice.OK, index=None))
    assert not state.pause_asked


def test_a_pause_is_begun_whatever_is_to_be_placed() -> None:
    state = visit(asked(PromptKind.PLACE, Choice.OK))
    state.pause_asked = True
    assert instruction(state) == "Place the gauge, then say where it is."


def test_only_the_newest_remarks_are_kept() -> None:
    state = visit(*(messages.Remarked(text=str(count)) for count in range(20)))
    assert list(state.remarks) == [str(count) for count in range(20 - MOST_REMARKS, 20)]


def test_there_is_one_sentence_for_every_question_and_state() -> None:
    for kind in PromptKind:
        assert len(instruction(visit(asked(kind, Choice.OK)))) > 10
    for modality, state in (("heat", "adapt"), ("cold", "ramp"), ("pressure", "ramp"), ("pressure", "return")):
        running = VisitState()
        for event in (
            ready(card(1, modality=modality)),
            Began(sequence_index=1, attempt=1),
            Entered(state=state, time_s=0.0),
        ):
            running.apply(event)
        assert instruction(running) not in ("", "Wait a moment.")


# -- the body map -------------------------------------------------------------------------------------------------


def tender_points(**changes: object) -> Ready:
    codes = [(code, side) for code in TENDER_POINTS for side in "RL"]
    cards = [card(index, site_code=code, side=side, **changes) for index, (code, side) in enumerate(codes, start=1)]
    return ready(*cards)


def drawing(state: VisitState) -> ET.Element:
    assert state.ready is not None
    svg = body_map(points(state.ready.trials, marks(state)))
    return ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))  # noqa: S314 - our own drawing


def signs(svg: ET.Element) -> list[tuple[str, str]]:
    """Class and text of each marker."""
    return [(group[0].get("class", ""), group[1].text or "") for group in svg.findall(f"{SVG}g")]


def test_the_map_has_every_tender_point_with_its_side() -> None:
    state = VisitState()
    state.apply(tender_points())
    found = signs(drawing(state))
    assert len(found) == 18
    assert sorted(sign for _, sign in found) == ["L"] * 9 + ["R"] * 9
    assert [kind for kind, _ in found].count("next") == 1
    assert "left trapezius: to do" in drawing(state).get("aria-label", "")
    assert drawing(state).get("aria-label", "").count(": next") == 1


def test_states_differ_by_shape_and_sign_never_by_colour_alone() -> None:
    state = VisitState()
    for event in (
        tender_points(), ended(1), ended(2, "cutoff"), ended(3, valid=False), Next(sequence_index=4),
    ):  # fmt: skip
        state.apply(event)
    svg = drawing(state)
    found = dict(signs(svg))
    assert (found["done"], found["censored"], found["invalid"]) == ("✓", ">", "✕")
    shapes = {group[0].get("class"): group[0].tag.removeprefix(SVG) for group in svg.findall(f"{SVG}g")}
    assert (shapes["current"], shapes["invalid"], shapes["done"]) == ("path", "rect", "circle")
    assert (shapes["next"], shapes["open"]) == ("path", "circle")
    said = svg.get("aria-label", "")
    assert [len(re.findall(f": {word}(;|$)", said)) for word in ("now", "next", "to do")] == [1, 1, 13]
    for word in ("now", "next", "to do", "done", "cut-off reached", "no valid value"):
        assert word in LEGEND
        assert f": {word}" in said


def test_no_sign_covers_the_letter_of_another() -> None:
    for index in range(1, 19):
        state = VisitState()
        for event in (tender_points(), Next(sequence_index=index)):
            state.apply(event)
        groups = drawing(state).findall(f"{SVG}g")
        letters = [(float(group[1].get("x", "")), float(group[1].get("y", ""))) for group in groups]
        for group in groups:
            if group[0].tag != f"{SVG}path":
                continue
            corners = [tuple(map(float, corner.split())) for corner in group[0].get("d", "")[1:-1].split("L")]
            (x, top), (right, y) = corners[:2]
            half = right - x
            assert half == pytest.approx(y - top, abs=0.11)
            near = [abs(at_x - x) + abs(at_y - 3 - y) for at_x, at_y in letters]
            assert sorted(near)[1] > half + 3, (index, group[0].get("class"))


def test_right_is_on_the_left_of_the_front_and_on_the_right_of_the_back() -> None:
    state = VisitState()
    state.apply(ready(*(card(n, site_code=code, side=side) for n, (code, side) in enumerate(
        [("KNE", "R"), ("KNE", "L"), ("GLU", "R"), ("GLU", "L")], start=1))))  # fmt: skip
    knee_r, knee_l, back_r, back_l = (float(group[1].get("x", "")) for group in drawing(state).findall(f"{SVG}g"))
    assert knee_r < 75 < knee_l < 150 < back_l < 225 < back_r


def test_a_point_with_several_trials_shows_the_one_that_matters() -> None:
    state = VisitState()
    thenar = [card(n, site_code="thenar", side="R", modality="heat") for n in (1, 2, 3)]
    for event in (ready(*thenar), ended(1), Next(sequence_index=2)):
        state.apply(event)
    svg = drawing(state)
    assert [kind for kind, _ in signs(svg)] == ["current"]
    assert "PALMS" in ET.tostring(svg, encoding="unicode")


def test_names_on_the_map_cannot_become_markup() -> None:
    state = VisitState()
    state.apply(ready(card(1, site_name='<script>"&')))
    svg = drawing(state)
    assert svg.findall(f".//{SVG}script") == []
    assert '<script>"&' in svg.get("aria-label", "")


class Watched:
    """A hub as far as a picture needs one."""

    unwatched = ""

    def __init__(self, state: VisitState | None) -> None:
        self.visit = state
        self.phase = Phase.START if state is None else state.phase


def picture(*events: Event) -> dict[str, Any]:
    return operator_picture(Watched(visit(*events)))  # type: ignore[arg-type]  # see there


def test_a_response_is_shown_with_its_own_attempt_and_with_no_other() -> None:
    judged = (Began(sequence_index=1, attempt=1), ended(1), asked(PromptKind.JUDGE, Choice.ACCEPT))
    assert picture(*judged)["response"] == 304.0
    resting = (*judged, messages.Withdrawn(prompt_id="q-judge"), messages.Resting(left_s=4.0))
    assert picture(*resting)["response"] == 304.0
    assert picture(*resting, Next(sequence_index=2))["response"] is None
    assert picture(*judged, asked(PromptKind.PLACE, Choice.OK, index=2))["response"] is None
    assert picture(*judged, asked(PromptKind.PLACE, Choice.OK, attempt=2))["response"] is None
    assert picture(*judged, Began(sequence_index=1, attempt=2))["response"] is None


def test_a_value_is_live_while_it_is_measured_on_the_skin() -> None:
    began = Began(sequence_index=1, attempt=1)
    live = {
        state: picture(began, Entered(state=state, time_s=1.0))["live"]
        for state in ("adapt", "settle", "ready", "ramp", "return", "done")
    }
    assert [state for state, shown in live.items() if shown] == ["adapt", "settle", "ramp", "return"]
    assert not picture(began, Entered(state="return", time_s=1.0), ended(1))["live"]  # judged


def test_the_participants_picture_has_no_number() -> None:
    ramp = visit(Began(sequence_index=1, attempt=1), Entered(state="ramp", time_s=1.0), Samples(readings=[(0.0, 33.1)]))
    over = visit(Finished(outcome=VisitOutcome.COMPLETED, reason="", summary=(), log="x"))
    scenes = {}
    for name, state in (
        ("none", None), ("ramp", ramp), ("over", over), ("rest", visit(messages.Resting(left_s=4.0))),
        ("paused", visit(asked(PromptKind.PAUSED, Choice.OK, index=None))), ("judged", visit(ended(1))),
    ):  # fmt: skip
        shown = participant_picture(Watched(state))  # type: ignore[arg-type]  # see there
        assert set(shown) <= {"scene", "modality"}
        assert not re.search(r"[0-9]", str(shown))
        scenes[name] = shown["scene"]
    assert scenes == {
        "none": "welcome", "ramp": "attend", "over": "over", "rest": "rest", "paused": "pause", "judged": "ready",
    }  # fmt: skip
