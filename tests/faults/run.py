"""One short visit with one fault in it, and what came of it."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from qst.abort import AbortCause, AbortSwitch
from qst.analysis.scores import score_all
from qst.clock import VirtualClock
from qst.protocol.loader import LoadedProtocol, load_protocol
from qst.record.log import LogWriter
from qst.record.reader import read_log
from qst.record.records import Fault, Trial
from qst.record.verify import Status, verify_log
from qst.record.visit_log import VisitLog
from qst.rigs.simulated import simulated_bench, simulated_rig
from qst.station import LoadedStation, load_station_bytes
from qst.visit.engine import VisitResult
from qst.visit.operator import AutomaticOperator, OperatorCommand, Remark, StopAsked
from qst.visit.session import Who, checked_plan, header, run_session
from qst_simulators.bench import Bench
from qst_simulators.peltier import PeltierSurface
from qst_simulators.profile import Profile, load_profile

DATA = Path(__file__).parent / "data"
THERMODES = ("medoc-mms", "qstlab-tcs", "arroyo-5300")
GAUGES = ("mark10", "jtech-commander")
#: No visit of one trial, two attempts and every patience used up takes longer.
LONGEST_S = 600.0
MOST_SLEEPS = 100_000
#: After this long nothing may be anywhere but at rest or at its baseline: the longest ramp, its return, some time.
SETTLED_S = 120.0
SEED = 5

_PROGRAMS = [{"word": 100, "baseline": "32 °C", "rate": "0.3 °C/s", "cutoff": "48 °C", "return_rate": "8 °C/s"}]
_EXACT: dict[str, dict[str, Any]] = {
    "medoc-mms": {"programs": _PROGRAMS},
    "qstlab-tcs": {"offsets": False},  # the absolute error of the probe is no fault
    "arroyo-5300": {},
    "mark10": {},
    "jtech-commander": {},
}
#: What each driver runs: no Arroyo controller returns at 8 °C/s.
PROTOCOLS = {
    **dict.fromkeys(THERMODES, "heat"),
    "arroyo-5300": "heat-slow-return",
    **dict.fromkeys(GAUGES, "pressure"),
}
_SETTINGS: dict[str, dict[str, Any]] = {
    "medoc-mms": {"programs": _PROGRAMS},
    "qstlab-tcs": {},
    "arroyo-5300": {},
    "mark10": {"tip_area": "1 cm²", "push_sign": "+1"},
    "jtech-commander": {"tip_area": "1 cm²"},
}


class HangingError(AssertionError):
    """The visit does not come to an end."""


class BoundedClock(VirtualClock):
    """Virtual time that does not go on for ever."""

    def __init__(self, abort: AbortSwitch) -> None:
        super().__init__(abort)
        self._sleeps = 0

    def sleep(self, seconds: float) -> None:
        self._sleeps += 1
        if self.monotonic() > LONGEST_S or self._sleeps > MOST_SLEEPS:
            raise HangingError(f"still running after {self.monotonic():.1f} s and {self._sleeps} waits")
        super().sleep(seconds)


class StoppingOperator(AutomaticOperator):
    """Stops once, when the first ramp has gone on for a while."""

    stop_after_s: float | None = None
    _ramping_since_s: float | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.noticed: list[float] = []  # when the operator was told that something is wrong

    def tell(self, event: Any) -> None:
        if isinstance(event, Remark):
            self.noticed.append(self._clock.monotonic())
        if getattr(event, "state", "") == "ramp" and self._ramping_since_s is None:
            self._ramping_since_s = self._clock.monotonic()
        super().tell(event)

    def poll(self) -> Sequence[OperatorCommand]:
        since_s, after_s = self._ramping_since_s, self.stop_after_s
        if since_s is not None and after_s is not None and self._clock.monotonic() >= since_s + after_s:
            self.stop_after_s = None
            return (StopAsked(cause=AbortCause.OPERATOR_STOP),)
        return super().poll()


class Visit(NamedTuple):
    """A visit that was run, and the truth about it."""

    result: VisitResult
    log: VisitLog
    bench: Bench
    presses: list[tuple[float, float]]  # every time the contact closed: (time, true temperature or pressure)
    beyond: list[float]  # true temperatures beyond cut-off and stated overshoot
    injected_s: float | None
    struck_c: float | None  # true temperature of the plate when the fault struck
    ended_s: float
    noticed: list[float]  # when the operator was told that something is wrong
    turns: list[tuple[float, float]]  # true temperature at every change of the plate's path: (time, °C)

    def warmest(self, from_s: float, to_s: float) -> float:
        """Highest true temperature at a change of path between two times: paths are monotonic between them."""
        return max((true_c for time_s, true_c in self.turns if from_s <= time_s <= to_s), default=-273.0)

    @property
    def trials(self) -> Sequence[Trial]:
        return self.log.trials

    @property
    def faults(self) -> list[tuple[float, Fault]]:
        """Every fault that the log tells of, with its time."""
        return [(entry.t_s, entry.record) for entry in self.log.entries if isinstance(entry.record, Fault)]


@functools.cache
def profile() -> Profile:
    """A participant who answers every trial, as a person does."""
    found = load_profile("fibromyalgia")
    steady = msgspec.structs.replace(found.lapses, late=0.0, none=0.0, anticipatory=0.0, accidental=0.0)
    return msgspec.structs.replace(found, lapses=steady)


@functools.cache
def protocol(name: str) -> LoadedProtocol:
    return load_protocol(DATA / f"{name}.yaml")


@functools.cache
def _station(driver: str) -> LoadedStation:
    role = "thermode" if driver in THERMODES else "algometer"
    text = msgspec.json.encode(
        {
            "station": "faults",
            "instruments": {
                role: {
                    "driver": driver,
                    "link": f"sim://{driver}",
                    "settings": _SETTINGS[driver],
                    "simulator": _EXACT[driver],
                }
            },
            "button": "simulated",
        }
    )
    return load_station_bytes(text, "faults.yaml")


def station(driver: str, faults: Sequence[Mapping[str, Any]]) -> LoadedStation:
    """A station with one instrument, in which something goes wrong."""
    loaded = _station(driver)
    role, spec = next(iter(loaded.station.roles().items()))
    spec = msgspec.structs.replace(spec, simulator={**spec.simulator, "faults": list(faults)})
    specs = msgspec.structs.replace(loaded.station.instruments, **{role: spec})
    return msgspec.structs.replace(loaded, station=msgspec.structs.replace(loaded.station, instruments=specs))


def station_bench(driver: str) -> Bench:
    """The simulated station of a driver, by itself."""
    return simulated_bench(_station(driver), VirtualClock(), seed=SEED, profile=profile())


def run(
    path: Path, driver: str, faults: Sequence[Mapping[str, Any]], *, stop_after_s: float | None = None, seed: int = SEED
) -> Visit:
    """Run one trial with ``faults``, then wait until everything has settled."""
    thermal = driver in THERMODES
    abort = AbortSwitch()
    clock = BoundedClock(abort)
    where = station(driver, faults)
    bench = simulated_bench(where, clock, seed=seed, profile=profile())
    rig = simulated_rig(where, bench, clock, profile())
    loaded = protocol(PROTOCOLS[driver])
    plan = checked_plan(loaded, seed, rig)
    device = bench.device("thermode" if thermal else "algometer")
    presses: list[tuple[float, float]] = []
    beyond: list[float] = []
    turns: list[tuple[float, float]] = []
    _watch_button(bench, device if thermal else None, presses)
    overshoot_c = next(iter(rig.instruments.values())).capabilities.stated_overshoot
    struck: list[float] = []
    if thermal:
        struck += [device.surface.temperature_c(0.0)] * len(device.injected)
        told = lambda: struck.append(device.surface.temperature_c(bench.world.now_s))  # noqa: E731 - one line
        device.injected = _Strikes(told, device.injected)
        _watch_plate(bench, device, 48.0 + overshoot_c, beyond, turns)
    operator = StoppingOperator(clock, rig.hands)
    operator.stop_after_s = stop_after_s
    noticed = operator.noticed
    with LogWriter.create(path, clock, sync=False) as writer:
        who = Who(participant_id="P01", visit=1, operator_id="op")
        writer.write(header(who, loaded, plan, rig, clock, seed=seed))
        result = run_session(
            rig, plan, operator, writer, clock, abort, functools.partial(score_all, plan), operator_id="op"
        )
    ended_s = clock.monotonic()
    bench.world.advance(ended_s + SETTLED_S)
    assert verify_log(path).status is Status.INTACT
    injected_s = device.injected[0][0] if device.injected else None
    struck_c = struck[0] if struck else None
    return Visit(result, read_log(path), bench, presses, beyond, injected_s, struck_c, ended_s, noticed, turns)


class _Strikes(list[Any]):
    """A record of faults that tells when one strikes."""

    def __init__(self, told: Callable[[], None], earlier: Sequence[Any]) -> None:
        super().__init__(earlier)
        self._told = told

    def append(self, strike: Any) -> None:
        self._told()
        super().append(strike)


def _watch_button(bench: Bench, thermode: Any, presses: list[tuple[float, float]]) -> None:
    """Note the truth at each press, before any device reacts to it."""

    def noted(pressed: bool) -> None:
        if pressed:
            now_s = bench.world.now_s
            true = 10.0 * bench.hand.force_n(now_s) if thermode is None else thermode.surface.temperature_c(now_s)
            presses.append((now_s, true))

    bench.line.listeners.insert(0, noted)


def _watch_plate(
    bench: Bench, thermode: Any, most_c: float, beyond: list[float], turns: list[tuple[float, float]]
) -> None:
    """Note, exactly, when the plate goes where it must never be."""
    surface = thermode.surface

    def changed() -> None:
        now_s = bench.world.now_s
        turns.append((now_s, surface.temperature_c(now_s)))
        if isinstance(surface, PeltierSurface):  # turns round by itself, too, on its way beyond
            for piece in surface._pieces:
                if now_s < piece.end_s < math.inf:
                    bench.world.at(piece.end_s, note)
        at_s = surface.when(most_c + 1e-3, rising=True, after_s=now_s)
        if at_s is not None:
            bench.world.at(at_s, look)

    def note() -> None:
        turns.append((bench.world.now_s, surface.temperature_c(bench.world.now_s)))

    def look() -> None:
        true_c = surface.temperature_c(bench.world.now_s)
        if true_c > most_c:
            beyond.append(true_c)

    surface.on_change.append(changed)
