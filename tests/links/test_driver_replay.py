"""Every driver, recorded with its simulator and then run from the recording alone: the same samples at the same times."""

from pathlib import Path
from typing import Any

import pytest

from qst.clock import Clock, VirtualClock
from qst.errors import LinkError
from qst.instruments import Link, PressureRamp, ThermalRamp
from qst_drivers.links.capture import CaptureLink
from qst_drivers.links.replay import ReplayLink
from qst_drivers.links.sim import SimLink
from qst_drivers.mark10 import Mark10
from qst_drivers.medoc_mms import MedocMms
from qst_drivers.qstlab_tcs import QstlabTcs
from qst_simulators.mark10 import SimulatedMark10
from qst_simulators.medoc_mms import SimulatedMedocMms
from qst_simulators.qstlab_tcs import SimulatedQstlabTcs
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World
from tests.mark10.force import LinearForce

PROGRAMS = [{"word": 100, "baseline": "32 °C", "rate": "0.3 °C/s", "cutoff": "34 °C", "return_rate": "8 °C/s"}]
HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=34.0, return_rate_c_per_s=8.0)
PRESS = PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=588.399)


def thermode(driver: Any, clock: Clock) -> list[Any]:
    """One ramp to its cut-off."""
    seen: list[Any] = [driver.connect()]
    driver.prepare(HEAT)
    driver.adapt()
    while not driver.ready():
        seen.extend(driver.poll())
        clock.sleep(0.1)
    for _ in range(100):  # at its start
        seen.extend(driver.poll())
        clock.sleep(0.1)
    driver.begin()
    ended = False
    while not ended:
        samples = driver.poll()
        ended = any(sample.ended for sample in samples)
        seen.extend(samples)
        clock.sleep(0.02)
    driver.stop()
    driver.make_safe()
    driver.close()
    return seen


def gauge(driver: Any, clock: Clock) -> list[Any]:
    """One second of readings."""
    seen: list[Any] = [driver.connect()]
    driver.prepare(PRESS)
    driver.tare()
    driver.begin()
    for _ in range(100):
        clock.sleep(0.01)
        seen.extend(driver.poll())
    driver.stop()
    seen.append(driver.peak_kpa())
    driver.close()
    return seen


CASES: dict[str, tuple[Any, ...]] = {
    "medoc-mms": (MedocMms, {"programs": PROGRAMS}, SimulatedMedocMms, {"programs": PROGRAMS}, thermode),
    "qstlab-tcs": (QstlabTcs, {}, SimulatedQstlabTcs, {}, thermode),
    "mark10": (Mark10, {"tip_area": "1 cm²", "push_sign": "+1"}, SimulatedMark10, {}, gauge),
}


def simulated(name: str, clock: VirtualClock) -> Link:
    _, _, simulator, switches, _ = CASES[name]
    world = World(1)
    force = LinearForce()
    force.points = [(0.0, 0.0), (3.0, 0.0), (8.0, 30.0)]
    device = simulator(world, switches, Surroundings(ButtonLine(world), force))
    return SimLink(device, clock, f"sim://{name}")


def run(name: str, link: Link, clock: VirtualClock) -> list[Any]:
    driver, settings, _, _, play = CASES[name]
    seen: list[Any] = play(driver(link, settings, clock), clock)
    return seen


@pytest.fixture(params=CASES)
def recorded(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, list[Any]]:
    clock = VirtualClock()
    path = tmp_path / "capture.jsonl"
    recorder = CaptureLink(simulated(request.param, clock), path, clock)
    seen = run(request.param, recorder, clock)
    recorder.finish()
    return request.param, path, seen


def test_recording_changes_nothing(recorded: tuple[str, Path, list[Any]]) -> None:
    name, _, seen = recorded
    clock = VirtualClock()
    assert run(name, simulated(name, clock), clock) == seen


def test_the_recording_alone_gives_the_same_samples(recorded: tuple[str, Path, list[Any]]) -> None:
    name, path, seen = recorded
    assert len(seen) > 40
    clock = VirtualClock()
    replay = ReplayLink(path, clock)
    assert run(name, replay, clock) == seen
    assert replay.unplayed == ()


def test_a_driver_that_says_something_else_is_found_out(recorded: tuple[str, Path, list[Any]]) -> None:
    name, path, _ = recorded
    lines = path.read_bytes().splitlines()
    index = next(i for i, line in enumerate(lines) if b'"write"' in line and i > len(lines) // 3)
    lines[index] = lines[index].replace(b'"hex":"', b'"hex":"ff')
    path.write_bytes(b"\n".join(lines) + b"\n")
    clock = VirtualClock()
    with pytest.raises(LinkError, match="from host to device") as caught:
        run(name, ReplayLink(path, clock), clock)
    assert caught.value.where.startswith(f"{path}:")
