"""Summary values: which attempts count, and what they come to.

The scores of the reference study are arithmetic means of reported thresholds (Younger & Mackey 2009, Pain Medicine
10:663). A mean never hides what it leaves out: it comes with the number of planned, counted and censored trials.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple, Protocol, TypeVar

from qst.protocol.plan import Plan, PlannedTrial, ScoreRule
from qst.record.records import Censoring, Score

#: Scoring rules by what a protocol says (rule, treatment of censored trials): the names under which tables record them.
RULES: Final = {("mean", "exclude"): "mean-of-reported-censored-excluded-v1"}


class Scorable(Protocol):
    """What scoring needs to know about an attempt; a ``Trial`` has it, and so has a row of the trial table."""

    @property
    def sequence_index(self) -> int:
        """Which planned trial."""

    @property
    def attempt(self) -> int:
        """Which attempt at it."""

    @property
    def supersedes(self) -> int | None:
        """The attempt that this one replaces."""

    @property
    def valid(self) -> bool:
        """Whether it stands after all judgements."""

    @property
    def censoring(self) -> str:
        """``none``, ``left`` or ``right``."""

    @property
    def source(self) -> str:
        """Who read the value."""

    @property
    def unit_ucum(self) -> str:
        """Unit of the values."""

    @property
    def value_reported(self) -> float | None:
        """After rounding."""

    @property
    def value_display(self) -> float | None:
        """The same in the unit in which it was rounded."""

    @property
    def value_at_response(self) -> float | None:
        """As measured."""

    @property
    def value_peak(self) -> float | None:
        """As measured."""


_Attempt = TypeVar("_Attempt", bound=Scorable)


class _Counted(NamedTuple):
    """A trial that goes into a mean: its reported value, the same in the display unit, and as measured."""

    reported: float
    display: float
    unrounded: float | None


def score_all(plan: Plan, trials: Sequence[Scorable]) -> tuple[Score, ...]:
    """All summary values of a plan.

    Args:
        plan: names the rules, and which trials each is about.
        trials: attempts, oldest first, ``valid`` as it stands when all judgements are in.
    """
    standing = latest_valid(trials)
    return tuple(score(rule, plan.trials, standing) for rule in plan.scores)


def latest_valid(trials: Sequence[_Attempt]) -> dict[int, _Attempt]:
    """The attempt that counts for each trial: the latest one that is valid and that no other supersedes.

    Args:
        trials: as for :func:`score_all`.
    """
    superseded = {(trial.sequence_index, trial.supersedes) for trial in trials}
    return {
        trial.sequence_index: trial
        for trial in trials
        if trial.valid and (trial.sequence_index, trial.attempt) not in superseded
    }


def score(rule: ScoreRule, planned: Sequence[PlannedTrial], standing: Mapping[int, Scorable]) -> Score:
    """One summary value. Values are °C or kPa; practice and censored trials never go into it.

    Args:
        rule: the protocol's rule.
        planned: the plan's trials.
        standing: the attempt that counts for each trial, by sequence index (:func:`latest_valid`).

    Raises:
        ValueError: the rule has a name that this version does not know.
    """
    rule_id(rule)
    asked = [one for one in planned if one.stimulus_id == rule.stimulus_id and not one.is_practice]
    made = [(one, standing[one.sequence_index]) for one in asked if one.sequence_index in standing]
    counted = [value for one, trial in made if (value := _counted(one, trial)) is not None]
    values = [value.reported for value in counted]
    return Score(
        id=rule.id,
        label=rule.label,
        modality=rule.modality,
        rule=rule.rule,
        unit_ucum=made[0][1].unit_ucum if made else _unit_of(rule),
        display_unit=rule.rounding.display_unit,
        n_planned=len(asked),
        n_valid=len(counted),
        n_censored=sum(trial.censoring != Censoring.NONE for _, trial in made),
        mean=_mean(values),
        mean_display=_decimal_mean([value.display for value in counted]),
        mean_unrounded=_mean([value.unrounded for value in counted]),
        sd=statistics.stdev(values) if len(values) > 1 else None,
        median=statistics.median(values) if values else None,
        min=min(values, default=None),
        max=max(values, default=None),
    )


def rule_id(rule: ScoreRule) -> str:
    """The name of the rule, one of :data:`RULES`.

    Raises:
        ValueError: this version does not know it.
    """
    known = RULES.get((rule.rule, rule.censored))
    if known is None:
        raise ValueError(f"unknown scoring rule {rule.rule!r} with censored trials {rule.censored!r}")
    return known


def _counted(planned: PlannedTrial, trial: Scorable) -> _Counted | None:
    """What a trial contributes; None when its threshold was not measured."""
    if trial.censoring != Censoring.NONE or trial.value_reported is None or trial.value_display is None:
        return None
    # A gauge that only the operator can read keeps its peak and nothing else.
    peak = trial.source == "operator" or planned.reading == "peak"
    return _Counted(trial.value_reported, trial.value_display, trial.value_peak if peak else trial.value_at_response)


def _unit_of(rule: ScoreRule) -> str:
    return "Cel" if rule.rounding.display_unit == "Cel" else "kPa"


def _mean(values: Sequence[float | None]) -> float | None:
    """Arithmetic mean; None of nothing, and None when one value is not known: it would be a mean of other trials."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known and len(known) == len(values) else None


def _decimal_mean(values: Sequence[float]) -> float | None:
    """Mean of values on a decimal grid, in decimal: 0.1 and 0.2 make 0.15 and no dust."""
    if not values:
        return None
    return float(sum(map(Decimal, map(repr, values)), Decimal()) / len(values))
