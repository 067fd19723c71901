"""A load cell under a gauge's tip: what its electronics make of the true force.

The chain: true force, direction of mounting, gain error, zero error and drift, moving average, noise, peak detector,
rounding to a digit. Magnitudes follow the accuracy class that makers of such gauges state (±0.1 % of full scale); the
split into gain, zero and drift is our own choice. Hysteresis and creep are not simulated.
"""

import heapq
import math
import random

from qst_simulators.faults import SensorFault
from qst_simulators.surroundings import ForceSource
from qst_simulators.world import World

_GAIN_ERROR = 0.001  # of the reading, at most
_ZERO_ERROR = 0.0005  # of full scale, at most; zeroing takes it away
_DRIFT_PER_HOUR = 0.0005  # of full scale, standard deviation
_PEAK_TOLERANCE_N = 0.0025  # a twentieth of a digit of 0.05 N
_SHORTEST_S = 1 / 7000  # no sampling is finer than this


class LoadCell:
    """Force in N at the electronics, push positive unless mounted the other way round.

    Args:
        world: source of time and chance.
        name: names this cell's streams of chance.
        force: what pushes on the tip.
        full_scale_n: capacity in N.
        errors: whether this cell has gain, zero and drift errors, drawn once.
        inverted: whether a push gives a negative signal.
    """

    def __init__(
        self, world: World, name: str, force: ForceSource, *, full_scale_n: float, errors: bool, inverted: bool = False
    ) -> None:
        self._force = force
        self.sign = -1.0 if inverted else 1.0
        self.fault: SensorFault | None = None  # what is wrong with the signal
        chance = world.random(name, "load cell")
        scale = 1.0 if errors else 0.0
        self.gain = self.sign * (1.0 + scale * chance.uniform(-_GAIN_ERROR, _GAIN_ERROR))
        self._zero_n = scale * full_scale_n * chance.uniform(-_ZERO_ERROR, _ZERO_ERROR)
        self._drift_n_per_s = scale * full_scale_n * chance.gauss(0.0, _DRIFT_PER_HOUR) / 3600.0

    def mean_n(self, now_s: float, window_s: float) -> float:
        """The signal in N, averaged over the ``window_s`` before ``now_s``."""
        from_s = now_s - window_s
        true_n = self._force.mean_force_n(from_s, now_s) if from_s >= 0.0 else self._force.force_n(now_s)
        return self._signal_n(true_n, now_s)

    def push_extreme_n(self, from_s: float, to_s: float, window_s: float) -> float:
        """The signal's furthest excursion in the direction of a push, averaged over ``window_s``, between two times."""
        true_n = greatest_mean_n(self._force, max(from_s, window_s), to_s, window_s, _PEAK_TOLERANCE_N)
        return self._signal_n(true_n, to_s)

    def _signal_n(self, true_n: float, at_s: float) -> float:
        signal_n = self.gain * true_n + self._zero_n + self._drift_n_per_s * at_s
        return signal_n if self.fault is None else self.fault.read(at_s, signal_n)


class PeakDetector:
    """The greatest push and pull since it was cleared, as magnitudes in N, followed only when somebody asks.

    The greatest of several noisy samples lies above the true peak, hence the noise's magnitude. Pulls are noticed only
    at the moments of asking: nothing around a gauge on skin pulls.

    Args:
        cell: whose signal is followed.
        chance: source of the noise.
        now_s: from when on.
    """

    def __init__(self, cell: LoadCell, chance: random.Random, now_s: float) -> None:
        self._cell = cell
        self._gauss = chance.gauss
        self.clear(now_s)

    def clear(self, now_s: float) -> None:
        """Forget what was before ``now_s``."""
        self._watched_s = now_s
        self._true_push_n = 0.0
        self.push_n = 0.0
        self.pull_n = 0.0

    def update(self, now_s: float, window_s: float, tare_n: float, noise_n: float) -> None:
        """Follow the signal, averaged over ``window_s`` and less ``tare_n``, up to ``now_s``."""
        if now_s <= self._watched_s:
            return
        sign = self._cell.sign
        push_n = sign * (self._cell.push_extreme_n(self._watched_s, now_s, window_s) - tare_n)
        pull_n = -sign * (self._cell.mean_n(now_s, window_s) - tare_n)
        self._watched_s = now_s
        self.pull_n = max(self.pull_n, pull_n)
        if push_n > self._true_push_n:
            self._true_push_n = push_n
            self.push_n = max(self.push_n, push_n + (abs(self._gauss(0.0, noise_n)) if noise_n else 0.0))


def greatest_mean_n(force: ForceSource, from_s: float, to_s: float, window_s: float, tolerance_n: float) -> float:
    """The greatest moving average (over ``window_s``) of a force between two times, to within ``tolerance_n``.

    Branch and bound: the average never exceeds the greatest force in reach, so intervals whose greatest force cannot
    beat the best average found are never looked into.
    """
    best_n = force.mean_force_n(to_s - window_s, to_s)
    queue = [(-force.max_force_n(max(from_s - window_s, 0.0), to_s), from_s, to_s)]
    while queue:
        bound_n, start_s, end_s = heapq.heappop(queue)
        if -bound_n <= best_n + tolerance_n or end_s - start_s <= _SHORTEST_S:
            break
        middle_s = (start_s + end_s) / 2
        best_n = max(best_n, force.mean_force_n(middle_s - window_s, middle_s))
        for half in ((start_s, middle_s), (middle_s, end_s)):
            heapq.heappush(queue, (-force.max_force_n(half[0] - window_s, half[1]), *half))
    return best_n


def rounded_half_away(value: float) -> int:
    """The nearest whole number of digits; a half goes away from zero."""
    return math.floor(value + 0.5) if value >= 0 else -math.floor(0.5 - value)
