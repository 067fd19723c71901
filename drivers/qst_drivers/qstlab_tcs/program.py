"""A ramp as the TCS is told it: proof that it may and can be done, the commands, and the check of the read-back.

Two layers: the device's own limits (``Om`` at the hottest point of the ramp, ``D`` at the time the cut-off is reached,
so that the device returns by itself) and the driver's (everything is proved here before a byte is sent). Nothing is
rounded: a value off the wire's grid is refused.
"""

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self

from qst.ceilings import HEAT_CEILING_C
from qst.errors import InstrumentFaultError, LocalProtocolError, RefusedError, StationFileError
from qst.instruments import ThermalRamp, refuse_beyond_ceilings
from qst_drivers.quantities import Quantity
from qst_drivers.wire.tcs import (
    ZONE_COUNT,
    Command,
    Duration,
    FineReturnSpeed,
    FineSpeed,
    MaxTemperature,
    Neutral,
    ProfileMode,
    ReturnSpeed,
    Speed,
    Target,
    Zones,
)

DEVICE_MAX_C: Final = 60.0
NEUTRAL_MIN_C: Final = 20.0
NEUTRAL_MAX_C: Final = 45.0
PROBE_MAX_C_PER_S: Final = 300.0
DURATION_MAX_S: Final = 99.999
_DURATION_MIN_S = 0.010
_ON_GRID = 1e-6

Flags = tuple[bool, bool, bool, bool, bool]
NO_ZONES: Final[Flags] = (False, False, False, False, False)


class TcsSettings(NamedTuple):
    """What the station file says about a TCS."""

    area_cm2: float | None = None  # of the whole contact surface; depends on the probe
    zones: Flags = (True, True, True, True, True)
    min_c: float = 0.0
    max_c: float = 50.0
    max_rate_c_per_s: float = 10.0
    max_return_rate_c_per_s: float = PROBE_MAX_C_PER_S
    min_battery_percent: int = 20

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Self:
        """Checked settings.

        Raises:
            StationFileError: an unknown key, or a value that is wrong or outside what the device can do.
        """
        values: dict[str, Any] = {}
        for key, value in settings.items():
            name = str(key).replace("-", "_").replace(" ", "_")
            if name == "zones":
                values["zones"] = _read_zones(value)
            elif name == "min_battery_percent":
                values[name] = _read_percent(value)
            elif name in _QUANTITIES:
                values[_QUANTITIES[name].field] = _QUANTITIES[name].read(str(key), value)
            else:
                known = ", ".join([*_QUANTITIES, "zones", "min_battery_percent"])
                raise StationFileError(f"unknown setting {key!r} of qstlab-tcs", remedy=f"known settings: {known}")
        return cls(**values)

    @property
    def overshoot_c(self) -> float:
        """The maker's relative accuracy, or the measured overshoot at the fastest ramp that is allowed, °C."""
        return max(0.1, min(1.1, 0.003 * self.max_rate_c_per_s))


_QUANTITIES = {
    "thermode_area": Quantity("area_cm2", "area", 0.1, 100.0),
    "min_temperature": Quantity("min_c", "temperature", 0.0, NEUTRAL_MIN_C),
    "max_temperature": Quantity("max_c", "temperature", NEUTRAL_MIN_C, HEAT_CEILING_C),
    "max_rate": Quantity("max_rate_c_per_s", "temperature_rate", 0.01, PROBE_MAX_C_PER_S),
    "max_return_rate": Quantity("max_return_rate_c_per_s", "temperature_rate", 0.01, PROBE_MAX_C_PER_S),
}


def _read_zones(value: object) -> Flags:
    """Zone numbers, such as ``[1, 2, 3]``."""
    numbers = range(1, ZONE_COUNT + 1)
    if (
        not isinstance(value, list | tuple)
        or not value
        or any(type(each) is not int or each not in numbers for each in value)
    ):
        raise StationFileError(
            f"zones: {value!r} is no list of zones", remedy="list zones from 1 to 5, such as [1, 2, 3, 4, 5]"
        )
    one, two, three, four, five = (zone in value for zone in numbers)
    return one, two, three, four, five


def _read_percent(value: object) -> int:
    if type(value) is not int or not 0 <= value <= 100:  # noqa: PLR2004 - percent
        raise StationFileError(f"min_battery_percent: {value!r} is no whole number from 0 to 100")
    return value


class Program(NamedTuple):
    """What one ramp comes to on the wire."""

    ramp: ThermalRamp
    neutral: Neutral  # moves the plate, so it is sent by ``adapt`` and not by ``prepare``
    limits: tuple[Command, ...]  # everything else, in sending order
    duration_s: float  # from start until the device returns by itself
    expected: dict[str, int]  # what the read-back must show, on the keys of ``decode_parameters``


def _off_grid(value: float, per_unit: int) -> bool:
    return abs(value * per_unit - round(value * per_unit)) > _ON_GRID


def _refuse(what: str, remedy: str) -> RefusedError:
    return RefusedError(what, did="nothing was sent to the thermode", remedy=remedy)


