"""One visit in a few lines: its scores, and how complete it is."""

import msgspec

from qst.analysis.scores import latest_valid, score_all
from qst.protocol.plan import Plan
from qst.record.records import Censoring, Score, VisitOutcome
from qst.record.visit_log import VisitLog


class VisitSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What a visit came to.

    ``missing`` lists the planned trials, by sequence index, that have no valid attempt. ``scores`` are those of the
    plan when one was given; else those that the visit itself recorded at its end, none if it recorded no end.
    """

    participant_id: str
    visit: int
    protocol_id: str
    simulated: bool
    outcome: VisitOutcome
    started_utc: str
    ended_utc: str
    scores: tuple[Score, ...]
    n_planned: int
    n_attempts: int
    n_invalid: int
    n_interrupted: int
    n_censored: int
    missing: tuple[int, ...]
    n_deviations: int
    n_adverse_events: int
    n_sessions: int
    torn: bool
    damage: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every planned trial has a valid attempt."""
        return not self.missing


def summarise(log: VisitLog, plan: Plan | None = None) -> VisitSummary | None:
    """The summary of a log; None when it has no readable header to say whose it is.

    Args:
        log: a log as ``read_log`` returns it.
        plan: what the log's protocol and seed come to; needed for the scores of a visit that did not end.
    """
    header = log.header
    if header is None:
        return None
    trials = log.trials
    standing = latest_valid(trials)
    return VisitSummary(
        participant_id=header.participant_id,
        visit=header.visit,
        protocol_id=header.protocol_id,
        simulated=header.simulated,
        outcome=log.outcome,
        started_utc=log.entries[0].utc,
        ended_utc=log.entries[-1].utc,
        scores=_recorded_scores(log) if plan is None else score_all(plan, trials),
        n_planned=header.n_planned,
        n_attempts=len(log.attempts),
        n_invalid=sum(not trial.valid for trial in trials),
        n_interrupted=len(log.interrupted_attempts),
        n_censored=sum(trial.censoring is not Censoring.NONE for trial in standing.values()),
        missing=tuple(index for index in range(1, header.n_planned + 1) if index not in standing),
        n_deviations=len(log.deviations),
        n_adverse_events=len(log.adverse_events),
        n_sessions=len(log.sessions),
        torn=log.torn is not None,
        damage=tuple(damage.what for damage in log.damage),
    )


def _recorded_scores(log: VisitLog) -> tuple[Score, ...]:
    end = log.sessions[-1].end if log.sessions else None
    return end.summary if end is not None else ()
