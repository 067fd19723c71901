"""One attempt at one trial: the state machine joined to its instrument, the button, the operator and the log.

A stop is raised out of whatever the attempt is doing (:class:`qst.abort.Aborted`), reaches the instrument, and only
then the log: :meth:`Attempt._run_safely` and :meth:`Attempt._stop` are the whole of that way.
"""

import functools
from collections.abc import Callable, Sequence

from qst.abort import AbortCause, Aborted, AbortSwitch, ends_the_visit, strongest
from qst.clock import Clock
from qst.errors import DefectError, InstrumentError, InstrumentFaultError, LogWriteError, QstError
from qst.instruments import (
    Modality,
    OperatorRead,
    PressureRamp,
    Reading,
    ResponseButton,
    Sample,
    ThermalRamp,
)
from qst.protocol.plan import PlannedTrial
from qst.record import records
from qst.record.records import Outcome
from qst.safety import SkinAccount
from qst.visit.bench import Bench
from qst.visit.commands import INSTRUMENT_FAILURES, Commands, make_safe, tell_fault
from qst.visit.defects import unforeseen
from qst.visit.desk import Desk, LogSink
from qst.visit.journal import AttemptJournal
from qst.visit.operator import Measured, Pace, TrialBegan
from qst.visit.outcome import trial_record
from qst.visit.peak import Peak, read_peak
from qst.visit.periods import IDLE_PERIOD_S, ramp_period_s
from qst.visit.readings import no_number
from qst.visit.site_dose import known_dose
from qst.visit.states import BEFORE_RAMP, Action, TrialState
from qst.visit.trial import LimitsTrial, held_button
from qst.visit.way_back import LOOK

#: How long a button may be down before an attempt begins, s; an accidental press is over by then.
HELD_S = 2.0


