"""The driver on the simulated gauge, over real bytes, on a virtual clock."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qst.ceilings import PRESSURE_CEILING_KPA
from qst.errors import (
    InstrumentFaultError,
    LinkClosedError,
    LinkOpenError,
    LinkTimeoutError,
    NotReadyError,
    RefusedError,
    RemoteProtocolError,
    StationFileError,
)
from qst.instruments import NeedsSetup, PressureRamp
from qst_drivers.mark10 import Mark10
from qst_drivers.wire.mark10 import Unit
from tests.mark10.rig import EXACT, RAMP, Rig


def ready(simulator: dict[str, Any] | None = None, **settings: Any) -> Rig:
    rig = Rig(simulator, **settings)
    rig.driver.connect()
    rig.driver.prepare(RAMP)
    rig.driver.tare()
    return rig


def test_connect_identifies_and_sets_up_and_never_saves() -> None:
    rig = Rig({**EXACT, "start": {"auto_output": 125, "with_units": False, "input_inverted": True, "mode": "PC"}})
    identity = rig.driver.connect()
    assert (identity.model, identity.serial, identity.firmware) == ("M5-50", "SIM-3512345", "V1.00")
    assert rig.ask("LIST").startswith("V1.00;N;CUR;FLTC3;FLTP3;AOUT00;AOFF0;FULL;IPOL0;OPOL0;")
    assert not rig.gauge.saved


def test_close_gives_the_gauge_back_as_it_was() -> None:
    rig = Rig({**EXACT, "start": {"with_units": False, "unit": Unit.KGF, "input_inverted": True, "mode": "PC"}})
    before = rig.ask("LIST")
    rig.driver.connect()
    rig.driver.close()
    rig.driver.close()
    assert rig.ask("LIST") == before
    assert not rig.gauge.saved


def test_an_older_gauge_that_does_not_list_its_polarity() -> None:
    assert "does not list its polarity" in Rig({**EXACT, "omits_polarity": True}).driver.connect().detail


def test_no_answer_says_what_to_look_at() -> None:
    rig = Rig()
    rig.gauge.open_menu()
    with pytest.raises(LinkTimeoutError, match="does not answer") as caught:
        rig.driver.connect()
    assert "menu" in caught.value.remedy
    rig.gauge.close_menu()
    assert rig.driver.connect().model == "M5-50"


def test_a_gauge_that_switched_itself_off_is_not_there() -> None:
    rig = Rig({**EXACT, "auto_off": "hang_up"})
    rig.clock.sleep(400.0)
    with pytest.raises(LinkOpenError):
        rig.driver.connect()


def test_the_gauge_stays_on_for_a_long_visit() -> None:
    rig = ready()
    rig.clock.sleep(3600.0)
    rig.driver.tare()


def test_a_setting_that_was_not_taken_is_a_fault() -> None:
    rig = Rig()
    rig.driver.connect()
    rig.gauge.press_unit_key()
    with pytest.raises(InstrumentFaultError, match="unit"):
        rig.driver._check_settings(rig.driver._talk.settings())


@pytest.mark.parametrize("wiring", [False, True])
def test_the_polarity_probe_finds_the_sign_and_measures_with_it(*, wiring: bool) -> None:
    rig = Rig({**EXACT, "inverted_wiring": wiring}, push_sign="probe")
    driver = rig.driver
    assert isinstance(driver, NeedsSetup)
    driver.connect()
    with pytest.raises(NotReadyError, match="sign of a push"):
        driver.prepare(RAMP)
    (step,) = driver.setup_steps()
    assert "table" in step.text
    driver.begin_setup(step.id)
    rig.press(rate_n_per_s=20.0, seconds=0.5)
    rig.clock.sleep(1.5)
    assert driver.finish_setup(step.id).startswith("push sign -1" if wiring else "push sign +1")
    assert driver.setup_steps() == ()
    driver.prepare(RAMP)
    driver.tare()
    driver.begin()
    rig.press(rate_n_per_s=10.0, seconds=2.0)
    samples = rig.collect(3.0)
    driver.stop()
    assert max(sample.value for sample in samples) == pytest.approx(200.0, abs=2.5)
    peak_kpa = driver.peak_kpa()
    assert peak_kpa is not None
    assert peak_kpa == pytest.approx(200.0, abs=0.5)


@pytest.mark.parametrize("newton", [0.0, 0.9])
def test_a_probe_below_one_newton_is_refused_and_may_be_repeated(newton: float) -> None:
    rig = Rig(push_sign="probe")
    rig.driver.connect()
    with pytest.raises(NotReadyError, match="not begun"):
        rig.driver.finish_setup("polarity")
    rig.driver.begin_setup("polarity")
    rig.press(rate_n_per_s=newton, seconds=1.0)
    rig.clock.sleep(1.5)
    with pytest.raises(NotReadyError, match="not clear"):
        rig.driver.finish_setup("polarity")
    assert rig.driver.push_sign is None
    rig.driver.begin_setup("polarity")
    rig.press(rate_n_per_s=5.0, seconds=1.0)
    rig.clock.sleep(1.5)
    rig.driver.finish_setup("polarity")
    assert rig.driver.push_sign == 1


def test_an_unknown_step_is_refused() -> None:
    rig = ready()
    for call in (rig.driver.begin_setup, rig.driver.finish_setup):
        with pytest.raises(RefusedError):
            call("dance")


def test_samples_are_pressures_at_their_time() -> None:
    rig = ready(tip_area="0.5 cm²")
    start_s = rig.clock.monotonic()
    rig.driver.begin()
    rig.press(rate_n_per_s=5.0, seconds=4.0)
    samples = rig.collect(3.9, every_s=0.013)
    assert len(samples) == pytest.approx(194, abs=2)
    for sample in samples:
        # 5 N/s on 0.5 cm² is 100 kPa/s; a line is at most 20 ms old, and a digit is 1 kPa.
        assert sample.value == pytest.approx(100.0 * (sample.time_s - start_s), abs=2.6)


@given(st.lists(st.floats(0.001, 0.3), min_size=5, max_size=60))
@settings(max_examples=30, deadline=None)
def test_time_stamps_do_not_depend_on_when_one_looks(pauses: list[float]) -> None:
    rig = ready()
    rig.driver.begin()
    stamps = []
    for pause in pauses:
        rig.clock.sleep(max(pause, 0.001))
        stamps += [(sample.time_s, rig.clock.monotonic()) for sample in rig.driver.poll()]
    steps = [b[0] - a[0] for a, b in pairwise(stamps)]
    assert all(step > 0 for step in steps)
    assert all(stamp <= now for stamp, now in stamps)
    assert all(step <= 0.0501 for step in steps)


@given(st.lists(st.tuples(st.floats(0.001, 0.03), st.booleans()), min_size=10, max_size=80))
@settings(max_examples=60, deadline=None)
def test_lines_that_catch_up_after_a_delay_are_not_stamped_ahead_of_the_clock(looks: list[tuple[float, bool]]) -> None:
    """A busy computer, or an adapter's buffer, holds lines back and then hands over several at once."""
    rig = ready()
    rig.driver.begin()
    arrived, held_s, holding = rig.driver._talk._read_available, 0.0, False
    rig.driver._talk._read_available = lambda: b"" if holding else arrived()
    last_s = rig.clock.monotonic()
    for pause, wanted in looks:
        rig.clock.sleep(pause)
        held_s = held_s + pause if wanted and held_s + pause < 0.05 else 0.0
        holding = held_s > 0.0
        for sample in rig.driver.poll():
            assert last_s < sample.time_s <= rig.clock.monotonic() + 1e-4
            last_s = sample.time_s


