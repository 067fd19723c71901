"""A link behind a guard, on real processes and sockets: how it stops, and how it starts."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.clock import RealClock, performance_seconds
from qst.errors import (
    LinkClosedError,
    LinkError,
    LinkOpenError,
    LinkTimeoutError,
    NotReadyError,
    RefusedError,
    StationFileError,
)
from qst.instruments import SafeStep, guard_of
from qst_drivers.guard import GuardedLink
from qst_drivers.guard.messages import Reason
from qst_drivers.guard.reports import read_reports
from qst_drivers.links import capture_links
from qst_drivers.links.timing import TimingLink
from tests.guard.peer import ANSWER, Peer, peer
from tests.guard.waits import until, wait

SAFE = (SafeStep(b"safe\n"),)
TIMES = 3
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")


@contextlib.contextmanager
def guarded(device: Peer, abort: AbortSwitch | None = None, reports: Path | None = None) -> Iterator[GuardedLink]:
    abort = abort or AbortSwitch()
    link = GuardedLink(device.url, RealClock(abort), abort, reports)
    link.open()
    try:
        yield link
    finally:
        link.close()


def ask(link: GuardedLink, line: bytes = b"how are you\n") -> bytes:
    link.write(line)
    answer = b""
    while not answer.endswith(b"\n"):
        answer += link.read(5.0)
    return answer


def use(link: GuardedLink) -> None:
    """Like a driver that does not give up: until something is raised that is no late answer."""
    for _ in range(100):
        with contextlib.suppress(LinkTimeoutError):
            link.write(b"how are you\n")
            link.read(0.3)


def alive(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill would end it
        listed = subprocess.run(["tasklist", "/FI", f"PID eq {pid}"], stdout=subprocess.PIPE, check=True, text=True)
        return str(pid) in listed.stdout
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pid_of(link: GuardedLink) -> int:
    assert link.guard_pid is not None
    return link.guard_pid


# -- how it stops -----------------------------------------------------------------------------------------------------


def test_a_silent_session_is_acted_upon_after_its_time_out_and_not_before(tmp_path: Path) -> None:
    reports = tmp_path / "visit.guard"
    with peer() as device, guarded(device, reports=reports) as link:
        link.arm(SAFE, 0.4)
        assert ask(link) == ANSWER
        last_s = performance_seconds()
        acted_s = device.await_line(b"safe", TIMES)
        assert acted_s - last_s > 0.35
        until(lambda: read_reports(reports)[0])
        with pytest.raises(LinkError, match="the guard made the device safe") as told:
            link.write(b"hotter\n")
        (report,), unreadable = read_reports(reports)
        assert (report.reason, report.sent, report.armed, unreadable) == (Reason.SILENT, True, True, 0)
        assert report.silent_s >= 0.4
        assert report.name in told.value.where
        assert b"hotter" not in device.lines


def test_after_the_guard_has_acted_bytes_pass_but_nothing_can_be_armed_until_the_link_is_opened_anew() -> None:
    with peer() as device, guarded(device) as link:
        link.arm(SAFE, 0.2)
        device.await_line(b"safe", TIMES)
        with pytest.raises(LinkError, match="made the device safe"):
            link.read(0.1)
        link.read_available()
        assert ask(link).endswith(ANSWER)
        with pytest.raises(NotReadyError, match="has made the device safe before"):
            link.arm(SAFE, 0.5)
        link.disarm()
        link.open()
        link.arm(SAFE, 0.5)
        link.disarm()


@posix_only
def test_what_a_session_says_before_it_has_heard_of_it_does_not_reach_the_device() -> None:
    """The guard acts between the session's look at its reports and its write."""
    with peer() as device, guarded(device) as link:
        link.arm(SAFE, 0.2)
        device.await_line(b"safe")
        assert link._running is not None
        link._running.data.write(b"hotter\n")
        wait(0.1)
        assert b"hotter" not in device.lines
        with pytest.raises(LinkError, match="made the device safe"):
            link.read(0.1)


def test_a_session_that_speaks_or_is_disarmed_is_left_alone() -> None:
    with peer() as device, guarded(device) as link:
        link.arm(SAFE, 0.4)
        for _ in range(12):
            ask(link)
            wait(0.05)
        link.disarm()
        wait(0.6)
        assert ask(link) == ANSWER
        assert b"safe" not in device.lines


@pytest.mark.parametrize("state", ["armed", "disarmed"])
def test_a_session_that_dies_leaves_a_safe_device_a_report_and_no_process(tmp_path: Path, state: str) -> None:
    reports = tmp_path / "visit.guard"
    with peer() as device:
        command = [sys.executable, "-m", "tests.guard.orphan", device.url, str(reports), state]
        guard = int(subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=30).stdout)
        device.await_line(b"safe", TIMES)
        until(lambda: not alive(guard))
        (report,), _ = read_reports(reports)
        assert (report.reason, report.armed) == (Reason.SESSION_GONE, state == "armed")


