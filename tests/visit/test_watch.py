"""Each thing that the visit's own watch looks for, by itself: it is found in time, and ordinary readings are not."""

import math
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.abort import AbortCause
from qst.errors import (
    BeyondCutoffError,
    FrozenReadingError,
    InstrumentFaultError,
    OffRampError,
    RampRateError,
    ReadingClockError,
    ReadingJumpError,
    StaleReadingError,
)
from qst.instruments import Capabilities, Modality, PressureRamp, Sample, ThermalRamp
from qst.record import records
from qst.record.records import Outcome
from qst.station import driver_class
from qst.visit.commands import release_call
from qst.visit.hand_watch import HandWatch
from qst.visit.operator import Alarm, Measured, ReleaseNow, StopAsked
from qst.visit.states import Action, TrialState
from qst.visit.trial import LimitsTrial
from qst.visit.watch import RampWatch
from tests.visit.fakes import Visit, capabilities
from tests.visit.plans import PRESS as PLANNED_PRESS
from tests.visit.plans import planned

HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0)
COLD = ThermalRamp(start_c=20.0, rate_c_per_s=0.3, cutoff_c=0.0, return_rate_c_per_s=8.0)
CAN = capabilities("thermode")
STEP_S = 0.03


def begun(ramp: ThermalRamp = HEAT, can: Capabilities = CAN) -> RampWatch:
    watch = RampWatch(ramp, can)
    watch.begin(0.0, ramp.start_c)
    return watch


def true_c(ramp: ThermalRamp, time_s: float) -> float:
    way_c = min(ramp.rate_c_per_s * time_s, abs(ramp.cutoff_c - ramp.start_c))
    return ramp.start_c + (way_c if ramp.rising else -way_c)


def follow(watch: RampWatch, ramp: ThermalRamp, until_s: float) -> float:
    """Feed a perfect ramp; the time of its last reading."""
    time_s = 0.0
    while time_s + STEP_S < until_s:
        time_s += STEP_S
        assert watch.see(time_s, true_c(ramp, time_s)) is None
        assert watch.clock.tick(time_s + 0.01) is None
    return time_s


def found_after(watch: RampWatch, last_s: float, reading: object) -> tuple[InstrumentFaultError, float]:
    """What is found, and how long after ``last_s``; ``reading(t)`` are the readings from there on."""
    for tick in range(1, 1000):
        time_s = last_s + tick * STEP_S
        fault = watch.see(time_s, reading(time_s))  # type: ignore[operator]  # a function of time
        if fault is not None:
            return fault, time_s - last_s
    raise AssertionError("nothing was found")


@pytest.mark.parametrize("ramp", [HEAT, COLD], ids=["heat", "cold"])
def test_an_ordinary_ramp_is_no_fault(ramp: ThermalRamp) -> None:
    follow(begun(ramp), ramp, ramp.duration_s)


@given(
    st.sampled_from(["medoc-mms", "qstlab-tcs", "arroyo-5300"]),
    st.floats(0.1, 5.0),
    st.integers(0, 2**32),
    st.floats(0.0, 0.4),
)
def test_no_noise_step_or_lag_of_a_real_device_is_a_fault(driver: str, rate: float, seed: int, lag_s: float) -> None:
    can = driver_class(driver).CAPABILITIES
    ramp = msgspec.structs.replace(HEAT, rate_c_per_s=rate)
    watch, digit = begun(ramp, can), can.resolution
    chance = random.Random(seed)
    time_s = 0.0
    while time_s < ramp.duration_s:
        time_s += chance.uniform(0.005, can.reading_gap_s * 0.9)
        value_c = true_c(ramp, max(time_s - lag_s, 0.0)) + chance.gauss(0.0, 0.02)
        assert watch.see(time_s, round(value_c / digit) * digit) is None


