"""Commands of the QST.Lab TCS II thermode: what the host may say, and how the device's parser hears it.

The language has no terminator and no acknowledgement: a command is complete with its last digit, so one digit too few
or too many shifts everything that follows. A command is therefore validated when it is made, put on the wire's grid,
and the finished text is matched once more against the device's own arities. How the device hears it: ``tcs_host``.

Source: TCS 2.2 User's Manual (software 14.52.032+), QST.Lab MATLAB libraries, help text of the device as published with
pytcsii.
"""

import math
import re

import msgspec

from qst.errors import LocalProtocolError

ZONE_COUNT = 5

#: Characters after the command's letters. ``Uw`` carries 6 more for each profile segment.
ARITY: dict[str, int] = {
    **dict.fromkeys("H?PLAFBEKQG", 0),
    "I": 1,
    "N": 3,
    "W": 3,
    "C": 4,
    "Y": 4,
    **dict.fromkeys("SVR", 5),
    **dict.fromkeys("DTZ", 6),
    **dict.fromkeys(("Oa", "Ob", "Oc", "Od", "Oe", "Og", "Ol", "Oo", "Ur", "Xr"), 0),
    "Om": 3,
    "Ot": 5,
    "Ue": 5,
    "Ov": 6,
    "Or": 6,
    "Xw": 12,
    "Uw": 8,
}
_PATTERN = re.compile("|".join(re.escape(name) + (rf"\d{{{count}}}" if count else "") for name, count in ARITY.items()))
_ON_GRID = 1e-6


def _digits(what: str, value: float, per_unit: int, low: int, high: int, width: int) -> str:
    """``value`` on the wire's grid of 1/``per_unit``, zero-padded to ``width``; refused when it is not on it."""
    if not math.isfinite(value):
        raise LocalProtocolError(f"{what} is not a finite number")
    scaled = value * per_unit
    whole = round(scaled)
    if abs(scaled - whole) > _ON_GRID:
        raise LocalProtocolError(f"{what} {value:g} is not a multiple of {1 / per_unit:g}; the TCS cannot express it")
    if not low <= whole <= high:
        raise LocalProtocolError(f"{what} {value:g} is outside {low / per_unit:g} to {high / per_unit:g}")
    return f"{whole:0{width}d}"


def _zone(zone: int) -> str:
    if not 0 <= zone <= ZONE_COUNT:
        raise LocalProtocolError(f"zone {zone} does not exist: 0 is all zones, 1 to {ZONE_COUNT} is one")
    return str(zone)


def _flags(flags: tuple[bool, ...]) -> str:
    if len(flags) != ZONE_COUNT:
        raise LocalProtocolError(f"{ZONE_COUNT} zone flags are needed, not {len(flags)}")
    return "".join("1" if flag else "0" for flag in flags)


class Command(msgspec.Struct, frozen=True):
    """One command. An illegal one cannot exist: making it raises LocalProtocolError."""

    def text(self) -> str:
        """The characters on the wire."""
        raise NotImplementedError

    def __post_init__(self) -> None:
        text = self.text()
        if not _PATTERN.fullmatch(text):
            raise LocalProtocolError(f"{text!r} is no command of the TCS")


def encode(*commands: Command) -> bytes:
    """The bytes of ``commands``, one after the other."""
    return "".join([command.text() for command in commands]).encode("ascii")


class Plain(Command, frozen=True):
    """A command without parameters: ``A`` abort, ``F`` mute, ``L`` and ``Ol`` start, ``Od`` follow, and the queries."""

    name: str

    def text(self) -> str:
        """The letters themselves."""
        if ARITY.get(self.name) != 0:
            raise LocalProtocolError(f"{self.name!r} is no command without parameters")
        return self.name


class Neutral(Command, frozen=True):
    """``N``: baseline temperature, 20.0 to 45.0 °C in steps of 0.1."""

    temperature_c: float

    def text(self) -> str:
        """``N`` and 3 digits."""
        return "N" + _digits("the baseline temperature in °C", self.temperature_c, 10, 200, 450, 3)


class Zones(Command, frozen=True):
    """``S``: which of the five zones take part in stimuli."""

    enabled: tuple[bool, bool, bool, bool, bool]

    def text(self) -> str:
        """``S`` and 5 flags."""
        return "S" + _flags(self.enabled)


class Target(Command, frozen=True):
    """``C``: target temperature of a stimulus, 0.0 to 60.0 °C in steps of 0.1."""

    temperature_c: float
    zone: int = 0

    def text(self) -> str:
        """``C``, zone, 3 digits."""
        return "C" + _zone(self.zone) + _digits("the target temperature in °C", self.temperature_c, 10, 0, 600, 3)


