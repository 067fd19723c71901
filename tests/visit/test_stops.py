"""Every stop, in every state: what the instrument gets, what the log says, in this order."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qst.abort import AbortCause, AbortSwitch, ends_the_visit
from qst.clock import RealClock, VirtualClock
from qst.errors import LinkTimeoutError, LogWriteError
from qst.instruments import Modality, SetupStep
from qst.record import records
from qst.record.log import LogWriter
from qst.record.reader import read_log
from qst.record.records import Outcome, VisitOutcome
from qst.testing import VirtualStation
from qst.visit.bench import Bench
from qst.visit.commands import UNSAFE
from qst.visit.desk import Desk
from qst.visit.engine import VisitEngine
from qst.visit.operator import Alarm, Answered, AutomaticOperator, Choice, PauseAsked, Remark, StateEntered
from qst.visit.states import CAUSE_OUTCOME
from tests.record.logs import header
from tests.visit.fakes import FakeThermode, Journal, Visit, no_scores, plan_of
from tests.visit.plans import planned

ESC, CTRL_C, WORD, EMERGENCY = (
    AbortCause.OPERATOR_STOP,
    AbortCause.INTERRUPT,
    AbortCause.PARTICIPANT_WITHDREW,
    AbortCause.EMERGENCY_STOP,
)
#: What the instruments are told; everything else in the journal is talk.
COMMANDS = ("stop", "make_safe", "make_safe gauge", "stop readings")
#: These leave a start that may itself be what hurts.
LEAVES_THE_START = (WORD, EMERGENCY)


class StoppableVisit(Visit):
    """A visit into which stops are thrown, each once, at the first sleep at which its moment has come."""

    def __init__(self, *trials: Any, **options: Any) -> None:
        super().__init__(*trials, **options)
        self.due: list[tuple[Callable[[], bool], AbortCause]] = []
        self.thrown_s: list[float] = []
        sleep = self.clock.sleep

        def sleep_and_stop(seconds: float) -> None:
            for item in list(self.due):
                if item[0]():
                    self.due.remove(item)
                    self.journal.append(f"thrown {item[1]}")
                    self.thrown_s.append(self.clock.monotonic())
                    self.abort.throw(item[1])
            sleep(seconds)

        self.clock.sleep = sleep_and_stop  # type: ignore[method-assign] # a stop comes while everybody waits

    def throw(self, cause: AbortCause, when: Callable[[], bool]) -> None:
        self.due.append((when, cause))

    def state(self, name: str) -> Callable[[], bool]:
        """Whether the trial is in this state now."""
        return lambda: self.states()[-1:] == [name] and self.desk.doing == "visit"

    def states(self) -> list[str]:
        return [event.state for event in self.operator.seen if isinstance(event, StateEntered)]

    def doing(self, name: str) -> Callable[[], bool]:
        return lambda: self.desk.doing == name

    @property
    def stops(self) -> list[tuple[str, str]]:
        return [(stop.cause, stop.state) for stop in self.log.of(records.Stop) if isinstance(stop, records.Stop)]

    def after(self, cause: AbortCause) -> list[str]:
        """What happened once this stop was thrown."""
        return self.journal[self.journal.index(f"thrown {cause}") + 1 :]


def heat_visit() -> StoppableVisit:
    second = planned(sequence_index=2, step_id="heat-2", repeat_index=2, rest_before_s=30.0)
    visit = StoppableVisit(planned(), second)
    visit.button.presses_s = [21.0]
    visit.thermode.slow_return_s = 3.0
    return visit


def adapting_visit() -> StoppableVisit:
    """The plate takes 5 s to its start."""
    visit = heat_visit()
    plate = visit.thermode.temperature_c
    visit.thermode.temperature_c = lambda now_s: 30.0 if now_s < 5.0 else plate(now_s)  # type: ignore[method-assign] # as said
    return visit


def set_up_visit() -> StoppableVisit:
    visit = heat_visit()
    visit.gauge.steps = (SetupStep(id="polarity", text="Press the tip on the table."),)
    return visit


def paused_visit(at_s: float = 22.0) -> StoppableVisit:
    visit = heat_visit()
    visit.operator.script = lambda now_s: (PauseAsked(),) if at_s < now_s < at_s + 0.2 else ()
    return visit


#: Where a stop may find the visit: how to get there, and how the moment is known.
FOUND: dict[str, tuple[Callable[[], StoppableVisit], Callable[[StoppableVisit], Callable[[], bool]]]] = {
    "set_up": (set_up_visit, lambda visit: visit.doing("set_up")),
    "place": (heat_visit, lambda visit: visit.doing("place")),
    "adapt": (adapting_visit, lambda visit: visit.state("adapt")),
    "settle": (heat_visit, lambda visit: visit.state("settle")),
    "ramp": (heat_visit, lambda visit: lambda: visit.state("ramp")() and visit.clock.monotonic() > 15.0),
    "return": (heat_visit, lambda visit: visit.state("return")),
    "judge": (heat_visit, lambda visit: visit.doing("judge")),
    "rest": (heat_visit, lambda visit: visit.doing("rest")),
    "paused": (paused_visit, lambda visit: visit.doing("paused")),
    "paused at the placement": (lambda: paused_visit(0.35), lambda visit: visit.doing("paused")),
}
IN_TRIAL = ("adapt", "settle", "ramp", "return")


def expected_command(found: str, cause: AbortCause) -> str | None:
    """The first thing the thermode is told; None when it is on its way back already."""
    if found == "return" and cause not in LEAVES_THE_START:
        return None if cause is ESC else "make_safe"
    return "stop" if found == "ramp" and cause not in LEAVES_THE_START else "make_safe"


@pytest.mark.parametrize("cause", AbortCause)
@pytest.mark.parametrize("found", FOUND)
def test_every_stop_in_every_state(found: str, cause: AbortCause) -> None:
    make, moment = FOUND[found]
    found = found.partition(" at ")[0]
    visit = make()
    if found in IN_TRIAL and cause is ESC:
        visit.operator.answers["judge"] = Answered(prompt_id="q2", choice=Choice.END)
    visit.throw(cause, moment(visit))
    result = visit.run()
    after = visit.after(cause)
    commands = [step for step in after if step in COMMANDS]
    written = [step for step in after if step.startswith(("log", "commit"))]
    command = expected_command(found, cause)
    if command is not None:
        assert next(step for step in commands if "gauge" not in step) == command
    if command is not None and found != "return":
        # The instrument first: nothing is written, and nothing is waited for, before it is told.
        assert after.index(command) < after.index(written[0])
        assert visit.clock.monotonic() >= visit.thrown_s[0]
    if command == "make_safe" and (found != "return" or cause in LEAVES_THE_START):
        assert visit.thermode.made_safe_s[0] == visit.thrown_s[0]
    assert visit.stops == [(cause.value, found)]
    assert "begin" not in after
    assert "adapt" not in after
    assert result.outcome is (VisitOutcome.WITHDRAWN if cause is WORD else VisitOutcome.INTERRUPTED)
    assert commands[-1] in ("make_safe", "make_safe gauge")
    assert isinstance(visit.log.records[-1], records.End)
    assert len(visit.log.of(records.TrialStart)) == len(visit.trials())
    if found in ("adapt", "settle", "ramp"):
        assert visit.trials()[0].outcome is CAUSE_OUTCOME[cause]
    elif found == "return":
        assert visit.trials()[0].outcome is Outcome.RESPONSE


@pytest.mark.parametrize("cause", AbortCause)
def test_a_stop_during_a_press_calls_the_hand_off_and_is_safe_with_the_gauge_first(cause: AbortCause) -> None:
    visit = StoppableVisit(planned(Modality.PRESSURE))
    visit.operator.answers["judge"] = Answered(prompt_id="q2", choice=Choice.END)
    visit.throw(cause, lambda: visit.state("ramp")() and visit.gauge.peak > 100.0)
    visit.run()
    assert visit.gauge.pressed_s is None
    assert visit.stops == [(cause.value, "ramp")]
    safe = [step for step in visit.after(cause) if step.startswith("make_safe")]
    assert safe[-2:] == ["make_safe gauge", "make_safe"]
    if ends_the_visit(cause):  # the thermode may lie on the skin as well: it does not wait for the hand to let go
        assert visit.thermode.made_safe_s[0] == visit.thrown_s[0]
    assert visit.trials()[0].outcome is CAUSE_OUTCOME[cause]


def test_during_a_thermal_trial_the_thermode_is_made_safe_first() -> None:
    visit = heat_visit()
    visit.throw(EMERGENCY, visit.state("settle"))
    visit.run()
    safe = [step for step in visit.after(EMERGENCY) if step.startswith("make_safe")]
    assert safe == ["make_safe", "make_safe gauge", "make_safe", "make_safe gauge"]


def test_an_instrument_that_cannot_be_made_safe_keeps_none_from_being_so() -> None:
    visit = heat_visit()
    visit.thermode.make_safe = failing(visit)  # type: ignore[method-assign] # its link is gone
    visit.throw(EMERGENCY, visit.doing("rest"))
    visit.run()
    after = visit.after(EMERGENCY)
    assert after.index("make_safe gauge") < after.index("log Stop") < after.index("log Fault")


def test_where_an_instrument_cannot_be_reached_nobody_says_that_it_was_made_safe() -> None:
    """The cable is pulled in mid-ramp: the operator's hands are told at once, and the log claims nothing."""
    visit = Visit(planned(attempts_max=1))
    visit.thermode.fails_at_s = 20.0
    visit.thermode.make_safe = failing(visit)  # type: ignore[method-assign] # its link is gone
    visit.run()
    during = [fault for fault in visit.log.of(records.Fault) if isinstance(fault, records.Fault)]
    assert len(during) == 3  # the link; the way to safety; the same again when the visit ends
    assert not any(fault.did.startswith("made the instrument safe") for fault in during)
    assert "not known" in during[1].did
    told = [type(event).__name__ if event != Remark(UNSAFE) else "take it off" for event in visit.operator.seen]
    assert "take it off" in told[: told.index("TrialEnded")]
    loud = [event for event in visit.operator.seen if isinstance(event, Alarm) and event.text == UNSAFE]
    assert len(loud) == 2, "in the trial, and at the end of the visit"
    assert all(event.urgent and event.lasting for event in loud)


