"""The simulated TCS at its wire: power-on state, clipping, timing, and what it does with the button."""

from typing import Any

import pytest

from qst_drivers.wire.tcs_replies import decode_battery, decode_header, decode_keys, decode_line, decode_temperatures
from qst_simulators.qstlab_tcs import SimulatedQstlabTcs
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World

SETUP = b"FN320S11111V00010R00080C0450D099999"


class Bench:
    def __init__(self, settings: dict[str, Any] | None = None, seed: int = 1) -> None:
        self.world = World(seed)
        self.button = ButtonLine(self.world)
        chosen = {"offsets": False, "noise_c": 0.0, **(settings or {})}
        self.tcs = SimulatedQstlabTcs(self.world, chosen, Surroundings(self.button))
        self.now_s = 0.0
        self.tcs.connect(0.0)

    def say(self, data: bytes, wait_s: float = 0.05) -> bytes:
        self.tcs.receive(data, self.now_s)
        self.now_s += wait_s
        return self.tcs.transmit(self.now_s)

    def wait(self, seconds: float) -> float:
        self.now_s += seconds
        self.tcs.transmit(self.now_s)
        return self.tcs.surface.temperature_c(self.now_s)


def test_power_on_shows_temperatures_until_muted() -> None:
    bench = Bench()
    bench.now_s = 2.5
    lines = bench.tcs.transmit(bench.now_s).split(b"\r\n")
    assert [decode_line(line) for line in lines[:-1]] == [(30.0,) * 5] * 2
    assert bench.say(b"F", 3.0) == b""
    assert bench.say(b"K") == b"\r00"


def test_stream_line_precedes_the_answer_when_nobody_muted_the_display() -> None:
    bench = Bench()
    bench.now_s = 0.9999
    assert bench.say(b"K").startswith(b"+30.0")


def test_during_a_stimulus_lines_come_every_10_ms_within_the_window() -> None:
    bench = Bench()
    bench.say(SETUP, 1.0)
    assert bench.say(b"ObY0010L", 1.0).count(b"\r\n") == 10
    bench.say(b"A", 3.0)
    assert bench.say(b"Y0000L", 1.0).count(b"\r\n") == pytest.approx(99, abs=1)


def test_zones_are_disabled_at_power_on_so_a_start_does_nothing() -> None:
    bench = Bench()
    bench.say(b"FC0450V00010D099999L")
    assert bench.wait(5.0) == 30.0


def test_every_set_command_is_silent() -> None:
    assert Bench().say(SETUP + b"Om500T255300Ov000030Or000800Ot04505Y0000I1Ue00000Z050180W000") == b""


def test_out_of_range_is_clipped_without_a_word() -> None:
    bench = Bench()
    bench.say(b"FN999Om500C0600C1999D000001V00000")
    shown = bench.say(b"P", 0.2).decode().split("\r")
    assert {"N450", "Om500", "C1500", "C2500", "D100010", "V10001"} <= set(shown)


def test_vendor_bug_c03000_is_heard_as_30_degrees() -> None:
    bench = Bench()
    assert "C10300" not in bench.say(b"FC03000P", 0.2).decode()
    assert "C1300" in bench.say(b"P", 0.2).decode()


def test_answer_begins_1_to_2_ms_after_the_tick_and_takes_its_time_on_the_wire() -> None:
    bench = Bench()
    bench.say(b"F")
    starts = []
    for _ in range(50):
        bench.tcs.receive(b"E", bench.now_s)
        due_s = bench.tcs.next_transmit_s()
        assert due_s is not None
        assert bench.tcs.transmit(due_s - 1e-6) == b""
        assert len(bench.tcs.transmit(due_s + 1e-9)) == 24
        starts.append(due_s - bench.now_s - 24 * 10 / 115_200)
        bench.now_s += 0.01
    assert 0.001 < min(starts) < max(starts) < 0.0032


def test_queries() -> None:
    bench = Bench({"battery_percent": 100, "firmware": "14.52.032"})
    bench.say(b"F")
    assert decode_battery(bench.say(b"B")).percent == 100
    assert decode_temperatures(bench.say(b"E")) == (24.0, (30.0,) * 5)
    assert decode_keys(bench.say(b"K")) == (False, False)
    assert bench.say(b"Q") == b"\r000000"
    assert bench.say(b"?") == b"\rTCS"
    assert len(bench.say(b"Oe")) == 30
    assert bench.say(b"Og") == b"\r240+300+300+300+300+30000"
    assert decode_header(bench.say(b"H", 1.0)).major == 14
    assert bench.say(b"Uw10000001100450Ue10000Ur").startswith(b"\r1 1 001 100450\r2 0 000")
    assert len(bench.say(b"Xr")) == 13


def test_no_probe_and_old_firmware_show_in_the_reading() -> None:
    assert Bench({"probe_absent": True}).say(b"FE").count(b"+999") == 5
    assert Bench({"spaces_for_plus": True}).say(b"FE") == b"\r240 300 300 300 300 300"


