"""What an attempt leaves in the log, in the order in which it happens."""

from qst.abort import AbortCause
from qst.errors import QstError
from qst.instruments import Modality
from qst.record import records
from qst.record.lines import TraceHasher
from qst.visit.desk import Desk, LogSink
from qst.visit.operator import StateEntered
from qst.visit.states import TrialState
from qst.visit.trial import LimitsTrial

#: Samples in one trace record. A process that is killed loses at most this much of a trace.
TRACE_CHUNK = 128


class AttemptJournal:
    """Writes one attempt's records, traces chunk by chunk.

    Args:
        trial: the state machine that the attempt runs.
        attempt: 1, 2, … for this trial.
        log: the visit's log.
        desk: told of every state, for the operator to see.
    """

    def __init__(self, trial: LimitsTrial, attempt: int, log: LogSink, desk: Desk) -> None:
        self._trial = trial
        self._index = trial.planned.sequence_index
        self._attempt = attempt
        self._log = log
        self._desk = desk
        self._told = 0  # state changes already recorded
        self._traced = 0  # samples already recorded
        self._hasher = TraceHasher()

    def begin(self, supersedes: int | None) -> None:
        """The attempt begins; on the disk when this returns."""
        planned = self._trial.planned
        self._log.write(
            records.TrialStart(
                sequence_index=self._index,
                attempt=self._attempt,
                step_id=planned.step_id,
                block=planned.block,
                modality=planned.modality,
                site_code=planned.site_code,
                side=planned.side,
                repeat_index=planned.repeat_index,
                is_practice=planned.is_practice,
                supersedes=supersedes,
            )
        )
        self._log.commit()

    def catch_up(self) -> None:
        """Record new states and full chunks of trace; whether the log still takes anything shows at every call."""
        trial = self._trial
        self._log.check()
        if self._told == len(trial.changes) and len(trial.samples) - self._traced < TRACE_CHUNK:
            return
        while self._told < len(trial.changes):
            _, state = trial.changes[self._told]
            self._told += 1
            self._log.write(records.State(sequence_index=self._index, attempt=self._attempt, state=state.value))
            self._desk.tell(StateEntered(state.value))
        while len(trial.samples) - self._traced >= TRACE_CHUNK:
            self._write_trace(TRACE_CHUNK)

    def stop(self, cause: AbortCause, found: TrialState) -> None:
        """Somebody stopped the attempt, and found it in this state."""
        self._log.write(records.Stop(cause=cause.value, state=found.value))

    def finish(self, fault: QstError | None, unsafe: QstError | None) -> str:
        """Record whatever is left. Returns the fingerprint of the traces.

        Args:
            fault: what ended the attempt, or failed on its way back.
            unsafe: why the instrument could not be made safe; may be the same one.
        """
        self.catch_up()
        rest = len(self._trial.samples) - self._traced
        if rest:
            self._write_trace(rest)
        if fault is not None and fault is not unsafe:
            ended = "ended the attempt" if unsafe is not None else "made the instrument safe and ended the attempt"
            self._fault(fault, ended)
        if unsafe is not None:
            self._fault(unsafe, "tried to make the instrument safe; whether it is safe is not known")
        return self._hasher.hexdigest()

    def _fault(self, fault: QstError, did: str) -> None:
        self._log.write(
            records.Fault(
                code=fault.code,
                what=fault.what,
                where=fault.where,
                did=fault.did or did,
                remedy=fault.remedy,
                sequence_index=self._index,
            )
        )

    def result(self, record: records.Trial) -> None:
        """The result itself."""
        self._log.write(record)

    def _write_trace(self, count: int) -> None:
        chunk = self._trial.samples[self._traced : self._traced + count]
        self._traced += count
        start_s = self._trial.started_s
        line_hash = self._log.write(
            records.Trace(
                sequence_index=self._index,
                attempt=self._attempt,
                unit="kPa" if self._trial.planned.modality is Modality.PRESSURE else "Cel",
                t_s=[round(time_s - start_s, 4) for time_s, _ in chunk],
                value=[round(value, 4) for _, value in chunk],
            )
        )
        self._hasher.add(line_hash)
