"""Limits of a station: tighter than the suite's, for this bench and whoever is tested at it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from qst.ceilings import COLD_CEILING_C, HEAT_CEILING_C, PRESSURE_CEILING_KPA
from qst.errors import InputError
from qst.instruments import PressureRamp, ThermalRamp, ceiling_problems
from qst.units import parse

_KINDS = {"heat_max": "temperature", "cold_min": "temperature", "pressure_max": "pressure"}


class StationLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What no protocol may ask of an instrument at this station. Text with unit, or None."""

    heat_max: Annotated[str, Meta(description="Highest temperature, such as '47 °C'.")] | None = None
    cold_min: Annotated[str, Meta(description="Lowest temperature, such as '5 °C'.")] | None = None
    pressure_max: Annotated[str, Meta(description="Highest pressure, such as '6 kg/cm²'.")] | None = None

    def value(self, name: str) -> float | None:
        """One limit as a number, °C or kPa. Raises InputError when its text is no such quantity."""
        text: str | None = getattr(self, name)
        return None if text is None else parse(text, _KINDS[name])

    def mistakes(self, kind: str) -> list[tuple[str, str, str]]:
        """(field, what is wrong, what would be right) of limits that this kind of instrument cannot have."""
        found = []
        thermal = kind == "thermode"
        for name in self.__struct_fields__:
            try:
                value = self.value(name)
            except InputError as error:
                found.append((name, error.what, error.remedy))
                continue
            if value is None:
                continue
            if thermal is not (_KINDS[name] == "temperature"):
                found.append((name, f"a limit of {name} for a {kind}", "remove it"))
            elif not _inside(name, value):
                found.append((name, f"'{getattr(self, name)}' loosens the suite's own limit", "a station may tighten"))
        return found

    def with_those_of(self, other: "StationLimits | None") -> "StationLimits":
        """The tighter one of each limit of the two."""
        if other is None:
            return self
        tightest = {}
        for name in self.__struct_fields__:
            given = [(value, each) for each in (self, other) if (value := each.value(name)) is not None]
            if given:
                choose = max if name == "cold_min" else min
                _, limits = choose(given, key=lambda one: one[0])
                tightest[name] = getattr(limits, name)
        return StationLimits(**tightest)

    def problem(self, ramp: ThermalRamp | PressureRamp) -> str:
        """Why this ramp may not be done at this station; empty when it may."""
        if isinstance(ramp, PressureRamp):
            most = self.value("pressure_max")
            if most is not None and ramp.cutoff_kpa > most:
                return f"cut-off {ramp.cutoff_kpa:.0f} kPa is above this station's {self.pressure_max}"
            return ""
        low, high = self.value("cold_min"), self.value("heat_max")
        for name, value_c in (("start", ramp.start_c), ("cut-off", ramp.cutoff_c)):
            if high is not None and value_c > high:
                return f"{name} {value_c:g} °C is above this station's {self.heat_max}"
            if low is not None and value_c < low:
                return f"{name} {value_c:g} °C is below this station's {self.cold_min}"
        return ""


def _inside(name: str, value: float) -> bool:
    return 0 < value <= PRESSURE_CEILING_KPA if name == "pressure_max" else COLD_CEILING_C <= value <= HEAT_CEILING_C


def ramp_problem(ramp: ThermalRamp | PressureRamp, limits: StationLimits | None) -> str:
    """Why the visit may not ask for this ramp, whatever the instrument would say; empty when it may."""
    own = "" if limits is None else limits.problem(ramp)
    return next(iter(ceiling_problems(ramp)), own)
