"""The plate's path: as measured, continuous, and exact to find points on."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst_simulators.thermal_template import TemplateSurface, ramp_pieces
from qst_simulators.world import World

# Mean of five zones every 10 ms, T03 probe, 300 °C/s (published check traces, UCLouvain).
MEASURED_32_TO_62 = (32.3, 34.5, 38.7, 43.3, 45.8, 48.8, 51.9, 54.8, 57.9, 60.9, 62.9, 61.9, 61.9, 62.1, 62.0)

#: Temperatures as the wire knows them and ten times finer; no plate has a target of 5e-324 °C.
CELSIUS = st.integers(0, 50_000).map(lambda thousandths: thousandths / 1000)


def _surface(
    start_c: float = 32.0, *, offset_c: float = 0.0, power_limited: bool = False
) -> tuple[World, TemplateSurface]:
    world = World(1)
    return world, TemplateSurface(world, start_c, offset_c=offset_c, power_limited=power_limited)


def test_fast_step_is_the_measured_one() -> None:
    _, surface = _surface()
    surface.drive(62.0, 300.0)
    errors = [surface.temperature_c(0.010 * (step + 1)) - measured for step, measured in enumerate(MEASURED_32_TO_62)]
    assert math.sqrt(sum(error**2 for error in errors) / len(errors)) < 0.15
    assert max(surface.temperature_c(step / 10_000) for step in range(2_000)) == pytest.approx(62.9, abs=0.02)


def test_power_limited_probe_slows_down_as_it_gets_hot() -> None:
    _, surface = _surface(power_limited=True)
    surface.drive(65.0, 300.0)
    assert surface.temperature_c(0.165) == pytest.approx(
        64.35, abs=1.1
    )  # measured on skin: 64.1 to 64.6 at 150 to 180 ms
    arrival_s = surface.when(64.9, rising=True, after_s=0.0)
    assert arrival_s is not None
    slope = (surface.temperature_c(arrival_s) - surface.temperature_c(arrival_s - 0.001)) / 0.001
    assert slope == pytest.approx((78 - 64.9) / 0.124, rel=0.05)


@pytest.mark.parametrize("rate", [0.3, 1.0, 5.0])
def test_ramps_of_threshold_testing_are_ideal_to_the_displays_step(rate: float) -> None:
    _, surface = _surface()
    surface.drive(50.0, rate)
    worst = max(
        abs(surface.temperature_c(s / 20) - min(32 + rate * s / 20, 50.0)) for s in range(int(18 / rate * 20) + 40)
    )
    assert worst <= rate * 0.0118


def test_when_is_exact_on_a_slow_ramp() -> None:
    _, surface = _surface()
    surface.drive(50.0, 0.3)
    time_s = surface.when(44.0, rising=True, after_s=0.0)
    assert time_s is not None
    assert time_s == pytest.approx(40.0036, abs=1e-9)
    assert surface.temperature_c(time_s) == pytest.approx(44.0, abs=1e-9)
    assert surface.when(50.5, rising=True, after_s=0.0) is None
    assert surface.when(44.0, rising=False, after_s=1.0) == 1.0
    assert surface.when(40.0, rising=True, after_s=50.0) == 50.0


def test_offset_moves_the_truth_and_not_the_sensor() -> None:
    _, surface = _surface(offset_c=0.3)
    assert surface.sensor_c(0.0) == 32.0
    assert surface.temperature_c(0.0) == pytest.approx(31.7)
    surface.drive(50.0, 0.3)
    time_s = surface.when(44.0, rising=True, after_s=0.0)
    assert time_s is not None
    assert surface.temperature_c(time_s) == pytest.approx(44.0, abs=1e-9)


def test_turning_round_starts_from_where_the_plate_is_and_tells_listeners() -> None:
    world, surface = _surface()
    told: list[float] = []
    surface.on_change.append(lambda: told.append(world.now_s))
    surface.drive(50.0, 1.0)
    world.advance(5.0)
    here_c = surface.temperature_c(5.0)
    surface.drive(32.0, 8.0)
    assert surface.temperature_c(5.0) == pytest.approx(here_c, abs=1e-12)
    assert told == [0.0, 5.0]
    assert surface.temperature_c(20.0) == 32.0


@given(
    start=st.floats(-5, 60),
    target=st.floats(-5, 60),
    rate=st.floats(0.01, 300),
    power_limited=st.booleans(),
)
def test_path_is_continuous_monotone_by_pieces_and_bounded(
    start: float, target: float, rate: float, power_limited: bool
) -> None:
    pieces = ramp_pieces(0.0, start, target, rate, power_limited=power_limited)
    for before, after in pairwise(pieces):
        assert before.end_s == pytest.approx(after.start_s, abs=1e-9)
        assert before.end_c == pytest.approx(after.start_c, abs=1e-5)
        middle = before.at((before.start_s + before.end_s) / 2)
        assert min(before.start_c, before.end_c) - 1e-9 <= middle <= max(before.start_c, before.end_c) + 1e-9
    low, high = min(start, target), max(start, target)
    over = min(1.1, 0.1 * (high - low)) + 1e-9
    assert all(low - over <= piece.end_c <= high + over for piece in pieces)
    assert pieces[-1].at(1e9) == target


@given(
    start=CELSIUS,
    target=CELSIUS,
    rate=st.floats(0.1, 300),
    share=st.floats(0, 1),
    after=st.floats(0, 20),
    power_limited=st.booleans(),
)
def test_when_agrees_with_the_path(
    start: float, target: float, rate: float, share: float, after: float, power_limited: bool
) -> None:
    _, surface = _surface(start, power_limited=power_limited)
    surface.drive(target, rate)
    # Rounding must not put the threshold a hair beyond the target.
    low, high = sorted((start, target))
    threshold, rising = min(max(start + share * (target - start), low), high), target >= start
    time_s = surface.when(threshold, rising=rising, after_s=after)
    assert time_s is not None
    assert time_s >= after
    sign = 1 if rising else -1
    assert sign * (surface.temperature_c(time_s) - threshold) >= -1e-6
    if time_s > after:
        assert sign * (surface.temperature_c(max(time_s - 1e-4, after)) - threshold) <= 1e-6
