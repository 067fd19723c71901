"""Texts that are asked for before something can happen: reasons, notes, the checklist."""

import functools
from collections.abc import Callable

import msgspec

from qst.console.pages.parts.elements import action, box, field, text, typed

REASONS = ("tip slipped", "participant talked", "pressed too early", "pressed by mistake", "disturbed", "wrong place")
REST_REASONS = ("participant asked to go on", "time is short")
SKIN = ("no mark", "slightly red")
#: What may stand behind a threshold; each line may be left empty.
CHECKLIST = (
    "Pain relief taken today",
    "Caffeine today",
    "Hours slept",
    "Room temperature, °C",
    "Skin temperature, °C",
    "Skin at the places to be tested",
)


class Draft(msgspec.Struct, frozen=True):
    """A text that is being asked for; of an answer, the question that it belongs to.

    ``presets`` are offered with a key each; ``lines`` make it a form with as many lines, handed over as one text.
    ``only_presets``: nothing can be typed instead. ``of_rest``: it is about the rest that runs.
    """

    label: str
    presets: tuple[str, ...]
    done: Callable[[str], None]
    prompt_id: str = ""
    lines: tuple[str, ...] = ()
    only_presets: bool = False
    of_rest: bool = False


def ask(draft: Draft, drafted: Callable[[str], None], leave: Callable[[], None]) -> None:
    """Show what is asked for; where the instrument is stands aside meanwhile."""
    text("p", draft.label, "now draft")
    if draft.lines:
        record = _form(draft.lines, drafted)
    else:
        record = None
        with box("div", "row"):
            for number, preset in enumerate(draft.presets, start=1):
                action(preset, functools.partial(drafted, preset), key=str(number))
            if not draft.only_presets:
                typed(draft.label, drafted, name="reason", hint="type it, then Enter", focused=not draft.presets)
    with box("div", "row"):
        if record is not None:
            action("Record", record)
        action("Back", leave, key="Backspace", kind="small")


def _form(lines: tuple[str, ...], drafted: Callable[[str], None]) -> Callable[[], None]:
    """Lines to fill in; gives what hands them over as one text."""
    filled: dict[str, str] = {}
    with box("div", "form"):
        for number, line in enumerate(lines, start=1):
            field(line, "", functools.partial(filled.__setitem__, line), name=f"line-{number}", takes_keys=True)

    def record() -> None:
        texts = [f"{line}: {filled[line].strip()}" for line in lines if filled.get(line, "").strip()]
        drafted("; ".join(texts) or "nothing filled in")

    return record
