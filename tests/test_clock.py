import sys
import threading
from types import SimpleNamespace

import pytest

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.clock import VIRTUAL_EPOCH, PacedClock, RealClock, VirtualClock
from qst.errors import StaleReadingError
from qst.visit.watch import ClockWatch


def test_virtual_time_moves_only_by_sleeping() -> None:
    clock = VirtualClock()
    assert (clock.monotonic(), clock.utc()) == (0.0, VIRTUAL_EPOCH)
    clock.sleep(2.5)
    clock.sleep(-1.0)
    assert clock.monotonic() == 2.5
    assert (clock.utc() - VIRTUAL_EPOCH).total_seconds() == 2.5


def test_the_switch_ends_a_virtual_sleep() -> None:
    abort = AbortSwitch()
    clock = VirtualClock(abort)
    abort.throw(AbortCause.INTERRUPT)
    with pytest.raises(Aborted) as caught:
        clock.sleep(1.0)
    assert caught.value.cause is AbortCause.INTERRUPT
    assert clock.monotonic() == 0.0


def test_the_switch_ends_a_real_sleep_at_once_and_keeps_its_first_cause() -> None:
    abort = AbortSwitch()
    clock = RealClock(abort)
    threading.Timer(0.01, lambda: abort.throw(AbortCause.EMERGENCY_STOP)).start()
    with pytest.raises(Aborted):
        clock.sleep(60.0)
    assert clock.monotonic() < 30.0
    abort.throw(AbortCause.OPERATOR_STOP)
    assert abort.cause is AbortCause.EMERGENCY_STOP


def test_the_way_to_safety_is_not_interrupted() -> None:
    abort = AbortSwitch()
    clock = VirtualClock(abort)
    abort.throw(AbortCause.INTERRUPT)
    with abort.shielded():
        with abort.shielded():
            clock.sleep(1.0)
        clock.sleep(1.0)
    with pytest.raises(Aborted):
        clock.sleep(1.0)
    assert clock.monotonic() == 2.0


def test_a_careless_except_does_not_swallow_an_abort() -> None:
    assert not issubclass(Aborted, Exception)


def test_a_fast_clock_runs_faster_and_refuses_nonsense() -> None:
    clock = RealClock(speed=1000.0)
    clock.sleep(1.0)
    assert clock.monotonic() >= 1.0
    with pytest.raises(ValueError, match="positive"):
        RealClock(speed=0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="how the other systems' clocks count sleep is unverified")
def test_a_computer_that_has_slept_finds_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Linux tells it: the time since the computer was started goes on, the time awake does not."""
    since_boot = [1000.0]
    told = {7: since_boot}
    kernel = SimpleNamespace(CLOCK_BOOTTIME=7, clock_gettime=lambda which: told[which][0], monotonic=lambda: 1000.0)
    monkeypatch.setattr("qst.clock.time", kernel)
    clock, fast = RealClock(), RealClock(speed=10.0)
    watch = ClockWatch(gap_s=0.2)
    watch.begin(clock.monotonic())
    assert watch.see(clock.monotonic()) is None
    since_boot[0] += 600.0
    assert (clock.monotonic(), fast.monotonic()) == (600.0, 6000.0)
    assert isinstance(watch.tick(clock.monotonic()), StaleReadingError)
    assert isinstance(watch.see(clock.monotonic()), StaleReadingError)
    assert watch.blind_s == 600.0


def test_whoever_waits_elsewhere_is_woken_and_only_while_waiting() -> None:
    abort = AbortSwitch()
    woken: list[str] = []
    with abort.waking(lambda: woken.append("gone")):
        pass
    with abort.waking(lambda: woken.append("first")):
        abort.throw(AbortCause.INTERRUPT)
    with abort.waking(lambda: woken.append("late")):
        assert woken == ["first", "late"]
    assert not abort.shielded_now
    with abort.shielded():
        assert abort.shielded_now


def test_a_paced_clock_is_exact_and_takes_its_share_of_real_time() -> None:
    clock, real = PacedClock(speed=100.0), RealClock()
    for _ in range(200):
        clock.sleep(0.01)
    assert clock.monotonic() == pytest.approx(2.0, abs=1e-9)
    assert clock.kind == "virtual"
    assert real.monotonic() >= 0.015  # 2 s at a hundredfold, of which the last few milliseconds may still be owed


def test_a_stop_ends_a_paced_sleep_at_once() -> None:
    abort = AbortSwitch()
    clock, real = PacedClock(abort, speed=1.5), RealClock()
    threading.Timer(0.02, abort.throw, [AbortCause.EMERGENCY_STOP]).start()
    with pytest.raises(Aborted):
        clock.sleep(60.0)
    assert real.monotonic() < 10.0


@pytest.mark.parametrize("speed", [0.0, -1.0])
def test_a_paced_clock_needs_a_positive_speed(speed: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        PacedClock(speed=speed)
