"""What an interrupted visit left behind, and where to go on."""

from qst.record.visit_log import Attempt, VisitLog
from qst.visit.engine import History


def history_of(log: VisitLog) -> History:
    """The history to resume from.

    A trial is finished when its last attempt was accepted or skipped, or is valid and was not judged before the
    interruption. A last attempt that was begun without a result, or was to be repeated, leaves its trial unfinished:
    the operator is asked about it, it is never repeated by itself.
    """
    last: dict[int, Attempt] = {}
    for attempt in log.attempts:
        last[attempt.sequence_index] = attempt
    open_attempts = [attempt for attempt in last.values() if not _finished(attempt)]
    unfinished = min(open_attempts, key=lambda attempt: attempt.sequence_index, default=None)
    next_index = max(last, default=0) + 1
    return History(
        trials=log.trials,
        unrecorded=tuple((attempt.sequence_index, attempt.attempt) for attempt in log.interrupted_attempts),
        rejected=frozenset((a.sequence_index, a.attempt) for a in log.attempts if a.trial is not None and not a.valid),
        unfinished=None if unfinished is None else (unfinished.sequence_index, unfinished.attempt),
        next_index=next_index if unfinished is None else unfinished.sequence_index,
    )


def _finished(attempt: Attempt) -> bool:
    if attempt.trial is None:
        return attempt.decision is not None and attempt.decision.decision == "skip"
    if attempt.decision is not None:
        return attempt.decision.decision != "invalid"
    return attempt.trial.valid
