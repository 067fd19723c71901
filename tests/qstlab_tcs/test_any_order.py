"""Any order of calls, presses, waits and faults: the plate never leaves what was allowed, and always comes back."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qst.errors import QstError
from qst.instruments import Sample, ThermalRamp
from qst_drivers.wire.tcs_host import HostParser
from tests.qstlab_tcs.rig import Rig

TOLERANCE_C = 0.1 + 1e-6  # the stated overshoot at the rates of threshold testing


class AnyOrder(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 99), firmware=st.sampled_from(["14.52", "13.10"]))
    def bench(self, seed: int, firmware: str) -> None:
        self.rig = Rig({"firmware": firmware, "noise_c": 0.02}, seed=seed)
        self.ramp: ThermalRamp | None = None
        self.allowed_c = {30.0, 32.0}  # power-on baseline; what making safe goes to
        self.samples: list[Sample] = []

    def _call(self, method: str, *arguments: Any) -> bool:
        """Call the driver; an explained refusal is a fine answer, anything else is not."""
        try:
            answer = getattr(self.rig.driver, method)(*arguments)
        except QstError:
            return False
        if method == "poll":
            self.samples += answer
        return True

    @rule()
    def connect(self) -> None:
        self._call("connect")

    @rule(
        heat=st.booleans(),
        travel=st.integers(10, 180),
        rate=st.sampled_from([0.3, 0.25, 1.0, 5.0]),
        back=st.sampled_from([1.0, 8.0]),
    )
    def prepare(self, heat: bool, travel: int, rate: float, back: float) -> None:
        start, sign = (32.0, 1) if heat else (20.0, -1)
        ramp = ThermalRamp(
            start_c=start, rate_c_per_s=rate, cutoff_c=round(start + sign * travel / 10, 1), return_rate_c_per_s=back
        )
        if self._call("prepare", ramp):
            self.ramp = ramp

    @rule()
    def adapt(self) -> None:
        if self.ramp is not None:
            self.allowed_c.add(self.ramp.start_c)
        self._call("adapt")

    @rule()
    def begin(self) -> None:
        if self.ramp is not None:
            self.allowed_c.add(self.ramp.cutoff_c)
        self._call("begin")

    @rule(heat=st.booleans(), travel=st.integers(10, 180), seconds=st.sampled_from([0.0, 1.0, 9.0]))
    def start_a_ramp(self, heat: bool, travel: int, seconds: float) -> None:
        """The usual way into a ramp, which calls at random seldom find."""
        if not self.rig.driver._open:
            self.connect()
        self.prepare(heat=heat, travel=travel, rate=1.0, back=8.0)
        self.adapt()
        self.wait(5.0)
        self.begin()
        self.wait(seconds)

    @rule(count=st.integers(1, 5), every_s=st.sampled_from([0.0, 0.01, 0.5]))
    def poll(self, count: int, every_s: float) -> None:
        for _ in range(count):
            self._call("poll")
            self.wait(every_s)

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.3, 4.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.rig.clock.sleep(seconds)
        self.rig.world.advance(self.rig.clock.monotonic())

    @rule(pressed=st.booleans())
    def button(self, pressed: bool) -> None:
        self.rig.world.advance(self.rig.clock.monotonic())
        self.rig.button.set(pressed=pressed)

    @rule(what=st.sampled_from(["truncate", "garbage", "lose"]), count=st.integers(0, 5))
    def fault(self, what: str, count: int) -> None:
        if what == "garbage":
            self.rig.tcs.faults.garbage = b"\r01~"[:count]
        else:
            setattr(self.rig.tcs.faults, what, count)

    @rule()
    def stop(self) -> None:
        connected = self.rig.driver._open
        self.rig.tcs.faults.lose = min(self.rig.tcs.faults.lose, 2)
        self._call("stop")
        if connected:
            self._comes_back(self.rig.tcs.registers.neutral / 10)

    @rule()
    def make_safe(self) -> None:
        connected = self.rig.driver._open
        if self._call("make_safe") and connected:
            self._comes_back(self.rig.tcs.registers.neutral / 10)

    def _comes_back(self, home_c: float) -> None:
        """Once stopped, every later temperature is nearer to the baseline."""
        self.wait(0.002)
        distance_c = abs(self.rig.true_c - home_c)
        for _ in range(8):
            self.wait(0.01)
            now_c = abs(self.rig.true_c - home_c)
            assert now_c <= distance_c + 0.05  # the ringing of a plate that arrives
            distance_c = now_c

    @precondition(lambda self: self.rig.link.written)
    @rule()
    def close(self) -> None:
        self._call("close")

    @invariant()
    def plate_stays_within_what_was_allowed(self) -> None:
        if hasattr(self, "rig"):
            true_c = self.rig.true_c
            assert min(self.allowed_c) - TOLERANCE_C <= true_c <= max(self.allowed_c) + TOLERANCE_C

    @invariant()
    def nothing_but_the_driver_started_and_only_with_button_stop(self) -> None:
        if hasattr(self, "rig"):
            names = [order.name for order in HostParser().feed(self.rig.link.sent())]
            assert "L" not in names
            assert "Od" not in names

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            return
        self.rig.tcs.faults.lose = 0
        self.rig.tcs.faults.garbage = b""
        self.rig.tcs.faults.truncate = None
        connected = self.rig.driver._open
        self.rig.driver.make_safe()
        self.rig.clock.sleep(130.0)
        if connected:
            assert abs(self.rig.true_c - 32.0) <= 2.0
        self.rig.driver.close()
        assert [sample.time_s for sample in self.samples] == sorted(sample.time_s for sample in self.samples)


AnyOrder.TestCase.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
TestAnyOrder = AnyOrder.TestCase
