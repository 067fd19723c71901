"""Ramps just outside what an instrument says it can do, and just inside."""

import math
from collections.abc import Iterator
from typing import Any

import msgspec

from qst.ceilings import COLD_CEILING_C, HEAT_CEILING_C, PRESSURE_CEILING_KPA, START_RANGE_C, TRIAL_CEILING_S
from qst.instruments import Capabilities, PressureRamp, ThermalRamp

#: Beyond a limit by so much where the device has no finer grid, °C or a share of the limit.
BEYOND_C = 0.1
BEYOND_SHARE = 1.01
#: Ramps through the middle of the range, for showing a kind of ramp that the instrument is not for.
_SOME_HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=45.0, return_rate_c_per_s=1.0)
#: Ramps inside the suite's temperatures that are too long: at 43 °C and above, at 48 °C and above, and as a whole.
_TOO_LONG_C_S = {
    "too-long-at-43-degrees": (39.0, 0.08, 45.6, 0.08),
    "too-long-at-48-degrees": (36.0, 0.25, 50.0, 0.25),
    "too-long-a-ramp": (39.0, 0.04, 44.0, 1.0),
}
_SOME_PRESSURE = PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=400.0)


def thermal_outside(ramp: ThermalRamp, can: Capabilities) -> Iterator[tuple[str, Any]]:
    """Ramps that a thermode must refuse, with the name of what is wrong with each."""
    beyond_c = max(BEYOND_C, can.resolution)
    step = can.rate_step or 0.0
    replace = msgspec.structs.replace
    yield "cut-off-too-high", replace(ramp, cutoff_c=can.value_max + beyond_c)
    yield "cut-off-too-low", replace(ramp, cutoff_c=can.value_min - beyond_c)
    yield "start-too-high", replace(ramp, start_c=can.value_max + beyond_c)
    yield "start-too-low", replace(ramp, start_c=can.value_min - beyond_c)
    yield "rate-too-high", replace(ramp, rate_c_per_s=can.rate_max * BEYOND_SHARE + step)
    yield "rate-too-low", replace(ramp, rate_c_per_s=can.rate_min / 2)
    if can.rate_step is not None:
        yield "rate-between-steps", replace(ramp, rate_c_per_s=ramp.rate_c_per_s + can.rate_step / 2)
    if can.return_rate_max is not None:
        yield "return-too-fast", replace(ramp, return_rate_c_per_s=can.return_rate_max * BEYOND_SHARE + step)
    if can.longest_stimulus_s is not None:
        rate = _on_grid(abs(ramp.cutoff_c - ramp.start_c) / can.longest_stimulus_s * 0.95, can)
        if rate >= can.rate_min:
            yield "too-long", replace(ramp, rate_c_per_s=rate)
    yield "cut-off-beyond-the-suites-heat-ceiling", replace(ramp, cutoff_c=HEAT_CEILING_C + BEYOND_C)
    yield "cut-off-beyond-the-suites-cold-ceiling", replace(ramp, cutoff_c=COLD_CEILING_C - BEYOND_C)
    yield "start-warmer-than-the-suites-starts", replace(ramp, start_c=START_RANGE_C[1] + BEYOND_C)
    yield "start-colder-than-the-suites-starts", replace(ramp, start_c=START_RANGE_C[0] - BEYOND_C)
    for name, (start_c, rate, cutoff_c, back) in _TOO_LONG_C_S.items():
        yield name, ThermalRamp(start_c=start_c, rate_c_per_s=rate, cutoff_c=cutoff_c, return_rate_c_per_s=back)
    yield "no-thermal-ramp", _SOME_PRESSURE


def thermal_inside(ramp: ThermalRamp, can: Capabilities) -> Iterator[tuple[str, ThermalRamp]]:
    """Ramps at the edge of what a thermode with free ramps says it can do."""
    replace = msgspec.structs.replace
    edge_c = min(can.value_max, HEAT_CEILING_C) if ramp.rising else max(can.value_min, COLD_CEILING_C)
    rate = ramp.rate_c_per_s
    if can.longest_stimulus_s is not None:
        shortest = abs(edge_c - ramp.start_c) / can.longest_stimulus_s
        rate = max(rate, _on_grid(shortest, can, up=True))
    yield "cut-off-at-end-of-range", replace(ramp, cutoff_c=edge_c, rate_c_per_s=rate)
    yield "fastest-ramp", replace(ramp, rate_c_per_s=can.rate_max)
    yield "slowest-ramp", replace(ramp, rate_c_per_s=can.rate_min, cutoff_c=_slowest_cutoff_c(ramp, can))
    if can.return_rate_max is not None:
        yield "fastest-return", replace(ramp, return_rate_c_per_s=can.return_rate_max)


def _slowest_cutoff_c(ramp: ThermalRamp, can: Capabilities) -> float:
    """As far as the slowest ramp gets in the longest stimulus, on the device's grid, and no further than the ramp."""
    longest_s = min(can.longest_stimulus_s or TRIAL_CEILING_S, TRIAL_CEILING_S)
    steps = math.floor(can.rate_min * longest_s * 0.99 / can.resolution)
    way_c = min(abs(ramp.cutoff_c - ramp.start_c), max(steps, 1) * can.resolution)
    return round(ramp.start_c + (way_c if ramp.rising else -way_c), 6)


def _on_grid(rate: float, can: Capabilities, *, up: bool = False) -> float:
    """The next rate that the device knows."""
    if can.rate_step is None:
        return rate
    steps = math.ceil(rate / can.rate_step - 1e-9) if up else math.floor(rate / can.rate_step + 1e-9)
    return round(steps * can.rate_step, 9)


def pressure_outside(ramp: PressureRamp, can: Capabilities) -> Iterator[tuple[str, Any]]:
    """Ramps that an algometer must refuse, with the name of what is wrong with each."""
    replace = msgspec.structs.replace
    yield "cut-off-too-high", replace(ramp, cutoff_kpa=can.value_max * BEYOND_SHARE)
    yield "rate-too-high", replace(ramp, rate_kpa_per_s=can.rate_max * BEYOND_SHARE)
    yield "rate-too-low", replace(ramp, rate_kpa_per_s=can.rate_min / 2)
    yield "cut-off-beyond-the-suites-ceiling", replace(ramp, cutoff_kpa=PRESSURE_CEILING_KPA * BEYOND_SHARE)
    yield "no-pressure-ramp", _SOME_HEAT


def pressure_inside(ramp: PressureRamp, can: Capabilities) -> Iterator[tuple[str, PressureRamp]]:
    """Ramps at the edge of what an algometer says it can do."""
    replace = msgspec.structs.replace
    yield "cut-off-at-end-of-range", replace(ramp, cutoff_kpa=min(can.value_max, PRESSURE_CEILING_KPA))
    yield "fastest-ramp", replace(ramp, rate_kpa_per_s=can.rate_max)
    yield "slowest-ramp", replace(ramp, rate_kpa_per_s=can.rate_min)
