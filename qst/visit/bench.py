"""What attempts work with: instruments, the participant's button, and in simulation a pair of hands."""

from collections.abc import Mapping

import msgspec

from qst.errors import RefusedError
from qst.instruments import Algometer, Modality, ResponseButton, Thermode
from qst.protocol.limits import StationLimits, ramp_problem
from qst.protocol.plan import PlannedTrial
from qst.visit.operator import Hands
from qst.visit.words import role_of


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt works with."""

    thermode: Thermode | None
    algometer: Algometer | None
    thermode_driver: str
    algometer_driver: str
    button: ResponseButton | None
    hands: Hands | None
    limits: Mapping[str, StationLimits] = {}  # by role, of this station

    def refuse(self, planned: PlannedTrial) -> None:
        """The last look before an instrument is told anything: limits of the suite and of the station.

        Raises:
            RefusedError: the ramp is beyond them. Never clamped.
        """
        problem = ramp_problem(planned.ramp, self.limits.get(role_of(planned.modality)))
        if problem:
            raise RefusedError(problem, did="nothing was sent to the instrument", remedy="Change the protocol.")

    def instrument(self, modality: Modality) -> Thermode | Algometer:
        """The instrument for this modality. Raises RuntimeError when there is none: the plan was not checked."""
        instrument = self.algometer if modality is Modality.PRESSURE else self.thermode
        if instrument is None:
            raise RuntimeError(f"no instrument for {modality.value}; the plan was not checked against the station")
        return instrument

    def others(self, first: Thermode | Algometer | None) -> list[Thermode | Algometer]:
        """The instruments besides this one."""
        return [one for one in (self.thermode, self.algometer) if one is not None and one is not first]

    def driver(self, modality: Modality) -> str:
        """Name of the driver of that instrument."""
        return self.algometer_driver if modality is Modality.PRESSURE else self.thermode_driver
