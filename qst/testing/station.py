"""A whole simulated station in this process: one call runs a visit on a virtual clock and knows the truth about it."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from qst.abort import AbortSwitch
from qst.analysis.scores import score_all
from qst.clock import VirtualClock
from qst.errors import InputError
from qst.protocol.loader import load_protocol
from qst.protocol.plan import Plan
from qst.record.log import LogWriter
from qst.rigs.simulated import find_station, simulated_bench, simulated_rig
from qst.station import LoadedStation, load_station_bytes
from qst.visit.engine import VisitResult
from qst.visit.operator import AutomaticOperator, Operator
from qst.visit.session import Who, checked_plan, header, run_session
from qst_simulators.bench import Bench
from qst_simulators.participant import Experience
from qst_simulators.profile import Profile, load_profile

#: Who is tested, unless somebody else is asked for.
WHO = Who(participant_id="P01", visit=1, operator_id="op")


class VirtualVisit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit that was run.

    ``result`` is what the engine returned, ``path`` the log, ``truth`` what the simulated participant really felt in
    each trial, in their order.
    """

    result: VisitResult
    path: Path
    truth: tuple[Experience, ...]


class VirtualStation:
    """A simulated station: drivers, links, devices, participant, hands, one virtual clock; nothing is connected yet.

    Args:
        station: name of a shipped simulated station, path of a station file, text of one (with its line ends), or a
            loaded one. All of its links are ``sim://``.
        folder: where the log goes.
        seed: everything random follows from it; equal seeds give byte-equal logs.
        protocol: a shipped protocol's name, or a path.
        participant: a shipped profile's name, the path of one, or a profile.
        simulator: role -> switches of its simulator, on top of the station's.
        who: whose visit it is.
        abort: the switch that ends the visit; a new one when there is none.

    Attributes:
        clock, abort: time of the visit and the switch that ends it.
        bench: the simulated devices, the participant and the hands; ``bench.device(role)`` has each device's faults.
        rig: the drivers over their links.
        plan: the trials, checked against the station.

    Raises:
        InputError: station, protocol, profile or a switch is wrong, or the station cannot do the protocol.
    """

    def __init__(
        self,
        station: str | Path | LoadedStation = "default",
        *,
        folder: Path,
        seed: int = 1,
        protocol: str = "demo-quick",
        participant: str | Profile = "fibromyalgia",
        simulator: Mapping[str, Mapping[str, Any]] | None = None,
        who: Who = WHO,
        abort: AbortSwitch | None = None,
    ) -> None:
        self.abort = AbortSwitch() if abort is None else abort
        self.clock = VirtualClock(self.abort)
        self.station = with_switches(_loaded(station), simulator or {})
        profile = load_profile(participant) if isinstance(participant, str) else participant
        self.bench: Bench = simulated_bench(self.station, self.clock, seed=seed, profile=profile, visit=who.visit)
        self.rig = simulated_rig(self.station, self.bench, self.clock, profile)
        self.protocol = load_protocol(protocol)
        self.plan: Plan = checked_plan(self.protocol, seed, self.rig)
        self.path = folder / f"{who.participant_id}_{self.station.station.id}_{self.plan.protocol_id}_{seed}.jsonl"
        self._seed, self._who = seed, who

    @property
    def truth(self) -> list[Experience]:
        """What the participant has really felt so far."""
        return self.bench.truth

    def run(self, operator: Operator | None = None, *, path: Path | None = None) -> VirtualVisit:
        """Run the visit to its end and log it. Once a station: a second visit needs a second one.

        Args:
            operator: who decides; the automatic operator when there is none.
            path: the log, where it should not get its usual name in the folder.

        Raises:
            InputError: there is a log of this name already.
            LogWriteError: it cannot be written; the instruments are safe and closed.
        """
        path = self.path if path is None else path
        operator = operator or AutomaticOperator(self.clock, self.rig.hands)
        with LogWriter.create(path, self.clock, sync=False) as log:
            log.write(header(self._who, self.protocol, self.plan, self.rig, self.clock, seed=self._seed))
            result = run_session(
                self.rig,
                self.plan,
                operator,
                log,
                self.clock,
                self.abort,
                functools.partial(score_all, self.plan),
                operator_id=self._who.operator_id,
            )
        return VirtualVisit(result=result, path=path, truth=tuple(self.truth))


def _loaded(station: str | Path | LoadedStation) -> LoadedStation:
    if isinstance(station, LoadedStation):
        loaded = station
    elif isinstance(station, str) and "\n" in station:
        loaded = load_station_bytes(station.encode("utf-8"), "station text")
    else:
        loaded = find_station(str(station))
    if not loaded.station.in_process:
        raise InputError(
            f"the station '{loaded.station.id}' is not simulated in this process",
            where=loaded.source,
            did="connected nothing",
            remedy="use sim:// links for all of its instruments",
        )
    return loaded


def with_switches(station: LoadedStation, switches: Mapping[str, Mapping[str, Any]]) -> LoadedStation:
    """The station with some simulator switches changed. Raises InputError for a role that it has not."""
    specs = station.station.instruments
    for role, changes in switches.items():
        spec = station.station.roles().get(role)
        if spec is None:
            raise InputError(
                f"the station '{station.station.id}' has no {role}",
                remedy=f"its instruments: {', '.join(station.station.roles())}",
            )
        changed = msgspec.structs.replace(spec, simulator={**spec.simulator, **changes})
        specs = msgspec.structs.replace(specs, **{role: changed})
    return msgspec.structs.replace(station, station=msgspec.structs.replace(station.station, instruments=specs))
