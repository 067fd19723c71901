"""The guard's own parts, one by one: who is let in, how often is tried, what a defect of its own does."""

import socket
import threading
from pathlib import Path

import pytest

from qst.clock import RealClock, VirtualClock
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError, RemoteProtocolError
from qst.instruments import SafeStep
from qst_drivers.guard.__main__ import _admit
from qst_drivers.guard.acting import GIVE_UP_S, TIMES, WayToSafety
from qst_drivers.guard.messages import Arm, Channel, Disarm, Hello, Lines, Reason, Report, Terms, line
from qst_drivers.guard.relay import Relay
from qst_drivers.guard.reports import append_report, read_reports
from tests.guard.waits import until

SCRIPT = (SafeStep(b"one\n", 0.5), SafeStep(b"two\n"))
REPORT = Report(
    guard="ab",
    n=1,
    utc="2000-01-01T09:00:00.000+00:00",
    link="x",
    reason=Reason.SILENT,
    silent_s=0.5,
    armed=True,
    sent=True,
)


class Line:
    """A link that fails so often, and remembers."""

    description = "a line"

    def __init__(self, *, broken_writes: int = 0, refusals: int = 0, hang_ups: int = 0) -> None:
        self.broken_writes, self.refusals, self.hang_ups = broken_writes, refusals, hang_ups
        self.did: list[str] = []
        self.defect: Exception | None = None

    def open(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise LinkOpenError("not there")
        self.did.append("open")

    def write(self, data: bytes) -> None:
        if self.broken_writes:
            self.broken_writes -= 1
            raise LinkClosedError("broken")
        self.did.append(data.decode().strip())

    def read(self, timeout_s: float) -> bytes:
        if self.hang_ups:
            self.hang_ups -= 1
            return b""
        raise LinkTimeoutError("nothing came")

    def read_available(self) -> bytes:
        if self.defect is not None:
            raise self.defect
        return b""

    def close(self) -> None:
        self.did.append("close")


class Way:
    """A way to safety on a virtual clock."""

    def __init__(self, link: Line, *, reopen: bool = False) -> None:
        self.clock = VirtualClock()
        self.link = link
        self.told: list[str] = []
        self.heard: list[bytes] = []
        self.way = WayToSafety(link, SCRIPT, self.clock, reopen=reopen, first=self.told.append, heard=self.heard.append)

    def go(self) -> "Way":
        while not self.way.over:
            self.way.go_on()
            self.clock.sleep(0.01)
        return self


def test_the_script_goes_out_whole_three_times_with_its_pauses_and_is_told_once() -> None:
    way = Way(Line()).go()
    assert way.link.did == ["one", "two"] * TIMES
    assert way.told == [""]
    assert way.clock.monotonic() > 0.5 * TIMES
    way.way.go_on()
    assert len(way.link.did) == 2 * TIMES


def test_a_link_that_breaks_is_opened_anew_and_the_script_begun_again() -> None:
    way = Way(Line(broken_writes=2, refusals=3)).go()
    assert way.link.did == [*["close"] * 4, "open", "close", "open", *["one", "two"] * TIMES]
    assert way.told == [""]


def test_what_was_written_to_a_connection_that_is_closed_has_not_gone_out() -> None:
    """A terminal server whose device is away takes the call, and hangs up: the first bytes vanish without an error."""
    way = Way(Line(hang_ups=2), reopen=True).go()
    assert way.link.did[:4] == ["open", "one", "two", "close"]
    assert way.link.did.count("two") == TIMES + 2
    assert way.link.did.count("open") == 3
    assert way.told == [""]


def test_a_device_that_always_hangs_up_is_not_reported_as_reached() -> None:
    way = Way(Line(hang_ups=10_000), reopen=True).go()
    assert way.told == ["the device has closed the connection"]
    assert way.clock.monotonic() == pytest.approx(GIVE_UP_S, abs=1.0)


def test_a_link_that_has_failed_is_opened_before_anything_is_sent() -> None:
    assert Way(Line(), reopen=True).go().link.did == ["open", *["one", "two"] * TIMES]


def test_hope_ends_and_is_reported() -> None:
    way = Way(Line(refusals=10_000), reopen=True).go()
    assert way.told == ["not there"]
    assert GIVE_UP_S <= way.clock.monotonic() < GIVE_UP_S + 1.0


class Let:
    """The guard's side of the door, and callers."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.admitted: dict[Channel, socket.socket] = {}
        self.thread = threading.Thread(target=self._admit)
        self.thread.start()
        self.callers: list[socket.socket] = []

    def _admit(self) -> None:
        self.admitted.update(_admit(self.listener, "secret", RealClock()))

    def call(self, text: bytes) -> socket.socket:
        caller = socket.create_connection(self.listener.getsockname(), timeout=5.0)
        caller.sendall(text)
        self.callers.append(caller)
        return caller

    def close(self) -> None:
        for each in (self.listener, *self.callers, *self.admitted.values()):
            each.close()


def test_only_who_knows_the_token_is_let_in_and_each_channel_once() -> None:
    door = Let()
    try:
        for stranger in (line(Hello("guess", "control")), b"GET / HTTP/1.1\n", b"x" * 2000, b"{}\n"):
            with pytest.raises((ConnectionError, AssertionError)):
                assert door.call(stranger).recv(1) != b"", "shown the door"
        door.call(line(Hello("secret", "control")))
        again = door.call(line(Hello("secret", "control")))
        assert again.recv(1) == b""
        door.call(line(Hello("secret", "data")) + b"bytes for the device")
        door.thread.join(5.0)
        assert set(door.admitted) == {"control", "data"}
        assert door.admitted["data"].recv(100) == b"bytes for the device"
    finally:
        door.close()


class Guarding:
    """A relay in a thread between two socket pairs and a line."""

    def __init__(self, link: Line, reports: Path) -> None:
        self.link = link
        self.control, control = socket.socketpair()
        self.data, data = socket.socketpair()
        self.control.settimeout(5.0)
        self.theirs = (control, data)
        terms = Terms(guard="ab", url="x", token="", reports=str(reports))
        self.relay = Relay(link, control, data, RealClock(), terms)
        self.raised: list[Exception] = []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.relay.run()
        except RuntimeError as defect:
            self.raised.append(defect)

    def close(self) -> None:
        self.control.close()
        self.data.close()
        self.thread.join(10.0)
        for each in self.theirs:
            each.close()


def test_a_defect_of_the_guard_itself_makes_the_device_safe(tmp_path: Path) -> None:
    guarding = Guarding(Line(), tmp_path / "visit.guard")
    try:
        guarding.control.sendall(line(Arm(1, (SafeStep(b"safe\n"),), 2.0)))
        assert b'"done"' in guarding.control.recv(1000)
        guarding.link.defect = RuntimeError("a defect")
        guarding.thread.join(10.0)
        assert guarding.link.did == ["safe"] * TIMES
        assert [str(defect) for defect in guarding.raised] == ["a defect"]
        assert read_reports(tmp_path / "visit.guard")[0][0].reason is Reason.DEFECT
    finally:
        guarding.close()


def test_nonsense_on_the_control_connection_is_a_session_that_is_gone(tmp_path: Path) -> None:
    guarding = Guarding(Line(), tmp_path / "visit.guard")
    try:
        guarding.control.sendall(line(Arm(1, (SafeStep(b"safe\n"),), 2.0)) + line(Disarm(2)) + b"{}\n")
        guarding.thread.join(10.0)
        assert guarding.link.did == ["safe"] * TIMES
    finally:
        guarding.close()


def test_a_report_that_cannot_be_written_does_not_keep_the_guard_from_acting(tmp_path: Path) -> None:
    (tmp_path / "visit.guard").mkdir()
    guarding = Guarding(Line(), tmp_path / "visit.guard")
    try:
        guarding.control.sendall(line(Arm(1, (SafeStep(b"safe\n"),), 0.2)))
        until(lambda: guarding.link.did == ["safe"] * TIMES)
    finally:
        guarding.close()


def test_reports_outlive_a_guard_that_was_killed_while_writing(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "visit.guard"
    assert read_reports(path) == ([], 0)
    append_report(path, REPORT)
    with path.open("ab") as file:
        file.write(b'{"guard":')
    assert read_reports(path) == ([REPORT], 1)


def test_a_line_without_end_is_refused() -> None:
    lines = Lines()
    assert lines.feed(b"a\nb") == [b"a"]
    assert lines.feed(b"c\n") == [b"bc"]
    with pytest.raises(RemoteProtocolError, match="does not end"):
        lines.feed(b"x" * 70_000)
    assert lines.feed(b"d\n") == [b"d"]
