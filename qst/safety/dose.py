"""Thermal dose of skin: of a hold, of a ramp, of what was measured.

* **CEM43**: cumulative equivalent minutes at 43 °C, ∫ R^(43-T) dt with R = 0.5 from 43 °C up and 0.25 from 39 to 43 °C
  (Sapareto and Dewey 1984).
* **Henriques-Moritz damage**: Ω = ∫ P·exp(-K/(T + 273.15)) dt from 44 °C up, with P = 3.1e98 /s and K = 75 000 K. Much
  published code pairs this P with 6.28e5 J/mol (K = 75 535 K), which understates the damage about fivefold between 44
  and 50 °C; a test holds the difference.

The temperature used is that of the thermode's surface: an upper bound on that of the skin below.
"""

import math
from typing import Protocol

import msgspec

from qst.errors import SafetyError

_CEM_FROM_C = 39.0
_CEM_BEND_C = 43.0
_CEM_LN_ABOVE = math.log(2.0)  # R = 0.5: the rate doubles with each degree
_CEM_LN_BELOW = math.log(4.0)  # R = 0.25
_OMEGA_FROM_C = 44.0
_OMEGA_LN_P = math.log(3.1) + 98 * math.log(10.0)
_OMEGA_K = 75_000.0
_ZERO_C_K = 273.15
#: Five-point Gauss-Legendre on (0, 1); over pieces of at most 1 °C its error here is below 1e-12 of the result.
_GAUSS = (
    (0.046910077030668, 0.118463442528095),
    (0.230765344947158, 0.239314335249683),
    (0.5, 0.284444444444444),
    (0.769234655052842, 0.239314335249683),
    (0.953089922969332, 0.118463442528095),
)


class Ramp(Protocol):
    """What is needed of a thermal ramp: temperatures °C, magnitudes of rates °C/s."""

    @property
    def start_c(self) -> float:
        """Where it starts and returns to."""

    @property
    def rate_c_per_s(self) -> float:
        """On the way to the cut-off."""

    @property
    def cutoff_c(self) -> float:
        """Where it ends when nobody responds."""

    @property
    def return_rate_c_per_s(self) -> float:
        """On the way back."""


