"""What the terminal's picture sounds like."""

import io

import pytest
from rich.console import Console

from qst.cli.live import LiveView
from qst.instruments import Modality
from qst.visit.operator import Alarm, LiveEvent, ReleaseNow, TrialNext
from tests.visit.plans import planned

BELL = "\x07"


def bells(*events: LiveEvent) -> int:
    """How often the terminal rings."""
    screen = io.StringIO()
    with LiveView(Console(file=screen, force_terminal=True, width=80), "title", 3) as view:
        for event in events:
            view(event)
    return screen.getvalue().count(BELL)


@pytest.mark.parametrize(("modality", "rings"), [(Modality.PRESSURE, 1), (Modality.HEAT, 0)])
def test_a_hand_hears_that_it_must_let_go_and_a_thermode_needs_no_bell(modality: Modality, rings: int) -> None:
    assert bells(TrialNext(planned(modality)), ReleaseNow()) == rings


def test_an_urgent_alarm_rings_and_one_that_can_wait_is_read() -> None:
    assert bells(Alarm("LET GO: the cut-off is reached", urgent=True)) == 1
    assert bells(Alarm("slower", urgent=False)) == 0