class Attempt:
    """Runs one attempt from the first adaptation to the recorded result.

    Args:
        planned: the trial.
        attempt: 1, 2, … for this trial.
        supersedes: the attempt that this one repeats, if any.
        bench: instruments, button, hands.
        desk: the operator's side.
        log: the visit's log.
        clock: the visit's clock.
        abort: the switch that ends everything.
    """

    def __init__(
        self,
        planned: PlannedTrial,
        attempt: int,
        supersedes: int | None,
        *,
        bench: Bench,
        desk: Desk,
        log: LogSink,
        clock: Clock,
        abort: AbortSwitch,
    ) -> None:
        self._planned = planned
        self._attempt = attempt
        self._supersedes = supersedes
        self._bench = bench
        self._desk = desk
        self._clock = clock
        self._abort = abort
        self._instrument = bench.instrument(planned.modality)
        capabilities = self._instrument.capabilities
        operator_read = capabilities.reading is Reading.OPERATOR
        # An instrument with a button of its own sees the press first, and ends its ramp by it.
        self._button = None if capabilities.has_button else bench.button
        self._trial = LimitsTrial(planned, clock.monotonic(), operator_read=operator_read, can=capabilities)
        self._display = self._instrument if isinstance(self._instrument, OperatorRead) else None
        self._account = SkinAccount() if isinstance(planned.ramp, ThermalRamp) else None
        self._journal = AttemptJournal(self._trial, attempt, log, desk)
        self._ramp_period_s = ramp_period_s(planned)
        self._commands = Commands(self._trial, self._instrument, bench, desk, abort)
        self._peak = Peak()
        self._ended: AbortCause | None = None  # the stop that ends the visit, too
        self._defect: DefectError | None = None  # what nobody foresaw; it ends the visit as well
        self.paused = False  # ended before its ramp because a pause was asked for
        self.fault: QstError | None = None
        self.record: records.Trial | None = None

    @property
    def held_note(self) -> str:
        """How long the hand pressed on after it was told to let go; empty when it did in time."""
        return "" if self._trial.hand is None else self._trial.hand.note

    def run(self, *, n_trials: int, last_stimulus_s: float | None, earlier_kpa: Sequence[float] = ()) -> records.Trial:
        """Run it; the record is in the log, not yet committed.

        Args:
            n_trials: how many trials the plan has, for the operator.
            last_stimulus_s: host time at which the last stimulus ended, if there was one.
            earlier_kpa: earlier values at this site, against which a typed value is checked.

        Raises:
            Aborted: a stop ends the visit; the instrument is safe and the attempt is recorded before this goes on.
            DefectError: something that nobody foresaw; the instrument was made safe, and both the attempt and the
                fault are recorded before this goes on.
            LogWriteError: the log cannot be written; the instrument is safe.
        """
        self._run_safely(n_trials)
        ended: BaseException | None = None if self._ended is None else Aborted(self._ended)
        if ended is None:
            try:
                self._read_peak(earlier_kpa)
            except Aborted as stopped:
                # The stimulus is over; what was measured is recorded before the visit ends.
                ended = stopped
            except LogWriteError:
                raise
            except Exception as error:  # noqa: BLE001 - a defect; it is raised again below
                self.fault = self._defect = unforeseen(error)
        self.fault = self.fault or self._commands.failure
        self._name_fault()
        with self._abort.shielded():
            record = self._record(last_stimulus_s)
        ended = ended or self._defect
        if ended is not None:
            raise ended
        return record

    @property
    def peak_note(self) -> str:
        """How the gauge's own peak differs from its readings."""
        return self._peak.note

    # -- stops ----------------------------------------------------------------------------------------------------

    def _run_safely(self, n_trials: int) -> None:
        """The attempt, with every way out of it leading through safety.

        A stop is obeyed and the attempt goes on to its end: the way back. Meanwhile only a stronger stop breaks in, and
        is obeyed in the same way. What nobody foresaw ends it like a fault, so that it has its record; once.
        """
        turn: Callable[[], None] = functools.partial(self._begin, n_trials)
        try:
            while True:
                try:
                    turn()
                    break
                except Aborted:
                    turn = self._stop
                except LogWriteError:
                    raise
                except Exception as error:
                    if self._defect is not None:
                        raise
                    self._defect = unforeseen(error)
                    turn = functools.partial(self._fail, self._defect)
        except BaseException:
            self._commands.make_safe()
            raise
        self._forget_stops()

    def _stop(self) -> None:
        """Obey the stops that came: the instrument first, then the log; then the way back."""
        causes, found = self._abort.take(), self._trial.state
        cause = strongest(causes)
        try:
            if cause is not None:
                actions = self._trial.stop(cause, self._clock.monotonic())
                if self._commands.cut_short:  # the instrument may have heard the command or not
                    actions = [Action.MAKE_SAFE, Action.RELEASE]
                self._guarded(actions)
                if ends_the_visit(cause):
                    # The other one may lie on the skin as well, cold; what fails is tried again when the visit ends.
                    make_safe(self._bench.others(self._instrument), self._abort)
        finally:
            # A stronger stop that breaks in, or an instrument that fails to obey, does not unmake the wish.
            for each in causes:
                self._journal.stop(each, found)
        self._loop()

    def _forget_stops(self) -> None:
        """The stimulus is over: what was thrown until now belonged to it, and what comes from here on does not."""
        for cause in self._abort.take():
            self._journal.stop(cause, self._trial.state)
        obeyed = self._abort.obeyed
        if obeyed is not None and ends_the_visit(obeyed):
            self._ended = obeyed
        self._abort.clear()

    # -- the loop -------------------------------------------------------------------------------------------------

    def _begin(self, n_trials: int) -> None:
        self._journal.begin(self._supersedes)
        self._desk.tell(TrialBegan(self._planned, self._attempt, n_trials))
        self._set_up()
        self._loop()

    def _set_up(self) -> None:
        try:
            self._prepare()
            self._do(self._trial.start())
        except INSTRUMENT_FAILURES as error:
            self._fail(error)

    def _prepare(self) -> None:
        ramp, bench = self._planned.ramp, self._bench
        bench.refuse(self._planned)
        if isinstance(ramp, PressureRamp):
            if bench.algometer is not None:
                bench.algometer.prepare(ramp)
                bench.algometer.tare()
        elif bench.thermode is not None:
            bench.thermode.prepare(ramp)
        if self._button is not None:
            self._await_release(self._button)

    def _await_release(self, button: ResponseButton) -> None:
        """Presses from before the attempt mean nothing; a button that stays down is one that cannot answer."""
        waits_until_s = self._clock.monotonic() + HELD_S
        while button.pressed():
            if self._clock.monotonic() > waits_until_s:
                raise held_button()
            self._clock.sleep(IDLE_PERIOD_S)
            self._desk.listen()
        button.edges()

    def _loop(self) -> None:
        trial, clock = self._trial, self._clock
        next_s = clock.monotonic()
        while True:
            try:
                self._step()
            except INSTRUMENT_FAILURES as error:
                self._fail(error)
            self._journal.catch_up()
            if trial.state is TrialState.DONE:
                return
            period_s = self._ramp_period_s if trial.state is TrialState.RAMP else IDLE_PERIOD_S
            next_s = max(next_s + period_s, clock.monotonic())
            clock.sleep(next_s - clock.monotonic())

    def _step(self) -> None:
        """One look at everything."""
        trial, now_s = self._trial, self._clock.monotonic()
        self._desk.listen()
        if self._desk.pause_asked and trial.state in BEFORE_RAMP:
            # A pause begins while no ramp runs: the attempt ends before its ramp.
            self.paused = True
            self._do(trial.stop(AbortCause.OPERATOR_STOP, now_s))
        if self._button is not None:
            for edge in self._button.edges():
                self._do(trial.edge(edge))
        if not trial.operator_read:
            self._feed(self._instrument.poll())
        self._do(trial.tick(self._clock.monotonic()))
        if trial.state is TrialState.READY and self._may_start():
            self._do(trial.arm(self._clock.monotonic()))
        if trial.operator_read and trial.state is TrialState.RAMP:
            self._pace(now_s)

    def _may_start(self) -> bool:
        """Whether the instrument would obey; a hand always does."""
        thermode = self._bench.thermode
        return self._planned.modality is Modality.PRESSURE or (thermode is not None and thermode.ready())

    def _feed(self, samples: Sequence[Sample]) -> None:
        trial, account = self._trial, self._account
        tell, follows = self._desk.tell, self._desk.follows_samples
        for sample in samples:
            wrong = no_number(sample)
            if wrong is not None:
                self._fail(wrong)
                return
            if account is not None:
                too_much = account.add(sample.time_s, sample.value)
                if too_much is not None:
                    self._fail(too_much)
                    return
            actions = trial.sample(sample)
            if actions:
                self._do(actions)
            if follows:
                tell(Measured(sample.time_s, sample.value))

    def _pace(self, now_s: float) -> None:
        if self._display is not None:
            elapsed_s = now_s - self._trial.changes[-1][0]
            self._desk.tell(Pace(elapsed_s, self._display.expected_display(elapsed_s)))

    # -- faults ---------------------------------------------------------------------------------------------------

    def _do(self, actions: Sequence[Action]) -> None:
        if Action.MAKE_SAFE in actions:
            self._name_fault()  # making safe may take seconds when nothing answers: the operator's hands are faster
        self._commands.do(actions)

    def _guarded(self, actions: Sequence[Action]) -> None:
        """Carry out, and turn a failing instrument into the end of the trial."""
        try:
            self._do(actions)
        except INSTRUMENT_FAILURES as error:
            self._fail(error)

    def _fail(self, error: QstError) -> None:
        self.fault = self.fault or error
        tell_fault(self._desk, error)
        doubtful = isinstance(error, InstrumentError | DefectError)
        self._do(self._trial.fault(error, self._clock.monotonic(), doubtful=doubtful))

    def _read_peak(self, earlier_kpa: Sequence[float]) -> None:
        if self._planned.modality is Modality.PRESSURE and self.fault is None:
            self._peak = read_peak(self._trial, self._bench, self._desk, self._clock, earlier_kpa)
            self.fault = self._peak.fault

    # -- recording ------------------------------------------------------------------------------------------------

    def _name_fault(self) -> None:
        """What the trial found in its own readings is a fault like every other, in the log and for the operator."""
        trial = self._trial
        if self.fault is None and (trial.failure is not None or trial.outcome is Outcome.DEVICE_FAULT):
            self.fault = trial.failure or InstrumentFaultError(trial.invalid_reason, remedy=LOOK)
            tell_fault(self._desk, self.fault)

    def _record(self, last_stimulus_s: float | None) -> records.Trial:
        # That making safe failed is told even if something else had failed before.
        trace_sha256 = self._journal.finish(self.fault, self._commands.failure)
        record = trial_record(
            self._trial,
            attempt=self._attempt,
            supersedes=self._supersedes,
            instrument=self._bench.driver(self._planned.modality),
            peak=self._peak.entry.value_kpa,
            raw_text=self._peak.entry.raw_text,
            last_stimulus_s=last_stimulus_s,
            dose=known_dose(self._account, self._trial, failed=self.fault is not None),
            trace_sha256=trace_sha256,
            invalid_reason=self._peak.entry.problem,
        )
        self._journal.result(record)
        self.record = record
        return record
