import threading

import pytest

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.clock import VIRTUAL_EPOCH, RealClock, VirtualClock


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
