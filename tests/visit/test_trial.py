import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from qst.abort import AbortCause
from qst.errors import InstrumentFaultError, LinkClosedError, RampTimeoutError
from qst.instruments import ButtonEdge, Capabilities, Modality, RampEnd, Sample
from qst.record.records import Outcome
from qst.visit.states import Action, TrialState
from qst.visit.trial import CONTACT_KPA, LimitsTrial
from tests.visit.fakes import capabilities
from tests.visit.plans import planned


def settled(modality: Modality = Modality.HEAT, can: Capabilities | None = None) -> tuple[LimitsTrial, float]:
    """A thermal trial that is ready, and the time now. Its readings are watched when the instrument is known."""
    trial = LimitsTrial(planned(modality), 0.0, can=can)
    start_c = 32.0 if modality is Modality.HEAT else 20.0
    for tick in range(102):
        trial.sample(Sample(tick / 10, start_c))
    assert trial.state is TrialState.READY
    return trial, 10.2


def ramping(modality: Modality = Modality.HEAT, can: Capabilities | None = None) -> tuple[LimitsTrial, float]:
    trial, now_s = settled(modality, can)
    assert trial.arm(now_s) == [Action.BEGIN]
    return trial, now_s


def pressing() -> LimitsTrial:
    trial = LimitsTrial(planned(Modality.PRESSURE), 0.0)
    assert trial.start() == []
    assert trial.arm(0.0) == [Action.BEGIN]
    for tick in range(50):
        trial.sample(Sample(0.5 + tick * 0.02, tick * 2.0))
    return trial


def test_settling_starts_again_when_the_plate_leaves_the_band() -> None:
    trial = LimitsTrial(planned(), 0.0)
    for tick in range(90):
        trial.sample(Sample(tick / 10, 32.1))
    trial.sample(Sample(9.0, 32.3))
    for tick in range(91, 190):
        trial.sample(Sample(tick / 10, 32.2))  # the edge of the band is inside
    trial.sample(Sample(19.2, 32.0))
    states = [state.value for _, state in trial.changes]
    assert states == ["adapt", "settle", "adapt", "settle", "ready"]
    assert trial.changes[-1][0] == 19.2
    assert trial.arm(19.2) == [Action.BEGIN]


def test_arming_does_nothing_before_the_plate_is_steady() -> None:
    trial = LimitsTrial(planned(), 0.0)
    trial.sample(Sample(0.1, 32.0))
    assert trial.arm(0.2) == []
    assert trial.state is TrialState.SETTLE


def test_a_press_seen_by_the_device_gives_the_last_value_before_it() -> None:
    trial, now_s = ramping()
    trial.sample(Sample(now_s + 1.00, 32.30, pressed=False))
    trial.sample(Sample(now_s + 1.02, 32.31, pressed=False))
    actions = trial.sample(Sample(now_s + 1.04, 32.2, pressed=True, ended=RampEnd.BUTTON))
    assert actions == []  # the device ended the ramp itself
    assert trial.state is TrialState.RETURN
    trial.sample(Sample(now_s + 1.2, 32.1))
    result = trial.result()
    assert result.outcome is Outcome.RESPONSE
    assert result.value_at_response == 32.31
    assert result.response_latency_s == pytest.approx(1.04)


def test_the_host_stops_a_device_that_does_not_stop_itself() -> None:
    trial, now_s = ramping()
    trial.sample(Sample(now_s + 1, 32.3, pressed=False))
    assert trial.sample(Sample(now_s + 1.02, 32.31, pressed=True)) == [Action.STOP]


def test_a_button_of_its_own_stops_the_ramp_too() -> None:
    trial, now_s = ramping()
    trial.sample(Sample(now_s + 1, 32.3))
    assert trial.edge(ButtonEdge(now_s + 1.01, pressed=True)) == [Action.STOP]
    trial.sample(Sample(now_s + 1.02, 32.0))
    assert trial.result().value_at_response == 32.3


def test_letting_the_button_go_is_no_response() -> None:
    trial, now_s = ramping()
    assert trial.edge(ButtonEdge(now_s + 1, pressed=False)) == []
    assert trial.state is TrialState.RAMP


@pytest.mark.parametrize(("modality", "value"), [(Modality.HEAT, 48.0), (Modality.COLD, 0.0)])
def test_the_host_stops_at_the_cutoff(modality: Modality, value: float) -> None:
    trial, now_s = ramping(modality)
    assert trial.sample(Sample(now_s + 50, value)) == [Action.STOP]
    start_c = 32.0 if modality is Modality.HEAT else 20.0
    trial.sample(Sample(now_s + 55, start_c))
    result = trial.result()
    assert result.outcome is Outcome.CUTOFF
    assert result.value_at_response is None
    assert result.value_peak == value


