"""The plate's closed form against a plain integration of the equation that it solves."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qst_simulators.peltier import COLDEST_C, HOTTEST_C, PeltierSurface, Plate
from qst_simulators.world import World

STEP_S = 5e-4
AT_ONCE = Plate(delay_s=0.0, start_c=32.0)


def surface(plate: Plate = AT_ONCE) -> tuple[World, PeltierSurface]:
    world = World(1)
    return world, PeltierSurface(world, plate)


def integrated(plate: Plate, setpoints: PeltierSurface, until_s: float) -> float:
    """Heun's method on dT/dt = clamp((w − T)/τ), with the working set-point of ``setpoints``."""

    def slope(time_s: float, value_c: float) -> float:
        demand = (setpoints.setpoint_c(time_s) - value_c) / plate.tau_s
        return min(max(demand, -plate.cooling_c_per_s), plate.heating_c_per_s)

    value_c, steps = plate.start_c, round(until_s / STEP_S)
    for step in range(steps):
        time_s = step * STEP_S
        first = slope(time_s, value_c)
        value_c += STEP_S * (first + slope(time_s + STEP_S, value_c + STEP_S * first)) / 2
    return value_c


@pytest.mark.parametrize(
    ("target_c", "rate", "overshoot_c"),
    [
        (48.0, 0.3, 0.0),
        (48.0, 2.9, 0.0),
        (48.0, 8.0, 0.0),
        (48.0, None, 0.0),
        (20.0, 1.0, 0.0),
        (10.0, 5.0, 0.0),
        (0.0, None, 0.0),
        (40.0, 1.5, 0.8),
        (20.0, 3.0, 2.0),
    ],
)
def test_path_is_the_solution_of_its_equation(target_c: float, rate: float | None, overshoot_c: float) -> None:
    world, plate = surface()
    plate.overshoot_c = overshoot_c
    plate.drive(target_c, rate)
    world.advance(0.0)
    for until_s in (0.3, 2.0, 6.0, 12.0):
        assert plate.temperature_c(until_s) == pytest.approx(integrated(AT_ONCE, plate, until_s), abs=2e-3)
    assert plate.temperature_c(200.0) == pytest.approx(target_c, abs=1e-6)


@given(
    target=st.floats(0, 50),
    rate=st.sampled_from([0.3, 1.0, 2.0, 5.0, None]),
    threshold=st.floats(0, 50),
    rising=st.booleans(),
    after_s=st.floats(0, 30),
    overshoot=st.sampled_from([0.0, 0.7]),
)
@settings(max_examples=200)
def test_when_is_the_first_time(
    target: float, rate: float | None, threshold: float, rising: bool, after_s: float, overshoot: float
) -> None:
    world, plate = surface()
    plate.overshoot_c = overshoot
    plate.drive(target, rate)
    world.advance(0.0)
    time_s = plate.when(threshold, rising=rising, after_s=after_s)
    sign = 1.0 if rising else -1.0
    end_s = 300.0 if time_s is None else time_s
    for part in range(50):
        before_s = after_s + (end_s - after_s) * part / 50 - 1e-6
        if before_s > after_s:
            assert sign * (plate.temperature_c(before_s) - threshold) < 1e-9
    if time_s is not None:
        assert time_s >= after_s
        assert sign * (plate.temperature_c(time_s) - threshold) >= -1e-7


def test_an_order_moves_nothing_before_its_delay_and_a_return_is_monotonic_after_it() -> None:
    world, plate = surface(Plate(start_c=32.0))
    plate.drive(48.0, 0.3)
    world.advance(0.149)
    assert plate.temperature_c(0.149) == 32.0
    world.advance(20.0)
    plate.drive(32.0, 1.5)
    world.advance(20.15)
    path = [plate.temperature_c(20.15 + step * 0.01) for step in range(2000)]
    assert path == sorted(path, reverse=True)
    assert path[-1] == pytest.approx(32.0, abs=1e-3)


def test_a_slew_from_the_setpoint_first_goes_on() -> None:
    world, plate = surface()
    plate.drive(48.0, 1.0)
    world.advance(5.0)
    here_c = plate.temperature_c(5.0)
    plate.drive(32.0, 1.5, from_setpoint=True)
    world.advance(5.0)
    assert here_c < plate.temperature_c(5.2) < here_c + 0.3


def test_nothing_depends_on_how_often_anybody_looks() -> None:
    values = []
    for looks in (1, 997):
        world, plate = surface(Plate())
        plate.drive(40.0, 1.0)
        for look in range(1, looks + 1):
            world.advance(9.0 * look / looks)
            plate.temperature_c(world.now_s)
        values.append(plate.temperature_c(9.0))
    assert values[0] == values[1]


def test_without_power_it_drifts_to_its_sink_and_forgets_orders_under_way() -> None:
    world, plate = surface(Plate(start_c=20.0, sink_c=36.0, drift_tau_s=20.0))
    plate.drive(0.0, 1.0)
    plate.release()
    world.advance(20.0)
    assert plate.temperature_c(20.0) == pytest.approx(36.0 - 16.0 / math.e)
    assert plate.setpoint_c(20.0) == plate.temperature_c(20.0)
    assert plate.effort(20.0) > 0


def test_a_stuck_sensor_lets_the_plate_run_away_at_full_power() -> None:
    world, plate = surface()
    plate.stick(32.0)
    plate.drive(32.0, 0.3)
    world.advance(5.0)
    assert plate.temperature_c(5.0) == 32.0
    plate.drive(48.0, 0.3)
    world.advance(5.0)
    assert plate.temperature_c(8.0) == pytest.approx(41.0)
    assert plate.temperature_c(100.0) == HOTTEST_C
    plate.drive(20.0, 0.3)
    world.advance(5.0)
    assert plate.temperature_c(200.0) == COLDEST_C
    plate.stick(None)
    assert plate.temperature_c(200.0) == pytest.approx(20.0)


def test_a_stuck_sensor_with_a_setpoint_that_crosses_it_turns_the_plate_round() -> None:
    world, plate = surface()
    plate.drive(40.0, 1.0)
    world.advance(4.0)
    plate.stick(36.0)
    here_c = plate.temperature_c(4.0)
    plate.drive(34.0, 1.0, from_setpoint=True)  # from 36 down: below the stuck value at once
    world.advance(4.0)
    assert plate.temperature_c(5.0) == pytest.approx(here_c - 1.5)


@pytest.mark.parametrize("wrong", [{"tau_s": 0.0}, {"delay_s": -0.1}, {"start_c": 200.0}, {"sink_c": float("nan")}])
def test_a_plate_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Plate(**wrong)


def test_impossible_orders_are_refused() -> None:
    _, plate = surface()
    for target_c, rate in ((float("nan"), 1.0), (30.0, 0.0), (30.0, -1.0)):
        with pytest.raises(ValueError, match="cannot drive"):
            plate.drive(target_c, rate)
