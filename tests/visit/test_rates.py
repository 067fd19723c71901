import random

import pytest

from qst.visit.rates import achieved_rate


def test_a_straight_ramp_has_its_rate_and_no_spread() -> None:
    mean, sd = achieved_rate([(t / 50, 32.0 + 0.3 * t / 50) for t in range(1000)])
    assert mean == pytest.approx(0.3)
    assert sd == pytest.approx(0.0, abs=1e-9)


def test_a_falling_ramp_has_a_positive_rate() -> None:
    assert achieved_rate([(0.0, 20.0), (1.0, 19.7)])[0] == pytest.approx(0.3)


def test_noise_at_the_ends_hardly_moves_the_mean() -> None:
    chance = random.Random(1)
    samples = [(t / 50, 32.0 + 0.3 * t / 50 + chance.gauss(0, 0.05)) for t in range(500)]
    assert achieved_rate(samples)[0] == pytest.approx(0.3, abs=0.005)


def test_an_unsteady_hand_shows_in_the_spread() -> None:
    samples, value = [], 0.0
    for tick in range(100):
        value += (50.0 if tick // 10 % 2 else 150.0) * 0.02
        samples.append((tick * 0.02, value))
    mean, sd = achieved_rate(samples)
    assert mean == pytest.approx(100.0, rel=0.05)
    assert sd == pytest.approx(50.0, rel=0.2)


@pytest.mark.parametrize("samples", [[], [(0.0, 1.0)], [(1.0, 1.0), (1.0, 2.0)]])
def test_too_little_gives_no_rate(samples: list[tuple[float, float]]) -> None:
    assert achieved_rate(samples) == (None, None)
