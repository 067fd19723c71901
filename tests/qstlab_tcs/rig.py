"""A TCS on a virtual bench: driver, link, simulator, button."""

from typing import Any

from qst.clock import VirtualClock
from qst.instruments import Sample, ThermalRamp
from qst_drivers.links.sim import SimLink
from qst_drivers.qstlab_tcs import QstlabTcs
from qst_simulators.qstlab_tcs import SimulatedQstlabTcs
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World

HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=50.0, return_rate_c_per_s=8.0)
COLD = ThermalRamp(start_c=20.0, rate_c_per_s=0.3, cutoff_c=0.0, return_rate_c_per_s=8.0)
FAST_HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=50.0, return_rate_c_per_s=8.0)
EXACT = {"offsets": False, "noise_c": 0.0}


class SpyLink(SimLink):
    """A link that remembers what was written, and when."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.written: list[tuple[float, bytes]] = []

    def write(self, data: bytes) -> None:
        self.written.append((self._now(), data))
        super().write(data)

    def sent(self) -> bytes:
        return b"".join([data for _, data in self.written])


class Rig:
    """Everything on the bench; by default without offsets and noise."""

    def __init__(
        self, simulator: dict[str, Any] | None = None, driver: dict[str, Any] | None = None, seed: int = 1
    ) -> None:
        self.world = World(seed)
        self.clock = VirtualClock()
        self.button = ButtonLine(self.world)
        self.tcs = SimulatedQstlabTcs(self.world, {**EXACT, **(simulator or {})}, Surroundings(self.button))
        self.link = SpyLink(self.tcs, self.clock, "sim://qstlab-tcs")
        self.driver = QstlabTcs(self.link, driver or {}, self.clock)

    @property
    def true_c(self) -> float:
        self.world.advance(self.clock.monotonic())
        return self.tcs.surface.temperature_c(self.world.now_s)

    def settled(self, ramp: ThermalRamp) -> "Rig":
        """Connected, adapted, at the start of ``ramp``."""
        self.driver.connect()
        self.driver.prepare(ramp)
        self.driver.adapt()
        self.clock.sleep(5.0)
        return self

    def press_at(self, temperature_c: float, *, rising: bool, held_s: float = 0.3) -> float:
        """Let the participant press when the plate is truly at ``temperature_c``; the time of the press."""
        self.world.advance(self.clock.monotonic() + 0.002)
        time_s = self.tcs.surface.when(temperature_c, rising=rising, after_s=self.world.now_s)
        assert time_s is not None
        self.world.at(time_s, lambda: self.button.set(pressed=True))
        self.world.at(time_s + held_s, lambda: self.button.set(pressed=False))
        return time_s

    def poll_until_end(self, every_s: float = 0.0, at_most_s: float = 130.0) -> list[Sample]:
        """Poll until the device has ended the ramp."""
        deadline_s = self.clock.monotonic() + at_most_s
        samples: list[Sample] = []
        while self.clock.monotonic() < deadline_s:
            samples += self.driver.poll()
            if samples[-1].ended is not None:
                return samples
            self.clock.sleep(every_s)
        raise AssertionError("the ramp did not end")
