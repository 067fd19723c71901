"""What a simulated Mark-10 gauge can be: its scales, its factory settings, and the switches of the simulator."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from qst.units import parse
from qst_drivers.wire import mark10 as wire
from qst_drivers.wire.mark10 import ListReply, Unit
from qst_drivers.wire.marks import SERIAL_MARK, serial_says_simulated

#: Newtons per unit.
FORCE_FACTORS: Final = {Unit.LBF: parse("1 lbf", "force"), Unit.KGF: parse("1 kgf", "force"), Unit.N: 1.0}


class Scale(NamedTuple):
    """How a unit is shown: digit = step × 10**-decimals, capacity in that unit."""

    step: int
    decimals: int
    capacity: float

    @property
    def digit(self) -> float:
        """The smallest step in that unit."""
        return self.step * 10.0**-self.decimals


#: M5-50. 50 × 0.01 lbF is printed by the maker; the other two were seen in shops only (unverified), further units in
#: no source, so their commands are answered with "not applicable" (unverified).
SCALES: Final = {
    Unit.LBF: Scale(1, 2, 50.0),
    Unit.KGF: Scale(5, 3, 25.0),
    Unit.N: Scale(5, 2, 250.0),
}

#: As it leaves the factory.
FACTORY: Final = ListReply(
    firmware="V1.00",
    unit=Unit.LBF,
    mode="CUR",
    display_filter=9,
    current_filter=3,
    auto_output=0,
    auto_off_min=5,
    with_units=True,
    input_inverted=False,
    unsigned_output=False,
    mitutoyo=True,
    mitutoyo_polarity=True,
    battery=0,
)


def serial_of(settings: Mapping[str, Any]) -> str:
    """The serial number; it says that the gauge is simulated, whatever else it says.

    Raises:
        ValueError: it does not.
    """
    serial = str(settings.get("serial", f"{SERIAL_MARK}3512345"))
    if not serial_says_simulated(serial):
        raise ValueError(f"serial must begin with {SERIAL_MARK}, so that nobody takes this gauge for a real one")
    return serial


def choice_of(settings: Mapping[str, Any], name: str, choices: tuple[Any, ...]) -> Any:  # noqa: ANN401 - a setting's value
    """The setting ``name``, by default the first of ``choices``. Raises ValueError when it is none of them."""
    value = settings.get(name, choices[0])
    if value not in choices:
        raise ValueError(f"{name} is one of {', '.join(map(str, choices))}, not {value}")
    return value


def start_of(settings: Mapping[str, Any]) -> ListReply:
    """The settings that the gauge wakes up with.

    Raises:
        ValueError: a field or a value that no gauge has.
    """
    start = {**msgspec.to_builtins(FACTORY), **settings.get("start", {})}
    try:
        found = msgspec.convert(start, ListReply)
    except msgspec.ValidationError as error:
        raise ValueError(f"start: {error}") from error
    if found.unit not in SCALES or found.auto_output not in wire.AUTO_OUTPUT_RATES:
        raise ValueError("start: unit is one of lbF, kgF, N, and auto_output a rate that the gauge has")
    return found
