"""Numbers: what may be asked for, and how much of it one trial and one site may get. Engineering defaults.

The investigator and the ethics board own them. The ceilings that nothing lifts are in :mod:`qst.ceilings`.
"""

from typing import Final

from qst.ceilings import TIME_GE_43_CEILING_S, TIME_GE_48_CEILING_S

#: What a protocol may ask for.
PROTOCOL_HEAT_MAX_C: Final = 50.0
PROTOCOL_COLD_MIN_C: Final = 0.0
PROTOCOL_PRESSURE_MAX_KPA: Final = 1000.0
#: Slow heat ramps stay long in the hot range: at or below this rate a cut-off above 48 °C is worth a warning.
SLOW_HEAT_RATE_C_PER_S: Final = 0.5
SLOW_HEAT_CUTOFF_C: Final = 48.0

#: Budgets (engineering defaults): warn above the first, refuse above the second.
TIME_GE_43_PER_TRIAL_S: Final = (30.0, TIME_GE_43_CEILING_S)
TIME_GE_48_PER_TRIAL_S: Final = (10.0, TIME_GE_48_CEILING_S)
SAME_SITE_CEM43_MIN: Final = (10.0, 20.0)
