"""From a station to its rig: simulated devices in this process, or real ones behind their links."""

from pathlib import Path

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.instruments import Link, ResponseButton
from qst.rigs.guards import require_guarded, station_link
from qst.rigs.simulated import simulated_bench, simulated_rig
from qst.station import InstrumentSpec, LoadedStation
from qst.visit.button import KeyButton
from qst.visit.session import Rig, build_instruments
from qst_drivers.links import capture_links
from qst_drivers.serial_line_button import serial_line_button
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
    guard_reports: Path | None = None,
) -> Rig:
    """The drivers of a station and what surrounds them. Opens nothing.

    Args:
        station: simulated or real.
        clock: the visit's clock.
        abort: ends every wait on a real link.
        profile: the simulated participant; not used behind real links.
        seed: of the simulation.
        visit: number of the visit.
        attended: whether somebody is there to press a button that is not simulated.
        capture: folder for files with every byte on the links; None keeps none.
        guard_reports: file for what the guards of this visit do; None keeps none.

    Raises:
        StationFileError: a link or a driver's settings are wrong.
        PlanError: a real thermode that nothing would bring back if this program died.
        InputError: a simulator's switches are wrong.
    """
    button = _button(station, clock, abort) if attended else None
    if profile is not None and station.station.in_process:
        bench = simulated_bench(station, clock, seed=seed, profile=profile, visit=visit)
        return simulated_rig(station, bench, clock, profile, button, capture)

    links: dict[str, Link] = {}

    def link(role: str, spec: InstrumentSpec) -> Link:
        made = station_link(spec, clock, abort, guard_reports)
        links[role] = made if capture is None else capture_links(made, role, capture, clock)
        return links[role]

    rig = Rig(station=station, instruments=build_instruments(station, link, clock), button=button, hands=None)
    for role, instrument in rig.instruments.items():
        require_guarded(station, role, instrument, links[role])
    return rig


def _button(station: LoadedStation, clock: Clock, abort: AbortSwitch) -> ResponseButton | None:
    """The button that a person presses, where the station has one."""
    spec = station.station.response_button
    if spec.kind == "serial-line":
        return serial_line_button(spec, clock, abort)
    return KeyButton(clock, spec.key) if spec.kind == "keyboard" else None