def _prove_limits(ramp: ThermalRamp, settings: TcsSettings) -> None:
    refuse_beyond_ceilings(ramp, settings.overshoot_c)
    if not settings.min_c <= ramp.cutoff_c <= settings.max_c:
        raise _refuse(
            f"cut-off {ramp.cutoff_c:g} °C is outside {settings.min_c:g} to {settings.max_c:g} °C",
            "change the cut-off in the protocol, or the station's limits if they are wrong",
        )
    warmest_c = min(NEUTRAL_MAX_C, settings.max_c)
    if not NEUTRAL_MIN_C <= ramp.start_c <= warmest_c:
        raise _refuse(
            f"start {ramp.start_c:g} °C is outside the TCS's baselines, {NEUTRAL_MIN_C:g} to {warmest_c:g} °C",
            "choose a start temperature within them",
        )
    if ramp.rate_c_per_s > settings.max_rate_c_per_s:
        raise _refuse(
            f"{ramp.rate_c_per_s:g} °C/s is faster than this station's {settings.max_rate_c_per_s:g} °C/s",
            "choose a slower ramp, or raise max_rate in the station file",
        )
    if ramp.return_rate_c_per_s > settings.max_return_rate_c_per_s:
        raise _refuse(
            f"a return at {ramp.return_rate_c_per_s:g} °C/s is faster than {settings.max_return_rate_c_per_s:g} °C/s",
            "choose a slower return, or raise max_return_rate in the station file",
        )


def _duration_s(ramp: ThermalRamp) -> float:
    """Time to the cut-off, up to the next millisecond, so that the device can get there and returns at once."""
    duration_s = math.ceil(ramp.duration_s * 1000 - _ON_GRID) / 1000
    if duration_s > DURATION_MAX_S:
        reach_c = DURATION_MAX_S * ramp.rate_c_per_s
        raise _refuse(
            f"from {ramp.start_c:g} to {ramp.cutoff_c:g} °C at {ramp.rate_c_per_s:g} °C/s takes {duration_s:.3f} s; "
            f"one stimulus of the TCS lasts at most {DURATION_MAX_S} s, here {reach_c:.1f} °C",
            "start nearer to the cut-off, choose a faster rate, or another thermode",
        )
    return max(duration_s, _DURATION_MIN_S)


def write_program(ramp: ThermalRamp, settings: TcsSettings) -> Program:
    """Prove ``ramp`` and put it into commands.

    Raises:
        RefusedError: outside limits, off the wire's grid, or too long. Never rounded, never clamped.
    """
    _prove_limits(ramp, settings)
    duration_s = _duration_s(ramp)
    try:
        neutral = Neutral(ramp.start_c)
        commands = (
            ProfileMode(NO_ZONES),
            MaxTemperature(max(ramp.start_c, ramp.cutoff_c)),
            Zones(settings.zones),
            FineSpeed(ramp.rate_c_per_s) if _off_grid(ramp.rate_c_per_s, 10) else Speed(ramp.rate_c_per_s),
            FineReturnSpeed(ramp.return_rate_c_per_s)
            if _off_grid(ramp.return_rate_c_per_s, 10)
            else ReturnSpeed(ramp.return_rate_c_per_s),
            Target(ramp.cutoff_c),
            Duration(duration_s),
        )
    except LocalProtocolError as wrong:
        raise _refuse(wrong.what, "temperatures in steps of 0.1 °C, rates in steps of 0.01 °C/s") from wrong
    return Program(ramp, neutral, commands, duration_s, _expected(ramp, settings, duration_s))


def _expected(ramp: ThermalRamp, settings: TcsSettings, duration_s: float) -> dict[str, int]:
    expected = {"Om": round(max(ramp.start_c, ramp.cutoff_c) * 10)}
    for zone, enabled in enumerate(settings.zones, start=1):
        expected[f"S{zone}"] = int(enabled)
        if enabled:
            expected[f"C{zone}"] = round(ramp.cutoff_c * 100)
            expected[f"V{zone}"] = round(ramp.rate_c_per_s * 100)
            expected[f"R{zone}"] = round(ramp.return_rate_c_per_s * 100)
            expected[f"D{zone}"] = round(duration_s * 1000)
    return expected


def check_readback(shown: Mapping[str, int], expected: Mapping[str, int]) -> None:
    """The device's own listing against what it was told.

    ``Om`` and ``Ue`` need not be listed (unverified whether they are); everything else must be, and must agree.

    Raises:
        InstrumentFaultError: a parameter differs or is missing: characters were lost on the way.
    """
    for key, value in expected.items():
        if shown.get(key, value if key == "Om" else None) != value:
            raise InstrumentFaultError(
                f"the TCS holds {key} = {shown.get(key, 'nothing')} where {value} was sent",
                did="no stimulus was started; the plate is sent to its baseline",
                remedy="prepare again; if it stays, check the cable and report the firmware version",
            )
    if any(shown.get(f"Ue{zone}", 0) for zone in range(1, ZONE_COUNT + 1)):
        raise InstrumentFaultError("the TCS is in profile mode", did="no stimulus was started", remedy="prepare again")
