"""Limits that protect the skin, time at temperature, and thermal dose.

Each measure is taken twice: worst case before a visit (:mod:`.dose`, :mod:`.stays`), and live during it
(:mod:`.account`). The numbers are in :mod:`.limits`, the ceilings that nothing lifts in :mod:`qst.ceilings`. The
measures are monitors, never a permission; the budgets are engineering defaults, the investigator and the ethics board
own them.
"""

from qst.ceilings import COLD_CEILING_C, HEAT_CEILING_C, PRESSURE_CEILING_KPA, START_RANGE_C, TRIAL_CEILING_S
from qst.safety.account import SkinAccount, booked_cem43_min, site_dose_refusal
from qst.safety.dose import (
    Dose,
    DoseMeter,
    Ramp,
    cem43_per_s,
    hold_dose,
    omega_per_s,
    slope_dose,
    worst_case_dose,
)
from qst.safety.limits import (
    PROTOCOL_COLD_MIN_C,
    PROTOCOL_HEAT_MAX_C,
    PROTOCOL_PRESSURE_MAX_KPA,
    SAME_SITE_CEM43_MIN,
    SLOW_HEAT_CUTOFF_C,
    SLOW_HEAT_RATE_C_PER_S,
    TIME_GE_43_PER_TRIAL_S,
    TIME_GE_48_PER_TRIAL_S,
)
from qst.safety.stays import LONGEST_STAYS, StayWatch, longest_stay_s, stay_problem

__all__ = [
    "COLD_CEILING_C",
    "HEAT_CEILING_C",
    "LONGEST_STAYS",
    "PRESSURE_CEILING_KPA",
    "PROTOCOL_COLD_MIN_C",
    "PROTOCOL_HEAT_MAX_C",
    "PROTOCOL_PRESSURE_MAX_KPA",
    "SAME_SITE_CEM43_MIN",
    "SLOW_HEAT_CUTOFF_C",
    "SLOW_HEAT_RATE_C_PER_S",
    "START_RANGE_C",
    "TIME_GE_43_PER_TRIAL_S",
    "TIME_GE_48_PER_TRIAL_S",
    "TRIAL_CEILING_S",
    "Dose",
    "DoseMeter",
    "Ramp",
    "SkinAccount",
    "StayWatch",
    "booked_cem43_min",
    "cem43_per_s",
    "hold_dose",
    "longest_stay_s",
    "omega_per_s",
    "site_dose_refusal",
    "slope_dose",
    "stay_problem",
    "worst_case_dose",
]
