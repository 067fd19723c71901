"""Handwritten thresholds against the protocol that they were taken by: what is missing, and what the scores are."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from qst.analysis.importing.handwritten_rows import HandRow
from qst.analysis.scores import latest_valid, score_all
from qst.protocol.plan import Plan, PlannedTrial
from qst.record.records import Score
from qst.units import to_display


class Checked(NamedTuple):
    """One participant's visit: its scores, planned trials that have no line or no valid one, lines of no trial."""

    study_id: str
    participant_id: str
    visit: int
    scores: tuple[Score, ...]
    missing: tuple[PlannedTrial, ...]
    extra: tuple[HandRow, ...]


class _Attempt(NamedTuple):
    """A line as scoring sees it: the only attempt at its trial."""

    sequence_index: int
    attempt: int
    supersedes: int | None
    valid: bool
    censoring: str
    source: str
    unit_ucum: str
    value_reported: float | None
    value_display: float | None
    value_at_response: float | None
    value_peak: float | None


def check_against(plan: Plan, rows: Iterable[HandRow]) -> list[Checked]:
    """Hold rows against a plan, visit by visit, in the order in which the visits appear.

    A line belongs to the trial with its modality, site, side and repeat. Practice is not expected: nobody scores it.

    Args:
        plan: of the protocol by which the thresholds were taken; its order of trials does not matter.
        rows: as ``read_handwritten`` gives them.
    """
    visits: dict[tuple[str, str, int], list[HandRow]] = {}
    for row in rows:
        visits.setdefault((row.study_id, row.participant_id, row.visit), []).append(row)
    return [_check(plan, *key, lines) for key, lines in visits.items()]


def _check(plan: Plan, study_id: str, participant_id: str, visit: int, rows: Sequence[HandRow]) -> Checked:
    planned = {_trial_key(trial): trial for trial in plan.trials if not trial.is_practice}
    attempts = [_attempt(planned[key], row) for row in rows if (key := _row_key(row)) in planned]
    standing = latest_valid(attempts)
    return Checked(
        study_id=study_id,
        participant_id=participant_id,
        visit=visit,
        scores=score_all(plan, attempts),
        missing=tuple(trial for trial in planned.values() if trial.sequence_index not in standing),
        extra=tuple(row for row in rows if _row_key(row) not in planned),
    )


_Key = tuple[str, str, str, int]


def _trial_key(trial: PlannedTrial) -> _Key:
    return trial.modality.value, trial.site_code, trial.side, trial.repeat_index


def _row_key(row: HandRow) -> _Key:
    return row.modality.value, row.site_code, row.side, row.repeat


def _attempt(trial: PlannedTrial, row: HandRow) -> _Attempt:
    """The line as an attempt; a value in another unit than the protocol's is converted and not rounded."""
    unit = trial.rounding.display_unit
    converted = None if row.value is None else to_display(row.value, unit)
    return _Attempt(
        sequence_index=trial.sequence_index,
        attempt=1,
        supersedes=None,
        valid=row.valid,
        censoring=row.censoring,
        source="operator",
        unit_ucum="Cel" if unit == "Cel" else "kPa",
        value_reported=row.value,
        value_display=row.value_display if row.display_unit == unit else converted,
        value_at_response=None,
        value_peak=row.value,
    )
