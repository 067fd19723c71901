from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from qst.abort import AbortCause
from qst.errors import LinkTimeoutError, LogWriteError, NotReadyError
from qst.instruments import Identity, Modality, PressureRamp, SetupStep, ThermalRamp
from qst.record import records
from qst.record.records import Outcome, VisitOutcome
from qst.visit.history import History, Unjudged
from qst.visit.operator import (
    Answered,
    Choice,
    Measured,
    NoteTaken,
    OperatorCommand,
    PauseAsked,
    PromptKind,
    ReleaseNow,
    Remark,
    RestSkipped,
    StopAsked,
    TrialEnded,
)
from qst.visit.periods import ramp_period_s
from qst.visit.site_dose import SiteDose
from tests.visit.fakes import Visit
from tests.visit.plans import planned


def once(when_s: float, *commands: OperatorCommand) -> Callable[[float], Sequence[OperatorCommand]]:
    """A script that says something once, at a given time."""
    left = list(commands)

    def script(now_s: float) -> Sequence[OperatorCommand]:
        if now_s < when_s or not left:
            return ()
        said, left[:] = list(left), []
        return said

    return script


def test_a_heat_trial_from_placement_to_judgement() -> None:
    visit = Visit(planned())
    visit.button.presses_s = [21.0]  # about 10 s into the ramp
    result = visit.run()
    assert result.outcome is VisitOutcome.COMPLETED
    (trial,) = visit.trials()
    assert trial.outcome is Outcome.RESPONSE
    assert trial.valid
    begun_s = visit.journal.index("begin")
    assert visit.journal.index("place heat-1/1") < visit.journal.index("adapt") < begun_s
    expected_c = 32.0 + 0.3 * (trial.response_latency_s or 0)
    assert trial.value_at_response == pytest.approx(expected_c, abs=0.3 * 0.03 + 1e-9)
    assert trial.value_reported == pytest.approx(trial.value_at_response, abs=0.005)
    assert trial.rate_achieved_mean == pytest.approx(0.3)
    assert trial.cem43_min == 0.0


def test_the_start_is_on_disk_before_anything_reaches_the_skin_and_the_result_before_the_next() -> None:
    visit = Visit(planned(), planned(sequence_index=2, step_id="heat-2", repeat_index=2))
    visit.button.presses_s = [20.0, 45.0]
    visit.run()
    steps = [step for step in visit.journal if step in ("log TrialStart", "commit", "adapt", "log Trial")]
    first = ["log TrialStart", "commit", "adapt", "log Trial", "commit"]
    assert steps[:10] == [*first, *first]


def test_the_stimulus_ends_before_the_log_hears_of_it() -> None:
    visit = Visit(planned())
    visit.button.presses_s = [20.0]
    visit.run()
    after = visit.journal[visit.journal.index("begin") :]
    states = [step for step in after if step in ("stop", "log State")]
    assert states == ["log State", "log State", "stop", "log State", "log State"]  # ready, ramp, return, done


def test_pressure_uses_the_hand_and_the_gauges_peak() -> None:
    visit = Visit(planned(Modality.PRESSURE))
    visit.button.presses_s = [2.0]
    visit.run()
    (trial,) = visit.trials()
    assert trial.outcome is Outcome.RESPONSE
    assert trial.value_peak == pytest.approx(visit.gauge.peak)
    assert trial.value_display == pytest.approx(round((trial.value_at_response or 0) / 98.0665, 1))
    assert trial.unit_ucum == "kPa"
    assert any(isinstance(event, ReleaseNow) for event in visit.operator.seen)
    assert "stop readings" in visit.journal


