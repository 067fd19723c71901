"""The plate of a fast Peltier probe (QST.Lab TCS, T03): ramps as they were measured, in closed form.

Measured on published 100 Hz check traces of the T03 probe (UCLouvain TCS checks): at the start of a ramp the plate lags
its command by 8.8, 11.7, 7.5 and 2.9 ms after 10, 20, 30 and 40 ms, then by 3.6 ms; at its end it overshoots by about
rate × 3 ms (at most 1.1 °C) for 10 ms and rings out within 30 ms. At the rates of threshold testing (0.3 to 5 °C/s) all
of this is below the display's 0.1 °C. On skin the power of a small probe limits the slope to (78 − T)/0.124 °C/s when
heating (:class:`TemplateSurface` leaves that off unless asked: the measured traces do not show it). The mirror image
for cooling, with a floor of −15 °C, is an assumption, and so is the ceiling of a tenth of the step on the overshoot of
very small steps.

The end is rendered as A·exp(−u/10 ms)·sin(2πu/40 ms): unlike a cosine it joins the ramp without a jump, and with a peak
of rate × 3 ms it also joins with the ramp's own slope.
"""

import math
from bisect import bisect_right
from collections.abc import Callable
from itertools import pairwise

from qst_simulators.world import World

_LAG_TIME_S = (0.0, 0.010, 0.020, 0.030, 0.040, 0.050)
_LAG_S = (0.0, 0.0088, 0.0117, 0.0075, 0.0029, 0.0036)
#: time since the start of a ramp -> time by which its command has moved the plate; beyond the last knot the slope is 1
_PROGRESS_S = tuple(time_s - lag_s for time_s, lag_s in zip(_LAG_TIME_S, _LAG_S, strict=True))

_OVERSHOOT_S = 0.003
_OVERSHOOT_MAX_C = 1.1
_OVERSHOOT_OF_STEP = 0.1
_DECAY_S = 0.010
_OMEGA = 2 * math.pi / 0.040
_PEAK_AT_S = math.atan(_OMEGA * _DECAY_S) / _OMEGA
_PEAK_SHAPE = math.exp(-_PEAK_AT_S / _DECAY_S) * math.sin(_OMEGA * _PEAK_AT_S)
_RINGING_OVER_C = 1e-6

_POWER_TAU_S = 0.124
_NO_STEP_C = 1e-9  # nothing that a plate could follow
_HEATING_LIMIT_C = 78.0
_COOLING_LIMIT_C = -15.0


class _Piece:
    """A monotone stretch of the path from ``start_s`` to ``end_s``; here a straight line."""

    __slots__ = ("end_c", "end_s", "slope", "start_c", "start_s")

    def __init__(self, start_s: float, end_s: float, start_c: float, end_c: float) -> None:
        self.start_s, self.end_s, self.start_c, self.end_c = start_s, end_s, start_c, end_c
        self.slope = (end_c - start_c) / (end_s - start_s) if end_s > start_s else 0.0

    def at(self, time_s: float) -> float:
        return self.start_c + self.slope * (time_s - self.start_s)

    def reaches_s(self, temperature_c: float) -> float:
        """When it passes ``temperature_c``, which lies between its ends."""
        if not self.slope:
            return self.start_s
        return min(self.start_s + (temperature_c - self.start_c) / self.slope, self.end_s)


class _Approach(_Piece):
    """Power-limited: an exponential approach to ``limit_c``."""

    __slots__ = ("limit_c",)

    def __init__(self, start_s: float, start_c: float, end_c: float, limit_c: float) -> None:
        self.limit_c = limit_c
        wait_s = _POWER_TAU_S * math.log((limit_c - start_c) / (limit_c - end_c))
        super().__init__(start_s, start_s + wait_s, start_c, end_c)

    def at(self, time_s: float) -> float:
        return self.limit_c + (self.start_c - self.limit_c) * math.exp(-(time_s - self.start_s) / _POWER_TAU_S)

    def reaches_s(self, temperature_c: float) -> float:
        ratio = (self.limit_c - self.start_c) / (self.limit_c - temperature_c)
        return min(self.start_s + _POWER_TAU_S * math.log(ratio), self.end_s)


