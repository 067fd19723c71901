"""An ideal plate and an ideal push for tests of the participant alone: straight lines, no lag, no noise."""

from collections.abc import Callable

from qst_simulators.world import World


class StraightLine:
    """A value that stays, then runs at one rate. Has the shapes of a plate and of a push."""

    def __init__(self, world: World, start: float) -> None:
        self._world = world
        self._start, self._rate, self._from_s = start, 0.0, 0.0
        self.on_change: list[Callable[[], None]] = []

    def run(self, rate: float) -> None:
        now_s = self._world.now_s
        self._start, self._rate, self._from_s = self.temperature_c(now_s), rate, now_s
        for listener in self.on_change:
            listener()

    def jump(self, value: float) -> None:
        self._start, self._rate, self._from_s = value, 0.0, self._world.now_s
        for listener in self.on_change:
            listener()

    def temperature_c(self, time_s: float) -> float:
        return self._start + self._rate * (time_s - self._from_s)

    def when(self, threshold_c: float, *, rising: bool, after_s: float) -> float | None:
        sign = 1.0 if rising else -1.0
        missing = (threshold_c - self.temperature_c(after_s)) * sign
        if missing <= 0:
            return after_s
        speed = self._rate * sign
        return after_s + missing / speed if speed > 0 else None

    def force_n(self, time_s: float) -> float:
        return self.temperature_c(time_s)

    def force_when(self, force_n: float, after_s: float) -> float | None:
        return self.when(force_n, rising=True, after_s=after_s)
