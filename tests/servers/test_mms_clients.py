"""Other people's MMS clients against the served MMS, over real sockets."""

import contextlib
import socket
from collections.abc import Iterator
from typing import cast

import pytest

from qst_drivers.wire.marks import MESSAGE_MARK
from qst_simulators.medoc_mms import SimulatedMedocMms
from qst_simulators.server import SimulatorServer
from qst_simulators.server.address import TcpAddress
from qst_simulators.server.port import manners_of
from qst_simulators.server.tcp_port import TcpPort
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World
from tests.servers.rig import FORMS, HEAT, PROGRAMS, STAMP, Control, dial, mms, parse_mms, read_to_end, until

GET_STATUS, SELECT_TP, START, PAUSE, TRIGGER, STOP, ABORT, YES, VAS = 0, 1, 2, 3, 4, 5, 6, 7, 10
READY, TEST = 1, 2
IDLE, RUNNING, TEST_READY = 0, 1, 3


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    settings = {"programs": PROGRAMS, "noise_c": 0.0}
    with SimulatorServer([("medoc-mms", settings)], speed=200) as server:
        yield server


@pytest.fixture
def address(server: SimulatorServer) -> str:
    return server.addresses["thermode"]


@pytest.mark.parametrize("form", FORMS)
def test_every_public_form_of_a_request_is_understood(form: str, address: str) -> None:
    encode = FORMS[form]
    reply = mms(address, encode(GET_STATUS))
    assert reply.timestamp == encode(GET_STATUS)[4:8], "the time stamp is copied, whatever its byte order"
    assert (reply.command, reply.system_state, reply.test_state, reply.return_code) == (GET_STATUS, READY, IDLE, 0)
    assert reply.temperature_hundredths == 3200
    reply = mms(address, encode(SELECT_TP, 100))
    assert (reply.command, reply.system_state, reply.test_state, reply.return_code) == (SELECT_TP, TEST, TEST_READY, 0)


@pytest.mark.parametrize("form", FORMS)
def test_an_unknown_program_is_refused_in_every_form(form: str, address: str) -> None:
    assert mms(address, FORMS[form](SELECT_TP, 99)).return_code == 1


@pytest.mark.parametrize("form", FORMS)
def test_auto_start_off_manual_trigger_threshold_by_software(form: str, address: str) -> None:
    """SELECT_TP, START for the pre-test, poll until it waits, TRIGGER, YES: the reply tells the threshold."""
    encode = FORMS[form]
    assert mms(address, encode(SELECT_TP, 100)).return_code == 0
    assert mms(address, encode(START)).return_code == 0
    # How long the pre-test takes is nobody's knowledge: a trigger in it is answered and lost, so send it again.
    until(lambda: _moved(address, encode(TRIGGER)))
    reply = mms(address, encode(YES))
    assert reply.return_code == 0
    assert 3200 < reply.temperature_hundredths < 4800
    until(lambda: mms(address, encode(GET_STATUS)).system_state == READY)
    assert mms(address, encode(STOP)).return_code == 2, "STOP at rest is an illegal state"


def _moved(address: str, request: bytes) -> bool:
    return mms(address, request).temperature_hundredths > 3205


def test_two_starts_one_for_the_pretest_one_for_the_test(address: str) -> None:
    encode = FORMS["vendor MATLAB"]
    mms(address, encode(SELECT_TP, 31))
    mms(address, encode(START))
    until(lambda: mms(address, encode(GET_STATUS)).test_state == TEST_READY)
    assert mms(address, encode(START)).test_state == RUNNING
    until(lambda: _moved(address, encode(GET_STATUS)))
    assert mms(address, encode(ABORT)).system_state == READY


def test_a_zero_parameter_is_sent_by_eyepy_and_left_out_by_the_vendor() -> None:
    assert FORMS["eyepy"](VAS, 0)[3] == 9
    assert FORMS["vendor Python"](VAS, 0)[3] == 5