def failing(visit: Visit) -> Callable[[], None]:
    def make_safe() -> None:
        raise LinkTimeoutError("no answer within 1 s", where="fake://thermode")

    return make_safe


def test_the_word_that_comes_while_the_ended_visit_is_made_safe_is_not_a_visit_to_be_resumed() -> None:
    visit = heat_visit()
    visit.operator.answers["judge"] = Answered(prompt_id="q2", choice=Choice.END)
    make_safe = visit.thermode.make_safe

    def say_it(*_: object) -> None:
        visit.abort.throw(WORD)
        make_safe()

    visit.thermode.make_safe = say_it  # type: ignore[method-assign] # while this takes its time
    result = visit.run()
    assert result.outcome is VisitOutcome.WITHDRAWN
    assert [stop.cause for stop in visit.log.of(records.Stop) if isinstance(stop, records.Stop)] == [WORD.value]


# -- a stop while another one is obeyed --------------------------------------------------------------------------------


def slow_stop(visit: StoppableVisit, seconds: float = 2.0) -> None:
    """The thermode takes its time to answer the stop."""
    stop = visit.thermode.stop

    def stop_slowly() -> None:
        stop()
        visit.clock.sleep(seconds / 2)
        visit.clock.sleep(seconds / 2)
        visit.journal.append("stop answered")

    visit.thermode.stop = stop_slowly  # type: ignore[method-assign] # a device that answers late


