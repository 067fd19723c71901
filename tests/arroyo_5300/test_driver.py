"""The driver against the simulated controller: programs, ramps, ways back, refusals."""

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.clock import VirtualClock
from qst.errors import (
    BeyondCutoffError,
    InstrumentFaultError,
    LinkOpenError,
    LinkTimeoutError,
    NotReadyError,
    QstError,
    ReadingJumpError,
    RefusedError,
    RemoteProtocolError,
    StationFileError,
)
from qst.instruments import PressureRamp, RampEnd, ThermalRamp
from qst_drivers.arroyo_5300 import Arroyo5300
from qst_drivers.arroyo_5300.settings import KEYS, Settings
from qst_drivers.links.nowhere import NoLink
from qst_simulators.arroyo_5300.options import Options
from qst_simulators.faults import FaultyDevice
from qst_simulators.peltier import Plate
from tests.arroyo_5300.rig import COLD, FAST_HEAT, HEAT, Rig, SpyLink
from tests.docs.pages import prose

WAY_BACK = "TEC:T 32;:TEC:TRATE 90;:TEC:T 32"


class FaultyRig(Rig):
    """The same bench, on whose wire things can go wrong."""

    def __init__(self, simulator: dict[str, Any] | None = None) -> None:
        super().__init__(simulator)
        self.wire = FaultyDevice(self.device, self.world, "arroyo-5300")
        self.link = SpyLink(self.wire, self.clock, "sim://arroyo-5300")
        self.driver = Arroyo5300(self.link, {}, self.clock)


def changed(ramp: ThermalRamp, **values: float) -> ThermalRamp:
    return msgspec.structs.replace(ramp, **values)


# --- life ------------------------------------------------------------------------------------------------------------


def test_connect_identifies_and_moves_nothing() -> None:
    rig = Rig({"start_c": 27.0})
    identity = rig.driver.connect()
    assert (identity.model, identity.serial, identity.firmware) == ("Arroyo 5305", "SIM-53051234", "3.06")
    assert "no watchdog" in identity.detail
    assert not {"TEC:T", "TEC:OUT"} & {line.split(" ")[0] for line in rig.link.lines()}
    rig.wait(20.0)
    assert rig.device.controller.output is False


@pytest.mark.parametrize(
    "switches",
    [
        {"terminal": True},
        {"idn_commas": True},
        {"answer_min_s": 0.09, "answer_max_s": 0.1},
        {"set_query": "moving"},
        {"slew_from": "setpoint"},
        {"trate_at_once": False},
    ],
)
def test_every_plausible_device_is_driven_alike(switches: dict[str, Any]) -> None:
    rig = Rig(switches).ramping(HEAT, 10.0)
    rig.driver.stop()
    top_c = rig.true_c
    rig.poll_for(4.0)
    assert rig.true_c == pytest.approx(32.0, abs=0.4)
    assert top_c > 34.0


def test_a_half_line_in_the_devices_buffer_and_old_errors_do_no_harm() -> None:
    rig = Rig({"terminal": True})
    rig.device.connect(0.0)
    rig.device.receive(b"TEC:TEMP 1\r\nTEC:OU", 0.0)
    rig.wait(0.5)
    assert rig.driver.connect().model == "Arroyo 5305"


def test_connect_regulates_temperature_and_says_what_settled_means() -> None:
    rig = Rig()
    rig.device.controller.set_mode("R")
    rig.driver.connect()
    controller = rig.device.controller
    assert (controller.mode, controller.band_c, controller.band_s) == ("T", 0.1, 2.0)


def test_ready_is_judged_anew_after_every_adapt() -> None:
    rig = Rig().settled(HEAT)
    rig.driver.prepare(COLD)
    rig.driver.adapt()
    assert not rig.driver.ready()


def test_no_ramp_is_prepared_on_a_real_link_without_a_guard() -> None:
    rig = Rig()
    link = SpyLink(rig.device, rig.clock, "visa://ASRL3::INSTR?baud=38400")
    driver = Arroyo5300(link, {}, rig.clock)
    driver.connect()
    link.written.clear()
    with pytest.raises(RefusedError, match="watchdog") as refused:
        driver.prepare(HEAT)
    assert "guard" in refused.value.remedy
    assert link.written == []
    with pytest.raises(NotReadyError):
        driver.adapt()