@pytest.mark.parametrize(
    ("cause", "outcome", "ended"),
    [
        (AbortCause.EMERGENCY_STOP, Outcome.ESTOP, VisitOutcome.INTERRUPTED),
        (AbortCause.PARTICIPANT_WITHDREW, Outcome.PARTICIPANT_WITHDREW, VisitOutcome.WITHDRAWN),
    ],
)
def test_a_stop_mid_ramp_makes_safe_and_ends_the_visit(
    cause: AbortCause, outcome: Outcome, ended: VisitOutcome
) -> None:
    visit = Visit(planned(), planned(sequence_index=2, step_id="heat-2"))
    visit.operator.script = once(20.0, StopAsked(cause=cause))
    result = visit.run()
    assert result.outcome is ended
    (trial,) = visit.trials()
    assert (trial.outcome, trial.valid, trial.value_reported) == (outcome, False, None)
    assert visit.journal.index("make_safe") < visit.journal.index("log Stop")
    assert visit.journal.count("begin") == 1


def test_an_operators_stop_ends_the_trial_and_the_operator_decides() -> None:
    visit = Visit(planned())
    visit.operator.script = once(20.0, StopAsked(cause=AbortCause.OPERATOR_STOP))
    visit.button.presses_s = [55.0]
    result = visit.run()
    assert result.outcome is VisitOutcome.COMPLETED
    first, second = visit.trials()
    assert (first.outcome, second.outcome) == (Outcome.OPERATOR_STOP, Outcome.RESPONSE)
    assert (second.attempt, second.supersedes) == (2, 1)


@pytest.mark.parametrize("at_s", [0.5, 5.0, 20.0])
def test_the_switch_ends_everything_from_every_state(at_s: float) -> None:
    visit = Visit(planned(), planned(sequence_index=2, step_id="heat-2"))

    def throw(now_s: float) -> Sequence[OperatorCommand]:
        if now_s >= at_s:
            visit.abort.throw(AbortCause.INTERRUPT)
        return ()

    visit.operator.script = throw
    result = visit.run()
    assert result.outcome is VisitOutcome.INTERRUPTED
    assert "make_safe" in visit.journal
    assert isinstance(visit.log.records[-1], records.End)
    starts, trials = visit.log.of(records.TrialStart), visit.trials()
    assert len(starts) == len(trials)  # never a missing record


def test_a_failing_instrument_is_recorded_and_may_prove_itself_again() -> None:
    visit = Visit(planned())
    visit.thermode.fails_at_s = 20.0

    def mend(now_s: float) -> Sequence[OperatorCommand]:
        if visit.trials():
            visit.thermode.fails_at_s = None
            if not visit.button.presses_s:
                visit.button.presses_s = [now_s + 20.0]
        return ()

    visit.operator.script = mend
    result = visit.run()
    assert result.outcome is VisitOutcome.COMPLETED
    first, second = visit.trials()
    assert first.outcome is Outcome.DEVICE_FAULT
    assert second.outcome is Outcome.RESPONSE
    (fault,) = visit.log.of(records.Fault)
    assert isinstance(fault, records.Fault)
    assert fault.code == "QST-220"
    assert fault.where == "fake://thermode"
    after = visit.journal[visit.journal.index("log Fault") :]
    assert after.index("close") < after.index("connect")


def test_a_full_disk_stops_safely() -> None:
    visit = Visit(planned())
    visit.log.full_after = 6  # in the middle of the first trial
    with pytest.raises(LogWriteError):
        visit.run()
    assert visit.journal[-1].startswith("make_safe") or "make_safe" in visit.journal
    assert visit.journal.index("make_safe") > visit.journal.index("adapt")


def test_a_pause_before_the_ramp_gives_no_stimulus_and_costs_no_trial() -> None:
    visit = Visit(planned())
    visit.operator.script = once(3.0, PauseAsked())
    visit.button.presses_s = [40.0]
    result = visit.run()
    assert result.outcome is VisitOutcome.COMPLETED
    first, second = visit.trials()
    assert (first.outcome, second.outcome) == (Outcome.OPERATOR_STOP, Outcome.RESPONSE)
    assert visit.journal.count("begin") == 1
    pauses = [record.paused for record in visit.log.of(records.Pause) if isinstance(record, records.Pause)]
    assert pauses == [True, False]


