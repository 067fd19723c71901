"""What each fault does to the bytes, to the device and to the button, and what is refused."""

from collections.abc import Mapping
from typing import Any

import pytest

from qst.abort import AbortSwitch
from qst.clock import VirtualClock
from qst.errors import InputError, LinkClosedError, LinkOpenError, LinkTimeoutError
from qst_drivers.links.sim import SimLink
from qst_simulators.bench import Bench
from qst_simulators.faults import BUTTON_FAULTS, WIRE_FAULTS, Fault, FaultyButton, FaultyDevice
from qst_simulators.faults.sensor import Drifting, Jumping, Stuck
from qst_simulators.surroundings import Surroundings
from qst_simulators.world import World
from tests.faults.run import GAUGES, THERMODES, BoundedClock, profile, station_bench


class Echo:
    """Answers each request after 10 ms with what was asked."""

    def __init__(self, world: World, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._world = world
        self.out: list[tuple[float, bytes]] = []
        self.heard: list[bytes] = []

    def connect(self, now_s: float) -> None:
        self._world.advance(now_s)

    def disconnect(self, now_s: float) -> None:
        self.out.clear()

    def receive(self, data: bytes, now_s: float) -> None:
        self._world.advance(now_s)
        self.heard.append(data)
        self.out.append((now_s + 0.01, data))

    def transmit(self, now_s: float) -> bytes:
        self._world.advance(now_s)
        return self.out.pop(0)[1] if self.out and self.out[0][0] <= now_s else b""

    def next_transmit_s(self) -> float | None:
        return self.out[0][0] if self.out else None

    def hung_up(self, now_s: float) -> bool:
        return False


class Line:
    def __init__(self) -> None:
        self.clock, self.world = VirtualClock(), World(1)
        self.echo = Echo(self.world, {}, Surroundings(FaultyButton(self.world)))
        self.device = FaultyDevice(self.echo, self.world, "echo")
        self.link = SimLink(self.device, self.clock, "sim://echo")

    def ask(self, data: bytes, timeout_s: float = 0.1) -> bytes:
        self.link.write(data)
        return self.link.read(timeout_s)


def line() -> Line:
    made = Line()
    made.link.open()
    return made


def test_a_healthy_device_is_used_as_it_is() -> None:
    it = line()
    assert it.device.transmit == it.echo.transmit
    assert it.ask(b"one") == b"one"
    assert it.device.heard is it.echo.heard
    with pytest.raises(AttributeError):
        _ = it.device.nothing_of_this_name


@pytest.mark.parametrize(
    ("name", "options", "first", "second"),
    [
        ("truncated", {}, b"on", b"two!"),
        ("truncated", {"keep": 1}, b"o", b"two!"),
        ("truncated", {"count": 2, "keep": 1}, b"o", b"t"),
        ("duplicated", {}, b"one!one!", b"two!"),
        ("stale", {}, b"one!", b"one!"),
    ],
)
def test_the_next_replies_are_spoilt_and_those_behind_them_are_not(
    name: str, options: dict[str, Any], first: bytes, second: bytes
) -> None:
    it = line()
    it.device.inject(name, **options)
    assert [it.ask(b"one!"), it.ask(b"two!"), it.ask(b"three")] == [first, second, b"three"]
    assert it.device.transmit == it.echo.transmit
    assert it.device.injected == [(0.0, Fault(name))]


def test_a_reply_that_is_on_its_way_when_the_device_falls_silent_does_not_stop_time() -> None:
    it, clock = line(), BoundedClock(AbortSwitch())
    link = SimLink(it.device, clock, "sim://echo")
    link.open()
    it.device.inject("delayed", delay_s=1.0)
    link.write(b"one!")
    clock.sleep(0.5)
    assert link.read_available() == b""  # it has left, and is under way
    it.device.inject("silence")
    with pytest.raises(LinkTimeoutError):
        link.read(3.0)
    assert clock.monotonic() == pytest.approx(3.5)


def test_garbage_is_as_long_and_the_same_for_the_same_seed() -> None:
    garbled = []
    for _ in range(2):
        it = line()
        it.device.inject("garbage")
        garbled.append(it.ask(b"twelve bytes"))
    assert garbled[0] == garbled[1] != b"twelve bytes"
    assert len(garbled[0]) == 12


def test_a_late_reply_keeps_its_place() -> None:
    it = line()
    it.device.inject("delayed", delay_s=1.0)
    with pytest.raises(LinkTimeoutError):
        it.ask(b"one")
    with pytest.raises(LinkTimeoutError):
        it.ask(b"two")
    assert it.link.read(2.0) == b"onetwo"
    assert it.clock.monotonic() == pytest.approx(1.01)


def test_silence_ends_after_its_time_and_the_device_heard_everything() -> None:
    it = line()
    it.device.inject("silence", for_s=1.0)
    with pytest.raises(LinkTimeoutError):
        it.ask(b"one")
    it.clock.sleep(1.0)
    assert it.ask(b"two") == b"two"
    assert it.echo.heard == [b"one", b"two"]


def test_a_pulled_cable_ends_the_connection_and_refuses_the_next() -> None:
    it = line()
    it.device.inject("reconnect", for_s=2.0)
    assert it.ask(b"one") == b""
    assert it.echo.heard == []
    it.link.close()
    with pytest.raises(LinkOpenError, match="the cable is out"):
        it.link.open()
    it.clock.sleep(2.0)
    it.link.open()
    assert it.ask(b"two") == b"two"


def test_the_connection_that_was_cut_stays_cut() -> None:
    it = line()
    it.device.inject("reconnect", for_s=0.1)
    it.clock.sleep(1.0)
    assert it.ask(b"one") == b""
    it.link.close()
    with pytest.raises(LinkClosedError):
        it.link.read(0.1)


@pytest.mark.parametrize(("name", "says"), [("port_busy", "busy"), ("permission denied", "permission denied")])
def test_a_port_that_cannot_be_opened_says_why_and_an_open_one_stays_open(name: str, says: str) -> None:
    it = line()
    it.device.inject(name)
    assert it.ask(b"one") == b"one"
    it.link.close()
    with pytest.raises(LinkOpenError, match=says):
        it.link.open()


def test_a_fault_comes_at_its_time() -> None:
    it = line()
    it.device.inject("silence", at_s=5.0)
    it.device.inject("port_busy", after_s=7.0)
    it.clock.sleep(4.9)
    assert it.ask(b"one") == b"one"
    it.clock.sleep(0.1)
    with pytest.raises(LinkTimeoutError):
        it.ask(b"two")
    it.world.advance(8.0)
    assert it.device.injected == [(5.0, Fault.SILENCE), (7.0, Fault.PORT_BUSY)]


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("earthquake", {}, "no fault 'earthquake'; there are silence"),
        ("safe_mode", {}, "the echo has no fault 'safe_mode'; it has delayed"),
        ("silence", {"count": 3}, "silence: .*count"),
        ("silence", {"at_s": 1.0, "when": "ramp"}, "not both"),
        ("silence", {"when": "lunch"}, "when is one of connect, adapt"),
        ("silence", {"when": "ramp"}, "does not tell when"),
    ],
)
def test_what_makes_no_sense_is_refused_before_it_happens(name: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        line().device.inject(name, **options)


@pytest.mark.parametrize("driver", [*THERMODES, *GAUGES])
def test_a_device_names_the_faults_it_can_have(driver: str) -> None:
    device = station_bench(driver).device("thermode" if driver in THERMODES else "algometer")
    assert device.faults_possible >= BUTTON_FAULTS
    assert (device.faults_possible >= WIRE_FAULTS) == (driver != "jtech-commander")
    for fault in set(Fault) - device.faults_possible:
        with pytest.raises(ValueError, match="stuck_sensor"):
            device.inject(fault)
        with pytest.raises(ValueError, match="has no fault"):
            device.device.inject(fault)


# -- a station file -----------------------------------------------------------------------------------------------------


def bench_with(faults: Any) -> Bench:
    return Bench(
        VirtualClock(), seed=1, profile=profile(), devices={"algometer": ("mark10", {"noise": False, "faults": faults})}
    )


def test_a_station_file_can_ask_for_faults() -> None:
    bench = bench_with([{"name": "operator menu", "at_s": 2.0}, {"name": "stuck button", "now": True}])
    bench.world.advance(3.0)
    gauge = bench.device("algometer")
    assert gauge.injected == [(0.0, Fault.STUCK_BUTTON), (2.0, Fault.OPERATOR_MENU)]
    assert gauge.menu_open
    assert bench.button.pressed()


@pytest.mark.parametrize(
    "faults", ["silence", [{"when": "ramp"}], [3], [{"name": "silence", "colour": "red"}], [{"name": "safe_mode"}]]
)
def test_wrong_faults_in_a_station_file_are_refused(faults: Any) -> None:
    with pytest.raises(InputError, match="refuses its settings"):
        bench_with(faults)


# -- the button ---------------------------------------------------------------------------------------------------------


def button() -> tuple[World, FaultyButton]:
    world = World(1)
    return world, FaultyButton(world)


def test_a_stuck_button_stays_down() -> None:
    world, contact = button()
    contact.inject("stuck_button")
    contact.set(pressed=True)
    world.advance(1.0)
    contact.set(pressed=False)
    assert contact.pressed
    assert contact.history == [(0.0, True)]


def test_a_bouncing_button_ends_as_it_was_meant() -> None:
    world, contact = button()
    contact.inject("bouncing_button", bounces=2, bounce_s=0.001)
    contact.set(pressed=True)
    world.advance(1.0)
    assert [down for _, down in contact.history] == [True, False, True, False, True]
    assert contact.history[-1][0] < 0.01
    contact.set(pressed=False)
    world.advance(2.0)
    assert not contact.pressed
    assert len(contact.history) == 10


def test_early_and_late_presses() -> None:
    world, contact = button()
    contact.inject("early_press", for_s=0.5)
    world.advance(1.0)
    assert contact.history == [(0.0, True), (0.5, False)]
    contact.inject("late_press", late_s=2.0)
    contact.set(pressed=True)
    world.advance(2.9)
    assert not contact.pressed
    world.advance(3.0)
    assert contact.pressed


def test_a_button_has_no_other_faults() -> None:
    _, contact = button()
    with pytest.raises(ValueError, match="the button has no fault 'silence'"):
        contact.inject("silence")


# -- the sensor ---------------------------------------------------------------------------------------------------------


def test_sensors_stick_jump_and_drift() -> None:
    stuck, jumping, drifting = Stuck(), Jumping(1.0, 5.0, every_s=1.0, lasts_s=0.1), Drifting(1.0, 0.5)
    assert [stuck.read(1.0, 20.0), stuck.read(2.0, 30.0)] == [20.0, 20.0]
    assert [jumping.read(time_s, 20.0) for time_s in (1.05, 1.5, 2.05, 2.5, 3.05)] == [25.0, 20.0, 15.0, 20.0, 25.0]
    assert [drifting.read(1.0, 20.0), drifting.read(5.0, 20.0)] == [20.0, 22.0]


@pytest.mark.parametrize("driver", ["medoc-mms", "qstlab-tcs"])
def test_a_slow_ramp_is_slow_and_an_overshoot_goes_beyond(driver: str) -> None:
    bench = station_bench(driver)
    thermode = bench.device("thermode")
    thermode.inject("slow_ramp", share=0.25)
    thermode.inject("overshoot", by_c=0.7)
    surface, world = thermode.surface, bench.world
    if driver == "medoc-mms":
        station = thermode.main_station
        program = station._settings.words[100]
        station._program, station._trials_left = program, 1
        station._begin_stimulus(program)
        stop = station._end_stimulus
    else:
        thermode.registers.enabled = [True] * 5
        thermode.registers.target, thermode.registers.speed = [4800] * 5, [30] * 5
        thermode.registers.duration_ms = [99_000] * 5
        thermode._start(on_button_stop=True)
        stop = thermode._return
    start_c = surface.temperature_c(world.now_s)
    world.advance(world.now_s + 20.0)
    gone_c = surface.temperature_c(world.now_s) - start_c
    assert gone_c == pytest.approx(20.0 * 0.3 * 0.25, abs=0.05)
    stop()
    world.advance(world.now_s + 0.7 / 0.3 - 0.01)
    assert surface.temperature_c(world.now_s) - start_c - gone_c == pytest.approx(0.7, abs=0.1)
    world.advance(world.now_s + 30.0)
    assert surface.temperature_c(world.now_s) == pytest.approx(start_c, abs=0.1)


def test_an_arroyos_plate_is_slow_and_goes_beyond_where_it_turns() -> None:
    bench = station_bench("arroyo-5300")
    thermode = bench.device("thermode")
    surface, world, controller = thermode.surface, bench.world, thermode.controller
    start_c = surface.temperature_c(world.now_s)
    thermode.inject("slow_ramp", share=0.25)
    controller.set_rate(18.0)
    controller.set_temperature(48.0)
    controller.set_output(on=True)
    world.advance(world.now_s + 20.0)
    gone_c = surface.temperature_c(world.now_s) - start_c
    assert gone_c == pytest.approx(20.0 * 0.3 * 0.25, abs=0.1)
    thermode.inject("overshoot", by_c=0.7)
    controller.set_temperature(start_c)
    path = []
    for _ in range(600):
        world.advance(world.now_s + 0.1)
        path.append(surface.temperature_c(world.now_s) - start_c - gone_c)
    assert max(path) == pytest.approx(0.7, abs=0.1)
    assert path[-1] == pytest.approx(-gone_c, abs=0.3)  # not yet back from beyond the target
