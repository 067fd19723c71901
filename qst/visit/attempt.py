"""One attempt at one trial: the state machine joined to its instrument, the button, the operator and the log.

Everything that ends a stimulus reaches the instrument before it reaches the log.
"""

from collections.abc import Sequence

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.clock import Clock
from qst.errors import InstrumentError, InstrumentFaultError, LinkError, QstError, WireError
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
from qst.visit.desk import Desk, LogSink, VisitStopped
from qst.visit.entry import Entry, enter_value
from qst.visit.journal import AttemptJournal
from qst.visit.operator import Alarm, Measured, Pace, ReleaseNow, Remark, TrialBegan
from qst.visit.outcome import trial_record
from qst.visit.rates import achieved_rate
from qst.visit.states import BEFORE_RAMP, Action, TrialState
from qst.visit.trial import LOOK, LimitsTrial, held_button

#: Time between two looks at the instrument while nothing ramps, s.
IDLE_PERIOD_S = 0.1
#: A hand-held gauge streams 50 readings a second; this is how often they are fetched, s.
GAUGE_PERIOD_S = 0.02
#: A ramp may move this far between two looks, °C: the last value before a press is at most this far from the press.
STEP_C = 0.009
#: Shortest and longest time between two looks at a thermode that ramps, s. MMS drops requests above about 100 a second.
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 0.01, 0.03
#: How long a button may be down before an attempt begins, s; an accidental press is over by then.
HELD_S = 2.0
#: How long a simulated hand may take to let go before its gauge is read, s.
LET_GO_S = 1.5
#: An instrument that failed; everything else is a defect of the suite and is not caught here.
INSTRUMENT_FAILURES = (InstrumentError, LinkError, WireError)


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
        self._stopped = False
        self.paused = False  # ended before its ramp because a pause was asked for
        self._entry = Entry(value_kpa=None, raw_text="")
        self.peak_note = ""  # how the gauge's own peak differs from its readings
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
            Aborted: the switch was thrown; the instrument is safe and the attempt is recorded before this goes on.
            VisitStopped: the visit was ended while the value was being entered; likewise recorded.
            LogWriteError: the log cannot be written; the instrument is safe.
        """
        planned = self._planned
        self._journal.begin(self._supersedes)
        self._desk.tell(TrialBegan(planned, self._attempt, n_trials))
        ended: BaseException | None = self._run_safely()
        if ended is None:
            try:
                self._read_peak(earlier_kpa)
            except (Aborted, VisitStopped) as stopped:
                # The stimulus is over; what was measured is recorded before the visit ends.
                ended = stopped
        self._name_fault()
        with self._abort.shielded():
            record = self._record(last_stimulus_s)
        if ended is not None:
            raise ended
        return record

    # -- the loop -------------------------------------------------------------------------------------------------

    def _run_safely(self) -> Aborted | None:
        """The loop, with every way out of it leading through safety."""
        try:
            self._set_up()
            self._loop()
        except Aborted as aborted:
            with self._abort.shielded():
                found = self._trial.state
                self._guarded(self._trial.stop(aborted.cause, self._clock.monotonic()))
                self._journal.stop(aborted.cause.value, found)
                self._loop()
            return aborted
        except BaseException:
            self._make_safe()
            raise
        return None

    def _set_up(self) -> None:
        try:
            self._prepare()
            self._do(self._trial.start())
        except INSTRUMENT_FAILURES as error:
            self._fail(error)

    def _prepare(self) -> None:
        ramp, bench = self._planned.ramp, self._bench
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
        """One look at everything: the operator first, because a stop waits for nothing."""
        trial, now_s = self._trial, self._clock.monotonic()
        self._desk.listen()
        self._obey_operator(now_s)
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

    def _obey_operator(self, now_s: float) -> None:
        """A stop at once; a pause only while no ramp runs, and then the attempt ends before its ramp."""
        desk, trial = self._desk, self._trial
        if desk.stop_asked is not None and not self._stopped:
            self._stopped = True
            found = trial.state
            try:
                self._do(trial.stop(desk.stop_asked, now_s))
            finally:
                # An instrument that fails to obey does not unmake the wish.
                self._journal.stop(desk.stop_asked.value, found)
        elif desk.pause_asked and trial.state in BEFORE_RAMP:
            self.paused = True
            self._do(trial.stop(AbortCause.OPERATOR_STOP, now_s))

    def _may_start(self) -> bool:
        """Whether the instrument would obey; a hand always does."""
        thermode = self._bench.thermode
        return self._planned.modality is Modality.PRESSURE or (thermode is not None and thermode.ready())

    def _feed(self, samples: Sequence[Sample]) -> None:
        trial, account = self._trial, self._account
        tell, follows = self._desk.tell, self._desk.follows_samples
        for sample in samples:
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

    # -- carrying out ---------------------------------------------------------------------------------------------

    def _do(self, actions: Sequence[Action]) -> None:
        """Carry out what the state machine decided, in its order."""
        for action in actions:
            match action:
                case Action.STOP:
                    self._instrument.stop()
                case Action.MAKE_SAFE:
                    self._name_fault()
                    self._make_safe()
                case Action.ADAPT:
                    if self._bench.thermode is not None:
                        self._bench.thermode.adapt()
                case Action.BEGIN:
                    self._begin()
                case Action.RELEASE:
                    self._release()
                case Action.ALARM:
                    self._alarm()

    def _guarded(self, actions: Sequence[Action]) -> None:
        """Carry out, and turn a failing instrument into the end of the trial."""
        try:
            self._do(actions)
        except INSTRUMENT_FAILURES as error:
            self._fail(error)

    def _begin(self) -> None:
        self._instrument.begin()
        if isinstance(self._planned.ramp, PressureRamp) and self._bench.hands is not None:
            self._bench.hands.press(rate_kpa_per_s=self._planned.ramp.rate_kpa_per_s)

    def _release(self) -> None:
        if self._bench.hands is not None:
            self._bench.hands.release()
        self._desk.tell(ReleaseNow())

    def _alarm(self) -> None:
        alarm = self._trial.alarm
        if alarm is not None:
            self._desk.tell(Alarm(alarm.text, urgent=alarm.urgent))

    def _make_safe(self) -> None:
        try:
            self._instrument.make_safe()
        except INSTRUMENT_FAILURES as error:
            # Nothing more can be done from here; the operator is told to take the instrument off the skin.
            self.fault = self.fault or error

    def _fail(self, error: QstError) -> None:
        self.fault = self.fault or error
        # Making safe may take seconds when nothing answers: the operator's hands are faster.
        self._desk.tell(Remark(f"{error}. {error.remedy}".strip()))
        doubtful = isinstance(error, InstrumentError)
        self._do(self._trial.fault(error, self._clock.monotonic(), doubtful=doubtful))

    def _read_peak(self, earlier_kpa: Sequence[float]) -> None:
        """The value that stands on the gauge after the press: read by software, or typed in by the operator."""
        trial, gauge = self._trial, self._bench.algometer
        if gauge is None or self._planned.modality is not Modality.PRESSURE or self.fault is not None:
            return
        elapsed_s = trial.result().ramp_duration_s
        if isinstance(gauge, OperatorRead):
            if elapsed_s is not None and trial.result().outcome is not Outcome.TIMEOUT:
                self._entry = enter_value(
                    self._desk,
                    gauge,
                    self._planned,
                    elapsed_s=elapsed_s,
                    earlier_kpa=earlier_kpa,
                    shown=self._simulated_display(),
                )
            return
        try:
            gauge.stop()
            self._entry = Entry(value_kpa=gauge.peak_kpa(), raw_text="")
            self.peak_note = self._compare_peak(gauge.capabilities.resolution)
        except INSTRUMENT_FAILURES as error:
            # The readings stand; the gauge's own peak is missing and the fault says why.
            self.fault = error

    def _simulated_display(self) -> str:
        """What a simulated console shows once the hand has let go; a real one only the operator can see."""
        hands = self._bench.hands
        if hands is None:
            return ""
        self._desk.rest(self._clock.monotonic() + LET_GO_S)
        return hands.read_display()

    def _compare_peak(self, resolution_kpa: float) -> str:
        """The gauge's peak against the greatest reading: they may differ by two digits, or by one reading's rise."""
        peak, seen = self._entry.value_kpa, self._trial.result().value_peak
        rate, _ = achieved_rate(self._trial.ramp_samples)
        if peak is None or seen is None or rate is None:
            return ""
        if abs(peak - seen) <= max(2 * resolution_kpa, rate * GAUGE_PERIOD_S) + 1e-9:
            return ""
        return f"the gauge's own peak is {peak:.2f} kPa, the greatest reading {seen:.2f} kPa"

    # -- recording ------------------------------------------------------------------------------------------------

    def _name_fault(self) -> None:
        """What the trial found in its own readings is a fault like every other, in the log and for the operator."""
        trial = self._trial
        if self.fault is None and (trial.failure is not None or trial.outcome is Outcome.DEVICE_FAULT):
            self.fault = trial.failure or InstrumentFaultError(trial.invalid_reason, remedy=LOOK)
            self._desk.tell(Remark(f"{self.fault}. {self.fault.remedy}"))

    def _record(self, last_stimulus_s: float | None) -> records.Trial:
        trace_sha256 = self._journal.finish(self.fault)
        record = trial_record(
            self._trial,
            attempt=self._attempt,
            supersedes=self._supersedes,
            instrument=self._bench.driver(self._planned.modality),
            peak=self._entry.value_kpa,
            raw_text=self._entry.raw_text,
            last_stimulus_s=last_stimulus_s,
            # Nobody knows what the skin had in a gap.
            dose=self._account.dose if self._account is not None and not self._trial.blind_s else None,
            trace_sha256=trace_sha256,
            invalid_reason=self._entry.problem,
        )
        self._journal.result(record)
        self.record = record
        return record


def ramp_period_s(planned: PlannedTrial) -> float:
    """Time between two looks at the instrument while this trial ramps, s."""
    ramp = planned.ramp
    if not isinstance(ramp, ThermalRamp):
        return GAUGE_PERIOD_S
    return min(max(STEP_C / ramp.rate_c_per_s, SHORTEST_PERIOD_S), LONGEST_PERIOD_S)