@pytest.mark.parametrize("second", [cause for cause in AbortCause if cause is not ESC])
def test_a_stronger_stop_does_not_wait_for_the_answer_to_a_weaker_one(second: AbortCause) -> None:
    visit = heat_visit()
    slow_stop(visit)
    visit.throw(ESC, lambda: visit.state("ramp")() and visit.clock.monotonic() > 15.0)
    visit.throw(second, lambda: "stop" in visit.journal)
    result = visit.run()
    after = visit.after(second)
    assert "stop answered" not in visit.journal
    assert after[0] in ("log Stop", "make_safe")
    assert visit.thermode.made_safe_s[0] == visit.thrown_s[1]
    assert visit.stops == [("operator_stop", "ramp"), (second.value, "return")]
    assert result.outcome is (VisitOutcome.WITHDRAWN if second is WORD else VisitOutcome.INTERRUPTED)
    assert visit.trials()[0].outcome is Outcome.OPERATOR_STOP


@pytest.mark.parametrize(("first", "second"), [(CTRL_C, ESC), (EMERGENCY, WORD), (WORD, CTRL_C), (ESC, ESC)])
def test_a_stop_that_is_no_stronger_changes_nothing_and_is_recorded(first: AbortCause, second: AbortCause) -> None:
    visit = heat_visit()
    slow_stop(visit)
    visit.operator.answers["judge"] = Answered(prompt_id="q2", choice=Choice.END)
    visit.throw(first, lambda: visit.state("ramp")() and visit.clock.monotonic() > 15.0)
    visit.throw(second, lambda: bool(visit.thrown_s) and visit.state("return")())
    result = visit.run()
    assert [cause for cause, _ in visit.stops] == [first.value, second.value]
    # Who said that it is enough is not asked to come back, whatever else was pressed.
    assert (result.outcome is VisitOutcome.WITHDRAWN) is (WORD in (first, second))


