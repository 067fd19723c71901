"""A whole visit on a simulated station, in this process."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from qst.abort import AbortSwitch
from qst.analysis.scores import score_all
from qst.cli.simulated import simulated_bench, simulated_rig, simulated_station
from qst.clock import VirtualClock
from qst.protocol.loader import load_protocol
from qst.protocol.plan import Plan
from qst.record.log import LogWriter
from qst.station import LoadedStation
from qst.visit.engine import VisitResult
from qst.visit.operator import AutomaticOperator
from qst.visit.session import Who, checked_plan, header, run_session
from qst_simulators.bench import Bench
from qst_simulators.profile import load_profile

STATIONS = ("default", "paper", "tcs")
WHO = Who(participant_id="P01", visit=1, operator_id="op")


class Visit(NamedTuple):
    """A visit that was run, and the bench that knows the truth about it."""

    result: VisitResult
    plan: Plan
    bench: Bench
    path: Path


def run_visit(
    path: Path,
    *,
    station: str | LoadedStation = "default",
    seed: int = 1,
    protocol: str = "fibromyalgia-visit",
    model: str = "fibromyalgia",
    simulator: Mapping[str, Mapping[str, Any]] | None = None,
) -> Visit:
    """Run a protocol with the automatic operator and log to ``path``.

    Args:
        path: the log.
        station: a shipped station's name, or a station.
        seed: of everything.
        protocol: a shipped protocol.
        model: a shipped participant profile.
        simulator: further switches of the simulators, by role.
    """
    abort = AbortSwitch()
    clock = VirtualClock(abort)
    loaded_station = simulated_station(station) if isinstance(station, str) else station
    loaded_station = with_switches(loaded_station, simulator or {})
    profile = load_profile(model)
    bench = simulated_bench(loaded_station, clock, seed=seed, profile=profile)
    rig = simulated_rig(loaded_station, bench, clock, profile)
    loaded = load_protocol(protocol)
    plan = checked_plan(loaded, seed, rig)
    with LogWriter.create(path, clock, sync=False) as log:
        log.write(header(WHO, loaded, plan, rig, clock, seed=seed))
        result = run_session(
            rig,
            plan,
            AutomaticOperator(clock, rig.hands),
            log,
            clock,
            abort,
            functools.partial(score_all, plan),
            operator_id=WHO.operator_id,
        )
    return Visit(result, plan, bench, path)


def with_switches(station: LoadedStation, switches: Mapping[str, Mapping[str, Any]]) -> LoadedStation:
    """The station with some simulator switches changed."""
    specs = station.station.instruments
    for role, changes in switches.items():
        spec = getattr(specs, role)
        changed = msgspec.structs.replace(spec, simulator={**spec.simulator, **changes})
        specs = msgspec.structs.replace(specs, **{role: changed})
    return msgspec.structs.replace(station, station=msgspec.structs.replace(station.station, instruments=specs))