def test_a_session_that_dies_before_anything_left_its_baseline_leaves_nothing_to_do(tmp_path: Path) -> None:
    with peer() as device:
        command = [sys.executable, "-m", "tests.guard.orphan", device.url, str(tmp_path / "visit.guard"), "never"]
        guard = int(subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=30).stdout)
        until(lambda: not alive(guard))
        assert device.lines == []
        assert list(tmp_path.iterdir()) == []


@posix_only
@pytest.mark.parametrize(
    ("number", "said"), [("SIGKILL", "the guard process has died"), ("SIGSTOP", "the guard process does not answer")]
)
def test_without_its_guard_the_session_makes_the_device_safe_itself(number: str, said: str) -> None:
    with peer() as device, guarded(device) as link:
        link.arm(SAFE, 2.0)
        guard = pid_of(link)
        os.kill(guard, getattr(signal, number))
        began_s = performance_seconds()
        with pytest.raises(LinkError, match=said) as told:
            use(link)
        assert device.await_line(b"safe") - began_s < 2.0
        assert "without the guard" in told.value.did
        assert not alive(guard)
        assert ask(link).endswith(ANSWER)
        with pytest.raises(NotReadyError, match=said):
            link.arm(SAFE, 0.5)
        link.open()
        assert link.guard_pid not in (None, guard)


@posix_only
def test_nothing_is_armed_by_a_guard_that_does_not_answer() -> None:
    with peer() as device, guarded(device) as link:
        os.kill(pid_of(link), signal.SIGSTOP)
        with pytest.raises(LinkError, match="does not answer"):
            link.arm(SAFE, 0.5)
        device.await_line(b"safe")


def test_an_abort_does_not_stop_the_session_from_taking_over() -> None:
    abort = AbortSwitch()
    with peer() as device, guarded(device, abort) as link:
        link.arm(SAFE, 2.0)
        running = link._running
        assert running is not None
        bury = running.kill

        def kill() -> None:
            abort.throw(AbortCause.EMERGENCY_STOP)
            bury()

        running.kill = kill  # type: ignore[method-assign]  # the stop comes in the middle of it
        running.process.kill()
        running.process.wait()
        with pytest.raises(LinkError, match="has died"):
            use(link)
        device.await_line(b"safe")


def test_a_device_that_cannot_be_reached_any_more_is_reported_with_what_to_do() -> None:
    with peer() as device:
        link = GuardedLink(device.url, RealClock(), AbortSwitch())
        link.open()
        link.arm(SAFE, 2.0)
        assert link._running is not None
        link._running.process.kill()
        link._running.process.wait()
    try:
        with pytest.raises(LinkError, match="has died") as told:
            link.read(0.1)
        assert "could not reach the device" in told.value.did
        assert "lift the thermode" in told.value.remedy
        with pytest.raises(LinkClosedError):
            link.write(b"home\n")
    finally:
        link.close()


def test_a_device_that_hangs_up_is_called_again_and_made_safe(tmp_path: Path) -> None:
    reports = tmp_path / "visit.guard"
    with peer() as device, guarded(device, reports=reports) as link:
        link.arm(SAFE, 2.0)
        ask(link)
        device.answers = False
        link.write(b"how are you\n")
        device.hang_up()
        with pytest.raises(LinkClosedError, match="closed the connection"):
            use(link)
        device.await_line(b"safe", TIMES)
        assert device.connections == 2
        until(lambda: read_reports(reports)[0])
        assert read_reports(reports)[0][0].reason is Reason.LINK_LOST
        with pytest.raises(LinkClosedError, match="closed the connection"):
            link.arm(SAFE, 0.5)


def test_what_was_written_last_passes_before_the_link_is_closed() -> None:
    with peer() as device, guarded(device) as link:
        link.write(b"home\n")
        link.close()
        device.await_line(b"home")


def test_a_guard_goes_on_looking_for_its_device_when_the_visit_has_ended(tmp_path: Path) -> None:
    """The cable is out, the operator ends the visit at once, and then puts the cable back."""
    reports = tmp_path / "visit.guard"
    with peer() as device, guarded(device, reports=reports) as link:
        link.arm(SAFE, 2.0)
        ask(link)
        guard = pid_of(link)
        device.away = True
        device.hang_up()
        with pytest.raises(LinkClosedError) as told:
            use(link)
        assert "lift the thermode" in told.value.remedy
        assert "was not made safe" in told.value.did
        link.close()
        wait(0.8)
        assert alive(guard)
        assert read_reports(reports) == ([], 0)  # nobody claims that it is safe
        assert device.lines == [b"how are you"]
        device.away = False
        device.await_line(b"safe", TIMES)
        until(lambda: read_reports(reports)[0])
        assert read_reports(reports)[0][0].sent


