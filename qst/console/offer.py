"""What the start screen offers: protocols and stations, shipped or given on the command line."""

import msgspec

from qst.protocol.shipped import shipped
from qst.rigs.simulated import shipped_stations


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """Names and files to choose from.

    Args:
        protocols: names and files.
        stations: names and files.
        operator: stands in the form already.
        seed: of simulated visits; None draws one for each.
    """

    protocols: tuple[str, ...]
    stations: tuple[str, ...]
    operator: str = ""
    seed: int | None = None

    def protocol_names(self) -> dict[str, str]:
        """How the protocols are shown."""
        return {name: name for name in self.protocols}

    def station_names(self) -> dict[str, str]:
        """How the stations are shown; shipped ones are simulated."""
        simulated = shipped_stations()
        return {name: f"{name} (simulated)" if name in simulated else name for name in self.stations}


def make_offer(protocols: tuple[str, ...], stations: tuple[str, ...], operator: str, seed: int | None = None) -> Offer:
    """What was given first, then what is shipped."""
    return Offer(
        protocols=(*protocols, *(name for name in shipped() if name not in protocols)),
        stations=(*stations, *(name for name in shipped_stations() if name not in stations)),
        operator=operator,
        seed=seed,
    )
