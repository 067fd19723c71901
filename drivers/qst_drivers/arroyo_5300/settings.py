"""What a station says about its controller, what it can then do, and which ramps that allows."""

import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from qst.ceilings import HEAT_CEILING_C
from qst.errors import LocalProtocolError, RefusedError, StationFileError
from qst.instruments import (
    Capabilities,
    Modality,
    PressureRamp,
    Programming,
    Reading,
    ThermalRamp,
    refuse_beyond_ceilings,
)
from qst_drivers.quantities import Quantity
from qst_drivers.wire.arroyo import RATE_MAX_C_PER_MIN, HighLimit, LowLimit, RampRate, Setpoint

SECONDS_PER_MINUTE: Final = 60.0
RATE_MAX_C_PER_S: Final = RATE_MAX_C_PER_MIN / SECONDS_PER_MINUTE
#: Neither warm nor cold to the skin.
REST_C: Final = 32.0
#: A plate goes beyond its target by about this many seconds of its ramp (0.2 to 1 °C at 1 °C/s), and never less than
#: the other number in °C. Engineering estimates for a laboratory-built plate: not measured.
_OVERSHOOT_S, _OVERSHOOT_LEAST_C = 1.0, 0.2
_RATE_STEP_C_PER_MIN: Final = 0.01
#: The plate lags by up to 1.5 s, and a reading beside its way is not given for 0.3 s.
_LAG_S, _BELIEVED_AFTER_S = 2.0, 0.3
#: More than a plate overshoots at the fastest rate there is.
_ROOM_C: Final = 3.0

_UNVERIFIED = (
    (
        "no watchdog: nothing in the manual makes the controller act when its host goes silent; it holds its "
        "set-point, or goes on to it, for ever"
    ),
    "number formats of the answers: only that they read as numbers is relied on",
    "TEC:SET:T? during a ramp: the final or the moving set-point; both are accepted",
    (
        "TEC:TRATE: resolution, where a new ramp begins, and whether a new rate changes a ramp that runs; a stop "
        "therefore says set-point, rate, and set-point again"
    ),
    "TEC:COND? after a trip, and what TEC:T? tells without a sensor",
    "overshoot and lag of the plate: engineering estimates, 1 °C and 1.5 °C at 1 °C/s; measure your own plate",
    "how long a command takes: 20 to 50 ms are allowed for; published drivers wait 100 ms",
)


class Settings(NamedTuple):
    """Settings of one controller. Temperatures °C, rates °C/s, times s."""

    area_cm2: float | None = None
    min_c: float = 0.0
    max_c: float = 50.0
    max_rate_c_per_s: float = 1.0
    max_return_rate_c_per_s: float = RATE_MAX_C_PER_S
    reply_timeout_s: float = 0.5
    guard_timeout_s: float = 0.5

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "Settings":
        """Settings from a station file. Raises StationFileError."""
        values = {}
        for key, value in settings.items():
            if key not in KEYS:
                raise StationFileError(
                    f"unknown setting {key!r} of arroyo-5300", remedy=f"known settings: {', '.join(KEYS)}"
                )
            values[KEYS[key].field] = KEYS[key].read(key, value)
        return cls(**values)

    @property
    def overshoot_c(self) -> float:
        """How far beyond a cut-off the plate may go at the fastest ramp that is allowed."""
        return max(_OVERSHOOT_LEAST_C, _OVERSHOOT_S * self.max_rate_c_per_s)


#: Every setting: its name in a station file -> what it is.
KEYS: Final = {
    "thermode_area": Quantity("area_cm2", "area", 0.1, 100.0),
    "min_temperature": Quantity("min_c", "temperature", 0.0, 32.0),
    "max_temperature": Quantity("max_c", "temperature", 32.0, HEAT_CEILING_C),
    "max_rate": Quantity("max_rate_c_per_s", "temperature_rate", 0.01, RATE_MAX_C_PER_S),
    "max_return_rate": Quantity("max_return_rate_c_per_s", "temperature_rate", 0.01, RATE_MAX_C_PER_S),
    "reply_timeout": Quantity("reply_timeout_s", "duration", 0.1, 5.0),
    # How long this program may be silent before the guard brings the plate home; a visit asks every 0.1 s or oftener.
    "guard_timeout": Quantity("guard_timeout_s", "duration", 0.2, 2.0),
}


