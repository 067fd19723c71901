"""The simulated MMS: states, bytes, physics and the device's own safety."""

from itertools import pairwise
from typing import Any

import pytest

from qst.errors import InputError, LinkClosedError
from qst_drivers.wire.mms import Command, Request, encode_request
from qst_simulators.medoc_mms.main_station import STATE_TABLE, State
from qst_simulators.medoc_mms.safety import SAFETY_TABLES, SafetyWatch
from qst_simulators.thermal import LaggedSurface
from qst_simulators.world import World
from tests.medoc_mms.rig import HEAT_PROGRAM, PROGRAMS, Rig

OK, ILLEGAL_ARG, ILLEGAL_STATE, ILLEGAL_TEST_STATE, SAFETY_ERROR = 0, 1, 2, 3, 0x4000
ALL = sorted(Command)
PARAMETERS = {1: 100, 10: 4, 12: 50, 13: 50}


def enter(state: State, **simulator: Any) -> Rig:
    """A rig whose MMS is in ``state``."""
    onset = {"onset": "start"} if state is State.WAITING_FOR_START else {}
    settings: dict[str, Any] = {"programs": [{**HEAT_PROGRAM, **onset}], "listening": state is not State.NOT_LISTENING}
    if state is State.SAFE_MODE:
        settings |= {"safety_table": "A", "pretest_s": 1000.0}
    rig = Rig(settings | simulator)
    if state in (State.NOT_LISTENING, State.LISTENING):
        return rig
    rig.ask(Command.SELECT_TP, 100)
    if state is State.SELECTED:
        return rig
    rig.ask(Command.START)
    if state is State.PRETEST:
        return rig
    rig.clock.sleep(301.0 if state is State.SAFE_MODE else 4.0)
    commands = {
        State.STIMULATING: [Command.TRIGGER],
        State.RETURNING: [Command.TRIGGER, Command.YES],
        State.PAUSED: [Command.PAUSE],
        State.FINALISING: [Command.STOP],
    }
    for command in commands.get(state, []):
        rig.ask(command)
        if command is Command.TRIGGER:
            rig.clock.sleep(30.0)
    assert rig.state() is state
    return rig


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("command", ALL)
def test_every_command_in_every_state_is_accepted_or_refused_as_the_table_says(state: State, command: int) -> None:
    rig = enter(state)
    row = STATE_TABLE[state]
    reply = rig.ask(command, PARAMETERS.get(command))
    if command == Command.GET_STATUS:
        assert reply.return_code == (SAFETY_ERROR if state is State.SAFE_MODE else OK)
        assert (reply.system_state, reply.test_state) == (row.system, row.test)
    elif command in row.accepts:
        assert (reply.return_code, reply.message) == (OK, b"")
    else:
        assert reply.return_code == row.refusal
        assert state.value in reply.text
        assert rig.state() is state


def test_stop_at_rest_is_an_illegal_state_and_says_rest() -> None:
    reply = enter(State.LISTENING).ask(Command.STOP)
    assert (reply.return_code, reply.text) == (ILLEGAL_STATE, "STOP is not allowed; current state is Rest")


def test_unknown_words_and_commands_are_illegal_arguments() -> None:
    rig = enter(State.LISTENING)
    assert rig.ask(Command.SELECT_TP, 99).return_code == ILLEGAL_ARG
    assert rig.send(bytes.fromhex("05000000 00000000 01")).return_code == ILLEGAL_ARG  # no parameter
    reply = rig.send(bytes.fromhex("05000000 44332211 63"))
    assert (reply.return_code, reply.command, reply.timestamp) == (ILLEGAL_ARG, 0x63, 0x11223344)


def test_clients_of_both_byte_orders_are_served() -> None:
    rig = enter(State.LISTENING)
    reply = rig.send(bytes.fromhex("00000009 6553F100 01 64000000"))
    assert (reply.return_code, reply.timestamp.to_bytes(4, "little").hex()) == (OK, "6553f100")


def test_a_big_endian_parameter_is_an_unknown_word() -> None:
    rig = enter(State.LISTENING)
    assert rig.send(bytes.fromhex("09000000 00000000 01 00000064")).return_code == ILLEGAL_ARG


