"""After a time-out no later reply is ever attributed to the wrong request.

What is measured rises all the time, so every reading tells when it was taken: one that was asked for earlier shows.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qst.clock import VirtualClock
from qst.errors import LinkTimeoutError, QstError
from qst.instruments import ThermalRamp
from qst_drivers.arroyo_5300 import Arroyo5300
from qst_drivers.links.sim import SimLink
from qst_drivers.mark10 import Mark10
from qst_drivers.medoc_mms import MedocMms
from qst_drivers.qstlab_tcs import QstlabTcs
from qst_simulators.arroyo_5300 import SimulatedArroyo5300
from qst_simulators.faults import FaultyDevice
from qst_simulators.mark10 import SimulatedMark10
from qst_simulators.medoc_mms import SimulatedMedocMms
from qst_simulators.qstlab_tcs import SimulatedQstlabTcs
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World
from tests.mark10.force import LinearForce

#: Between two questions; at every rate below more than a reading's own error.
_BETWEEN_S = 0.3
_PROGRAMS = [{"word": 100, "baseline": "32 °C", "rate": "1 °C/s", "cutoff": "48 °C", "return_rate": "8 °C/s"}]


RAMP = ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=48.0, return_rate_c_per_s=8.0)


class Peer(NamedTuple):
    """A driver that is asked again and again, and the truth about what it measures."""

    clock: VirtualClock
    device: FaultyDevice
    ask: Callable[[], float]
    truth: Callable[[], float]
    error: float  # of one reading


def _mms() -> Peer:
    clock, world = VirtualClock(), World(1)
    settings = {"programs": _PROGRAMS, "noise_c": 0.0}
    device = FaultyDevice(SimulatedMedocMms(world, settings, Surroundings(ButtonLine(world))), world, "mms")
    driver = MedocMms(SimLink(device, clock, "sim://mms"), {"programs": _PROGRAMS}, clock)
    driver.connect()
    device.surface.drive(300.0, 1.0)
    return Peer(clock, device, lambda: driver.poll()[-1].value, lambda: device.true_temperature_c, 0.02)


def _tcs() -> Peer:
    clock, world = VirtualClock(), World(1)
    simulator = {"noise_c": 0.0, "offsets": False}
    device = FaultyDevice(SimulatedQstlabTcs(world, simulator, Surroundings(ButtonLine(world))), world, "tcs")
    driver = QstlabTcs(SimLink(device, clock, "sim://tcs"), {}, clock)
    driver.connect()
    driver.prepare(RAMP)  # its zones take part from now on
    device.surface.drive(90.0, 0.8)
    truth = lambda: float(device.surface.temperature_c(world.now_s))  # noqa: E731 - one of four alike
    return Peer(clock, device, lambda: driver.poll()[-1].value, truth, 0.06)


def _arroyo() -> Peer:
    clock, world = VirtualClock(), World(1)
    simulator = SimulatedArroyo5300(world, {"noise_c": 0.0}, Surroundings(ButtonLine(world)))
    device = FaultyDevice(simulator, world, "arroyo")
    driver = Arroyo5300(SimLink(device, clock, "sim://arroyo"), {}, clock)
    driver.connect()
    device.surface.drive(69.0, 0.5)
    truth = lambda: float(device.surface.temperature_c(world.now_s))  # noqa: E731 - one of four alike
    return Peer(clock, device, lambda: driver.poll()[-1].value, truth, 0.01)


def _mark10() -> Peer:
    clock, world = VirtualClock(), World(1)
    force = LinearForce()
    gauge = SimulatedMark10(world, {"noise": False, "cell_errors": False}, Surroundings(ButtonLine(world), force))
    device = FaultyDevice(gauge, world, "mark10")
    driver = Mark10(SimLink(device, clock, "sim://mark10"), {"tip_area": "1 cm²", "push_sign": "+1"}, clock)
    driver.connect()
    force.points = [(world.now_s, 0.0), (world.now_s + 100.0, 200.0)]
    return Peer(clock, device, driver.current_kpa, lambda: 10.0 * force.force_n(world.now_s), 0.6)


PEERS: dict[str, Callable[[], Peer]] = {
    "medoc-mms": _mms,
    "qstlab-tcs": _tcs,
    "arroyo-5300": _arroyo,
    "mark10": _mark10,
}

#: For each question: by how much its reply, and perhaps the next ones, come late.
LATE = st.lists(st.tuples(st.sampled_from([0.0, 0.0, 0.1]) | st.floats(0.0, 3.0), st.integers(1, 3)), max_size=8)


@pytest.mark.parametrize("name", PEERS)
@given(late=LATE)
@settings(max_examples=40, deadline=None)
@example(late=[(0.6, 1), (0.0, 1), (0.0, 1)])
@example(late=[(1.2, 2), (0.3, 1), (0.0, 1)])
@example(late=[(1.5, 2), (1.5, 3), (1.5, 3)])  # also the answer that is to bring the line back in step comes late
def test_every_answer_is_the_answer_to_its_own_question(name: str, late: list[tuple[float, int]]) -> None:
    peer = PEERS[name]()
    for delay_s, count in [*late, *[(0.0, 1)] * 4]:
        if delay_s:
            peer.device.inject("delayed", count=count, delay_s=delay_s)
        _ask_once(peer)
        peer.clock.sleep(_BETWEEN_S)


def _ask_once(peer: Peer) -> None:
    before = peer.truth()
    try:
        value = peer.ask()
    except QstError:
        return
    assert before - peer.error <= value <= peer.truth() + peer.error


@pytest.mark.parametrize("name", PEERS)
def test_a_late_reply_is_a_time_out_and_the_next_answer_is_right(name: str) -> None:
    peer = PEERS[name]()
    peer.device.inject("delayed", count=2, delay_s=0.7)
    with pytest.raises(LinkTimeoutError):
        peer.ask()
    values: list[Any] = []
    for _ in range(10):
        peer.clock.sleep(_BETWEEN_S)
        before = peer.truth()
        try:
            values.append(peer.ask())
        except QstError:
            continue
        assert before - peer.error <= values[-1] <= peer.truth() + peer.error
    assert len(values) >= 8


@given(which=st.lists(st.booleans(), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_an_old_reply_of_mms_is_known_by_its_time_stamp(which: list[bool]) -> None:
    peer = _mms()
    for stale in which:
        if stale:
            peer.device.inject("stale", count=1)
        _ask_once(peer)
        peer.clock.sleep(_BETWEEN_S)
