"""What an interrupted visit left behind, and where to go on."""

import re
from typing import Final

import msgspec

from qst.record.records import Answer, Resume, Trial
from qst.record.visit_log import Attempt, VisitLog
from qst.visit.operator import Choice
from qst.visit.site_dose import SiteDose

#: A judgement as far as its line, the answer or the decision, got to the disk.
_TORN: Final = re.compile(
    r'\{"type":"(?:answer|decision)",.*"(?:answer|decision)":"(\w+)(?:","reason":"((?:[^"\\]|\\.)*))?'
)
#: What the first letters of either stand for.
_REJECTIONS: Final = {"invalid": Choice.REPEAT, "repeat": Choice.REPEAT, "skip": Choice.SKIP}
_JUDGEMENTS: Final = {choice.value: choice for choice in (Choice.ACCEPT, Choice.REPEAT, Choice.SKIP)}


class Unjudged(msgspec.Struct, frozen=True, kw_only=True):
    """A valid attempt without a decision: the visit ended, or its process, while the operator was asked.

    ``said`` and ``reason`` are what the operator had answered, as far as the log, or a torn line of it, still tells.
    """

    sequence_index: int
    attempt: int
    said: Choice = Choice.ACCEPT
    reason: str = ""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What an earlier part of this visit left behind.

    Args:
        trials: recorded attempts as they were recorded, oldest first.
        rejected: (sequence_index, attempt) of attempts that do not count: rejected, or their judgement is lost.
        unfinished: (sequence_index, attempt) of an attempt that was begun and came to nothing that counts.
        unjudged: a valid attempt on which there is no decision.
        unrecorded: (sequence_index, attempt) of every attempt whose process died with it, whatever became of its trial.
        next_index: sequence index of the first trial still to do, or to be asked about.
        elsewhere: what other logs of this visit charge the skin with.
    """

    trials: tuple[Trial, ...] = ()
    rejected: frozenset[tuple[int, int]] = frozenset()
    unfinished: tuple[int, int] | None = None
    unjudged: Unjudged | None = None
    unrecorded: tuple[tuple[int, int], ...] = ()
    next_index: int = 1
    elsewhere: tuple[SiteDose, ...] = ()


def describe_left(left: Unjudged) -> str:
    """What the operator has to know before judging it."""
    text = "The visit was interrupted before this attempt was judged."
    if left.said is not Choice.ACCEPT:
        text += f" What is left of the answer: {left.said.value}, {left.reason or 'the reason is lost'}."
    return f"{text} It came to:"


def history_of(log: VisitLog) -> History:
    """The history to resume from.

    A trial is finished when its last attempt was accepted or skipped. A last attempt that was begun without a result,
    or was to be repeated, leaves its trial unfinished; one that is valid and was never judged is to be judged. The
    operator is asked about either, and nothing is repeated by itself.
    """
    last: dict[int, Attempt] = {}
    for attempt in log.attempts:
        last[attempt.sequence_index] = attempt
    open_attempts = [attempt for attempt in last.values() if not _finished(attempt)]
    unfinished = min(open_attempts, key=lambda attempt: attempt.sequence_index, default=None)
    next_index = max(last, default=0) + 1
    unjudged = _unjudged(log) if unfinished is None else None
    for asked_about in (unfinished, unjudged):
        if asked_about is not None:
            next_index = asked_about.sequence_index
    return History(
        trials=tuple(attempt.trial for attempt in log.attempts if attempt.trial is not None),
        unrecorded=tuple((attempt.sequence_index, attempt.attempt) for attempt in log.interrupted_attempts),
        rejected=frozenset((a.sequence_index, a.attempt) for a in log.attempts if a.trial is not None and not a.valid),
        unfinished=None if unfinished is None else (unfinished.sequence_index, unfinished.attempt),
        unjudged=unjudged,
        next_index=next_index,
    )


def _finished(attempt: Attempt) -> bool:
    if attempt.trial is None:
        return attempt.decision is not None and attempt.decision.decision == "skip"
    if attempt.decision is not None:
        return attempt.decision.decision != "invalid"
    return attempt.trial.valid


def _unjudged(log: VisitLog) -> Unjudged | None:
    """The attempt at which the visit stopped, where there is no decision on it."""
    last = log.attempts[-1] if log.attempts else None
    if last is None or last.trial is None or last.decision is not None:
        return None
    said, reason = Choice.ACCEPT, ""
    for record in [entry.record for entry in log.entries if entry.seq > last.seq]:
        if isinstance(record, Answer) and record.answer in _JUDGEMENTS:
            said, reason = _JUDGEMENTS[record.answer], record.reason
        elif isinstance(record, Resume):
            said, reason = _torn_rejection(record.torn) or (said, reason)
    said, reason = _torn_rejection(log.torn_text) or (said, reason)
    return Unjudged(sequence_index=last.sequence_index, attempt=last.attempt, said=said, reason=reason)


def _torn_rejection(text: str) -> tuple[Choice, str] | None:
    """The rejection, and its reason as far as it got, that a torn line is the beginning of."""
    found = _TORN.match(text)
    said = next((said for word, said in _REJECTIONS.items() if found is not None and word.startswith(found[1])), None)
    return None if said is None or found is None else (said, found[2] or "")