def test_a_fault_that_comes_with_a_pause_is_asked_about_and_the_instrument_connects_again() -> None:
    visit: Any = Visit(planned())
    visit.operator.script = once(3.0, PauseAsked())
    visit.button.presses_s = [60.0]
    make_safe, failures = visit.thermode.make_safe, [LinkTimeoutError("no answer within 1 s")]

    def fail_once() -> None:
        if failures:
            raise failures.pop()
        make_safe()

    visit.thermode.make_safe = fail_once  # the pause ends the attempt; its way to safety fails
    assert visit.run().outcome is VisitOutcome.COMPLETED
    kinds = [prompt.kind for prompt in visit.operator.prompts]
    assert kinds[:3] == [PromptKind.PLACE, PromptKind.FAULT, PromptKind.PAUSED]
    assert visit.journal.count("connect") == 1
    assert [trial.outcome for trial in visit.trials()] == [Outcome.OPERATOR_STOP, Outcome.RESPONSE]
    assert visit.journal.count("begin") == 1


def test_a_pause_during_a_ramp_waits_for_its_end() -> None:
    visit = Visit(planned(), planned(sequence_index=2, step_id="heat-2"))
    visit.operator.script = once(15.0, PauseAsked())
    visit.button.presses_s = [20.0, 60.0]
    visit.run()
    assert [trial.outcome for trial in visit.trials()] == [Outcome.RESPONSE, Outcome.RESPONSE]
    kinds = [type(record).__name__ for record in visit.log.records]
    assert kinds.index("Trial") < kinds.index("Pause")


def test_rests_are_kept_or_their_shortening_is_recorded() -> None:
    second = planned(sequence_index=2, step_id="heat-2", rest_before_s=30.0, same_site_rest_s=60.0)
    visit = Visit(planned(), second)
    visit.button.presses_s = [20.0, 150.0]
    visit.run()
    # 60 s of rest, 1 s to place, 10 s to settle: the interval lasts until the next ramp begins.
    assert visit.trials()[1].isi_s == pytest.approx(71.2, abs=0.5)
    assert visit.trials()[1].settle_s == pytest.approx(10.0, abs=0.2)
    hasty = Visit(planned(), second)
    hasty.button.presses_s = [20.0, 80.0]
    hasty.operator.script = once(30.0, RestSkipped(reason="participant asked to go on"))
    hasty.run()
    (deviation,) = hasty.log.of(records.Deviation)
    assert isinstance(deviation, records.Deviation)
    assert deviation.kind == "rest_shortened"
    assert "participant asked" in deviation.text


def test_notes_and_adverse_events_are_taken_at_any_moment() -> None:
    visit = Visit(planned())
    visit.button.presses_s = [20.0]
    visit.operator.script = once(15.0, NoteTaken(text="talked"), NoteTaken(text="redness", adverse=True))
    visit.run()
    assert [type(r).__name__ for r in visit.log.records if isinstance(r, records.Note | records.AdverseEvent)] == [
        "Note",
        "AdverseEvent",
    ]


def test_a_rejected_attempt_stays_and_the_repeat_supersedes_it() -> None:
    visit = Visit(planned())
    visit.button.presses_s = [20.0, 45.0]
    visit.operator.answers["judge"] = Answered(prompt_id="q2", choice=Choice.REPEAT, reason="slipped")
    visit.run()
    first, second = visit.trials()
    assert first.valid
    assert second.supersedes == 1
    decisions = [
        (record.attempt, record.decision, record.reason)
        for record in visit.log.of(records.Decision)
        if isinstance(record, records.Decision)
    ]
    assert decisions == [(1, "invalid", "slipped"), (2, "accept", "")]