def test_a_burst_of_lines_shares_the_time_that_there_is() -> None:
    """The last line before a delay is stamped when it came; the ones behind it come with almost no time between."""
    rig = ready()
    rig.driver.begin()
    line = b"0.00 N\r\n"
    came = [line, line * 5]
    rig.driver._talk._read_available = lambda: came.pop(0)
    rig.clock.sleep(0.06)
    (late,) = rig.driver.poll()
    rig.clock.sleep(0.01)
    stamps = [sample.time_s - late.time_s for sample in rig.driver.poll()]
    assert stamps == pytest.approx([0.002, 0.004, 0.006, 0.008, 0.010], abs=1e-6)


def test_stop_ends_the_stream_and_is_idempotent() -> None:
    rig = ready()
    rig.driver.begin()
    rig.collect(0.5)
    rig.driver.stop()
    rig.driver.stop()
    rig.clock.sleep(1.0)
    assert rig.link.read_available() == b""
    assert rig.driver.poll() == ()


def test_begin_again_starts_a_new_stream() -> None:
    rig = ready()
    rig.driver.begin()
    rig.collect(0.2)
    rig.driver.begin()
    assert len(rig.collect(0.5)) == pytest.approx(24, abs=2)


def test_nothing_is_asked_while_the_stream_runs() -> None:
    rig = ready()
    rig.driver.begin()
    for ask in (rig.driver.peak_kpa, rig.driver.current_kpa):
        with pytest.raises(NotReadyError):
            ask()


def test_begin_needs_a_prepared_ramp() -> None:
    rig = Rig()
    rig.driver.connect()
    with pytest.raises(NotReadyError, match="prepared"):
        rig.driver.begin()


