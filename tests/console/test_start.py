"""The start screen without a browser: who signs, which visit it is, and what is kept of a form that was refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from qst.cli import _run
from qst.console.messages import Continue, Finished
from qst.console.session_state import Phase
from qst.record.records import VisitOutcome
from qst.rigs.job import Manner, ResumeRequest
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