def describe(settings: Settings) -> Capabilities:
    """Capabilities of a controller with these settings."""
    return Capabilities(
        kind="thermode",
        modalities=frozenset({Modality.HEAT, Modality.COLD}),
        value_min=settings.min_c,
        value_max=settings.max_c,
        resolution=0.01,
        rate_min=_RATE_STEP_C_PER_MIN / SECONDS_PER_MINUTE,
        rate_max=settings.max_rate_c_per_s,
        rate_step=_RATE_STEP_C_PER_MIN / SECONDS_PER_MINUTE,
        return_rate_max=settings.max_return_rate_c_per_s,
        longest_stimulus_s=None,
        reading=Reading.POLLED,
        programming=Programming.FREE,
        ends_ramp_on_button=False,
        ends_ramp_at_limit=True,
        self_limiting=False,
        has_button=False,
        acknowledges=False,
        checksums=False,
        timestamps=False,
        stated_overshoot=settings.overshoot_c,
        reading_gap_s=settings.reply_timeout_s + _BELIEVED_AFTER_S,
        ramp_lag_s=_LAG_S,
        unverified=_UNVERIFIED,
    )


class Program(NamedTuple):
    """What one ramp comes to on the wire."""

    ramp: ThermalRamp
    out: RampRate
    back: RampRate
    start: Setpoint
    cutoff: Setpoint


def limits(ramp: ThermalRamp, here_c: float, overshoot_c: float) -> tuple[HighLimit, LowLimit]:
    """Where the device itself is to switch its output off.

    Beyond the cut-off by the stated overshoot; and, on either side, never so near to the start, to 32 °C or to where
    the plate is now that the way there could end it: an output that is off is no safety.
    """
    sign = 1.0 if ramp.rising else -1.0
    places = (ramp.start_c, REST_C, here_c)
    ends = (*(place + _ROOM_C for place in places), *(place - _ROOM_C for place in places))
    ends += (ramp.cutoff_c + sign * overshoot_c,)
    return HighLimit(math.ceil(max(ends) * 100 - 1e-6) / 100), LowLimit(math.floor(min(ends) * 100 + 1e-6) / 100)


def _refuse(what: str, remedy: str) -> RefusedError:
    return RefusedError(what, did="nothing was sent to the controller", remedy=remedy)


def write_program(ramp: ThermalRamp | PressureRamp, settings: Settings) -> Program:
    """Prove ``ramp`` and put it into commands.

    Raises:
        RefusedError: not a thermode's ramp, outside limits, too fast, or off the wire's grid. Never rounded or clamped.
    """
    if isinstance(ramp, PressureRamp):
        raise _refuse("a thermode applies no pressure", "give pressure trials to an algometer")
    refuse_beyond_ceilings(ramp, settings.overshoot_c)
    for name, value_c in (("start", ramp.start_c), ("cut-off", ramp.cutoff_c)):
        if not settings.min_c <= value_c <= settings.max_c:
            raise _refuse(
                f"{name} {value_c:g} °C is outside {settings.min_c:g} to {settings.max_c:g} °C",
                "change the protocol, or the station's limits if they are wrong",
            )
    for what, rate, most, key in (
        ("a ramp", ramp.rate_c_per_s, settings.max_rate_c_per_s, "max_rate"),
        ("a return", ramp.return_rate_c_per_s, settings.max_return_rate_c_per_s, "max_return_rate"),
    ):
        if rate > RATE_MAX_C_PER_S:
            raise _refuse(
                f"{what} at {rate:g} °C/s is {rate * SECONDS_PER_MINUTE:g} °C per minute; "
                f"the controller's fastest is {RATE_MAX_C_PER_MIN:g} (1.666 °C/s)",
                "choose a slower rate in the protocol, or another thermode",
            )
        if rate > most:
            raise _refuse(
                f"{what} at {rate:g} °C/s is faster than this station's {most:.4g} °C/s",
                f"choose a slower rate, or raise {key} in the station file",
            )
    return _on_the_wire(ramp)


def _on_the_wire(ramp: ThermalRamp) -> Program:
    try:
        return Program(
            ramp,
            RampRate(ramp.rate_c_per_s * SECONDS_PER_MINUTE),
            RampRate(ramp.return_rate_c_per_s * SECONDS_PER_MINUTE),
            Setpoint(ramp.start_c),
            Setpoint(ramp.cutoff_c),
        )
    except LocalProtocolError as wrong:
        raise _refuse(wrong.what, "temperatures in steps of 0.01 °C, rates in steps of 0.01 °C per minute") from wrong
