"""What can be chosen about a simulated Arroyo controller."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from qst_drivers.wire.marks import SERIAL_MARK, serial_says_simulated
from qst_simulators.peltier import Plate

_PLATE_KEYS = frozenset(entry.name for entry in fields(Plate))


@dataclass(frozen=True)
class Options:
    """Settings of the simulator, as a station file may give them, besides those of the plate.

    Raises:
        ValueError: from :meth:`read`, with what is wrong.
    """

    model: str = "5305"
    serial: str = "SIM-53051234"  # begins with SIM-
    firmware: str = "3.06"
    idn_commas: bool = False  # *IDN? with commas instead of spaces
    has_trate: bool = True  # TEC:TRATE exists; it is "not on all instruments"
    set_query: str = "final"  # TEC:SET:T? during a ramp: "final" or "moving" set-point
    slew_from: str = "measured"  # a ramp begins at the "measured" temperature, or at the working "setpoint"
    trate_at_once: bool = True  # a new TEC:TRATE changes a ramp that runs
    obeys_limits: bool = True  # THI and TLO switch the output off, and refuse set-points
    terminal: bool = False  # wakes up with echo
    noise_c: float = 0.003
    answer_min_s: float = 0.016  # before an answer begins, or a command takes effect; evenly spread up to the longest
    answer_max_s: float = 0.040
    open_reads_c: float = -99.0  # TEC:T? without a sensor
    short_reads_c: float = 250.0

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "tuple[Self, Plate]":
        """Options and plate from a plain mapping; unknown keys and wrong types are refused."""
        known = {entry.name: entry for kind in (cls, Plate) for entry in fields(kind)}
        values = {}
        for key, value in settings.items():
            if key not in known:
                raise ValueError(f"unknown setting {key!r} of the simulated Arroyo; known: {', '.join(known)}")
            values[key] = _typed(key, value, known[key].default)
        plate = Plate(**{key: value for key, value in values.items() if key in _PLATE_KEYS})
        options = cls(**{key: value for key, value in values.items() if key not in _PLATE_KEYS})
        options.check()
        return options, plate

    def check(self) -> None:
        """Refuse values that mean nothing, and a serial number that a real controller could have."""
        if not serial_says_simulated(self.serial):
            raise ValueError(f"serial must begin with {SERIAL_MARK}, so that nobody takes this one for a real one")
        if not 0 < self.answer_min_s <= self.answer_max_s:
            raise ValueError("answer_min_s must be positive and not above answer_max_s")
        if self.noise_c < 0:
            raise ValueError(f"noise_c must not be negative, not {self.noise_c}")
        for name, value, choices in (
            ("set_query", self.set_query, ("final", "moving")),
            ("slew_from", self.slew_from, ("measured", "setpoint")),
        ):
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def _typed(name: str, value: Any, default: object) -> Any:  # noqa: ANN401 - plain data from a file
    if isinstance(default, float) and isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, not {value!r}")
        return float(value)
    if type(value) is not type(default):
        raise ValueError(f"{name} must be {type(default).__name__}, not {value!r}")
    return value
