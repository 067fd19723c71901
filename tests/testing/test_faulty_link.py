"""The link that breaks on demand breaks as it says, and keeps account."""

from collections import deque

import pytest

from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst.testing import FaultyLink, ScheduledClock, SteadyHand
from qst_drivers.links.sim import SimLink

TRIP_S = 0.01


class Echo:
    """A device that sends back what it hears, a hundredth of a second later."""

    def __init__(self) -> None:
        self.out: deque[tuple[float, bytes]] = deque()
        self.heard = b""

    def connect(self, now_s: float) -> None:
        pass

    def disconnect(self, now_s: float) -> None:
        self.out.clear()

    def receive(self, data: bytes, now_s: float) -> None:
        self.heard += data
        self.out.append((now_s + TRIP_S, data))

    def transmit(self, now_s: float) -> bytes:
        return self.out.popleft()[1] if self.out and self.out[0][0] <= now_s else b""

    def next_transmit_s(self) -> float | None:
        return self.out[0][0] if self.out else None

    def hung_up(self, now_s: float) -> bool:
        return False


class Bench:
    def __init__(self) -> None:
        self.clock = ScheduledClock()
        self.device = Echo()
        self.link = FaultyLink(SimLink(self.device, self.clock, "sim://echo"), self.clock)
        self.link.open()

    def ask(self, data: bytes, timeout_s: float = 0.5) -> bytes:
        self.link.write(data)
        return self.link.read(timeout_s)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_sound(bench: Bench) -> None:
    assert bench.ask(b"a") == b"a"
    assert bench.clock.monotonic() == pytest.approx(TRIP_S)
    assert bench.link.written == [(0.0, b"a")]
    assert (bench.link.opened, bench.link.closed, bench.link.is_open) == (1, 0, True)
    bench.link.close()
    assert (bench.link.closed, bench.link.is_open) == (1, False)
    assert bench.link.description == "sim://echo"


def test_silence_ends_at_the_deadline_and_loses_what_came(bench: Bench) -> None:
    bench.link.silent = True
    with pytest.raises(LinkTimeoutError):
        bench.ask(b"a")
    assert bench.clock.monotonic() == pytest.approx(0.5)
    assert bench.link.read_available() == b""
    bench.link.heal()
    assert bench.ask(b"b") == b"b"


def test_hang_up(bench: Bench) -> None:
    bench.link.hang_up()
    assert bench.link.read(0.5) == b""
    for use in (lambda: bench.link.write(b"a"), bench.link.read_available):
        with pytest.raises(LinkClosedError):
            use()
    bench.link.close()
    with pytest.raises(LinkOpenError):
        bench.link.open()
    bench.link.heal()
    bench.link.open()
    assert bench.ask(b"b") == b"b"


def test_a_change(bench: Bench) -> None:
    bench.link.change = lambda data: data.upper() + b"!"
    assert bench.ask(b"a") == b"A!"
    bench.link.change = lambda _: b""
    with pytest.raises(LinkTimeoutError):
        bench.ask(b"a")


def test_a_late_chunk_keeps_its_place_in_the_row(bench: Bench) -> None:
    bench.link.hold_back(1.0, after=1)
    assert bench.ask(b"first") == b"first"
    with pytest.raises(LinkTimeoutError):
        bench.ask(b"second")
    with pytest.raises(LinkTimeoutError):
        bench.ask(b"third", 0.3)
    assert bench.link.read(1.0) == b"secondthird"
    assert bench.clock.monotonic() == pytest.approx(TRIP_S + TRIP_S + 1.0)
    assert bench.ask(b"fourth") == b"fourth"


def test_a_late_chunk_survives_closing(bench: Bench) -> None:
    bench.link.hold_back(0.2)
    with pytest.raises(LinkTimeoutError):
        bench.ask(b"old", 0.1)
    bench.link.close()
    bench.link.open()
    bench.clock.sleep(0.3)
    assert bench.link.read_available() == b"old"


def test_a_lost_write(bench: Bench) -> None:
    bench.link.lose_write(after=1)
    for data in (b"a", b"b", b"c"):
        bench.link.write(data)
    assert bench.device.heard == b"ac"
    assert [data for _, data in bench.link.written] == [b"a", b"b", b"c"]


def test_the_clock_keeps_its_timetable() -> None:
    clock = ScheduledClock()
    seen: list[tuple[str, float]] = []
    clock.every(1.0, lambda: seen.append(("every", clock.monotonic())))
    clock.at(1.5, lambda: seen.append(("once", clock.monotonic())))
    clock.sleep(2.25)
    clock.at(1.0, lambda: seen.append(("past", clock.monotonic())))
    clock.sleep(0.25)
    assert seen == [("every", 1.0), ("once", 1.5), ("every", 2.0), ("past", 2.25)]
    assert clock.monotonic() == 2.5


def test_the_hand_is_exact() -> None:
    hand = SteadyHand()
    assert hand.force_n(3.0) == 0.0
    hand.press(1.0, rate_n_per_s=10.0, seconds=2.0, release_s=0.5)
    assert [hand.force_n(time_s) for time_s in (0.5, 2.0, 3.0, 3.25, 4.0)] == [0.0, 10.0, 20.0, 10.0, 0.0]
    assert hand.mean_force_n(1.0, 3.0) == pytest.approx(10.0)
    assert hand.mean_force_n(2.0, 2.0) == 10.0
    assert hand.max_force_n(1.0, 4.0) == 20.0
    hand.hold(5.0)
    assert hand.force_n(0.0) == hand.force_n(9.0) == 5.0
    hand.let_go()
    assert hand.force_n(9.0) == 0.0