def test_the_devices_own_limit_is_a_cutoff() -> None:
    trial, now_s = ramping()
    assert trial.sample(Sample(now_s + 53, 47.9, ended=RampEnd.LIMIT)) == []
    trial.sample(Sample(now_s + 60, 32.0))
    assert trial.result().outcome is Outcome.CUTOFF


def test_a_fault_of_the_device_makes_safe() -> None:
    trial, now_s = ramping()
    assert trial.sample(Sample(now_s + 5, 33.0, ended=RampEnd.FAULT)) == [Action.MAKE_SAFE]


def test_a_press_while_adapting_is_pain_at_baseline_and_leaves_the_start() -> None:
    trial = LimitsTrial(planned(Modality.COLD), 0.0)
    trial.sample(Sample(0.1, 28.0, pressed=False))
    # The start itself hurts, so the plate must not stay there.
    assert trial.sample(Sample(0.2, 27.0, pressed=True)) == [Action.MAKE_SAFE]
    trial.sample(Sample(0.3, 27.5))
    result = trial.result()
    assert result.outcome is Outcome.PAIN_AT_BASELINE
    assert result.value_at_response == 28.0
    assert result.invalid_reason == ""


def test_a_plate_that_never_settles_times_out() -> None:
    trial = LimitsTrial(planned(), 0.0)
    trial.sample(Sample(60.0, 33.0))
    assert trial.tick(120.0) == []
    assert trial.tick(120.2) == [Action.MAKE_SAFE]
    trial.sample(Sample(121.0, 33.0))
    assert trial.result().outcome is Outcome.TIMEOUT
    assert "steady" in trial.result().invalid_reason


def test_a_ramp_without_end_times_out() -> None:
    trial, now_s = ramping()
    trial.sample(Sample(now_s + 58, 40.0))
    assert trial.tick(now_s + 58) == []
    assert trial.tick(now_s + 58.5) == [Action.MAKE_SAFE]  # nobody knows why it has not come to its cut-off
    trial.sample(Sample(now_s + 60, 32.0))
    assert trial.result().outcome is Outcome.TIMEOUT
    assert isinstance(trial.failure, RampTimeoutError)


def test_a_plate_that_does_not_come_back_is_a_fault_but_the_threshold_stays() -> None:
    trial, now_s = ramping()
    trial.sample(Sample(now_s + 10, 35.0, pressed=False))
    trial.sample(Sample(now_s + 10.02, 35.0, pressed=True))
    assert trial.tick(now_s + 22) == []
    assert trial.tick(now_s + 22.1) == [Action.MAKE_SAFE, Action.RELEASE]
    assert trial.result().outcome is Outcome.RESPONSE
    assert trial.result().value_at_response == 35.0


def test_pressure_is_interpolated_at_the_press() -> None:
    trial = pressing()
    assert trial.edge(ButtonEdge(1.49, pressed=True)) == [Action.RELEASE]
    trial.sample(Sample(1.50, 100.0))
    trial.sample(Sample(1.60, 4.0))
    result = trial.result()
    assert result.value_at_response == pytest.approx(99.0)
    assert result.value_peak == 100.0
    contact_s = 0.5 + CONTACT_KPA / 100.0
    assert result.response_latency_s == pytest.approx(1.49 - contact_s, abs=0.02)


def test_a_press_before_contact_is_recorded_and_not_valid() -> None:
    trial = LimitsTrial(planned(Modality.PRESSURE), 0.0)
    trial.arm(0.0)
    trial.sample(Sample(0.1, 0.2))
    assert trial.edge(ButtonEdge(0.15, pressed=True)) == [Action.RELEASE]
    trial.sample(Sample(0.2, 0.1))
    assert trial.result().outcome is Outcome.RESPONSE
    assert "before contact" in trial.result().invalid_reason


def test_no_contact_and_no_release_end_by_themselves() -> None:
    waiting = LimitsTrial(planned(Modality.PRESSURE), 0.0)
    waiting.arm(0.0)
    assert waiting.tick(30.1) == [Action.RELEASE]
    assert waiting.state is TrialState.RETURN
    held = pressing()
    held.edge(ButtonEdge(1.49, pressed=True))
    held.sample(Sample(3.0, 120.0))
    held.tick(6.5)
    assert held.state is TrialState.DONE
    assert "not released" in held.result().invalid_reason


def test_an_operator_read_gauge_is_timed_only() -> None:
    trial = LimitsTrial(planned(Modality.PRESSURE), 0.0, operator_read=True)
    trial.arm(2.0)
    assert trial.tick(3.0) == []
    assert trial.edge(ButtonEdge(3.5, pressed=True)) == [Action.RELEASE]
    trial.tick(3.6)
    result = trial.result()
    assert (result.outcome, result.value_at_response, result.ramp_duration_s) == (Outcome.RESPONSE, None, 1.5)


