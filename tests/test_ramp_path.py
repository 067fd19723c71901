"""Which cause a reading beside its ramp has: a jump, a slow plate, or one that stands still."""

import pytest

from qst.errors import FrozenReadingError, InstrumentFaultError, OffRampError, ReadingJumpError
from qst.instruments import ThermalRamp
from qst_drivers.ramp_path import RampPath

STEP_S = 0.02


def fault_of(rate: float, share: float) -> InstrumentFaultError:
    """What is said of a plate that moves at a share of its rate from 2 °C on, as noisily as five zones do."""
    path = RampPath(ThermalRamp(start_c=32.0, rate_c_per_s=rate, cutoff_c=50.0, return_rate_c_per_s=8.0), 0.0)
    changed_s = 2.0 / rate
    for step in range(3000):
        time_s = step * STEP_S
        gone_c = rate * (min(time_s, changed_s) + share * max(time_s - changed_s, 0.0)) + 0.04 * (-1) ** step
        try:
            path.see(time_s, gone_c, 0.0)
            path.require_following(time_s, gone_c)
        except InstrumentFaultError as fault:
            return fault
    raise AssertionError("no fault")


@pytest.mark.parametrize("rate", [0.1, 0.3, 1.0, 5.0])
@pytest.mark.parametrize(
    ("share", "kind"), [(0.0, FrozenReadingError), (0.5, OffRampError), (0.7, OffRampError), (1.6, OffRampError)]
)
def test_a_plate_that_stands_still_is_told_from_one_that_is_slow_or_fast(rate: float, share: float, kind: type) -> None:
    assert type(fault_of(rate, share)) is kind


@pytest.mark.parametrize("size_c", [1.5, 2.0, 20.0])
@pytest.mark.parametrize("rate", [0.3, 5.0])
def test_a_reading_far_from_the_last_one_is_a_jump(size_c: float, rate: float) -> None:
    path = RampPath(ThermalRamp(start_c=20.0, rate_c_per_s=rate, cutoff_c=0.0, return_rate_c_per_s=5.0), 0.0)
    for step in range(100):
        path.see(step * STEP_S, step * STEP_S * rate, 0.0)
    with pytest.raises(ReadingJumpError, match=f"jumped from {20 - 99 * STEP_S * rate:.1f} °C"):
        path.see(100 * STEP_S, 100 * STEP_S * rate + size_c, 0.0)


def test_without_an_earlier_reading_nothing_has_jumped() -> None:
    path = RampPath(ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0), 0.0)
    with pytest.raises(OffRampError):
        path.see(0.02, 2.0, 0.0)


@pytest.mark.parametrize(("short_c", "doubtful"), [(0.5, False), (0.0, True)])
def test_a_plate_that_began_short_of_its_start_stays_behind_by_as_much(short_c: float, doubtful: bool) -> None:
    """A probe that reads half a degree too little at the start does so on the way, too."""
    ramp = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0)
    path = RampPath(ramp, 0.0, short_c=short_c)
    for step in range(200):
        path.see(step * STEP_S, step * STEP_S * 0.3 - 0.7, 0.0)
    assert path.doubtful is doubtful
