"""Simulated stations: the one place where the command line reaches for the simulators."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from qst.clock import Clock, VirtualClock
from qst.errors import InputError
from qst.instruments import ButtonEdge, Instrument, Link, Reading, ResponseButton
from qst.protocol.problems import did_you_mean
from qst.station import SIMULATED, InstrumentSpec, LoadedStation, driver_class, load_station, load_station_bytes
from qst.units import parse
from qst.visit.session import Rig, build_instruments
from qst_drivers.links import capture_links
from qst_drivers.links.nowhere import NoLink
from qst_drivers.links.sim import SimLink
from qst_simulators.bench import Bench as SimulatedBench
from qst_simulators.bench import BenchButton
from qst_simulators.profile import Profile


def shipped_stations() -> tuple[str, ...]:
    """Names of the shipped simulated stations."""
    folder = resources.files("qst_simulators").joinpath("stations")
    return tuple(sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")))


def find_station(path_or_name: str) -> LoadedStation:
    """A station file, or a shipped simulated station. Raises InputError, StationFileError."""
    path = Path(path_or_name)
    if path_or_name in shipped_stations() or not (path.exists() or path.suffix or path.parent != Path()):
        return simulated_station(path_or_name)
    return load_station(path)


def simulated_station(name: str) -> LoadedStation:
    """A shipped simulated station. Raises InputError when there is none of this name."""
    names = shipped_stations()
    if name not in names:
        raise InputError(
            f"no simulated station is called '{name}'", remedy=did_you_mean(name, names, always="simulated stations")
        )
    file = resources.files("qst_simulators").joinpath("stations", f"{name}.yaml")
    return load_station_bytes(file.read_bytes(), f"{name}.yaml")


def unconnected_instruments(station: LoadedStation) -> dict[str, Instrument]:
    """The drivers of a station over links that lead nowhere: for asking what they can do."""
    return build_instruments(station, lambda _, spec: NoLink(spec.link), VirtualClock())


def simulated_bench(
    station: LoadedStation, clock: Clock, *, seed: int, profile: Profile, visit: int = 1
) -> SimulatedBench:
    """Simulated devices, a participant and hands for a station.

    Args:
        station: all of its links are ``sim://``.
        clock: the visit's clock.
        seed: everything random follows from it.
        profile: who is simulated.
        visit: number of the visit; the participant differs a little from visit to visit.

    Raises:
        InputError: a simulator's switches are wrong.
    """
    roles = station.station.roles()
    algometer = roles.get("algometer")
    return SimulatedBench(
        clock,
        seed=seed,
        profile=profile,
        devices={role: (spec.link.removeprefix(SIMULATED), spec.simulator) for role, spec in roles.items()},
        # What a gauge reports decides which reading the profile's mean is the mean of.
        reading="peak" if _keeps_only_its_peak(algometer) else "at_response",
        visit=visit,
        tip_area_cm2=_tip_area_cm2(algometer),
    )


def simulated_rig(
    station: LoadedStation,
    bench: SimulatedBench,
    clock: Clock,
    profile: Profile,
    button: ResponseButton | None = None,
    capture: Path | None = None,
) -> Rig:
    """The station's drivers, joined to a simulated bench.

    Args:
        station: whose drivers.
        bench: the simulated devices behind them.
        clock: the visit's clock.
        profile: who is simulated; its text goes into the log.
        button: the participant's button, when a person presses it; else the simulated participant does.
        capture: folder for files with every byte on the links; None keeps none.

    Raises:
        StationFileError: a driver refuses its settings.
    """

    def link(role: str, spec: InstrumentSpec) -> Link:
        made = SimLink(bench.device(role), clock, spec.link)
        return made if capture is None else capture_links(made, role, capture, clock)

    return Rig(
        station=station,
        instruments=build_instruments(station, link, clock),
        button=button or _Button(bench.button),
        hands=bench.hands,
        participant_model=profile.text,
    )


class _Button:
    """The bench's button in the core's types; simulators do not know the core."""

    def __init__(self, button: BenchButton) -> None:
        self._button = button
        self.pressed = button.pressed

    def edges(self) -> Sequence[ButtonEdge]:
        """Edges since the last call."""
        edges = self._button.edges()
        return [ButtonEdge(*edge) for edge in edges] if edges else ()


def _tip_area_cm2(spec: InstrumentSpec | None) -> float:
    """Area of the tip at the end of the simulated hand, as the station file gives it to the driver."""
    return 1.0 if spec is None or "tip_area" not in spec.settings else parse(spec.settings["tip_area"], "area")


def _keeps_only_its_peak(spec: InstrumentSpec | None) -> bool:
    return spec is not None and driver_class(spec.driver).CAPABILITIES.reading is Reading.OPERATOR
