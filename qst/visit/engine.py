"""The engine: works through a plan, trial by trial, and leaves a truthful log whatever happens.

The order inside a trial is fixed: rest, placement confirmed by the operator, attempt, record on disk, judgement.
Nothing is ever repeated by itself; a repeat is the operator's decision and a new attempt.
"""

from collections.abc import Callable, Collection, Sequence

import msgspec

from qst.abort import Aborted, AbortSwitch
from qst.clock import Clock
from qst.errors import DefectError, LogWriteError, QstError
from qst.instruments import Instrument, Modality
from qst.protocol.plan import Plan, PlannedTrial
from qst.record import records
from qst.record.records import Score, Trial, VisitOutcome
from qst.visit.attempt import Attempt
from qst.visit.bench import Bench
from qst.visit.commands import INSTRUMENT_FAILURES, tell_unsafe
from qst.visit.defects import unforeseen
from qst.visit.desk import Desk, LogSink
from qst.visit.ending import Ending
from qst.visit.history import History, describe_left
from qst.visit.operator import Choice, PromptKind, Remark, TrialEnded, TrialNext
from qst.visit.reconnect import CONNECTS_ANEW, connect_again
from qst.visit.setup import set_up
from qst.visit.site_dose import SiteDoses
from qst.visit.words import describe, describe_result, role_of

#: From the recorded trials to the protocol's summary values.
Scorer = Callable[[Sequence[Trial]], tuple[Score, ...]]


class VisitResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a visit ended, and what it found."""

    outcome: VisitOutcome
    reason: str
    trials: tuple[Trial, ...]
    summary: tuple[Score, ...]


def judged(trial: Trial, rejected: Collection[tuple[int, int]]) -> Trial:
    """The trial with the operator's judgement on it."""
    invalid = trial.valid and (trial.sequence_index, trial.attempt) in rejected
    return msgspec.structs.replace(trial, valid=False) if invalid else trial