def test_nothing_breaks_into_making_safe() -> None:
    visit = heat_visit()
    make_safe = visit.thermode.make_safe

    def make_safe_slowly() -> None:
        visit.clock.sleep(1.0)
        make_safe()

    visit.thermode.make_safe = make_safe_slowly  # type: ignore[method-assign] # nothing answers at first
    visit.throw(WORD, visit.state("settle"))
    visit.throw(EMERGENCY, lambda: bool(visit.thrown_s) and visit.abort.shielded_now)
    visit.run()
    assert len(visit.thermode.made_safe_s) >= 1
    assert [cause for cause, _ in visit.stops] == ["participant_withdrew", "estop"]


def test_a_stop_that_breaks_into_a_command_makes_safe_whatever_the_trial_thinks() -> None:
    visit = heat_visit()
    begin = visit.thermode.begin

    def begin_slowly() -> None:
        begin()
        visit.clock.sleep(0.5)  # the answer to the command
        visit.journal.append("begin answered")

    visit.thermode.begin = begin_slowly  # type: ignore[method-assign] # a device that answers late
    visit.operator.answers["judge"] = Answered(prompt_id="q2", choice=Choice.END)
    visit.throw(ESC, lambda: "begin" in visit.journal)
    visit.run()
    assert "begin answered" not in visit.journal
    assert next(step for step in visit.after(ESC) if step in COMMANDS) == "make_safe"
    assert "stop" not in visit.journal


def test_an_operators_stop_ends_one_trial_and_the_next_one_runs_untouched() -> None:
    visit = heat_visit()
    visit.throw(ESC, lambda: visit.state("ramp")() and visit.clock.monotonic() > 15.0)
    visit.button.presses_s = [45.0, 110.0]
    result = visit.run()
    assert result.outcome is VisitOutcome.COMPLETED
    assert [trial.outcome for trial in visit.trials()] == [Outcome.OPERATOR_STOP, Outcome.RESPONSE, Outcome.RESPONSE]
    assert visit.abort.cause is None


def test_a_stop_while_the_start_of_a_trial_goes_to_the_disk_leaves_no_trial_without_result() -> None:
    visit = heat_visit()
    commit = visit.log.commit

    def slow_commit() -> None:
        commit()
        visit.clock.sleep(0.5)

    visit.log.commit = slow_commit  # type: ignore[method-assign] # a slow disk
    visit.throw(EMERGENCY, lambda: visit.journal[-1:] == ["commit"] and "log TrialStart" in visit.journal)
    visit.run()
    assert "adapt" not in visit.journal
    assert len(visit.log.of(records.TrialStart)) == len(visit.trials()) == 1


# -- the log -----------------------------------------------------------------------------------------------------------


def test_a_log_that_fails_behind_the_visits_back_ends_a_ramp_within_a_turn() -> None:
    visit = heat_visit()
    failed_s: list[float] = []

    def check() -> None:
        if visit.state("ramp")() and visit.clock.monotonic() > 15.0:
            failed_s.append(visit.clock.monotonic())
            raise LogWriteError("no space left on device")

    visit.log.check = check  # type: ignore[method-assign] # the writer's thread has met a full disk
    with pytest.raises(LogWriteError):
        visit.run()
    assert visit.thermode.made_safe_s[0] == failed_s[0]


