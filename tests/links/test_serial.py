"""``serial://`` over pseudo-terminals and pyserial's own handlers."""

import errno
import os
import sys
import threading
from pathlib import Path

import pytest
import serial
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.clock import performance_seconds
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst_drivers.links import serial as module
from qst_drivers.links.serial import SerialLink
from tests.links.peers import (
    SOON_S,
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

LOOP = "serial+loop://"


@posix_only
def test_bytes_over_a_port() -> None:
    with pseudo_terminal() as terminal, opened(f"serial://{terminal.device}?baud=115200") as link:
        link.write(b"\x00\x11\x13\xff\r\n")
        assert os.read(terminal.master, 100) == b"\x00\x11\x13\xff\r\n"
        os.write(terminal.master, b"\x03\x04-1.25 N\r\n")
        assert read_all(link, 11) == b"\x03\x04-1.25 N\r\n"


@posix_only
def test_what_has_arrived_is_taken_without_waiting() -> None:
    with pseudo_terminal() as terminal, opened(f"serial://{terminal.device}?baud=9600") as link:
        assert link.read_available() == b""
        os.write(terminal.master, b"0.05 N\r\n")
        data, tries = b"", 0
        while len(data) < 8 and tries < 1_000_000:
            data, tries = data + link.read_available(), tries + 1
        assert data == b"0.05 N\r\n"


@posix_only
def test_a_port_that_another_program_uses() -> None:
    with pseudo_terminal() as terminal, opened(f"serial://{terminal.device}?baud=9600"):
        with pytest.raises(LinkOpenError, match="in use by another program") as caught:
            link_to(f"serial://{terminal.device}?baud=9600").open()
        assert "close that program" in caught.value.remedy


@posix_only
def test_a_port_that_is_unplugged_while_we_wait_hangs_up() -> None:
    with pseudo_terminal() as terminal, opened(f"serial://{terminal.device}?baud=9600") as link:
        terminal.hang_up()
        assert link.read(SOON_S) == b""
        with pytest.raises(LinkClosedError, match="the port is gone") as caught:
            link.read_available()
        assert "cable" in caught.value.remedy
        with pytest.raises(LinkClosedError, match="the port is gone"):
            link.write(b"?")


@posix_only
def test_a_port_that_takes_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_WRITE_S", 0.05)
    with (
        pseudo_terminal() as terminal,
        opened(f"serial://{terminal.device}?baud=9600") as link,
        pytest.raises(LinkTimeoutError, match="takes no more bytes"),
    ):
        link.write(bytes(1_000_000))


@posix_only
def test_an_abort_ends_a_read_at_once() -> None:
    abort = AbortSwitch()
    with (
        pseudo_terminal() as terminal,
        opened(f"serial://{terminal.device}?baud=9600", abort) as link,
        thrown_while_waiting(abort) as thrown_s,
    ):
        with pytest.raises(Aborted):
            link.read(60.0)
        assert performance_seconds() - thrown_s() < 1.0


@posix_only
def test_an_abort_wakes_the_port_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE_S", 60.0)
    abort = AbortSwitch()
    with (
        pseudo_terminal() as terminal,
        opened(f"serial://{terminal.device}?baud=9600", abort) as link,
        thrown_while_waiting(abort),
        pytest.raises(Aborted),
    ):
        link.read(120.0)


@posix_only
def test_after_an_abort_the_way_to_safety_is_open() -> None:
    abort = AbortSwitch()
    with (
        pseudo_terminal() as terminal,
        opened(f"serial://{terminal.device}?baud=9600", abort) as link,
        echoing(terminal),
    ):
        with thrown_while_waiting(abort), pytest.raises(Aborted):
            link.read(60.0)
        link.write(b"A")
        with abort.shielded():
            assert link.read(SOON_S) == b"A"
            with pytest.raises(LinkTimeoutError):
                link.read(0.03)


@posix_only
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=5))
def test_any_bytes_arrive_whole_and_in_order(pieces: list[bytes]) -> None:
    with pseudo_terminal() as terminal, echoing(terminal), opened(f"serial://{terminal.device}?baud=115200") as link:
        for piece in pieces:
            link.write(piece)
        whole = b"".join(pieces)
        assert read_all(link, len(whole)) == whole


def test_the_loop_handler() -> None:
    with opened(LOOP) as link:
        link.write(b"hello")
        assert read_all(link, 5) == b"hello"
        link.write(b"again")
        assert link.read_available() == b"again"


@pytest.mark.parametrize("timeout_s", [0.0, 0.005, 0.05])
def test_silence_ends_at_the_deadline(timeout_s: float) -> None:
    with opened(LOOP) as link:
        began_s = performance_seconds()
        with pytest.raises(LinkTimeoutError, match=f"no answer within {timeout_s:g} s"):
            link.read(timeout_s)
        assert timeout_s <= performance_seconds() - began_s < timeout_s + 1.0


