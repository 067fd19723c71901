"""What a Mark-10 gauge must be set to for algometry, what the station file may say about it, and giving it back.

The settings are our choice: newtons, real-time reading, both filters at 8 samples (of 7000 a second: 1.1 ms where the
factory's display filter has 73 ms), never switching itself off, polarity as it comes. The gauge never saves them.
"""

from collections.abc import Mapping
from typing import Any, Final

from qst.errors import StationFileError
from qst_drivers.gauge_settings import HandGauge, hand_gauge, quantity, refuse_unknown
from qst_drivers.wire.mark10 import Command, ListReply, Unit

WANTED: Final = ListReply(
    unit=Unit.N,
    mode="CUR",
    display_filter=3,
    current_filter=3,
    auto_output=0,
    auto_off_min=0,
    with_units=True,
    input_inverted=False,
    unsigned_output=False,
)
_CHECKED: Final = tuple(name for name in ListReply.__struct_fields__ if getattr(WANTED, name) not in (None, "", ()))
#: Older gauges do not list these, which is no disagreement.
_OMITTED_BY_OLD: Final = ("input_inverted", "unsigned_output")
_UNIT_COMMANDS: Final = {
    Unit.LBF: "LB",
    Unit.OZF: "OZ",
    Unit.KGF: "KG",
    Unit.GF: "G",
    Unit.N: "N",
    Unit.MN: "MN",
    Unit.KN: "KN",
}


def setting_commands(settings: ListReply) -> tuple[Command, ...]:
    """The commands that bring a gauge to ``settings``; what is None there is left as it is. The stream stays off."""
    commands = []
    if settings.with_units is not None:
        commands.append(Command("FULL" if settings.with_units else "NUM"))
    if settings.unit in _UNIT_COMMANDS:
        commands.append(Command(_UNIT_COMMANDS[settings.unit]))
    if settings.input_inverted is not None:
        commands.append(Command("IPOL", int(settings.input_inverted)))
    if settings.unsigned_output is not None:
        commands.append(Command("OPOL", int(settings.unsigned_output)))
    if settings.mode is not None:
        commands.append(Command(settings.mode))
    for name, number in (
        ("AOFF", settings.auto_off_min),
        ("FLTC", settings.display_filter),
        ("FLTP", settings.current_filter),
    ):
        if number is not None:
            commands.append(Command(name, number))
    return tuple(commands)


def unlike_wanted(found: ListReply) -> list[str]:
    """The settings in which ``found`` differs from what was asked for, in words."""
    return [
        name.replace("_", " ")
        for name in _CHECKED
        if getattr(found, name) != getattr(WANTED, name)
        and not (name in _OMITTED_BY_OLD and getattr(found, name) is None)
    ]


#: Capacity and digit in N where they are known. Unverified for N: the maker prints 50 × 0.01 lbF.
_MODELS: Final = {"M5-50": ("250 N", "0.05 N")}


def gauge_of(settings: Mapping[str, Any]) -> HandGauge:
    """The gauge of a station file.

    Raises:
        StationFileError: a setting is missing, unknown or impossible.
    """
    refuse_unknown(settings, "capacity", "push_sign")
    model = str(settings.get("model", "M5-50"))
    capacity, digit = _MODELS.get(model, (None, None))
    return hand_gauge(
        settings,
        model=model,
        capacity_n=quantity(settings, "capacity", "force", capacity),
        digit_n=quantity(settings, "resolution", "force", digit),
    )


_PUSH_SIGNS: Final[dict[str, int | None]] = {"probe": None, "1": 1, "+1": 1, "-1": -1}


def push_sign_of(settings: Mapping[str, Any]) -> int | None:
    """The sign that the station file states, or None where it is to be probed.

    Raises:
        StationFileError: neither.
    """
    stated = str(settings.get("push_sign", "probe"))
    if stated not in _PUSH_SIGNS:
        raise StationFileError(f"push_sign: '{stated}' is no sign", remedy="write 'push_sign: probe', or +1 or -1")
    return _PUSH_SIGNS[stated]