def test_a_stop_reaches_the_instrument_while_the_disk_is_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk gives way only when the instrument is safe: if the stop waited for it, neither would come."""
    abort = AbortSwitch()
    clock = RealClock(abort)
    thermode = FakeThermode(clock, Journal())
    stuck, safe = threading.Event(), threading.Event()
    make_safe = thermode.make_safe

    def safe_now() -> None:
        make_safe()
        safe.set()

    def stuck_until_safe(descriptor: int) -> None:
        stuck.set()
        assert safe.wait(10.0)

    def stop() -> None:
        assert stuck.wait(10.0)
        abort.throw(EMERGENCY)

    thermode.make_safe = safe_now  # type: ignore[method-assign] # says when
    monkeypatch.setattr(os, "fsync", stuck_until_safe)
    path = tmp_path / "a.jsonl"
    thrower = threading.Thread(target=stop)
    thrower.start()
    with LogWriter(path.open("xb", buffering=0), path, clock) as log:
        log.write(header())
        desk = Desk(AutomaticOperator(clock), log, clock, abort, by="op")
        bench = Bench(
            thermode=thermode,
            algometer=None,
            thermode_driver="fake-thermode",
            algometer_driver="",
            button=None,
            hands=None,
        )
        result = VisitEngine(plan_of(planned()), bench, desk, log, clock, abort, no_scores).run()
    thrower.join()
    assert result.outcome is VisitOutcome.INTERRUPTED
    assert read_log(path, verify=True).outcome is VisitOutcome.INTERRUPTED


# -- before the first trial --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", AbortCause)
def test_a_stop_while_connecting(cause: AbortCause, tmp_path: Path) -> None:
    station = VirtualStation(folder=tmp_path)
    told: list[str] = []
    for role, instrument in station.rig.instruments.items():
        spy_on(instrument, role, told, station, cause)
    visit = station.run()
    assert visit.result.outcome is (VisitOutcome.WITHDRAWN if cause is WORD else VisitOutcome.INTERRUPTED)
    first = next(iter(station.rig.instruments))
    assert told[:2] == [f"connect {first}", f"make_safe {first}"]
    stops = [record for record in read_log(visit.path).records if isinstance(record, records.Stop)]
    assert [(stop.cause, stop.state) for stop in stops] == [(cause.value, "connecting")]


@pytest.mark.parametrize(("cause", "outcome"), [(WORD, VisitOutcome.WITHDRAWN), (EMERGENCY, VisitOutcome.FAILED)])
def test_a_stop_while_what_did_not_connect_is_closed_is_on_record(
    cause: AbortCause, outcome: VisitOutcome, tmp_path: Path
) -> None:
    station = VirtualStation(folder=tmp_path)

    def connect() -> None:
        station.abort.throw(cause)
        raise LinkTimeoutError("no answer within 1 s")

    next(iter(station.rig.instruments.values())).connect = connect  # type: ignore[method-assign, assignment]
    visit = station.run()
    assert visit.result.outcome is outcome
    written = [record for record in read_log(visit.path).records if isinstance(record, records.Stop | records.Fault)]
    assert [getattr(record, "cause", "fault") for record in written] == [cause.value, "fault"]


def spy_on(instrument: Any, role: str, told: list[str], station: VirtualStation, cause: AbortCause) -> None:
    make_safe = instrument.make_safe

    def connect() -> None:
        told.append(f"connect {role}")
        station.abort.throw(cause)
        station.clock.sleep(0.1)

    def safe() -> None:
        told.append(f"make_safe {role}")
        make_safe()

    instrument.connect, instrument.make_safe = connect, safe


def test_the_table_names_every_state_of_a_trial() -> None:
    assert isinstance(heat_visit().clock, VirtualClock)
    assert ends_the_visit(CTRL_C)
    assert set(IN_TRIAL) | {"ready", "done"} == {"adapt", "settle", "ready", "ramp", "return", "done"}
