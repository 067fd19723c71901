"""An Arroyo controller on a virtual bench: driver, link, simulator."""

from typing import Any

from qst.clock import VirtualClock
from qst.instruments import Sample, ThermalRamp
from qst_drivers.arroyo_5300 import Arroyo5300
from qst_drivers.links.sim import SimLink
from qst_drivers.wire.arroyo_device import OrderParser
from qst_simulators.arroyo_5300 import SimulatedArroyo5300
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World

HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=1.5)
COLD = ThermalRamp(start_c=20.0, rate_c_per_s=0.3, cutoff_c=0.0, return_rate_c_per_s=1.5)
FAST_HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=48.0, return_rate_c_per_s=1.5)
EXACT = {"noise_c": 0.0}


class SpyLink(SimLink):
    """A link that remembers what was written, and when."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.written: list[tuple[float, bytes]] = []

    def write(self, data: bytes) -> None:
        self.written.append((self._now(), data))
        super().write(data)

    def lines(self) -> list[str]:
        return [data.decode("ascii").strip() for _, data in self.written]

    def names(self) -> list[str]:
        return [
            order.name for data in self.lines() for line in OrderParser().feed(data.encode() + b"\n") for order in line
        ]


class Rig:
    """Everything on the bench; by default without noise."""

    def __init__(
        self, simulator: dict[str, Any] | None = None, driver: dict[str, Any] | None = None, seed: int = 1
    ) -> None:
        self.world = World(seed)
        self.clock = VirtualClock()
        self.button = ButtonLine(self.world)
        self.device = SimulatedArroyo5300(self.world, {**EXACT, **(simulator or {})}, Surroundings(self.button))
        self.link = SpyLink(self.device, self.clock, "sim://arroyo-5300")
        self.driver = Arroyo5300(self.link, driver or {}, self.clock)

    @property
    def true_c(self) -> float:
        self.world.advance(self.clock.monotonic())
        return self.device.surface.temperature_c(self.world.now_s)

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.world.advance(self.clock.monotonic())

    def settled(self, ramp: ThermalRamp) -> "Rig":
        """Connected, adapted, at the start of ``ramp``, in tolerance."""
        self.driver.connect()
        self.driver.prepare(ramp)
        self.driver.adapt()
        self.poll_until_ready()
        return self

    def poll_until_ready(self, at_most_s: float = 60.0) -> None:
        deadline_s = self.clock.monotonic() + at_most_s
        while not self.driver.ready():
            assert self.clock.monotonic() < deadline_s
            self.driver.poll()
            self.wait(0.1)

    def ramping(self, ramp: ThermalRamp, seconds: float) -> "Rig":
        """On its way for ``seconds``, polled."""
        self.settled(ramp)
        self.driver.begin()
        self.poll_for(seconds)
        return self

    def poll_for(self, seconds: float, every_s: float = 0.02) -> list[Sample]:
        deadline_s = self.clock.monotonic() + seconds
        samples: list[Sample] = []
        while self.clock.monotonic() < deadline_s:
            samples += self.driver.poll()
            self.wait(every_s)
        return samples

    def poll_until_end(self, at_most_s: float = 130.0) -> list[Sample]:
        """Poll until the ramp has ended at its cut-off."""
        deadline_s = self.clock.monotonic() + at_most_s
        samples: list[Sample] = []
        while self.clock.monotonic() < deadline_s:
            samples += self.driver.poll()
            if samples[-1].ended is not None:
                return samples
            self.wait(0.02)
        raise AssertionError("the ramp did not end")
