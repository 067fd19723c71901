"""The MMS driver against the simulated MMS, on the virtual clock."""

from typing import Any

import pytest

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.clock import VirtualClock
from qst.errors import InstrumentFaultError, LinkError, LinkOpenError, NotReadyError, RefusedError
from qst.instruments import Capabilities, Identity, RampEnd, Reading, Sample, ThermalRamp
from qst_drivers.medoc_mms import MedocMms
from qst_drivers.wire.mms import Command
from qst_simulators.medoc_mms.main_station import State
from tests.medoc_mms.rig import BUTTON, COLD, FAST, FAULT, HEAT, HEAT_PROGRAM, LIMIT, Rig

SELECT, START, TRIGGER, STOP, ABORT = (
    int(Command[name]) for name in ("SELECT_TP", "START", "TRIGGER", "STOP", "ABORT")
)


def test_connect_says_what_mms_does_not_tell() -> None:
    rig = Rig()
    identity = rig.driver.connect()
    assert identity == Identity(model="Pathway ATS", detail=identity.detail)
    assert "station file" in identity.detail
    assert rig.link.commands() == []


@pytest.mark.parametrize(
    ("simulator", "says", "to_do"),
    [
        ({"listening": False}, "system IDLE, test IDLE", "Go to Test"),
        ({"generation": 13}, "does not tell the temperature", "Update"),
    ],
)
def test_connect_refuses_an_mms_that_cannot_work(simulator: dict[str, Any], says: str, to_do: str) -> None:
    with pytest.raises(NotReadyError, match=says) as caught:
        Rig(simulator).driver.connect()
    assert to_do in caught.value.remedy
    assert caught.value.where == "sim://medoc-mms"


def test_connect_refuses_a_running_test_and_safe_mode() -> None:
    busy = Rig()
    busy.ask(Command.SELECT_TP, 100)
    with pytest.raises(NotReadyError, match="test READY") as caught:
        busy.driver.connect()
    assert "Stop it there" in caught.value.remedy
    safe = Rig({"safety_table": "A"})
    safe.clock.sleep(301.0)
    with pytest.raises(InstrumentFaultError, match="SAFETY_ERROR") as fault:
        safe.driver.connect()
    assert "self-test" in fault.value.remedy


@pytest.mark.parametrize("generation", [18, 19])
@pytest.mark.parametrize(("ramp", "threshold"), [(HEAT, 37.9), (COLD, 14.0), (FAST, 45.0)])
def test_a_ramp_ended_by_the_button_at_the_exact_temperature(
    generation: int, ramp: ThermalRamp, threshold: float
) -> None:
    rig = Rig({"generation": generation}).ready(ramp)
    rig.driver.begin()
    press_s = rig.press_when(threshold, rising=ramp.rising)
    before, ended = rig.follow()
    assert ended.ended is BUTTON
    assert ended.pressed is True
    assert press_s <= ended.time_s < press_s + 0.025
    assert before[-1].value == pytest.approx(threshold, abs=ramp.rate_c_per_s * 0.022 + 0.0051)
    rig.run(lambda: rig.state() is State.LISTENING)
    assert rig.true_c == pytest.approx(ramp.start_c, abs=0.2)
    assert all(sample.ended is BUTTON for sample in rig.driver.poll())
    assert rig.link.commands() == [SELECT, START, TRIGGER]


def test_samples_are_timed_at_the_moment_of_their_measurement() -> None:
    rig = Rig({"round_trip_s": 0.04}).ready(HEAT)
    rig.driver.begin()
    for _ in range(50):
        (sample,) = rig.driver.poll()
        rig.world.advance(rig.clock.monotonic())
        assert sample.value == pytest.approx(rig.mms.surface.temperature_c(sample.time_s), abs=0.00501)
        rig.clock.sleep(0.1)