@pytest.mark.parametrize("newton", [-1.5, 1.5, 20.0])
def test_a_loaded_gauge_is_not_zeroed(newton: float) -> None:
    rig = ready()
    rig.force.points = [(0.0, newton)]
    with pytest.raises(NotReadyError, match="touches its tip"):
        rig.driver.tare()
    assert rig.driver.current_kpa() == pytest.approx(10 * newton)


def test_a_load_that_comes_while_zeroing_is_seen() -> None:
    rig = Rig()
    rig.driver.connect()
    now_s = rig.clock.monotonic()
    rig.force.points = [(now_s, 0.0), (now_s + 0.1, 10.0)]
    with pytest.raises(NotReadyError):
        rig.driver.tare()


@pytest.mark.parametrize("overload", ["word", "clipped"])
def test_overload_is_a_fault_after_the_good_samples(overload: str) -> None:
    rig = ready({**EXACT, "overload": overload})
    rig.driver.begin()
    rig.press(rate_n_per_s=100.0, seconds=4.0)
    rig.clock.sleep(3.5)
    samples = rig.driver.poll()
    assert 2500.0 <= samples[-1].value <= 2750.0
    with pytest.raises(InstrumentFaultError, match="overloaded") as caught:
        rig.driver.poll()
    assert "Remove the load" in caught.value.remedy


def test_overload_asked_for() -> None:
    rig = ready()
    rig.force.points = [(0.0, 290.0)]
    with pytest.raises(InstrumentFaultError, match="overloaded"):
        rig.driver.current_kpa()


def test_the_unit_key_is_put_right_once() -> None:
    rig = ready()
    rig.driver.begin()
    rig.collect(0.2)
    rig.gauge.press_unit_key()
    assert len(rig.collect(0.5)) >= 20
    rig.gauge.press_unit_key()
    with pytest.raises(InstrumentFaultError, match="another unit"):
        rig.collect(0.5)


def test_silence_of_three_periods_is_a_fault() -> None:
    rig = ready()
    rig.driver.begin()
    rig.collect(0.2)
    rig.gauge.open_menu()
    silent_from_s = rig.clock.monotonic()
    with pytest.raises(InstrumentFaultError, match="stale"):
        rig.collect(1.0)
    assert rig.clock.monotonic() - silent_from_s < 0.1


def test_a_pull_is_a_fault() -> None:
    rig = ready()
    rig.driver.begin()
    rig.force.points = [(0.0, -3.0)]
    with pytest.raises(InstrumentFaultError, match="pull"):
        rig.collect(0.2)


def test_something_that_is_no_reading_is_a_fault_of_the_gauge() -> None:
    rig = ready()
    rig.driver.begin()
    rig.gauge._send(b"hello\r\n", rig.clock.monotonic())
    with pytest.raises(RemoteProtocolError):
        rig.collect(0.2)


def test_a_late_answer_is_never_taken_for_the_next() -> None:
    rig = ready()
    rig.force.points = [(0.0, 7.0)]
    rig.gauge._latency_s = 0.6
    with pytest.raises(LinkTimeoutError):
        rig.driver.current_kpa()
    rig.gauge._latency_s = 0.001
    rig.force.points = [(0.0, 3.0)]
    assert rig.driver.current_kpa() == pytest.approx(30.0)


def test_lines_that_nobody_asked_for_are_thrown_away() -> None:
    rig = ready()
    rig.gauge._send(b"99.00 N\r\n99.", rig.clock.monotonic())  # the DATA key, and half of another line
    rig.clock.sleep(0.1)
    rig.gauge._send(b"00 N\r\n", rig.clock.monotonic())
    assert rig.driver.current_kpa() == 0.0


def test_a_gauge_that_does_not_stop_talking() -> None:
    rig = ready()
    rig.gauge.receive(b"AOUT50\r\n", rig.clock.monotonic())
    rig.clock.sleep(0.1)
    with pytest.raises(RemoteProtocolError, match="keeps sending"):
        rig.driver.current_kpa()


def test_make_safe_from_every_state_and_after_the_end() -> None:
    rig = Rig()
    rig.driver.make_safe()
    rig.driver.connect()
    rig.driver.make_safe()
    rig.driver.prepare(RAMP)
    rig.driver.tare()
    rig.driver.begin()
    rig.collect(0.1)
    before_s = rig.clock.monotonic()
    rig.driver.make_safe()
    rig.driver.make_safe()
    assert rig.clock.monotonic() == before_s  # written at once, without waiting
    assert rig.driver.poll() == ()
    rig.driver.tare()
    rig.driver.close()
    rig.driver.make_safe()


def test_make_safe_says_when_it_could_not_reach_the_gauge() -> None:
    rig = ready()
    rig.link.close()
    with pytest.raises(LinkClosedError):
        rig.driver.make_safe()
    rig.driver.close()


