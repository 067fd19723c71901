"""What can be chosen about a simulated TCS, and what can go wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from qst import units
from qst.errors import InputError

_PERCENT = 100


@dataclass
class Faults:
    """Switches that may be thrown at any time; all are off at first."""

    silent: bool = False  # answers nothing
    garbage: bytes = b""  # put in front of the next reply
    truncate: int | None = None  # only so many bytes of the next reply to E leave the device
    delay_s: float = 0.0  # every reply begins so much later
    lose: int = 0  # so many of the next characters from the host are lost
    ignores_button: bool = False  # the firmware does not see the response button when it runs a stimulus
    ignores_duration: bool = False  # the stimulus does not end by itself: stuck at its target
    ignores_abort: bool = False  # the firmware does not obey ``A``
    pace: float = 1.0  # share of the commanded rate that a stimulus really has
    overshoot_c: float = 0.0  # how far the plate goes on after the end of a stimulus
    zone_error_c: dict[int, float] = field(default_factory=dict)  # zone 1…5 -> this much added to its reading


@dataclass
class Options:
    """Settings of the simulator, as a station file may give them. Temperatures may be text with their unit.

    Raises:
        ValueError: from :meth:`read`, with what is wrong.
    """

    firmware: str = "14.52"  # below 14 the port is scanned once a millisecond
    probe_type: str = "003"
    probe_speed_c_per_s: float = 300.0
    offsets: bool = True  # absolute error of the probe and of its zones, drawn once a session
    probe_offset_sd_c: float = 0.2
    zone_offset_sd_c: float = 0.1
    noise_c: float = 0.02
    ambient_c: float = 24.0  # what the reference sensor reads
    skin_c: float = 32.0  # what the self-calibration G finds
    spaces_for_plus: bool = False
    battery_percent: int = 80
    charging: bool = False
    probe_absent: bool = False
    sensor_fault_zone: int = 0  # 1…5; 0 is none
    exposure_rule: bool = True
    obeys_limits: bool = True  # the programmed duration and the exposure rule end a stimulus
    power_limited: bool = False

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Self:
        """Options from a plain mapping; unknown keys and wrong types are refused."""
        known = {each.name: each for each in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in settings.items():
            name = key.replace("-", "_").replace(" ", "_")
            if name not in known:
                raise ValueError(f"unknown setting {key!r} of the simulated TCS; known: {', '.join(known)}")
            values[name] = _typed(name, value, known[name].default)
        options = cls(**values)
        options.check()
        return options

    def check(self) -> None:
        """Refuse values that no TCS has."""
        if not self.firmware.split(".")[0].isdigit():
            raise ValueError(f"firmware must begin with its major version, such as '14.52', not {self.firmware!r}")
        if not 0 <= self.battery_percent <= _PERCENT:
            raise ValueError(f"battery_percent must be 0 to 100, not {self.battery_percent}")
        if not 0 <= self.sensor_fault_zone <= 5:  # noqa: PLR2004 - five zones
            raise ValueError(f"sensor_fault_zone must be 0 (none) to 5, not {self.sensor_fault_zone}")


def _typed(name: str, value: Any, default: object) -> Any:  # noqa: ANN401 - plain data from a file
    if isinstance(default, float) and isinstance(value, str):
        return _quantity(name, value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise ValueError(f"{name} must be {type(default).__name__}, not {value!r}")
    return value


def _quantity(name: str, text: str) -> float:
    if name.endswith("_per_s"):
        kind = "temperature_rate"
    else:
        kind = "temperature" if name in ("ambient_c", "skin_c") else "temperature_difference"
    try:
        return units.parse(text, kind)
    except InputError as wrong:
        raise ValueError(f"{name}: {wrong}") from wrong