class _Ring(_Piece):
    """Between two extremes of the oscillation after the end of a ramp."""

    __slots__ = ("amplitude_c", "origin_s", "target_c")

    def __init__(self, origin_s: float, from_s: float, to_s: float, target_c: float, amplitude_c: float) -> None:
        self.origin_s, self.target_c, self.amplitude_c = origin_s, target_c, amplitude_c
        super().__init__(origin_s + from_s, origin_s + to_s, self.at(origin_s + from_s), self.at(origin_s + to_s))

    def at(self, time_s: float) -> float:
        since_s = time_s - self.origin_s
        return self.target_c + self.amplitude_c * math.exp(-since_s / _DECAY_S) * math.sin(_OMEGA * since_s)

    def reaches_s(self, temperature_c: float) -> float:
        low_s, high_s, rising = self.start_s, self.end_s, self.end_c > self.start_c
        for _ in range(60):
            middle_s = (low_s + high_s) / 2
            if (self.at(middle_s) >= temperature_c) == rising:
                high_s = middle_s
            else:
                low_s = middle_s
        return high_s


def _hold(start_s: float, temperature_c: float) -> _Piece:
    return _Piece(start_s, math.inf, temperature_c, temperature_c)


def _lagged_line(start_s: float, start_c: float, end_c: float, rate: float) -> list[_Piece]:
    """The ramp with the probe's lag, up to ``end_c`` exactly. ``rate`` is signed."""
    total_s = (end_c - start_c) / rate
    pieces: list[_Piece] = []
    knots = list(zip(_LAG_TIME_S, _PROGRESS_S, strict=True))
    for (from_s, done_s), (to_s, next_s) in pairwise(knots):
        if done_s >= total_s:
            return pieces
        if next_s > total_s:
            to_s = from_s + (to_s - from_s) * (total_s - done_s) / (next_s - done_s)  # noqa: PLW2901 - cut at the end
            next_s = total_s  # noqa: PLW2901 - cut at the end
        until_c = end_c if next_s >= total_s else start_c + rate * next_s
        pieces.append(_Piece(start_s + from_s, start_s + to_s, start_c + rate * done_s, until_c))
    if _PROGRESS_S[-1] < total_s:
        begin_s = start_s + _LAG_TIME_S[-1]
        begin_c = start_c + rate * _PROGRESS_S[-1]
        pieces.append(_Piece(begin_s, begin_s + total_s - _PROGRESS_S[-1], begin_c, end_c))
    return pieces


def _ringing(start_s: float, target_c: float, peak_c: float) -> list[_Piece]:
    amplitude_c = peak_c / _PEAK_SHAPE
    pieces: list[_Piece] = []
    from_s, to_s = 0.0, _PEAK_AT_S
    while abs(amplitude_c) * math.exp(-from_s / _DECAY_S) > _RINGING_OVER_C:
        pieces.append(_Ring(start_s, from_s, to_s, target_c, amplitude_c))
        from_s, to_s = to_s, to_s + math.pi / _OMEGA
    return pieces