def test_more_attempts_than_the_protocol_has_are_deviations_with_their_reason() -> None:
    visit = Visit(planned(attempts_max=1))
    visit.button.presses_s = [20.0, 45.0]
    visit.operator.answers["judge"] = Answered(prompt_id="q2", choice=Choice.REPEAT, reason="slipped")
    visit.run()
    assert len(visit.trials()) == 2
    (deviation,) = visit.log.of(records.Deviation)
    assert isinstance(deviation, records.Deviation)
    assert (deviation.kind, deviation.sequence_index) == ("attempts", 1)
    assert deviation.text == "one more than the protocol's 1: slipped"


def test_an_attempt_that_never_began_its_ramp_is_none_of_the_protocols_attempts() -> None:
    visit = Visit(planned(attempts_max=1))
    visit.button.held = True
    visit.operator.answers["fault"] = Answered(prompt_id="q2", choice=Choice.REPEAT, reason="the button was held")
    visit.run()
    assert len(visit.trials()) == 2
    assert [prompt.text for prompt in visit.operator.prompts if "at most" in prompt.text] == []
    kinds = [record.kind for record in visit.log.of(records.Deviation) if isinstance(record, records.Deviation)]
    assert kinds == ["skipped"]


def test_who_ends_the_visit_has_neither_judged_the_attempt_nor_seen_an_instrument_fail() -> None:
    visit = Visit(planned(), planned(sequence_index=2, step_id="heat-2"))
    visit.button.presses_s = [20.0]
    visit.operator.answers["judge"] = Answered(prompt_id="q2", choice=Choice.END)
    result = visit.run()
    assert (result.outcome, result.reason) == (VisitOutcome.INTERRUPTED, "the operator ended the visit")
    assert visit.trials()[0].valid
    assert visit.log.of(records.Decision) == []


def test_an_instrument_that_was_exchanged_after_a_fault_is_refused() -> None:
    """Another one may be of another model, simulated, or have another tip: the log would not tell."""
    visit = Visit(planned())
    first = Identity(model="fake thermode", serial="1")
    visit.engine._bench = msgspec.structs.replace(visit.engine._bench, identities={"thermode": first})
    visit.thermode.fails_at_s = 20.0
    visit.operator.answers["fault"] = Answered(prompt_id="q2", choice=Choice.REPEAT, reason="cable")
    result = visit.run()
    assert result.outcome is VisitOutcome.FAILED
    assert "another instrument answers: fake thermode where fake thermode (1) began" in result.reason
    assert len(visit.log.of(records.TrialStart)) == 1
    faults = [fault for fault in visit.log.of(records.Fault) if isinstance(fault, records.Fault)]
    assert faults[-1].code == "QST-410"


def test_a_held_button_starts_nothing() -> None:
    visit = Visit(planned(attempts_max=1))
    visit.button.held = True
    visit.run()
    (trial,) = visit.trials()
    assert trial.outcome is Outcome.DEVICE_FAULT
    assert "held down" in trial.invalid_reason
    assert "begin" not in visit.journal


def test_resume_asks_before_it_repeats_an_unfinished_stimulus() -> None:
    trials = (planned(), planned(sequence_index=2, step_id="heat-2"))
    history = History(unfinished=(1, 1), unrecorded=((1, 1),), next_index=1)
    visit = Visit(*trials, history=history)
    visit.button.presses_s = [90.0]
    visit.operator.answers["unfinished"] = Answered(prompt_id="q1", choice=Choice.SKIP, reason="hurt too much")
    visit.run()
    assert visit.operator.prompts[0].kind is PromptKind.UNFINISHED
    assert [trial.sequence_index for trial in visit.trials()] == [2]
    again = Visit(*trials, history=history)
    again.button.presses_s = [20.0, 50.0]
    again.run()
    assert [(t.sequence_index, t.attempt, t.supersedes) for t in again.trials()] == [(1, 2, 1), (2, 1, None)]


def counting(counted: list[bool]) -> Callable[[Sequence[records.Trial]], tuple[records.Score, ...]]:
    """A scorer that notes which trials count."""

    def score(trials: Sequence[records.Trial]) -> tuple[records.Score, ...]:
        counted.extend(trial.valid for trial in trials)
        return ()

    return score


