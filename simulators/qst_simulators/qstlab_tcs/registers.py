"""The parameters inside a TCS: power-on values, silent clipping, and the listing that ``P`` gives.

Everything is an integer on the wire's finest grid: temperatures in 0.01 °C (baseline and maximum in 0.1 °C), speeds in
0.01 °C/s, durations in ms. Source: TCS 2.2 User's Manual and the device's help text. Unverified, our choice: the
default of ``Om`` (60.0 °C), the order and spelling of the listing, that ``Om`` clips only targets given after it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from qst_drivers.wire.tcs import ZONE_COUNT
from qst_drivers.wire.tcs_host import Order

NEUTRAL_MIN, NEUTRAL_MAX = 200, 450
HARD_MAX = 600
_SPEED_MAX = 99_999


def _clip(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


@dataclass
class Registers:
    """What the device has been told.

    Args:
        probe_speed: fastest speed of the probe, 0.01 °C/s; the power-on speed.
    """

    probe_speed: int = 30_000
    neutral: int = 300
    maximum: int = HARD_MAX
    enabled: list[bool] = field(default_factory=lambda: [False] * ZONE_COUNT)
    target: list[int] = field(default_factory=lambda: [1000] * ZONE_COUNT)
    duration_ms: list[int] = field(default_factory=lambda: [100] * ZONE_COUNT)
    speed: list[int] = field(default_factory=list)
    return_speed: list[int] = field(default_factory=list)
    trigger: tuple[int, int] = (255, 300)
    integral: bool = True
    window: int = 0
    profile_on: list[bool] = field(default_factory=lambda: [False] * ZONE_COUNT)
    profiles: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.speed = self.speed or [self.probe_speed] * ZONE_COUNT
        self.return_speed = self.return_speed or [self.probe_speed] * ZONE_COUNT

    @property
    def leading_zone(self) -> int | None:
        """Index of the first enabled zone; None when all are disabled."""
        return self.enabled.index(True) if any(self.enabled) else None

    def apply(self, order: Order) -> bool:
        """Take over a parameter, clipped as the device does it. False when ``order`` sets no parameter."""
        setter = _SETTERS.get(order.name)
        if setter is None:
            return False
        setter(self, order.digits)
        return True

    def _zones(self, digit: str) -> range:
        zone = int(digit)
        if zone > ZONE_COUNT:
            return range(0)
        return range(ZONE_COUNT) if zone == 0 else range(zone - 1, zone)

    def _set_neutral(self, digits: str) -> None:
        self.neutral = _clip(int(digits), NEUTRAL_MIN, NEUTRAL_MAX)

    def _set_enabled(self, digits: str) -> None:
        self.enabled = [digit != "0" for digit in digits]

    def _set_target(self, digits: str) -> None:
        for zone in self._zones(digits[0]):
            self.target[zone] = _clip(int(digits[1:]) * 10, 0, self.maximum * 10)

    def _set_fine_target(self, digits: str) -> None:
        for zone in self._zones(digits[0]):
            self.target[zone] = _clip(int(digits[1:]), 1, self.maximum * 10)

    def _set_speed(self, digits: str) -> None:
        for zone in self._zones(digits[0]):
            self.speed[zone] = _clip(int(digits[1:]) * 10, 10, _SPEED_MAX)

    def _set_fine_speed(self, digits: str) -> None:
        for zone in self._zones(digits[0]):
            self.speed[zone] = _clip(int(digits[1:]), 1, _SPEED_MAX)

    def _set_return(self, digits: str) -> None:
        for zone in self._zones(digits[0]):
            self.return_speed[zone] = _clip(int(digits[1:]) * 10, 10, _SPEED_MAX)

    def _set_fine_return(self, digits: str) -> None:
        for zone in self._zones(digits[0]):
            self.return_speed[zone] = _clip(int(digits[1:]), 1, _SPEED_MAX)

    def _set_duration(self, digits: str) -> None:
        for zone in self._zones(digits[0]):
            self.duration_ms[zone] = _clip(int(digits[1:]), 10, 99_999)

    def _set_maximum(self, digits: str) -> None:
        self.maximum = _clip(int(digits), 0, HARD_MAX)

    def _set_trigger(self, digits: str) -> None:
        self.trigger = (_clip(int(digits[:3]), 1, 255), _clip(int(digits[3:]), 10, 999))

    def _set_integral(self, digits: str) -> None:
        self.integral = digits != "0"

    def _set_window(self, digits: str) -> None:
        self.window = int(digits)

    def _set_profile_mode(self, digits: str) -> None:
        self.profile_on = [digit != "0" for digit in digits]

    def _write_profile(self, digits: str) -> None:
        for zone, flag in enumerate(digits[:ZONE_COUNT]):
            if flag != "0":
                self.profiles[zone] = digits[ZONE_COUNT:]

    def listing(self) -> str:
        """What ``P`` prints: commands that would set the present state, each after a CR."""
        lines = [f"N{self.neutral:03d}", f"Om{self.maximum:03d}", "S" + _bits(self.enabled)]
        for zone in range(ZONE_COUNT):
            name = str(zone + 1)
            lines += [
                _on_coarse_grid("C", "Ot", name, self.target[zone], 3),
                _on_coarse_grid("V", "Ov", name, self.speed[zone], 4),
                _on_coarse_grid("R", "Or", name, self.return_speed[zone], 4),
                f"D{name}{self.duration_ms[zone]:05d}",
            ]
        code, width_ms = self.trigger
        lines += [f"T{code:03d}{width_ms:03d}", f"Y{self.window:04d}", f"I{int(self.integral)}"]
        lines.append("Ue" + _bits(self.profile_on))
        return "".join(["\r" + line for line in lines])

    def profile_listing(self) -> str:
        """What ``Ur`` prints: per zone its number, enabled flag, count, then the segments."""
        parts = []
        for zone in range(ZONE_COUNT):
            profile = self.profiles.get(zone, "000")
            segments = [profile[at : at + 6] for at in range(3, len(profile), 6)]
            parts.append(" ".join([str(zone + 1), str(int(self.profile_on[zone])), profile[:3], *segments]))
        return "".join(["\r" + part for part in parts])


def _bits(flags: list[bool]) -> str:
    return "".join("1" if flag else "0" for flag in flags)


def _on_coarse_grid(coarse: str, fine: str, zone: str, hundredths: int, width: int) -> str:
    if hundredths % 10 == 0:
        return f"{coarse}{zone}{hundredths // 10:0{width}d}"
    return f"{fine}{zone}{hundredths:0{width + 1}d}"


_SETTERS: dict[str, Callable[[Registers, str], None]] = {
    "N": Registers._set_neutral,  # noqa: SLF001 - the table belongs to the class
    "S": Registers._set_enabled,  # noqa: SLF001 - likewise
    "C": Registers._set_target,  # noqa: SLF001 - likewise
    "Ot": Registers._set_fine_target,  # noqa: SLF001 - likewise
    "V": Registers._set_speed,  # noqa: SLF001 - likewise
    "Ov": Registers._set_fine_speed,  # noqa: SLF001 - likewise
    "R": Registers._set_return,  # noqa: SLF001 - likewise
    "Or": Registers._set_fine_return,  # noqa: SLF001 - likewise
    "D": Registers._set_duration,  # noqa: SLF001 - likewise
    "Om": Registers._set_maximum,  # noqa: SLF001 - likewise
    "T": Registers._set_trigger,  # noqa: SLF001 - likewise
    "I": Registers._set_integral,  # noqa: SLF001 - likewise
    "Y": Registers._set_window,  # noqa: SLF001 - likewise
    "Ue": Registers._set_profile_mode,  # noqa: SLF001 - likewise
    "Uw": Registers._write_profile,  # noqa: SLF001 - likewise
}