def test_a_unit_without_ramp_is_refused() -> None:
    with pytest.raises(InstrumentFaultError, match=r"no temperature ramp: E-123"):
        Rig({"has_trate": False}).driver.connect()


def test_a_plate_that_an_earlier_host_left_hot_is_sent_home() -> None:
    rig = Rig({"start_c": 32.0})
    rig.device.connect(0.0)
    rig.device.receive(b"TEC:TRATE 60;:TEC:T 47;:TEC:OUT 1\r\n", 0.0)
    rig.wait(60.0)
    assert rig.true_c == pytest.approx(47.0, abs=0.01)
    identity = rig.driver.connect()
    assert "found with its output on at 47 °C" in identity.detail
    rig.poll_for(20.0)
    assert rig.true_c == pytest.approx(32.0, abs=0.05)


def test_a_broken_sensor_is_found_at_connect() -> None:
    for how, said in (("open", "sensor is open"), ("short", "sensor is shorted")):
        rig = Rig()
        rig.device.fail_sensor(how)
        with pytest.raises(InstrumentFaultError, match=said):
            rig.driver.connect()


def test_a_failed_connect_leaves_the_link_closed() -> None:
    rig = FaultyRig()
    rig.wire.inject("silence")
    with pytest.raises(LinkTimeoutError):
        rig.driver.connect()
    with pytest.raises(QstError):
        rig.link.read_available()
    with pytest.raises(NotReadyError):
        rig.driver.poll()


def test_close_sends_it_home_and_is_idempotent() -> None:
    rig = Rig().ramping(HEAT, 30.0)
    rig.driver.close()
    rig.driver.close()
    rig.wait(20.0)
    assert rig.true_c == pytest.approx(32.0, abs=0.05)
    assert rig.device.controller.output
    rig.driver.make_safe()
    rig.driver.stop()


def test_close_over_a_dead_wire_raises_nothing() -> None:
    rig = FaultyRig()
    rig.ramping(HEAT, 5.0)
    rig.wire.inject("disconnect")
    rig.driver.close()


def test_can_be_asked_without_a_device() -> None:
    driver = Arroyo5300(NoLink("sim://arroyo-5300"), {"thermode_area": "9 cm²"}, VirtualClock())
    driver.check(HEAT)
    assert driver.thermode_area_cm2 == 9.0
    with pytest.raises(LinkOpenError):
        driver.connect()


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ramp", "said"),
    [
        (changed(HEAT, rate_c_per_s=1.7), "102 °C per minute"),
        (changed(HEAT, return_rate_c_per_s=8.0), "return at 8 °C/s is 480 °C per minute"),
        (changed(HEAT, rate_c_per_s=1.5), "faster than this station's 1 °C/s"),
        (changed(HEAT, cutoff_c=50.5), "and the overshoot of 1 °C"),
        (changed(COLD, cutoff_c=-1.0), "and the overshoot of 1 °C"),
        (changed(HEAT, start_c=55.0), "start 55"),
        (changed(HEAT, rate_c_per_s=0.01), "takes 1600.0 s"),
        (changed(HEAT, cutoff_c=48.005), "multiple of 0.01"),
        (changed(HEAT, rate_c_per_s=0.30001), "multiple of 0.01"),
        (PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=500), "applies no pressure"),
    ],
)
def test_a_ramp_that_it_cannot_or_may_not_do_is_refused_not_clamped(ramp: Any, said: str) -> None:
    rig = Rig()
    rig.driver.connect()
    sent = len(rig.link.written)
    for call in (rig.driver.check, rig.driver.prepare):
        with pytest.raises(RefusedError, match=said):
            call(ramp)
    assert len(rig.link.written) == sent


def test_a_cutoff_keeps_the_stated_overshoot_inside_the_suites_ceilings() -> None:
    fast = Arroyo5300(NoLink("sim://x"), {"max_rate": "1.6 °C/s", "max_temperature": "51 °C"}, VirtualClock())
    for ramp, edge_c, beyond_c in ((COLD, 0.6, 0.0), (HEAT, 49.4, 50.0)):
        fast.check(changed(ramp, cutoff_c=edge_c))
        with pytest.raises(RefusedError, match=r"and the overshoot of 1\.6 °C that the thermode states, is outside"):
            fast.check(changed(ramp, cutoff_c=beyond_c))
    Rig().driver.check(changed(COLD, cutoff_c=0.0))  # 1 °C/s and no faster: -1 °C at worst


