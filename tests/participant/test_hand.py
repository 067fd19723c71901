import math
import statistics
from itertools import pairwise

import msgspec
import pytest

from qst.clock import performance_seconds
from qst_simulators.hand import GRID_S, Hand
from qst_simulators.profile import load_profile
from qst_simulators.world import World

PROFILE = load_profile("fibromyalgia").hand
RATE = 9.80665


def pressed(seed: int = 1, key: str = "1", at_s: float = 1.0) -> tuple[World, Hand]:
    world = World(seed)
    world.advance(at_s)
    hand = Hand(world, PROFILE)
    hand.press(target_rate_n_per_s=RATE, site_code="TRP", key=key)
    return world, hand


def test_nothing_before_and_nothing_without_a_push() -> None:
    world = World(1)
    hand = Hand(world, PROFILE)
    assert hand.force_n(3.0) == hand.mean_force_n(0.0, 3.0) == hand.max_force_n(0.0, 3.0) == 0.0
    assert hand.force_when(1.0, 0.0) is None
    hand.release()
    _, pushing = pressed()
    assert pushing.force_n(0.999) == pushing.force_n(1.0) == 0.0
    assert pushing.force_n(2.0) > 5.0


def test_rates_have_the_profiles_bias_and_noise() -> None:
    slopes, residuals = [], []
    for seed in range(300):
        _, hand = pressed(seed)
        times = [1.5 + GRID_S * i for i in range(200)]
        slope, intercept = statistics.linear_regression(times, [hand.force_n(t) for t in times])
        slopes.append(slope / RATE)
        residuals.append(statistics.fmean((hand.force_n(t) - slope * t - intercept) ** 2 for t in times))
    assert statistics.fmean(slopes) == pytest.approx(1.0, abs=0.02)
    # The bias of the ramp, and what 2 s of the noise of the rate leave in its mean.
    drift = PROFILE.rate_noise_sd * math.sqrt(2 * PROFILE.rate_noise_tau_s / 2.0)
    assert statistics.stdev(slopes) == pytest.approx(math.hypot(PROFILE.rate_bias_sd, drift), rel=0.25)
    assert math.sqrt(statistics.fmean(residuals)) < 0.45  # N; 0.32 N about a straight line (Kinser 2009)


def test_start_up_is_slower_and_contact_bumps() -> None:
    early, late = [], []
    for seed in range(100):
        _, hand = pressed(seed)
        early.append(hand.force_n(1.2) / 0.2)
        late.append((hand.force_n(2.2) - hand.force_n(2.0)) / 0.2)
    assert statistics.fmean(early) == pytest.approx(RATE / 2, rel=0.1)
    assert statistics.fmean(late) == pytest.approx(RATE, rel=0.1)
    world, hand = pressed()
    no_bump = msgspec.structs.replace(PROFILE, bump_n=msgspec.structs.replace(PROFILE.bump_n, median=1e-9))
    smooth = Hand(world, no_bump)
    smooth.press(target_rate_n_per_s=RATE, site_code="TRP", key="1")
    assert hand.force_n(1.05) - smooth.force_n(1.05) > 0.1
    assert hand.force_n(1.5) == pytest.approx(smooth.force_n(1.5))


def test_tremor_is_there_and_small() -> None:
    still = msgspec.structs.replace(PROFILE, rate_noise_sd=0.0, sway_n=0.0)
    world = World(1)
    steady = Hand(world, still)
    steady.press(target_rate_n_per_s=RATE, site_code="TRP", key="1")
    times = [2.0 + GRID_S * i for i in range(100)]
    slope, intercept = statistics.linear_regression(times, [steady.force_n(t) for t in times])
    rest = [steady.force_n(t) - slope * t - intercept for t in times]
    assert 0.02 < statistics.stdev(rest) < 0.5
    crossings = sum(a * b < 0 for a, b in pairwise(rest))
    assert crossings > 10  # in one second: an oscillation near 10 Hz, not a drift


def test_same_key_same_push_another_key_another() -> None:
    _, one = pressed(key="1")
    world, two = pressed(key="0")
    two.release()
    world.advance(1.0 + GRID_S * 800)
    two.press(target_rate_n_per_s=RATE, site_code="TRP", key="1")
    for elapsed_s in (0.05, 0.333, 1.7):
        assert two.force_n(world.now_s + elapsed_s) == pytest.approx(one.force_n(1.0 + elapsed_s))
    assert pressed(key="2")[1].force_n(2.0) != one.force_n(2.0)
    assert pressed(seed=2)[1].force_n(2.0) != one.force_n(2.0)


def test_reading_in_any_order_gives_the_same_path() -> None:
    _, early = pressed()
    _, late = pressed()
    times = [1.0 + 0.0137 * i for i in range(150)]
    forwards = [early.force_n(t) for t in times]
    late.force_n(10.0)
    assert [late.force_n(t) for t in reversed(times)] == forwards[::-1]


def brute_force(hand: Hand, from_s: float, to_s: float) -> tuple[float, float]:
    """Mean and maximum by summing over a fine grid."""
    steps = 20_000
    width = (to_s - from_s) / steps
    values = [hand.force_n(from_s + (i + 0.5) * width) for i in range(steps)]
    return statistics.fmean(values), max(values)