def ramp_pieces(
    start_s: float, start_c: float, target_c: float, rate_c_per_s: float, *, power_limited: bool
) -> list[_Piece]:
    """The whole way from ``start_c`` to ``target_c`` and for ever after, as monotone pieces.

    Args:
        start_s: when it begins.
        start_c: where it begins.
        target_c: where it ends.
        rate_c_per_s: magnitude of the commanded slope.
        power_limited: whether the probe's power bounds the slope (a small probe on skin).
    """
    step_c = target_c - start_c
    if abs(step_c) < _NO_STEP_C:
        return [_hold(start_s, target_c)]
    rate = math.copysign(rate_c_per_s, step_c)
    limit_c = _HEATING_LIMIT_C if step_c > 0 else _COOLING_LIMIT_C
    knee_c = limit_c - rate * _POWER_TAU_S  # beyond it the probe's power is not enough for the rate
    limited = power_limited and (target_c - knee_c) * rate > 0
    if not limited:
        pieces = _lagged_line(start_s, start_c, target_c, rate)
    elif (knee_c - start_c) * rate > 0:
        pieces = _lagged_line(start_s, start_c, knee_c, rate)
        pieces.append(_Approach(pieces[-1].end_s, knee_c, target_c, limit_c))
    else:
        pieces = [_Approach(start_s, start_c, target_c, limit_c)]
    end_s = pieces[-1].end_s
    slope = abs((limit_c - target_c) / _POWER_TAU_S) if limited else rate_c_per_s
    peak_c = min(slope * _OVERSHOOT_S, _OVERSHOOT_MAX_C, abs(step_c) * _OVERSHOOT_OF_STEP)
    pieces += _ringing(end_s, target_c, math.copysign(peak_c, step_c))
    pieces.append(_hold(pieces[-1].end_s, target_c))
    return pieces


class TemplateSurface:
    """A plate that follows :func:`ramp_pieces`; a ``ThermalSurface``.

    The controller regulates its own *sensor*: :meth:`sensor_c` is the path, and the true temperature of the plate lies
    ``offset_c`` below it (the absolute error of the probe).

    Args:
        world: whose time it is.
        temperature_c: where the sensor rests at the start.
        offset_c: sensor minus truth, °C.
        power_limited: whether the probe's power bounds the slope (a small probe on skin).
    """

    def __init__(
        self, world: World, temperature_c: float, *, offset_c: float = 0.0, power_limited: bool = False
    ) -> None:
        self._world = world
        self._power_limited = power_limited
        self.offset_c = offset_c
        self.on_change: list[Callable[[], None]] = []
        self._lay([_hold(world.now_s, temperature_c)])

    def _lay(self, pieces: list[_Piece]) -> None:
        self._pieces = pieces
        self._starts = [piece.start_s for piece in pieces]
        self._piece = pieces[0]

    def drive(self, target_c: float, rate_c_per_s: float) -> None:
        """Leave now, from wherever the plate is, for the sensor temperature ``target_c`` at ``rate_c_per_s`` > 0."""
        now_s = self._world.now_s
        self._lay(ramp_pieces(now_s, self.sensor_c(now_s), target_c, rate_c_per_s, power_limited=self._power_limited))
        for listener in self.on_change:
            listener()

    def arrival_s(self) -> float:
        """When the present path comes to rest."""
        return self._pieces[-1].start_s

    def sensor_c(self, time_s: float) -> float:
        """What an exact reading of the plate's own sensor would be at ``time_s``."""
        piece = self._piece
        if not piece.start_s <= time_s < piece.end_s:
            piece = self._pieces[max(bisect_right(self._starts, time_s) - 1, 0)]
            self._piece = piece
        return piece.at(time_s)

    def temperature_c(self, time_s: float) -> float:
        """True temperature of the plate at ``time_s``."""
        return self.sensor_c(time_s) - self.offset_c

    def when(self, threshold_c: float, *, rising: bool, after_s: float) -> float | None:
        """First time ≥ ``after_s`` at or beyond ``threshold_c``; None when the path never gets there."""
        wanted_c = threshold_c + self.offset_c
        here_c = self.sensor_c(after_s)
        if here_c >= wanted_c if rising else here_c <= wanted_c:
            return after_s
        for piece in self._pieces:
            if piece.end_s > after_s and (piece.end_c >= wanted_c if rising else piece.end_c <= wanted_c):
                return max(after_s, piece.reaches_s(wanted_c))
        return None