def left_unjudged(said: Choice, reason: str = "") -> Visit:
    """The second part of a visit whose first part ended while the operator judged its first attempt."""
    first = Visit(planned())
    first.button.presses_s = [20.0]
    first.run()
    history = History(
        trials=tuple(first.trials()),
        rejected=frozenset({(1, 1)}),
        unjudged=Unjudged(sequence_index=1, attempt=1, said=said, reason=reason),
        next_index=1,
    )
    visit = Visit(planned(), planned(sequence_index=2, step_id="heat-2"), history=history)
    visit.button.presses_s = [20.0, 50.0]
    return visit


@pytest.mark.parametrize(
    ("said", "decision", "made"),
    [
        (Choice.ACCEPT, "accept", [(2, 1, None)]),
        (Choice.SKIP, "skip", [(2, 1, None)]),
        (Choice.REPEAT, "invalid", [(1, 2, 1), (2, 1, None)]),
    ],
)
def test_resume_asks_for_a_lost_judgement_and_goes_on_from_it(
    said: Choice, decision: str, made: list[tuple[int, int, int | None]]
) -> None:
    visit = left_unjudged(said, "" if said is Choice.ACCEPT else "moved")
    counted: list[bool] = []
    visit.engine._scorer = counting(counted)
    assert visit.run().outcome is VisitOutcome.COMPLETED
    prompt = visit.operator.prompts[0]
    assert (prompt.kind, prompt.suggested, prompt.attempt) == (PromptKind.JUDGE, said, 1)
    assert ("moved" in prompt.text) is (said is not Choice.ACCEPT)
    shown = visit.operator.seen[0]
    assert isinstance(shown, TrialEnded)
    assert (shown.trial.sequence_index, shown.trial.attempt) == (1, 1)
    kinds = [type(record) for record in visit.log.records]
    assert kinds.index(records.Decision) < kinds.index(records.TrialStart)
    first = visit.log.of(records.Decision)[0]
    assert isinstance(first, records.Decision)
    assert (first.sequence_index, first.attempt, first.decision) == (1, 1, decision)
    assert [(trial.sequence_index, trial.attempt, trial.supersedes) for trial in visit.trials()] == made
    assert counted == [said is Choice.ACCEPT, *[True] * len(made)]


def test_who_ends_the_visit_at_a_lost_judgement_has_not_made_it() -> None:
    visit = left_unjudged(Choice.ACCEPT)
    visit.operator.answers["judge"] = Answered(prompt_id="q1", choice=Choice.END)
    counted: list[bool] = []
    visit.engine._scorer = counting(counted)
    result = visit.run()
    assert (result.outcome, result.reason) == (VisitOutcome.INTERRUPTED, "the operator ended the visit")
    assert visit.log.of(records.Decision) == []
    assert visit.trials() == []
    assert counted == [False]


def test_after_a_resume_the_rest_at_a_site_is_kept_in_full_also_when_its_attempt_died_unrecorded() -> None:
    """Killed in trial 1, which was then left out; killed again before trial 2: the skin has had that stimulus."""
    second = planned(sequence_index=2, step_id="heat-2", rest_before_s=30.0, same_site_rest_s=60.0)
    visit = Visit(planned(), second, history=History(unrecorded=((1, 1),), next_index=2))
    visit.button.presses_s = [90.0]
    visit.run()
    (trial,) = visit.trials()
    # It rests for 60 s, is placed and settled, and only then ramps; with a rest of 30 s it would be near its cut-off.
    assert trial.response_latency_s is not None
    assert trial.response_latency_s < 90.0 - 60.0


def test_the_time_since_the_last_stimulus_is_not_told_where_nobody_saw_it_or_none_was_begun() -> None:
    second = planned(sequence_index=2, step_id="heat-2", rest_before_s=30.0)
    resumed = Visit(planned(), second, history=History(unrecorded=((1, 1),), next_index=2))
    resumed.button.presses_s = [60.0]
    resumed.run()
    assert resumed.trials()[0].isi_s is None
    paused = Visit(planned())
    paused.operator.script = once(5.0, PauseAsked())
    paused.button.presses_s = [40.0]
    paused.run()
    assert [trial.isi_s for trial in paused.trials()] == [None, None]


