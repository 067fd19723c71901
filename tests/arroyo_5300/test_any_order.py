"""Any order of calls, waits and faults: the plate never leaves what was allowed, and always comes back."""

import math
from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from qst.errors import QstError
from qst.instruments import Sample, ThermalRamp
from qst_drivers.links.sim import SimLink
from qst_simulators.faults import FaultyDevice
from tests.arroyo_5300.rig import Rig, SpyLink

#: From the order to the plate's turn: the line's way and up to 40 ms a line before it, then the plate's own 0.15 s. A
#: device that slews from its set-point takes that back through the plate's lag first: τ·ln(1 + rate / return rate) more.
ORDER_S = {"measured": 0.45, "setpoint": 0.45 + 0.8 * math.log(1 + 1.0 / 0.5)}
SLACK_C = 1e-6


class AnyOrder(RuleBasedStateMachine):
    @initialize(
        seed=st.integers(0, 99),
        slew_from=st.sampled_from(["measured", "setpoint"]),
        at_once=st.booleans(),
        set_query=st.sampled_from(["final", "moving"]),
    )
    def bench(self, seed: int, slew_from: str, at_once: bool, set_query: str) -> None:
        switches = {"slew_from": slew_from, "trate_at_once": at_once, "set_query": set_query, "noise_c": 0.003}
        self.rig = rig = Rig({**switches, "start_c": 32.0}, seed=seed)
        self.wire = FaultyDevice(rig.device, rig.world, "arroyo-5300")
        rig.link = SpyLink(self.wire, rig.clock, "sim://arroyo-5300")
        assert isinstance(rig.link, SimLink)
        rig.driver = type(rig.driver)(rig.link, {}, rig.clock)
        self.order_s = ORDER_S[slew_from]
        self.ramp: ThermalRamp | None = None
        self.cutoffs_c = {32.0}
        self.samples: list[Sample] = []
        self.highest_c = self.lowest_c = 32.0
        rig.device.surface.on_change.append(self.note)

    def note(self) -> None:
        """The path is monotone between its changes, but for a turn of less than its lag: look at it here, too."""
        true_c = self.rig.device.surface.temperature_c(self.rig.world.now_s)
        self.highest_c, self.lowest_c = max(self.highest_c, true_c), min(self.lowest_c, true_c)

    def call(self, method: str, *arguments: Any) -> bool:
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
        self.call("connect")

    @rule(
        heat=st.booleans(),
        travel=st.integers(100, 1800),
        rate=st.sampled_from([0.3, 0.25, 1.0, 1.5]),
        back=st.sampled_from([0.5, 1.5, 8.0]),
    )
    def prepare(self, heat: bool, travel: int, rate: float, back: float) -> None:
        start, sign = (32.0, 1) if heat else (20.0, -1)
        ramp = ThermalRamp(
            start_c=start, rate_c_per_s=rate, cutoff_c=round(start + sign * travel / 100, 2), return_rate_c_per_s=back
        )
        if self.call("prepare", ramp):
            self.ramp = ramp
            self.cutoffs_c |= {ramp.start_c, ramp.cutoff_c}

    @rule()
    def adapt(self) -> None:
        self.call("adapt")

    @rule(
        heat=st.booleans(), travel=st.integers(100, 1800), rate=st.sampled_from([0.3, 1.0]), seconds=st.integers(0, 40)
    )
    def start_a_ramp(self, heat: bool, travel: int, rate: float, seconds: int) -> None:
        """The usual way into a ramp, which calls at random seldom find."""
        if not self.rig.driver._open:
            self.connect()
        self.prepare(heat=heat, travel=travel, rate=rate, back=1.5)
        self.adapt()
        for _ in range(100):
            if not self.call("poll") or self.rig.driver.ready():
                break
            self.rig.wait(0.2)
        self.begin()
        self.poll(count=5 * seconds, every_s=0.2)

    @rule()
    def begin(self) -> None:
        self.call("begin")

    @rule(count=st.integers(1, 5), every_s=st.sampled_from([0.0, 0.01, 0.5]))
    def poll(self, count: int, every_s: float) -> None:
        for _ in range(count):
            if not self.call("poll"):
                return
            self.rig.wait(every_s)

    @rule(seconds=st.sampled_from([0.0, 0.001, 0.3, 4.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.rig.wait(seconds)

    @rule(fault=st.sampled_from(["garbage", "truncated", "duplicated", "delayed", "stale"]), count=st.integers(1, 2))
    def spoil(self, fault: str, count: int) -> None:
        self.wire.inject(fault, count=count)

    @rule(how=st.sampled_from(["open", "short", "sound"]))
    def sensor(self, how: str) -> None:
        self.rig.device.fail_sensor(how)

    @rule()
    def stop(self) -> None:
        home_c = self.ramp.start_c if self.rig.driver._program is not None and self.ramp is not None else 32.0
        driving = self.rig.driver._open and self.rig.driver._plate.driving
        if self.call("stop") and driving and self.rig.device.controller.output:
            self.comes_back(home_c)

    @rule()
    def make_safe(self) -> None:
        driving = self.rig.driver._open and self.rig.driver._plate.driving
        if self.call("make_safe") and driving and self.rig.device.controller.output:
            self.comes_back(32.0)

    def comes_back(self, home_c: float) -> None:
        """Once stopped, every later temperature is nearer to home."""
        self.rig.wait(self.order_s)
        distance_c = abs(self.rig.true_c - home_c)
        for _ in range(12):
            self.rig.wait(0.1)
            now_c = abs(self.rig.true_c - home_c)
            assert now_c <= distance_c + (SLACK_C if self.rig.device.controller.output else 1.0)
            distance_c = now_c

    @rule()
    def close(self) -> None:
        self.call("close")

    @invariant()
    def plate_stays_within_cut_off_and_stated_overshoot(self) -> None:
        if not hasattr(self, "rig"):
            return
        self.rig.true_c  # noqa: B018 - brings the world up to now
        self.note()
        overshoot_c = self.rig.driver.capabilities.stated_overshoot
        sink_c = 36.0  # where a plate without power drifts
        assert self.highest_c <= max(*self.cutoffs_c, sink_c) + overshoot_c
        assert self.lowest_c >= min(self.cutoffs_c) - overshoot_c

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            return
        rig = self.rig
        rig.device.fail_sensor("sound")
        self.wait(3.0)
        with suppress(QstError):
            rig.driver.make_safe()
        safe = self.call("make_safe")
        rig.wait(120.0)
        if rig.device.controller.output:
            assert not safe or abs(rig.true_c - 32.0) <= 0.2
        else:
            assert abs(rig.true_c - 36.0) <= 1.0 or rig.true_c == 32.0
        rig.driver.close()
        assert [sample.time_s for sample in self.samples] == sorted(sample.time_s for sample in self.samples)


AnyOrder.TestCase.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
TestAnyOrder = AnyOrder.TestCase
