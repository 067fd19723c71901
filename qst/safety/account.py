"""What skin has had: one attempt live, and each site over the whole visit.

Both are monitors, never a permission: an account can end a stimulus or refuse the next one, and nothing else.
"""

from qst.errors import HotTrialError, LongStayError, SafetyError
from qst.safety.dose import DoseMeter, Ramp, worst_case_dose
from qst.safety.limits import SAME_SITE_CEM43_MIN, TIME_GE_43_PER_TRIAL_S, TIME_GE_48_PER_TRIAL_S
from qst.safety.stays import StayWatch

_LOOK = "Look at the skin before anything else."
_HOT_C = 43.0


class SkinAccount:
    """Live account of one attempt, from the first adaptation to the end of the return: feed it every sample."""

    __slots__ = ("_add_dose", "_add_stay", "_time_ge_s", "dose")

    def __init__(self) -> None:
        self.dose = DoseMeter()
        self._add_dose = self.dose.add
        self._add_stay = StayWatch().add
        self._time_ge_s = self.dose.time_ge_s

    def add(self, time_s: float, temperature_c: float) -> SafetyError | None:
        """One sample (s, °C). Why the stimulus must end now, or None.

        Raises:
            SafetyError: time or temperature is not a number.
        """
        self._add_dose(time_s, temperature_c)
        too_long = self._add_stay(time_s, temperature_c)
        if too_long:
            return LongStayError(too_long, remedy=_LOOK)
        if temperature_c >= _HOT_C:
            return self._too_hot()
        return None

    def _too_hot(self) -> HotTrialError | None:
        for level_c, (_, most_s) in ((43.0, TIME_GE_43_PER_TRIAL_S), (48.0, TIME_GE_48_PER_TRIAL_S)):
            spent_s = self._time_ge_s[level_c]
            if spent_s > most_s:
                return HotTrialError(
                    f"{spent_s:.1f} s at or above {level_c:g} °C in this trial; the limit is {most_s:g} s", remedy=_LOOK
                )
        return None


def booked_cem43_min(measured_min: float | None, ramp: Ramp | None, *, whole: bool) -> float:
    """What a site is charged for one attempt, in CEM43 min.

    Args:
        measured_min: what the readings of the attempt add up to; None where nobody knows.
        ramp: the heat ramp that was begun; None when none was begun, or it was no heat.
        whole: the readings tell the attempt from its beginning to its end. If not (a fault, a gap, a lost process),
            the site is charged at least what it would have had if nobody had ended the ramp.
    """
    if ramp is None:
        return measured_min or 0.0
    if whole and measured_min is not None:
        return measured_min
    return max(measured_min or 0.0, worst_case_dose(ramp).cem43_min)


def site_dose_refusal(spent_cem43_min: float, next_cem43_min: float = 0.0) -> str:
    """Why no further trial may start at a site; empty when one may.

    Args:
        spent_cem43_min: what the site has been charged in this visit, CEM43 min.
        next_cem43_min: what the next trial adds if nobody ends it.
    """
    limit = SAME_SITE_CEM43_MIN[1]
    if spent_cem43_min > limit:
        return f"this site has had {spent_cem43_min:.1f} CEM43 min in this visit; the limit is {limit:g}"
    if spent_cem43_min + next_cem43_min > limit * (1 + _ROUNDING):
        return (
            f"this site has had {spent_cem43_min:.1f} CEM43 min in this visit and could get {next_cem43_min:.1f} more "
            f"in this trial; the limit is {limit:g}"
        )
    return ""


#: What a sum of samples may differ from its closed form, as a share: a plan that is just inside its budget stays so.
_ROUNDING = 0.02
