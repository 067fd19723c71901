"""What every hand-held gauge has: a tip, a capacity, a digit; and how a station file states them."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from qst.ceilings import PRESSURE_CEILING_KPA
from qst.errors import RefusedError, StationFileError
from qst.instruments import (
    Capabilities,
    Modality,
    PressureRamp,
    Programming,
    Reading,
    ThermalRamp,
    refuse_beyond_ceilings,
)
from qst_drivers.quantities import quantity_of

#: 1 N on 1 cm² is 10 kPa.
KPA_CM2_PER_N: Final = 10.0

_COMMON = ("driver", "link", "tip_area", "model", "serial", "calibration_date", "resolution")


class HandGauge(msgspec.Struct, frozen=True, kw_only=True):
    """A hand-held gauge. Area cm², capacity and digit in N."""

    tip_area_cm2: float
    capacity_n: float
    digit_n: float
    model: str
    serial: str
    calibration_date: str

    @property
    def kpa_per_n(self) -> float:
        """Pressure under the tip per force."""
        return KPA_CM2_PER_N / self.tip_area_cm2

    @property
    def digit_kpa(self) -> float:
        """One digit of the gauge as pressure."""
        return self.digit_n * self.kpa_per_n

    @property
    def value_max_kpa(self) -> float:
        """Highest cut-off: the capacity, or the suite's ceiling where that is lower."""
        return min(self.capacity_n * self.kpa_per_n, PRESSURE_CEILING_KPA)

    def capabilities(self, reading: Reading, unverified: tuple[str, ...]) -> Capabilities:
        """What a gauge of this kind can do: a hand makes its ramp, and nothing but the hand ends it."""
        return Capabilities(
            kind="algometer",
            modalities=frozenset({Modality.PRESSURE}),
            value_min=0.0,
            value_max=self.value_max_kpa,
            resolution=self.digit_kpa,
            rate_min=self.digit_kpa,
            rate_max=self.value_max_kpa,
            reading=reading,
            programming=Programming.HAND,
            ends_ramp_on_button=False,
            ends_ramp_at_limit=False,
            self_limiting=False,
            has_button=False,
            acknowledges=False,
            checksums=False,
            timestamps=False,
            unverified=unverified,
        )

    def check_ramp(self, ramp: ThermalRamp | PressureRamp, *, where: str) -> None:
        """Refuse a ramp that the gauge cannot measure.

        Raises:
            RefusedError: cut-off or rate out of range.
        """
        if isinstance(ramp, ThermalRamp):
            raise RefusedError("an algometer changes no temperature", remedy="Give thermal trials to a thermode.")
        refuse_beyond_ceilings(ramp)
        highest_kpa = self.value_max_kpa
        if ramp.cutoff_kpa > highest_kpa:
            raise RefusedError(
                f"a cut-off of {ramp.cutoff_kpa:g} kPa is above {highest_kpa:g} kPa, the most that {self.model} with a "
                f"tip of {self.tip_area_cm2:g} cm² may be used for",
                where=where,
                remedy="Lower the cut-off in the protocol, or use a gauge of higher capacity (never above 11 kg/cm²).",
            )
        if not self.digit_kpa <= ramp.rate_kpa_per_s <= highest_kpa:
            raise RefusedError(
                f"no hand can follow {ramp.rate_kpa_per_s:g} kPa/s on this gauge "
                f"({self.digit_kpa:g} to {highest_kpa:g} kPa/s)",
                where=where,
                remedy="Change the rate in the protocol.",
            )


def quantity(settings: Mapping[str, Any], name: str, kind: str, default: str | None = None) -> float:
    """The positive quantity that the station file states under ``name``, in the suite's unit of ``kind``.

    Raises:
        StationFileError: missing without a default, no such quantity, or not positive.
    """
    text = settings.get(name, default)
    if text is None:
        raise StationFileError(f"the gauge's setting '{name}' is missing", remedy=f"add for example '{name}: 1 cm²'")
    value = quantity_of(text, kind, name)
    if value <= 0:
        raise StationFileError(f"{name}: '{text}' is not positive", remedy="state what is printed on the gauge")
    return value


def refuse_unknown(settings: Mapping[str, Any], *own: str) -> None:
    """Refuse a misspelt setting instead of quietly using a default for it.

    Raises:
        StationFileError: a setting that is neither common to gauges nor the driver's own.
    """
    known = (*_COMMON, *own)
    for name in settings:
        if name not in known:
            raise StationFileError(f"the gauge has no setting '{name}'", remedy=f"known are {', '.join(sorted(known))}")


def hand_gauge(settings: Mapping[str, Any], *, model: str, capacity_n: float, digit_n: float) -> HandGauge:
    """The gauge of a station file.

    Raises:
        StationFileError: ``tip_area`` is missing or wrong.
    """
    return HandGauge(
        tip_area_cm2=quantity(settings, "tip_area", "area"),
        capacity_n=capacity_n,
        digit_n=digit_n,
        model=model,
        serial=str(settings.get("serial", "")),
        calibration_date=str(settings.get("calibration_date", "")),
    )