def test_a_station_may_narrow_the_range() -> None:
    narrow = Arroyo5300(NoLink("sim://x"), {"min_temperature": "5 °C", "max_temperature": "47 °C"}, VirtualClock())
    for ramp in (changed(HEAT, cutoff_c=47.5), changed(COLD, cutoff_c=4.5)):
        with pytest.raises(RefusedError, match="outside 5 to 47"):
            narrow.check(ramp)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"max_temperature": "52 °C"}, "outside"),
        ({"max_rate": "2 °C/s"}, "outside"),
        ({"max_rate": 1.0}, "no unit"),
        ({"max_rate": "1 °C"}, "max_rate"),
        ({"watchdog": "1 s"}, "unknown setting"),
        ({"reply_timeout": "0.01 s"}, "outside"),
    ],
)
def test_wrong_settings_are_refused(chosen: Mapping[str, Any], said: str) -> None:
    with pytest.raises(StationFileError, match=said):
        Arroyo5300(NoLink("sim://x"), chosen, VirtualClock())


def test_the_stated_overshoot_follows_the_fastest_ramp_that_is_allowed() -> None:
    slow = Arroyo5300(NoLink("sim://x"), {"max_rate": "0.3 °C/s"}, VirtualClock()).capabilities
    fast = Arroyo5300(NoLink("sim://x"), {"max_rate": "1.6 °C/s"}, VirtualClock()).capabilities
    assert (slow.stated_overshoot, fast.stated_overshoot) == (0.3, 1.6)
    assert not slow.self_limiting
    assert not slow.has_button
    assert not slow.ends_ramp_on_button
    assert slow.ends_ramp_at_limit
    assert any("watchdog" in fact for fact in slow.unverified)


# --- a ramp ----------------------------------------------------------------------------------------------------------


def test_prepare_writes_limits_and_rates_reads_them_back_and_moves_nothing() -> None:
    rig = Rig({"start_c": 32.0})
    rig.driver.connect()
    rig.driver.prepare(HEAT)
    controller = rig.device.controller
    assert (controller.high_c, controller.low_c) == (49.0, 29.0)
    assert controller.rate_c_per_min == 90.0
    assert not controller.output
    assert "TEC:LIM:THI?" in rig.link.lines()
    rig.driver.prepare(COLD)
    assert (controller.high_c, controller.low_c) == (35.0, -1.0)


def test_a_limit_that_reads_back_otherwise_is_a_fault() -> None:
    rig = Rig()
    rig.driver.connect()
    rig.device._setters["TEC:LIM:THI"] = rig.device._setters["TEC:LIM:THI"]._replace(act=lambda value: None)
    with pytest.raises(InstrumentFaultError, match=r"holds TEC:LIM:THI = 125 where 49 was sent"):
        rig.driver.prepare(HEAT)
    with pytest.raises(NotReadyError):
        rig.driver.adapt()


def test_the_order_of_life_is_kept() -> None:
    rig = Rig({"start_c": 25.0})
    driver = rig.driver
    with pytest.raises(NotReadyError, match="not connected"):
        driver.prepare(HEAT)
    driver.connect()
    with pytest.raises(NotReadyError, match="no ramp is prepared"):
        driver.adapt()
    driver.prepare(HEAT)
    with pytest.raises(NotReadyError, match="not steady"):
        driver.begin()
    driver.adapt()
    assert not driver.ready()
    driver.poll()
    assert not driver.ready()
    with pytest.raises(NotReadyError, match="not steady"):
        driver.begin()
    rig.poll_until_ready()
    driver.begin()
    with pytest.raises(NotReadyError, match="already"):
        driver.begin()
    for call in (driver.adapt, lambda: driver.prepare(HEAT)):
        with pytest.raises(NotReadyError, match="a ramp is running"):
            call()


