"""From a station to its rig: simulated devices in this process, or real ones behind their links."""

from pathlib import Path

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import PlanError
from qst.instruments import Link
from qst.rigs.simulated import simulated_bench, simulated_rig
from qst.station import InstrumentSpec, LoadedStation
from qst.visit.button import SpaceBar
from qst.visit.session import Rig, build_instruments
from qst_drivers.links import capture_links, open_link
from qst_simulators.profile import Profile


def make_rig(
    station: LoadedStation,
    clock: Clock,
    abort: AbortSwitch,
    profile: Profile | None,
    *,
    seed: int,
    visit: int,
    attended: bool,
    capture: Path | None = None,
) -> Rig:
    """The drivers of a station and what surrounds them. Opens nothing.

    Args:
        station: simulated or real.
        clock: the visit's clock.
        abort: ends every wait on a real link.
        profile: the simulated participant; not used behind real links.
        seed: of the simulation.
        visit: number of the visit.
        attended: whether somebody is there to press the space bar, where the station's button is the keyboard.
        capture: folder for files with every byte on the links; None keeps none.

    Raises:
        StationFileError: a link or a driver's settings are wrong.
        PlanError: a real instrument that this version must not drive.
        InputError: a simulator's switches are wrong.
    """
    button = SpaceBar(clock) if station.station.button == "keyboard" and attended else None
    if profile is not None and station.station.in_process:
        bench = simulated_bench(station, clock, seed=seed, profile=profile, visit=visit)
        return simulated_rig(station, bench, clock, profile, button, capture)

    def link(role: str, spec: InstrumentSpec) -> Link:
        made = open_link(spec.link, clock, abort)
        return made if capture is None else capture_links(made, role, capture, clock)

    rig = Rig(station=station, instruments=build_instruments(station, link, clock), button=button, hands=None)
    _refuse_unguarded(rig)
    return rig


def _refuse_unguarded(rig: Rig) -> None:
    """A thermode that goes on heating when this program dies needs a guard, which does not exist yet."""
    can = rig.capabilities("thermode")
    if can is not None and not can.self_limiting:
        raise PlanError(
            "this thermode does not return by itself when the program that drives it dies",
            where=rig.station.source,
            did="connected nothing",
            remedy="simulate it; on a participant it may be used only behind the guard process of a later version",
        )