def hot(**changes: float) -> ThermalRamp:
    fields = {"start_c": 32.0, "rate_c_per_s": 0.3, "cutoff_c": 48.0, "return_rate_c_per_s": 8.0, **changes}
    return ThermalRamp(**fields)


def test_too_long_a_stay_ends_the_stimulus_and_is_recorded_as_its_own_fault() -> None:
    visit = Visit(planned(ramp=hot(cutoff_c=50.0), attempts_max=1))  # at 50.2 °C it is within its accuracy
    visit.thermode.beside_c = 18.2
    visit.run()
    (trial,) = visit.trials()
    assert trial.outcome is Outcome.DEVICE_FAULT
    (fault,) = visit.log.of(records.Fault)
    assert isinstance(fault, records.Fault)
    assert fault.code == "QST-510"
    assert "longest stay" in fault.what
    assert "begin" not in visit.journal
    assert visit.clock.monotonic() < 15.0


def test_a_site_that_has_had_its_dose_gets_no_further_trial() -> None:
    ramp = hot(start_c=39.0, cutoff_c=49.9, rate_c_per_s=0.25)
    second = planned(sequence_index=2, step_id="heat-2", ramp=ramp, timeout_s=100.0)
    other_hand = planned(sequence_index=3, step_id="heat-3", side="L")
    visit = Visit(planned(ramp=ramp, timeout_s=100.0), second, other_hand)
    visit.button.presses_s = [90.0]
    result = visit.run()
    assert result.outcome is VisitOutcome.COMPLETED
    first, third = visit.trials()
    assert 10 < (first.cem43_min or 0) < 20  # and as much again would be too much
    assert third.side == "L"
    (deviation,) = visit.log.of(records.Deviation)
    assert isinstance(deviation, records.Deviation)
    assert (deviation.kind, deviation.sequence_index) == ("dose_refused", 2)
    assert "CEM43" in deviation.text


def test_the_operator_is_told_once_when_a_site_has_had_half_of_its_dose() -> None:
    trials = [planned(sequence_index=index, step_id=f"heat-{index}", ramp=hot(rate_c_per_s=1.0)) for index in (1, 2)]
    visit = Visit(*trials, history=History(elsewhere=(SiteDose("thenar", "R", 9.95),)))
    visit.run()
    told = [event.text for event in visit.operator.seen if isinstance(event, Remark) and "CEM43" in event.text]
    assert len(told) == 1
    assert "this site has had 10." in told[0]
    assert len(visit.trials()) == 2  # it is told, and refuses nothing
    assert visit.log.of(records.Deviation) == []


@pytest.mark.parametrize(("rate", "period"), [(0.3, 0.03), (0.5, 0.018), (1.0, 0.01), (5.0, 0.01)])
def test_fast_ramps_are_looked_at_more_often(rate: float, period: float) -> None:
    assert ramp_period_s(planned(ramp=hot(rate_c_per_s=rate))) == pytest.approx(period)
    assert ramp_period_s(planned(Modality.PRESSURE)) == 0.02


def test_an_emergency_stop_on_the_way_back_makes_safe_at_once_and_the_log_knows_the_state() -> None:
    visit = Visit(planned(Modality.COLD))
    visit.button.presses_s = [20.0]
    visit.thermode.slow_return_s = 2.0
    asked_s: list[float] = []

    def stop(now_s: float) -> Sequence[OperatorCommand]:
        if now_s < 20.4 or asked_s:
            return ()
        asked_s.append(now_s)
        return (StopAsked(cause=AbortCause.EMERGENCY_STOP),)

    visit.operator.script = stop
    result = visit.run()
    assert result.outcome is VisitOutcome.INTERRUPTED
    assert visit.thermode.made_safe_s[0] == asked_s[0]
    first = visit.log.of(records.Stop)[0]
    assert isinstance(first, records.Stop)
    assert (first.cause, first.state) == ("estop", "return")
    assert visit.trials()[0].outcome is Outcome.RESPONSE


