"""Ceilings, longest stays and budgets."""

import math

import pytest

from qst import safety
from qst.instruments import ThermalRamp
from qst.safety import StayWatch


def ramp(rate: float, cutoff: float, back: float, start: float = 32.0) -> ThermalRamp:
    return ThermalRamp(start_c=start, rate_c_per_s=rate, cutoff_c=cutoff, return_rate_c_per_s=back)


def test_ceilings() -> None:
    assert (safety.HEAT_CEILING_C, safety.COLD_CEILING_C) == (51.0, -1.0)
    assert pytest.approx(1078.7315) == safety.PRESSURE_CEILING_KPA
    assert safety.PROTOCOL_HEAT_MAX_C < safety.HEAT_CEILING_C
    assert safety.PROTOCOL_COLD_MIN_C > safety.COLD_CEILING_C
    assert safety.PROTOCOL_PRESSURE_MAX_KPA < safety.PRESSURE_CEILING_KPA


@pytest.mark.parametrize(
    ("temperature", "longest"),
    [
        (60, 0),
        (56, 0),
        (55.9, 0.05),
        (52, 0.4),
        (51.5, 1),
        (50, 5),
        (49.99, 10),
        (47, 60),
        (46.9, math.inf),
        (32, math.inf),
        (15, math.inf),
        (14.9, 300),
        (0, 300),
        (-10, 300),
        (-10.1, 0),
    ],
)
def test_longest_stays(temperature: float, longest: float) -> None:
    assert safety.longest_stay_s(temperature) == longest


def test_a_usual_ramp_stays_within_every_row() -> None:
    assert safety.stay_problem(ramp(0.3, 48, 8)) == ""
    assert safety.stay_problem(ramp(0.3, 0, 8, start=20)) == ""


def test_a_slow_ramp_stays_too_long() -> None:
    assert "from 49 °C up" in safety.stay_problem(ramp(0.05, 50, 8))
    assert "from 47 °C up" in safety.stay_problem(ramp(0.02, 48.5, 8))
    assert "colder" in safety.stay_problem(ramp(1, -11, 8, start=20))


def test_the_watch_trips_after_the_longest_stay_and_restarts_in_another_row() -> None:
    watch = StayWatch()
    assert watch.add(0.0, 49.5) == ""
    assert watch.add(9.9, 49.5) == ""
    assert watch.add(10.0, 48.9) == ""  # another row: its own timer
    assert watch.add(11.0, 49.5) == ""
    assert watch.add(20.9, 49.6) == ""
    assert "longest stay there is 10 s" in watch.add(21.1, 49.6)


def test_the_watch_trips_at_once_where_no_stay_is_allowed() -> None:
    assert "longest stay there is 0 s" in StayWatch().add(0.0, 56.5)
    assert "longest stay there is 0 s" in StayWatch().add(0.0, -12.0)
    assert StayWatch().add(0.0, 32.0) == ""


def test_no_further_trial_above_the_site_budget() -> None:
    assert safety.site_dose_refusal(20.0) == ""
    assert "20.1 CEM43 min" in safety.site_dose_refusal(20.1)
