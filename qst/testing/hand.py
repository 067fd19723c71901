"""A hand for tests: force on a gauge's tip along straight lines, so that the truth is known exactly."""

from bisect import bisect_right
from itertools import pairwise


class SteadyHand:
    """A source of force (N, push positive) through given points (time s, force N).

    Constant before the first and after the last point. It has the shape of
    :class:`qst_simulators.surroundings.ForceSource`.
    """

    def __init__(self, *points: tuple[float, float]) -> None:
        self.points = list(points) or [(0.0, 0.0)]

    def press(self, now_s: float, *, rate_n_per_s: float, seconds: float, release_s: float = 0.2) -> None:
        """Press from ``now_s`` on with a rising force for ``seconds``, then let go within ``release_s``."""
        top_n = rate_n_per_s * seconds
        self.points = [(now_s, 0.0), (now_s + seconds, top_n), (now_s + seconds + release_s, 0.0)]

    def hold(self, force_n: float) -> None:
        """Press with a constant force, also in the past."""
        self.points = [(0.0, force_n)]

    def let_go(self) -> None:
        """Touch nothing."""
        self.hold(0.0)

    def force_n(self, time_s: float) -> float:
        """True force at ``time_s``."""
        index = bisect_right(self.points, (time_s, float("inf")))
        if index == 0:
            return self.points[0][1]
        if index == len(self.points):
            return self.points[-1][1]
        (t0, f0), (t1, f1) = self.points[index - 1], self.points[index]
        return f0 + (f1 - f0) * (time_s - t0) / (t1 - t0)

    def mean_force_n(self, from_s: float, to_s: float) -> float:
        """True mean force over the interval."""
        if to_s <= from_s:
            return self.force_n(to_s)
        knots = self._knots(from_s, to_s)
        area = sum((f0 + f1) / 2 * (t1 - t0) for (t0, f0), (t1, f1) in pairwise(knots))
        return area / (to_s - from_s)

    def max_force_n(self, from_s: float, to_s: float) -> float:
        """True maximum over the interval."""
        return max(force_n for _, force_n in self._knots(from_s, to_s))

    def _knots(self, from_s: float, to_s: float) -> list[tuple[float, float]]:
        inner = [point for point in self.points if from_s < point[0] < to_s]
        return [(from_s, self.force_n(from_s)), *inner, (to_s, self.force_n(to_s))]