def test_a_frozen_reading_is_found_within_a_second() -> None:
    watch = begun()
    last_s = follow(watch, HEAT, 10.0)
    fault, after_s = found_after(watch, last_s, lambda _: true_c(HEAT, last_s))
    assert isinstance(fault, FrozenReadingError)
    assert 0.5 <= after_s < 1.0


def test_a_plate_that_waits_at_its_cutoff_is_not_frozen() -> None:
    watch = begun()
    last_s = follow(watch, HEAT, HEAT.duration_s)
    for tick in range(1, 30):
        assert watch.see(last_s + tick * STEP_S, 47.99) is None


def test_a_plate_behind_its_ramp_is_found_after_half_a_second_off_it() -> None:
    watch = begun()
    last_s = follow(watch, HEAT, 10.0)
    stays_c = true_c(HEAT, last_s)
    # A noisy plate that stays: 1 °C and its lag behind after so long, and then half a second.
    fault, after_s = found_after(watch, last_s, lambda time_s: stays_c + 0.01 * math.sin(time_s * 50))
    assert isinstance(fault, OffRampError)
    assert after_s == pytest.approx((1.0 + 0.3 * CAN.ramp_lag_s) / 0.3 + 0.5, abs=0.1)


def test_a_plate_ahead_of_its_ramp_is_found() -> None:
    watch = begun()
    last_s = follow(watch, HEAT, 5.0)
    fault, after_s = found_after(watch, last_s, lambda time_s: true_c(HEAT, time_s) + (time_s - last_s) * 0.9)
    assert isinstance(fault, OffRampError | RampRateError)
    assert after_s < 2.0


def test_a_ramp_twice_too_fast_is_found_before_it_is_a_degree_ahead_where_readings_are_fine() -> None:
    fast = msgspec.structs.replace(HEAT, rate_c_per_s=2.0, cutoff_c=48.0)
    watch = begun(fast)
    fault, after_s = found_after(watch, 0.0, lambda time_s: 32.0 + 3.9 * time_s)
    assert isinstance(fault, RampRateError)
    assert after_s <= 0.53


@pytest.mark.parametrize("by_c", [1.2, -1.2])
def test_a_jump_is_found_at_once(by_c: float) -> None:
    watch = begun()
    last_s = follow(watch, HEAT, 10.0)
    fault = watch.see(last_s + STEP_S, true_c(HEAT, last_s) + by_c + 8 * 1.5 * STEP_S * (1 if by_c > 0 else -1))
    assert isinstance(fault, ReadingJumpError)


def test_a_clock_that_goes_back_or_ahead_is_found_at_once() -> None:
    watch = begun()
    last_s = follow(watch, HEAT, 5.0)
    assert isinstance(watch.see(last_s - 0.001, 33.5), ReadingClockError)
    watch = begun()
    last_s = follow(watch, HEAT, 5.0)
    assert watch.see(last_s + 0.1, true_c(HEAT, last_s + 0.1)) is None
    assert watch.clock.tick(last_s + 0.06) is None
    assert isinstance(watch.clock.tick(last_s), ReadingClockError)


def test_silence_is_found_after_the_gap_that_the_device_states() -> None:
    watch = begun()
    last_s = follow(watch, HEAT, 5.0)
    assert watch.clock.tick(last_s + 0.199) is None
    assert isinstance(watch.clock.tick(last_s + 0.201), StaleReadingError)
    patient = begun(can=msgspec.structs.replace(CAN, reading_gap_s=0.4, held_back_s=0.6))
    last_s = follow(patient, HEAT, 5.0)
    assert patient.clock.tick(last_s + 0.99) is None
    assert isinstance(patient.see(last_s + 0.41, 33.6), StaleReadingError)  # what was held back has its own time


def test_a_ramp_without_a_first_reading_is_stale() -> None:
    watch = begun()
    assert watch.clock.tick(0.49) is None
    assert isinstance(watch.clock.tick(0.51), StaleReadingError)
    assert watch.clock.blind_s == pytest.approx(0.51)


