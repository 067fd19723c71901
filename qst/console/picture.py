"""What changes many times a second on a page, as plain data.

The operator's picture has the numbers; the participant's has none.
"""

from typing import Any

from qst.console.hub import Hub
from qst.console.messages import TrialCard
from qst.console.session_state import Phase, VisitState

#: States in which what the instrument reads is what acts on the skin, or is about to.
_LIVE = frozenset({"adapt", "settle", "ramp", "return"})


def operator_picture(hub: Hub) -> dict[str, Any]:
    """State, rest, pace and the scales of the trace. Values in the trial's display unit are made by the page."""
    visit = hub.visit
    picture: dict[str, Any] = {"phase": hub.phase.value, "unwatched": hub.unwatched}
    if visit is not None:
        picture |= _visit(visit)
    return picture


def _visit(visit: VisitState) -> dict[str, Any]:
    pacing = visit.pacing
    return {
        "state": visit.trial_state,
        "since": visit.state_since_s,
        "live": visit.attempt_runs and visit.trial_state in _LIVE,
        "rest": visit.rest_left_s,
        "elapsed": None if pacing is None else pacing.elapsed_s,
        "expected": "" if pacing is None else pacing.expected,
        "release": visit.release,
        "alarm": "" if visit.alarm is None else visit.alarm.text,
        "urgent": visit.alarm is not None and visit.alarm.urgent,
        "stop": visit.stop_seen,
        "pausing": visit.pause_asked,
        "button": "" if visit.ready is None else visit.ready.button_key,
        "scale": None if visit.current is None else _scale(visit.current),
        "response": _response(visit),
    }


def _response(visit: VisitState) -> float | None:
    """Where the response was, of the attempt that the trace shows: on another scale it would be another value."""
    last, card, prompt = visit.last, visit.current, visit.prompt
    if last is None or card is None:
        return None
    attempt = visit.attempt if prompt is None or prompt.sequence_index is None else prompt.attempt
    return last.response if (last.sequence_index, last.attempt) == (card.sequence_index, attempt) else None


def _scale(card: TrialCard) -> dict[str, Any]:
    return {
        "modality": card.modality,
        "start": card.start,
        "cutoff": card.cutoff,
        "rate": card.rate,
        "band": card.rate_band,
        "per_unit": card.per_unit,
        "unit": card.unit,
        "decimals": card.decimals,
        "hand": card.hand_held,
        "read": card.operator_read,
    }


def participant_picture(hub: Hub) -> dict[str, Any]:
    """What the participant may see: that the visit runs, waits, rests or is over. No number, site, arm or result."""
    visit = hub.visit
    if visit is None or hub.phase is Phase.STARTING:
        return {"scene": "welcome"}
    if hub.phase is Phase.ENDED:
        return {"scene": "over"}
    if visit.prompt is not None and visit.prompt.kind == "paused":
        return {"scene": "pause"}
    if visit.trial_state == "ramp":
        return {"scene": "attend", "modality": visit.current.modality if visit.current else ""}
    return {"scene": "rest" if visit.rest_left_s > 0 else "ready"}