def test_a_trigger_in_the_pretest_is_answered_ok_and_lost() -> None:
    rig = enter(State.PRETEST)
    assert rig.ask(Command.TRIGGER).return_code == OK
    rig.clock.sleep(20.0)
    assert rig.true_c == pytest.approx(32.0)
    assert rig.state() is State.WAITING_FOR_TRIGGER


def test_automatic_start_begins_the_pretest_with_the_selection() -> None:
    rig = Rig({"auto_start": True})
    rig.ask(Command.SELECT_TP, 101)
    assert rig.state() is State.PRETEST
    rig.clock.sleep(20.0)
    assert rig.true_c == pytest.approx(20.0)


@pytest.mark.parametrize(("shown", "value"), [("running", 1), ("ready", 3)])
def test_what_a_pretest_shows_is_a_setting(shown: str, value: int) -> None:
    rig = enter(State.PRETEST, pretest_state=shown)
    assert rig.ask(Command.GET_STATUS).test_state == value


def test_a_program_may_begin_with_the_second_start() -> None:
    rig = enter(State.WAITING_FOR_START)
    rig.ask(Command.START)
    rig.clock.sleep(10.0)
    assert rig.true_c == pytest.approx(35.0, abs=0.1)


def test_commands_right_after_a_change_of_state_can_be_lost() -> None:
    rig = enter(State.LISTENING, state_change_deafness_s=0.5)
    rig.ask(Command.SELECT_TP, 100)
    assert rig.ask(Command.START).return_code == OK
    assert rig.state() is State.SELECTED
    rig.clock.sleep(0.5)
    rig.ask(Command.START)
    assert rig.state() is State.PRETEST


# Physics


@pytest.mark.parametrize(("word", "rest", "start", "cutoff"), [(100, 32.0, 32.0, 48.0), (101, 32.0, 20.0, 0.0)])
def test_a_test_goes_from_rest_to_baseline_to_cutoff_and_back(
    word: int, rest: float, start: float, cutoff: float
) -> None:
    rig = Rig()
    assert rig.true_c == rest
    rig.ask(Command.SELECT_TP, word)
    rig.ask(Command.START)
    rig.clock.sleep(6.0)
    assert rig.true_c == pytest.approx(start)
    rig.ask(Command.TRIGGER)
    path = []
    for _ in range(1000):
        rig.clock.sleep(0.1)
        path.append(rig.true_c)
    furthest = max(path, key=lambda c: abs(c - start))
    assert furthest == pytest.approx(cutoff, abs=0.05)
    turn = path.index(furthest)
    sign = 1 if cutoff > start else -1
    assert all(sign * (late - early) >= -1e-9 for early, late in pairwise(path[: turn + 1]))
    assert all(sign * (late - early) <= 1e-9 for early, late in pairwise(path[turn:]))
    assert path[100] - path[90] == pytest.approx(sign * 0.3)
    assert path[-1] == pytest.approx(rest)
    assert rig.state() is State.LISTENING


@pytest.mark.parametrize("way", ["button", "yes"])
def test_yes_ends_the_stimulus_at_once(way: str) -> None:
    rig = enter(State.STIMULATING)
    top = rig.true_c
    if way == "button":
        rig.button.set(pressed=True)
    else:
        reply = rig.ask(Command.YES)
        top = rig.true_c
        assert reply.temperature_c == pytest.approx(top, abs=0.011)
    path = []
    for _ in range(40):
        rig.clock.sleep(0.1)
        path.append(rig.true_c)
    assert max(path) <= top
    assert path[-1] == pytest.approx(32.0, abs=0.01)


def test_a_press_while_no_stimulus_runs_changes_nothing() -> None:
    rig = enter(State.WAITING_FOR_TRIGGER)
    rig.button.set(pressed=True)
    rig.clock.sleep(1.0)
    assert rig.ask(Command.GET_STATUS).yes == 1
    assert rig.state() is State.WAITING_FOR_TRIGGER


def test_several_trials_wait_for_their_triggers_before_the_test_ends() -> None:
    rig = Rig({"programs": [{**HEAT_PROGRAM, "trials": 2}]})
    rig.ask(Command.SELECT_TP, 100)
    rig.ask(Command.START)
    rig.clock.sleep(4.0)
    for after in (State.WAITING_FOR_TRIGGER, State.FINALISING):
        rig.ask(Command.TRIGGER)
        rig.clock.sleep(1.0)
        rig.ask(Command.YES)
        for _ in range(200):
            rig.clock.sleep(0.01)
            if rig.state() is not State.RETURNING:
                break
        assert rig.state() is after