@pytest.mark.parametrize(
    ("from_s", "to_s"), [(1.0, 3.0), (0.5, 1.2), (1.503, 1.5761), (2.9, 3.6), (1.0, 1.001), (3.0, 6.0)]
)
def test_window_means_and_maxima_are_exact(from_s: float, to_s: float) -> None:
    world, hand = pressed()
    world.advance(3.0)
    hand.release()
    mean, largest = brute_force(hand, from_s, to_s)
    assert hand.mean_force_n(from_s, to_s) == pytest.approx(mean, rel=1e-5, abs=1e-7)
    assert hand.max_force_n(from_s, to_s) == pytest.approx(largest, rel=1e-3, abs=1e-6)
    assert hand.max_force_n(from_s, to_s) >= largest


def test_an_empty_window_is_a_point() -> None:
    _, hand = pressed()
    assert hand.mean_force_n(2.0, 2.0) == hand.max_force_n(2.0, 2.0) == hand.force_n(2.0)


def test_release_comes_after_its_delay_and_falls_exponentially() -> None:
    delays = []
    for seed in range(200):
        world, hand = pressed(seed)
        untouched = pressed(seed)[1]
        world.advance(2.0)
        before = hand.force_n(2.0)
        hand.release()
        assert hand.force_n(2.0) == before
        off_s = next(
            2.0 + i * 0.001 for i in range(1000) if hand.force_n(2.0 + i * 0.001) < untouched.force_n(2.0 + i * 0.001)
        )
        delays.append(off_s - 2.0)
        ratio = hand.force_n(off_s + 0.18) / hand.force_n(off_s + 0.1)
        assert ratio == pytest.approx(math.exp(-1.0), rel=0.05)
        assert hand.force_n(off_s + 1.5) == 0.0
    assert statistics.fmean(delays) == pytest.approx(PROFILE.release_delay_s.mean, abs=0.01)
    assert statistics.stdev(delays) > 0.02


def test_a_second_release_changes_nothing() -> None:
    world, hand = pressed()
    world.advance(2.0)
    hand.release()
    path = [hand.force_n(2.0 + 0.01 * i) for i in range(100)]
    world.advance(2.05)
    hand.release()
    assert [hand.force_n(2.0 + 0.01 * i) for i in range(100)] == path
    assert not hand.pressing


def test_force_when_is_the_first_crossing() -> None:
    _, hand = pressed()
    for wanted in (0.2, 3.0, 11.0, 60.0):
        time_s = hand.force_when(wanted, 1.0)
        assert time_s is not None
        assert hand.force_n(time_s) == pytest.approx(wanted)
        assert hand.max_force_n(1.0, time_s) <= wanted + 1e-9
    assert hand.force_when(3.0, 5.0) == 5.0
    assert hand.force_when(500.0, 1.0) is None


def test_after_release_no_force_lies_ahead() -> None:
    world, hand = pressed()
    world.advance(2.0)
    hand.release()
    assert hand.force_when(20.0, 2.0) is None
    assert hand.force_when(5.0, 2.0) == 2.0


def test_a_hand_can_only_push_so_hard() -> None:
    _, hand = pressed()
    assert hand.force_n(60.0) == pytest.approx(PROFILE.strongest_n, rel=0.03)


def test_pressing_again_takes_the_hand_off_first() -> None:
    world, hand = pressed()
    world.advance(2.0)
    hand.press(target_rate_n_per_s=RATE, site_code="TRP", key="2")
    assert hand.force_n(2.0) > 5.0
    assert hand.force_n(2.002) < 0.1
    assert hand.force_n(3.0) > 5.0
    world.advance(3.0)
    hand.release()
    world.advance(3.02)
    hand.press(target_rate_n_per_s=RATE, site_code="TRP", key="3")
    assert hand.force_n(3.03) < 1.0


def test_pressing_at_the_very_beginning() -> None:
    world = World(1)
    hand = Hand(world, PROFILE)
    hand.press(target_rate_n_per_s=RATE, site_code="TRP", key="1")
    hand.press(target_rate_n_per_s=RATE, site_code="TRP", key="2")
    assert hand.force_when(1.0, 0.0) is not None
    assert hand.mean_force_n(0.0, 2.0) > 1.0


def test_a_gentle_push_on_the_table() -> None:
    world = World(1)
    world.advance(4.0)
    hand = Hand(world, PROFILE)
    hand.push_gently(force_n=5.0, duration_s=2.0)
    assert hand.force_n(5.0) == 5.0
    assert hand.max_force_n(4.0, 7.0) == 5.0
    assert hand.mean_force_n(4.0, 6.0) == pytest.approx(4.0)
    assert hand.force_n(6.0) == hand.force_n(9.0) == 0.0


def test_listeners_hear_of_every_change_of_the_path() -> None:
    world, hand = pressed()
    heard: list[str] = []
    hand.on_change.append(lambda: heard.append("changed"))
    world.advance(2.0)
    hand.release()
    hand.press(target_rate_n_per_s=RATE, site_code="TRP", key="2")
    hand.push_gently(force_n=5.0, duration_s=2.0)
    assert len(heard) == 3


def test_a_push_needs_a_rate() -> None:
    for rate in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="positive rate"):
            Hand(World(1), PROFILE).press(target_rate_n_per_s=rate, site_code="TRP", key="1")


def test_a_push_is_cheap() -> None:
    best = math.inf
    for seed in range(30):
        began = performance_seconds()
        world, hand = pressed(seed)
        hand.force_when(15.0, 1.0)
        world.advance(2.6)
        hand.release()
        best = min(best, performance_seconds() - began)
    assert best < 0.003
