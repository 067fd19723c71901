"""What is read off the samples of an attempt: the value at the press, the moment of contact. (time s, °C or kPa)."""

import math
from collections.abc import Sequence

from qst.errors import NoNumberError
from qst.instruments import Sample

Readings = Sequence[tuple[float, float]]


def no_number(sample: Sample) -> NoNumberError | None:
    """Why nothing can be read off a sample: it would pass every comparison that looks for a fault."""
    if math.isfinite(sample.value) and math.isfinite(sample.time_s):
        return None
    return NoNumberError(
        f"a reading is not a number: {sample.value} at {sample.time_s} s",
        remedy="Lift the instrument. Repeat the trial; if it happens again, have instrument and cable checked.",
    )


def value_before(readings: Readings, press_s: float) -> float | None:
    """Last value measured before the press became visible."""
    for time_s, value in reversed(readings):
        if time_s < press_s:
            return value
    return None


def value_at(readings: Readings, press_s: float, before: float) -> float:
    """Value at the press, on the line between the readings on either side of it; ``before`` where there is none."""
    earlier: tuple[float, float] | None = None
    for time_s, value in readings:
        if time_s <= press_s:
            earlier = (time_s, value)
        elif earlier is not None:
            return earlier[1] + (value - earlier[1]) * (press_s - earlier[0]) / (time_s - earlier[0])
    return before


def contact_s(readings: Readings, contact_kpa: float) -> float:
    """When the tip touched: where the line through the last two readings crosses the contact threshold."""
    time_s, value = readings[-1]
    if len(readings) > 1:
        before_s, before = readings[-2]
        if before < contact_kpa < value:
            return before_s + (time_s - before_s) * (contact_kpa - before) / (value - before)
    return time_s
