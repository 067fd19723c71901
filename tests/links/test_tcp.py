"""``tcp://`` over loopback sockets."""

import errno
import socket
import struct
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.clock import RealClock, performance_seconds
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst.instruments import Link
from qst_drivers.links import tcp
from qst_drivers.links.tcp import TcpLink
from qst_drivers.links.urls import parse_url
from tests.links.peers import SOON_S, echo, hold, link_to, opened, read_all, server, thrown_while_waiting


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_bytes_come_back() -> None:
    with server(echo) as place, opened(f"tcp://{place}") as link:
        link.write(b"\x00\xff?C\r")
        assert read_all(link, 5) == b"\x00\xff?C\r"
        assert link.read_available() == b""


def test_nothing_is_held_back_to_be_sent_with_more() -> None:
    with server(echo) as place, opened(f"tcp://{place}") as link:
        assert isinstance(link, TcpLink)
        assert link._socket is not None
        assert link._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=8))
def test_any_bytes_in_any_pieces_arrive_whole_and_in_order(pieces: list[bytes]) -> None:
    with server(echo) as place, opened(f"tcp://{place}") as link:
        for piece in pieces:
            link.write(piece)
        whole = b"".join(pieces)
        assert read_all(link, len(whole)) == whole


def test_one_connection_a_request() -> None:
    def one_request(connection: socket.socket) -> None:
        connection.sendall(connection.recv(100))

    with server(one_request) as place:
        link = link_to(f"tcp://{place}")
        for number in range(20):
            link.open()
            link.write(bytes([number]))
            assert link.read(SOON_S) == bytes([number])
            assert link.read(SOON_S) == b"", "the other side has closed"
            link.close()


def test_what_has_arrived_is_taken_without_waiting() -> None:
    sent = threading.Event()

    def speak(connection: socket.socket) -> None:
        connection.sendall(b"hello")
        sent.set()
        hold(connection)

    with server(speak) as place, opened(f"tcp://{place}") as link:
        assert sent.wait(SOON_S)
        data, tries = b"", 0
        while not data and tries < 1_000_000:
            data, tries = link.read_available(), tries + 1
        assert data == b"hello"


def test_silence_ends_at_the_deadline() -> None:
    with server(hold) as place, opened(f"tcp://{place}") as link:
        began_s = performance_seconds()
        with pytest.raises(LinkTimeoutError, match=r"no answer within 0\.03 s") as caught:
            link.read(0.03)
        assert 0.03 <= performance_seconds() - began_s < SOON_S
        assert caught.value.where == f"tcp://{place}"


def test_no_time_to_wait_is_a_look() -> None:
    with server(hold) as place, opened(f"tcp://{place}") as link, pytest.raises(LinkTimeoutError):
        link.read(0.0)


def test_a_reset_is_told_from_an_end() -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with server(reset) as place, opened(f"tcp://{place}") as link:
        link.write(b"?")
        with pytest.raises(LinkClosedError, match="broken the connection") as caught:
            link.read(SOON_S)
        assert "network cable" in caught.value.remedy


def test_writing_into_a_dead_connection_is_refused() -> None:
    with server(lambda connection: connection.recv(1)) as place, opened(f"tcp://{place}") as link:
        link.write(b"?")
        assert link.read(SOON_S) == b""
        with pytest.raises(LinkClosedError):
            write_on(link)


def write_on(link: Link) -> None:
    for _ in range(1000):  # the first one goes out; its answer is the reset
        link.write(b"?")
        link.read_available()


def test_a_peer_that_takes_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "WRITE_S", 0.05)
    released = threading.Event()
    with server(lambda _: released.wait(SOON_S)) as place, opened(f"tcp://{place}") as link:
        with pytest.raises(LinkTimeoutError, match="takes no more bytes"):
            link.write(bytes(50_000_000))
        released.set()


