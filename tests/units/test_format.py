"""Numbers back to people, and decimal rounding."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst import units


@pytest.mark.parametrize(
    ("value", "step", "expected"),
    [
        (2.675, "0.01", 2.68),  # round(2.675, 2) is 2.67
        (0.25, "0.1", 0.3),  # round(0.25, 1) is 0.2
        (0.35, "0.1", 0.4),
        (1.05, "0.1", 1.1),
        (1.0499999, "0.1", 1.0),
        (37.905, "0.01", 37.91),
        (-0.25, "0.1", -0.3),
        (101.0, "25", 100.0),
        (0.29, "0.01", 0.29),
    ],
)
def test_half_goes_up_in_decimal(value: float, step: str, expected: float) -> None:
    assert units.round_half_up(value, step) == expected


@pytest.mark.parametrize(("value", "step"), [(float("nan"), "0.1"), (float("inf"), "0.1"), (1.0, "0"), (1.0, "-1")])
def test_nonsense_is_not_rounded(value: float, step: str) -> None:
    with pytest.raises(ValueError, match="cannot round"):
        units.round_half_up(value, step)


@given(st.floats(-1e6, 1e6), st.sampled_from(["0.1", "0.01", "0.5", "1", "25", "0.25"]))
def test_rounding_lands_on_the_grid_within_half_a_step(value: float, step: str) -> None:
    rounded = Decimal(repr(units.round_half_up(value, step)))
    assert rounded % Decimal(step) == 0
    assert abs(rounded - Decimal(repr(value))) <= Decimal(step) / 2


@given(st.integers(0, 2000))
def test_a_grid_value_survives_the_way_through_kpa(hundredths: int) -> None:
    shown = hundredths / 100
    assert units.to_display(units.from_display(shown, "kgf/cm2"), "kgf/cm2") == shown


def test_values_for_people() -> None:
    assert units.format_value(100.03, "kgf/cm2") == "1.02 kg/cm²"
    assert units.format_value(37.9, "Cel") == "37.90 °C"
    assert units.format_value(-0.001, "Cel") == "0.00 °C"
    assert units.format_value(250.04, "kPa") == "250.0 kPa"
    assert units.format_value(250.04, "N/cm2", decimals=1) == "25.0 N/cm²"
    assert units.format_rate(98.0665, "kgf/cm2") == "1 kg/cm²/s"
    assert units.format_rate(0.3, "Cel") == "0.3 °C/s"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (32.605, "Cel", "32.61 °C"),  # the mean of 32.60 and 32.61; binary rounding gives 32.60
        (2.675, "kgf/cm2", "2.68 kg/cm²"),
        (-1.005, "Cel", "-1.01 °C"),
        (-0.001, "Cel", "0.00 °C"),
        (250.25, "kPa", "250.3 kPa"),
        (250.35, "kPa", "250.4 kPa"),
    ],
)
def test_a_tie_in_the_display_unit_goes_up_in_decimal(value: float, unit: str, text: str) -> None:
    assert units.format_display(value, unit) == text


def test_a_step_of_fewer_decimals_has_them() -> None:
    assert units.format_display(4.25, "kgf/cm2", decimals=1) == "4.3 kg/cm²"
    assert units.format_display(46.5, "Cel", decimals=0) == "47 °C"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.25 s"), (66.7, "1 min 07 s"), (59.96, "59.96 s"), (750.0, "12 min 30 s"), (3900.0, "1 h 05 min")],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert units.format_duration(seconds) == text
