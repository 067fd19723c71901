"""Every control in every state: there, enabled, and doing what it says; and the same choices as at a terminal."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from qst.abort import AbortSwitch
from qst.cli.keys import ESCAPE
from qst.cli.terminal import BACKSPACE, ENTER, STOP_KEYS, WORD, Keyboard, TerminalOperator
from qst.console import messages
from qst.console.hub import NOT_READ_ALOUD, READ_ALOUD
from qst.console.messages import Answer, Began, Ended, Entered, Finished, Resting
from qst.console.operator import NEED_REASON
from qst.console.session_state import Phase
from qst.record.records import VisitOutcome
from qst.response_button import LETTERS, NAMED_KEYS
from qst.visit.operator import (
    Answered,
    Choice,
    NoteTaken,
    OperatorCommand,
    OperatorPrompt,
    PauseAsked,
    PromptKind,
    RestSkipped,
)
from tests.console.one_page import OnePage, asked, card, documented, one_page, ready

JUDGEMENTS = (Choice.REPEAT, Choice.SKIP, Choice.END)
ACCEPTABLE = (Choice.ACCEPT, *JUDGEMENTS)
#: What the engine asks, and how it lets it be answered.
ASKED = {
    PromptKind.SET_UP: (Choice.OK, Choice.END),
    PromptKind.PLACE: (Choice.OK,),
    PromptKind.JUDGE: ACCEPTABLE,
    PromptKind.ENTER_VALUE: (Choice.OK, Choice.SKIP),
    PromptKind.UNFINISHED: (Choice.REPEAT, Choice.SKIP),
    PromptKind.PAUSED: (Choice.OK, Choice.END),
    PromptKind.FAULT: JUDGEMENTS,
}
THERMAL = card(1, modality="heat", start=32.0, cutoff=48.0, rate=0.3, per_unit=1.0, unit="°C", hand_held=False)
RESULT = Ended(
    sequence_index=1, attempt=1, outcome="response", censoring="none", valid=True, invalid_reason="", text="3.1 kg/cm²",
    value=3.1, response=304.0, rate_achieved=98.0, rate_flag="",
)  # fmt: skip


def ask(page: OnePage, kind: PromptKind, *choices: Choice, **changes: Any) -> OnePage:
    return page.hear(ready(), asked(kind, *(choices or ASKED[kind]), **changes))


def runs(page: OnePage, state: str) -> OnePage:
    return page.hear(ready(THERMAL), Began(sequence_index=1, attempt=1), Entered(state=state, time_s=1.0))


def placing(page: OnePage, **changes: Any) -> OnePage:
    return ask(page, PromptKind.PLACE, **{"read_aloud": "You may stop at any time.", **changes})


def finished(page: OnePage, outcome: VisitOutcome) -> OnePage:
    return page.hear(ready(), Finished(outcome=outcome, reason="", summary=(), log="P01_visit-1_test.jsonl"))


#: How a page gets into each state of the table in docs/console.md.
STATES: dict[str, Callable[[OnePage], OnePage]] = {
    "preparing": lambda page: page,
    "setting up": lambda page: ask(page, PromptKind.SET_UP, index=None),
    "placing": placing,
    "placing, side named": lambda page: placing(page).click("It is on the RIGHT"),
    "placing, in the middle": lambda page: placing(page, index=3, read_aloud=""),
    "adapting": lambda page: runs(page, "adapt"),
    "ramp": lambda page: runs(page, "ramp"),
    "return": lambda page: runs(page, "return"),
    "entering a value": lambda page: ask(page, PromptKind.ENTER_VALUE),
    "judging": lambda page: ask(page, PromptKind.JUDGE),
    "judging, not valid": lambda page: ask(page, PromptKind.JUDGE, *JUDGEMENTS),
    "an instrument failed": lambda page: ask(page, PromptKind.FAULT),
    "unfinished trial": lambda page: ask(page, PromptKind.UNFINISHED),
    "giving a reason": lambda page: ask(page, PromptKind.JUDGE).click("Not valid: repeat"),
    "ending the visit": lambda page: ask(page, PromptKind.JUDGE).click("End the visit"),
    "resting": lambda page: page.hear(ready(), Resting(left_s=4.0)),
    "reason for a shorter rest": lambda page: page.hear(ready(), Resting(left_s=4.0)).click("Shorten this rest"),
    "writing a note": lambda page: runs(page, "ramp").click("Note"),
    "skin check": lambda page: ask(page, PromptKind.JUDGE).click("Skin check"),
    "checklist": lambda page: ask(page, PromptKind.SET_UP, index=None).click("Checklist"),
    "paused": lambda page: ask(page, PromptKind.PAUSED, index=None),
    "an answer on its way": lambda page: ask(page, PromptKind.JUDGE).click("Accept"),
    "finished": lambda page: finished(page, VisitOutcome.COMPLETED),
    "interrupted": lambda page: finished(page, VisitOutcome.INTERRUPTED),
    "engine lost": lambda page: runs(page, "ramp").engine_dies(),
}
#: On every run screen besides what a state offers.
WRITING = {"Note", "Adverse event", "Skin check", "Checklist"}
ALWAYS = {*WRITING, "Sound", "Show earlier values"}
#: In these, what is always there is clicked as well.
ALL_CLICKED = ("placing, side named", "ramp", "judging", "paused")
#: What a control tells the engine at once; every other one tells it nothing.
TELLS = {
    "Done": "answer ok", "Go on": "answer ok", "Accept": "answer accept", "yes": "answer end",
    "tip slipped": "answer repeat: tip slipped", "participant talked": "answer repeat: participant talked",
    "pressed too early": "answer repeat: pressed too early", "pressed by mistake": "answer repeat: pressed by mistake",
    "disturbed": "answer repeat: disturbed", "wrong place": "answer repeat: wrong place",
    "participant asked to go on": "rest shortened: participant asked to go on", "time is short": "rest shortened: time is short",
    "no mark": "note: skin check: no mark", "slightly red": "note: skin check: slightly red",
    "Record": "note: checklist: nothing filled in", "Start": f"answer ok: {NOT_READ_ALOUD}",
    "Resume this visit": "resumes",
}  # fmt: skip
#: What a control asks for before anything is told.
ASKS = {
    "Not valid: repeat": "Reason (repeat):", "Not valid: go on without": "Reason (go on without):",
    "End the visit": "End the visit here? It can be resumed later.", "No value": "Reason (no value):",
    "Shorten this rest": "Reason for a shorter rest:", "Note": "Note:", "Adverse event": "Adverse event:",
    "Skin check": "Skin check:", "Checklist": "Before the visit:",
}  # fmt: skip


@pytest.fixture
def page(tmp_path: Path) -> Iterator[OnePage]:
    with one_page(tmp_path) as made:
        yield made


def told(page: OnePage) -> list[str]:
    """What the engine was told, in words."""
    lines = []
    for command in page.sent:
        match command:
            case Answer(choice=choice, reason=reason, text=text):
                lines.append(" ".join(filter(None, ("answer", choice.value, text))) + (f": {reason}" if reason else ""))
            case messages.SkipRest(reason=reason):
                lines.append(f"rest shortened: {reason}")
            case messages.TakeNote(text=text, adverse=adverse):
                lines.append(f"{'adverse event' if adverse else 'note'}: {text}")
            case _:
                lines.append(type(command).__name__)
    return lines


def offered(page: OnePage, state: str) -> dict[str, bool]:
    """What the page shows besides what is always there."""
    always = ALWAYS if page.hub.phase is Phase.RUNNING else {"Sound"} if page.hub.phase is Phase.STARTING else set()
    shown = page.shown()
    assert {label for label in always if not shown.get(label)} == set(), state
    return {label: usable for label, usable in shown.items() if label not in always}


def test_the_table_knows_every_state_and_every_question() -> None:
    assert set(documented()) == set(STATES)
    assert set(ASKED) == set(PromptKind)


@pytest.mark.parametrize("state", STATES)
def test_each_state_offers_what_the_table_says_and_nothing_else(page: OnePage, state: str) -> None:
    STATES[state](page)
    cells = documented()[state]
    words = {"a line to type in": 1, "six lines to fill in": 6}
    wanted = {cell.strip("()"): not cell.startswith("(") for cell in cells if cell not in words}
    assert offered(page, state) == wanted
    assert len(page.lines()) == sum(words.get(cell, 0) for cell in cells)
    runs_or_starts = page.hub.phase in (Phase.STARTING, Phase.RUNNING)
    assert page.windows() == ({"Participant's window": "/participant"} if runs_or_starts else {})


@pytest.mark.parametrize("state", STATES)
def test_each_control_does_what_it_says_and_only_two_acts_begin_a_stimulus(tmp_path: Path, state: str) -> None:
    with one_page(tmp_path / "first") as page:
        labels = set(STATES[state](page).shown())
    for label in labels if state in ALL_CLICKED else labels - ALWAYS:
        with one_page(tmp_path / "again") as page:
            STATES[state](page)
            before, usable = len(page.sent), page.shown()[label]
            page.click(label)
            said = told(page)[before:]
            if not usable:
                assert said == [], (state, label)
            elif label == "Resume this visit":
                assert page.hub.phase is Phase.STARTING
            else:
                assert said == [one for one in [TELLS.get(label)] if one is not None], (state, label)
                assert ASKS.get(label, "") in page.words()
            placed = any(isinstance(one, Answer) and one.prompt_id == "q-place" for one in page.sent[before:])
            assert placed == (state == "placing, side named" and label == "Start"), (state, label)


@pytest.mark.parametrize("state", STATES)
def test_no_key_means_two_things(page: OnePage, state: str) -> None:
    keys = [one.props["data-key"] for one in STATES[state](page).controls().values() if "data-key" in one.props]
    assert len(keys) == len(set(keys))
    assert not {*keys} & {"Escape", "!", "w", "p", *NAMED_KEYS.values(), *LETTERS}, "a stop, or a pedal's key"


@pytest.mark.parametrize("state", STATES)
def test_a_page_that_looks_on_decides_nothing(page: OnePage, state: str) -> None:
    second = page.open("second")
    STATES[state](page)
    before = len(page.sent)
    looks_on = set(page.shown(second))
    assert looks_on <= {"Take over", "Sound", "Show earlier values"}
    for label in looks_on - {"Take over"}:
        page.click(label, second)
    assert page.sent[before:] == []
    page.click("Take over", second)
    assert "Take over" in page.shown()
    assert "Take over" not in page.shown(second)


def test_the_wrong_side_is_said_and_unmakes_the_right_one(page: OnePage) -> None:
    placing(page).click("It is on the RIGHT").click("It is on the LEFT")
    assert not page.shown()["Start"]
    assert "This trial is on the participant's RIGHT." in page.words()
    page.click("Start")
    assert told(page) == []


def test_the_tick_of_what_was_read_aloud_goes_with_the_start(page: OnePage) -> None:
    placing(page).click("Text read aloud")
    assert page.controls()["✓ Text read aloud"].props["aria-pressed"] == "true"
    page.click("It is on the RIGHT").click("Start")
    assert told(page) == [f"answer ok: {READ_ALOUD}"]


def test_a_value_and_texts_are_handed_over_as_typed(page: OnePage) -> None:
    ask(page, PromptKind.ENTER_VALUE)
    page.fill(page.lines()[0], "4.2 kg")
    assert told(page) == ["answer ok 4.2 kg"]


def test_a_typed_reason_a_note_and_an_adverse_event(page: OnePage) -> None:
    ask(page, PromptKind.JUDGE)
    page.click("Adverse event")
    page.fill(page.lines()[0], "dizzy")
    page.click("Checklist")
    first, second, *_ = page.lines()
    page.fill(first, "none").fill(second, " two cups ")
    page.click("Record").click("Not valid: go on without")
    page.fill(page.lines()[0], "fell asleep")
    assert told(page) == [
        "adverse event: dizzy",
        "note: checklist: Pain relief taken today: none; Caffeine today: two cups",
        "answer skip: fell asleep",
    ]


def test_back_leads_back(page: OnePage) -> None:
    ask(page, PromptKind.JUDGE)
    before = page.shown()
    for label in ("Not valid: repeat", "Note", "Checklist"):
        page.click(label).click("Back")
        assert page.shown() == before
    assert told(page) == []


def test_a_reason_dies_with_its_question_and_a_note_does_not(page: OnePage) -> None:
    ask(page, PromptKind.JUDGE).click("Not valid: repeat")
    page.hear(asked(PromptKind.PAUSED, Choice.OK, Choice.END, prompt_id="q-next", index=None))
    assert page.shown()["Go on"]
    page.click("Note").hear(asked(PromptKind.JUDGE, *ACCEPTABLE, prompt_id="q-third"))
    assert "Note:" in page.words()


def test_a_reason_for_a_shorter_rest_dies_with_the_rest(page: OnePage) -> None:
    STATES["reason for a shorter rest"](page)
    page.hear(Resting(left_s=2.0))
    assert page.shown()["time is short"]
    page.hear(Resting(left_s=0.0))
    assert "time is short" not in page.shown()
    page.hear(Resting(left_s=9.0)).click("Shorten this rest").hear(asked(PromptKind.PLACE, Choice.OK, index=2))
    assert "Start" in page.shown()


def test_the_last_trial_reminds_of_the_skin(page: OnePage) -> None:
    reminder = "Look at the skin"
    assert reminder not in ask(page, PromptKind.JUDGE).words()
    page.hear(asked(PromptKind.JUDGE, *ACCEPTABLE, index=3, prompt_id="q-last"))
    assert reminder in page.words()


def test_a_ramp_that_was_too_fast_is_said_once_and_stands_out(page: OnePage) -> None:
    flagged = msgspec.structs.replace(RESULT, rate_flag="fast")
    page.hear(ready(), Began(sequence_index=1, attempt=1), flagged)
    page.hear(asked(PromptKind.JUDGE, *ACCEPTABLE, text="3.1 kg/cm² (ramp too fast)"))
    assert page.words().count("too fast") == 1
    assert [one.classes for one in page.client.elements.values() if "result" in one.classes] == [["result", "warned"]]
    page.hear(asked(PromptKind.FAULT, *JUDGEMENTS, index=2, prompt_id="q-of-another"))
    assert [one.classes for one in page.client.elements.values() if "result" in one.classes] == [["result"]]


def test_a_pause_is_asked_for_once_and_not_while_paused(page: OnePage) -> None:
    ask(page, PromptKind.PAUSED, index=None)
    page.hub.pause()
    wanted = [page.visit.pause_asked]
    page.click("Go on")
    page.hub.pause()
    wanted.append(page.visit.pause_asked)
    assert wanted == [False, True], "the second time the answer is on its way: this is another pause"
    assert told(page) == ["PausePlease", "answer ok", "PausePlease"]


@pytest.mark.parametrize("lasting", [True, False])
def test_an_instrument_that_may_still_be_on_the_skin_is_shown_on_the_last_screen(page: OnePage, lasting: bool) -> None:
    runs(page, "ramp").hear(messages.Alarmed(text="Take it off", urgent=True, lasting=lasting))
    page.hear(Finished(outcome=VisitOutcome.FAILED, reason="", summary=(), log="P01_visit-1_test.jsonl"))
    assert ("Take it off" in page.words()) is lasting


def test_earlier_values_are_hidden_until_they_are_asked_for(page: OnePage) -> None:
    ask(page, PromptKind.JUDGE).hear(RESULT)
    page.hear(asked(PromptKind.PLACE, Choice.OK, index=2))
    assert "3.1 kg/cm²" not in page.words()
    page.click("Show earlier values")
    assert "3.1 kg/cm²" in page.words()


def test_time_so_far_time_left_and_whether_it_is_too_much(page: OnePage) -> None:
    page.hear(ready(), messages.Ticked(elapsed_s=125.0))
    assert "2 of 45 min, about 3 min left" in page.words()
    assert "too long" not in page.words()
    page.hear(messages.Next(sequence_index=3), messages.Ticked(elapsed_s=47.5 * 60))
    assert "47 of 45 min, about 1 min left" in page.words()
    assert "That is about 4 min too long." in page.words()


# -- page and terminal --------------------------------------------------------------------------------------------


def by_page(folder: Path, kind: PromptKind, choices: tuple[Choice, ...]) -> set[tuple[Choice, bool]]:
    """Every answer that the page can give: the choice, and whether a reason came with it."""
    answers = set()
    with one_page(folder) as page:
        ask(page, kind, *choices)
        if kind is PromptKind.PLACE:
            page.click("It is on the RIGHT")
        labels = [label for label, usable in page.shown().items() if usable and label not in ALWAYS]
    for label in labels:
        with one_page(folder) as page:
            ask(page, kind, *choices)
            if kind is PromptKind.PLACE:
                page.click("It is on the RIGHT")
            page.click(label)
            if not page.sent:
                page.click("yes" if "yes" in page.shown() else next(iter({*page.shown()} & {"disturbed"}), label))
            answers |= {(one.choice, bool(one.reason)) for one in page.sent if isinstance(one, Answer)}
    if kind is PromptKind.ENTER_VALUE:
        with one_page(folder) as page:
            ask(page, kind, *choices)
            page.fill(page.lines()[0], "4.2 kg")
            answers |= {(one.choice, bool(one.reason)) for one in page.sent if isinstance(one, Answer)}
    return answers


def keys_at_terminal(prompt: OperatorPrompt | None, *keys: str) -> list[OperatorCommand]:
    """What a terminal makes of some keys."""
    operator = TerminalOperator(Keyboard(AbortSwitch(), list), lambda _: None, lambda _: None)
    if prompt is not None:
        operator.present(prompt)
    for key in keys:
        operator.press(key)
    return list(operator.poll())


def by_terminal(kind: PromptKind, choices: tuple[Choice, ...]) -> set[tuple[Choice, bool]]:
    """Every answer that the terminal can give."""
    prompt = OperatorPrompt(id="q1", kind=kind, text="The text.", choices=choices, suggested=choices[0])
    keys = [ENTER[0], *(chr(code) for code in range(ord("a"), ord("z") + 1) if chr(code) != WORD)]
    value = kind is PromptKind.ENTER_VALUE  # asked for at once; an empty line is left with Backspace
    said = [keys_at_terminal(prompt, *([BACKSPACE[0]] if value else []), key, "x", ENTER[0]) for key in keys]
    said.append(keys_at_terminal(prompt, "4", ENTER[0]))
    return {(one.choice, bool(one.reason)) for heard in said for one in heard if isinstance(one, Answered)}


@pytest.mark.parametrize(
    ("kind", "choices"), [*ASKED.items(), (PromptKind.JUDGE, JUDGEMENTS)], ids=lambda one: str(one)[:12]
)
def test_terminal_and_page_offer_the_same_answers(
    tmp_path: Path, kind: PromptKind, choices: tuple[Choice, ...]
) -> None:
    ways = {(choice, choice in NEED_REASON) for choice in choices}
    assert by_terminal(kind, choices) == ways
    assert by_page(tmp_path, kind, choices) == ways


def test_terminal_and_page_say_the_same_unasked(page: OnePage) -> None:
    at_terminal = [keys_at_terminal(None, key, "h", "i", ENTER[0]) for key in ("p", "n", "a", ".")]
    assert at_terminal == [
        [PauseAsked()],
        [NoteTaken(text="hi")],
        [NoteTaken(text="hi", adverse=True)],
        [RestSkipped(reason="hi")],
    ]
    page.hear(ready(), Resting(left_s=4.0))
    for label in ("Note", "Adverse event", "Shorten this rest"):
        page.click(label)
        page.fill(page.lines()[0], "hi")
    page.hub.pause()
    assert page.sent == [
        messages.TakeNote(text="hi"),
        messages.TakeNote(text="hi", adverse=True),
        messages.SkipRest(reason="hi"),
        messages.PausePlease(),
    ]


def test_terminal_and_page_stop_by_the_same_keys() -> None:
    script = (Path(messages.__file__).parent / "static" / "live.js").read_text(encoding="utf-8")
    stops = re.search(r"const STOPS = \{(.*?)\}", script)
    assert stops is not None
    on_page = dict(re.findall(r'"?([A-Za-z]+|!)"?: "(\w+)"', stops[1]))
    assert on_page == {"Escape": STOP_KEYS[ESCAPE].value, "!": STOP_KEYS["!"].value}
    assert f'key === "{WORD}"' in script
