"""The driver through real bytes: life, proof of ramps, ramps and their ends."""

from itertools import pairwise
from typing import Any

import pytest

from qst.errors import (
    InstrumentFaultError,
    LinkOpenError,
    NotReadyError,
    RefusedError,
    StationFileError,
)
from qst.instruments import PressureRamp, RampEnd, ThermalRamp
from qst_drivers.qstlab_tcs import QstlabTcs
from tests.qstlab_tcs.rig import COLD, FAST_HEAT, HEAT, Rig

STEP_C = 0.1


def _ramp(**changes: float) -> ThermalRamp:
    values = {"start_c": 32.0, "rate_c_per_s": 0.3, "cutoff_c": 50.0, "return_rate_c_per_s": 8.0, **changes}
    return ThermalRamp(**values)


def test_connect_identifies_and_moves_nothing() -> None:
    rig = Rig({"firmware": "14.52.032"})
    identity = rig.driver.connect()
    assert (identity.model, identity.firmware, identity.serial) == (
        "QST.Lab TCS II",
        "14.52.032",
        "53 49 4D 55 4C 41 54 45",
    )
    assert identity.detail.startswith("probe type 003")
    assert rig.true_c == 30.0
    assert not any(letter in rig.link.sent() for letter in (b"L", b"O", b"N"))


def test_capabilities_are_honest() -> None:
    capabilities = QstlabTcs.CAPABILITIES
    assert (capabilities.value_min, capabilities.value_max, capabilities.longest_stimulus_s) == (0.0, 50.0, 99.999)
    assert (capabilities.acknowledges, capabilities.checksums, capabilities.timestamps) == (False, False, False)
    assert capabilities.self_limiting
    assert capabilities.unverified
    assert capabilities.stated_overshoot == 0.1
    assert Rig(driver={"max_rate": "300 °C/s"}).driver.capabilities.stated_overshoot == pytest.approx(0.9)
    hot = Rig(driver={"max_temperature": "51 °C"}).driver
    hot.check(_ramp(cutoff_c=50.9))
    with pytest.raises(RefusedError, match="and the overshoot of"):
        hot.check(_ramp(cutoff_c=51.0))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"battery_percent": 19}, "19 %"),
        ({"sensor_fault_zone": 2}, "sensor error"),
        ({"probe_absent": True}, "no probe"),
    ],
)
def test_connect_refuses_a_device_that_is_not_sound(settings: dict[str, Any], text: str) -> None:
    rig = Rig(settings)
    with pytest.raises(InstrumentFaultError, match=text):
        rig.driver.connect()
    with pytest.raises(NotReadyError):
        rig.driver.poll()


def test_connect_refuses_when_nobody_answers() -> None:
    rig = Rig()
    rig.tcs.unplug()
    with pytest.raises(LinkOpenError):
        rig.driver.connect()


def test_program_is_on_the_wire_as_documented() -> None:
    rig = Rig()
    rig.driver.connect()
    rig.link.written.clear()
    rig.driver.prepare(HEAT)
    assert b"Ue00000Om500S11111V00003R00080C0500D060000" in rig.link.sent()
    assert b"N" not in rig.link.sent()
    rig.driver.adapt()
    assert b"N320" in rig.link.sent()
    rig.driver.prepare(_ramp(rate_c_per_s=0.25, return_rate_c_per_s=0.75))
    assert b"Ov000025Or000075" in rig.link.sent()


@pytest.mark.parametrize(
    ("ramp", "text"),
    [
        (_ramp(cutoff_c=50.1), "cut-off 50.1"),
        (_ramp(cutoff_c=62.0, rate_c_per_s=1.0), "cut-off 62"),
        (_ramp(start_c=20.0, cutoff_c=-1.0), "cut-off -1"),
        (_ramp(start_c=19.0, cutoff_c=0.0), "start 19"),
        (_ramp(start_c=39.1), "start 39.1"),
        (_ramp(cutoff_c=49.95), "multiple of 0.1"),
        (_ramp(start_c=32.05), "multiple of 0.1"),
        (_ramp(rate_c_per_s=0.123, cutoff_c=40.0), "multiple of 0.01"),
        (_ramp(return_rate_c_per_s=0.123, cutoff_c=45.0), "multiple of 0.01"),
        (_ramp(rate_c_per_s=11.0), "faster"),
        (_ramp(return_rate_c_per_s=301.0), "return"),
        (_ramp(cutoff_c=0.0), "106.667 s"),
    ],
)
def test_what_may_or_can_not_be_done_is_refused_before_a_byte_is_sent(ramp: ThermalRamp, text: str) -> None:
    rig = Rig()
    with pytest.raises(RefusedError, match=text):
        rig.driver.check(ramp)
    rig.driver.connect()
    rig.link.written.clear()
    with pytest.raises(RefusedError, match=text):
        rig.driver.prepare(ramp)
    assert not rig.link.written