def test_a_guard_that_still_looks_for_its_device_is_in_nobodys_way() -> None:
    with peer() as device, guarded(device) as link:
        link.arm(SAFE, 2.0)
        first = pid_of(link)
        device.away = True
        device.hang_up()
        with pytest.raises(LinkClosedError):
            use(link)
        link.close()
        device.away = False
        link.open()
        assert not alive(first)
        assert ask(link) == ANSWER
        assert pid_of(link) != first


def test_closing_while_armed_makes_the_device_safe_first_and_ends_the_guard() -> None:
    with peer() as device, guarded(device) as link:
        link.arm(SAFE, 2.0)
        guard = pid_of(link)
        link.close()
        assert device.lines == [b"safe"] * TIMES
        assert not alive(guard)
        with pytest.raises(LinkClosedError, match="not open"):
            link.write(b"x\n")
        link.close()


@posix_only
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_ends_a_session_does_not_end_its_guard(number: str) -> None:
    with peer() as device, guarded(device) as link:
        guard = pid_of(link)
        assert os.getpgid(guard) != os.getpgid(0)
        os.kill(guard, getattr(signal, number))
        wait(0.1)
        assert ask(link) == ANSWER
        assert pid_of(link) == guard


def test_a_wait_for_the_device_ends_at_once_when_the_visit_is_aborted() -> None:
    abort = AbortSwitch()
    with peer() as device, guarded(device, abort) as link:
        threading.Timer(0.1, abort.throw, (AbortCause.OPERATOR_STOP,)).start()
        began_s = performance_seconds()
        with pytest.raises(Aborted):
            link.read(20.0)
        assert performance_seconds() - began_s < 5.0


# -- how it starts ----------------------------------------------------------------------------------------------------


def test_bytes_pass_both_ways_unchanged() -> None:
    with peer() as device, guarded(device) as link:
        assert ask(link, b"\x00\xff{}\n") == ANSWER
        assert device.lines == [b"\x00\xff{}"]
        assert link.read_available() == b""
        assert link.description == device.url


def test_a_silent_device_is_a_late_answer_and_not_a_dead_guard() -> None:
    with peer() as device, guarded(device) as link:
        device.answers = False
        for _ in range(2):
            link.write(b"how are you\n")
            with pytest.raises(LinkTimeoutError, match=r"no answer within 0\.05 s"):
                link.read(0.05)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    link = GuardedLink(f"tcp://127.0.0.1:{port}", RealClock(), AbortSwitch())
    with pytest.raises(LinkOpenError, match="nobody listens") as told:
        link.open()
    assert "port number" in told.value.remedy
    assert link.guard_pid is None
    with pytest.raises(LinkClosedError):
        link.arm(SAFE, 0.5)


def test_a_wrong_link_is_refused_before_a_guard_is_started() -> None:
    with pytest.raises(StationFileError, match="needs a host and a port"):
        GuardedLink("tcp://nowhere", RealClock(), AbortSwitch())


def test_a_computer_that_starts_no_process_connects_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with peer() as device:
        link = GuardedLink(device.url, RealClock(), AbortSwitch())
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(LinkOpenError, match="does not start"):
            link.open()
        assert device.connections == 0


@pytest.mark.parametrize("timeout_s", [0.19, 2.01, float("nan")])
def test_time_outs_that_protect_nobody_or_everybody_are_refused(timeout_s: float) -> None:
    link = GuardedLink("tcp://127.0.0.1:9", RealClock(), AbortSwitch())
    with pytest.raises(RefusedError, match="a guard cannot wait") as refused:
        link.arm(SAFE, timeout_s)
    assert refused.value.remedy == "choose 0.2 to 2 s"


@pytest.mark.parametrize("script", [(), (SafeStep(b""),)])
def test_a_script_that_says_nothing_is_refused(script: tuple[SafeStep, ...]) -> None:
    link = GuardedLink("tcp://127.0.0.1:9", RealClock(), AbortSwitch())
    with pytest.raises(RefusedError, match="something to send"):
        link.arm(script, 0.5)


def test_wrappers_pass_the_guard_through(tmp_path: Path) -> None:
    clock = RealClock()
    link = GuardedLink("tcp://127.0.0.1:9", clock, AbortSwitch())
    assert guard_of(link) is link
    captured = capture_links(link, "thermode", tmp_path, clock)
    assert guard_of(TimingLink(captured, clock)) is link
    captured.finish()
