"""The plate of a Peltier thermode: an ideal set-point ramp, followed by a first-order lag, in closed form.

No maker publishes time constants; the lag is a model, its time constant a setting of each simulator. Between two
changes of the set-point the plate's path is an exact formula, so it does not matter how often anybody looks.
"""

import math
from collections.abc import Callable

from qst_simulators.world import World

#: How closely :meth:`LaggedSurface.when` brackets a crossing inside a ramp, in s.
CROSSING_TOLERANCE_S = 1e-10


class LaggedSurface:
    """A plate whose temperature follows its set-point with a lag. A ``ThermalSurface``.

    The temperature always moves towards the target and never passes it: when a new target lies on the other side of the
    plate's temperature than the present set-point does, the new ramp starts from the temperature, not from the
    set-point (a controller's bumpless transfer). So a return never begins with a last rise, and after every
    change the path is monotonic.

    Args:
        world: whose time it lives in.
        start_c: temperature and set-point at the start, in °C.
        tau_s: time constant of the lag in s.

    Raises:
        ValueError: ``tau_s`` is not positive or a temperature is not finite.
    """

    __slots__ = (
        "_from_s",
        "_initial_c",
        "_rate_c_per_s",
        "_setpoint_c",
        "_target_c",
        "_until_s",
        "_world",
        "on_change",
        "tau_s",
    )

    def __init__(self, world: World, start_c: float, *, tau_s: float) -> None:
        if not (math.isfinite(tau_s) and tau_s > 0):
            raise ValueError(f"tau_s must be positive, not {tau_s}")
        if not math.isfinite(start_c):
            raise ValueError(f"start_c must be finite, not {start_c}")
        self._world = world
        self.tau_s = tau_s
        self.on_change: list[Callable[[], None]] = []
        # The present segment: set-point from _setpoint_c at _from_s, with signed rate, until _until_s, then _target_c.
        self._from_s = world.now_s
        self._until_s = world.now_s
        self._setpoint_c = self._target_c = self._initial_c = start_c
        self._rate_c_per_s = 0.0

    @property
    def target_c(self) -> float:
        """Where the set-point is going, or has arrived, in °C."""
        return self._target_c

    def setpoint_c(self, time_s: float) -> float:
        """Set-point in °C at ``time_s``, on the path as it stands now."""
        if time_s >= self._until_s:
            return self._target_c
        return self._setpoint_c + self._rate_c_per_s * (time_s - self._from_s)

    def temperature_c(self, time_s: float) -> float:
        """True temperature in °C at ``time_s``, on the path as it stands now."""
        if time_s >= self._until_s:
            rest_c = self._ramp_temperature_c(self._until_s) - self._target_c
            return self._target_c + rest_c * math.exp((self._until_s - time_s) / self.tau_s)
        return self._ramp_temperature_c(time_s)

    def _ramp_temperature_c(self, time_s: float) -> float:
        """The lag's answer to the ramp, for a time inside it."""
        elapsed_s = time_s - self._from_s
        gone = -math.expm1(-elapsed_s / self.tau_s)
        behind_c = self._setpoint_c - self._initial_c
        return self._initial_c + behind_c * gone + self._rate_c_per_s * (elapsed_s - self.tau_s * gone)

    def drive(self, target_c: float, rate_c_per_s: float) -> None:
        """Ramp the set-point from now to ``target_c`` at ``rate_c_per_s`` (a magnitude).

        Raises:
            ValueError: the rate is not positive or a number is not finite.
        """
        if not (math.isfinite(target_c) and math.isfinite(rate_c_per_s) and rate_c_per_s > 0):
            raise ValueError(f"cannot drive to {target_c} °C at {rate_c_per_s} °C/s")
        now_s = self._world.now_s
        temperature_c, setpoint_c = self.temperature_c(now_s), self.setpoint_c(now_s)
        if (setpoint_c - temperature_c) * (target_c - setpoint_c) < 0:
            # Turning back: the set-point leads the plate away from the new target.
            setpoint_c = temperature_c
        self._begin_segment(now_s, temperature_c, setpoint_c, target_c, rate_c_per_s)

    def hold(self) -> None:
        """Freeze the set-point where it is now; the plate catches up with it."""
        now_s = self._world.now_s
        setpoint_c = self.setpoint_c(now_s)
        self._begin_segment(now_s, self.temperature_c(now_s), setpoint_c, setpoint_c, 1.0)

    def _begin_segment(
        self, now_s: float, temperature_c: float, setpoint_c: float, target_c: float, rate: float
    ) -> None:
        self._from_s = now_s
        self._until_s = now_s + abs(target_c - setpoint_c) / rate
        self._initial_c, self._setpoint_c, self._target_c = temperature_c, setpoint_c, target_c
        self._rate_c_per_s = math.copysign(rate, target_c - setpoint_c)
        for callback in tuple(self.on_change):
            callback()

    def when(self, threshold_c: float, *, rising: bool, after_s: float) -> float | None:
        """First time ≥ ``after_s`` at which the temperature is at or beyond ``threshold_c``, exact to 1e-9 s.

        ``after_s`` itself when it already is; None when the path as it stands never gets there (a target is approached
        for ever, so a threshold equal to the target is never reached).
        """
        sign = 1.0 if rising else -1.0
        if sign * (self.temperature_c(after_s) - threshold_c) >= 0:
            return after_s
        if sign * (self._target_c - threshold_c) <= 0:
            return None
        end_c = self._ramp_temperature_c(self._until_s)
        if after_s < self._until_s and sign * (end_c - threshold_c) >= 0:
            return self._bisect(threshold_c, sign, after_s)
        crossing_s = self._until_s + self.tau_s * math.log((end_c - self._target_c) / (threshold_c - self._target_c))
        return max(crossing_s, after_s)

    def _bisect(self, threshold_c: float, sign: float, after_s: float) -> float:
        """Crossing inside the ramp, where the path is monotonic: the late end of a bracket."""
        early_s, late_s = after_s, self._until_s
        while late_s - early_s > CROSSING_TOLERANCE_S:
            middle_s = (early_s + late_s) / 2
            if not early_s < middle_s < late_s:
                break
            if sign * (self._ramp_temperature_c(middle_s) - threshold_c) >= 0:
                late_s = middle_s
            else:
                early_s = middle_s
        return late_s