@pytest.mark.parametrize("period_s", [0.005, 0.02, 0.1, 0.5])
@pytest.mark.parametrize("ramp", [HEAT, COLD, FAST])
def test_a_ramp_without_response_ends_at_the_limit(ramp: ThermalRamp, period_s: float) -> None:
    rig = Rig({"noise_c": 0.02}).ready(ramp)
    rig.driver.begin()
    before, ended = rig.follow(period_s)
    assert ended.ended is LIMIT
    assert ended.pressed is False
    assert max((s.value for s in before), key=lambda c: abs(c - ramp.start_c)) == pytest.approx(
        ramp.cutoff_c, abs=0.1 + ramp.rate_c_per_s * period_s
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("threshold", [33.0, 38.0, 46.0])
def test_a_press_too_short_to_be_seen_shows_as_a_turn_around(threshold: float, seed: int) -> None:
    rig = Rig({"noise_c": 0.02}, seed=seed).ready(HEAT)
    rig.driver.begin()
    press_s = rig.press_when(threshold, rising=True, held_s=0.001)
    before, ended = rig.follow()
    assert ended.ended is BUTTON
    assert ended.pressed is False
    assert ended.time_s - press_s < 0.15
    assert before[-1].value == pytest.approx(threshold, abs=0.12)  # the way back is not before the end


def test_a_latched_yes_gives_the_same_thresholds() -> None:
    rig = Rig({"yes_latched": True}).ready(HEAT)
    for threshold in (35.0, 38.0):
        rig.driver.begin()
        rig.press_when(threshold, rising=True, held_s=0.001)
        before, ended = rig.follow()
        assert ended.ended is BUTTON
        assert before[-1].value == pytest.approx(threshold, abs=0.012)
        rig.again(HEAT)


def test_a_second_trial_may_be_adapted_while_the_first_still_returns() -> None:
    rig = Rig().ready(FAST)
    rig.driver.begin()
    rig.press_when(40.0, rising=True)
    rig.follow()
    rig.again(COLD)
    assert rig.true_c == pytest.approx(20.0, abs=0.01)
    assert rig.link.commands() == [SELECT, START, TRIGGER, STOP, SELECT, START]


# The way to the trigger


def test_automatic_start_needs_no_start() -> None:
    rig = Rig({"auto_start": True}, {"auto_start": True}).ready(COLD)
    rig.driver.begin()
    assert rig.link.commands() == [SELECT, TRIGGER]
    assert rig.follow()[1].ended is LIMIT


def test_the_second_start_begins_programs_without_trigger() -> None:
    programs = [{**HEAT_PROGRAM, "onset": "start"}]
    rig = Rig({"programs": programs}, {"programs": programs, "begin_with": "start"}).ready(HEAT)
    rig.driver.begin()
    assert rig.link.commands() == [SELECT, START, START]
    assert rig.follow()[1].ended is LIMIT


@pytest.mark.parametrize("deaf_s", [0.2, 0.49])
@pytest.mark.parametrize("period_s", [0.01, 0.1])
def test_commands_wait_until_mms_hears_again(deaf_s: float, period_s: float) -> None:
    rig = Rig({"state_change_deafness_s": deaf_s}).ready(COLD, period_s)
    rig.driver.begin()
    rig.press_when(15.0, rising=False)
    assert rig.follow()[1].ended is BUTTON
    rig.again(HEAT, period_s)
    assert rig.state() is State.WAITING_FOR_TRIGGER


def test_the_trigger_waits_too_until_mms_hears_again() -> None:
    rig = Rig({"pretest_s": 5.2, "pretest_state": "ready", "state_change_deafness_s": 0.45}).ready(HEAT, 0.02)
    rig.driver.begin()
    rig.press_when(35.0, rising=True)
    assert rig.follow()[1].ended is BUTTON


def test_a_pretest_longer_than_the_station_file_says_loses_the_trigger_and_is_noticed() -> None:
    rig = Rig({"pretest_s": 60.0}).ready(HEAT)
    assert rig.state() is State.PRETEST  # MMS shows it as it shows waiting for a trigger
    rig.driver.begin()
    began_s = rig.clock.monotonic()
    with pytest.raises(InstrumentFaultError, match="trigger was lost"):
        rig.follow()
    assert rig.clock.monotonic() - began_s < 3.0
    rig.driver.make_safe()
    assert rig.link.commands() == [SELECT, START, TRIGGER, ABORT]


def test_ready_waits_for_the_pretest_and_for_the_plate() -> None:
    rig = Rig({"pretest_s": 4.9})
    rig.driver.connect()
    rig.driver.prepare(COLD)
    assert not rig.driver.ready()
    with pytest.raises(NotReadyError, match="does not wait for a trigger"):
        rig.driver.begin()
    rig.driver.adapt()
    while not rig.driver.ready():
        assert rig.clock.monotonic() < 10.0
        rig.driver.poll()
        rig.clock.sleep(0.02)
    assert rig.state() is State.WAITING_FOR_TRIGGER


def test_a_slow_plate_is_waited_for() -> None:
    programs = [{"word": 50, "baseline": "20 °C", "rate": "0.3 °C/s", "cutoff": "0 °C", "return_rate": "0.5 °C/s"}]
    ramp = ThermalRamp(start_c=20.0, rate_c_per_s=0.3, cutoff_c=0.0, return_rate_c_per_s=0.5)
    rig = Rig({"programs": programs}, {"programs": programs}).ready(ramp)
    assert rig.clock.monotonic() > 24.0
    assert rig.state() is State.WAITING_FOR_TRIGGER


def test_a_pretest_that_never_ends_is_a_fault() -> None:
    rig = Rig({"pretest_s": 1000.0, "pretest_state": "ready"})
    rig.driver.connect()
    rig.driver.prepare(HEAT)
    rig.driver.adapt()
    with pytest.raises(InstrumentFaultError, match="pre-test is not over"):
        rig.run(rig.driver.ready, longest_s=200.0)


def test_a_program_that_mms_does_not_have_is_refused_with_its_text() -> None:
    rig = Rig({"programs": []})
    rig.driver.connect()
    rig.driver.prepare(HEAT)
    rig.driver.adapt()
    with pytest.raises(NotReadyError, match="ILLEGAL_ARG Unknown test program 100") as caught:
        rig.run(rig.driver.ready)
    assert "word" in caught.value.remedy


def test_somebody_elses_test_is_not_stopped() -> None:
    rig = Rig()
    rig.driver.connect()
    rig.driver.prepare(HEAT)
    rig.ask(Command.SELECT_TP, 100)
    with pytest.raises(NotReadyError, match="not listening"):
        rig.driver.adapt()
    assert rig.state() is State.SELECTED


@pytest.mark.parametrize("act", ["begin", "poll", "adapt"])
def test_nothing_works_before_connect(act: str) -> None:
    rig = Rig()
    with pytest.raises(NotReadyError, match="not connected"):
        getattr(rig.driver, act)()
    assert rig.link.written == []


def test_adapt_needs_a_prepared_ramp_and_prepare_an_ended_one() -> None:
    rig = Rig()
    rig.driver.connect()
    with pytest.raises(NotReadyError, match="no ramp is prepared"):
        rig.driver.adapt()
    rig.again(HEAT)
    rig.driver.begin()
    with pytest.raises(NotReadyError, match="has not ended"):
        rig.driver.prepare(COLD)
    rig.driver.stop()
    rig.driver.prepare(COLD)


# Ramps that are refused


def test_a_ramp_without_program_names_itself_and_the_programs() -> None:
    rig = Rig()
    other = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=47.0, return_rate_c_per_s=8.0)
    with pytest.raises(RefusedError) as caught:
        rig.driver.prepare(other)
    assert "32 °C to 47 °C at 0.3 °C/s, back at 8 °C/s" in str(caught.value)
    assert "100: 32 °C to 48 °C at 0.3 °C/s, back at 8 °C/s; 101: 20 °C to 0 °C" in caught.value.remedy
    assert rig.link.written == []


