"""What to do now, in one sentence."""

from qst.console.messages import TrialCard
from qst.console.session_state import Phase, VisitState
from qst.visit.operator import PromptKind

SIDE_WORDS = {"L": "LEFT", "R": "RIGHT"}
_ASKED = {
    PromptKind.SET_UP: "Set the instrument up, then confirm.",
    PromptKind.JUDGE: "Judge this attempt.",
    PromptKind.ENTER_VALUE: "Type the value that the gauge shows.",
    PromptKind.UNFINISHED: "Decide about the trial that was interrupted.",
    PromptKind.PAUSED: "The visit is paused. Go on when you are ready.",
    PromptKind.FAULT: "An instrument failed. Take it off the skin, look at it, then decide.",
}
_THERMAL = {
    "adapt": "Keep the thermode in place: the plate goes to its start temperature.",
    "settle": "Keep the thermode in place: the plate settles.",
    "ready": "Keep the thermode in place: the ramp begins by itself.",
    "ramp": "The ramp runs. Watch the participant.",
    "return": "The plate goes back. Keep the thermode in place.",
}
_PRESSURE = {
    "ready": "Hold the gauge ready on the point.",
    "ramp": "Press now, steadily, until the participant reports pain.",
    "return": "Let go.",
}


def instruction(visit: VisitState) -> str:
    """The one sentence."""
    if visit.phase is Phase.STARTING:
        return "The visit is being prepared."
    if visit.prompt is not None:
        return _asked(visit)
    if visit.rest_left_s > 0:
        return "Rest. Take the instrument off the skin; the next place is shown below."
    if visit.current is None or not visit.attempt_runs:
        return "Wait a moment."
    states = _PRESSURE if visit.current.modality == "pressure" else _THERMAL
    return states.get(visit.trial_state, "Wait a moment.")


def _asked(visit: VisitState) -> str:
    if visit.prompt is None or visit.prompt.kind is not PromptKind.PLACE:
        return "" if visit.prompt is None else _ASKED[visit.prompt.kind]
    if not visit.side_confirmed:
        return f"Place the {instrument(visit.current)}, then say where it is."
    return "The place is confirmed. Start when the participant is ready."


def instrument(card: TrialCard | None) -> str:
    """What is put on the skin."""
    return "gauge" if card is not None and card.modality == "pressure" else "thermode"


def side_words(card: TrialCard) -> str:
    """The side as it stands large on the page."""
    return f"participant's {SIDE_WORDS[card.side]}" if card.side else "in the middle"


def trial_name(card: TrialCard) -> str:
    """Modality and which repetition."""
    which = "practice" if card.is_practice else f"no. {card.repeat_index}"
    return f"{card.modality}, {which}"
