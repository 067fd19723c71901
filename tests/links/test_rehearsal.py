"""``fault+``: a real link with one fault to come, at its moment, and sound before and after."""

import socket

import pytest

from qst.abort import AbortSwitch
from qst.clock import RealClock, VirtualClock
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError, StationFileError
from qst.instruments import Link
from qst_drivers.links import open_link
from qst_drivers.links.rehearsal import RehearsalLink
from qst_drivers.links.sim import SimLink
from qst_drivers.links.urls import parse_url
from tests.links.peers import SOON_S, echo, opened, server


class Echo:
    """A device that answers every write with itself, at once."""

    def __init__(self) -> None:
        self.said: list[bytes] = []

    def connect(self, now_s: float) -> None: ...

    def disconnect(self, now_s: float) -> None: ...

    def receive(self, data: bytes, now_s: float) -> None:
        self.said.append(data)

    def transmit(self, now_s: float) -> bytes:
        data, self.said = b"".join(self.said), []
        return data

    def next_transmit_s(self) -> float | None:
        return None

    def hung_up(self, now_s: float) -> bool:
        return False


def rehearsal(options: str) -> tuple[RehearsalLink, VirtualClock]:
    clock = VirtualClock()

    def make(url: str) -> Link:
        assert url == "tcp://h:1"
        return SimLink(Echo(), clock, url)

    link = RehearsalLink(parse_url(f"fault+tcp://h:1?{options}"), make, clock)
    link.open()
    return link, clock


def ask(link: Link, text: bytes) -> bytes:
    link.write(text)
    return link.read(0.2)


@pytest.mark.parametrize(
    ("options", "spoilt"),
    [
        ("fault=garbage", b"\xf0\xf1\xf2\xf3"),
        ("fault=truncated", b"pq"),
        ("fault=duplicated", b"pqrspqrs"),
        ("fault=stale", b"abcd"),
    ],
)
@pytest.mark.parametrize("count", [1, 2])
def test_so_many_replies_are_spoilt_from_the_moment_on(options: str, spoilt: bytes, count: int) -> None:
    link, clock = rehearsal(f"{options}&after_s=5&count={count}")
    assert ask(link, b"abcd") == b"abcd"
    clock.sleep(5.0)
    assert ask(link, b"pqrs") == spoilt
    second = ask(link, b"pqrs")
    assert (second == b"pqrs") is (count == 1 or "stale" in options)
    assert ask(link, b"wxyz") == b"wxyz"


def test_silence_for_a_while() -> None:
    link, clock = rehearsal("fault=silence&after_s=5&for_s=2")
    assert ask(link, b"a") == b"a"
    clock.sleep(5.0)
    with pytest.raises(LinkTimeoutError):
        ask(link, b"b")
    clock.sleep(2.0)
    assert ask(link, b"c").endswith(b"c")


def test_a_disconnection_for_good() -> None:
    link, clock = rehearsal("fault=disconnect&after_s=1")
    assert ask(link, b"a") == b"a"
    clock.sleep(1.0)
    with pytest.raises(LinkClosedError):
        link.write(b"b")
    assert link.read(1.0) == b""
    link.close()
    with pytest.raises(LinkOpenError):
        link.open()


def test_a_disconnection_that_ends() -> None:
    link, clock = rehearsal("fault=disconnect&after_s=1&for_s=3")
    clock.sleep(1.0)
    with pytest.raises(LinkClosedError):
        link.write(b"b")
    link.close()
    with pytest.raises(LinkOpenError):
        link.open()
    clock.sleep(3.0)
    link.open()
    assert ask(link, b"c") == b"c"


def test_a_late_reply() -> None:
    link, clock = rehearsal("fault=delayed&delay_s=0.5")
    with pytest.raises(LinkTimeoutError):
        ask(link, b"a")
    clock.sleep(0.3)
    assert link.read_available() == b"a"
    assert ask(link, b"b") == b"b"


def test_a_lost_request() -> None:
    link, _ = rehearsal("fault=lost_write")
    with pytest.raises(LinkTimeoutError):
        ask(link, b"a")
    assert ask(link, b"b") == b"b"


def test_over_a_real_socket() -> None:
    with server(echo) as place, opened(f"fault+tcp://{place}?fault=garbage") as link:
        assert link.description.startswith("fault+tcp://")
        link.write(b"a")
        assert link.read(SOON_S) == b"\xe1"
        link.write(b"a")
        assert link.read(SOON_S) == b"a"


def test_the_inner_links_options_stay_its_own() -> None:
    link = open_link("fault+serial://COM3?baud=9600&fault=silence&parity=odd&after_s=2.5", RealClock(), AbortSwitch())
    assert isinstance(link, RehearsalLink)
    assert link._link.description == "serial://COM3?baud=9600&parity=odd"


def test_a_socket_that_nobody_serves_fails_as_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(LinkOpenError, match="nobody listens"):
        open_link(f"fault+tcp://127.0.0.1:{port}?fault=silence", RealClock(), AbortSwitch()).open()


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("fault+tcp://h:1", "is no fault"),
        ("fault+tcp://h:1?fault=fire", "'fire' is no fault"),
        ("fault+tcp://h:1?fault=silence&after_s=soon", "no time in seconds"),
        ("fault+tcp://h:1?fault=silence&after_s=-1", "no time in seconds"),
        ("fault+tcp://h:1?fault=silence&after_s=nan", "no time in seconds"),
        ("fault+tcp://h:1?fault=silence&count=2", "'count' means nothing to 'silence'"),
        ("fault+tcp://h:1?fault=garbage&for_s=2", "'for_s' means nothing"),
        ("fault+tcp://h:1?fault=garbage&delay_s=2", "'delay_s' means nothing"),
        ("fault+tcp://h:1?fault=garbage&count=0", "no positive whole number"),
        ("fault+tcp://h:1?fault=garbage&baud=9600", "'baud' is no option of tcp"),
        ("fault+tcp://h?fault=garbage", "needs a host and a port"),
        ("fault+ftp://h?fault=garbage", "no kind of link"),
        ("fault+sim://mark10?fault=garbage", "cannot be opened like a real one"),
    ],
)
def test_wrong_rehearsals_are_refused(url: str, what: str) -> None:
    with pytest.raises(StationFileError) as caught:
        open_link(url, RealClock(), AbortSwitch())
    assert what in caught.value.what
    assert caught.value.remedy


def test_a_rehearsal_over_a_real_link_needs_real_time() -> None:
    with pytest.raises(StationFileError, match="virtual clock"):
        open_link("fault+tcp://h:1?fault=silence", VirtualClock(), AbortSwitch())
