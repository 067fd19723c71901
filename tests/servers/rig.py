"""Clients of other people, as their makers' documents describe them, and what the tests need around them."""

import socket
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import msgspec
import pytest
import serial

from qst.clock import performance_seconds

#: Nothing here takes long; a test that fails may.
PATIENCE_S = 10.0
HEAT = {"word": 100, "baseline": "32 °C", "rate": "0.3 °C/s", "cutoff": "48 °C", "return_rate": "8 °C/s"}
ONE_START = {**HEAT, "word": 15 + 16, "onset": "start"}
PROGRAMS = [HEAT, ONE_START]

needs_pty = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


def until(condition: Callable[[], object]) -> None:
    """Look again and again until ``condition`` holds; fail when it does not in good time."""
    deadline_s = performance_seconds() + PATIENCE_S
    while not condition():
        assert performance_seconds() < deadline_s, "it never came to be"
        threading.Event().wait(0.002)


def host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host, int(port)


def dial(address: str) -> socket.socket:
    return socket.create_connection(host_and_port(address), timeout=PATIENCE_S)


def terminal(address: str) -> serial.Serial:
    return serial.Serial(address.removeprefix("pty:"), 115_200, timeout=PATIENCE_S)


def read_to_end(wire: socket.socket) -> bytes:
    received = b""
    while more := wire.recv(1024):
        received += more
    return received


class MmsReply(NamedTuple):
    """Table 2 of Medoc's addendum, little-endian."""

    length: int
    timestamp: bytes
    command: int
    system_state: int
    test_state: int
    return_code: int
    test_time_ms: int
    temperature_hundredths: int
    covas: int
    yes: int
    no: int
    ttl: int
    message: bytes


def parse_mms(frame: bytes) -> MmsReply:
    fields = struct.unpack_from("<I4sBBBHIhBBBB", frame)
    reply = MmsReply._make((*fields, frame[23:]))
    assert reply.length == len(frame) - 4
    return reply


#: How public clients write a request; they disagree, and all of them have run real experiments.
STAMP = 1_700_000_000


def vendor_python(command: int, parameter: int = 0) -> bytes:
    """Big-endian length; any non-zero parameter is sent, a zero is left out."""
    tail = struct.pack("<I", parameter) if parameter else b""
    return struct.pack(">I", 5 + len(tail)) + struct.pack("<IB", STAMP, command) + tail


def vendor_matlab(command: int, parameter: int | None = None) -> bytes:
    """Little-endian throughout; the time stamp is the local wall clock in disguise."""
    tail = struct.pack("<I", parameter) if parameter is not None and command in (1, 12, 13) else b""
    return struct.pack("<IIB", 5 + len(tail), STAMP + 7200, command) + tail


def canlab(command: int, parameter: int | None = None) -> bytes:
    """Big-endian length and time stamp."""
    tail = b"" if parameter is None else struct.pack("<I", parameter)
    return struct.pack(">IIB", 5 + len(tail), STAMP, command) + tail


def eyepy(command: int, parameter: int | None = None) -> bytes:
    """Big-endian length; a parameter whenever one is given, also a zero."""
    tail = b"" if parameter is None else struct.pack("<I", parameter)
    return struct.pack(">I", 5 + len(tail)) + struct.pack("<IB", STAMP, command) + tail


FORMS: dict[str, Callable[..., bytes]] = {
    "vendor Python": vendor_python,
    "vendor MATLAB": vendor_matlab,
    "CANlab": canlab,
    "eyepy": eyepy,
}


def mms(address: str, request: bytes) -> MmsReply:
    """One request, one connection, read until MMS closes it (as the vendor's Python does)."""
    with dial(address) as wire:
        wire.sendall(request)
        return parse_mms(read_to_end(wire))


class Control:
    """A client of the control channel."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._wire = socket.create_connection(address, timeout=PATIENCE_S)
        self._file = self._wire.makefile("rwb")

    def say(self, line: bytes) -> dict[str, Any]:
        self._file.write(line + b"\n")
        self._file.flush()
        answer: dict[str, Any] = msgspec.json.decode(self._file.readline())
        return answer

    def do(self, what: str, **options: Any) -> dict[str, Any]:
        return self.say(msgspec.json.encode({"do": what, **options}))

    def close(self) -> None:
        self._file.close()
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
