"""What attempts work with: instruments, the participant's button, and in simulation a pair of hands."""

import msgspec

from qst.instruments import Algometer, Modality, ResponseButton, Thermode
from qst.visit.operator import Hands


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt works with."""

    thermode: Thermode | None
    algometer: Algometer | None
    thermode_driver: str
    algometer_driver: str
    button: ResponseButton | None
    hands: Hands | None

    def instrument(self, modality: Modality) -> Thermode | Algometer:
        """The instrument for this modality. Raises RuntimeError when there is none: the plan was not checked."""
        instrument = self.algometer if modality is Modality.PRESSURE else self.thermode
        if instrument is None:
            raise RuntimeError(f"no instrument for {modality.value}; the plan was not checked against the station")
        return instrument

    def driver(self, modality: Modality) -> str:
        """Name of the driver of that instrument."""
        return self.algometer_driver if modality is Modality.PRESSURE else self.thermode_driver