class Dose(msgspec.Struct, frozen=True, kw_only=True):
    """What a piece of skin got: times in s, ``cem43_min`` in min, ``omega`` without unit (1: second degree)."""

    time_ge_43_s: float = 0.0
    time_ge_47_s: float = 0.0
    time_ge_48_s: float = 0.0
    time_ge_49_s: float = 0.0
    time_ge_50_s: float = 0.0
    cem43_min: float = 0.0
    omega: float = 0.0

    def __add__(self, other: "Dose") -> "Dose":
        return Dose(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


def cem43_per_s(temperature_c: float) -> float:
    """Minutes of CEM43 that one second at ``temperature_c`` adds."""
    if temperature_c < _CEM_FROM_C:
        return 0.0
    slope = _CEM_LN_ABOVE if temperature_c >= _CEM_BEND_C else _CEM_LN_BELOW
    return math.exp((temperature_c - _CEM_BEND_C) * slope) / 60.0


def omega_per_s(temperature_c: float) -> float:
    """Henriques-Moritz damage that one second at ``temperature_c`` adds; 0 below 44 °C."""
    if temperature_c < _OMEGA_FROM_C:
        return 0.0
    return math.exp(_OMEGA_LN_P - _OMEGA_K / (temperature_c + _ZERO_C_K))


def hold_dose(temperature_c: float, duration_s: float) -> Dose:
    """Dose of a constant temperature held for ``duration_s``."""
    return Dose(
        time_ge_43_s=duration_s if temperature_c >= 43.0 else 0.0,  # noqa: PLR2004 - the field's name
        time_ge_47_s=duration_s if temperature_c >= 47.0 else 0.0,  # noqa: PLR2004 - the field's name
        time_ge_48_s=duration_s if temperature_c >= 48.0 else 0.0,  # noqa: PLR2004 - the field's name
        time_ge_49_s=duration_s if temperature_c >= 49.0 else 0.0,  # noqa: PLR2004 - the field's name
        time_ge_50_s=duration_s if temperature_c >= 50.0 else 0.0,  # noqa: PLR2004 - the field's name
        cem43_min=cem43_per_s(temperature_c) * duration_s,
        omega=omega_per_s(temperature_c) * duration_s,
    )


def slope_dose(from_c: float, to_c: float, rate_c_per_s: float) -> Dose:
    """Dose of a straight ramp between two temperatures, in either direction, at the magnitude ``rate_c_per_s``.

    CEM43 in closed form, Ω by quadrature that is exact to floating point for all purposes here.
    """
    low, high = min(from_c, to_c), max(from_c, to_c)

    def above(level_c: float) -> float:
        return max(0.0, high - max(low, level_c)) / rate_c_per_s

    return Dose(
        time_ge_43_s=above(43.0),
        time_ge_47_s=above(47.0),
        time_ge_48_s=above(48.0),
        time_ge_49_s=above(49.0),
        time_ge_50_s=above(50.0),
        cem43_min=_cem43_slope(low, high) / rate_c_per_s,
        omega=_omega_slope(low, high) / rate_c_per_s,
    )


def _cem43_slope(low_c: float, high_c: float) -> float:
    """∫ of the CEM43 rate over temperature, in min·°C/s."""
    total = 0.0
    for start, end, slope in ((_CEM_FROM_C, _CEM_BEND_C, _CEM_LN_BELOW), (_CEM_BEND_C, math.inf, _CEM_LN_ABOVE)):
        a, b = max(low_c, start), min(high_c, end)
        if b > a:
            total += (math.exp((b - _CEM_BEND_C) * slope) - math.exp((a - _CEM_BEND_C) * slope)) / slope
    return total / 60.0


def _omega_slope(low_c: float, high_c: float) -> float:
    """∫ of the damage rate over temperature, in °C/s."""
    a = max(low_c, _OMEGA_FROM_C)
    pieces = math.ceil(max(0.0, high_c - a))
    if not pieces:
        return 0.0
    step = (high_c - a) / pieces
    return step * sum(
        weight * omega_per_s(a + (piece + node) * step) for piece in range(pieces) for node, weight in _GAUSS
    )


def worst_case_dose(ramp: Ramp) -> Dose:
    """Dose of a trial without a response: up to the cut-off, and back to the start at the return rate."""
    there = slope_dose(ramp.start_c, ramp.cutoff_c, ramp.rate_c_per_s)
    return there + slope_dose(ramp.cutoff_c, ramp.start_c, ramp.return_rate_c_per_s)


class DoseMeter:
    """Live accounting of one attempt, or of one site over a visit: feed it every sample.

    Between two samples the temperature is taken as a straight line; the dose rates are convex, so that a gap between
    samples is rather over- than underestimated.
    """

    __slots__ = ("_cem43_rate", "_omega_rate", "_temperature_c", "_time_s", "cem43_min", "omega", "time_ge_s")

    def __init__(self) -> None:
        self._time_s = math.nan
        self._temperature_c = -math.inf
        self._cem43_rate = 0.0
        self._omega_rate = 0.0
        self.cem43_min = 0.0
        self.omega = 0.0
        self.time_ge_s = {43.0: 0.0, 47.0: 0.0, 48.0: 0.0, 49.0: 0.0, 50.0: 0.0}

    def add(self, time_s: float, temperature_c: float) -> None:
        """One sample. A time that does not advance adds nothing, but the temperature counts from there on.

        Raises:
            SafetyError: time or temperature is not a number, so that no dose can be told.
        """
        last_c, last_s = self._temperature_c, self._time_s
        self._time_s, self._temperature_c = time_s, temperature_c
        if temperature_c < _CEM_FROM_C and last_c < _CEM_FROM_C:
            return
        if not (math.isfinite(time_s) and math.isfinite(temperature_c)):
            raise SafetyError(f"a sample is not a number: {temperature_c} °C at {time_s} s")
        self._accumulate(time_s - last_s, last_c, temperature_c)

    def _accumulate(self, duration_s: float, from_c: float, to_c: float) -> None:
        cem43_rate, omega_rate = self._cem43_rate, self._omega_rate
        self._cem43_rate, self._omega_rate = cem43_per_s(to_c), omega_per_s(to_c)
        if not duration_s > 0:
            return
        self.cem43_min += 0.5 * duration_s * (cem43_rate + self._cem43_rate)
        self.omega += 0.5 * duration_s * (omega_rate + self._omega_rate)
        for level_c in self.time_ge_s:
            self.time_ge_s[level_c] += duration_s * _share_above(level_c, from_c, to_c)

    def dose(self) -> Dose:
        """What has been collected so far."""
        at = self.time_ge_s
        return Dose(
            time_ge_43_s=at[43.0],
            time_ge_47_s=at[47.0],
            time_ge_48_s=at[48.0],
            time_ge_49_s=at[49.0],
            time_ge_50_s=at[50.0],
            cem43_min=self.cem43_min,
            omega=self.omega,
        )


def _share_above(level_c: float, from_c: float, to_c: float) -> float:
    """Share of a straight line between two temperatures that lies at or above a level."""
    low, high = (from_c, to_c) if from_c <= to_c else (to_c, from_c)
    if low >= level_c:
        return 1.0
    if high < level_c:
        return 0.0
    return (high - level_c) / (high - low)