def test_an_operator_read_press_ends_when_the_cutoff_should_be_reached() -> None:
    trial = LimitsTrial(planned(Modality.PRESSURE), 0.0, operator_read=True)
    trial.arm(0.0)
    assert trial.tick(5.9) == []
    assert trial.tick(6.0) == [Action.RELEASE]
    trial.tick(6.1)
    assert trial.result().outcome is Outcome.CUTOFF


@pytest.mark.parametrize(
    ("cause", "outcome", "action"),
    [
        (AbortCause.OPERATOR_STOP, Outcome.OPERATOR_STOP, Action.STOP),
        (AbortCause.EMERGENCY_STOP, Outcome.ESTOP, Action.MAKE_SAFE),
        (AbortCause.PARTICIPANT_WITHDREW, Outcome.PARTICIPANT_WITHDREW, Action.MAKE_SAFE),
        (AbortCause.INTERRUPT, Outcome.OPERATOR_STOP, Action.STOP),
        (AbortCause.TERMINATED, Outcome.OPERATOR_STOP, Action.STOP),
        (AbortCause.CONSOLE_LOST, Outcome.OPERATOR_STOP, Action.STOP),
    ],
)
def test_every_stop_is_its_own_outcome(cause: AbortCause, outcome: Outcome, action: Action) -> None:
    trial, now_s = ramping()
    assert trial.stop(cause, now_s + 1) == [action]
    trial.sample(Sample(now_s + 2, 32.0))
    assert trial.result().outcome is outcome


@pytest.mark.parametrize(
    ("cause", "actions"),
    [
        (AbortCause.OPERATOR_STOP, []),
        (AbortCause.EMERGENCY_STOP, [Action.MAKE_SAFE]),
        (AbortCause.PARTICIPANT_WITHDREW, [Action.MAKE_SAFE]),
    ],
)
def test_a_stop_on_the_way_back_makes_safe_and_leaves_what_was_measured(
    cause: AbortCause, actions: list[Action]
) -> None:
    trial, now_s = ramping(Modality.COLD)
    trial.sample(Sample(now_s + 1, 18.0, pressed=False))
    trial.sample(Sample(now_s + 1.02, 18.0, pressed=True))
    assert trial.stop(cause, now_s + 1.1) == actions
    trial.sample(Sample(now_s + 2, 20.0))
    assert trial.result().outcome is Outcome.RESPONSE
    assert trial.stop(cause, now_s + 3) == []


def test_a_thermodes_button_that_is_down_from_the_start_is_a_fault_and_no_pain() -> None:
    trial = LimitsTrial(planned(Modality.COLD), 0.0)
    assert trial.sample(Sample(0.1, 32.0, pressed=True)) == [Action.MAKE_SAFE, Action.RELEASE]
    assert trial.result().outcome is Outcome.DEVICE_FAULT
    assert "held down" in trial.result().invalid_reason


def test_no_result_before_the_end() -> None:
    with pytest.raises(RuntimeError):
        LimitsTrial(planned(), 0.0).result()


class AnythingGoes(RuleBasedStateMachine):
    """Whatever comes in, in whatever order: one outcome, and no ramp that nobody was told to end."""

    def __init__(self) -> None:
        super().__init__()
        self.trial = LimitsTrial(planned(), 0.0)
        self.now_s = 0.0
        self.begun = 0
        self.device_ended = False
        self.ended_by_us = False

    def note(self, actions: list[Action]) -> None:
        self.begun += actions.count(Action.BEGIN)
        if Action.STOP in actions or Action.MAKE_SAFE in actions:
            self.ended_by_us = True

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.note(self.trial.tick(self.now_s))

    @rule(value=st.floats(-5, 60), pressed=st.sampled_from([None, False, True]))
    def see(self, value: float, pressed: bool | None) -> None:
        self.now_s += 0.05
        self.note(self.trial.sample(Sample(self.now_s, value, pressed)))

    @rule(seconds=st.floats(1, 15))
    def stay_at_start(self, seconds: float) -> None:
        for _ in range(3):
            self.now_s += seconds / 3
            self.note(self.trial.sample(Sample(self.now_s, 32.0, pressed=False)))

    @precondition(lambda self: self.begun)
    @rule(end=st.sampled_from(RampEnd))
    def device_ends(self, end: RampEnd) -> None:
        self.now_s += 0.05
        if self.trial.state is TrialState.RAMP:
            self.device_ended = True
        self.note(self.trial.sample(Sample(self.now_s, 40.0, pressed=False, ended=end)))

    @rule(pressed=st.booleans())
    def button(self, pressed: bool) -> None:
        self.note(self.trial.edge(ButtonEdge(self.now_s, pressed)))

    @rule()
    def arm(self) -> None:
        self.note(self.trial.arm(self.now_s))

    @rule(cause=st.sampled_from(AbortCause))
    def stop(self, cause: AbortCause) -> None:
        self.note(self.trial.stop(cause, self.now_s))

    @rule()
    def fail(self) -> None:
        self.note(self.trial.fault(LinkClosedError("the cable fell out"), self.now_s))

    @invariant()
    def begins_once_and_ends_what_it_began(self) -> None:
        assert self.begun <= 1
        if self.begun and self.trial.state is not TrialState.RAMP:
            assert self.ended_by_us or self.device_ended

    @invariant()
    def has_a_result_exactly_when_done(self) -> None:
        if self.trial.state is TrialState.DONE:
            assert self.trial.result().outcome in Outcome
            assert self.trial.tick(self.now_s + 1000) == []

    def teardown(self) -> None:
        """However it was left, it comes to an end by waiting."""
        for _ in range(400):
            self.now_s += 5.0
            self.note(self.trial.tick(self.now_s))
            self.note(self.trial.arm(self.now_s))
        assert self.trial.state is TrialState.DONE


