"""A whole visit on a simulated station, in this process."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from qst.protocol.plan import Plan
from qst.station import LoadedStation
from qst.testing.station import WHO, VirtualStation, with_switches
from qst.visit.engine import VisitResult
from qst_simulators.bench import Bench

__all__ = ["STATIONS", "WHO", "Visit", "run_visit", "with_switches"]

STATIONS = ("default", "paper", "tcs")


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
    """Run a protocol with the automatic operator and log to ``path``; the rest as of a virtual station."""
    virtual = VirtualStation(
        station, folder=path.parent, seed=seed, protocol=protocol, participant=model, simulator=simulator
    )
    visit = virtual.run(path=path)
    return Visit(visit.result, virtual.plan, virtual.bench, path)
