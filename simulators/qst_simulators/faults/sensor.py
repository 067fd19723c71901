"""A sensor that tells something else than the truth. What it measures, and what is controlled by it, stay as they are.

A fault of the sensor that the device *regulates* by is another thing: there every reading looks right and the plate is
wrong. No host can see that; calibration finds it.
"""

import math
from collections.abc import Callable
from typing import Protocol

from qst_simulators.faults.names import Fault
from qst_simulators.world import World


class SensorFault(Protocol):
    """Turns what would be read at ``now_s`` into what is read. Times never go backwards."""

    def read(self, now_s: float, value: float) -> float:
        """The reading."""


class Stuck:
    """Every reading is the first one."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: float | None = None

    def read(self, now_s: float, value: float) -> float:  # noqa: ARG002 - the interface's name
        """The first value it was given."""
        if self._held is None:
            self._held = value
        return self._held


class Jumping:
    """For ``lasts_s`` out of every ``every_s`` the reading is ``size`` beside the truth, first above, then below it.

    Args:
        since_s: when the first jump begins.
        size: in the unit of the reading.
        every_s: from one jump to the next.
        lasts_s: of one jump.
    """

    __slots__ = ("_every_s", "_lasts_s", "_since_s", "_size")

    def __init__(self, since_s: float, size: float, *, every_s: float, lasts_s: float) -> None:
        self._since_s, self._size, self._every_s, self._lasts_s = since_s, size, every_s, lasts_s

    def read(self, now_s: float, value: float) -> float:
        """The truth, or beside it."""
        count, into_s = divmod(now_s - self._since_s, self._every_s)
        if into_s >= self._lasts_s:
            return value
        return value - self._size if math.fmod(count, 2.0) else value + self._size


class Drifting:
    """The reading moves away from the truth, by ``rate`` (its unit a second)."""

    __slots__ = ("_rate", "_since_s")

    def __init__(self, since_s: float, rate: float) -> None:
        self._since_s, self._rate = since_s, rate

    def read(self, now_s: float, value: float) -> float:
        """The truth, and the drift up to now."""
        return value + self._rate * max(now_s - self._since_s, 0.0)


class Offset:
    """The reading lies ``size`` beside the truth: a load that is not the hand's."""

    __slots__ = ("_size",)

    def __init__(self, size: float) -> None:
        self._size = size

    def read(self, now_s: float, value: float) -> float:  # noqa: ARG002 - the interface's name
        """The truth, and the load."""
        return value + self._size


def sensor_strikes(
    world: World,
    install: Callable[[SensorFault], None],
    *,
    jump: float,
    drift_per_s: float,
    load: float | None = None,
) -> dict[Fault, Callable[..., None]]:
    """What makes the faults of a sensor happen, for a :class:`~qst_simulators.faults.table.FaultTable`.

    Options of the faults: ``size``, ``every_s`` (0.5) and ``lasts_s`` (0.04) of the jumps, ``rate`` of the drift (unit
    of the reading a second), ``size`` of the overload.

    Args:
        world: whose time it is.
        install: takes the fault that is there from now on.
        jump: usual size of a jump, in the unit of the reading.
        drift_per_s: usual rate of a drift.
        load: usual size of an overload; None where a sensor has none.
    """

    def stuck() -> None:
        install(Stuck())

    def jumping(*, size: float = jump, every_s: float = 0.5, lasts_s: float = 0.04) -> None:
        install(Jumping(world.now_s, size, every_s=every_s, lasts_s=lasts_s))

    def drifting(*, rate: float = drift_per_s) -> None:
        install(Drifting(world.now_s, rate))

    def overloaded(*, size: float = load or 0.0) -> None:
        install(Offset(size))

    strikes: dict[Fault, Callable[..., None]] = {
        Fault.STUCK_SENSOR: stuck,
        Fault.JUMPING_SENSOR: jumping,
        Fault.DRIFTING_SENSOR: drifting,
    }
    return strikes if load is None else {**strikes, Fault.OVERLOAD: overloaded}
