"""One trial of the method of limits, as a pure state machine.

::

    thermode:   adapt -> settle -> ready -> ramp -> return -> done
    algometer:                     ready -> ramp -> return -> done

It is fed samples, button edges, stop commands, faults and time; it answers with actions for the engine to carry out. No
input or output happens in here, so every path can be tested exhaustively. Whatever comes in, a trial ends in exactly
one outcome, and every path out of ``ramp`` gives the action that ends the stimulus before anything else.
"""

from collections.abc import Sequence

from qst.abort import CAUSE_WORDS, AbortCause
from qst.errors import HeldButtonError, QstError, RampTimeoutError
from qst.instruments import ButtonEdge, Capabilities, PressureRamp, RampEnd, Sample, ThermalRamp
from qst.protocol.plan import PlannedTrial
from qst.record.records import Outcome
from qst.visit.approach import Approach
from qst.visit.hand_watch import HandAlarm, HandWatch
from qst.visit.readings import contact_s, value_at, value_before
from qst.visit.settling import Settling
from qst.visit.states import CAUSE_OUTCOME, UNSAFE_TO_STAY, Action, TrialResult, TrialState
from qst.visit.watch import RampWatch
from qst.visit.way_back import WayBack

#: Pressure above which the tip counts as touching the skin, kPa (1 N on 1 cm²; our choice).
CONTACT_KPA = 10.0
#: A fault so soon after the press may have been there before it: then the reading at the press is not to be relied on.
DOUBT_S = 0.25
#: How long a hand may stay on after "release" before the trial ends anyway, s (our choice).
RELEASE_TIMEOUT_S = 5.0
#: How long a hand may take to touch the skin after the trial was armed, s (our choice).
CONTACT_TIMEOUT_S = 30.0


def held_button() -> HeldButtonError:
    """Why a trial ends whose button is down from the start."""
    return HeldButtonError("the participant's button is held down", remedy="Let the participant release it; repeat.")


