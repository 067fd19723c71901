"""A station as its log has it, under the limits that its file has by now.

A log holds the text of its station, so that a visit goes on as it was begun. What somebody has tightened since then,
for a reason, holds for the rest of it all the same; what was loosened does not.
"""

from collections.abc import Iterable

import msgspec

from qst.rigs.simulated import find_station
from qst.station import LoadedStation


def tightened(recorded: LoadedStation, stations: Iterable[str]) -> LoadedStation:
    """The recorded station with the tighter one of each limit.

    Args:
        recorded: as the log has it.
        stations: names and files of stations as they are now; those with another id count for nothing.

    Raises:
        InputError, StationFileError: one of them cannot be read, so that nobody knows what it limits.
    """
    station = recorded.station
    for name in stations:
        present = find_station(name).station
        if present.id != station.id:
            continue
        specs = {}
        for role, spec in station.roles().items():
            now = present.roles().get(role)
            if now is not None and now.limits is not None:
                specs[role] = msgspec.structs.replace(spec, limits=now.limits.with_those_of(spec.limits))
        station = msgspec.structs.replace(station, instruments=msgspec.structs.replace(station.instruments, **specs))
    return msgspec.structs.replace(recorded, station=station)
