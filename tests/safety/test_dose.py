"""Time at temperature and thermal dose, against published and independently computed values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst import safety
from qst.errors import SafetyError
from qst.instruments import ThermalRamp
from qst.safety import Dose, DoseMeter


def ramp(rate: float, cutoff: float, back: float, start: float = 32.0) -> ThermalRamp:
    return ThermalRamp(start_c=start, rate_c_per_s=rate, cutoff_c=cutoff, return_rate_c_per_s=back)


@pytest.mark.parametrize(
    ("rate", "cutoff", "back", "cem43", "cem43_3", "omega_3"),
    [
        (0.3, 50, 1, 13.3, 39.8, 0.088),
        (0.3, 50, 8, 10.6, 31.7, 0.070),
        (0.3, 48, 8, 2.6, 7.9, 0.016),
        (1.0, 50, 1, 6.1, 18.3, 0.040),
        (0.3, 45, 1, 0.4, 1.1, 0.001),
    ],
)
def test_dose_of_a_trial_without_response(
    rate: float, cutoff: float, back: float, cem43: float, cem43_3: float, omega_3: float
) -> None:
    dose = safety.worst_case_dose(ramp(rate, cutoff, back))
    assert dose.cem43_min == pytest.approx(cem43, abs=0.051)
    assert 3 * dose.cem43_min == pytest.approx(cem43_3, abs=0.11)
    assert 3 * dose.omega == pytest.approx(omega_3, rel=0.02, abs=0.00051)


@pytest.mark.parametrize(("temperature", "seconds", "cem43"), [(47, 60, 16), (48, 30, 16), (50, 10, 21)])
def test_dose_of_a_hold(temperature: float, seconds: float, cem43: float) -> None:
    assert safety.hold_dose(temperature, seconds).cem43_min == pytest.approx(cem43, abs=0.5)


@pytest.mark.parametrize(("temperature", "minutes"), [(44, 4.5 * 60), (47, 30), (48, 14), (49, 7), (51, 98 / 60)])
def test_time_to_second_degree_damage(temperature: float, minutes: float) -> None:
    assert 1 / safety.omega_per_s(temperature) / 60 == pytest.approx(minutes, rel=0.03)


@pytest.mark.parametrize(("temperature", "minutes"), [(44, 24 * 60), (47, 2.6 * 60), (48, 75), (49, 36), (51, 8.6)])
def test_the_widespread_wrong_pairing_is_not_ours(temperature: float, minutes: float) -> None:
    """3.1e98 /s with 6.28e5 J/mol understates the damage about fivefold; if it came back, this would tell."""
    wrong = 3.1e98 * math.exp(-6.28e5 / 8.314 / (temperature + 273.15))
    assert 1 / wrong / 60 == pytest.approx(minutes, rel=0.03)
    assert 4.5 < safety.omega_per_s(temperature) / wrong < 6


def test_cem43_rates() -> None:
    assert safety.cem43_per_s(43) * 60 == pytest.approx(1)
    assert safety.cem43_per_s(44) * 60 == pytest.approx(2)
    assert safety.cem43_per_s(42) * 60 == pytest.approx(0.25)
    assert safety.cem43_per_s(38.9) == 0


def test_time_at_temperature_of_a_ramp() -> None:
    dose = safety.worst_case_dose(ramp(0.5, 50, 2))
    assert dose.time_ge_43_s == pytest.approx(14 + 3.5)
    assert dose.time_ge_47_s == pytest.approx(6 + 1.5)
    assert dose.time_ge_48_s == pytest.approx(4 + 1)
    assert dose.time_ge_49_s == pytest.approx(2 + 0.5)
    assert dose.time_ge_50_s == 0


def test_a_cold_ramp_has_no_dose() -> None:
    assert safety.worst_case_dose(ramp(0.3, 0, 8, start=20)) == Dose()


RAMPS = st.builds(
    ramp,
    st.floats(0.1, 8),
    st.floats(33, 51),
    st.floats(0.5, 8),
)


@given(RAMPS)
def test_the_live_meter_agrees_with_the_closed_form(heat: ThermalRamp) -> None:
    meter = DoseMeter()
    up_s = heat.duration_s
    down_s = (heat.cutoff_c - heat.start_c) / heat.return_rate_c_per_s
    steps = 400
    for i in range(steps + 1):
        meter.add(i / steps * up_s, heat.start_c + (heat.cutoff_c - heat.start_c) * i / steps)
    for i in range(1, steps + 1):
        meter.add(up_s + i / steps * down_s, heat.cutoff_c - (heat.cutoff_c - heat.start_c) * i / steps)
    live, exact = meter.dose(), safety.worst_case_dose(heat)
    for name in Dose.__struct_fields__:
        assert getattr(live, name) == pytest.approx(getattr(exact, name), rel=0.01, abs=2e-4), name


def test_a_gap_between_samples_is_rather_overestimated() -> None:
    meter = DoseMeter()
    meter.add(0.0, 40.0)
    meter.add(10.0, 48.0)
    exact = safety.slope_dose(40, 48, 0.8)
    assert meter.dose().cem43_min > exact.cem43_min
    assert meter.dose().time_ge_43_s == pytest.approx(exact.time_ge_43_s)


def test_time_that_stands_still_or_goes_back_adds_nothing() -> None:
    meter = DoseMeter()
    meter.add(5.0, 46.0)
    meter.add(5.0, 46.0)
    meter.add(4.0, 46.0)
    assert meter.dose() == Dose()
    meter.add(6.0, 46.0)
    assert meter.dose().time_ge_43_s == 2.0


@pytest.mark.parametrize(("time", "temperature"), [(1.0, math.nan), (1.0, math.inf), (math.nan, 45.0)])
def test_a_sample_that_is_not_a_number_is_an_error(time: float, temperature: float) -> None:
    meter = DoseMeter()
    meter.add(0.0, 44.0)
    with pytest.raises(SafetyError, match="not a number"):
        meter.add(time, temperature)


@given(RAMPS, RAMPS)
def test_doses_add_up(first: ThermalRamp, second: ThermalRamp) -> None:
    one, two = safety.worst_case_dose(first), safety.worst_case_dose(second)
    assert (one + two).cem43_min == one.cem43_min + two.cem43_min
    assert (one + two).time_ge_43_s == one.time_ge_43_s + two.time_ge_43_s