class VisitEngine:
    """Runs a plan.

    Args:
        plan: what is to be done; checked against the station beforehand.
        bench: connected instruments, button, hands.
        desk: the operator's side.
        log: the visit's log, its header already written.
        clock: the visit's clock.
        abort: the switch that ends everything.
        scorer: computes the summary values.
        history: what was done before an interruption.
    """

    def __init__(
        self,
        plan: Plan,
        bench: Bench,
        desk: Desk,
        log: LogSink,
        clock: Clock,
        abort: AbortSwitch,
        scorer: Scorer,
        history: History | None = None,
    ) -> None:
        self._plan = plan
        self._bench = bench
        self._desk = desk
        self._log = log
        self._clock = clock
        self._abort = abort
        self._scorer = scorer
        self._ending = Ending(log, abort)
        self._in_use: Modality | None = None  # what was placed last
        self._ended = (VisitOutcome.INTERRUPTED, "the operator ended the visit")  # where it ends before its plan does
        self._history = history or History()
        self._next_index = self._history.next_index
        self._trials: list[Trial] = list(self._history.trials)
        self._rejected: set[tuple[int, int]] = set(self._history.rejected)
        self._last_stimulus_s: float | None = None  # its end, where this session saw it
        # After an interruption nobody knows how long ago the last stimulus was: every rest is kept in full.
        self._rest_from_s: float | None = None
        self._site_free_s: dict[tuple[str, str], float] = {}
        self._doses = SiteDoses(plan, self._trials, self._history.unrecorded, self._history.elsewhere)
        self._read_aloud: set[str] = set()

    def run(self) -> VisitResult:
        """Run the visit to its end, whatever that is; the End record is on disk when this returns.

        Raises:
            LogWriteError: the log cannot be written; the instruments are safe.
            DefectError: something that nobody foresaw; the instruments were made safe, and the log says so.
        """
        fault: QstError | None = None
        defect: DefectError | None = None
        stopped = False
        outcome, reason = VisitOutcome.FAILED, ""
        try:
            outcome, reason = self._run_plan()
        except INSTRUMENT_FAILURES as error:
            # Attempts deal with their own failures; what comes here failed between them.
            fault, reason = error, f"an instrument failed: {error}"
        except Aborted:
            stopped = True
        except LogWriteError:
            raise
        except DefectError as error:
            defect = error  # its attempt has written it down
        except Exception as error:  # noqa: BLE001 - raised again when the log has it
            fault = defect = unforeseen(error)
        finally:
            # Before anything is written, and whatever is on its way through here.
            if not self._ending.make_safe(self._instruments()):
                tell_unsafe(self._desk)
        with self._abort.shielded():
            self._ending.record(self._desk.doing, fault)
            reason = reason if defect is None else str(defect)
            if stopped or (self._ending.withdrawn and outcome is not VisitOutcome.COMPLETED):
                outcome, reason = self._ending.stopped()
            result = self._end(outcome, reason)
        if defect is not None:
            raise defect
        return result

    def _instruments(self) -> Sequence[Instrument]:
        """Every instrument, first the one that was placed last: it is on the skin."""
        first = self._bench.algometer if self._in_use is Modality.PRESSURE else self._bench.thermode
        others = self._bench.others(first)
        return others if first is None else [first, *others]

    def _run_plan(self) -> tuple[VisitOutcome, str]:
        if self._judge_what_was_left() is Choice.END:
            return self._ended
        if not set_up(self._bench, self._desk, self._log, self._clock):
            return VisitOutcome.FAILED, "not set up"
        return self._run_trials()

    def _judge_what_was_left(self) -> Choice | None:
        """A judgement that an interruption had lost comes before anything else: it decides where the visit goes on."""
        left = self._history.unjudged
        if left is None:
            return None
        planned = next(one for one in self._plan.trials if one.sequence_index == left.sequence_index)
        key = (left.sequence_index, left.attempt)
        record = next(trial for trial in self._trials if (trial.sequence_index, trial.attempt) == key)
        self._desk.sequence_index = left.sequence_index
        self._desk.tell(TrialEnded(record, planned))  # what is asked about, for whoever looks on
        before = f"{describe(planned)}. {describe_left(left)} "
        choice = self._judge(planned, record, failed=False, before=before, suggested=left.said)
        self._log.commit()
        if choice is Choice.ACCEPT:
            self._rejected.discard(key)
        if choice is not Choice.REPEAT:
            self._next_index += 1
        return choice

    def _run_trials(self) -> tuple[VisitOutcome, str]:
        history = self._history
        begun = {trial.sequence_index for trial in history.trials} | {index for index, _ in history.unrecorded}
        if begun:
            now_s = self._clock.monotonic()
            self._rest_from_s = now_s
            for planned in self._plan.trials:
                if planned.sequence_index in begun:
                    self._site_free_s[planned.site_code, planned.side] = now_s
        for planned in self._plan.trials:
            if planned.sequence_index >= self._next_index and not self._run_trial(planned):
                return self._ended
        return VisitOutcome.COMPLETED, ""

    # -- one trial ------------------------------------------------------------------------------------------------

    def _run_trial(self, planned: PlannedTrial) -> bool:
        """All attempts at one trial. Returns False when the visit is to end."""
        if self._dose_is_spent(planned):
            return True
        attempt, supersedes = 1, None
        if self._history.unfinished is not None and self._history.unfinished[0] == planned.sequence_index:
            supersedes = self._history.unfinished[1]
            attempt = supersedes + 1
            if not self._repeat_unfinished(planned, supersedes):
                return True
        elif self._history.unjudged is not None and self._history.unjudged.sequence_index == planned.sequence_index:
            supersedes = self._history.unjudged.attempt
            attempt = supersedes + 1
        while True:
            self._desk.sequence_index = planned.sequence_index
            self._desk.tell(TrialNext(planned))
            self._desk.pause_if_asked()
            self._rest(planned)
            self._place(planned, attempt)
            if self._desk.pause_asked:  # together with the answer
                continue
            choice = self._attempt(planned, attempt, supersedes)
            if choice is Choice.END:
                return False
            if choice is not Choice.REPEAT:
                return True
            attempt, supersedes = attempt + 1, attempt
            if self._dose_is_spent(planned):
                return True

    def _repeat_unfinished(self, planned: PlannedTrial, attempt: int) -> bool:
        answer = self._desk.ask(
            PromptKind.UNFINISHED,
            f"{describe(planned)} was not finished when the visit was interrupted. "
            "Repeat it as a new attempt, or go on without it?",
            (Choice.REPEAT, Choice.SKIP),
            planned=planned,
            attempt=attempt,
        )
        reason = answer.reason or "interrupted"
        repeat = answer.choice is Choice.REPEAT
        self._decide(planned.sequence_index, attempt, "invalid" if repeat else "skip", reason)
        self._rejected.add((planned.sequence_index, attempt))
        if not repeat:
            self._deviate("skipped", f"not repeated after an interruption: {reason}", planned.sequence_index)
        return repeat

    def _dose_is_spent(self, planned: PlannedTrial) -> bool:
        """Whether this skin has had its thermal dose of the visit; then the trial is refused, and the log says why."""
        refusal = self._doses.refusal(planned)
        if refusal:
            self._deviate("dose_refused", refusal, planned.sequence_index)
            self._desk.tell(Remark(f"{describe(planned)} is left out: {refusal}"))
        return bool(refusal)

    def _warn_of_dose(self, planned: PlannedTrial) -> None:
        warning = self._doses.warning(planned)
        if warning:
            self._desk.tell(Remark(f"{describe(planned)}: {warning}"))

    def _rest(self, planned: PlannedTrial) -> None:
        """Keep the rests of the protocol; the operator may cut one short, for a reason that is recorded."""
        if self._rest_from_s is None:
            return
        free_s = self._rest_from_s + planned.rest_before_s
        site_s = self._site_free_s.get((planned.site_code, planned.side))
        if site_s is not None:
            free_s = max(free_s, site_s + planned.same_site_rest_s)
        reason = self._desk.rest(free_s)
        if reason is not None:
            left_s = free_s - self._clock.monotonic()
            self._deviate("rest_shortened", f"by {left_s:.1f} s: {reason}", planned.sequence_index)

    def _place(self, planned: PlannedTrial, attempt: int) -> None:
        self._in_use = planned.modality
        text = f"{describe(planned)}. Place the {role_of(planned.modality)} and confirm site and side."
        if planned.instruction and planned.instruction not in self._read_aloud:
            text += f"\nRead aloud: {planned.instruction}"
        self._desk.ask(PromptKind.PLACE, text, (Choice.OK,), planned=planned, attempt=attempt)
        if not self._desk.pause_asked:  # else this is asked once more, and what is to be read aloud belongs to that
            self._read_aloud.add(planned.instruction)
        if self._bench.hands is not None:
            self._bench.hands.place(
                role=role_of(planned.modality),
                modality=planned.modality.value,
                site_code=planned.site_code,
                side=planned.side,
                exposure=planned.repeat_index,
                key=f"{planned.step_id}/{attempt}",
            )

    def _attempt(self, planned: PlannedTrial, attempt: int, supersedes: int | None) -> Choice:
        """One attempt and what is to become of it."""
        runner = Attempt(
            planned,
            attempt,
            supersedes,
            bench=self._bench,
            desk=self._desk,
            log=self._log,
            clock=self._clock,
            abort=self._abort,
        )
        earlier = [
            trial.value_peak
            for trial in self._trials
            if trial.site_code == planned.site_code and trial.side == planned.side and trial.value_peak is not None
        ]
        try:
            record = runner.run(
                n_trials=len(self._plan.trials), last_stimulus_s=self._last_stimulus_s, earlier_kpa=earlier
            )
        finally:
            if runner.record is not None:
                self._trials.append(runner.record)
                self._desk.tell(TrialEnded(runner.record, planned))
                self._doses.add(runner.record, planned)
                self._warn_of_dose(planned)
                self._note_deviations(runner.record, runner)  # also of an attempt that a stop has ended
            if self._bench.hands is not None:
                self._bench.hands.lift()
        now_s = self._clock.monotonic()
        self._rest_from_s = self._site_free_s[planned.site_code, planned.side] = now_s
        if record.ramp_duration_s is not None:
            self._last_stimulus_s = now_s
        self._log.commit()
        if runner.paused and runner.fault is None:
            # No ramp was begun, so another attempt after the pause repeats no stimulus. With a fault it is no pause any
            # more: the operator is asked, and the instrument proves itself again; the pause begins after that.
            self._reject(record, "paused before the ramp")
            return Choice.REPEAT
        return self._judge(planned, record, failed=runner.fault is not None)

    def _note_deviations(self, record: Trial, runner: Attempt) -> None:
        """What differed from the protocol without anybody's decision."""
        if record.rate_flag:
            text = f"{record.rate_achieved_mean:.4g} instead of {record.rate_commanded:.4g} {record.unit_ucum}/s"
            self._deviate("rate", f"the ramp was too {record.rate_flag}: {text}", record.sequence_index)
        if runner.peak_note:
            self._deviate("peak", runner.peak_note, record.sequence_index)
        if runner.held_note:
            self._deviate("held", runner.held_note, record.sequence_index)

    def _judge(
        self, planned: PlannedTrial, record: Trial, *, failed: bool, before: str = "", suggested: Choice | None = None
    ) -> Choice:
        """The operator's judgement on what was just recorded, or was left without one by an interruption."""
        kind = PromptKind.FAULT if failed else PromptKind.JUDGE
        choices: tuple[Choice, ...] = (Choice.REPEAT, Choice.SKIP, Choice.END)
        if record.valid:
            choices = (Choice.ACCEPT, *choices)
        made, most = self._stimuli(planned), planned.attempts_max
        text = before + describe_result(record)
        if made >= most and not record.valid:
            text += f". Attempts made: {made}, the protocol has at most {most}; a further one is a deviation"
        if failed:
            text += f". {CONNECTS_ANEW}"
        answer = self._desk.ask(kind, text, choices, suggested=suggested, planned=planned, attempt=record.attempt)
        failure = ""
        if failed:
            bench, desk, log = self._bench, self._desk, self._log
            answer, failure = connect_again(planned, record.attempt, answer, bench=bench, desk=desk, log=log)
        if answer.choice is Choice.ACCEPT:
            self._decide(record.sequence_index, record.attempt, "accept", answer.reason)
            return answer.choice
        if answer.choice is Choice.END:
            # Who ends the visit has not judged the attempt: what was valid stays so.
            if failed:
                self._ended = VisitOutcome.FAILED, failure or "an instrument failed and the operator ended the visit"
            return answer.choice
        reason = answer.reason or record.invalid_reason or "no reason given"
        self._reject(record, reason, "skip" if answer.choice is Choice.SKIP else "invalid")
        if answer.choice is Choice.SKIP:
            self._deviate("skipped", f"no further attempt: {reason}", record.sequence_index)
        elif made >= most:
            self._deviate("attempts", f"one more than the protocol's {most}: {reason}", record.sequence_index)
        return answer.choice

    def _stimuli(self, planned: PlannedTrial) -> int:
        """How many attempts at this trial have begun their ramp."""
        mine = (trial for trial in self._trials if trial.sequence_index == planned.sequence_index)
        return sum(trial.ramp_duration_s is not None for trial in mine)

    # -- endings --------------------------------------------------------------------------------------------------

    def _end(self, outcome: VisitOutcome, reason: str) -> VisitResult:
        summary = self._scorer([judged(trial, self._rejected) for trial in self._trials])
        self._log.write(records.End(outcome=outcome, reason=reason, n_trials=len(self._trials), summary=summary))
        self._log.commit()
        return VisitResult(outcome=outcome, reason=reason, trials=tuple(self._trials), summary=summary)

    # -- records --------------------------------------------------------------------------------------------------

    def _reject(self, record: Trial, reason: str, decision: str = "invalid") -> None:
        self._decide(record.sequence_index, record.attempt, decision, reason)
        self._rejected.add((record.sequence_index, record.attempt))
        self._desk.tell(
            Remark(f"     attempt {record.attempt} at trial {record.sequence_index} does not count: {reason}")
        )

    def _decide(self, sequence_index: int, attempt: int, decision: str, reason: str) -> None:
        self._log.write(
            records.Decision(
                sequence_index=sequence_index, attempt=attempt, decision=decision, reason=reason, by=self._desk.by
            )
        )

    def _deviate(self, kind: str, text: str, sequence_index: int) -> None:
        self._log.write(records.Deviation(kind=kind, text=text, sequence_index=sequence_index))