def test_an_instrument_that_fails_during_set_up_ends_the_visit_with_a_record() -> None:
    visit = Visit(planned(Modality.PRESSURE))
    visit.gauge.steps = (SetupStep(id="polarity", text="Press the tip on the table."),)
    visit.gauge.setup_error = LinkTimeoutError("no answer within 1 s", where="fake://gauge")
    result = visit.run()
    assert result.outcome is VisitOutcome.FAILED
    assert [type(record).__name__ for record in visit.log.records[-2:]] == ["Fault", "End"]


def test_a_set_up_step_is_asked_again_until_it_succeeds() -> None:
    visit = Visit(planned(Modality.PRESSURE))
    visit.button.presses_s = [20.0]
    visit.gauge.steps = (SetupStep(id="polarity", text="Press the tip on the table."),)
    visit.gauge.setup_error = NotReadyError("only 0.4 N", remedy="Press a little harder.")
    visit.run()
    asked = [prompt.text for prompt in visit.operator.prompts if prompt.kind is PromptKind.SET_UP]
    assert len(asked) == 2
    assert "only 0.4 N" in asked[1]
    assert visit.journal.count("press on table") == 2
    assert any("push sign +1" in note.text for note in visit.log.of(records.Note) if isinstance(note, records.Note))


def test_what_differs_from_the_protocol_is_recorded_as_a_deviation() -> None:
    ramp = PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=588.0)
    visit = Visit(planned(Modality.PRESSURE, ramp=ramp))
    visit.button.presses_s = [3.0]
    visit.gauge.hand_factor = 1.5
    visit.gauge.peak_error = 20.0
    visit.run()
    (trial,) = visit.trials()
    assert trial.rate_flag == "fast"
    kinds = [record.kind for record in visit.log.of(records.Deviation) if isinstance(record, records.Deviation)]
    assert kinds == ["rate", "peak"]


def test_a_decision_says_whose_it_was() -> None:
    visit = Visit(planned())
    visit.button.presses_s = [20.0]
    visit.run()
    assert [record.by for record in visit.log.of(records.Decision) if isinstance(record, records.Decision)] == ["op"]


def test_an_accidental_press_before_the_attempt_is_waited_out() -> None:
    visit = Visit(planned(Modality.PRESSURE))
    visit.button.presses_s = [20.0]

    def let_go(now_s: float) -> Sequence[OperatorCommand]:
        visit.button.held = now_s < 1.5
        return ()

    visit.operator.script = let_go
    visit.run()
    (trial,) = visit.trials()
    assert trial.outcome is not Outcome.DEVICE_FAULT


def test_samples_are_told_to_those_only_who_follow_them() -> None:
    for follows in (False, True):
        visit = Visit(planned(), follows_samples=follows)
        visit.button.presses_s = [20.0]
        visit.run()
        assert any(isinstance(event, Measured) for event in visit.operator.seen) is follows


def test_a_stop_that_the_instrument_does_not_take_is_still_on_record() -> None:
    visit = Visit(planned(attempts_max=1))
    visit.thermode.stop_error = LinkTimeoutError("no answer within 1 s", where="fake://thermode")
    visit.operator.script = once(20.0, StopAsked(cause=AbortCause.OPERATOR_STOP))
    visit.run()
    (stop,) = visit.log.of(records.Stop)
    assert isinstance(stop, records.Stop)
    assert (stop.cause, stop.state) == ("operator_stop", "ramp")
    assert visit.trials()[0].outcome is Outcome.OPERATOR_STOP
    assert len(visit.log.of(records.Fault)) == 1
    assert visit.journal.index("stop") < visit.journal.index("make_safe")
