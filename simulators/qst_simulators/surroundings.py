"""What a simulated device is surrounded by: the participant's button, the hand on the gauge, the skin under the plate.

A simulator knows these three things by their narrow side only; it does not know who presses, why, or what a test
expects.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from qst_simulators.world import World


class ButtonLine:
    """The button in the participant's hand: a contact that is up or down, with its exact edges.

    Args:
        world: whose time stamps the edges.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.pressed = False
        self.listeners: list[Callable[[bool], None]] = []  # told at the moment of each edge
        self.history: list[tuple[float, bool]] = []  # every edge: (time_s, pressed)

    def set(self, *, pressed: bool) -> None:
        """Put the contact down or up now. Setting it to what it is changes nothing."""
        if pressed == self.pressed:
            return
        self.pressed = pressed
        self.history.append((self._world.now_s, pressed))
        for listener in self.listeners:
            listener(pressed)


class ThermalSurface(Protocol):
    """The plate of a thermode, as the skin under it feels it. Temperatures °C, times s of the world."""

    on_change: list[Callable[[], None]]  # called whenever the path ahead has changed (a new target, a stop)

    def temperature_c(self, time_s: float) -> float:
        """True temperature at ``time_s``, on the path as it stands now. ``time_s`` is not before the last change."""

    def when(self, threshold_c: float, *, rising: bool, after_s: float) -> float | None:
        """First time from ``after_s`` on at which the path as it stands is at or beyond ``threshold_c``.

        Beyond is above when ``rising``, else below. ``after_s`` itself when it already is there; None when it never
        gets there.
        """


class ForceSource(Protocol):
    """What pushes on a gauge's tip. Forces N (push positive), times s of the world, never ahead of the world's time."""

    def force_n(self, time_s: float) -> float:
        """True force at ``time_s``."""

    def mean_force_n(self, from_s: float, to_s: float) -> float:
        """True mean force over the interval (what a moving-average filter sees)."""

    def max_force_n(self, from_s: float, to_s: float) -> float:
        """True maximum over the interval (what a fast peak detector sees)."""


class NoForce:
    """Nothing touches the tip."""

    def force_n(self, time_s: float) -> float:  # noqa: ARG002 - the interface's name
        """Zero."""
        return 0.0

    def mean_force_n(self, from_s: float, to_s: float) -> float:  # noqa: ARG002 - the interface's names
        """Zero."""
        return 0.0

    def max_force_n(self, from_s: float, to_s: float) -> float:  # noqa: ARG002 - the interface's names
        """Zero."""
        return 0.0


@dataclass
class Surroundings:
    """The surroundings of one device."""

    button: ButtonLine
    force: ForceSource = field(default_factory=NoForce)


class SimulatorClass(Protocol):
    """What an entry point in the group ``qst.simulators`` must be: a class called like this.

    The result has the byte side of ``qst_drivers.links.sim.ByteDevice``; a thermode also has ``surface``
    (:class:`ThermalSurface`).
    """

    #: One line for ``qst devices``.
    TITLE: str

    def __call__(self, world: World, settings: Mapping[str, Any], surroundings: Surroundings) -> Any:  # noqa: ANN401
        """Build the device. Raises ValueError with what is wrong in ``settings``."""
