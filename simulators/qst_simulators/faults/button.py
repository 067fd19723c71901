"""The participant's button with the faults a button has, and presses that come too early or too late."""

from typing import Any

from qst_simulators.faults.names import Fault
from qst_simulators.faults.table import FaultTable
from qst_simulators.surroundings import ButtonLine
from qst_simulators.world import World

_EARLY_PRESS_S = 0.3
_BOUNCES, _BOUNCE_S = 3, 0.002
_LATE_S = 3.0


class FaultyButton(ButtonLine):
    """A contact that sticks, bounces, or passes a press on late.

    Args:
        world: time and chance.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._sticks = False
        self._bounces = 0
        self._bounce_s = 0.0
        self._late_s = 0.0
        self._bouncing_until_s = -1.0
        self.fault_table = FaultTable(
            "the button",
            {
                Fault.STUCK_BUTTON: self._stick,
                Fault.BOUNCING_BUTTON: self._begin_to_bounce,
                Fault.EARLY_PRESS: self._press_early,
                Fault.LATE_PRESS: self._be_late,
            },
        )

    def inject(self, name: str, **options: Any) -> None:  # noqa: ANN401 - plain data from a station file
        """Let a fault begin now.

        ``stuck_button``: the contact stays down from its next press on (``now``: from now on). ``bouncing_button``:
        ``bounces`` (3) further pairs of edges, each edge ``bounce_s`` (0.002) after the last, and up to half as long
        again by chance. ``early_press``: a press now, for ``for_s`` (0.3). ``late_press``: presses come ``late_s`` (3)
        later.

        Raises:
            ValueError: no fault of a button, or an unknown option.
        """
        self.fault_table.strike(name, options)

    def _stick(self, *, now: bool = False) -> None:
        self._sticks = True
        if now:
            super().set(pressed=True)

    def _begin_to_bounce(self, *, bounces: int = _BOUNCES, bounce_s: float = _BOUNCE_S) -> None:
        self._bounces, self._bounce_s = bounces, bounce_s

    def _press_early(self, *, for_s: float = _EARLY_PRESS_S) -> None:
        self.set(pressed=True)
        self._world.at(self._world.now_s + for_s, lambda: self.set(pressed=False))

    def _be_late(self, *, late_s: float = _LATE_S) -> None:
        self._late_s = late_s

    def set(self, *, pressed: bool) -> None:
        """Put the contact down or up, as well as it can."""
        if self._late_s:
            self._world.at(self._world.now_s + self._late_s, lambda: self._move(pressed=pressed))
        else:
            self._move(pressed=pressed)

    def _move(self, *, pressed: bool) -> None:
        if self._sticks and not pressed:
            return
        if self._bounces and pressed != self.pressed and self._world.now_s > self._bouncing_until_s:
            self._bounce(pressed=pressed)
        super().set(pressed=pressed)

    def _bounce(self, *, pressed: bool) -> None:
        """Schedule the edges that follow the first; the last of them leaves the contact as it was meant to be."""
        chance = self._world.random("button", "bounce", len(self.history))
        time_s = self._world.now_s
        for edge in range(2 * self._bounces):
            time_s += self._bounce_s * (1.0 + chance.random() / 2)
            down = pressed if edge % 2 else not pressed
            self._world.at(time_s, lambda down=down: super(FaultyButton, self).set(pressed=down))  # type: ignore[misc]  # a default argument binds the loop's value
        self._bouncing_until_s = time_s