def test_check_touches_no_link_and_knows_its_modality() -> None:
    rig = Rig()
    rig.driver.check(HEAT)
    rig.driver.check(COLD)
    with pytest.raises(RefusedError, match="pressure"):
        rig.driver.check(PressureRamp(rate_kpa_per_s=50.0, cutoff_kpa=500.0))
    assert not rig.link.written


def test_longest_ramps_of_the_reference_visit_fit() -> None:
    assert HEAT.duration_s == pytest.approx(60.0)
    rig = Rig()
    rig.driver.connect()
    rig.driver.prepare(COLD)
    assert b"D066667" in rig.link.sent()


def test_station_may_narrow_the_limits_and_never_pass_the_ceiling() -> None:
    rig = Rig(driver={"max_temperature": "48 °C", "thermode_area": "9 cm²"})
    rig.driver.connect()
    assert rig.driver.thermode_area_cm2 == 9.0
    with pytest.raises(RefusedError):
        rig.driver.prepare(HEAT)
    with pytest.raises(StationFileError, match="51"):
        Rig(driver={"max_temperature": "52 °C"})


@pytest.mark.parametrize(
    "settings",
    [{"colour": "red"}, {"zones": [0]}, {"zones": []}, {"zones": "11111"}, {"thermode_area": 9}, {"max_rate": "1 °C"},
     {"min_battery_percent": "20"}],
)  # fmt: skip
def test_wrong_settings_name_what_is_wrong(settings: dict[str, Any]) -> None:
    with pytest.raises(StationFileError):
        Rig(driver=settings)


def test_order_of_life_is_enforced() -> None:
    rig = Rig()
    for call in (rig.driver.poll, rig.driver.adapt, rig.driver.begin, lambda: rig.driver.prepare(HEAT)):
        with pytest.raises(NotReadyError):
            call()
    rig.driver.connect()
    for call in (rig.driver.adapt, rig.driver.begin):
        with pytest.raises(NotReadyError):
            call()
    rig.driver.prepare(HEAT)
    with pytest.raises(NotReadyError, match="baseline"):
        rig.driver.begin()
    assert not rig.driver.ready()
    rig.driver.adapt()
    assert rig.driver.ready()


def test_begin_refuses_while_the_plate_is_not_at_its_start() -> None:
    rig = Rig()
    rig.driver.connect()
    rig.driver.prepare(COLD)
    rig.driver.adapt()
    with pytest.raises(NotReadyError, match="starts at 20"):
        rig.driver.begin()
    assert b"Ol" not in rig.link.sent()


def test_running_ramp_is_neither_reprogrammed_nor_started_twice() -> None:
    rig = Rig().settled(HEAT)
    rig.driver.begin()
    for call in (rig.driver.begin, rig.driver.adapt, lambda: rig.driver.prepare(HEAT)):
        with pytest.raises(NotReadyError):
            call()


@pytest.mark.parametrize(("ramp", "threshold_c"), [(HEAT, 44.03), (COLD, 11.27), (FAST_HEAT, 46.48)])
@pytest.mark.parametrize("every_s", [0.0, 0.010])
def test_button_ends_the_ramp_and_the_threshold_is_the_true_temperature(
    ramp: ThermalRamp, threshold_c: float, every_s: float
) -> None:
    rig = Rig().settled(ramp)
    rig.driver.begin()
    press_s = rig.press_at(threshold_c, rising=ramp.rising)
    *_, before, last = rig.poll_until_end(every_s)
    assert last.ended is RampEnd.BUTTON
    assert last.pressed
    assert not before.pressed
    assert before.time_s <= press_s
    assert abs(before.value - threshold_c) <= STEP_C / 2 + 0.01 + ramp.rate_c_per_s * every_s
    assert last.time_s - press_s < 0.01 + every_s
    rig.clock.sleep(4.0)
    assert abs(rig.true_c - ramp.start_c) < 0.1


