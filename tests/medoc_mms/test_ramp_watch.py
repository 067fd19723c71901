"""How the driver tells what ended a ramp, reading by reading."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.errors import BeyondCutoffError, InstrumentFaultError, ReadingJumpError
from qst_drivers.medoc_mms.ramp_watch import RampWatch
from qst_drivers.wire.mms import ReturnCode
from tests.medoc_mms.rig import BUTTON, COLD, FAST, FAULT, HEAT, LIMIT

RUNNING: dict[str, Any] = {"yes": False, "system": 2, "test": 1, "code": 0}
LISTENING = RUNNING | {"system": 1, "test": 0}


def watch(ramp: Any = HEAT, *, yes_at_onset: bool = False) -> RampWatch:
    return RampWatch(ramp, 0.0, obeyed_within_s=1.5, yes_at_onset=yes_at_onset)


def climb(it: RampWatch, to_c: float, *, start_c: float = 32.0, rate: float = 0.3, step_s: float = 0.1) -> float:
    """Feed readings of an ideal ramp; the time of the last one."""
    sign = 1 if to_c > start_c else -1
    count = int(abs(to_c - start_c) / rate / step_s)
    for index in range(1, count + 1):
        assert it.see(index * step_s, start_c + sign * rate * index * step_s, **RUNNING) is None
    return count * step_s


def test_a_press_is_the_button() -> None:
    it = watch()
    time_s = climb(it, 40.0)
    assert it.see(time_s + 0.1, 40.02, **RUNNING | {"yes": True}) is BUTTON
    assert it.see(time_s + 0.2, 39.5, **RUNNING) is BUTTON
    assert it.see(time_s + 3.0, 32.0, **LISTENING) is BUTTON


def test_a_button_held_since_before_the_onset_counts_only_when_pressed_again() -> None:
    it = watch(yes_at_onset=True)
    for index in range(10):
        assert it.see(index * 0.1, 32.0 + 0.03 * index, **RUNNING | {"yes": True}) is None
    assert it.see(1.0, 32.3, **RUNNING) is None
    assert it.see(1.1, 32.33, **RUNNING | {"yes": True}) is BUTTON


def test_a_latched_yes_from_before_leaves_the_turn_around() -> None:
    it = watch(yes_at_onset=True)
    held = RUNNING | {"yes": True}
    assert it.see(10.0, 35.0, **held) is None
    assert it.see(10.02, 34.7, **held) is None  # one reading may be a disturbance
    assert it.turning
    assert it.see(10.04, 34.5, **held) is BUTTON


@pytest.mark.parametrize(("ramp", "start", "top", "back"), [(HEAT, 32.0, 40.0, 39.7), (COLD, 20.0, 10.0, 10.3)])
def test_a_turn_around_short_of_the_cutoff_is_a_press_too_short_to_see(
    ramp: Any, start: float, top: float, back: float
) -> None:
    it = watch(ramp)
    time_s = climb(it, top, start_c=start)
    assert it.see(time_s + 0.02, top + (0.15 if back > top else -0.15), **RUNNING) is None
    assert it.turning
    assert it.see(time_s + 0.04, back, **RUNNING) is BUTTON


@pytest.mark.parametrize(("ramp", "start", "top", "back"), [(HEAT, 32.0, 47.97, 47.6), (COLD, 20.0, 0.03, 0.4)])
def test_a_turn_around_at_the_cutoff_is_the_limit(ramp: Any, start: float, top: float, back: float) -> None:
    it = watch(ramp)
    time_s = climb(it, top, start_c=start)
    assert it.see(time_s + 0.1, back, **RUNNING) is LIMIT


def test_a_cutoff_passed_between_two_slow_polls_is_the_limit() -> None:
    it = watch(FAST)
    climb(it, 48.5, rate=1.0, step_s=0.5)
    assert it.see(19.5, 47.0, **RUNNING) is LIMIT  # 48.5 °C at 16.5 s: 50 °C at 18 s


def test_a_press_seen_at_the_cutoff_is_censored() -> None:
    it = watch()
    time_s = climb(it, 47.98)
    assert it.see(time_s + 0.1, 47.99, **RUNNING | {"yes": True}) is LIMIT


@pytest.mark.parametrize("wrong_c", [-3.0, -0.4])
def test_a_reading_that_falls_and_comes_back_is_no_turn_around(wrong_c: float) -> None:
    it = watch()
    time_s = climb(it, 40.0)
    assert it.see(time_s + 0.02, 40.0 + wrong_c, **RUNNING) is None
    assert it.see(time_s + 0.04, 40.01 + wrong_c, **RUNNING) is None
    assert it.see(time_s + 0.06, 40.02, **RUNNING) is None
    assert not it.turning
    assert it.see(time_s + 0.08, 40.02, **RUNNING | {"yes": True}) is BUTTON


def test_a_press_after_a_reading_that_cannot_be_right_gives_no_threshold() -> None:
    it = watch()
    time_s = climb(it, 40.0)
    assert it.see(time_s + 0.02, 37.0, **RUNNING) is None
    with pytest.raises(InstrumentFaultError, match="did not follow the ramp"):
        it.see(time_s + 0.04, 40.01, **RUNNING | {"yes": True})


def test_a_reading_ahead_of_the_ramp_is_a_fault_at_once() -> None:
    it = watch()
    time_s = climb(it, 36.0)
    with pytest.raises(InstrumentFaultError, match=r"should be at 36\.0"):
        it.see(time_s + 0.02, 36.9, **RUNNING)


def test_a_plate_that_stays_behind_its_ramp_is_a_fault() -> None:
    it = watch()
    time_s = climb(it, 36.0)
    stays = (it.see(time_s + step * 0.025, 36.0, **RUNNING) for step in range(1, 200))
    with pytest.raises(InstrumentFaultError, match=r"stayed at 36\.0 °C for 3\.1 s where the ramp should be at 36\.9"):
        list(stays)


def test_noise_is_no_turn_around() -> None:
    it = watch()
    for index in range(1, 500):
        noise = 0.06 if index % 2 else -0.06
        assert it.see(index * 0.1, 32.0 + 0.03 * index + noise, **RUNNING) is None


@pytest.mark.parametrize("code", [ReturnCode.SAFETY_ERROR])
def test_a_safety_error_is_a_fault(code: int) -> None:
    it = watch()
    climb(it, 40.0)
    assert it.see(30.0, 40.0, **LISTENING | {"code": int(code), "system": 0}) is FAULT
    assert it.see(30.1, 40.0, **RUNNING) is FAULT


def test_a_warning_lets_the_ramp_go_on() -> None:
    it = watch()
    time_s = climb(it, 40.0)
    assert it.see(time_s + 0.1, 40.03, **RUNNING | {"code": 0x2000}) is None


def test_pause_at_mms_is_a_fault() -> None:
    it = watch()
    time_s = climb(it, 40.0)
    assert it.see(time_s + 0.1, 39.5, **RUNNING | {"test": 2}) is FAULT
    late = watch()
    time_s = climb(late, 40.0)
    assert late.see(time_s + 5.0, 32.0, **RUNNING | {"test": 2}) is FAULT


def test_a_test_ended_at_mms_is_a_fault_and_no_threshold() -> None:
    it = watch()
    time_s = climb(it, 40.0)
    assert it.see(time_s + 0.1, 40.0, **LISTENING) is FAULT
    never_moved = watch()
    assert never_moved.see(0.1, 32.0, **LISTENING) is FAULT


def test_a_whole_return_between_two_polls_is_a_press() -> None:
    it = watch()
    time_s = climb(it, 34.0)
    assert it.see(time_s + 1.5, 32.0, **LISTENING) is BUTTON


def test_a_lost_trigger_is_a_fault_in_words_and_only_after_its_time() -> None:
    it = watch()
    lost_after_s = 1.5 + 0.25 / 0.3
    assert it.see(lost_after_s - 0.01, 32.05, **RUNNING) is None
    with pytest.raises(InstrumentFaultError, match="trigger was lost") as caught:
        it.see(lost_after_s + 0.01, 32.05, **RUNNING)
    assert caught.value.did == "Nothing was triggered again."


def test_a_movement_the_wrong_way_is_a_fault_and_nobody_pressed() -> None:
    it = watch()
    assert it.see(1.0, 31.7, **RUNNING) is FAULT
    through = watch(COLD)
    climb(through, 15.0, start_c=20.0)
    assert through.see(60.0, 25.0, **RUNNING) is FAULT


def test_an_abort_at_mms_seen_late_is_a_fault_although_the_temperature_turned() -> None:
    it = watch()
    time_s = climb(it, 40.0)
    assert it.see(time_s + 0.3, 38.5, **LISTENING) is FAULT


def test_beyond_the_cutoff_is_a_fault() -> None:
    it = watch()
    climb(it, 47.9)
    with pytest.raises(BeyondCutoffError, match="beyond the cut-off"):
        it.see(60.0, 48.6, **RUNNING)
    with pytest.raises(ReadingJumpError, match="beyond the cut-off"):
        it.see(53.1, 49.2, **RUNNING)


def test_a_device_that_ignores_the_button_is_a_fault() -> None:
    it = watch()
    time_s = climb(it, 40.0)
    assert it.see(time_s + 0.1, 40.0, **RUNNING | {"yes": True}) is BUTTON
    assert it.see(time_s + 0.5, 40.3, **RUNNING) is BUTTON
    with pytest.raises(InstrumentFaultError, match="goes on"):
        it.see(time_s + 3.0, 40.7, **RUNNING)


READING = st.tuples(
    st.floats(0.001, 0.5),
    st.floats(25.0, 48.4),
    st.booleans(),
    st.integers(0, 3),
    st.integers(0, 4),
    st.sampled_from([0, 0x2000, 0x4000]),
)


@given(st.lists(READING, max_size=30), st.booleans())
def test_what_was_answered_once_stays(readings: list[tuple[float, float, bool, int, int, int]], yes: bool) -> None:
    it = watch(yes_at_onset=yes)
    time_s, first = 0.0, None
    for gap_s, value_c, pressed, system, test, code in readings:
        time_s += gap_s
        try:
            end = it.see(time_s, value_c, yes=pressed, system=system, test=test, code=code)
        except InstrumentFaultError:
            continue
        first = first or end
        assert end is first
