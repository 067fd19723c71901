"""Round trips a second through driver, link and simulated device, with real bytes, on the virtual clock.

Run from the checkout: ``python -m benchmarks.round_trips``. Best of several repeats, because everything else on the
machine can only make a repeat slower.
"""

from collections.abc import Callable

from benchmarks.figures import Figure, seconds, show, show_machine, undisturbed
from qst.clock import VirtualClock
from qst.instruments import PressureRamp, ThermalRamp, Thermode
from qst_drivers.links.sim import SimLink
from qst_drivers.mark10 import Mark10
from qst_drivers.medoc_mms import MedocMms
from qst_drivers.qstlab_tcs import QstlabTcs
from qst_simulators.mark10 import SimulatedMark10
from qst_simulators.medoc_mms import SimulatedMedocMms
from qst_simulators.qstlab_tcs import SimulatedQstlabTcs
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World

#: Budget of the design, round trips a second.
LIMIT_PER_S = 100_000.0
REPEATS = 15
CALLS = 4000
#: One of the programs of the shipped stations.
PROGRAM = {"word": 100, "baseline": "32 °C", "rate": "0.3 °C/s", "cutoff": "48 °C", "return_rate": "8 °C/s"}
HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0)
PRESSURE = PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=588.399)
#: 4000 looks fit into the 53 s of the ramp with its round trips.
LOOK_S = 0.01
#: Between two lines of the gauge's stream.
LINE_S = 0.02


def best_per_s(prepare: Callable[[], Callable[[], object]], per_call: float = 1.0) -> float:
    """Most round trips a second over the repeats.

    Args:
        prepare: brings the instrument to where it is measured and gives the call to be repeated.
        per_call: round trips in one call.
    """
    rates = []
    for _ in range(REPEATS):
        call = prepare()
        with undisturbed():
            rates.append(per_call * CALLS / seconds(lambda: _repeat(call)))  # noqa: B023 - called before the next turn
    return max(rates)


def _repeat(call: Callable[[], object]) -> None:
    for _ in range(CALLS):
        call()


def medoc() -> tuple[MedocMms, VirtualClock]:
    """A connected Medoc thermode behind a simulated MMS."""
    world, clock = World(1), VirtualClock()
    device = SimulatedMedocMms(world, {"programs": [PROGRAM]}, Surroundings(ButtonLine(world)))
    driver = MedocMms(SimLink(device, clock, "sim://medoc-mms"), {"programs": [PROGRAM]}, clock)
    driver.connect()
    return driver, clock


def tcs() -> tuple[QstlabTcs, VirtualClock]:
    """A connected TCS."""
    world, clock = World(1), VirtualClock()
    device = SimulatedQstlabTcs(world, {}, Surroundings(ButtonLine(world)))
    driver = QstlabTcs(SimLink(device, clock, "sim://qstlab-tcs"), {}, clock)
    driver.connect()
    return driver, clock


def mark10() -> tuple[Mark10, VirtualClock]:
    """A connected gauge, nothing touching its tip."""
    world, clock = World(1), VirtualClock()
    device = SimulatedMark10(world, {}, Surroundings(ButtonLine(world)))
    driver = Mark10(SimLink(device, clock, "sim://mark10"), {"tip_area": "1 cm²", "push_sign": "+1"}, clock)
    driver.connect()
    return driver, clock


def every(period_s: float, poll: Callable[[], object], clock: VirtualClock) -> Callable[[], object]:
    """Poll after a sleep."""
    sleep = clock.sleep

    def look() -> None:
        sleep(period_s)
        poll()

    return look


def ramping(driver: Thermode, clock: VirtualClock) -> Callable[[], object]:
    """Begin a heat ramp; the call looks at it as a visit does."""
    driver.prepare(HEAT)
    driver.adapt()
    for _ in range(300):
        driver.poll()
        clock.sleep(0.1)
        if driver.ready():
            break
    driver.begin()
    return every(LOOK_S, driver.poll, clock)


def streaming(driver: Mark10, clock: VirtualClock) -> Callable[[], object]:
    """Begin a stream; the call takes one line."""
    driver.prepare(PRESSURE)
    driver.tare()
    driver.begin()
    return every(LINE_S, driver.poll, clock)


def main() -> None:
    """Measure and print."""
    show_machine()
    for name, rate in (
        ("medoc-mms: GET_STATUS by poll, at rest", best_per_s(lambda: medoc()[0].poll)),
        ("medoc-mms: GET_STATUS by poll, during a ramp", best_per_s(lambda: ramping(*medoc()))),
        ("qstlab-tcs: K and E by poll, queries, at rest", best_per_s(lambda: tcs()[0].poll, per_call=2)),
        ("qstlab-tcs: K and E by poll, queries, during a ramp", best_per_s(lambda: ramping(*tcs()), per_call=2)),
        ("mark10: ?C by current_kpa", best_per_s(lambda: mark10()[0].current_kpa)),
        ("mark10: lines of the stream by poll", best_per_s(lambda: streaming(*mark10()))),
    ):
        show(Figure(name, rate, "/s", at_least=LIMIT_PER_S))
        if "queries" in name:
            show(Figure(name.replace("queries", "polls"), rate / 2, "/s"))


if __name__ == "__main__":
    main()