def test_stimulus_goes_out_holds_and_returns_at_its_duration() -> None:
    bench = Bench()
    bench.say(b"FN320S11111V00010R00080C0450D023000", 2.0)
    bench.say(b"L", 0.0)
    assert bench.wait(10.0) == pytest.approx(42.0, abs=0.01)
    assert bench.wait(5.0) == pytest.approx(45.0)
    assert bench.wait(7.9) == pytest.approx(45.0)
    assert bench.wait(1.1) == pytest.approx(37.0, abs=0.05)
    assert bench.wait(3.0) == 32.0


def test_button_stops_ol_at_once_and_does_not_stop_l() -> None:
    for start, after_c in ((b"Ol", 34.0), (b"L", 43.0)):
        bench = Bench()
        bench.say(SETUP, 2.0)
        bench.say(start, 0.0)
        bench.world.at(bench.now_s + 10.0, lambda bench=bench: bench.button.set(pressed=True))  # type: ignore[misc]
        assert bench.wait(11.0) == pytest.approx(after_c, abs=0.12)
        assert bench.say(b"K") == b"\r01"


def test_abort_and_follow_mode() -> None:
    bench = Bench()
    bench.say(SETUP + b"Od", 2.0)
    assert bench.wait(20.0) == 45.0
    bench.say(b"C0400")
    assert bench.wait(10.0) == 40.0
    bench.say(b"A")
    assert bench.wait(5.0) == 32.0


def test_start_during_a_stimulus_is_ignored_and_a_new_target_waits_for_the_next() -> None:
    bench = Bench()
    bench.say(SETUP, 2.0)
    bench.say(b"L", 0.0)
    bench.say(b"C0400L", 0.0)
    assert bench.wait(13.5) == pytest.approx(45.0)


def test_exposure_rule_shortens_a_hot_plateau_but_not_in_follow_mode() -> None:
    bench = Bench()
    bench.say(b"FN320S11111V03000R00080C0500D099999L", 0.0)
    assert bench.wait(11.9) == pytest.approx(50.0)
    assert bench.wait(1.0) < 45.0
    bench.say(b"A", 5.0)
    bench.say(b"Od", 0.0)
    assert bench.wait(60.0) == pytest.approx(50.0)


def test_charging_and_sensor_fault_block_stimuli_and_a_breaking_sensor_stops_one() -> None:
    for settings in ({"charging": True}, {"sensor_fault_zone": 2}):
        bench = Bench(settings)
        bench.say(SETUP, 2.0)
        bench.say(b"L")
        assert bench.wait(5.0) == 32.0
    bench = Bench()
    bench.say(SETUP + b"L", 8.0)
    bench.tcs.fail_sensor(3)
    assert bench.wait(5.0) == 32.0
    assert bench.say(b"Q") == b"\r000100"


def test_old_firmware_loses_characters_that_come_too_fast() -> None:
    bench = Bench({"firmware": "13.10"})
    bench.say(b"F")
    bench.say(b"N320")
    for character in (b"N", b"3", b"4", b"0"):
        bench.say(character, 0.002)
    assert "\rN340" in bench.say(b"P", 0.2).decode()


def test_reset_takes_10_s_and_brings_back_the_power_on_state() -> None:
    bench = Bench()
    bench.say(SETUP, 1.0)
    assert bench.say(b"Oc", 0.5) == b"\rself-test"
    assert bench.say(b"K", 5.0) == b""
    bench.wait(6.0)
    shown = bench.say(b"FP", 0.5)
    assert b"S00000" in shown
    assert b"N300" in shown


def test_calibration_sets_the_baseline_to_the_skin() -> None:
    bench = Bench({"skin_c": "33.1 °C"})
    bench.say(b"F")
    assert bench.say(b"G", 5.0) == b""
    assert bench.say(b"", 3.0) == b"N331"


def test_offsets_and_noise_are_the_seeds() -> None:
    def readings(seed: int) -> list[bytes]:
        bench = Bench({"offsets": True, "noise_c": "0.02 °C"}, seed)
        bench.say(b"FS11111", 0.01)
        return [bench.say(b"E", 0.01) for _ in range(20)]

    assert readings(1) == readings(1)
    assert readings(1) != readings(2)


def test_sensor_regulates_the_plate_so_the_probes_error_shows_in_the_truth_only() -> None:
    bench = Bench({"offsets": True, "zone_offset_sd_c": 0.0})
    bench.say(b"F")
    assert decode_temperatures(bench.say(b"E")).zones_c == (30.0,) * 5
    assert 0.001 < abs(bench.tcs.surface.temperature_c(0.1) - 30.0) <= 0.5


def test_pulled_cable_hangs_up_and_refuses() -> None:
    bench = Bench()
    bench.tcs.unplug()
    assert bench.tcs.hung_up(bench.now_s)
    assert bench.say(b"K") == b""
    with pytest.raises(ConnectionRefusedError):
        bench.tcs.connect(bench.now_s)


@pytest.mark.parametrize(
    "settings",
    [
        {"colour": "red"},
        {"firmware": "new"},
        {"battery_percent": 101},
        {"sensor_fault_zone": 6},
        {"charging": "yes"},
        {"noise_c": "0.1 kPa"},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Bench(settings)