@pytest.mark.parametrize("ramp", [FAST_HEAT, COLD])
def test_cutoff_ends_the_ramp_in_the_device(ramp: ThermalRamp) -> None:
    rig = Rig().settled(ramp)
    rig.driver.begin()
    samples = rig.poll_until_end(0.01)
    assert samples[-1].ended is RampEnd.LIMIT
    extreme_c = (max if ramp.rising else min)(sample.value for sample in samples)
    assert abs(extreme_c - ramp.cutoff_c) <= STEP_C
    rig.clock.sleep(4.0)
    assert abs(rig.true_c - ramp.start_c) < 0.1


def test_silent_host_leaves_nobody_at_the_cutoff() -> None:
    rig = Rig().settled(FAST_HEAT)
    rig.driver.begin()
    rig.clock.sleep(18.01)
    assert rig.true_c == pytest.approx(50.0, abs=0.1)
    rig.clock.sleep(4.0)
    assert rig.true_c == 32.0


def test_short_press_between_two_polls_is_seen_by_the_plates_return() -> None:
    rig = Rig().settled(FAST_HEAT)
    rig.driver.begin()
    rig.press_at(40.0, rising=True, held_s=0.030)
    samples = rig.poll_until_end(0.1)
    assert samples[-1].ended is RampEnd.BUTTON
    assert samples[-1].pressed is False
    assert max(sample.value for sample in samples) == pytest.approx(40.0, abs=0.15)


def test_end_stays_in_the_samples_until_the_next_preparation() -> None:
    rig = Rig().settled(FAST_HEAT)
    rig.driver.begin()
    rig.press_at(36.0, rising=True)
    rig.poll_until_end(0.01)
    rig.clock.sleep(3.0)
    assert rig.driver.poll()[0].ended is RampEnd.BUTTON
    rig.driver.prepare(FAST_HEAT)
    assert rig.driver.poll()[0].ended is None
    rig.driver.adapt()
    rig.driver.begin()


def test_readings_are_the_mean_of_the_enabled_zones() -> None:
    rig = Rig(driver={"zones": [1, 3]})
    rig.settled(HEAT)
    rig.tcs.faults.zone_error_c = {1: 0.4, 2: 0.9}
    assert rig.driver.poll()[0].value == pytest.approx(32.2)


def test_offsets_and_noise_stay_within_the_makers_accuracy() -> None:
    for seed in range(10):
        rig = Rig({"offsets": True, "noise_c": 0.02}, seed=seed).settled(FAST_HEAT)
        rig.driver.begin()
        press_s = rig.press_at(41.0, rising=True)
        *_, before, _ = rig.poll_until_end()
        assert before.time_s < press_s
        assert abs(before.value - 41.0) < 0.5 + 0.25


def test_old_firmware_is_paced_and_works() -> None:
    rig = Rig({"firmware": "13.07", "spaces_for_plus": True}).settled(FAST_HEAT)
    times = [time_s for time_s, _ in rig.link.written]
    assert all(len(data) == 1 for _, data in rig.link.written)
    assert min(after - before for before, after in pairwise(times)) >= 0.001
    rig.driver.begin()
    press_s = rig.press_at(40.0, rising=True)
    *_, before, last = rig.poll_until_end()
    assert last.ended is RampEnd.BUTTON
    assert before.time_s < press_s
    assert before.value == pytest.approx(40.0, abs=0.08)


def test_close_is_idempotent_and_takes_the_zones_out() -> None:
    rig = Rig().settled(COLD)
    rig.driver.begin()
    rig.clock.sleep(10.0)
    rig.driver.close()
    rig.driver.close()
    assert rig.link.sent().endswith(b"S00000")
    rig.clock.sleep(5.0)
    assert rig.true_c == 32.0
    rig.driver.connect()


def test_equal_seeds_give_equal_bytes() -> None:
    def run(seed: int) -> tuple[list[Any], list[Any]]:
        rig = Rig({"offsets": True, "noise_c": 0.02}, seed=seed).settled(FAST_HEAT)
        rig.driver.begin()
        rig.press_at(36.0, rising=True)
        return rig.poll_until_end(0.01), rig.link.written

    assert run(7) == run(7)
    assert run(7) != run(8)