@pytest.mark.parametrize("ramp", [HEAT, COLD, FAST_HEAT], ids=["heat", "cold", "fast heat"])
def test_the_set_point_stops_at_the_cut_off_and_the_driver_sends_the_plate_back(ramp: ThermalRamp) -> None:
    rig = Rig({"noise_c": 0.003}).settled(ramp)
    begun_s = rig.clock.monotonic()
    rig.driver.begin()
    samples = rig.poll_until_end()
    assert samples[-1].ended is RampEnd.LIMIT
    assert samples[-1].value == pytest.approx(ramp.cutoff_c, abs=0.4)
    assert rig.clock.monotonic() - begun_s == pytest.approx(ramp.duration_s, abs=1.5)
    assert all(sample.pressed is None for sample in samples)
    after = rig.poll_for(20.0)
    assert all(sample.ended is RampEnd.LIMIT for sample in after)
    assert rig.true_c == pytest.approx(ramp.start_c, abs=0.05)


def test_the_rate_is_in_degrees_per_minute_and_truly_run() -> None:
    rig = Rig().settled(HEAT)
    rig.driver.begin()
    samples = rig.poll_for(30.0)
    (first, last) = samples[100], samples[-1]
    assert (last.value - first.value) / (last.time_s - first.time_s) == pytest.approx(0.3, rel=0.01)
    assert "TEC:TRATE 18" in rig.link.lines()


def test_a_sample_is_what_the_plate_was_at_its_time() -> None:
    rig = Rig().settled(FAST_HEAT)
    rig.driver.begin()
    for _ in range(200):
        (sample,) = rig.driver.poll()
        assert sample.value == pytest.approx(rig.device.surface.temperature_c(sample.time_s), abs=0.03)
        rig.wait(0.01)


def test_stop_turns_the_plate_round_at_once_and_for_good() -> None:
    rig = Rig().ramping(HEAT, 20.0)
    sent = len(rig.link.written)
    stopped_s = rig.clock.monotonic()
    rig.driver.stop()
    assert rig.link.written[sent] == (stopped_s, (WAY_BACK + "\r\n").encode())
    rig.wait(0.2)  # the line's way, the device's 16 to 40 ms, the plate's 0.15 s
    path = []
    for _ in range(400):
        path.append(rig.true_c)
        rig.wait(0.02)
    assert path == sorted(path, reverse=True)
    assert path[-1] == pytest.approx(32.0, abs=0.02)
    rig.driver.stop()
    assert not rig.driver.ready()
    assert rig.true_c == pytest.approx(32.0, abs=0.02)


def test_stop_before_anything_says_nothing() -> None:
    rig = Rig()
    rig.driver.stop()
    rig.driver.make_safe()
    rig.driver.connect()
    sent = len(rig.link.written)
    rig.driver.stop()
    rig.driver.make_safe()
    assert len(rig.link.written) == sent


@pytest.mark.parametrize("moment_s", [0.0, 0.5, 5.0, 50.0])
@pytest.mark.parametrize("ramp", [HEAT, COLD], ids=["heat", "cold"])
def test_make_safe_goes_to_32_from_any_moment_with_power(ramp: ThermalRamp, moment_s: float) -> None:
    rig = Rig({"start_c": 32.0})
    rig.driver.connect()
    rig.driver.prepare(ramp)
    rig.driver.adapt()
    if moment_s:
        rig.poll_until_ready()
        rig.driver.begin()
        rig.poll_for(moment_s)
    rig.driver.make_safe()
    rig.driver.make_safe()
    rig.wait(0.2)
    distances = []
    for _ in range(300):
        distances.append(abs(rig.true_c - 32.0))
        rig.wait(0.1)
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 0.02
    assert rig.device.controller.output
    assert "TEC:OUT 0" not in rig.link.lines()
    rig.driver.poll()


def test_an_abort_in_the_middle_of_a_question_leaves_no_answer_to_the_next() -> None:
    rig = Rig().ramping(HEAT, 5.0)
    abort = AbortSwitch()
    rig.clock._abort = abort
    abort.throw(AbortCause.EMERGENCY_STOP)
    with pytest.raises(Aborted):
        rig.driver.poll()
    with abort.shielded():
        rig.driver.stop()
        rig.driver.poll()
        rig.wait(15.0)
        assert rig.driver.poll()[-1].value == pytest.approx(32.0, abs=0.05)


