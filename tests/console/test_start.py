"""The start screen without a browser: who signs, which visit it is, and what is kept of a form that was refused."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from qst.abort import AbortSwitch
from qst.cli import _run
from qst.console.messages import Begin, Continue, Finished, Refused
from qst.console.session_state import Phase
from qst.errors import InputError
from qst.record.records import VisitOutcome
from qst.rigs.job import Manner, ResumeRequest, VisitRequest, prepare_visit
from tests.console.one_page import OnePage, one_page, ready

#: The screen reads files and checks the plan in threads meanwhile, s.
PATIENCE_S = 20.0


def started(page: OnePage) -> OnePage:
    """The start screen after it has looked at everything."""
    page.hear(ready(), Finished(outcome=VisitOutcome.COMPLETED, reason="", summary=(), log="x"))
    page.click("To the start screen")
    return settled(page)


def settled(page: OnePage) -> OnePage:
    """Wait until the plan is checked, and what follows that is done."""
    for _ in range(int(PATIENCE_S / 0.1)):
        if "being checked" not in page.words():
            break
        page.lives_for(0.1)
    return page.lives_for(0.3)


def interrupted(folder: Path) -> Path:
    """The log of a visit that was cut off in the middle."""
    whole = folder / "whole"
    assert _run(["run", "demo-quick", "--simulate", "--participant", "P01", "--data", str(whole), "--json"]) == 0
    lines = (whole / "P01_visit-1_demo-quick.jsonl").read_bytes().splitlines(keepends=True)
    path = folder / "P01_visit-1_demo-quick.jsonl"
    path.write_bytes(b"".join(lines[: len(lines) // 2]))
    return path


@pytest.fixture
def page(tmp_path: Path) -> Iterator[OnePage]:
    with one_page(tmp_path) as made:
        yield made


# -- who signs ----------------------------------------------------------------------------------------------------


def test_who_ran_this_part_goes_on_signing_it(page: OnePage) -> None:
    page.hear(ready(operator_id="op2"))
    page.hear(Finished(outcome=VisitOutcome.INTERRUPTED, reason="", summary=(), log="x"))
    page.click("Resume this visit")
    (told,) = page.newest.sent
    assert isinstance(told, Continue)
    assert told.request.operator == "op2"


def test_a_resume_says_how_the_next_one_is_run(page: OnePage) -> None:
    """A real visit must not be asked for at the speed of the simulation before it."""
    page.hear(ready(), Finished(outcome=VisitOutcome.COMPLETED, reason="", summary=(), log="x"))
    assert page.hub.manner == Manner(speed="60")
    page.resume(ResumeRequest(log="real.jsonl", operator="op1", manner=Manner(speed="1")))
    assert page.hub.manner == Manner(speed="1")


def test_nobody_resumes_a_visit_unsigned(page: OnePage, tmp_path: Path) -> None:
    path = interrupted(tmp_path)
    started(page).enter("operator", "")
    page.click("Resume")
    assert "Fill in the operator: who resumes a visit signs what follows." in page.words()
    assert page.hub.phase is Phase.START
    page.enter("operator", "Dr. No").click("Resume")
    assert page.hub.phase is Phase.START
    page.enter("operator", "op2").click("Resume")
    (told,) = page.newest.sent
    assert isinstance(told, Continue)
    assert (told.request.log, told.request.operator) == (str(path), "op2")


# -- which visit --------------------------------------------------------------------------------------------------


def chosen(page: OnePage) -> OnePage:
    """Everything that a simulated visit of P01 needs, and no visit number."""
    started(page).enter("protocol", "demo-quick").enter("station", "default").choose("nature", "simulated")
    return settled(page.enter("participant", "P01").enter("operator", "op1"))


def asked_for(page: OnePage) -> VisitRequest:
    """What the newest engine was started for."""
    told = page.newest.sent[0]
    assert isinstance(told, Begin)
    return told.request


@pytest.mark.parametrize(("logs", "number"), [((), 1), (("P01_visit-1_demo-quick", "P01_visit-3_other"), 4)])
def test_the_visit_that_comes_next_is_proposed(tmp_path: Path, logs: tuple[str, ...], number: int) -> None:
    for name in logs:
        (tmp_path / f"{name}.jsonl").touch()
    with one_page(tmp_path) as page:
        chosen(page).click("Begin the simulated visit")
        assert asked_for(page).visit == number


def test_a_number_typed_by_hand_is_not_overwritten(page: OnePage) -> None:
    chosen(page).enter("visit", "7").enter("participant", "P02").click("Begin the simulated visit")
    assert (asked_for(page).participant, asked_for(page).visit) == ("P02", 7)


def test_the_same_visit_twice_is_said_and_has_to_be_meant(page: OnePage, tmp_path: Path) -> None:
    for visit in (1, 2):
        (tmp_path / f"P01_visit-{visit}_demo-quick.jsonl").touch()
    chosen(page).enter("visit", "1")
    assert "Visit 1 of P01 has a log already: resume it, or say that you begin another." in page.words()
    assert not page.shown()["Begin the simulated visit"]
    page.click("Begin another one").enter("visit", "2")
    assert not page.shown()["Begin the simulated visit"], "that was meant of visit 1"
    page.enter("visit", "1")
    assert page.shown()["Begin the simulated visit"]
    page.click("✓ Begin another one")
    assert not page.shown()["Begin the simulated visit"]
    page.click("Begin another one").click("Begin the simulated visit")
    assert asked_for(page).visit == 1


def test_the_run_screen_says_that_there_is_an_earlier_log(page: OnePage) -> None:
    page.hear(ready(log="data/P01_visit-1_test_2.jsonl", earlier_log="data/P01_visit-1_test.jsonl"))
    assert (
        "this visit has a log from before, P01_visit-1_test.jsonl; this one is P01_visit-1_test_2.jsonl" in page.words()
    )


# -- a form that is refused ---------------------------------------------------------------------------------------


def test_what_the_engine_would_refuse_of_a_study_the_form_refuses(page: OnePage, tmp_path: Path) -> None:
    chosen(page).enter("study", "My study")
    assert "The study is an identifier, too" in page.words()
    assert not page.shown()["Begin the simulated visit"]
    page.enter("study", "My-study").click("Begin the simulated visit")
    request = asked_for(page)
    assert request.study == "My-study"
    with prepare_visit(request, AbortSwitch()).log:
        pass
    with pytest.raises(InputError, match="cannot be the study's id"):
        prepare_visit(msgspec.structs.replace(request, study="My study"), AbortSwitch())


def test_what_was_typed_stays_when_the_visit_is_refused(page: OnePage) -> None:
    chosen(page).enter("study", "S1").enter("visit", "7").enter("speed", "10").click("Begin the simulated visit")
    first = asked_for(page)
    page.newest_says(Refused(code="QST-100", what="no"))
    settled(page.click("To the start screen"))
    page.click("Begin the simulated visit")
    assert asked_for(page) == first
    assert page.hub.refused == first


def test_the_form_is_empty_again_after_a_visit_that_began(page: OnePage) -> None:
    chosen(page).click("Begin the simulated visit")
    page.newest_says(ready(), Refused(code="QST-100", what="later"))
    settled(page.click("To the start screen"))
    assert page.hub.refused is None
    assert "Say whether this visit is real or a simulation." in page.words()