class LimitsTrial:
    """A trial from placement to the end of the return.

    Args:
        planned: what is to be done.
        started_s: host time at which the attempt began.
        operator_read: the instrument gives no samples; the ramp is paced and timed only.
        can: what the instrument says of itself; its readings are watched after that. None: nobody watches them.

    Attributes:
        state: where the trial is.
        samples: every sample it was fed, as (time_s, value).
        changes: every state entered, as (time_s, state), oldest first.
        failure: what ended the trial, or failed on its way back; None when nothing did.
        hand: the watch on the hand that presses; None for a thermode.
        alarm: what the operator is to be told with the next :attr:`Action.ALARM`.
    """

    def __init__(
        self,
        planned: PlannedTrial,
        started_s: float,
        *,
        operator_read: bool = False,
        can: Capabilities | None = None,
    ) -> None:
        self.planned = planned
        self.started_s = started_s
        self.operator_read = operator_read
        ramp = planned.ramp
        self._thermal = ramp if isinstance(ramp, ThermalRamp) else None
        if isinstance(ramp, ThermalRamp):
            self._cutoff, self._sign = ramp.cutoff_c, 1.0 if ramp.rising else -1.0
        else:
            self._cutoff, self._sign = ramp.cutoff_kpa, 1.0
        self.samples: list[tuple[float, float]] = []
        self.changes: list[tuple[float, TrialState]] = []
        self.failure: QstError | None = None
        self.alarm: HandAlarm | None = None
        self._plate = RampWatch(ramp, can) if can is not None and isinstance(ramp, ThermalRamp) else None
        self._approach = Approach(self._plate) if self._plate is not None else None
        self.hand: HandWatch | None = None
        if can is not None and isinstance(ramp, PressureRamp) and not operator_read:
            self.hand = HandWatch(ramp, can.reading_gap_s)
        self._clock = self._plate.clock if self._plate else self.hand.clock if self.hand else None
        self._outcome: Outcome | None = None
        self._invalid_reason = ""
        self._button_up = False
        self._settling = Settling(planned.settle)
        self._ramp_start_s: float | None = None
        self._ramp_end_s: float | None = None
        self._back = WayBack(ramp, planned.settle, self._plate) if isinstance(ramp, ThermalRamp) else None
        self._response_s: float | None = None
        self._value_at_response: float | None = None
        self._device_ended = False
        self._peak: float | None = None
        self.state = TrialState.READY
        self._enter(TrialState.ADAPT if self._thermal else TrialState.READY, started_s)

    # -- what comes in --------------------------------------------------------------------------------------------

    def start(self) -> list[Action]:
        """The first actions."""
        return [Action.ADAPT] if self._thermal else []

    def arm(self, now_s: float) -> list[Action]:
        """The operator is ready and the instrument obeys: start the ramp if the trial is ready for it."""
        if self.state is not TrialState.READY:
            return []
        self._enter(TrialState.RAMP, now_s)
        if self._thermal or self.operator_read:
            self._ramp_start_s = now_s
        if self._plate is not None:
            self._plate.begin(now_s, self.samples[-1][1] if self.samples else self._plate.start_c)
        elif self.hand is not None:
            self.hand.clock.begin(now_s)
        return [Action.BEGIN]

    def sample(self, sample: Sample) -> list[Action]:
        """A reading of the instrument."""
        state = self.state
        if state is TrialState.DONE:
            return []
        time_s, value, pressed, ended = sample
        self.samples.append((time_s, value))
        if state is TrialState.RAMP:
            return self._ramp_sample(time_s, value, pressed=pressed, ended=ended)
        if state is TrialState.RETURN:
            return self._return_sample(time_s, value)
        astray = None if self._approach is None else self._approach.see(value)
        if astray is not None:
            return self.fault(astray, time_s)  # whatever the button says: no start that was asked for hurt
        if pressed:
            # A button that was never seen up is held or stuck: that is no answer of the participant.
            return self._pressed_early(time_s) if self._button_up else self.fault(held_button(), time_s)
        self._button_up = True
        if self._thermal:
            self._watch_settling(self._thermal, time_s, value)
        return []

    def edge(self, edge: ButtonEdge) -> list[Action]:
        """The participant's own button, where it is not part of the instrument."""
        if not edge.pressed or self.state in (TrialState.RETURN, TrialState.DONE):
            return []
        if self.state is not TrialState.RAMP:
            return self._pressed_early(edge.time_s)
        return self._respond(edge.time_s)

    def tick(self, now_s: float) -> list[Action]:
        """Time has passed: look at every deadline."""
        state = self.state
        if state is TrialState.RAMP:
            return self._tick_ramp(now_s)
        if state is TrialState.RETURN:
            return self._tick_return(now_s)
        settle = self.planned.settle
        if settle is not None and state is not TrialState.DONE and now_s - self.started_s > settle.timeout_s:
            reason = f"the plate was not steady at its start, and the device ready, within {settle.timeout_s:g} s"
            return self._end(Outcome.TIMEOUT, now_s, reason)
        return []

    def stop(self, cause: AbortCause, now_s: float) -> list[Action]:
        """Somebody stops the trial."""
        if self.state is TrialState.DONE:
            return []
        outcome = CAUSE_OUTCOME[cause]
        if self.state is TrialState.RETURN:
            # The stimulus is already on its way back and what was measured stays true; but the start may hurt, too.
            return [Action.MAKE_SAFE] if self._thermal and outcome in UNSAFE_TO_STAY else []
        return self._end(outcome, now_s, CAUSE_WORDS[cause])

    def fault(self, fault: QstError, now_s: float, *, doubtful: bool = True) -> list[Action]:
        """Something failed: the trial is over at once, whatever state it is in.

        ``doubtful``: the readings before may have been wrong already; not so when only the link failed.
        """
        if self.state is TrialState.DONE:
            return []
        self.failure = fault
        what = f"{fault.code}: {fault.what}"
        if self._outcome is None:
            # A fault on the way back does not unmake what was measured before it; the engine records it by itself.
            self._outcome, self._invalid_reason = Outcome.DEVICE_FAULT, what
        elif doubtful and self._in_doubt(now_s):
            self._invalid_reason = self._invalid_reason or f"a fault before the readings were proved: {what}"
        if self.state is TrialState.RAMP:
            self._ramp_end_s = now_s
        self._enter(TrialState.DONE, now_s)
        return [Action.MAKE_SAFE, Action.RELEASE]

    def _in_doubt(self, now_s: float) -> bool:
        """Whether the reading at the press may have been wrong: a gauge is proved by reading zero when it is let go."""
        if self._response_s is None:
            return False
        return self._thermal is None or now_s - self._response_s <= DOUBT_S

    # -- the way to the ramp --------------------------------------------------------------------------------------

    def _watch_settling(self, ramp: ThermalRamp, time_s: float, value: float) -> None:
        self._settling.see(time_s, abs(value - ramp.start_c))
        if self._settling.state is not self.state:
            self._enter(self._settling.state, time_s)

    def _pressed_early(self, time_s: float) -> list[Action]:
        if self._thermal:
            self._response_s = time_s
            self._value_at_response = value_before(self.samples, time_s)
            return self._end(Outcome.PAIN_AT_BASELINE, time_s, "")
        return self._end(Outcome.RESPONSE, time_s, "the button was pressed before contact")

    # -- the ramp -------------------------------------------------------------------------------------------------

    def _ramp_sample(self, time_s: float, value: float, *, pressed: bool | None, ended: RampEnd | None) -> list[Action]:
        self._note_peak(value)
        over = pressed or ended is not None
        fault = self._watch(time_s, value, over=over)
        if fault is not None:
            return self.fault(fault, time_s)
        if over:
            return self._respond(time_s) if ended is None else self._ended(ended, time_s)
        if (value - self._cutoff) * self._sign >= 0:
            return self._end(Outcome.CUTOFF, time_s, "")
        return [] if self._thermal else self._press_sample(time_s, value)

    def _ended(self, ended: RampEnd, time_s: float) -> list[Action]:
        """The device has ended its ramp by itself."""
        self._device_ended = True
        if ended is RampEnd.FAULT:
            return self._end(Outcome.DEVICE_FAULT, time_s, "the device ended the ramp with a fault")
        return self._end(Outcome.CUTOFF, time_s, "") if ended is RampEnd.LIMIT else self._respond(time_s)

    def _watch(self, time_s: float, value: float, *, over: bool) -> QstError | None:
        """What is wrong with a reading; of one that tells the end of the ramp only whether it came in time."""
        if self._plate is not None and not over:
            return self._plate.see(time_s, value)
        return None if self._clock is None else self._clock.see(time_s)

    def _press_sample(self, time_s: float, value: float) -> list[Action]:
        """A reading of a gauge on which a hand presses."""
        if self._ramp_start_s is None:
            if value >= CONTACT_KPA:
                self._ramp_start_s = contact_s(self.samples, CONTACT_KPA)
            return []
        if self.hand is None:
            return []
        return self._tell_hand(self.hand.press(time_s, value))

    def _tell_hand(self, alarm: HandAlarm | None) -> list[Action]:
        if alarm is None:
            return []
        self.alarm = alarm
        return [Action.ALARM]

    def _respond(self, press_s: float) -> list[Action]:
        self._response_s = press_s
        reason = ""
        if self._ramp_start_s is None and not self._thermal:
            reason = "the button was pressed before contact"
        elif self._plate is not None and self._plate.doubtful:
            reason = "the readings before the press did not follow the ramp"
        if not self.operator_read:
            self._value_at_response = value_before(self.samples, press_s)
        return self._end(Outcome.RESPONSE, press_s, reason)

    def _refine_response(self) -> float | None:
        """Value at the press, interpolated when samples stand on both sides of it and the hand made the ramp.

        A device that ends its own ramp has already turned round in the sample after the press, so there the last value
        before the press stands as it is.
        """
        press_s, value = self._response_s, self._value_at_response
        if press_s is None or value is None or self._thermal:
            return value
        return value_at(self.samples, press_s, value)

    def _tick_ramp(self, now_s: float) -> list[Action]:
        if self._clock is not None:
            fault = self._clock.tick(now_s)
            if fault is not None:
                return self.fault(fault, now_s)
        start_s = self._ramp_start_s
        if start_s is None:
            if now_s - self.changes[-1][0] > CONTACT_TIMEOUT_S:
                return self._end(Outcome.TIMEOUT, now_s, f"no contact within {CONTACT_TIMEOUT_S:g} s")
            return []
        if self.operator_read and now_s - start_s >= self.planned.ramp.duration_s:
            return self._end(Outcome.CUTOFF, now_s, "")
        if now_s - start_s > self.planned.timeout_s:
            return self._time_out(now_s)
        return []

    def _time_out(self, now_s: float) -> list[Action]:
        """A hand may be slow; a plate that is still on its ramp when that should be over is not where it should be."""
        reason = f"no response within {self.planned.timeout_s:g} s"
        if self._thermal:
            self.failure = RampTimeoutError(f"{reason}, and the cut-off was not reached either")
        return self._end(Outcome.TIMEOUT, now_s, reason)

    def _end(self, outcome: Outcome, now_s: float, invalid_reason: str) -> list[Action]:
        """The one way out of everything before ``return``: the stimulus ends first."""
        self._outcome = outcome
        self._invalid_reason = invalid_reason
        ramping = self.state is TrialState.RAMP
        if ramping:
            self._ramp_end_s = now_s
        self._enter(TrialState.RETURN, now_s)
        if self._back is None:
            if self.hand is not None:
                self.hand.let_go(now_s, at_cutoff=outcome is Outcome.CUTOFF)
            return [Action.RELEASE]
        self._back.begin(now_s, self.samples[-1][1] if ramping and self.samples else None)
        if not ramping or self.failure is not None or outcome in UNSAFE_TO_STAY:
            # The start itself may be what hurts (20 °C): leave it for the device's own safe state.
            return [Action.MAKE_SAFE]
        return [] if self._device_ended else [Action.STOP]

    # -- the way back ---------------------------------------------------------------------------------------------

    def _return_sample(self, time_s: float, value: float) -> list[Action]:
        self._note_peak(value)
        if self._back is None:
            if value >= CONTACT_KPA:
                return self._tell_hand(self.hand.release(time_s, value, CONTACT_KPA) if self.hand else None)
            self._enter(TrialState.DONE, time_s)
            return []
        fault = self._back.see(value)
        if fault is not None:
            return self.fault(fault, time_s)
        if self._back.over(value):
            self._enter(TrialState.DONE, time_s)
        return []

    def _tick_return(self, now_s: float) -> list[Action]:
        if self.operator_read:
            self._enter(TrialState.DONE, now_s)
            return []
        if self._back is not None:
            late = self._back.late(now_s)
            return [] if late is None else self.fault(late, now_s)
        if now_s - self.changes[-1][0] > RELEASE_TIMEOUT_S:
            self._invalid_reason = self._invalid_reason or f"not released within {RELEASE_TIMEOUT_S:g} s"
            self._enter(TrialState.DONE, now_s)
        return []

    # -- helpers --------------------------------------------------------------------------------------------------

    def _note_peak(self, value: float) -> None:
        if self._peak is None or (value - self._peak) * self._sign > 0:
            self._peak = value

    def _enter(self, state: TrialState, now_s: float) -> None:
        self.state = state
        self.changes.append((now_s, state))

    @property
    def blind_s(self) -> float:
        """Time during the ramp for which there are no readings, when that was too long, s."""
        return 0.0 if self._clock is None else self._clock.blind_s

    @property
    def outcome(self) -> Outcome | None:
        """How the attempt ended, as soon as that is known."""
        return self._outcome

    @property
    def invalid_reason(self) -> str:
        """Why it is not valid, as far as that is known."""
        return self._invalid_reason

    @property
    def ramp_samples(self) -> Sequence[tuple[float, float]]:
        """Samples from the start of the ramp (contact) to its end."""
        start_s, end_s = self._ramp_start_s, self._ramp_end_s
        if start_s is None or end_s is None:
            return ()
        return [sample for sample in self.samples if start_s <= sample[0] <= end_s]

    def result(self) -> TrialResult:
        """What was measured.

        Raises:
            RuntimeError: the trial is not done.
        """
        if self.state is not TrialState.DONE or self._outcome is None:
            raise RuntimeError("a trial has a result only when it is done")
        start_s, end_s = self._ramp_start_s, self._ramp_end_s
        latency_s = None
        if start_s is not None and self._response_s is not None:
            latency_s = self._response_s - start_s
        return TrialResult(
            outcome=self._outcome,
            invalid_reason=self._invalid_reason or (self.hand.invalid_reason if self.hand else ""),
            value_at_response=self._refine_response(),
            value_peak=self._peak,
            response_latency_s=latency_s,
            ramp_duration_s=None if start_s is None or end_s is None else end_s - start_s,
            settle_s=None if self._settling.steady_s is None else self._settling.steady_s - self.started_s,
            ramp_start_s=start_s,
            ramp_end_s=end_s,
        )
