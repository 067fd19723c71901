"""What no instrument of the suite is ever asked for, whatever a protocol, a station or a program says.

Below everything else, so that drivers, protocols and the visit each hold them by themselves. Engineering defaults:
51 °C is where skin is harmed within a minute, -1 °C is where it can freeze, 11 kgf/cm² is above what any published
threshold study applies by hand. A start is held on the skin for as long as the visit takes, so it must be neither warm
nor cold enough to do harm by itself.
"""

from collections.abc import Iterator
from typing import Final

HEAT_CEILING_C: Final = 51.0
COLD_CEILING_C: Final = -1.0
PRESSURE_CEILING_KPA: Final = 11 * 98.0665
TRIAL_CEILING_S: Final = 120.0
START_RANGE_C: Final = (15.0, 39.0)
TIME_GE_43_CEILING_S: Final = 60.0
TIME_GE_48_CEILING_S: Final = 15.0


def overshoot_problem(start_c: float, cutoff_c: float, overshoot_c: float) -> str:
    """Why a plate that may go ``overshoot_c`` beyond its cut-off may not have this one, °C; empty when it may."""
    furthest_c = cutoff_c + overshoot_c if cutoff_c > start_c else cutoff_c - overshoot_c
    if COLD_CEILING_C <= round(furthest_c, 6) <= HEAT_CEILING_C:  # a sum of decimals: its last binary digit is nothing
        return ""
    span = f"{COLD_CEILING_C:g} to {HEAT_CEILING_C:g} °C"
    if not overshoot_c:
        return f"cut-off {cutoff_c:g} °C is outside the suite's limits, {span}"
    return (
        f"cut-off {cutoff_c:g} °C, and the overshoot of {overshoot_c:g} °C that the thermode states, "
        f"is outside the suite's limits, {span}"
    )


def thermal_problems(
    start_c: float, rate_c_per_s: float, cutoff_c: float, return_rate_c_per_s: float, overshoot_c: float
) -> Iterator[str]:
    """Why a thermode may not do this ramp (°C, °C/s), if nobody ever ends it; nothing when it may."""
    low_c, high_c = START_RANGE_C
    if not low_c <= start_c <= high_c:
        yield f"start {start_c:g} °C is held on the skin and must lie from {low_c:g} to {high_c:g} °C"
    yield from filter(None, (overshoot_problem(start_c, cutoff_c, overshoot_c),))
    out_s = abs(cutoff_c - start_c) / rate_c_per_s
    if out_s > TRIAL_CEILING_S:
        yield f"the ramp takes {out_s:.1f} s to its cut-off; the limit is {TRIAL_CEILING_S:g} s"
    s_per_c = 1 / rate_c_per_s + 1 / return_rate_c_per_s
    for level_c, most_s in ((43.0, TIME_GE_43_CEILING_S), (48.0, TIME_GE_48_CEILING_S)):
        spent_s = s_per_c * max(0.0, max(start_c, cutoff_c) - max(min(start_c, cutoff_c), level_c))
        if spent_s > most_s:
            yield f"without a response {spent_s:.1f} s at or above {level_c:g} °C; the limit is {most_s:g} s"


def pressure_problem(pressure_kpa: float) -> str:
    """Why a hand may not be asked for ``pressure_kpa`` (kPa); empty when it may."""
    if pressure_kpa <= PRESSURE_CEILING_KPA:
        return ""
    return f"cut-off {pressure_kpa:.0f} kPa is above the ceiling of {PRESSURE_CEILING_KPA:.0f} kPa"
