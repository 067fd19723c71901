"""The watch over a plate's way."""

import pytest

from qst.errors import FrozenReadingError, InstrumentFaultError
from qst_drivers.arroyo_5300.watch import AHEAD_C, FULL_POWER_S, LAG_S, STILL_C, PathWatch


def off_way(watch: PathWatch, readings: list[tuple[float, float]]) -> bool:
    try:
        for time_s, value_c in readings:
            watch.see(time_s, value_c)
    except InstrumentFaultError:
        return True
    return False


@pytest.mark.parametrize("sign", [1, -1])
def test_a_plate_that_lags_is_on_its_way_and_one_that_does_not_move_is_not(sign: int) -> None:
    def watch() -> PathWatch:
        return PathWatch(32.0, 32.0 + 16 * sign, 0.3, 100.0)

    lagging = [(100 + step * 0.1, 32 + sign * min(max(0.3 * (step * 0.1 - LAG_S), 0), 16)) for step in range(800)]
    assert not off_way(watch(), lagging)
    still = [(100 + step * 0.1, 32.0) for step in range(40)]
    assert off_way(watch(), still)
    assert not off_way(watch(), still[:20])
    ahead = [(100 + step * 0.1, 32 + sign * step * 0.3) for step in range(15)]
    assert off_way(watch(), ahead)


def test_single_wrong_readings_are_no_fault_also_after_a_pause() -> None:
    watch = PathWatch(32.0, 32.0, 1.0, 0.0)
    assert not off_way(watch, [(0.0, 32.0), (60.0, 40.0), (60.1, 32.0), (60.2, 20.0), (60.3, 32.0)])
    assert off_way(watch, [(61.0, 40.0), (61.31, 40.0)])


def test_it_arrives_when_the_set_point_does() -> None:
    watch = PathWatch(32.0, 48.0, 0.5, 10.0)
    assert watch.arrives_s == 42.0
    assert not off_way(watch, [(50.0, 48.0 + 0.9), (51.0, 48.0 - 0.9)])


@pytest.mark.parametrize(("rate", "noticed_s"), [(0.1, 1.7), (0.3, 0.65), (1.0, 0.5)])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_reading_that_stops_in_the_middle_of_a_ramp_is_noticed_soon(sign: int, rate: float, noticed_s: float) -> None:
    def readings(stuck_s: float) -> list[tuple[float, float]]:
        times_s = [step * 0.05 for step in range(240)]
        noise = [0.004 * (-1) ** step for step in range(240)]
        moved = [rate * max(min(time_s, stuck_s) - 0.5, 0.0) for time_s in times_s]
        return [(time_s, 32 + sign * way + n) for time_s, way, n in zip(times_s, moved, noise, strict=True)]

    assert not off_way(PathWatch(32.0, 32.0 + 18 * sign, rate, 0.0), readings(20.0))
    watch = PathWatch(32.0, 32.0 + 18 * sign, rate, 0.0)
    believed = [seen_s for seen_s, value_c in readings(6.0) if not off_way(watch, [(seen_s, value_c)])]
    assert 6.0 < believed[-1] < 6.0 + noticed_s


def test_a_reading_that_never_sets_out_is_noticed_at_once_where_the_controller_is_at_full_power() -> None:
    watch = PathWatch(32.0, 48.0, 0.3, 0.0)
    for step in range(20):
        watch.see(step * 0.1, 32.0)
    watch.see_full_power(FULL_POWER_S - 0.01, 32.0)
    with pytest.raises(FrozenReadingError, match="sensor may be stuck"):
        watch.see_full_power(FULL_POWER_S + 0.01, 32.0)
    watch.see_full_power(FULL_POWER_S + 0.01, 32.0 + 2 * STILL_C)
    arrived = PathWatch(32.0, 32.1, 1.0, 0.0)
    arrived.see_full_power(20.0, 32.1)


def test_a_plate_at_rest_may_stand_still() -> None:
    watch = PathWatch(32.0, 33.0, 1.0, 0.0)
    assert not off_way(
        watch, [(0.0, 32.0), (0.5, 32.3), (1.0, 32.8), *[(1.0 + step * 0.1, 33.0) for step in range(50)]]
    )


def test_a_plate_ahead_of_its_set_point_is_off_its_way_sooner_than_one_behind() -> None:
    def way(beside_c: float) -> list[tuple[float, float]]:
        return [(4 + step * 0.1, 32 + 0.3 * (4 + step * 0.1) + beside_c) for step in range(20)]

    assert off_way(PathWatch(32.0, 48.0, 0.3, 0.0), way(AHEAD_C + 0.02))
    assert not off_way(PathWatch(32.0, 48.0, 0.3, 0.0), way(AHEAD_C - 0.02))
    assert not off_way(PathWatch(32.0, 48.0, 0.3, 0.0), way(-AHEAD_C - 0.02))
