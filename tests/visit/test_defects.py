"""What nobody foresaw: whatever is raised wherever, all is made safe, and the log says what it was and how it ended."""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from qst.abort import AbortCause
from qst.cli import main
from qst.errors import DefectError, LogWriteError
from qst.instruments import Modality, Sample
from qst.protocol.plan import PlannedTrial
from qst.record import records
from qst.record.reader import read_log
from qst.record.records import Outcome, VisitOutcome
from qst.testing import VirtualStation
from qst.visit.commands import UNSAFE
from qst.visit.operator import AutomaticOperator, Remark
from tests.visit.fakes import Visit
from tests.visit.plans import planned


def defect(*_: object) -> NoReturn:
    raise RuntimeError("nobody foresaw this")


def a_visit(*trials: PlannedTrial) -> Any:
    """A visit on fakes, whose methods a test may replace."""
    return Visit(*trials)


def told(visit: Visit) -> list[str]:
    return [event.text for event in visit.operator.seen if isinstance(event, Remark)]


def faults(visit: Visit) -> list[records.Fault]:
    return [fault for fault in visit.log.of(records.Fault) if isinstance(fault, records.Fault)]


def ending(visit: Visit) -> records.End:
    end = visit.log.records[-1]
    assert isinstance(end, records.End)
    return end


# -- making safe -------------------------------------------------------------------------------------------------------


def test_a_defect_in_making_safe_leaves_no_other_instrument_out_and_is_told() -> None:
    visit = a_visit(planned(), planned(Modality.PRESSURE, sequence_index=2))
    visit.thermode.make_safe = defect  # a defect of the driver
    sleep = visit.clock.sleep

    def sleep_and_stop(seconds: float) -> None:
        if visit.clock.monotonic() > 30.0 and not visit.abort.standing:
            visit.abort.throw(AbortCause.EMERGENCY_STOP)
        sleep(seconds)

    visit.clock.sleep = sleep_and_stop  # a stop comes in the middle of the ramp
    result = visit.run()
    assert result.outcome is VisitOutcome.INTERRUPTED
    assert "make_safe gauge" in visit.journal
    assert UNSAFE in told(visit)
    assert "QST-900" in {fault.code for fault in faults(visit)}
    assert not any(fault.did.startswith("made the instrument safe") for fault in faults(visit))
    assert visit.trials()[0].outcome is Outcome.ESTOP


def test_what_is_no_error_at_all_leaves_no_instrument_out_either() -> None:
    """Python's own interrupt in the middle of making one instrument safe: it goes on its way after the other one."""
    visit = a_visit(planned())

    reached = []

    def interrupted(name: str) -> NoReturn:
        reached.append(name)
        raise KeyboardInterrupt

    # Ctrl-C, again and again, where nobody handles signals.
    visit.thermode.make_safe = visit.thermode.adapt = functools.partial(interrupted, "thermode")
    visit.gauge.make_safe = functools.partial(interrupted, "gauge")
    with pytest.raises(KeyboardInterrupt):
        visit.run()
    assert reached == ["thermode", "thermode", "thermode", "gauge"]  # adapting; its attempt's end; the visit's


def test_who_stops_while_connecting_is_told_of_an_instrument_that_is_not_safe(tmp_path: Path) -> None:
    seen: list[Any] = []
    station = VirtualStation(folder=tmp_path)
    instrument: Any = next(iter(station.rig.instruments.values()))

    def connect() -> None:
        station.abort.throw(AbortCause.EMERGENCY_STOP)
        station.clock.sleep(0.1)

    instrument.connect, instrument.make_safe = connect, defect
    visit = station.run(AutomaticOperator(station.clock, station.rig.hands, seen.append))
    assert visit.result.outcome is VisitOutcome.INTERRUPTED
    assert Remark(UNSAFE) in seen


# -- readings that are no number ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("after_s", [2.0, 30.0])  # of the thermode: while it settles, and on its ramp
@pytest.mark.parametrize("modality", [Modality.HEAT, Modality.PRESSURE])
def test_a_reading_that_is_no_number_is_a_fault_of_the_device(modality: Modality, after_s: float, bad: float) -> None:
    visit = a_visit(planned(modality, attempts_max=1))
    instrument: Any = visit.gauge if modality is Modality.PRESSURE else visit.thermode
    poll = instrument.poll
    bad_from_s = 3.0 if modality is Modality.PRESSURE else after_s

    def poll_badly() -> Any:
        now_s = visit.clock.monotonic()
        return (Sample(now_s, bad),) if now_s > bad_from_s else poll()

    instrument.poll = poll_badly
    visit.run()
    trial = visit.trials()[0]
    assert (trial.outcome, trial.valid) == (Outcome.DEVICE_FAULT, False)
    assert faults(visit)[0].code == "QST-440"
    assert ending(visit).outcome is VisitOutcome.COMPLETED  # nobody repeats it; the visit is not its victim
    values = [value for trace in visit.log.of(records.Trace) for value in trace.value]
    assert values
    assert all(map(math.isfinite, values))


def test_a_time_that_is_no_number_is_a_fault_of_the_device() -> None:
    visit = a_visit(planned(attempts_max=1))
    visit.thermode.poll = lambda: (Sample(math.nan, 32.0),)  # a clock that is broken
    visit.run()
    assert visit.trials()[0].outcome is Outcome.DEVICE_FAULT
    assert faults(visit)[0].code == "QST-440"


