"""How long a visit takes: shortest, expected and longest.

The handling time of a trial (moving the thermode or the tip, reading the text, accepting the value) and the share of a
ramp at which people respond are estimates, not findings; set-up, questionnaires and repeated attempts are not counted.
"""

from typing import Final

import msgspec

from qst.instruments import Modality, ThermalRamp
from qst.protocol.plan import Plan, PlannedTrial

#: Estimates: handling of one trial in s (shortest, expected, longest).
HANDLING_S: Final = (0.0, 20.0, 60.0)
#: Estimates from the group means of the reference study: share of the way to the cut-off at the first pain.
RESPONSE_SHARE: Final = {Modality.HEAT: 0.4, Modality.COLD: 0.15, Modality.PRESSURE: 0.2}

_SHORTEST, _EXPECTED, _LONGEST = range(3)


class PlanDuration(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in s. ``shortest``: every response at once; ``longest``: every wait and ramp to its time-out."""

    shortest_s: float
    expected_s: float
    longest_s: float


def plan_duration(plan: Plan) -> PlanDuration:
    """How long the trials of a plan take, one attempt each."""
    return PlanDuration(
        shortest_s=_total_s(plan, _SHORTEST), expected_s=_total_s(plan, _EXPECTED), longest_s=_total_s(plan, _LONGEST)
    )


def expected_ends_s(plan: Plan) -> tuple[float, ...]:
    """When each trial of a plan is expected to be over, s from the beginning of the first."""
    return tuple(_ends_s(plan, _EXPECTED))


def _total_s(plan: Plan, case: int) -> float:
    return max(_ends_s(plan, case), default=0.0)


def _ends_s(plan: Plan, case: int) -> list[float]:
    """Walk through the plan as the visit does: a stimulus begins when both rests and its own preparation are over."""
    ends_s: list[float] = []
    now_s, last_end_s = 0.0, 0.0
    site_end_s: dict[tuple[str, str], float] = {}
    for trial in plan.trials:
        place = (trial.site_code, trial.side)
        rested_s = max(last_end_s + trial.rest_before_s, site_end_s.get(place, -3600.0) + trial.same_site_rest_s)
        now_s = max(now_s + HANDLING_S[case] + _settle_s(trial, case), rested_s)
        now_s += _stimulus_s(trial, case)
        last_end_s = site_end_s[place] = now_s
        ends_s.append(now_s)
    return ends_s


def _settle_s(trial: PlannedTrial, case: int) -> float:
    if trial.settle is None:
        return 0.0
    return trial.settle.timeout_s if case == _LONGEST else trial.settle.for_s


def _stimulus_s(trial: PlannedTrial, case: int) -> float:
    """The ramp to the response, and the way back of a thermode."""
    ramp_s = trial.ramp.duration_s
    stimulus_s = (0.0, RESPONSE_SHARE[trial.modality] * ramp_s, trial.timeout_s)[case]
    if isinstance(trial.ramp, ThermalRamp):
        ramp = trial.ramp
        stimulus_s += min(stimulus_s, ramp_s) * ramp.rate_c_per_s / ramp.return_rate_c_per_s
    return stimulus_s