class FineTarget(Command, frozen=True):
    """``Ot``: target temperature in steps of 0.01 °C, up to 60.00 °C."""

    temperature_c: float
    zone: int = 0

    def text(self) -> str:
        """``Ot``, zone, 4 digits."""
        return "Ot" + _zone(self.zone) + _digits("the target temperature in °C", self.temperature_c, 100, 1, 6000, 4)


class Speed(Command, frozen=True):
    """``V``: speed from baseline to target, 0.1 to 999.9 °C/s in steps of 0.1 (the probe allows less)."""

    rate_c_per_s: float
    zone: int = 0

    def text(self) -> str:
        """``V``, zone, 4 digits."""
        return "V" + _zone(self.zone) + _digits("the rate in °C/s", self.rate_c_per_s, 10, 1, 9999, 4)


class FineSpeed(Command, frozen=True):
    """``Ov``: speed from baseline to target in steps of 0.01 °C/s."""

    rate_c_per_s: float
    zone: int = 0

    def text(self) -> str:
        """``Ov``, zone, 5 digits."""
        return "Ov" + _zone(self.zone) + _digits("the rate in °C/s", self.rate_c_per_s, 100, 1, 99999, 5)


class ReturnSpeed(Command, frozen=True):
    """``R``: speed back to baseline, 0.1 to 999.9 °C/s in steps of 0.1."""

    rate_c_per_s: float
    zone: int = 0

    def text(self) -> str:
        """``R``, zone, 4 digits."""
        return "R" + _zone(self.zone) + _digits("the return rate in °C/s", self.rate_c_per_s, 10, 1, 9999, 4)


class FineReturnSpeed(Command, frozen=True):
    """``Or``: speed back to baseline in steps of 0.01 °C/s."""

    rate_c_per_s: float
    zone: int = 0

    def text(self) -> str:
        """``Or``, zone, 5 digits."""
        return "Or" + _zone(self.zone) + _digits("the return rate in °C/s", self.rate_c_per_s, 100, 1, 99999, 5)


class Duration(Command, frozen=True):
    """``D``: ramp and plateau together, 0.010 to 99.999 s in steps of 1 ms; the return comes after it."""

    duration_s: float
    zone: int = 0

    def text(self) -> str:
        """``D``, zone, 5 digits."""
        return "D" + _zone(self.zone) + _digits("the duration in s", self.duration_s, 1000, 10, 99999, 5)


class MaxTemperature(Command, frozen=True):
    """``Om``: the device clips later targets to this, 0.0 to 60.0 °C in steps of 0.1."""

    temperature_c: float

    def text(self) -> str:
        """``Om`` and 3 digits."""
        return "Om" + _digits("the maximum temperature in °C", self.temperature_c, 10, 0, 600, 3)


class Trigger(Command, frozen=True):
    """``T``: trigger-out code 1 to 255 and its width, 0.010 to 0.999 s."""

    code: int
    width_s: float

    def text(self) -> str:
        """``T``, 3 digits of code, 3 of milliseconds."""
        return (
            "T"
            + _digits("the trigger code", self.code, 1, 1, 255, 3)
            + _digits("the trigger width in s", self.width_s, 1000, 10, 999, 3)
        )


class DisplayWindow(Command, frozen=True):
    """``Y``: how long the 100 Hz display lasts in each stimulus, steps of 10 ms; 0 is the whole stimulus."""

    duration_s: float

    def text(self) -> str:
        """``Y`` and 4 digits."""
        return "Y" + _digits("the display window in s", self.duration_s, 100, 0, 9999, 4)


class Integral(Command, frozen=True):
    """``I``: the controller's integral term on or off."""

    on: bool

    def text(self) -> str:
        """``I`` and a flag."""
        return "I1" if self.on else "I0"


class ProfileMode(Command, frozen=True):
    """``Ue``: which zones follow a written profile instead of a single ramp."""

    enabled: tuple[bool, bool, bool, bool, bool]

    def text(self) -> str:
        """``Ue`` and 5 flags."""
        return "Ue" + _flags(self.enabled)


class Buzzer(Command, frozen=True):
    """``Z``: sound the buzzer, duration in steps of 10 ms, frequency in steps of 10 Hz."""

    duration_s: float
    frequency_hz: float

    def text(self) -> str:
        """``Z``, 3 digits of 10 ms, 3 of 10 Hz."""
        return (
            "Z"
            + _digits("the duration in s", self.duration_s, 100, 0, 999, 3)
            + _digits("the frequency in 10 Hz", self.frequency_hz / 10, 1, 0, 999, 3)
        )