# --- trouble ---------------------------------------------------------------------------------------------------------


def poll_until_fault(rig: Rig, at_most_s: float = 30.0) -> InstrumentFaultError:
    with pytest.raises(InstrumentFaultError) as caught:
        rig.poll_for(at_most_s)
    return caught.value


@pytest.mark.parametrize(("how", "code"), [("open", "E-402"), ("short", "E-415")])
def test_a_sensor_that_breaks_is_told_with_its_code(how: str, code: str) -> None:
    rig = Rig().ramping(HEAT, 5.0)
    rig.device.fail_sensor(how)
    assert code in poll_until_fault(rig, 0.5).what
    with pytest.raises(InstrumentFaultError, match="output is off"):
        rig.driver.make_safe()


def test_a_stuck_sensor_cuts_the_power_before_the_plate_burns() -> None:
    rig = Rig().ramping(HEAT, 5.0)
    start_c = rig.true_c
    rig.device.inject("stuck sensor")
    assert "should be at" in poll_until_fault(rig).what
    rig.wait(0.1)
    assert not rig.device.controller.output
    assert rig.true_c < start_c + 2.0
    rig.driver.make_safe()
    rig.wait(120.0)
    assert rig.true_c == pytest.approx(36.0, abs=0.1)
    with pytest.raises(NotReadyError, match="did not follow"):
        rig.driver.prepare(HEAT)


def test_a_sensor_stuck_while_settled_is_found_on_the_way_home() -> None:
    rig = Rig().settled(COLD)
    rig.device.inject("stuck sensor")
    with pytest.raises(InstrumentFaultError, match="does not return") as fault:
        rig.driver.make_safe()
    assert "switched off" in fault.value.did
    rig.wait(0.1)
    assert not rig.device.controller.output
    assert rig.true_c < 32.0
    rig.driver.make_safe()


def test_a_sensor_stuck_before_the_ramp_is_noticed_by_the_controllers_full_power() -> None:
    rig = Rig().settled(HEAT)
    rig.device.inject("stuck sensor")
    rig.driver.begin()
    assert "sensor may be stuck" in poll_until_fault(rig).what
    rig.wait(0.1)
    assert not rig.device.controller.output
    assert rig.true_c < 32.0 + 2.5


def test_a_unit_whose_limits_do_not_act_is_refused() -> None:
    rig = Rig()
    rig.device._kept["TEC:ENAB:OUTOFF"] = 1240 - 8
    with pytest.raises(InstrumentFaultError, match="limits do not switch its output off"):
        rig.driver.connect()


def test_a_ramp_that_falls_behind_is_a_fault() -> None:
    rig = Rig({"cooling_c_per_s": 0.1, "start_c": 20.0}).settled(COLD)
    rig.driver.begin()
    assert "should be at" in poll_until_fault(rig).what


def test_setpoints_that_are_ignored_are_noticed() -> None:
    rig = Rig().ramping(HEAT, 20.0)
    rig.device.inject("ignored stop")
    rig.driver.stop()
    before_c = rig.true_c
    poll_until_fault(rig)
    rig.wait(0.1)
    assert not rig.device.controller.output
    assert rig.true_c < before_c + 1.5


def test_a_reboot_is_noticed() -> None:
    rig = Rig().ramping(HEAT, 5.0)
    rig.device.inject("device reboot")
    assert "output is off" in poll_until_fault(rig, 1.0).what


def test_a_limit_of_the_device_that_trips_is_told() -> None:
    rig = Rig().ramping(HEAT, 30.0)
    rig.device.controller.set_limit(high_c=41.0)
    assert "E-407" in poll_until_fault(rig, 2.0).what


def test_a_plate_that_overshoots_more_than_stated_is_switched_off_by_the_device() -> None:
    rig = Rig().settled(FAST_HEAT)
    rig.device.inject("overshoot", by_c=4.0)
    rig.driver.begin()
    rig.poll_until_end()
    assert "E-407" in poll_until_fault(rig, 3.0).what
    assert rig.true_c <= 49.0 + 0.1


