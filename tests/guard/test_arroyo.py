"""The Arroyo's driver and its guard: when it is armed, and what its safe script does to the plate."""

import contextlib
import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qst.errors import InstrumentFaultError, LinkTimeoutError, StationFileError
from qst.instruments import SafeScript, ThermalRamp
from qst.protocol.meaning import _WIDEST_SETTLE_C
from qst_drivers.arroyo_5300 import Arroyo5300
from qst_drivers.arroyo_5300.driver import _NEARLY_BACK_C
from tests.arroyo_5300.rig import COLD, FAST_HEAT, HEAT, Rig, SpyLink

HOME_C = 32.0
#: A driver may overshoot by so much, by its own statement, at its fastest ramp (1 °C/s).
OVERSHOOT_C = 1.0


class Guarded(SpyLink):
    """A simulated link with a guard that only keeps account of its orders."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.script: SafeScript = ()
        self.timeout_s = 0.0
        self.armed = False
        self.deaf_to: bytes | None = None

    def write(self, data: bytes) -> None:
        if self.deaf_to is None or not data.startswith(self.deaf_to):
            super().write(data)

    @property
    def guard(self) -> "Guarded":
        return self

    def arm(self, script: SafeScript, timeout_s: float) -> None:
        self.script, self.timeout_s, self.armed = script, timeout_s, True

    def disarm(self) -> None:
        self.armed = False


class GuardedRig(Rig):
    """The bench, with a guard in front of it."""

    def __init__(self, simulator: dict[str, Any] | None = None, driver: dict[str, Any] | None = None) -> None:
        super().__init__(simulator, driver)
        self.guard = Guarded(self.device, self.clock, "tcp://10.0.0.9:10001")
        self.link = self.guard
        self.driver = Arroyo5300(self.guard, driver or {}, self.clock)

    def armed(self) -> bool:
        return self.guard.armed

    def act(self, *, after: bytes = b"", times: int = 3) -> None:
        """The host falls silent in the middle of a line, and the guard acts after its time-out."""
        now_s = self.clock.monotonic()
        self.device.receive(after, now_s)
        self.wait(self.guard.timeout_s)
        for _ in range(times):
            for step in self.guard.script:
                self.device.receive(step.data, self.clock.monotonic())
                self.wait(step.pause_s)
            self.wait(0.15)


def ramping() -> GuardedRig:
    rig = GuardedRig()
    rig.ramping(HEAT, 10.0)
    return rig


def test_armed_from_the_first_move_until_the_controller_takes_the_plate_back() -> None:
    rig = GuardedRig()
    rig.driver.connect()
    rig.driver.prepare(FAST_HEAT)
    assert not rig.armed()
    rig.driver.adapt()
    assert rig.armed()
    rig.poll_until_ready()
    assert rig.armed()
    rig.driver.begin()
    rig.poll_for(10.0)
    rig.driver.stop()
    assert rig.armed()
    rig.poll_for(0.3)
    assert rig.true_c > 38.0
    assert rig.armed()
    while rig.armed():
        rig.poll_for(0.1)
    assert rig.true_c == pytest.approx(32.0 + _NEARLY_BACK_C, abs=0.5)
    rig.poll_for(10.0)
    assert rig.true_c == pytest.approx(32.0, abs=0.5)


def test_wherever_a_settle_rule_ends_a_trial_the_guard_is_disarmed() -> None:
    assert _NEARLY_BACK_C >= _WIDEST_SETTLE_C


@pytest.mark.parametrize("told", ["final", "moving"])
@pytest.mark.parametrize("ramp", [FAST_HEAT, COLD])
def test_disarmed_whatever_the_controller_calls_its_set_point(told: str, ramp: ThermalRamp) -> None:
    rig = GuardedRig({"set_query": told})
    rig.ramping(ramp, 4.0)
    rig.driver.stop()
    rig.poll_for(8.0)
    assert not rig.armed()


@pytest.mark.parametrize("told", ["final", "moving"])
def test_still_armed_when_the_order_to_return_was_lost_on_its_way(told: str) -> None:
    rig = GuardedRig({"set_query": told})
    rig.ramping(FAST_HEAT, 2.5)
    rig.guard.deaf_to = b"TEC:T 32"
    rig.driver.stop()
    for _ in range(8):
        with contextlib.suppress(InstrumentFaultError):
            rig.driver.poll()
        rig.wait(0.05)
    assert rig.armed()


def test_armed_before_the_set_point_leaves() -> None:
    rig = GuardedRig()
    rig.driver.connect()
    rig.driver.prepare(HEAT)
    rig.guard.written.clear()
    armed_first = rig.guard.arm

    def arm(script: SafeScript, timeout_s: float) -> None:
        assert rig.guard.written == []
        armed_first(script, timeout_s)

    rig.guard.arm = arm  # type: ignore[method-assign]  # looks, then does the same
    rig.driver.adapt()
    assert rig.guard.written != []


def test_disarmed_once_the_plate_is_seen_to_come_home_and_not_when_it_is_not() -> None:
    rig = ramping()
    rig.driver.make_safe()
    assert not rig.armed()
    stuck = ramping()
    stuck.guard.read = functools.partial(silence)  # type: ignore[method-assign]  # the cable is cut
    with pytest.raises(LinkTimeoutError):
        stuck.driver.make_safe()
    assert stuck.armed()


def silence(timeout_s: float) -> bytes:
    raise LinkTimeoutError(f"nothing within {timeout_s} s")


def test_the_time_out_comes_from_the_station_and_answers_are_waited_for_half_as_long() -> None:
    rig = GuardedRig(driver={"guard_timeout": "0.8 s", "reply_timeout": "2 s"})
    identity = rig.driver.connect()
    assert "behind a guard that allows 0.8 s" in identity.detail
    rig.driver.prepare(HEAT)
    rig.driver.adapt()
    assert rig.guard.timeout_s == 0.8
    asked_s = rig.clock.monotonic()
    rig.guard.read = functools.partial(late, rig)  # type: ignore[method-assign]  # the controller answers nothing
    with pytest.raises(LinkTimeoutError):
        rig.driver.poll()
    assert rig.clock.monotonic() - asked_s == pytest.approx(0.4)


def late(rig: GuardedRig, timeout_s: float) -> bytes:
    rig.wait(timeout_s)
    raise LinkTimeoutError(f"nothing within {timeout_s} s")


@pytest.mark.parametrize("text", ["0.1 s", "2.1 s", "5 °C", "0.5"])
def test_a_time_out_that_no_guard_accepts_is_refused_in_the_station_file(text: str) -> None:
    with pytest.raises(StationFileError, match="guard_timeout"):
        GuardedRig(driver={"guard_timeout": text})


def test_the_script_never_switches_the_output_on() -> None:
    rig = ramping()
    rig.device.receive(b"TEC:OUT 0\r\n", rig.clock.monotonic())
    rig.act()
    assert rig.device.controller.output is False


LINES = [b"TEC:T 48\r\n", b"TEC:T?\r\n", b"TEC:TRATE 60;:TEC:T 48\r\n", b"TEC:OUT 1\r\n", b"TEC:LIM:THI 125\r\n"]


@settings(max_examples=60, deadline=None)
@given(
    ramp=st.sampled_from([FAST_HEAT, HEAT, COLD]),
    seconds=st.floats(0.0, 60.0),
    line=st.sampled_from(LINES),
    cut=st.integers(0, 22),
    slew=st.sampled_from(["measured", "setpoint"]),
    at_once=st.booleans(),
)
def test_from_any_moment_and_behind_any_half_of_a_line_the_script_brings_the_plate_home(
    ramp: ThermalRamp, seconds: float, line: bytes, cut: int, slew: str, at_once: bool
) -> None:
    rig = GuardedRig({"slew_from": slew, "trate_at_once": at_once})
    rig.settled(ramp)
    rig.driver.begin()
    rig.poll_for(min(seconds, ramp.duration_s))
    away_c = abs(rig.true_c - HOME_C)
    assert_never_beyond(rig, ramp, functools.partial(rig.act, after=line[: min(cut, len(line) - 2)]))
    # The way home at the rate of the return, then the plate's own lag.
    steps = round((away_c / ramp.return_rate_c_per_s + 6.0) / 0.1)
    for _ in range(steps):
        assert_never_beyond(rig, ramp, functools.partial(rig.wait, 0.1))
    assert rig.true_c == pytest.approx(HOME_C, abs=0.5)


def assert_never_beyond(rig: Rig, ramp: ThermalRamp, do: Any) -> None:
    do()
    beyond_c = rig.true_c - ramp.cutoff_c if ramp.rising else ramp.cutoff_c - rig.true_c
    assert beyond_c <= OVERSHOOT_C