def test_after_a_test_the_plate_goes_to_rest_and_after_an_abort_too() -> None:
    rig = Rig()
    rig.ask(Command.SELECT_TP, 101)
    rig.ask(Command.START)
    rig.clock.sleep(6.0)
    rig.ask(Command.STOP)
    rig.clock.sleep(60.0)
    assert rig.true_c == pytest.approx(32.0)
    assert rig.state() is State.LISTENING
    rig.ask(Command.SELECT_TP, 101)
    rig.ask(Command.START)
    assert rig.ask(Command.ABORT).system_state == 1
    rig.clock.sleep(10.0)
    assert rig.true_c == pytest.approx(32.0)


def test_pause_goes_to_baseline_and_goes_on_waiting() -> None:
    rig = enter(State.STIMULATING)
    rig.ask(Command.PAUSE)
    rig.clock.sleep(5.0)
    assert rig.true_c == pytest.approx(32.0, abs=0.01)
    rig.ask(Command.PAUSE)
    assert rig.state() is State.WAITING_FOR_TRIGGER


def test_latched_yes_lasts_until_the_next_stimulus() -> None:
    level, latched = enter(State.STIMULATING), enter(State.STIMULATING, yes_latched=True)
    for rig, after in ((level, 0), (latched, 1)):
        rig.button.set(pressed=True)
        assert rig.ask(Command.GET_STATUS).yes == 1
        rig.button.set(pressed=False)
        assert rig.ask(Command.GET_STATUS).yes == after


def test_the_latch_opens_with_the_next_stimulus_and_ignores_presses_at_rest() -> None:
    rig = Rig({"yes_latched": True, "programs": [{**HEAT_PROGRAM, "trials": 2}]})
    rig.button.set(pressed=True)
    rig.button.set(pressed=False)
    assert rig.ask(Command.GET_STATUS).yes == 0
    rig.ask(Command.SELECT_TP, 100)
    rig.ask(Command.START)
    rig.clock.sleep(4.0)
    rig.world.advance(rig.clock.monotonic())
    rig.button.set(pressed=True)
    rig.button.set(pressed=False)
    assert rig.ask(Command.GET_STATUS).yes == 1
    assert rig.ask(Command.TRIGGER).yes == 0
    rig.clock.sleep(10.0)
    assert rig.ask(Command.YES).yes == 1
    assert rig.ask(Command.KEYUP).yes == 0


def test_a_pretest_lasts_until_the_plate_has_arrived() -> None:
    rig = Rig({"programs": [{**HEAT_PROGRAM, "baseline": "40 °C", "return_rate": "0.5 °C/s"}]})
    rig.ask(Command.SELECT_TP, 100)
    rig.ask(Command.START)
    rig.clock.sleep(15.9)
    assert rig.state() is State.PRETEST
    rig.clock.sleep(1.0)
    assert rig.state() is State.WAITING_FOR_TRIGGER
    assert rig.true_c == pytest.approx(40.0, abs=0.005)


def test_readings_have_the_noise_and_the_resolution_that_were_chosen() -> None:
    rig = Rig({"noise_c": 0.02})
    readings = [rig.ask(Command.GET_STATUS).temperature_hundredths_c or 0 for _ in range(2000)]
    mean = sum(readings) / 2000
    deviation = (sum((reading - mean) ** 2 for reading in readings) / 2000) ** 0.5
    assert mean == pytest.approx(3200, abs=0.3)
    assert deviation == pytest.approx(2.0, abs=0.2)
    coarse = Rig({"noise_c": 0.02, "resolution_c": 0.1})
    assert {(coarse.ask(Command.GET_STATUS).temperature_hundredths_c or 0) % 10 for _ in range(50)} == {0}


def test_equal_seeds_give_equal_readings() -> None:
    def readings(seed: int) -> list[int | None]:
        rig = Rig({"noise_c": 0.02}, seed=seed)
        return [rig.ask(Command.GET_STATUS).temperature_hundredths_c for _ in range(50)]

    assert readings(1) == readings(1) != readings(2)


def test_test_time_counts_from_the_pretest() -> None:
    rig = enter(State.PRETEST)
    began_s = rig.link.written[-1][0]
    rig.clock.sleep(2.0)
    reply = rig.ask(Command.GET_STATUS)
    assert reply.test_time_ms == pytest.approx(1000 * (rig.clock.monotonic() - began_s), abs=1)


