"""One whole simulated visit in this process, log and all, as ``qst run --simulate`` does it."""

import functools
from pathlib import Path
from typing import Any

import msgspec

from qst.abort import AbortSwitch
from qst.analysis.scores import score_all
from qst.clock import VirtualClock, performance_seconds
from qst.protocol.loader import load_protocol
from qst.record.log import LogWriter
from qst.rigs.simulated import simulated_bench, simulated_rig, simulated_station
from qst.station import LoadedStation
from qst.visit.engine import VisitResult
from qst.visit.operator import AutomaticOperator
from qst.visit.session import Who, checked_plan, header, run_session
from qst_simulators.participant import Experience
from qst_simulators.profile import Profile

PROTOCOL = "fibromyalgia-visit"
STATIONS = ("default", "paper", "tcs")
#: What each simulator calls its noise: values with which it reports exactly what its sensor sees.
EXACT: dict[str, dict[str, Any]] = {
    "medoc-mms": {"noise_c": 0.0},
    "qstlab-tcs": {"noise_c": 0.0, "offsets": False},
    "mark10": {"noise": False, "cell_errors": False},
}


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one visit. Times s; ``truth`` is what really happened, trial by trial."""

    result: VisitResult
    truth: list[Experience]
    virtual_s: float
    wall_s: float  # from connecting to the last record on disk
    setup_wall_s: float  # before that: protocol, station, plan, header


def without_noise(loaded: LoadedStation) -> LoadedStation:
    """The same station with the noise and the offsets of its sensors switched off."""
    station = loaded.station
    changed = {
        role: msgspec.structs.replace(spec, simulator={**spec.simulator, **EXACT.get(spec.driver, {})})
        for role, spec in station.roles().items()
    }
    instruments = msgspec.structs.replace(station.instruments, **changed)
    return msgspec.structs.replace(loaded, station=msgspec.structs.replace(station, instruments=instruments))


def run_visit(station: LoadedStation, seed: int, profile: Profile, folder: Path) -> Visit:
    """Run the reference visit on the virtual clock, its log in ``folder``.

    Raises:
        InputError: station, protocol or profile are wrong.
        LogWriteError: the log cannot be written.
    """
    begin_s = performance_seconds()
    abort = AbortSwitch()
    clock = VirtualClock(abort)
    bench = simulated_bench(station, clock, seed=seed, profile=profile)
    rig = simulated_rig(station, bench, clock, profile)
    loaded = load_protocol(PROTOCOL)
    plan = checked_plan(loaded, seed, rig)
    operator = AutomaticOperator(clock, rig.hands)
    with LogWriter.create(folder / f"{station.station.id}-{seed}.jsonl", clock, sync=False) as log:
        who = Who(participant_id=f"P{seed}", visit=1, operator_id="benchmark")
        log.write(header(who, loaded, plan, rig, clock, seed=seed))
        run_s = performance_seconds()
        scorer = functools.partial(score_all, plan)
        result = run_session(rig, plan, operator, log, clock, abort, scorer, operator_id=who.operator_id)
        end_s = performance_seconds()
    return Visit(
        result=result,
        truth=bench.truth,
        virtual_s=clock.monotonic(),
        wall_s=end_s - run_s,
        setup_wall_s=run_s - begin_s,
    )


def shipped(name: str) -> LoadedStation:
    """A shipped simulated station."""
    return simulated_station(name)
