"""The same visit over real sockets and pseudo-terminals as in process.

What "the same" means. Both visits have the same seed, and every draw of the simulated world has a name (the person, the
trial, the push), so that trial by trial the participant has exactly the same threshold and the same reaction time,
whatever the wires do. The plate and the hand follow the same paths from the moment they are told to go, so that the
true value at the press is the same, too. What is *reported* is the last reading before the press (between two readings,
for a gauge), and that depends on when somebody looked. So two reports of one trial may differ by

    resolution + rate of the ramp x (longest time between two readings + latency of the wires x speed).

Noise of the sensors is drawn per reading and would differ with their number: it is switched off in both. A computer
whose latency is longer than allowed for, because it is busy, is given the same visit at a slower speed, where the same
latency weighs less.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from qst.abort import AbortSwitch
from qst.clock import RealClock
from qst.record.reader import read_log
from qst.record.records import Trace, Trial, VisitOutcome
from qst.rigs.simulated import simulated_station
from qst.station import LoadedStation
from qst.visit.session import Who
from qst_simulators.participant import Experience
from qst_simulators.profile import load_profile
from qst_simulators.server import SimulatorServer
from tests.servers.rig import needs_pty
from tests.servers.wired import visit_over_wires, wired_rig
from tests.visits.simulated import run_visit

pytestmark = needs_pty

SEED = 4
WHO = Who(participant_id="P01", visit=1, operator_id="op")
MODEL = "fibromyalgia"
PROTOCOL = "demo-quick"
SPEEDS = (20.0, 10.0, 4.0, 2.0)
QUIET: dict[str, dict[str, dict[str, Any]]] = {
    "default": {"thermode": {"noise_c": 0.0}, "algometer": {"noise": False}},
    "tcs": {"thermode": {"noise_c": 0.0}, "algometer": {"noise": False}},
}
LISTEN = {"default": ("tcp://127.0.0.1:0", "pty:"), "tcs": ("pty:", "pty:")}
#: Resolution of the drivers' readings in °C and kPa. A TCS reading is the mean of five zones of 0.1 °C.
RESOLUTION = {"default": {"Cel": 0.01, "kPa": 0.5}, "tcs": {"Cel": 0.1, "kPa": 0.5}}
#: From the device's wire to the driver's time stamp: two threads to wake, and a serial port is looked at every 1 ms.
LATENCY_S = 0.002
#: A plate settles ever closer to its baseline, but not at once; the true values share at least this many °C or kPa.
SETTLED = 1e-3


class Run(NamedTuple):
    """One run of the visit."""

    outcome: VisitOutcome
    trials: Sequence[Trial]
    truth: list[Experience]
    longest_gap_s: list[float]  # between two readings during each trial


def longest_gaps_s(path: Path, trials: Sequence[Trial]) -> list[float]:
    """For each trial in turn, the longest time between two readings on the way to its greatest excursion."""
    records = [record for record in read_log(path, traces=True).records if isinstance(record, Trace)]
    return [_longest_gap_s(trial, [each for each in records if is_of(each, trial)]) for trial in trials]


def is_of(trace: Trace, trial: Trial) -> bool:
    return (trace.sequence_index, trace.attempt) == (trial.sequence_index, trial.attempt)


def _longest_gap_s(trial: Trial, traces: Sequence[Trace]) -> float:
    readings = [reading for trace in traces for reading in zip(trace.t_s, trace.value, strict=True)]
    way = 1.0 if trial.cutoff > trial.start_value else -1.0
    excursions = [way * (value - trial.start_value) for _, value in readings]
    peak = excursions.index(max(excursions)) if excursions else 0  # a trial that failed may have none
    # While nothing ramps, nobody looks often.
    times = [
        time_s for (time_s, _), excursion in zip(readings[: peak + 1], excursions, strict=False) if excursion > 0.2
    ]
    return max((after - before for before, after in pairwise(times)), default=0.0)


def in_process(station: str, path: Path) -> Run:
    visit = run_visit(path, station=station, seed=SEED, protocol=PROTOCOL, model=MODEL, simulator=QUIET[station])
    trials = visit.result.trials
    return Run(visit.result.outcome, trials, visit.bench.truth, longest_gaps_s(path, trials))


def over_wires(name: str, path: Path, speed: float) -> Run:
    abort = AbortSwitch()
    clock = RealClock(abort, speed=speed)
    station = simulated_station(name)
    devices = [
        (spec.link.removeprefix("sim://"), {**spec.simulator, **QUIET[name][role]})
        for role, spec in station.station.roles().items()
    ]
    with SimulatorServer(devices, listen=LISTEN[name], clock=clock, speed=speed, seed=SEED, profile=MODEL) as server:
        rig = wired_rig(
            leading_to(station, server.links), server, clock, abort, participant_model=load_profile(MODEL).text
        )
        result = visit_over_wires(rig, PROTOCOL, path, clock, abort, seed=SEED)
        with server.lock:
            truth = list(server.bench.truth)
    return Run(result.outcome, result.trials, truth, longest_gaps_s(path, result.trials))


def leading_to(station: LoadedStation, links: dict[str, str]) -> LoadedStation:
    """The station with the served devices behind its links."""
    specs = station.station.instruments
    for role, link in links.items():
        spec = getattr(specs, role)
        specs = msgspec.structs.replace(specs, **{role: msgspec.structs.replace(spec, link=link, simulator={})})
    return msgspec.structs.replace(
        station, station=msgspec.structs.replace(station.station, instruments=specs, says_simulated=True)
    )


@pytest.mark.parametrize("station", ["default", "tcs"])
def test_the_same_visit_over_real_wires_gives_the_same_thresholds(station: str, tmp_path: Path) -> None:
    here = in_process(station, tmp_path / "here.jsonl")
    assert here.outcome is VisitOutcome.COMPLETED
    for speed in SPEEDS:
        there = over_wires(station, tmp_path / f"there-{speed:g}.jsonl", speed)
        differences = different(station, here, there, speed)
        if not differences:
            return
    pytest.fail("\n".join(differences))


def different(station: str, here: Run, there: Run, speed: float) -> list[str]:
    """What is not the same."""
    if [trial.outcome for trial in there.trials] != [trial.outcome for trial in here.trials]:
        return [
            f"speed {speed:g}: {there.outcome}, {[(trial.outcome, trial.invalid_reason) for trial in there.trials]}"
        ]
    found = []
    for index, trial in enumerate(here.trials):
        where = f"speed {speed:g}, trial {index}, {trial.modality}"
        same_person(here.truth[index], there.truth[index])
        gap_s = max(here.longest_gap_s[index], there.longest_gap_s[index])
        allowed = RESOLUTION[station][trial.unit_ucum] + trial.rate_commanded * (gap_s + LATENCY_S * speed)
        found += apart(where, trial.value_at_response, there.trials[index].value_at_response, allowed)
        found += apart(where, here.truth[index].value_at_press, there.truth[index].value_at_press, SETTLED)
    return found


def apart(where: str, here: float | None, there: float | None, allowed: float) -> list[str]:
    assert here is not None
    if there is not None and abs(here - there) <= allowed:
        return []
    return [f"{where}: {here} in process, {there} over wires, {allowed:.4f} allowed"]


def same_person(here: Experience, there: Experience) -> None:
    assert there.placement == here.placement
    assert there.threshold == here.threshold
    assert there.reaction_time_s == here.reaction_time_s
    assert there.lapse == here.lapse
