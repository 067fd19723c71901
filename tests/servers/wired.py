"""A station of served devices, and visits over its real links."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from qst.abort import AbortSwitch
from qst.analysis.scores import score_all
from qst.clock import Clock
from qst.instruments import ButtonEdge, Link
from qst.protocol.loader import load_protocol
from qst.record.log import LogWriter
from qst.station import InstrumentSpec, LoadedStation, load_station_bytes
from qst.visit.engine import VisitResult
from qst.visit.operator import AutomaticOperator
from qst.visit.session import Rig, Who, build_instruments, checked_plan, header, run_session
from qst_drivers.links import open_link
from qst_simulators.server import SimulatorServer
from qst_simulators.server.at_the_bench import LockedButton
from tests.servers.rig import HEAT

WHO = Who(participant_id="P01", visit=1, operator_id="op")
SETTINGS: dict[str, dict[str, Any]] = {
    "medoc-mms": {"programs": [HEAT]},
    "mark10": {"tip_area": "1 cm²", "push_sign": "+1"},
}


class Button:
    """The served button in the core's types."""

    def __init__(self, button: LockedButton) -> None:
        self._button = button
        self.pressed = button.pressed

    def edges(self) -> Sequence[ButtonEdge]:
        return [ButtonEdge(*edge) for edge in self._button.edges()]


def station_of(
    links: Mapping[str, tuple[str, str]],
    *,
    simulated: bool | None = None,
    settings: Mapping[str, Mapping[str, Any]] = SETTINGS,
) -> LoadedStation:
    """A station file: role -> (driver, link)."""
    instruments = {
        role: {"driver": driver, "link": link, "settings": settings.get(driver, {})}
        for role, (driver, link) in links.items()
    }
    station: dict[str, Any] = {"station": "wired", "instruments": instruments}
    if simulated is not None:
        station["simulated"] = simulated
    return load_station_bytes(msgspec.json.encode(station), "wired.yaml")


def wired_rig(
    station: LoadedStation,
    server: SimulatorServer,
    clock: Clock,
    abort: AbortSwitch,
    *,
    around: type[Any] | None = None,
    participant_model: str = "",
) -> Rig:
    """Drivers over real links to served devices, with the server's hands and button; ``around`` wraps each link."""

    def link(role: str, spec: InstrumentSpec) -> Link:
        made: Link = open_link(spec.link, clock, abort)
        return made if around is None else around(made)

    return Rig(
        station=station,
        instruments=build_instruments(station, link, clock),
        button=Button(server.button),
        hands=server.hands,
        participant_model=participant_model,
    )


def visit_over_wires(
    rig: Rig, protocol: str, path: Path, clock: Clock, abort: AbortSwitch, *, seed: int
) -> VisitResult:
    """Run a visit that nobody attends, and log it."""
    loaded = load_protocol(protocol)
    plan = checked_plan(loaded, seed, rig)
    with LogWriter.create(path, clock, sync=False) as log:
        log.write(header(WHO, loaded, plan, rig, clock, seed=seed))
        operator = AutomaticOperator(clock, rig.hands)
        scorer = functools.partial(score_all, plan)
        return run_session(rig, plan, operator, log, clock, abort, scorer, operator_id=WHO.operator_id)
