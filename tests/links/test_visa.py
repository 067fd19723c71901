"""``visa://`` by pyvisa-py: a raw socket on loopback, and a pseudo-terminal as a serial resource."""

import os

import pytest
import pyvisa
import serial

from qst.abort import Aborted, AbortSwitch
from qst.clock import RealClock, performance_seconds
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst_drivers.links.visa import VisaLink
from tests.links.peers import (
    SOON_S,
    PseudoTerminal,
    echo,
    echoing,
    hold,
    link_to,
    opened,
    posix_only,
    pseudo_terminal,
    read_all,
    server,
    thrown_while_waiting,
)


def socket_url(place: str) -> str:
    host, _, port = place.rpartition(":")
    return f"visa://TCPIP::{host}::{port}::SOCKET?backend=@py"


def serial_url(terminal: PseudoTerminal, options: str = "") -> str:
    return f"visa://ASRL{terminal.device}::INSTR?backend=@py&baud=38400{options}"


def test_bytes_over_a_socket() -> None:
    with server(echo) as place, opened(socket_url(place)) as link:
        link.write(b"*IDN?\n\x00\xff no end")
        assert read_all(link, 15) == b"*IDN?\n\x00\xff no end"
        assert link.read_available() == b""


def test_what_has_arrived_over_a_socket() -> None:
    with server(echo) as place, opened(socket_url(place)) as link:
        link.write(b"hello")
        data, tries = link.read(SOON_S), 0
        while len(data) < 5 and tries < 10_000:
            data, tries = data + link.read_available(), tries + 1
        assert data == b"hello"


def test_silence_ends_at_the_deadline() -> None:
    with server(hold) as place, opened(socket_url(place)) as link:
        began_s = performance_seconds()
        with pytest.raises(LinkTimeoutError, match=r"no answer within 0\.05 s"):
            link.read(0.05)
        assert 0.05 <= performance_seconds() - began_s < 1.0


def test_an_abort_ends_a_read() -> None:
    abort = AbortSwitch()
    with server(hold) as place, opened(socket_url(place), abort) as link, thrown_while_waiting(abort) as thrown_s:
        with pytest.raises(Aborted):
            link.read(60.0)
        assert performance_seconds() - thrown_s() < 1.0


@posix_only
def test_bytes_over_a_serial_resource() -> None:
    with pseudo_terminal() as terminal, echoing(terminal), opened(serial_url(terminal)) as link:
        for text in (b"TEC:T?\r\n", b"\x00\n\xff", b"no end"):
            link.write(text)
            assert read_all(link, len(text)) == text


@posix_only
def test_a_partial_line_is_not_lost_in_a_timeout() -> None:
    with pseudo_terminal() as terminal, opened(serial_url(terminal)) as link:
        os.write(terminal.master, b"32.")
        assert read_all(link, 3) == b"32."
        with pytest.raises(LinkTimeoutError):
            link.read(0.03)
        os.write(terminal.master, b"0\r\n")
        assert read_all(link, 3) == b"0\r\n"
        assert link.read_available() == b""


@posix_only
def test_an_abort_ends_a_read_of_a_serial_resource() -> None:
    abort = AbortSwitch()
    with (
        pseudo_terminal() as terminal,
        opened(serial_url(terminal), abort) as link,
        thrown_while_waiting(abort) as thrown_s,
    ):
        with pytest.raises(Aborted):
            link.read(60.0)
        assert performance_seconds() - thrown_s() < 1.0


@posix_only
def test_line_settings_reach_the_port() -> None:
    with pseudo_terminal() as terminal, opened(serial_url(terminal, "&bits=8&parity=none&stopbits=2")) as link:
        assert isinstance(link, VisaLink)
        resource = link._resource
        assert isinstance(resource, pyvisa.resources.SerialInstrument)
        assert (resource.baud_rate, resource.data_bits, resource.stop_bits) == (38400, 8, 20)
        assert resource.end_input == pyvisa.constants.SerialTermination.none


@posix_only
def test_a_serial_resource_that_is_unplugged() -> None:
    with pseudo_terminal() as terminal, opened(serial_url(terminal)) as link:
        terminal.hang_up()
        with pytest.raises(LinkClosedError, match="the resource has failed"):
            link.read(SOON_S)


def test_a_resource_that_is_not_there() -> None:
    with pytest.raises(LinkOpenError, match="does not open") as caught:
        link_to("visa://ASRL/dev/no-such-port::INSTR?backend=@py&baud=9600").open()
    assert "qst ports" in caught.value.remedy


def test_a_backend_that_is_not_there() -> None:
    with pytest.raises(LinkOpenError, match="does not open"):
        link_to("visa://ASRL1::INSTR?backend=@nothing&baud=9600").open()


def test_closed_link() -> None:
    link = link_to("visa://ASRL1::INSTR?backend=@py&baud=9600")
    link.close()
    for use in (lambda: link.write(b"?"), lambda: link.read(0.1), link.read_available):
        with pytest.raises(LinkClosedError, match="not open"):
            use()


@posix_only
def test_a_computer_too_busy_for_short_time_outs_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process had been held up between any two bytes, and behind a write that went out."""
    take, put = serial.Serial.read, os.write

    def held_up_read(port: serial.Serial, size: int = 1) -> bytes:
        data: bytes = take(port, size)
        RealClock().sleep(0.006)
        return data

    def held_up_write(file: int, data: bytes) -> int:
        count = put(file, data)
        RealClock().sleep(0.006)
        return count

    text = b"TEC:T? 32.000, 32.001\r\n"
    with pseudo_terminal() as terminal, echoing(terminal), opened(serial_url(terminal)) as link:
        with monkeypatch.context() as busy:
            busy.setattr(os, "write", held_up_write)
            link.write(text)
        with monkeypatch.context() as busy:
            busy.setattr(serial.Serial, "read", held_up_read)
            assert read_all(link, len(text)) == text