def test_beyond_the_cutoff_is_found_on_the_ramp_and_on_the_way_back() -> None:
    watch = begun()
    last_s = follow(watch, HEAT, HEAT.duration_s)
    assert watch.see(last_s + STEP_S, 48.49) is None
    assert isinstance(watch.see(last_s + 2 * STEP_S, 48.51), BeyondCutoffError)
    assert watch.beyond(48.49) is None
    assert isinstance(watch.beyond(48.51), BeyondCutoffError)
    assert isinstance(begun(COLD).beyond(-0.51), BeyondCutoffError)
    assert begun(can=msgspec.structs.replace(CAN, stated_overshoot=1.0)).beyond(49.4) is None


# In the trial


def trial_on_its_ramp() -> tuple[LimitsTrial, float]:
    trial = LimitsTrial(planned(), 0.0, can=CAN)
    for tick in range(102):
        trial.sample(Sample(tick / 10, 32.0))
    assert trial.arm(10.2) == [Action.BEGIN]
    time_s = 10.2
    for _ in range(100):
        time_s += STEP_S
        assert trial.sample(Sample(time_s, true_c(HEAT, time_s - 10.2), pressed=False)) == []
    return trial, time_s


def test_a_finding_ends_the_stimulus_makes_safe_and_is_kept_with_its_code() -> None:
    trial, time_s = trial_on_its_ramp()
    assert trial.tick(time_s + 0.3) == [Action.MAKE_SAFE, Action.RELEASE]
    assert (trial.state, trial.outcome) == (TrialState.DONE, Outcome.DEVICE_FAULT)
    assert isinstance(trial.failure, StaleReadingError)
    assert trial.invalid_reason.startswith("QST-431: ")


def test_a_press_while_the_readings_are_off_the_ramp_ends_it_and_gives_no_valid_threshold() -> None:
    trial, time_s = trial_on_its_ramp()
    behind_c = true_c(HEAT, time_s - 10.2) - 0.9
    time_s += 0.9 / 0.3 - 2.0
    for _ in range(40):
        time_s += STEP_S
        trial.sample(Sample(time_s, behind_c + 0.001 * (time_s % 0.06), pressed=False))
        if trial.state is not TrialState.RAMP:
            break
        assert trial.tick(time_s) in ([], [Action.MAKE_SAFE, Action.RELEASE])
    assert trial.outcome is Outcome.DEVICE_FAULT


@pytest.mark.parametrize(
    ("reading", "code"),
    [
        (lambda now_s, c: (now_s, 33.0), "QST-432"),
        (lambda now_s, c: (now_s - 5.0, c), "QST-435"),
        (lambda now_s, c: (now_s + 0.15, c), "QST-435"),
        (lambda now_s, c: (now_s, c + 3.0), "QST-436"),
        (lambda now_s, c: (now_s, c - 3.0), "QST-436"),
    ],
)
def test_a_drivers_wrong_readings_end_the_visits_stimulus_whoever_wrote_it(reading: object, code: str) -> None:
    visit = Visit(planned(attempts_max=1))
    honest = visit.thermode.poll

    def poll() -> list[Sample]:
        (sample,) = honest()
        wrong = visit.thermode.begun_s is not None and sample.time_s > visit.thermode.begun_s + 3.0
        return [Sample(*reading(sample.time_s, sample.value))] if wrong else [sample]  # type: ignore[operator]  # see above

    visit.thermode.poll = poll  # type: ignore[method-assign]  # a driver with a fault
    visit.run()
    (trial,) = visit.trials()
    assert trial.outcome is Outcome.DEVICE_FAULT
    (fault,) = visit.log.of(records.Fault)
    assert isinstance(fault, records.Fault)
    assert fault.code == code
    assert "make_safe" in visit.journal[visit.journal.index("begin") :]