# The device's own safety


def test_table_a_trips_at_rest_after_five_minutes_and_b_never_does() -> None:
    for table, state in (("A", State.SAFE_MODE), ("B", State.LISTENING)):
        rig = Rig({"safety_table": table})
        rig.clock.sleep(301.0)
        assert rig.state() is state


HOT = {"word": 100, "baseline": "32 °C", "rate": "0.1 °C/s", "cutoff": "53 °C", "return_rate": "8 °C/s"}


def test_a_ramp_too_long_in_a_row_ends_in_safe_mode_at_the_exact_time() -> None:
    rig = Rig({"programs": [HOT]})
    rig.ask(Command.SELECT_TP, 100)
    rig.ask(Command.START)
    rig.clock.sleep(4.0)
    rig.ask(Command.TRIGGER)
    rig.world.advance(rig.clock.monotonic())
    at_49_s = rig.mms.surface.when(49.0, rising=True, after_s=rig.clock.monotonic())
    assert at_49_s is not None
    rig.world.advance(at_49_s + 9.999)
    assert rig.state() is State.STIMULATING
    rig.world.advance(at_49_s + 10.001)
    assert rig.state() is State.SAFE_MODE
    rig.clock.sleep(at_49_s + 20.0 - rig.clock.monotonic())
    assert rig.true_c == pytest.approx(32.0)
    assert rig.ask(Command.GET_STATUS).return_code == SAFETY_ERROR
    assert rig.ask(Command.SELECT_TP, 100).return_code == SAFETY_ERROR
    rig.mms.main_station.operator_clears()
    assert rig.ask(Command.SELECT_TP, 100).return_code == OK


@pytest.mark.parametrize(
    ("target", "stay_s"),
    [(47.5, 60.0), (49.5, 10.0), (50.5, 5.0), (51.5, 1.0), (52.5, 0.4), (55.5, 0.05), (5.0, 300.0)],
)
def test_every_row_of_the_table_is_kept(target: float, stay_s: float) -> None:
    world = World(1)
    surface = LaggedSurface(world, 32.0, tau_s=0.001)
    trips: list[float] = []
    rows = SAFETY_TABLES["B"]
    SafetyWatch(world, surface, rows, lambda: trips.append(world.now_s))
    surface.drive(target, 1000.0)
    world.advance(stay_s - 0.01)
    assert not trips
    world.advance(stay_s + 0.1)
    assert trips == [pytest.approx(stay_s, abs=0.05)]


def test_56_degrees_trips_at_once_and_a_new_row_restarts_the_timer() -> None:
    world = World(1)
    surface = LaggedSurface(world, 32.0, tau_s=0.001)
    trips: list[float] = []
    SafetyWatch(world, surface, SAFETY_TABLES["B"], lambda: trips.append(world.now_s))
    surface.drive(48.0, 1000.0)
    world.advance(50.0)
    surface.drive(40.0, 1000.0)  # exactly the bound of the next row
    world.advance(60.0)
    surface.drive(48.0, 1000.0)
    world.advance(119.0)
    assert not trips
    surface.drive(57.0, 1000.0)
    world.advance(119.2)
    assert len(trips) == 1


def test_a_device_trips_once_however_long_its_way_back() -> None:
    world = World(1)
    surface = LaggedSurface(world, 32.0, tau_s=0.001)
    trips: list[float] = []

    def trip() -> None:
        trips.append(world.now_s)
        surface.drive(32.0, 0.1)

    SafetyWatch(world, surface, SAFETY_TABLES["B"][:1] + SAFETY_TABLES["B"][7:], trip)
    surface.drive(56.5, 1000.0)
    world.advance(1000.0)
    assert len(trips) == 1


# Bytes


def test_one_request_one_reply_then_it_hangs_up() -> None:
    rig = Rig()
    status = encode_request(Request(Command.GET_STATUS, 1))
    rig.link.open()
    rig.link.write(status)
    rig.link.write(status)  # answered never
    assert len(rig.link.read(1.0)) == 23
    assert rig.link.read(1.0) == b""
    rig.link.write(status)
    assert rig.link.read(1.0) == b""
    rig.link.close()
    with pytest.raises(LinkClosedError):
        rig.link.write(status)


