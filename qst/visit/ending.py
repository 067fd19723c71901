"""How a visit ends: the instruments first, then the operator, then the log; and what the stops come to."""

from collections.abc import Sequence

from qst.abort import CAUSE_WORDS, AbortCause, AbortSwitch
from qst.errors import QstError
from qst.instruments import Instrument
from qst.record import records
from qst.record.records import VisitOutcome
from qst.visit.commands import make_safe
from qst.visit.desk import LogSink


class Ending:
    """The end of a visit, or of a session that came to none.

    Args:
        log: the visit's log.
        abort: knows who stopped the visit.
    """

    def __init__(self, log: LogSink, abort: AbortSwitch) -> None:
        self._log = log
        self._abort = abort
        self._unsafe: list[QstError] = []

    def make_safe(self, instruments: Sequence[Instrument]) -> bool:
        """Make the instruments safe, in this order. Writes nothing. Returns whether every one of them is."""
        self._unsafe += make_safe(instruments, self._abort)
        return not self._unsafe

    def stopped(self) -> tuple[VisitOutcome, str]:
        """What the stops that ended the visit come to. Who wanted to stop for good is not asked to resume."""
        standing = tuple(dict.fromkeys(self._abort.standing))
        outcome = VisitOutcome.WITHDRAWN if self.withdrawn else VisitOutcome.INTERRUPTED
        return outcome, "; ".join(CAUSE_WORDS[cause] for cause in standing)

    @property
    def withdrawn(self) -> bool:
        """Whether the participant has said that it is enough, whatever else ended the visit."""
        return AbortCause.PARTICIPANT_WITHDREW in self._abort.standing

    def record(self, found: str, fault: QstError | None = None) -> None:
        """Write down what nobody has written yet: the stops, the fault that ended the visit, instruments not safe.

        Args:
            found: what the stops found the visit doing.
            fault: what failed, when no stop but a failure ended it.
        """
        for cause in self._abort.take():
            self._log.write(records.Stop(cause=cause.value, state=found))
        if fault is not None:
            write_fault(self._log, fault, did="ended the visit; it can be resumed")
        for error in self._unsafe:
            what_next = error.did or "nothing more can be done by software"
            write_fault(self._log, error, did=f"tried to make it safe; {what_next}")
        self._unsafe.clear()


def write_fault(log: LogSink, error: QstError, *, did: str, sequence_index: int | None = None) -> None:
    """Record what failed, and what was done about it."""
    log.write(
        records.Fault(
            code=error.code,
            what=error.what,
            where=error.where,
            did=did,
            remedy=error.remedy,
            sequence_index=sequence_index,
        )
    )
