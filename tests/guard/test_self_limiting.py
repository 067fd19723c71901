"""Medoc and TCS are driven without a guard: left alone at any moment, they end the stimulus by themselves."""

from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qst.clock import VirtualClock
from qst.instruments import ThermalRamp
from qst.rigs.simulated import simulated_bench, simulated_rig, simulated_station
from qst.testing.station import with_switches
from qst_drivers.wire.tcs import Plain, encode
from qst_simulators.profile import load_profile

#: The participant presses nothing, and nobody reads: the worst that can happen.
LOOK_S = 0.05
#: From the end of the duration to the last tenth of the way back, beyond the return ramp itself.
LAG_S = 3.0
#: The plate goes by its own sensors; their absolute error is 0.5 °C by the maker's word.
SENSOR_C = 0.5


class Case(NamedTuple):
    """A shipped station and two of its ramps."""

    station: str
    heat: ThermalRamp
    cold: ThermalRamp


HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0)
COLD = ThermalRamp(start_c=20.0, rate_c_per_s=0.3, cutoff_c=0.0, return_rate_c_per_s=8.0)
CASES = {"medoc-mms": Case("default", HEAT, COLD), "qstlab-tcs": Case("tcs", HEAT, COLD)}


class Bench:
    """One driver on a virtual bench."""

    def __init__(self, case: Case, seed: int) -> None:
        station = with_switches(simulated_station(case.station), {"thermode": {"noise_c": 0.0}})
        self.clock = VirtualClock()
        profile = load_profile("healthy")
        self.bench = simulated_bench(station, self.clock, seed=seed, profile=profile)
        self.rig = simulated_rig(station, self.bench, self.clock, profile)
        self.thermode: Any = self.rig.instruments["thermode"]

    @property
    def true_c(self) -> float:
        self.bench.world.advance(self.clock.monotonic())
        return float(self.bench.device("thermode").surface.temperature_c(self.bench.world.now_s))

    def ramp(self, ramp: ThermalRamp, seconds: float) -> None:
        """To the start, and out for so long, looked at as a visit does."""
        self.thermode.connect()
        self.thermode.prepare(ramp)
        self.thermode.adapt()
        for _ in range(600):
            self.thermode.poll()
            if self.thermode.ready() and abs(self.true_c - ramp.start_c) < 0.2:
                break
            self.clock.sleep(0.1)
        self.thermode.begin()
        ends_s = self.clock.monotonic() + seconds
        while self.clock.monotonic() < ends_s:
            self.thermode.poll()
            self.clock.sleep(0.03)


@pytest.mark.parametrize("driver", sorted(CASES))
@settings(max_examples=25, deadline=None)
@example(share=1.0, rising=True, hung_up=False, seed=20)  # a probe that reads half a degree too little
@given(share=st.floats(0.0, 1.0), rising=st.booleans(), hung_up=st.booleans(), seed=st.integers(0, 99))
def test_with_the_host_silent_for_ever_the_plate_returns_by_itself(
    driver: str, share: float, rising: bool, hung_up: bool, seed: int
) -> None:
    case = CASES[driver]
    ramp = case.heat if rising else case.cold
    bench = Bench(case, seed)
    can = bench.thermode.capabilities
    assert can.self_limiting
    bench.ramp(ramp, share * ramp.duration_s)
    if hung_up:  # the operating system closes what a process leaves behind
        bench.bench.device("thermode").disconnect(bench.clock.monotonic())
    way = 1.0 if ramp.rising else -1.0
    left_s = abs(ramp.cutoff_c - bench.true_c) / ramp.rate_c_per_s
    back_s = abs(ramp.cutoff_c - ramp.start_c) / ramp.return_rate_c_per_s
    for _ in range(round((left_s + back_s + LAG_S) / LOOK_S)):
        bench.clock.sleep(LOOK_S)
        assert way * (bench.true_c - ramp.cutoff_c) <= can.stated_overshoot + SENSOR_C
    assert way * (bench.true_c - ramp.start_c) <= SENSOR_C + 0.3


def test_the_tcs_driver_never_enters_the_follow_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """In follow mode (``Od``) a TCS holds its target for ever and its own exposure rule is off."""
    bench = Bench(CASES["qstlab-tcs"], 1)
    written = bytearray()
    device = bench.bench.device("thermode")
    receive = device.receive

    def heard(data: bytes, now_s: float) -> None:
        written.extend(data)
        receive(data, now_s)

    monkeypatch.setattr(device, "receive", heard)
    bench.ramp(HEAT, 20.0)
    bench.thermode.stop()
    bench.thermode.make_safe()
    bench.thermode.close()
    assert written
    assert encode(Plain("Od")) not in bytes(written)