def test_the_participants_button_ends_the_ramp_and_shows_as_yes() -> None:
    settings = {"programs": [HEAT], "noise_c": 0.0, "pretest_s": 0.0}
    with SimulatorServer([("medoc-mms", settings)], speed=20) as server, Control(server.control) as control:
        address, encode = server.addresses["thermode"], FORMS["CANlab"]
        mms(address, encode(SELECT_TP, 100))
        mms(address, encode(START))
        until(lambda: _moved(address, encode(TRIGGER)))
        assert mms(address, encode(GET_STATUS)).yes == 0
        assert control.do("press")["ok"]
        reply = mms(address, encode(GET_STATUS))
        assert reply.yes == 1
        until(lambda: not _moved(address, encode(GET_STATUS)))
        control.do("release")
        assert mms(address, encode(GET_STATUS)).yes == 0


# -- the connection ---------------------------------------------------------------------------------------------------


def test_a_second_request_on_the_same_connection_is_refused(address: str) -> None:
    status = FORMS["vendor MATLAB"](GET_STATUS)
    with dial(address) as wire:
        wire.sendall(status)
        assert len(read_to_end(wire)) == 23 + len(MESSAGE_MARK)
        with contextlib.suppress(ConnectionError):  # reset or broken pipe, at once or at the second try
            wire.sendall(status)
            wire.sendall(status)
            assert read_to_end(wire) == b""


def test_length_and_body_come_as_two_segments() -> None:
    # Held back long enough that the first read can only be the length; the body then follows by itself.
    with (
        SimulatorServer([("medoc-mms", {"programs": [], "hold_body_s": 0.1})]) as server,
        dial(server.addresses["thermode"]) as wire,
    ):
        wire.sendall(FORMS["vendor MATLAB"](GET_STATUS))
        assert wire.recv(1024) == bytes((19 + len(MESSAGE_MARK), 0, 0, 0))
        assert len(read_to_end(wire)) == 19 + len(MESSAGE_MARK)


class Recorder:
    """A client's socket that keeps every send apart."""

    def __init__(self) -> None:
        self.sends: list[bytes] = []

    def send(self, data: bytes) -> int:
        self.sends.append(data)
        return len(data)

    def close(self) -> None:
        pass


def test_length_and_body_are_two_sends_even_when_both_are_due() -> None:
    world = World(1)
    device = SimulatedMedocMms(world, {"round_trip_s": 0.0}, Surroundings(ButtonLine(world)))
    port = TcpPort(device, TcpAddress("127.0.0.1", 0), lambda: 1.0, manners_of("medoc-mms"))
    recorder = Recorder()
    device.connect(1.0)
    port._client = cast("socket.socket", recorder)
    device.receive(FORMS["CANlab"](GET_STATUS), 1.0)
    port.serve(())
    assert [len(send) for send in recorder.sends] == [4, 19]
    port.close()


def test_a_request_may_come_byte_by_byte(address: str) -> None:
    with dial(address) as wire:
        for byte in FORMS["eyepy"](SELECT_TP, 100):
            wire.sendall(bytes([byte]))
        assert parse_mms(read_to_end(wire)).return_code == 0


def test_a_client_that_has_only_finished_sending_is_answered(address: str) -> None:
    with dial(address) as wire:
        wire.sendall(FORMS["vendor Python"](GET_STATUS))
        wire.shutdown(socket.SHUT_WR)
        assert parse_mms(read_to_end(wire)).timestamp == STAMP.to_bytes(4, "little")


def test_clients_are_served_in_turn(address: str) -> None:
    with dial(address) as first, dial(address) as second:
        second.sendall(FORMS["CANlab"](GET_STATUS))
        first.sendall(FORMS["CANlab"](GET_STATUS))
        assert len(read_to_end(first)) == len(read_to_end(second)) == 23 + len(MESSAGE_MARK)


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 4000, b"\0" * 13, b"\5\0\0\0"])
def test_garbage_does_not_hurt(garbage: bytes, address: str) -> None:
    with dial(address) as wire:
        wire.sendall(garbage)
        wire.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            assert read_to_end(wire) == b""
    assert mms(address, FORMS["vendor MATLAB"](GET_STATUS)).return_code == 0


def test_clients_that_hang_up_early_do_not_hurt(address: str) -> None:
    for _ in range(20):
        wire = dial(address)
        wire.sendall(FORMS["vendor MATLAB"](GET_STATUS))
        wire.close()
    assert mms(address, FORMS["vendor MATLAB"](GET_STATUS)).return_code == 0
