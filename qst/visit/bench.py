"""What attempts work with: instruments, the participant's button, and in simulation a pair of hands."""

from collections.abc import Mapping

import msgspec

from qst.errors import RefusedError
from qst.instruments import Algometer, ConnectedButton, Identity, Modality, ResponseButton, Thermode
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
    identities: Mapping[str, Identity] = {}  # by role: who answered when this session began

    def refuse(self, planned: PlannedTrial) -> None:
        """The last look before an instrument is told anything: limits of the suite and of the station.

        Raises:
            RefusedError: the ramp is beyond them. Never clamped.
        """
        problem = ramp_problem(planned.ramp, self.limits.get(role_of(planned.modality)))
        if problem:
            raise RefusedError(problem, did="nothing was sent to the instrument", remedy="Change the protocol.")

    def refuse_another(self, modality: Modality, found: Identity) -> None:
        """An instrument that was connected anew must be the one whose name stands in the log.

        Raises:
            RefusedError: another one answered. What it is is not known here, nor whether the plan suits it.
        """
        first = self.identities.get(role_of(modality))
        if first is None or _who(first) == _who(found):
            return
        raise RefusedError(
            f"another instrument answers: {_named(found)} where {_named(first)} began this visit",
            did="stimulated nobody with it",
            remedy="Connect the first one again, or resume the visit with this one: the log then names both.",
        )

    def connect_again(self, modality: Modality) -> None:
        """After a fault the instrument, and the button, must prove themselves again before anybody is touched.

        Raises:
            InstrumentError, LinkError, WireError: one of them did not, or another instrument answered.
        """
        instrument = self.instrument(modality)
        instrument.close()
        self.refuse_another(modality, instrument.connect())
        if isinstance(self.button, ConnectedButton) and not instrument.capabilities.has_button:
            self.button.connect()

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


def _who(identity: Identity) -> tuple[str, str, str, bool | None]:
    """Who it is, without what may change from one moment to the next (its battery, what it was found doing)."""
    return identity.model, identity.serial, identity.firmware, identity.simulated


def _named(identity: Identity) -> str:
    number = f" ({identity.serial})" if identity.serial else ""
    firmware = f", firmware {identity.firmware}" if identity.firmware else ""
    return f"{identity.model}{number}{firmware}{', simulated' if identity.simulated else ''}"