@pytest.mark.parametrize("field", ["start_c", "rate_c_per_s", "cutoff_c", "return_rate_c_per_s"])
def test_every_number_of_the_ramp_must_match(field: str) -> None:
    values = {name: getattr(HEAT, name) for name in HEAT.__struct_fields__}
    Rig().driver.prepare(ThermalRamp(**values | {field: values[field] * (1 - 1e-12)}))
    with pytest.raises(RefusedError, match="no program"):
        Rig().driver.prepare(ThermalRamp(**values | {field: values[field] * 0.999}))


@pytest.mark.parametrize(
    ("change", "model", "says"),
    [
        ({"cutoff_c": 55.1}, "Pathway ATS", "outside the suite's limits, -1 to 51"),
        ({"start_c": 14.9}, "Pathway ATS", "start 14.9 °C is held on the skin"),
        ({"rate_c_per_s": 8.1}, "Pathway ATS", "rate of 8.1"),
        ({"cutoff_c": 32.1, "rate_c_per_s": 0.001}, "Pathway ATS", "rate of 0.001"),
        ({"return_rate_c_per_s": 8.1}, "Pathway ATS", "return rate of 8.1"),
        ({"cutoff_c": 50.5}, "TSA-2", "outside the TSA-2's 0 to 50"),
        ({"start_c": 20.0}, "Pathway CHEPS", "outside the Pathway CHEPS's 30 to 55"),
    ],
)
def test_a_ramp_that_the_model_cannot_run_is_refused(change: dict[str, float], model: str, says: str) -> None:
    values = {name: getattr(HEAT, name) for name in HEAT.__struct_fields__}
    with pytest.raises(RefusedError, match=says):
        Rig(driver={"model": model}).driver.prepare(ThermalRamp(**values | change))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cutoff_c": 50.9, "rate_c_per_s": 0.15}, "stays 6.[0-9] s at 50 °C and above; .* after 5 s"),
        ({"cutoff_c": 50.0, "rate_c_per_s": 0.05}, "at 49 °C"),
    ],
)
def test_the_devices_own_longest_stays_hold_without_the_suites_ceilings(
    change: dict[str, float], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qst_drivers.medoc_mms.settings.refuse_beyond_ceilings", lambda _: None)
    values = {name: getattr(HEAT, name) for name in HEAT.__struct_fields__}
    with pytest.raises(RefusedError, match=says):
        Rig().driver.prepare(ThermalRamp(**values | change))


# Stop, abort, close


def test_stop_ends_the_ramp_and_returns_to_baseline_and_is_idempotent() -> None:
    rig = Rig().ready(COLD)
    rig.driver.begin()
    rig.run(lambda: rig.true_c < 15.0)
    for _ in range(3):
        rig.driver.stop()
        rig.clock.sleep(0.1)
    rig.clock.sleep(10.0)
    assert rig.link.commands().count(STOP) == 1
    assert rig.true_c == pytest.approx(32.0)  # at the baseline first, then at rest
    (sample,) = rig.driver.poll()
    assert sample.ended is None


def test_stop_during_the_ramp_asks_nothing_first() -> None:
    rig = Rig().ready(HEAT)
    rig.driver.begin()
    rig.run(lambda: rig.true_c > 34.0)
    before = len(rig.link.written)
    rig.driver.stop()
    assert rig.link.written[before][1][8] == STOP


def test_stop_at_rest_sends_nothing_but_a_status() -> None:
    rig = Rig()
    rig.driver.stop()
    rig.driver.connect()
    rig.driver.stop()
    assert rig.link.commands() == []


def test_stop_is_tried_again_when_it_was_not_heard() -> None:
    rig = Rig({"state_change_deafness_s": 0.3}).ready(HEAT)
    rig.driver.begin()
    rig.driver.stop()
    assert rig.link.commands()[-2:] == [STOP, STOP]
    assert rig.state() in (State.FINALISING, State.LISTENING)


def test_a_test_that_is_being_finalised_is_not_stopped_again() -> None:
    rig = Rig({"finalise_s": 5.0}).ready(HEAT)
    rig.driver.begin()
    rig.driver.stop()
    rig.driver.stop()
    assert rig.state() is State.FINALISING
    assert rig.link.commands().count(STOP) == 1


def test_stop_that_is_never_heard_is_a_fault() -> None:
    rig = Rig({"state_change_deafness_s": 100.0}, {"command_gap": "0 s"})
    rig.ask(Command.SELECT_TP, 100)
    with pytest.raises(InstrumentFaultError, match="did not stop"):
        rig.driver.stop()


@pytest.mark.parametrize("state", State)
def test_stop_and_make_safe_work_from_every_state_of_mms(state: State) -> None:
    from tests.medoc_mms.test_simulator import enter  # noqa: PLC0415 - the other test module's way into a state

    for method in ("stop", "make_safe"):
        rig = enter(state)
        for _ in range(2):
            getattr(rig.driver, method)()
        assert set(rig.link.commands()) & {START, TRIGGER} <= {2, 4}
        assert rig.state() in (State.LISTENING, State.FINALISING, State.SAFE_MODE, State.NOT_LISTENING)


def test_make_safe_works_before_connect_and_after_close_and_sends_abort_only() -> None:
    rig = Rig()
    rig.driver.make_safe()
    rig.driver.connect()
    rig.driver.close()
    rig.driver.make_safe()
    assert rig.link.commands() == [ABORT, ABORT]


def test_make_safe_writes_its_abort_before_anything_else() -> None:
    rig = Rig().ready(HEAT)
    rig.driver.begin()
    rig.clock.sleep(20.0)
    asked_s, count = rig.clock.monotonic(), len(rig.link.written)
    rig.driver.make_safe()
    written_s, data = rig.link.written[count]
    assert (written_s, data[8]) == (asked_s, ABORT)
    (sample,) = rig.driver.poll()
    assert sample.ended is None


def test_make_safe_insists_when_its_abort_is_not_heard() -> None:
    rig = Rig({"state_change_deafness_s": 0.4}).ready(HEAT)
    rig.driver.begin()
    rig.driver.make_safe()
    assert rig.link.commands()[-3:] == [ABORT] * 3
    assert rig.state() is State.LISTENING


def test_close_aborts_a_running_test_and_is_idempotent() -> None:
    rig = Rig().ready(HEAT)
    rig.driver.begin()
    for _ in range(2):
        rig.driver.close()
    assert rig.link.commands()[-1] == ABORT
    assert rig.link.commands().count(ABORT) == 1
    with pytest.raises(NotReadyError):
        rig.driver.poll()


def test_close_at_rest_sends_nothing() -> None:
    rig = Rig()
    rig.driver.connect()
    rig.driver.close()
    assert rig.link.commands() == []


# Faults of the device


def test_a_safety_error_in_a_ramp_is_a_fault_in_the_samples_and_afterwards_in_words() -> None:
    rig = Rig({"safety_table": "A", "tau_s": 0.01}).ready(HEAT)
    rig.clock.sleep(270.0 - rig.clock.monotonic())
    rig.driver.begin()
    before, ended = rig.follow()
    assert ended.ended is FAULT
    assert 299.0 < ended.time_s < 301.0
    assert before[-1].value > 40.0
    rig.driver.make_safe()
    assert all(sample.ended is FAULT for sample in rig.driver.poll())
    rig.driver.prepare(HEAT)
    for act in (rig.driver.adapt, rig.driver.poll):
        with pytest.raises(InstrumentFaultError, match="SAFETY_ERROR"):
            act()


@pytest.mark.parametrize("command", [Command.STOP, Command.ABORT, Command.PAUSE])
@pytest.mark.parametrize("ramp", [HEAT, COLD])
def test_a_test_ended_by_somebody_at_mms_is_no_threshold(command: Command, ramp: ThermalRamp) -> None:
    rig = Rig().ready(ramp)
    rig.driver.begin()
    for _ in range(100):
        rig.driver.poll()
        rig.clock.sleep(0.1)
    rig.ask(command)
    assert rig.follow()[1].ended is FAULT


def test_unreachable_mms_is_told_by_everything_but_close() -> None:
    rig = Rig().ready(HEAT)
    rig.driver.begin()

    def nobody(now_s: float) -> None:
        raise ConnectionRefusedError

    rig.mms.connect = nobody  # type: ignore[method-assign]
    for act in (rig.driver.poll, rig.driver.stop):
        with pytest.raises(LinkOpenError):
            act()
    with pytest.raises(LinkError) as caught:
        rig.driver.make_safe()
    assert "off the skin" in caught.value.remedy
    rig.driver.close()


def test_one_refused_connection_does_not_stop_the_abort() -> None:
    rig = Rig().ready(HEAT)
    rig.driver.begin()
    accept, refusals = rig.mms.connect, [1]

    def once(now_s: float) -> None:
        if refusals:
            refusals.pop()
            raise ConnectionRefusedError
        accept(now_s)

    rig.mms.connect = once  # type: ignore[method-assign]
    rig.driver.make_safe()
    assert rig.state() is State.LISTENING


def test_an_abort_during_the_way_to_safety_does_not_stop_it() -> None:
    rig = Rig({"state_change_deafness_s": 0.4})
    switch = AbortSwitch()
    rig.clock = VirtualClock(switch)
    rig.link = type(rig.link)(rig.mms, rig.clock, "sim://medoc-mms")
    rig.driver = MedocMms(rig.link, {"programs": [HEAT_PROGRAM]}, rig.clock)
    rig.ready(HEAT)
    rig.driver.begin()
    switch.throw(AbortCause.OPERATOR_STOP)
    with pytest.raises(Aborted):
        rig.clock.sleep(0.1)
    with switch.shielded():
        rig.driver.make_safe()
    assert rig.state() is State.LISTENING


def test_capabilities_are_data_and_say_what_is_unverified() -> None:
    capabilities: Capabilities = MedocMms.CAPABILITIES
    assert (capabilities.value_min, capabilities.value_max, capabilities.rate_max) == (0.0, 55.0, 8.0)
    assert capabilities.self_limiting
    assert capabilities.reading is Reading.POLLED
    assert any("pre-test" in fact for fact in capabilities.unverified)
    assert any("TSA-2" in fact for fact in Rig(driver={"model": "TSA-2"}).driver.capabilities.unverified)


def test_the_same_seed_gives_the_same_bytes() -> None:
    def run(seed: int) -> tuple[list[Sample], list[tuple[float, bytes]]]:
        rig = Rig({"noise_c": 0.02}, seed=seed).ready(HEAT)
        rig.driver.begin()
        rig.press_when(40.0, rising=True)
        before, ended = rig.follow()
        return [*before, ended], rig.link.written

    assert run(3) == run(3)
    assert run(3) != run(4)
    assert run(3)[0][-1].ended is RampEnd.BUTTON
