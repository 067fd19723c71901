"""What the skin of each site has had in this visit, whatever part of it was before an interruption."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from qst.instruments import ThermalRamp
from qst.protocol.plan import Plan, PlannedTrial
from qst.record.records import Outcome, Trial
from qst.safety import SAME_SITE_CEM43_MIN, DoseMeter, SkinAccount, booked_cem43_min, site_dose_refusal, worst_case_dose
from qst.visit.trial import LimitsTrial


def known_dose(account: SkinAccount | None, trial: LimitsTrial, *, failed: bool) -> DoseMeter | None:
    """The dose that goes on record with an attempt; None where nobody knows what the skin had.

    A gap in the readings leaves it unknown, and so does a fault on the way back, where the account ends while the
    plate is hot. What that account holds is kept only where it is more already than the worst case charged instead.
    An attempt that is a device fault itself keeps what was read: its outcome says that this is not all.

    Args:
        account: of this attempt; None without a thermode.
        trial: done.
        failed: something failed in it, and whatever came after that may not have been read.
    """
    ramp = trial.planned.ramp
    if account is None or trial.blind_s or not isinstance(ramp, ThermalRamp):
        return None
    begun = trial.result().ramp_start_s is not None
    if not (failed and begun) or trial.outcome is Outcome.DEVICE_FAULT:
        return account.dose
    return account.dose if account.dose.cem43_min > worst_case_dose(ramp).cem43_min else None


class SiteDose(NamedTuple):
    """What one site has been charged, CEM43 min."""

    site_code: str
    side: str
    cem43_min: float


class SiteDoses:
    """CEM43 in min by site and side.

    Args:
        plan: what each trial asks for.
        done: attempts recorded before an interruption.
        unrecorded: (sequence_index, attempt) of each attempt that was under way when its process died.
        elsewhere: what other logs of this visit charge.
    """

    def __init__(
        self,
        plan: Plan,
        done: Sequence[Trial] = (),
        unrecorded: Iterable[tuple[int, int]] = (),
        elsewhere: Iterable[SiteDose] = (),
    ) -> None:
        self._spent_min: dict[tuple[str, str], float] = {}
        self._warned: set[tuple[str, str]] = set()
        for site_code, side, cem43_min in elsewhere:
            self._spent_min[site_code, side] = self._spent_min.get((site_code, side), 0.0) + cem43_min
        planned = {trial.sequence_index: trial for trial in plan.trials}
        for trial in done:
            self.add(trial, planned[trial.sequence_index])
        for index, _ in unrecorded:
            # Its process died with it: no account is left, so it is charged in full.
            self._charge(planned[index], None, begun=True, whole=False)

    def add(self, trial: Trial, planned: PlannedTrial) -> None:
        """Charge the site with what an attempt gave it; where that is not known, with what it can have given."""
        begun, whole = trial.ramp_duration_s is not None, trial.outcome is not Outcome.DEVICE_FAULT
        self._charge(planned, trial.cem43_min, begun=begun, whole=whole)

    def _charge(self, planned: PlannedTrial, measured_min: float | None, *, begun: bool, whole: bool) -> None:
        ramp = planned.ramp if begun and isinstance(planned.ramp, ThermalRamp) else None
        place = (planned.site_code, planned.side)
        self._spent_min[place] = self.spent_min(planned) + booked_cem43_min(measured_min, ramp, whole=whole)

    @property
    def spent(self) -> tuple[SiteDose, ...]:
        """Every site that was charged."""
        return tuple(SiteDose(*place, cem43_min) for place, cem43_min in self._spent_min.items())

    def spent_min(self, planned: PlannedTrial) -> float:
        """What the skin under this trial has been charged, CEM43 min."""
        return self._spent_min.get((planned.site_code, planned.side), 0.0)

    def warning(self, planned: PlannedTrial) -> str:
        """What the operator is told when this skin has had half of its budget; once a site, else empty."""
        warn, refuse = SAME_SITE_CEM43_MIN
        place, spent_min = (planned.site_code, planned.side), self.spent_min(planned)
        if spent_min <= warn or place in self._warned:
            return ""
        self._warned.add(place)
        return f"this site has had {spent_min:.1f} CEM43 min in this visit; above {refuse:g} it gets no further trial"

    def refusal(self, planned: PlannedTrial) -> str:
        """Why this trial may not start, even if it were to go on to its cut-off; empty when it may."""
        ramp = planned.ramp
        if not isinstance(ramp, ThermalRamp):
            return ""
        return site_dose_refusal(self.spent_min(planned), worst_case_dose(ramp).cem43_min)
