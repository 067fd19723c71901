"""What is held to the rules: a driver and a simulator with their settings, and what one may ask of the pair."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from qst.errors import InputError
from qst.instruments import PressureRamp, ThermalRamp
from qst.station import driver_class, driver_names
from qst_simulators.bench import find_simulator

#: A class, or the name of an installed entry point.
Pluggable = str | Callable[..., Any]


class Stage(StrEnum):
    """How far an instrument has been brought."""

    UNCONNECTED = "never-connected"
    CONNECTED = "connected"
    PREPARED = "prepared"
    ADAPTING = "adapting"  # a thermode on its way to its start
    READY = "ready"  # at its start, or zeroed
    RAMPING = "ramping"  # part of the way
    ENDED = "ended"  # the device has ended its ramp on the button
    STOPPED = "stopped"
    SAFE = "made-safe"
    CLOSED = "closed"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A driver and its simulator.

    Attributes:
        driver, simulator: the classes.
        settings, simulator_settings: as in a station file, under ``settings`` and ``simulator``.
        ramps: ramps that the pair can do; the first one is the one that faults are tried on.
        accuracy: how far a sample may be from the truth of the simulator, °C or kPa.
        period_s: between two polls.
        rest_c, rest_within_c: where a thermode that was made safe may leave the skin.
        coasting_c: how far the plate goes on when it is told to turn back.
        exempt: name of a check, with its case in brackets if it has cases -> why it cannot hold.
    """

    driver: Callable[..., Any]
    simulator: Callable[..., Any]
    settings: Mapping[str, Any]
    simulator_settings: Mapping[str, Any]
    ramps: Sequence[Any]
    accuracy: float
    period_s: float = 0.05
    rest_c: float = 32.0
    rest_within_c: float = 2.5
    coasting_c: float = 0.05
    exempt: Mapping[str, str] = field(default_factory=dict)


def resolve_driver(driver: Pluggable) -> Callable[..., Any]:
    """The driver's class.

    Raises:
        InputError: no driver of this name is installed.
    """
    if not isinstance(driver, str):
        return driver
    if driver not in driver_names():
        raise InputError(
            f"no driver is called '{driver}'",
            remedy=f"installed drivers: {', '.join(driver_names())}; install your package, or give the class itself",
        )
    return driver_class(driver)


def resolve_simulator(simulator: Pluggable) -> Callable[..., Any]:
    """The simulator's class. Raises InputError when none of this name is installed."""
    return find_simulator(simulator) if isinstance(simulator, str) else simulator


def require_ramps(ramps: Sequence[object], kind: type[ThermalRamp] | type[PressureRamp]) -> None:
    """Refuse an empty list of ramps, or ramps of another kind.

    Raises:
        InputError: either.
    """
    if not ramps or not all(isinstance(ramp, kind) for ramp in ramps):
        raise InputError(
            f"the conformance suite needs at least one {kind.__name__} that the pair can do",
            remedy=f"give ramps=[{kind.__name__}(...)]",
        )


def require_kind(driver: Callable[..., Any], kind: Literal["thermode", "algometer"]) -> None:
    """Refuse the driver of another kind of instrument.

    Raises:
        InputError: it is one.
    """
    found = driver.CAPABILITIES.kind  # type: ignore[attr-defined]  # what every driver class has
    if found != kind:
        raise InputError(f"this is the driver of another instrument, {found}", remedy=f"use {found}_conformance")
