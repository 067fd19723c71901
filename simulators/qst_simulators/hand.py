"""A hand that pushes a gauge's tip: imperfect rate, tremor, and a release that comes late.

The path of the force is a chain of straight lines on a 10 ms grid, extended only as far as somebody asks. Means and
maxima over any window are those of that chain, exactly. The hand follows a rate of force, as an operator paced by a
rate bar does; the soft toe region of the tissue is therefore in the start-up of the rate, not in a stiffness.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from random import Random
from typing import Final

from qst_simulators.profile import HandProfile
from qst_simulators.world import World

GRID_S: Final = 0.01
_BLOCK_KNOTS: Final = 25
_FINGERS_OFF_N: Final = 0.01  # what is left of the force when the tip comes off the skin
_FIRM_N: Final = 1.0  # below this force tremor and sway reach the tip only in proportion
_LIFT_S: Final = 0.001
_SLOWEST: Final = 0.2  # no bias makes a hand slower than this share of the rate it aims at
_TREMOR_HZ: Final = (8.0, 12.0)
_TREMOR_PARTS: Final = 4


class _Push:
    """One press as it would go on for ever: a generator of knots. Times s, forces N."""

    def __init__(self, chance: Random, profile: HandProfile, rate_n_per_s: float, start_s: float) -> None:
        self._gauss = chance.gauss
        self._profile = profile
        self._start_s = start_s
        self._rate_n_per_s = rate_n_per_s * max(_SLOWEST, 1.0 + profile.rate_bias_sd * self._gauss(0.0, 1.0))
        self.release_delay_s = profile.release_delay_s.at(self._gauss(0.0, 1.0))
        self._bump_n = profile.bump_n.at(self._gauss(0.0, 1.0))
        self._noise = profile.rate_noise_sd * self._gauss(0.0, 1.0)
        self._keep = math.exp(-GRID_S / profile.rate_noise_tau_s)
        self._kick = profile.rate_noise_sd * math.sqrt(1.0 - self._keep**2)
        turn = 2.0 * math.pi
        self._sway = (turn * chance.uniform(0.8, 1.2), turn * chance.random())
        self._tremor = [(turn * chance.uniform(*_TREMOR_HZ), turn * chance.random()) for _ in range(_TREMOR_PARTS)]
        self._ramp_n = 0.0
        self._index = 0

    def next_knot(self) -> tuple[float, float]:
        """Time and force of the next grid point."""
        self._index += 1
        elapsed_s = self._index * GRID_S
        self._step(elapsed_s)
        return self._start_s + elapsed_s, max(0.0, self._ramp_n + self._unsteadiness_n(elapsed_s))

    def _step(self, elapsed_s: float) -> None:
        profile = self._profile
        self._noise = self._keep * self._noise + self._kick * self._gauss(0.0, 1.0)
        middle_s = elapsed_s - GRID_S / 2
        effort = 1.0 if middle_s >= profile.start_up_s else middle_s / profile.start_up_s
        step_n = max(0.0, self._rate_n_per_s * effort * (1.0 + self._noise)) * GRID_S
        self._ramp_n = min(profile.strongest_n, self._ramp_n + step_n)  # then the hand can only hold

    def _unsteadiness_n(self, elapsed_s: float) -> float:
        """Tremor, sway and the bump of the first contact."""
        profile = self._profile
        sin = math.sin
        beat = sum(sin(pulsation * elapsed_s + phase) for pulsation, phase in self._tremor)
        tremor_n = max(profile.tremor_min_n, profile.tremor_share * self._ramp_n) * beat * math.sqrt(2 / _TREMOR_PARTS)
        sway_n = profile.sway_n * sin(self._sway[0] * elapsed_s + self._sway[1])
        force_n = min(1.0, self._ramp_n / _FIRM_N) * (tremor_n + sway_n)
        if elapsed_s < profile.bump_s:
            force_n += self._bump_n * sin(math.pi * elapsed_s / profile.bump_s) ** 2
        return force_n


class Hand:
    """The operator's hand on the gauge; what the gauge feels (``ForceSource``) and what the participant feels.

    Args:
        world: time and chance. The same key gives the same push, whatever came before it.
        profile: the hand's numbers.
    """

    def __init__(self, world: World, profile: HandProfile) -> None:
        self._world = world
        self._profile = profile
        self.on_change: list[Callable[[], None]] = []  # called whenever the path ahead has changed
        self._times = [0.0]
        self._forces = [0.0]
        self._areas = [0.0]  # integral of the force up to each knot, N s
        self._push: _Push | None = None

    @property
    def pressing(self) -> bool:
        """Whether the hand pushes and has not been told to release."""
        return self._push is not None

    def press(self, *, target_rate_n_per_s: float, site_code: str, key: str) -> None:
        """Start to push now, aiming at ``target_rate_n_per_s``.

        Raises:
            ValueError: the rate is not positive.
        """
        if not target_rate_n_per_s > 0:
            raise ValueError(f"a push needs a positive rate, not {target_rate_n_per_s} N/s")
        self._let_go()
        start_s = max(self._world.now_s, self._times[-1])
        chance = self._world.random("hand", site_code, key)
        self._knot(start_s, 0.0)
        self._push = _Push(chance, self._profile, target_rate_n_per_s, start_s)
        self._changed()

    def push_gently(self, *, force_n: float, duration_s: float) -> None:
        """Push on something that is not a person: up to ``force_n`` (N), hold, and off again within ``duration_s``."""
        self._let_go()
        start_s = max(self._world.now_s, self._times[-1])
        self._knot(start_s, 0.0)
        self._knot(start_s + 0.2 * duration_s, force_n)
        self._knot(start_s + 0.8 * duration_s, force_n)
        self._knot(start_s + duration_s, 0.0)
        self._changed()

    def release(self) -> None:
        """Told to release: the hand lets go after its own delay. Without a push nothing happens."""
        push = self._push
        if push is None:
            return
        release_s = self._world.now_s + push.release_delay_s
        self._cut(release_s)
        force_n, tau_s = self._forces[-1], self._profile.release_tau_s
        steps = math.ceil(tau_s * math.log(max(force_n, _FINGERS_OFF_N) / _FINGERS_OFF_N) / GRID_S)
        for step in range(1, steps):
            self._knot(release_s + step * GRID_S, force_n * math.exp(-step * GRID_S / tau_s))
        self._knot(release_s + max(1, steps) * GRID_S, 0.0)
        self._changed()

    def force_n(self, time_s: float) -> float:
        """True force (N) at ``time_s``."""
        self._extend(time_s)
        return self._at(time_s)

    def mean_force_n(self, from_s: float, to_s: float) -> float:
        """True mean force (N) over the interval."""
        if to_s <= from_s:
            return self.force_n(from_s)
        self._extend(to_s)
        return (self._integral(to_s) - self._integral(from_s)) / (to_s - from_s)

    def max_force_n(self, from_s: float, to_s: float) -> float:
        """True maximum force (N) over the interval."""
        self._extend(to_s)
        first, last = bisect_right(self._times, from_s), bisect_left(self._times, to_s)
        return max(self._at(from_s), self._at(to_s), *self._forces[first:last])

    def force_when(self, force_n: float, after_s: float) -> float | None:
        """First time ≥ ``after_s`` at which the path as it stands is at or above ``force_n``; None if it never is."""
        if self.force_n(after_s) >= force_n:
            return after_s
        times, forces = self._times, self._forces
        index = bisect_right(times, after_s)
        while index < len(times) or self._can_reach(force_n):
            if forces[index] >= force_n:
                low_n = forces[index - 1]
                share = (force_n - low_n) / (forces[index] - low_n)
                return max(after_s, times[index - 1] + share * (times[index] - times[index - 1]))
            index += 1
        return None

    def _can_reach(self, wanted_n: float) -> bool:
        """Extend the path by a block, unless no force like ``wanted_n`` can come of it."""
        if self._push is None or wanted_n > self._profile.strongest_n:
            return False
        self._extend(self._times[-1] + _BLOCK_KNOTS * GRID_S)
        return True

    def _changed(self) -> None:
        for listener in list(self.on_change):
            listener()

    def _knot(self, time_s: float, force_n: float) -> None:
        before_s, before_n = self._times[-1], self._forces[-1]
        self._areas.append(self._areas[-1] + (before_n + force_n) / 2.0 * (time_s - before_s))
        self._times.append(time_s)
        self._forces.append(force_n)

    def _extend(self, to_s: float) -> None:
        push = self._push
        if push is None:
            return
        while self._times[-1] < to_s:
            self._knot(*push.next_knot())

    def _cut(self, time_s: float) -> None:
        """End the push: the path stands up to ``time_s`` and has a knot there."""
        force_n = self.force_n(time_s)
        self._push = None
        keep = max(1, bisect_left(self._times, time_s))
        for knots in (self._times, self._forces, self._areas):
            del knots[keep:]
        self._knot(time_s, force_n)

    def _let_go(self) -> None:
        """Take the hand off at once: whatever it did before is over before the next push."""
        now_s = self._world.now_s
        if self._times[-1] > now_s or self._push is not None:
            self._cut(now_s)
            self._knot(now_s + _LIFT_S, 0.0)

    def _segment(self, time_s: float) -> int:
        """Index of the last knot at or before ``time_s``."""
        return max(0, bisect_right(self._times, time_s) - 1)

    def _at(self, time_s: float) -> float:
        index = self._segment(time_s)
        if index + 1 == len(self._times):
            return self._forces[index]
        start_s, end_s = self._times[index], self._times[index + 1]
        low_n, high_n = self._forces[index], self._forces[index + 1]
        return low_n + (high_n - low_n) * (time_s - start_s) / (end_s - start_s)

    def _integral(self, time_s: float) -> float:
        index = self._segment(time_s)
        return self._areas[index] + (self._forces[index] + self._at(time_s)) / 2.0 * (time_s - self._times[index])
