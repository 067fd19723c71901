"""A hand for the tests: force as a chain of straight lines, exact means and maxima."""

from bisect import bisect_right
from itertools import pairwise


class LinearForce:
    """Force (N) through the points (time s, force N); constant before the first and after the last."""

    def __init__(self, *points: tuple[float, float]) -> None:
        self.points = list(points) or [(0.0, 0.0)]

    def force_n(self, time_s: float) -> float:
        index = bisect_right(self.points, (time_s, float("inf")))
        if index == 0:
            return self.points[0][1]
        if index == len(self.points):
            return self.points[-1][1]
        (t0, f0), (t1, f1) = self.points[index - 1], self.points[index]
        return f0 + (f1 - f0) * (time_s - t0) / (t1 - t0)

    def _knots(self, from_s: float, to_s: float) -> list[tuple[float, float]]:
        inner = [point for point in self.points if from_s < point[0] < to_s]
        return [(from_s, self.force_n(from_s)), *inner, (to_s, self.force_n(to_s))]

    def mean_force_n(self, from_s: float, to_s: float) -> float:
        if to_s <= from_s:
            return self.force_n(to_s)
        knots = self._knots(from_s, to_s)
        area = sum((f0 + f1) / 2 * (t1 - t0) for (t0, f0), (t1, f1) in pairwise(knots))
        return area / (to_s - from_s)

    def max_force_n(self, from_s: float, to_s: float) -> float:
        return max(force for _, force in self._knots(from_s, to_s))
