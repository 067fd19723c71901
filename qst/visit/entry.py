"""Typing in what a gauge shows: checked, and typed twice when it is unlikely."""

from collections.abc import Sequence

import msgspec

from qst.instruments import OperatorRead
from qst.protocol.plan import PlannedTrial
from qst.visit.desk import Desk
from qst.visit.operator import Choice, PromptKind

#: After so many refused entries the suggestion becomes to skip; a person may go on trying.
PATIENCE = 3


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A value that the operator read off a display. ``value_kpa`` is None when there was none to enter."""

    value_kpa: float | None
    raw_text: str
    problem: str = ""


def enter_value(
    desk: Desk,
    gauge: OperatorRead,
    planned: PlannedTrial,
    *,
    elapsed_s: float,
    earlier_kpa: Sequence[float],
    shown: str = "",
) -> Entry:
    """Ask for the displayed value until it is one the gauge can have shown, or the operator gives up.

    Args:
        desk: the operator's side.
        gauge: knows its unit, grid, range and what is plausible.
        planned: the trial.
        elapsed_s: time from contact to release.
        earlier_kpa: earlier values at this site.
        shown: what the display shows, where it is simulated and the operator cannot look at it.

    Raises:
        Aborted: a stop came.
    """
    text = "Type the value that the gauge shows, with its unit."
    if shown:
        text += f" (The simulated gauge shows {shown}.)"
    confirm, refused = "", 0
    while True:
        suggested = Choice.OK if refused < PATIENCE else Choice.SKIP
        answer = desk.ask(PromptKind.ENTER_VALUE, text, (Choice.OK, Choice.SKIP), suggested=suggested, planned=planned)
        if answer.choice is Choice.SKIP:
            return Entry(value_kpa=None, raw_text=answer.text, problem=f"no value was entered: {answer.reason}")
        verdict = gauge.check_entry(answer.text, elapsed_s, earlier_kpa)
        if verdict.value_kpa is None:
            refused += 1
            text = f"{verdict.problem} Type the value again."
        elif verdict.warnings and answer.text.strip() != confirm:
            confirm = answer.text.strip()
            text = f"{' '.join(verdict.warnings)} If it is right, type it once more."
        else:
            return Entry(value_kpa=verdict.value_kpa, raw_text=verdict.raw_text)