def test_length_and_body_are_two_segments() -> None:
    rig = Rig({"hold_body_s": 0.04})
    rig.link.open()
    rig.link.write(encode_request(Request(Command.GET_STATUS, 1)))
    assert rig.link.read(1.0).hex() == "13000000"
    assert rig.clock.monotonic() == pytest.approx(0.85e-3)
    assert len(rig.link.read(1.0)) == 19
    assert rig.clock.monotonic() == pytest.approx(0.04085)
    assert rig.link.read(1.0) == b""


def test_a_request_may_come_in_pieces() -> None:
    rig = Rig()
    rig.link.open()
    for byte in encode_request(Request(Command.SELECT_TP, 1, 100)):
        rig.link.write(bytes([byte]))
        rig.clock.sleep(0.001)
    assert len(rig.link.read(1.0)) == 23
    assert rig.state() is State.SELECTED


def test_garbage_makes_it_hang_up_without_a_reply() -> None:
    rig = Rig()
    rig.link.open()
    rig.link.write(b"GET / HTTP/1.1\r\n")
    assert rig.link.read(1.0) == b""


def test_a_command_is_carried_out_even_if_nobody_waits_for_its_reply() -> None:
    rig = enter(State.STIMULATING)
    rig.link.open()
    rig.link.write(encode_request(Request(Command.ABORT, 1)))
    rig.link.close()
    assert rig.ask(Command.GET_STATUS).system_state == 1


def test_a_late_reply_never_reaches_the_next_connection() -> None:
    rig = Rig()
    rig.link.open()
    rig.link.write(encode_request(Request(Command.SELECT_TP, 1, 100)))
    rig.link.close()
    rig.link.open()
    rig.clock.sleep(0.01)
    assert rig.link.read_available() == b""


@pytest.mark.parametrize(("generation", "size"), [(13, 17), (18, 22), (19, 23)])
def test_generations_differ_in_their_replies(generation: int, size: int) -> None:
    rig = Rig({"generation": generation})
    rig.link.open()
    rig.link.write(encode_request(Request(Command.GET_STATUS, 1)))
    assert len(rig.link.read(1.0)) == size
    assert rig.ask(Command.STOP).text.endswith("Rest")


# Settings


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"pretest": 3}, "unknown setting pretest"),
        ({"model": "TSA-3"}, "model must be one of"),
        ({"generation": 23}, "13, 18 or 19"),
        ({"auto_start": "yes"}, "auto_start"),
        ({"pretest_s": "3 s"}, "pretest_s"),
        ({"noise_c": -0.1}, "noise_c"),
        ({"tau_s": 0.0}, "positive"),
        ({"safety_table": "C"}, "safety_table"),
        ({"pretest_state": "idle"}, "pretest_state"),
        ({"programs": [HEAT_PROGRAM, HEAT_PROGRAM]}, "same word"),
        ({"programs": [{**HEAT_PROGRAM, "word": 5}]}, "16 to 255"),
        ({"programs": [{**HEAT_PROGRAM, "word": 10000001}]}, "16 to 255"),
        ({"programs": [{**HEAT_PROGRAM, "method": "search"}]}, "method of limits"),
        ({"programs": [{**HEAT_PROGRAM, "trials": 0}]}, "trials"),
        ({"programs": [{**HEAT_PROGRAM, "onset": "now"}]}, "onset"),
        ({"programs": [{**HEAT_PROGRAM, "cutoff": "56 °C"}]}, "0 to 55"),
        ({"programs": [{**HEAT_PROGRAM, "cutoff": "32 °C"}]}, "the same"),
        ({"programs": [{**HEAT_PROGRAM, "rate": "9 °C/s"}]}, "0 to 8"),
        ({"programs": [{"word": 20}]}, "missing keys"),
        ({"programs": [{**HEAT_PROGRAM, "hold": "1 s"}]}, "unknown keys"),
        ({"model": "TSA-2", "programs": [{**HEAT_PROGRAM, "cutoff": "51 °C"}]}, "0 to 50"),
    ],
)
def test_wrong_settings_say_what_is_wrong(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Rig(settings)


def test_a_quantity_without_unit_is_refused() -> None:
    with pytest.raises(InputError):
        Rig({"programs": [{**PROGRAMS[0], "rate": "0.3"}]})