def test_a_plate_beyond_its_cutoff_is_told_from_a_reading_that_jumped() -> None:
    """The device's own limit does not act, and for some seconds nobody looks: or one reading is wrong."""
    beyond = Rig({"obeys_limits": False}).settled(FAST_HEAT)
    beyond.device.inject("overshoot", by_c=1.5)
    beyond.driver.begin()
    beyond.poll_for(12.0)
    beyond.wait(6.0)
    assert type(poll_until_fault(beyond)) is BeyondCutoffError
    jumps = Rig().ramping(FAST_HEAT, 15.9)
    jumps.device.inject("jumping sensor", size=2.5, every_s=10.0, lasts_s=1.0)
    assert type(poll_until_fault(jumps)) is ReadingJumpError


def test_a_command_that_the_device_refuses_is_a_fault_and_no_ramp() -> None:
    rig = Rig().settled(HEAT)
    rig.device.controller.high_c = 40.0
    with pytest.raises(InstrumentFaultError, match=r"E-201 \(Out of range\) after TEC:T 48"):
        rig.driver.begin()
    rig.wait(20.0)
    assert rig.true_c == pytest.approx(32.0, abs=0.05)


def test_a_rate_that_was_spoilt_on_the_way_starts_no_ramp() -> None:
    rig = Rig().settled(HEAT)
    setters = rig.device._setters
    setters["TEC:TRATE"] = setters["TEC:TRATE"]._replace(act=lambda rate: rig.device.controller.set_rate(98.0))
    with pytest.raises(InstrumentFaultError, match="holds TEC:TRATE = 98 where 18 was sent"):
        rig.driver.begin()
    rig.wait(20.0)
    assert rig.true_c == pytest.approx(32.0, abs=0.05)


def test_a_setpoint_that_was_spoilt_on_the_way_is_turned_round() -> None:
    rig = Rig().settled(COLD)
    setters = rig.device._setters
    honest = setters["TEC:T"]
    rig.device.controller.high_c = 60.0
    setters["TEC:T"] = honest._replace(act=lambda value: honest.act(48.0 if value == 0.0 else value))
    with pytest.raises(InstrumentFaultError, match="set-point is 48"):
        rig.driver.begin()
    rig.wait(20.0)
    assert rig.true_c == pytest.approx(20.0, abs=0.05)


@pytest.mark.parametrize("fault", ["garbage", "truncated", "duplicated", "delayed", "stale"])
def test_a_spoilt_answer_is_never_taken_for_another(fault: str) -> None:
    rig = FaultyRig()
    rig.ramping(HEAT, 5.0)
    rig.wire.inject(fault)
    refused = 0
    for _ in range(40):
        try:
            (sample,) = rig.driver.poll()
            assert sample.value == pytest.approx(rig.device.surface.temperature_c(sample.time_s), abs=0.03)
        except (LinkTimeoutError, RemoteProtocolError):
            refused += 1
    assert refused <= 1
    assert refused == (fault != "stale")  # an old answer of the same kind cannot be told from a new one


def test_a_line_that_nobody_asked_for_is_not_taken_for_the_next_answer() -> None:
    rig = Rig().settled(HEAT)
    rig.device._outbox.append((rig.clock.monotonic(), b"33.00\r\n"))
    assert rig.driver.poll()[0].value == pytest.approx(32.0, abs=0.05)
    assert rig.link.lines().count("*IDN?") == 2


def test_a_reading_beside_the_way_is_not_believed() -> None:
    rig = Rig().ramping(HEAT, 10.0)
    rig.device.inject("jumping sensor", size=4.0, every_s=1.0, lasts_s=0.1)
    seen = rig.poll_for(10.0)
    assert len(seen) > 50
    for sample in seen:
        assert sample.value == pytest.approx(rig.device.surface.temperature_c(sample.time_s), abs=0.03)
        assert sample.ended is None


@pytest.mark.parametrize("fault", ["garbage", "truncated", "delayed", "silence"])
def test_stop_gets_through_whatever_comes_back(fault: str) -> None:
    rig = FaultyRig()
    rig.ramping(HEAT, 20.0)
    rig.wire.inject(fault)
    try:
        rig.driver.stop()
    except QstError:
        assert fault == "silence"
    rig.wait(15.0)
    assert rig.true_c == pytest.approx(32.0, abs=0.05)


