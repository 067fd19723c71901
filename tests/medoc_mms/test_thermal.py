"""The lagged plate against its differential equation, and what it promises."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst_simulators.thermal import LaggedSurface
from qst_simulators.world import World

TAU = 0.15


def plate(start_c: float = 32.0, tau_s: float = TAU) -> tuple[World, LaggedSurface]:
    world = World(1)
    return world, LaggedSurface(world, start_c, tau_s=tau_s)


def test_it_rests_where_it_starts() -> None:
    _, surface = plate(20.0)
    assert surface.temperature_c(1000.0) == 20.0
    assert surface.setpoint_c(5.0) == surface.target_c == 20.0


def test_it_follows_the_ramp_by_rate_times_tau() -> None:
    _, surface = plate()
    surface.drive(48.0, 0.3)
    assert surface.setpoint_c(10.0) == pytest.approx(35.0)
    assert surface.temperature_c(10.0) == pytest.approx(35.0 - 0.3 * TAU, abs=1e-12)
    assert surface.setpoint_c(100.0) == 48.0
    assert surface.temperature_c(16 / 0.3 + TAU) == pytest.approx(48.0 - 0.3 * TAU / math.e, abs=1e-9)


def test_it_solves_the_differential_equation() -> None:
    world, surface = plate()
    integrated, step = 32.0, 1e-4
    surface.drive(40.0, 4.0)
    time_s = 0.0
    for index in range(50000):
        if index == 10000:
            world.advance(time_s)
            surface.drive(30.0, 8.0)
        middle = surface.setpoint_c(time_s + step / 2)
        gone = -math.expm1(-step / TAU)
        integrated += (middle - integrated) * gone
        time_s += step
        if index % 1000 == 999:
            assert surface.temperature_c(time_s) == pytest.approx(integrated, abs=2e-3)


def test_it_is_continuous_at_a_change_and_at_the_end_of_a_ramp() -> None:
    world, surface = plate()
    surface.drive(35.0, 1.0)
    assert surface.temperature_c(3.0 - 1e-9) == pytest.approx(surface.temperature_c(3.0), abs=1e-8)
    world.advance(1.7)
    before = surface.temperature_c(1.7)
    surface.drive(20.0, 8.0)
    assert surface.temperature_c(1.7) == before


def test_a_return_never_begins_with_a_last_rise() -> None:
    world, surface = plate()
    surface.drive(48.0, 8.0)
    world.advance(1.0)
    top = surface.temperature_c(1.0)
    surface.drive(32.0, 1.0)
    assert all(surface.temperature_c(1.0 + 0.001 * index) <= top for index in range(1, 2000))


def test_hold_freezes_the_setpoint() -> None:
    world, surface = plate()
    surface.drive(48.0, 1.0)
    world.advance(4.0)
    surface.hold()
    assert surface.target_c == pytest.approx(36.0)
    assert surface.temperature_c(4.0) == pytest.approx(36.0 - TAU)
    assert surface.temperature_c(60.0) == pytest.approx(36.0)


def test_every_change_is_told_when_it_is_in_force() -> None:
    _, surface = plate()
    seen: list[float] = []
    surface.on_change.append(lambda: seen.append(surface.target_c))
    surface.drive(48.0, 1.0)
    surface.hold()
    assert seen == [48.0, 32.0]


@pytest.mark.parametrize(("target", "rate"), [(40.0, 0.0), (40.0, -1.0), (math.nan, 1.0), (40.0, math.inf)])
def test_nonsense_orders_are_refused(target: float, rate: float) -> None:
    _, surface = plate()
    with pytest.raises(ValueError, match="drive"):
        surface.drive(target, rate)


@pytest.mark.parametrize(("start", "tau"), [(32.0, 0.0), (32.0, -1.0), (math.nan, 0.1), (32.0, math.inf)])
def test_nonsense_plates_are_refused(start: float, tau: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        plate(start, tau)


@pytest.mark.parametrize("threshold", [32.001, 33.0, 40.0, 47.9, 47.99, 47.99999])
def test_when_is_exact_on_the_way_out(threshold: float) -> None:
    _, surface = plate()
    surface.drive(48.0, 0.3)
    crossing = surface.when(threshold, rising=True, after_s=0.0)
    assert crossing is not None
    assert surface.temperature_c(crossing) == pytest.approx(threshold, abs=1e-9)
    assert surface.temperature_c(crossing - 2e-9) < threshold


def test_when_knows_the_present_and_the_never() -> None:
    world, surface = plate()
    surface.drive(48.0, 0.3)
    assert surface.when(31.0, rising=True, after_s=3.0) == 3.0
    assert surface.when(48.0, rising=True, after_s=0.0) is None
    assert surface.when(49.0, rising=True, after_s=0.0) is None
    assert surface.when(31.0, rising=False, after_s=0.0) is None
    assert surface.when(32.0, rising=False, after_s=0.0) == 0.0
    world.advance(10.0)
    surface.drive(20.0, 8.0)
    crossing = surface.when(21.0, rising=False, after_s=10.0)
    assert crossing is not None
    assert surface.temperature_c(crossing) == pytest.approx(21.0, abs=1e-8)


STEPS = st.lists(
    st.tuples(st.floats(0.0, 55.0), st.floats(0.05, 8.0), st.floats(0.0, 20.0), st.booleans()), min_size=1, max_size=8
)


@given(STEPS, st.floats(0.01, 1.0))
def test_it_never_overshoots_and_is_monotonic_between_changes(
    steps: list[tuple[float, float, float, bool]], tau_s: float
) -> None:
    world, surface = plate(32.0, tau_s)
    lowest = highest = 32.0
    for target, rate, duration, hold in steps:
        start_s = world.now_s
        if hold:
            surface.hold()
        else:
            surface.drive(target, rate)
        lowest, highest = min(lowest, surface.target_c), max(highest, surface.target_c)
        path = [surface.temperature_c(start_s + duration * index / 50) for index in range(51)]
        rising = surface.target_c >= path[0]
        for early, late in pairwise(path):
            assert (late >= early - 1e-9) if rising else (late <= early + 1e-9)
        assert lowest - 1e-9 <= min(path)
        assert max(path) <= highest + 1e-9
        world.advance(start_s + duration)


@given(st.floats(0.0, 55.0), st.floats(0.05, 8.0), st.floats(0.0, 55.0), st.floats(0.0, 30.0))
def test_when_agrees_with_the_path(target: float, rate: float, threshold: float, after_s: float) -> None:
    _, surface = plate()
    surface.drive(target, rate)
    rising = target > 32.0
    crossing = surface.when(threshold, rising=rising, after_s=after_s)
    sign = 1.0 if rising else -1.0
    if crossing is None:
        assert sign * (surface.temperature_c(after_s + 1000.0) - threshold) <= 1e-9
        return
    assert crossing >= after_s
    assert sign * (surface.temperature_c(crossing) - threshold) >= -1e-8
    if crossing > after_s + 1e-6:
        assert sign * (surface.temperature_c(crossing - 1e-6) - threshold) < 1e-9
