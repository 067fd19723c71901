"""The words of the trial machine: its states, its actions, what a stop comes to, and what is measured."""

from enum import StrEnum

import msgspec

from qst.abort import AbortCause
from qst.record.records import Outcome


class TrialState(StrEnum):
    """Where a trial is."""

    ADAPT = "adapt"
    SETTLE = "settle"
    READY = "ready"
    RAMP = "ramp"
    RETURN = "return"
    DONE = "done"


#: States in which no ramp has begun.
BEFORE_RAMP = (TrialState.ADAPT, TrialState.SETTLE, TrialState.READY)


class Action(StrEnum):
    """What the engine is to do, in the order given."""

    STOP = "stop"  # end the ramp: the thermode goes back to its baseline
    MAKE_SAFE = "make_safe"  # something is wrong: bring the instrument to safety
    ADAPT = "adapt"  # go to the start temperature
    BEGIN = "begin"  # start the ramp; tell the hand to press
    RELEASE = "release"  # tell the hand to let go
    ALARM = "alarm"  # tell the hand that it presses too fast, or on


#: What a stop makes of the attempt.
CAUSE_OUTCOME = {
    AbortCause.OPERATOR_STOP: Outcome.OPERATOR_STOP,
    AbortCause.EMERGENCY_STOP: Outcome.ESTOP,
    AbortCause.PARTICIPANT_WITHDREW: Outcome.PARTICIPANT_WITHDREW,
    AbortCause.INTERRUPT: Outcome.OPERATOR_STOP,
    AbortCause.TERMINATED: Outcome.OPERATOR_STOP,
    AbortCause.TERMINAL_CLOSED: Outcome.OPERATOR_STOP,
    AbortCause.CONSOLE_LOST: Outcome.OPERATOR_STOP,
}

#: After these the plate must not even stay at the start temperature.
UNSAFE_TO_STAY = (Outcome.ESTOP, Outcome.DEVICE_FAULT, Outcome.PARTICIPANT_WITHDREW)


class TrialResult(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured in one attempt. Values °C or kPa, times s; None where nothing was measured.

    ``settle_s``: from the begin of the adaptation until the plate was steady at its start.
    """

    outcome: Outcome
    invalid_reason: str
    value_at_response: float | None
    value_peak: float | None
    response_latency_s: float | None
    ramp_duration_s: float | None
    settle_s: float | None
    ramp_start_s: float | None  # host time
    ramp_end_s: float | None  # host time