def test_an_abort_ends_a_read_through_a_handler() -> None:
    abort = AbortSwitch()
    with opened(LOOP, abort) as link, thrown_while_waiting(abort) as thrown_s:
        with pytest.raises(Aborted):
            link.read(60.0)
        assert performance_seconds() - thrown_s() < 1.0


def test_an_abort_ends_a_read_that_cannot_be_woken() -> None:
    abort = AbortSwitch()
    with (
        server(hold) as place,
        opened(f"serial+socket://{place}", abort) as link,
        thrown_while_waiting(abort) as thrown_s,
    ):
        with pytest.raises(Aborted):
            link.read(60.0)
        assert performance_seconds() - thrown_s() < 1.0


def test_the_socket_handler_and_its_end() -> None:
    def once(connection: object) -> None:
        connection.sendall(connection.recv(100))  # type: ignore[attr-defined]  # a socket

    with server(once) as place, opened(f"serial+socket://{place}") as link:
        link.write(b"?C\r\n")
        assert read_all(link, 4) == b"?C\r\n"
        assert link.read(SOON_S) == b""


def test_the_spy_handler_gets_its_own_options(tmp_path: Path) -> None:
    with server(echo) as place:
        spied = tmp_path / "spy.txt"
        assert isinstance(link := link_to(f"serial+spy:///dev/x?baud=9600&file={spied.as_posix()}&raw=1"), SerialLink)
        assert link._target == f"spy:///dev/x?file={spied.as_posix()}&raw=1"
        assert place


def test_hwgrep_takes_its_options_behind_an_ampersand() -> None:
    link = link_to("serial+hwgrep://0403:6001?baud=38400&n=2")
    assert isinstance(link, SerialLink)
    assert link._target == "hwgrep://0403:6001&n=2"


def test_line_settings() -> None:
    with opened("serial+loop://?baud=9600&bits=7&parity=even&stopbits=2&flow=rtscts") as link:
        assert isinstance(link, SerialLink)
        port = link._port
        assert port is not None
        found = (port.baudrate, port.bytesize, port.parity, port.stopbits, port.rtscts, port.xonxoff)
        assert found == (9600, 7, "E", 2, True, False)


def test_no_such_port() -> None:
    name = "COM250" if sys.platform == "win32" else "/dev/no-such-port"
    with pytest.raises(LinkOpenError, match=f"there is no port {name}") as caught:
        link_to(f"serial://{name}?baud=9600").open()
    assert "qst ports" in caught.value.remedy


@pytest.mark.parametrize(
    ("failure", "what", "remedy"),
    [
        (serial.SerialException(errno.EACCES, "denied"), "you may not use", "dialout"),
        (serial.SerialException(errno.EBUSY, "busy"), "in use by another program", "close that program"),
        (serial.SerialException(errno.EIO, "trouble"), "does not open", "cable"),
        (serial.SerialException("no number, as on Windows"), "there is no port", "qst ports"),
    ],
)
def test_every_failure_to_open_says_what_to_do(
    failure: Exception, what: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(serial, "serial_for_url", fail)
    with pytest.raises(LinkOpenError, match=what) as caught:
        link_to("serial://COM250?baud=9600").open()
    assert remedy in caught.value.remedy


def test_a_listed_port_that_gives_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise serial.SerialException("Access is denied")

    monkeypatch.setattr(serial, "serial_for_url", fail)
    monkeypatch.setattr(module, "_listed", lambda _: True)
    with pytest.raises(LinkOpenError, match="it does not open: Access is denied"):
        link_to("serial://COM3?baud=9600").open()


def test_a_handler_that_cannot_reach_its_other_side() -> None:
    with pytest.raises(LinkOpenError, match="could not be opened"):
        link_to("serial+socket://127.0.0.1:1").open()


def test_closed_link() -> None:
    link = link_to(LOOP)
    link.open()
    link.open()
    link.close()
    link.close()
    for use in (lambda: link.write(b"?"), lambda: link.read(0.1), link.read_available):
        with pytest.raises(LinkClosedError, match="not open"):
            use()


def test_an_abort_ends_a_slow_opening_and_the_port_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, closed = threading.Event(), threading.Event(), threading.Event()

    class Port:
        def close(self) -> None:
            closed.set()

    def slow(*_: object, **__: object) -> Port:
        begun.set()
        go_on.wait(SOON_S)
        return Port()

    monkeypatch.setattr(serial, "serial_for_url", slow)
    abort = AbortSwitch()
    link = link_to("serial://COM3?baud=9600", abort)

    def throw() -> None:
        begun.wait(SOON_S)
        abort.throw(AbortCause.OPERATOR_STOP)

    threading.Thread(target=throw).start()
    with pytest.raises(Aborted):
        link.open()
    go_on.set()
    assert closed.wait(SOON_S)
