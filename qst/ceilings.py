"""What no instrument of the suite is ever asked for, whatever a protocol, a station or a program says.

Below everything else, so that drivers, protocols and the visit each hold them by themselves. Engineering defaults:
51 °C is where skin is harmed within a minute, -1 °C is where it can freeze, 11 kgf/cm² is above what any published
threshold study applies by hand.
"""

from typing import Final

HEAT_CEILING_C: Final = 51.0
COLD_CEILING_C: Final = -1.0
PRESSURE_CEILING_KPA: Final = 11 * 98.0665
TRIAL_CEILING_S: Final = 120.0


def temperature_problem(name: str, temperature_c: float) -> str:
    """Why a thermode may not be sent to ``temperature_c`` (°C), called ``name``; empty when it may."""
    if COLD_CEILING_C <= temperature_c <= HEAT_CEILING_C:
        return ""
    return f"{name} {temperature_c:g} °C is outside the suite's limits, {COLD_CEILING_C:g} to {HEAT_CEILING_C:g} °C"


def pressure_problem(pressure_kpa: float) -> str:
    """Why a hand may not be asked for ``pressure_kpa`` (kPa); empty when it may."""
    if pressure_kpa <= PRESSURE_CEILING_KPA:
        return ""
    return f"cut-off {pressure_kpa:.0f} kPa is above the ceiling of {PRESSURE_CEILING_KPA:.0f} kPa"
