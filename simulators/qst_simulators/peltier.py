"""The plate of a laboratory-built Peltier thermode behind a temperature controller, in closed form.

The controller moves a working set-point along straight lines; the plate follows it with dT/dt = (set-point − T)/τ, but
no faster than the module heats or cools. All numbers are engineering estimates for a 30 mm plate on one 40 mm module
(L: not measured on any device): τ 0.8 s, 3 °C/s heating, 1.5 °C/s cooling, 0.15 s before an order moves anything, and,
with the output off, a drift towards the warm heat sink with 20 s.

Left out of this substitute: the module's own physics (that cooling weakens with depth and with a warm sink), the
sensor's lag behind the plate, skin as a thermal load, and ringing at the end of a ramp.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from qst_simulators.world import Event, World

_CROSSING_S = 1e-10
#: Where a module that is driven at full power comes to rest, °C (L).
COLDEST_C, HOTTEST_C = -15.0, 90.0
_EQUAL_C = 1e-9
_MOVING_C_PER_S = 0.05
#: An overshooting loop stays there for so many time constants: the plate gets there.
_OVERSHOT_TAUS = 4.0


@dataclass(frozen=True)
class Plate:
    """Numbers of one plate. Temperatures °C, times s, rates °C/s; see the module for where they come from.

    Raises:
        ValueError: a time or a rate is not positive, or something is not finite.
    """

    start_c: float = 25.0
    tau_s: float = 0.8
    heating_c_per_s: float = 3.0
    cooling_c_per_s: float = 1.5
    delay_s: float = 0.15
    sink_c: float = 36.0
    drift_tau_s: float = 20.0

    def __post_init__(self) -> None:
        for name in ("tau_s", "heating_c_per_s", "cooling_c_per_s", "drift_tau_s"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if not (math.isfinite(self.delay_s) and self.delay_s >= 0):
            raise ValueError(f"delay_s must not be negative, not {self.delay_s}")
        for name in ("start_c", "sink_c"):
            if not COLDEST_C <= getattr(self, name) <= HOTTEST_C:
                raise ValueError(f"{name} must be {COLDEST_C:g} to {HOTTEST_C:g}, not {getattr(self, name)}")


class _Piece:
    """A monotone stretch of the path: T(u) = base + slope·u + swing·exp(−u/τ), u from its start."""

    __slots__ = ("base_c", "end_s", "slope", "start_s", "swing_c", "tau_s")

    def __init__(
        self,
        start_s: float,
        end_s: float,
        base_c: float,
        *,
        slope: float = 0.0,
        swing_c: float = 0.0,
        tau_s: float = 1.0,
    ) -> None:
        self.start_s, self.end_s = start_s, end_s
        self.base_c, self.slope, self.swing_c, self.tau_s = base_c, slope, swing_c, tau_s

    def at(self, time_s: float) -> float:
        """Temperature in °C."""
        elapsed_s = time_s - self.start_s
        if not self.swing_c:
            return self.base_c + self.slope * elapsed_s if self.slope else self.base_c
        return self.base_c + self.slope * elapsed_s + self.swing_c * math.exp(-elapsed_s / self.tau_s)

    def rate_at(self, time_s: float) -> float:
        """Slope of the path in °C/s."""
        return self.slope - self.swing_c / self.tau_s * math.exp((self.start_s - time_s) / self.tau_s)

    def reaches_s(self, threshold_c: float, *, rising: bool) -> float | None:
        """When it is at or beyond ``threshold_c``; None when it never is. It is not there at its start."""
        sign = 1.0 if rising else -1.0
        if math.isinf(self.end_s):  # comes to rest on its base, for ever nearer to it
            if not self.swing_c or sign * (self.base_c - threshold_c) <= 0:
                return None
            return self.start_s - self.tau_s * math.log((threshold_c - self.base_c) / self.swing_c)
        if sign * (self.at(self.end_s) - threshold_c) < 0:
            return None
        early_s, late_s = self.start_s, self.end_s
        while late_s - early_s > _CROSSING_S:
            middle_s = (early_s + late_s) / 2
            if not early_s < middle_s < late_s:
                break
            if sign * (self.at(middle_s) - threshold_c) >= 0:
                late_s = middle_s
            else:
                early_s = middle_s
        return late_s


class PeltierSurface:
    """A plate and the loop that controls it; a ``ThermalSurface``.

    Args:
        world: whose time it lives in.
        plate: its numbers.

    Attributes:
        overshoot_c: fault: the loop goes so far beyond each target, and beyond where it is told to turn round.
        stuck_c: what a stuck sensor tells the loop, see :meth:`stick`.
    """

    def __init__(self, world: World, plate: Plate) -> None:
        self._world = world
        self._plate = plate
        self.on_change: list[Callable[[], None]] = []
        self.overshoot_c = 0.0
        self.stuck_c: float | None = None
        self._knots: list[tuple[float, float]] | None = None  # of the working set-point; None: the output is off
        self._under_way: list[Event] = []
        self._seen_moving = (-1.0, 0.0)  # when, and how fast
        self._pieces = [_Piece(world.now_s, math.inf, plate.start_c)]
        self._piece = self._pieces[0]

    # -- orders ---------------------------------------------------------------------------------------------------

    def drive(self, target_c: float, rate_c_per_s: float | None, *, from_setpoint: bool = False) -> None:
        """Move the working set-point to ``target_c``; the plate hears of it ``delay_s`` later.

        Args:
            target_c: where to.
            rate_c_per_s: how fast (a magnitude); None is at once.
            from_setpoint: begin at the present working set-point instead of the plate's temperature.
        """
        if not math.isfinite(target_c) or (rate_c_per_s is not None and not rate_c_per_s > 0):
            raise ValueError(f"cannot drive to {target_c} °C at {rate_c_per_s} °C/s")
        due_s = self._world.now_s + self._plate.delay_s
        self._under_way = [event for event in self._under_way if event.time_s >= self._world.now_s]
        self._under_way.append(
            self._world.at(due_s, lambda: self._begin(target_c, rate_c_per_s, from_setpoint=from_setpoint))
        )

    def _begin(self, target_c: float, rate_c_per_s: float | None, *, from_setpoint: bool) -> None:
        now_s = self._world.now_s
        origin_c = self.setpoint_c(now_s) if from_setpoint and self._knots else self.sensed_c(now_s)
        if rate_c_per_s is None:
            knots = [(now_s, target_c)]
        else:
            knots = [(now_s, origin_c)]
            for stop_c in self._excursions(origin_c, target_c):
                last_s, last_c = knots[-1]
                there_s = last_s + abs(stop_c - last_c) / rate_c_per_s
                knots += [(there_s, stop_c), (there_s + _OVERSHOT_TAUS * self._plate.tau_s, stop_c)]
            last_s, last_c = knots[-1]
            knots.append((last_s + abs(target_c - last_c) / rate_c_per_s, target_c))
        self._knots = knots
        self._lay()

    def _excursions(self, origin_c: float, target_c: float) -> tuple[float, ...]:
        """Where the fault takes the plate before it gets to its target: beyond the turn, and beyond the target."""
        if not self.overshoot_c or origin_c == target_c:
            return ()
        beyond_c = target_c + math.copysign(self.overshoot_c, target_c - origin_c)
        moving = self._moving()
        if moving * (target_c - origin_c) < 0 and abs(moving) > _MOVING_C_PER_S:
            return origin_c + math.copysign(self.overshoot_c, moving), beyond_c
        return (beyond_c,)

    def _moving(self) -> float:
        """The plate's rate as this moment found it, °C/s: several orders at once turn one plate round once."""
        now_s = self._world.now_s
        if self._seen_moving[0] != now_s:
            self._seen_moving = now_s, self._at(now_s).rate_at(now_s)
        return self._seen_moving[1]

    def release(self) -> None:
        """The output goes off, at once: the plate drifts towards its sink."""
        for event in self._under_way:
            event.cancel()
        self._under_way.clear()
        self._knots = None
        self._lay()

    def stick(self, sensed_c: float | None) -> None:
        """From now on the loop sees ``sensed_c`` whatever the plate does; None: it sees the plate again.

        A loop with an integral term whose error never changes ends at full power: the plate runs away.
        """
        self.stuck_c = sensed_c
        self._lay()

    # -- where it is ----------------------------------------------------------------------------------------------

    def setpoint_c(self, time_s: float) -> float:
        """The working set-point in °C at ``time_s``; the plate's temperature while the output is off."""
        knots = self._knots
        if not knots:
            return self.temperature_c(time_s)
        for (from_s, from_c), (to_s, to_c) in pairwise(knots):
            if time_s < to_s:
                return from_c + (to_c - from_c) * (time_s - from_s) / (to_s - from_s)
        return knots[-1][1]

    def temperature_c(self, time_s: float) -> float:
        """True temperature in °C at ``time_s``, on the path as it stands now."""
        return self._at(time_s).at(time_s)

    def effort(self, time_s: float) -> float:
        """Share of the module's power in use at ``time_s``, −1 (cooling) to 1 (heating)."""
        rate = self._at(time_s).rate_at(time_s)
        return rate / (self._plate.heating_c_per_s if rate > 0 else self._plate.cooling_c_per_s)

    def sensed_c(self, time_s: float) -> float:
        """What the loop takes for the temperature."""
        return self.temperature_c(time_s) if self.stuck_c is None else self.stuck_c

    def _at(self, time_s: float) -> _Piece:
        piece = self._piece
        if piece.start_s <= time_s < piece.end_s:
            return piece
        for piece in self._pieces:
            if time_s < piece.end_s:
                break
        self._piece = piece
        return piece

    def when(self, threshold_c: float, *, rising: bool, after_s: float) -> float | None:
        """First time ≥ ``after_s`` at or beyond ``threshold_c``; None when the path as it stands never gets there."""
        here_c = self.temperature_c(after_s)
        if here_c >= threshold_c if rising else here_c <= threshold_c:
            return after_s
        for piece in self._pieces:
            if piece.end_s > after_s:
                time_s = piece.reaches_s(threshold_c, rising=rising)
                if time_s is not None:
                    return max(time_s, after_s)
        return None

    # -- the path ahead -------------------------------------------------------------------------------------------

    def _lay(self) -> None:
        now_s = self._world.now_s
        here_c = self.temperature_c(now_s)
        plate = self._plate
        if self._knots is None:
            swing_c = here_c - plate.sink_c
            self._pieces = [_Piece(now_s, math.inf, plate.sink_c, swing_c=swing_c, tau_s=plate.drift_tau_s)]
        elif self.stuck_c is not None:
            self._pieces = self._run_away(now_s, here_c, self.stuck_c)
        else:
            self._pieces = self._follow(now_s, here_c)
        self._piece = self._pieces[0]
        for callback in tuple(self.on_change):
            callback()

    def _lines(self, now_s: float) -> Iterator[tuple[float, float, float, float]]:
        """The working set-point from now on: (start_s, end_s, start_c, slope) of each straight line."""
        knots = self._knots or []
        for (from_s, from_c), (to_s, to_c) in pairwise(knots):
            if to_s > now_s and to_s > from_s:
                slope = (to_c - from_c) / (to_s - from_s)
                begin_s = max(from_s, now_s)
                yield begin_s, to_s, from_c + slope * (begin_s - from_s), slope
        last_s, last_c = knots[-1]
        yield max(last_s, now_s), math.inf, last_c, 0.0

    def _follow(self, now_s: float, here_c: float) -> list[_Piece]:
        pieces: list[_Piece] = []
        for start_s, end_s, setpoint_c, slope in self._lines(now_s):
            pieces += self._chase(start_s, end_s, here_c, setpoint_c, slope)
            if math.isfinite(end_s):
                here_c = pieces[-1].at(end_s)
        return pieces

    def _chase(self, start_s: float, end_s: float, here_c: float, setpoint_c: float, slope: float) -> Iterator[_Piece]:
        """The plate behind one straight line of the set-point, cut where it saturates and where it turns round.

        The demand v = (set-point − T)/τ tends to the line's slope s: v = s + (v₀ − s)·exp(−u/τ).
        """
        plate = self._plate
        tau_s, most, least = plate.tau_s, plate.heating_c_per_s, -plate.cooling_c_per_s
        demand = (setpoint_c - here_c) / tau_s
        while start_s < end_s:
            if demand > most or (demand == most and slope > most):
                until_s = start_s + (demand - most) * tau_s / (most - slope) if slope < most else end_s
                rate = most
            elif demand < least or (demand == least and slope < least):
                until_s = start_s + (least - demand) * tau_s / (slope - least) if slope > least else end_s
                rate = least
            else:
                elapsed_s, reached = self._free(demand, slope)
                until_s = min(start_s + elapsed_s, end_s)
                swing_c = (slope - demand) * tau_s
                yield _Piece(start_s, until_s, setpoint_c - slope * tau_s, slope=slope, swing_c=swing_c, tau_s=tau_s)
                if until_s < end_s:
                    setpoint_c += slope * (until_s - start_s)
                    here_c = setpoint_c - tau_s * reached
                    demand = reached
                start_s = until_s
                continue
            saturated_s = min(until_s, end_s)
            yield _Piece(start_s, saturated_s, here_c, slope=rate)
            here_c += rate * (saturated_s - start_s)
            setpoint_c += slope * (saturated_s - start_s)
            demand, start_s = rate, saturated_s

    def _free(self, demand: float, slope: float) -> tuple[float, float]:
        """How long an unsaturated plate goes on as it goes, and its demand then: until it saturates or turns round."""
        plate = self._plate
        elapsed_s, reached = math.inf, slope
        for bound in (0.0, plate.heating_c_per_s, -plate.cooling_c_per_s):
            if (demand - bound) * (slope - bound) < 0:
                crossing_s = plate.tau_s * math.log((demand - slope) / (bound - slope))
                if crossing_s < elapsed_s:
                    elapsed_s, reached = crossing_s, bound
        return elapsed_s, reached

    def _run_away(self, now_s: float, here_c: float, stuck_c: float) -> list[_Piece]:
        pieces: list[_Piece] = []
        for start_s, end_s, setpoint_c, slope in self._lines(now_s):
            crossing_s = start_s + (stuck_c - setpoint_c) / slope if slope else math.inf
            edges = [start_s, *([crossing_s] if start_s < crossing_s < end_s else []), end_s]
            for from_s, to_s in pairwise(edges):
                middle_s = from_s + 1.0 if math.isinf(to_s) else (from_s + to_s) / 2
                error_c = setpoint_c + slope * (middle_s - start_s) - stuck_c
                pieces += self._full_power(from_s, to_s, here_c, error_c)
                if math.isfinite(to_s):
                    here_c = pieces[-1].at(to_s)
        return pieces

    def _full_power(self, from_s: float, to_s: float, here_c: float, error_c: float) -> Iterator[_Piece]:
        if abs(error_c) <= _EQUAL_C:
            yield _Piece(from_s, to_s, here_c)
            return
        rate = self._plate.heating_c_per_s if error_c > 0 else -self._plate.cooling_c_per_s
        rest_c = HOTTEST_C if error_c > 0 else COLDEST_C
        arrival_s = from_s + max((rest_c - here_c) / rate, 0.0)
        if arrival_s >= to_s:
            yield _Piece(from_s, to_s, here_c, slope=rate)
            return
        if arrival_s > from_s:
            yield _Piece(from_s, arrival_s, here_c, slope=rate)
        yield _Piece(arrival_s, to_s, rest_c)
