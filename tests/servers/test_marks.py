"""Served devices say on their wires that they are simulated, in fields that their protocols have."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.errors import InputError
from qst_drivers.wire.marks import (
    MESSAGE_MARK,
    ROM_MARK,
    message_says_simulated,
    rom_says_simulated,
    serial_says_simulated,
)
from qst_drivers.wire.mms import Command
from qst_drivers.wire.mms_reply import BODY_FULL, BODY_WITHOUT_TTL, Reply, ReplyDecoder, encode_reply
from qst_simulators.server import SimulatorServer
from tests.servers.rig import FORMS, dial, mms, read_to_end

GET_STATUS = int(Command.GET_STATUS)


def one_wire_checksum(data: bytes) -> int:
    """CRC-8 of 1-wire ROMs (Maxim application note 27): polynomial 0x31, reflected, initial 0."""
    checksum = 0
    for byte in data:
        checksum ^= byte
        for _ in range(8):
            checksum = (checksum >> 1) ^ (0x8C if checksum & 1 else 0)
    return checksum


def test_no_genuine_probe_can_have_the_mark() -> None:
    assert one_wire_checksum(bytes.fromhex("02 1C B8 01 00 00 00")) == 0xA2, "the example of the application note"
    rom = bytes.fromhex(ROM_MARK)
    assert rom == b"SIMULATE"
    assert one_wire_checksum(rom[:7]) != rom[7]


@pytest.mark.parametrize(
    ("device", "setting"), [("mark10", {"serial": "3512345"}), ("arroyo-5300", {"serial": "53051234"})]
)
def test_a_simulator_cannot_be_given_a_serial_number_that_a_real_device_could_have(
    device: str, setting: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match="SIM-"):
        SimulatorServer([(device, setting)])


def test_a_simulated_probe_cannot_be_given_another_identity() -> None:
    with pytest.raises(InputError, match="unknown setting"):
        SimulatorServer([("qstlab-tcs", {"probe_id": "28 FF 64 1E 0F 00 00 34"})])


@pytest.mark.parametrize("generation", [BODY_FULL, BODY_WITHOUT_TTL])
def test_a_served_mms_says_so_in_every_status(generation: int) -> None:
    with SimulatorServer([("medoc-mms", {"programs": [], "generation": generation})]) as server:
        with dial(server.addresses["thermode"]) as wire:
            wire.sendall(FORMS["vendor MATLAB"](GET_STATUS))
            frame = read_to_end(wire)
        (reply,) = ReplyDecoder().feed(frame)
        assert message_says_simulated(reply.message)
        assert frame.endswith(b"SIMULATED")
        assert reply.temperature_c is not None
        assert 20.0 < reply.temperature_c < 40.0, "the mark moves no other field"
        if generation == BODY_FULL:
            assert mms(server.addresses["thermode"], FORMS["vendor MATLAB"](5)).message.startswith(b"STOP is not")


def test_marks_are_read_as_they_are_written() -> None:
    assert serial_says_simulated("SIM-1")
    assert serial_says_simulated("3512345") is False
    assert rom_says_simulated(ROM_MARK.lower())
    assert rom_says_simulated("28 FF 64 1E 0F 00 00 34") is False
    assert message_says_simulated(MESSAGE_MARK)
    assert serial_says_simulated(" ") is rom_says_simulated("") is message_says_simulated(b"") is None


@given(st.text(max_size=12))
def test_nothing_else_is_taken_for_a_mark(text: str) -> None:
    assert serial_says_simulated(text) in (None, text.upper().startswith("SIM-"))
    assert rom_says_simulated(text) in (None, False)
    assert message_says_simulated(text.encode()) is None


def test_a_frame_with_the_mark_is_a_frame() -> None:
    reply = Reply(1, 0, 1, 0, 0, 0, 3200, 0, 0, 0, 0, MESSAGE_MARK)
    assert ReplyDecoder().feed(encode_reply(reply)) == [reply]