def test_more_than_the_system_takes_at_once_goes_out_whole() -> None:
    data = bytes(range(256)) * 20_000
    got: list[int] = []

    def count(connection: socket.socket) -> None:
        total = 0
        while total < len(data):
            total += len(connection.recv(65536))
        got.append(total)
        connection.sendall(b"!")

    with server(count) as place, opened(f"tcp://{place}") as link:
        link.write(data)
        assert link.read(SOON_S) == b"!"
        assert got == [len(data)]


def test_closed_link() -> None:
    with server(hold) as place:
        link = link_to(f"tcp://{place}")
        link.open()
        link.close()
        link.close()
        for use in (lambda: link.write(b"?"), lambda: link.read(0.1), link.read_available):
            with pytest.raises(LinkClosedError, match="not open"):
                use()


def test_nobody_listens() -> None:
    link = link_to(f"tcp://127.0.0.1:{free_port()}")
    with pytest.raises(LinkOpenError, match="nobody listens on port") as caught:
        link.open()
    assert "start the program" in caught.value.remedy


def test_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(LinkOpenError, match="no computer is known by the name 'no-such-host'") as caught:
        link_to("tcp://no-such-host:1").open()
    assert "spelling" in caught.value.remedy


def test_a_name_is_looked_up_and_kept() -> None:
    with server(echo) as place:
        link = link_to(f"tcp://localhost:{place.rpartition(':')[2]}")
        assert isinstance(link, TcpLink)
        link.open()
        link.close()
        assert len(link._addresses) == 1
        link.open()
        link.close()


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (errno.EHOSTUNREACH, "there is no way to"),
        (errno.ETIMEDOUT, "does not answer"),
        (errno.EACCES, "cannot connect to"),
    ],
)
def test_every_failure_to_connect_says_what_to_do(code: int, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: code)
    with pytest.raises(LinkOpenError, match=what) as caught:
        link_to("tcp://192.0.2.1:20121").open()
    assert caught.value.remedy


def test_a_host_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "CONNECT_S", 0.03)
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: errno.EINPROGRESS)
    monkeypatch.setattr(TcpLink, "_wait", lambda *_: False)
    with pytest.raises(LinkOpenError, match="does not answer"):
        link_to("tcp://192.0.2.1:20121").open()


def test_an_abort_ends_a_read_at_once() -> None:
    abort = AbortSwitch()
    with server(hold) as place, opened(f"tcp://{place}", abort) as link, thrown_while_waiting(abort) as thrown_s:
        with pytest.raises(Aborted):
            link.read(60.0)
        assert performance_seconds() - thrown_s() < 1.0


def test_an_abort_wakes_the_wait_and_does_not_leave_it_to_its_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "SLICE_S", 60.0)
    abort = AbortSwitch()
    with (
        server(hold) as place,
        opened(f"tcp://{place}", abort) as link,
        thrown_while_waiting(abort),
        pytest.raises(Aborted),
    ):
        link.read(60.0)


def test_on_the_way_to_safety_reads_go_on_whatever_was_thrown() -> None:
    abort = AbortSwitch()
    with server(echo) as place, opened(f"tcp://{place}", abort) as link:
        abort.throw(AbortCause.EMERGENCY_STOP)
        with abort.shielded():
            link.write(b"stop")
            assert read_all(link, 4) == b"stop"
            with pytest.raises(LinkTimeoutError):
                link.read(0.02)
        with pytest.raises(Aborted):
            link.read(1.0)
        link.write(b"stop")  # never kept back
        with abort.shielded():
            assert read_all(link, 4) == b"stop"


def test_on_the_way_to_safety_the_link_can_be_opened_anew() -> None:
    abort = AbortSwitch()
    with server(echo) as place:
        link = TcpLink(parse_url(f"tcp://{place}"), RealClock(abort), abort)
        abort.throw(AbortCause.OPERATOR_STOP)
        with pytest.raises(Aborted):
            link.open()
        with abort.shielded():
            link.open()
            link.write(b"?")
            assert link.read(SOON_S) == b"?"
        link.close()