AnythingGoes.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestAnythingGoes = AnythingGoes.TestCase


@given(st.lists(st.floats(30, 50), max_size=60))
def test_the_peak_is_the_greatest_excursion_of_the_ramp(values: list[float]) -> None:
    trial, now_s = ramping()
    seen = []
    for index, value in enumerate(values):
        if trial.state is TrialState.DONE:
            break
        seen.append(value)
        trial.sample(Sample(now_s + index * 0.02, value))
    trial.fault(LinkClosedError("end of test"), now_s + 100)
    assert trial.result().value_peak == (max(seen) if seen else None)


@pytest.mark.parametrize("pressed", [False, True])
def test_a_ramp_that_nobody_saw_has_no_threshold(pressed: bool) -> None:
    """A stopped process, a sleeping computer, a stalled thread: where the press was is not known afterwards."""
    trial, now_s = ramping(can=capabilities("thermode"))
    for tick in range(20):
        assert trial.sample(Sample(now_s + tick * 0.15, 32.0 + tick * 0.045, pressed=False)) == []
    seen_s = now_s + 19 * 0.15
    assert trial.sample(Sample(seen_s + 30.0, 40.0, pressed=pressed)) == [Action.MAKE_SAFE, Action.RELEASE]
    result = trial.result()
    assert (result.outcome, result.value_at_response) == (Outcome.DEVICE_FAULT, None)
    assert "no reading for 30.0 s" in result.invalid_reason
    assert trial.blind_s == pytest.approx(30.0)


def answered(modality: Modality = Modality.HEAT) -> tuple[LimitsTrial, float]:
    """A ramp that the participant has ended at 34.0 °C, and the time of the press."""
    trial, now_s = ramping(modality)
    for tick in range(1, 68):
        trial.sample(Sample(now_s + 0.1 * tick, 32.0 + 0.03 * tick, pressed=False))
    press_s = now_s + 6.8
    assert trial.sample(Sample(press_s, 34.04, pressed=True)) == [Action.STOP]
    return trial, press_s


def test_a_plate_that_goes_on_after_the_press_is_made_safe_and_the_threshold_stays() -> None:
    trial, press_s = answered()
    assert trial.sample(Sample(press_s + 1.0, 34.34)) == []
    assert Action.MAKE_SAFE in trial.sample(Sample(press_s + 2.0, 34.70))
    result = trial.result()
    assert (result.outcome, result.invalid_reason) == (Outcome.RESPONSE, "")
    assert "goes on after the end of its ramp" in str(trial.failure)


@pytest.mark.parametrize(("after_s", "doubtful", "stands"), [(0.1, True, False), (0.3, True, True), (0.1, False, True)])
def test_a_sensor_that_fails_with_the_press_leaves_no_valid_threshold(
    after_s: float, doubtful: bool, stands: bool
) -> None:
    trial, press_s = answered()
    trial.fault(InstrumentFaultError("the reading jumped"), press_s + after_s, doubtful=doubtful)
    result = trial.result()
    assert result.outcome is Outcome.RESPONSE
    assert (result.invalid_reason == "") is stands


def test_a_gauge_that_fails_before_it_was_let_go_leaves_no_valid_threshold() -> None:
    trial = pressing()
    trial.edge(ButtonEdge(1.4, pressed=True))
    assert trial.state is TrialState.RETURN
    trial.fault(InstrumentFaultError("the reading has stayed at 4.55 N"), 2.4)
    assert trial.result().outcome is Outcome.RESPONSE
    assert "stayed at 4.55 N" in trial.result().invalid_reason
