"""What the engine's process tells a page of an earlier part of a visit."""

from typing import Any

import msgspec
import pytest

from qst.console.cards import earlier_marks
from qst.console.messages import Finished
from qst.record.records import Outcome, Trial, VisitOutcome
from qst.visit.history import History
from tests.console.one_page import card, one_page, ready
from tests.visit.fakes import Visit
from tests.visit.plans import planned


@pytest.fixture(scope="module")
def recorded() -> Trial:
    """A valid trial with a response."""
    visit = Visit(planned())
    visit.button.presses_s = [25.0]
    visit.run()
    return visit.trials()[0]


def attempts(recorded: Trial, *changes: dict[str, Any]) -> tuple[Trial, ...]:
    return tuple(msgspec.structs.replace(recorded, **one) for one in changes)


def test_each_earlier_trial_is_what_its_last_attempt_came_to(recorded: Trial) -> None:
    trials = attempts(
        recorded,
        {"sequence_index": 1},
        {"sequence_index": 2, "outcome": Outcome.CUTOFF},
        {"sequence_index": 3, "valid": False},
        {"sequence_index": 3, "attempt": 2},
        {"sequence_index": 4},  # valid, and skipped by the operator
        {"sequence_index": 7, "valid": False},  # still to be decided
    )
    history = History(
        trials=trials, rejected=frozenset({(4, 1)}), unrecorded=((5, 1),), unfinished=(7, 1), next_index=7
    )
    # The sixth was left out for its dose: no attempt, and not done.
    assert earlier_marks(history) == (
        (1, "done"), (2, "censored"), (3, "done"), (4, "invalid"), (5, "invalid"),
    )  # fmt: skip


def test_the_last_screen_names_what_is_missing_without_a_value_or_at_the_cutoff(tmp_path: Any) -> None:
    with one_page(tmp_path) as page:
        cards = (card(1), card(2, side=""), card(3, site_name="gluteal"), card(4, site_name="knee"))
        page.hear(ready(*cards, n_done=3, earlier=((1, "censored"), (2, "invalid"), (3, "done"))))
        page.hear(Finished(outcome=VisitOutcome.INTERRUPTED, reason="", summary=(), log="P01_visit-1_test.jsonl"))
        words = page.words()
    assert "At the cut-off: trapezius R (pressure, no. 1)." in words
    assert "Without a valid value: trapezius (pressure, no. 1)." in words
    assert "Not done: knee L (pressure, no. 1)." in words
    assert "gluteal" not in words
