"""How often an attempt looks at its instrument."""

from qst.instruments import ThermalRamp
from qst.protocol.plan import PlannedTrial

#: Time between two looks at the instrument while nothing ramps, s.
IDLE_PERIOD_S = 0.1
#: A hand-held gauge streams 50 readings a second; this is how often they are fetched, s.
GAUGE_PERIOD_S = 0.02
#: A ramp may move this far between two looks, °C: the last value before a press is at most this far from the press.
STEP_C = 0.009
#: Shortest and longest time between two looks at a thermode that ramps, s. MMS drops requests above about 100 a second.
SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 0.01, 0.03


def ramp_period_s(planned: PlannedTrial) -> float:
    """Time between two looks at the instrument while this trial ramps, s."""
    ramp = planned.ramp
    if not isinstance(ramp, ThermalRamp):
        return GAUGE_PERIOD_S
    return min(max(STEP_C / ramp.rate_c_per_s, SHORTEST_PERIOD_S), LONGEST_PERIOD_S)
