"""Driver, link, simulated gauge and hand on one virtual clock."""

from typing import Any

from qst.clock import VirtualClock
from qst.instruments import PressureRamp, Sample
from qst_drivers.links.sim import SimLink
from qst_drivers.mark10 import Mark10
from qst_simulators.mark10 import SimulatedMark10
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World
from tests.mark10.force import LinearForce

EXACT = {"noise": False, "cell_errors": False}
RAMP = PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=588.399)


class Rig:
    def __init__(self, simulator: dict[str, Any] | None = None, *, seed: int = 1, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.world = World(seed)
        self.force = LinearForce()
        self.gauge = SimulatedMark10(
            self.world, EXACT if simulator is None else simulator, Surroundings(ButtonLine(self.world), self.force)
        )
        self.link = SimLink(self.gauge, self.clock, "sim://mark10")
        self.driver = Mark10(self.link, {"tip_area": "1 cm²", "push_sign": "+1", **settings}, self.clock)

    def press(self, *, rate_n_per_s: float, seconds: float, release_s: float = 0.2) -> None:
        """Push from now on, then let go."""
        now_s = self.clock.monotonic()
        top_n = rate_n_per_s * seconds
        self.force.points = [(now_s, 0.0), (now_s + seconds, top_n), (now_s + seconds + release_s, 0.0)]

    def collect(self, seconds: float, every_s: float = 0.01) -> list[Sample]:
        samples: list[Sample] = []
        for _ in range(round(seconds / every_s)):
            self.clock.sleep(every_s)
            samples.extend(self.driver.poll())
        return samples

    def ask(self, text: str) -> str:
        """What the gauge itself answers, past the driver."""
        self.gauge.receive(f"{text}\r\n".encode(), self.clock.monotonic())
        self.clock.sleep(0.05)
        return self.gauge.transmit(self.clock.monotonic()).decode()