def test_a_button_that_is_down_from_the_start_is_a_fault_of_its_own_in_a_thermal_trial_too() -> None:
    visit = Visit(planned(attempts_max=1))
    visit.button.pressed = lambda: True  # type: ignore[method-assign]  # a stuck contact
    visit.run()
    (fault,) = visit.log.of(records.Fault)
    assert isinstance(fault, records.Fault)
    assert fault.code == "QST-437"
    assert "begin" not in visit.journal


# A hand on a gauge

PRESS = PressureRamp(rate_kpa_per_s=100.0, cutoff_kpa=400.0)


def test_a_hand_that_is_too_fast_is_told_within_half_a_second() -> None:
    watch = HandWatch(PRESS, 0.2)
    told = [alarm for tick in range(30) if (alarm := watch.press(tick * 0.02, 10.0 + tick * 0.02 * 300.0))]
    assert told[0].text == "slower: 300 kPa/s, 100 are asked for"
    assert not told[0].urgent
    steady = HandWatch(PRESS, 0.2)
    assert [steady.press(tick * 0.02, 10.0 + tick * 2.0) for tick in range(200)] == [None] * 200


def test_a_hand_that_presses_on_is_warned_then_alarmed_and_above_the_cutoff_the_trial_does_not_count() -> None:
    watch = HandWatch(PRESS, 0.2)
    watch.let_go(0.0, at_cutoff=True)
    told = {round(tick * 0.02, 2): alarm for tick in range(120) if (alarm := watch.release(tick * 0.02, 420.0, 10.0))}
    assert list(told) == [0.5, 1.0, 2.0]
    assert [alarm.urgent for alarm in told.values()] == [True, True, True]
    assert "above the cut-off" in told[2.0].text
    assert watch.invalid_reason == "held above the cut-off for 2.4 s"
    assert watch.note == "pressed on for 2.38 s after the release was called, 2.38 s of it above the cut-off"


def test_a_hand_that_goes_over_the_cutoff_after_the_release_is_told_with_the_first_reading_over_it() -> None:
    watch = HandWatch(PRESS, 0.2)
    watch.let_go(0.0, at_cutoff=False)
    readings = [(tick * 0.02, 390.0 + tick) for tick in range(20)]
    told = {value: alarm for time_s, value in readings if (alarm := watch.release(time_s, value, 10.0))}
    assert list(told) == [400.0]
    assert (told[400.0].text, told[400.0].urgent) == ("LET GO: above the cut-off", True)


def test_a_hand_that_presses_on_below_the_cutoff_is_only_warned_at_first() -> None:
    watch = HandWatch(PRESS, 0.2)
    watch.let_go(0.0, at_cutoff=False)
    told = [alarm for tick in range(60) if (alarm := watch.release(tick * 0.02, 300.0, 10.0))]
    assert [alarm.urgent for alarm in told] == [False, True]


def test_a_hand_that_lets_go_in_time_is_not_written_down() -> None:
    watch = HandWatch(PRESS, 0.2)
    for tick in range(20):
        assert watch.release(tick * 0.02, 300.0 - tick * 10.0, 10.0) is None
    assert (watch.note, watch.invalid_reason) == ("", "")


class StubbornVisit(Visit):
    """A visit whose hand goes on pressing for a while after it is told to let go."""

    def __init__(self, holds_s: float) -> None:
        super().__init__(planned(Modality.PRESSURE, attempts_max=1))
        self.let_go_s: float | None = None
        self.holds_s = holds_s
        self.hands.release = self.release  # type: ignore[method-assign]  # a hand of its own will
        poll = self.gauge.poll

        def look() -> object:
            if self.let_go_s is not None and self.clock.monotonic() >= self.let_go_s:
                self.gauge.pressed_s = None
            return poll()

        self.gauge.poll = look  # type: ignore[method-assign, assignment]  # see above

    def release(self) -> None:
        if self.let_go_s is None:
            self.let_go_s = self.clock.monotonic() + self.holds_s