def test_make_safe_over_a_dead_wire_says_so() -> None:
    rig = FaultyRig()
    rig.ramping(HEAT, 5.0)
    rig.wire.inject("disconnect")
    with pytest.raises(QstError):
        rig.driver.make_safe()


def test_a_device_that_is_no_arroyo_is_refused() -> None:
    rig = Rig()
    rig.device._queries["*IDN"] = lambda: "THORLABS,TED4015,M00123,1.2"
    with pytest.raises(RemoteProtocolError, match="not an Arroyo"):
        rig.driver.connect()


REGISTERS = {
    "TEC:LIM:THI": 49.0,
    "TEC:LIM:TLO": 29.0,
    "TEC:TRATE": 90.0,
    "TEC:OUT": 1.0,
    "TEC:SET:T": 32.0,
    "TEC:COND": 1024.0,
}


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(REGISTERS)), st.one_of(st.none(), st.floats(0.01, 3.0)), st.floats(0.0, 1.0)),
        max_size=12,
    )
)
@settings(deadline=None)
def test_after_a_time_out_no_late_answer_is_taken_for_the_answer_to_another_question(
    questions: list[tuple[str, float | None, float]],
) -> None:
    rig = FaultyRig({"start_c": 32.0})
    rig.settled(HEAT)
    for name, delay_s, pause_s in questions:
        if delay_s is not None:
            rig.wire.inject("delayed", delay_s=delay_s)
        try:
            assert rig.driver._talk.number(name) == REGISTERS[name]
        except (LinkTimeoutError, RemoteProtocolError):
            assert any(delay is not None for _, delay, _ in questions)
        rig.wait(pause_s)
    rig.wait(4.0)
    with contextlib.suppress(LinkTimeoutError):  # a delay that no answer has met yet
        rig.driver.poll()
    rig.wait(4.0)
    assert rig.driver.poll()[0].value == pytest.approx(32.0, abs=0.05)


def test_a_name_that_never_comes_is_asked_for_once_more_and_not_sooner() -> None:
    rig = FaultyRig({"start_c": 32.0})
    rig.settled(HEAT)
    rig.wire.inject("silence", for_s=3.5)
    while True:
        try:
            value_c = rig.driver.poll()[0].value
            break
        except LinkTimeoutError:
            rig.wait(0.1)
    assert value_c == pytest.approx(32.0, abs=0.05)
    asked = rig.link.lines()[-20:]
    assert asked.count("*IDN?") == 2, "while one is owed no other one is asked for"


# --- documentation ---------------------------------------------------------------------------------------------------


def test_every_setting_and_switch_is_explained() -> None:
    text = prose("stations.md")
    names = [*KEYS, *(field.name for kind in (Options, Plate) for field in dataclasses.fields(kind))]
    assert [name for name in names if f"`{name}`" not in text] == []
    assert {quantity.field for quantity in KEYS.values()} == set(Settings._fields)


@given(after_s=st.floats(0.0, 1.5))
@settings(max_examples=25, deadline=None)
def test_a_stop_while_it_connects_leaves_no_plate_where_a_dead_host_had_it(after_s: float) -> None:
    """A host was killed in mid-ramp; its next visit is stopped once the controller has told its name."""
    rig = Rig().ramping(FAST_HEAT, 5.0)
    rig.wait(20.0)
    assert rig.true_c > 47.0
    again = Arroyo5300(rig.link, {}, rig.clock)
    sleep, known_s = rig.clock.sleep, [0.0]

    def sleep_and_stop(seconds: float) -> None:
        if not again._talk.identified:
            known_s[0] = rig.clock.monotonic()
        elif rig.clock.monotonic() >= known_s[0] + after_s:
            raise Aborted(AbortCause.EMERGENCY_STOP)
        sleep(seconds)

    rig.clock.sleep = sleep_and_stop  # type: ignore[method-assign]  # a stop may come at any wait
    with contextlib.suppress(Aborted):
        again.connect()
    rig.clock.sleep = sleep  # type: ignore[method-assign]
    rig.wait(20.0)
    assert rig.true_c == pytest.approx(32.0, abs=0.5)
