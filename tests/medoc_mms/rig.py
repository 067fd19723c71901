"""An MMS on a virtual bench: driver, link, simulator, button."""

from collections.abc import Callable, Sequence
from typing import Any

from qst.clock import VirtualClock
from qst.instruments import RampEnd, Sample, ThermalRamp
from qst_drivers.links.sim import SimLink
from qst_drivers.medoc_mms import MedocMms
from qst_drivers.wire.mms import Request, encode_request
from qst_drivers.wire.mms_reply import Reply, ReplyDecoder
from qst_simulators.medoc_mms import SimulatedMedocMms
from qst_simulators.medoc_mms.main_station import State
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World

HEAT_PROGRAM = {"word": 100, "baseline": "32 °C", "rate": "0.3 °C/s", "cutoff": "48 °C", "return_rate": "8 °C/s"}
COLD_PROGRAM = {"word": 101, "baseline": "20 °C", "rate": "0.3 °C/s", "cutoff": "0 °C", "return_rate": "8 °C/s"}
FAST_PROGRAM = {"word": 102, "baseline": "32 °C", "rate": "1 °C/s", "cutoff": "50 °C", "return_rate": "1 °C/s"}
PROGRAMS = [HEAT_PROGRAM, COLD_PROGRAM, FAST_PROGRAM]

HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0)
COLD = ThermalRamp(start_c=20.0, rate_c_per_s=0.3, cutoff_c=0.0, return_rate_c_per_s=8.0)
FAST = ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=50.0, return_rate_c_per_s=1.0)


class SpyLink(SimLink):
    """A link that remembers every command it carried, and when."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.written: list[tuple[float, bytes]] = []

    def write(self, data: bytes) -> None:
        self.written.append((self._now(), data))
        super().write(data)

    def commands(self) -> list[int]:
        """Numbers of the commands that are not GET_STATUS."""
        return [data[8] for _, data in self.written if data[8]]


class Rig:
    """Everything on the bench; without noise unless asked for."""

    def __init__(
        self, simulator: dict[str, Any] | None = None, driver: dict[str, Any] | None = None, seed: int = 1
    ) -> None:
        self.world = World(seed)
        self.clock = VirtualClock()
        self.button = ButtonLine(self.world)
        settings = {"programs": PROGRAMS, "noise_c": 0.0, **(simulator or {})}
        self.mms = SimulatedMedocMms(self.world, settings, Surroundings(self.button))
        self.link = SpyLink(self.mms, self.clock, "sim://medoc-mms")
        self.driver = MedocMms(self.link, {"programs": PROGRAMS, **(driver or {})}, self.clock)

    @property
    def true_c(self) -> float:
        self.world.advance(self.clock.monotonic())
        return self.mms.true_temperature_c

    def state(self) -> State:
        """Where MMS is now."""
        self.world.advance(self.clock.monotonic())
        return self.mms.state

    def ask(self, command: int, parameter: int | None = None, timestamp: int = 7) -> Reply:
        """One exchange past the driver, as bytes."""
        return self.send(encode_request(Request(command, timestamp, parameter)))

    def send(self, data: bytes) -> Reply:
        self.link.open()
        self.link.write(data)
        decoder = ReplyDecoder(self.mms._settings.generation)
        replies: list[Reply] = []
        while not replies:
            chunk = self.link.read(1.0)
            assert chunk, "hung up"
            replies = decoder.feed(chunk)
        self.link.close()
        return replies[0]

    def ready(self, ramp: ThermalRamp, period_s: float = 0.1) -> "Rig":
        """Connected, adapted, waiting for its trigger."""
        self.driver.connect()
        return self.again(ramp, period_s)

    def again(self, ramp: ThermalRamp, period_s: float = 0.1) -> "Rig":
        self.driver.prepare(ramp)
        self.driver.adapt()
        for _ in range(2000):
            self.driver.poll()
            if self.driver.ready():
                return self
            self.clock.sleep(period_s)
        raise AssertionError("never ready")

    def press_at(self, time_s: float, held_s: float = 0.3) -> None:
        self.world.at(time_s, lambda: self.button.set(pressed=True))
        self.world.at(time_s + held_s, lambda: self.button.set(pressed=False))

    def press_when(self, temperature_c: float, *, rising: bool, held_s: float = 0.3) -> float:
        """Let the participant press when the plate is truly at ``temperature_c``; the time of the press."""
        now_s = self.clock.monotonic()
        self.world.advance(now_s)
        press_s = self.mms.surface.when(temperature_c, rising=rising, after_s=now_s)
        assert press_s is not None
        self.press_at(press_s, held_s)
        return press_s

    def follow(self, period_s: float = 0.02, longest_s: float = 120.0) -> tuple[list[Sample], Sample]:
        """Poll until the device has ended its ramp: samples before, and the one that says so."""
        samples: list[Sample] = []
        end_s = self.clock.monotonic() + longest_s
        while self.clock.monotonic() < end_s:
            for sample in self.driver.poll():
                if sample.ended is not None:
                    return samples, sample
                samples.append(sample)
            self.clock.sleep(period_s)
        raise AssertionError("the ramp never ended")

    def run(self, until: Callable[[], bool], period_s: float = 0.05, longest_s: float = 120.0) -> Sequence[Sample]:
        """Poll until a condition holds."""
        seen: list[Sample] = []
        end_s = self.clock.monotonic() + longest_s
        while not until():
            assert self.clock.monotonic() < end_s
            seen.extend(self.driver.poll())
            self.clock.sleep(period_s)
        return seen


BUTTON, LIMIT, FAULT = RampEnd.BUTTON, RampEnd.LIMIT, RampEnd.FAULT