def test_a_port_that_vanishes() -> None:
    rig = ready({**EXACT, "auto_off": "hang_up"})
    rig.ask("AOFF1")
    rig.clock.sleep(100.0)
    with pytest.raises(LinkClosedError):
        rig.driver.tare()


@pytest.mark.parametrize(
    ("ramp", "settings"),
    [
        (PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=1100.0), {}),
        (
            PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=600.0),
            {"capacity": "50 N", "model": "M5-10", "resolution": "0.01 N"},
        ),
        (PressureRamp(rate_kpa_per_s=0.1, cutoff_kpa=600.0), {}),
        (PressureRamp(rate_kpa_per_s=5000.0, cutoff_kpa=600.0), {}),
    ],
)
def test_ramps_outside_the_gauge_are_refused(ramp: PressureRamp, settings: dict[str, Any]) -> None:
    rig = Rig(**settings)
    rig.driver.connect()
    with pytest.raises(RefusedError):
        rig.driver.prepare(ramp)


def test_no_capacity_lifts_the_suites_ceiling() -> None:
    wide = Rig(capacity="2500 N", model="M5-500", resolution="1 N").driver
    assert wide.capabilities.value_max == pytest.approx(PRESSURE_CEILING_KPA)
    wide.check(PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=PRESSURE_CEILING_KPA))
    with pytest.raises(RefusedError, match="above the ceiling of 1079 kPa"):
        wide.check(PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=1100.0))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tip_area": None}, "tip_area"),
        ({"tip_area": "1 cm"}, "tip_area"),
        ({"tip_area": "0 cm²"}, "positive"),
        ({"push_sign": "2"}, "push_sign"),
        ({"tip_aera": "1 cm²"}, "tip_aera"),
        ({"model": "M5-500"}, "capacity"),
    ],
)
def test_station_settings_are_checked(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(StationFileError, match=says):
        Rig(**settings)


def test_capabilities_follow_the_settings() -> None:
    assert Mark10.CAPABILITIES.resolution == pytest.approx(0.5)
    assert Mark10.CAPABILITIES.value_max == pytest.approx(11 * 98.0665)
    assert not Mark10.CAPABILITIES.ends_ramp_on_button
    half = Rig(tip_area="0.5 cm²").driver
    assert half.capabilities.resolution == pytest.approx(1.0)
    assert half.tip_area_cm2 == 0.5


def test_equal_seeds_give_equal_samples() -> None:
    def run(seed: int) -> list[Any]:
        rig = Rig({}, seed=seed)
        rig.driver.connect()
        rig.driver.prepare(RAMP)
        rig.driver.tare()
        rig.driver.begin()
        rig.press(rate_n_per_s=9.8, seconds=2.0)
        samples = rig.collect(2.5)
        rig.driver.stop()
        return [*samples, rig.driver.peak_kpa()]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_reading_that_jumps_is_a_fault_and_the_one_before_stands() -> None:
    rig = ready()
    rig.driver.begin()
    rig.press(rate_n_per_s=10.0, seconds=2.0)
    assert rig.collect(1.0)
    rig.gauge.inject("jumping_sensor", size=5.0)
    with pytest.raises(InstrumentFaultError, match="no hand does that"):
        rig.collect(0.2)


@pytest.mark.parametrize(("newton", "longest_s"), [(0.9, 1.0), (2.5, 0.2), (20.0, 0.2)])
def test_a_reading_that_stays_under_a_press_is_a_fault(newton: float, longest_s: float) -> None:
    rig = ready()
    rig.driver.begin()
    now_s = rig.clock.monotonic()
    rig.force.points = [(now_s, 0.0), (now_s + newton / 10, newton)]
    with pytest.raises(InstrumentFaultError, match="has stayed at"):
        rig.collect(3.0)
    assert rig.clock.monotonic() - now_s == pytest.approx(newton / 10 + longest_s + 0.03, abs=0.05)


def test_a_slow_press_is_not_taken_for_a_stuck_gauge() -> None:
    rig = ready()
    rig.driver.prepare(PressureRamp(rate_kpa_per_s=5.0, cutoff_kpa=300.0))
    rig.driver.begin()
    rig.press(rate_n_per_s=0.5, seconds=10.0)
    assert len(rig.collect(9.5)) > 400


def test_a_gauge_that_started_anew_is_found_before_the_next_trial() -> None:
    rig = ready()
    rig.gauge.inject("device_reboot")
    with pytest.raises(InstrumentFaultError, match="did not take these settings: unit"):
        rig.driver.tare()


def test_a_nearly_empty_battery_is_refused() -> None:
    rig = ready()
    rig.gauge.inject("battery_low")
    with pytest.raises(InstrumentFaultError, match="nearly empty"):
        rig.driver.tare()
    with pytest.raises(InstrumentFaultError, match="nearly empty"):
        Rig({"start": {"battery": 3}}).driver.connect()
