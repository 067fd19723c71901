"""The watch over a plate's way."""

import pytest

from qst.errors import InstrumentFaultError
from qst_drivers.arroyo_5300.watch import LAG_S, PathWatch


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
    assert not off_way(watch(), still[:25])
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