@pytest.mark.parametrize("cause", [AbortCause.PARTICIPANT_WITHDREW, AbortCause.INTERRUPT])
def test_hold_over_cutoff_is_on_record_when_a_stop_ends_the_visit_for_it(cause: AbortCause) -> None:
    """The hand presses on, the participant says that it is enough: that is when it matters."""
    visit = StubbornVisit(2.5)
    visit.operator.script = lambda _: [StopAsked(cause=cause)] if visit.gauge.peak > PRESS.cutoff_kpa * 1.1 else []
    visit.run()
    kinds = [
        deviation.kind for deviation in visit.log.of(records.Deviation) if isinstance(deviation, records.Deviation)
    ]
    assert "held" in kinds


@pytest.mark.parametrize(("holds_s", "urgent", "valid"), [(0.3, 1, True), (1.5, 3, True), (2.5, 4, False)])
def test_hold_over_cutoff_is_told_recorded_and_judged(holds_s: float, urgent: int, valid: bool) -> None:
    visit = StubbornVisit(holds_s)
    visit.run()
    (trial,) = visit.trials()
    assert trial.outcome is Outcome.CUTOFF
    assert trial.valid is valid
    alarms = [event for event in visit.operator.seen if isinstance(event, Alarm)]
    assert sum(alarm.urgent for alarm in alarms) == urgent
    deviations = [d for d in visit.log.of(records.Deviation) if isinstance(d, records.Deviation) and d.kind == "held"]
    assert len(deviations) == (holds_s > 0.5)
    if deviations:
        held_s = float(deviations[0].text.split()[3])
        assert held_s == pytest.approx(holds_s, abs=0.11)  # a gauge that is let go is looked at ten times a second
    # The release was called, and rung for, with the first reading at the cut-off, not later.
    at = visit.operator.seen.index(ReleaseNow())
    assert visit.operator.seen[at + 1] == Alarm("LET GO: the cut-off is reached", urgent=True)
    assert visit.let_go_s is not None
    pressed_for_s = visit.let_go_s - visit.holds_s - trial.t_start_s
    assert trial.value_peak is not None
    assert pressed_for_s <= 60.0


def test_the_participants_response_rings_and_pressing_on_over_the_cutoff_rings_urgently() -> None:
    visit = StubbornVisit(2.0)
    visit.operator.follows_samples = True
    visit.desk.follows_samples = True
    visit.button.presses_s = [6.0]
    visit.run()
    seen = visit.operator.seen
    (trial,) = visit.trials()
    assert trial.outcome is Outcome.RESPONSE
    released = seen.index(ReleaseNow())
    assert seen[released + 1] == Alarm("Let go: the participant has responded.", urgent=False)
    crossed = seen.index(Alarm("LET GO: above the cut-off", urgent=True))
    # An alarm is told before the reading that it is about: the first one over, after the response.
    over = [
        index
        for index, event in enumerate(seen)
        if isinstance(event, Measured) and event.value >= PLANNED_PRESS.cutoff_kpa
    ]
    assert released < crossed < over[0]
    assert not [event for event in seen[crossed : over[0]] if isinstance(event, Measured)]


@pytest.mark.parametrize("outcome", Outcome)
def test_a_release_is_called_urgently_where_more_pressure_would_be_too_much(outcome: Outcome) -> None:
    urgent = (Outcome.CUTOFF, Outcome.DEVICE_FAULT, Outcome.ESTOP, Outcome.PARTICIPANT_WITHDREW)
    assert release_call(outcome).urgent is (outcome in urgent)
    assert not release_call(outcome).lasting


def test_a_thermode_calls_no_hand_off() -> None:
    visit = Visit(planned())
    visit.button.presses_s = [20.0]
    visit.run()
    assert not [event for event in visit.operator.seen if isinstance(event, Alarm)]