def test_a_peak_that_is_no_number_is_no_value() -> None:
    visit = a_visit(planned(Modality.PRESSURE, reading="peak", attempts_max=1))
    visit.gauge.peak_kpa = lambda: math.nan  # an empty register of the gauge
    visit.run()
    assert faults(visit)[0].code == "QST-440"
    assert math.isfinite(visit.trials()[0].value_peak or 0.0)


# -- exceptions that nobody foresaw ------------------------------------------------------------------------------------


def when(visit: Visit, moment: str) -> Callable[..., Any]:
    """Raises once the trial has reached this state, and does its work before."""
    poll = visit.thermode.poll

    def poll_until() -> Any:
        states = [state.state for state in visit.log.of(records.State) if isinstance(state, records.State)]
        return defect() if moment in states else poll()

    return poll_until


@pytest.mark.parametrize("moment", ["adapt", "settle", "ramp", "return"])
def test_a_defect_of_a_driver_ends_the_visit_with_trial_fault_and_end_on_record(moment: str) -> None:
    visit = a_visit(planned(), planned(sequence_index=2))
    visit.thermode.slow_return_s = 5.0
    visit.button.presses_s = [40.0]
    visit.thermode.poll = when(visit, moment)  # a defect of the driver
    with pytest.raises(DefectError, match="RuntimeError: nobody foresaw this") as raised:
        visit.run()
    assert isinstance(raised.value.__cause__, RuntimeError)
    assert visit.thermode.made_safe_s
    assert [(fault.code, fault.where.split(",")[0]) for fault in faults(visit)] == [("QST-900", "test_defects.py")]
    trial = visit.trials()[0]
    assert len(visit.trials()) == 1
    assert trial.outcome is (Outcome.RESPONSE if moment == "return" else Outcome.DEVICE_FAULT)
    assert ending(visit).outcome is VisitOutcome.FAILED
    assert "nobody foresaw this" in ending(visit).reason


def test_a_defect_that_goes_on_does_not_keep_the_visit_from_its_end() -> None:
    visit = a_visit(planned())
    visit.thermode.adapt = visit.thermode.make_safe = visit.thermode.poll = defect
    with pytest.raises(DefectError):
        visit.run()
    assert visit.trials()[0].outcome is Outcome.DEVICE_FAULT
    assert ending(visit).outcome is VisitOutcome.FAILED
    assert UNSAFE in told(visit)


def test_a_second_defect_while_the_first_is_told_is_made_safe_and_ends_the_visit() -> None:
    visit = a_visit(planned())
    tell = visit.operator.tell

    def tell_no_remark(event: object) -> None:
        if isinstance(event, Remark):
            defect()
        tell(event)

    visit.operator.tell = tell_no_remark
    visit.thermode.poll = defect
    with pytest.raises(DefectError):
        visit.run()
    assert visit.thermode.made_safe_s
    assert ending(visit).outcome is VisitOutcome.FAILED


def test_a_defect_after_the_press_of_a_gauge_keeps_what_was_measured() -> None:
    visit = a_visit(planned(Modality.PRESSURE))
    visit.button.presses_s = [4.0]
    visit.gauge.peak_kpa = defect  # a defect of the driver
    with pytest.raises(DefectError):
        visit.run()
    assert visit.trials()[0].outcome is Outcome.RESPONSE
    assert [fault.code for fault in faults(visit)] == ["QST-900"]
    assert ending(visit).outcome is VisitOutcome.FAILED


def test_a_defect_between_trials_is_on_record_too() -> None:
    visit = a_visit(planned())
    visit.hands.place = defect  # nothing of an instrument at all
    with pytest.raises(DefectError):
        visit.run()
    assert [fault.code for fault in faults(visit)] == ["QST-900"]
    assert ending(visit).outcome is VisitOutcome.FAILED
    assert visit.thermode.made_safe_s


def test_a_stop_outweighs_a_defect() -> None:
    """Who has said that it is enough is not asked to come back because a driver failed in the same moment."""
    visit = a_visit(planned())

    def stop_and_fail() -> NoReturn:
        visit.abort.throw(AbortCause.PARTICIPANT_WITHDREW)
        defect()

    visit.thermode.poll = stop_and_fail  # a defect of the driver
    assert visit.run().outcome is VisitOutcome.WITHDRAWN
    assert "QST-900" in {fault.code for fault in faults(visit)}


def test_a_log_that_fails_is_no_defect() -> None:
    visit = a_visit(planned())
    visit.log.full_after = 8
    with pytest.raises(LogWriteError):
        visit.run()


def test_a_defect_while_connecting_is_on_record(tmp_path: Path) -> None:
    station = VirtualStation(folder=tmp_path)
    instrument: Any = next(iter(station.rig.instruments.values()))
    instrument.connect = defect
    with pytest.raises(DefectError):
        station.run()
    (path,) = tmp_path.glob("**/*.jsonl")
    log = read_log(path, verify=True)
    assert log.outcome is VisitOutcome.FAILED
    assert [record.code for record in log.records if isinstance(record, records.Fault)] == ["QST-900"]


def test_a_technician_gets_a_message_and_no_trace_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("qst.rigs.job.score_all", defect)
    with pytest.raises(SystemExit) as left:
        main(["run", "demo-quick", "--simulate", "--data", str(tmp_path)])
    assert left.value.code == 1
    assert capsys.readouterr().err.startswith("QST-900: test_defects.py, line ")
