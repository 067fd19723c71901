"""Three layers hold the limits: the device, the driver, the visit. Each holds them alone, and each is seen to.

A layer is taken away (a simulator that ignores its programmed limits, a driver or a visit whose checks are patched out):
random visits then still break no rule that the other two layers cover. And each layer has a test of its own, alone,
which goes red when that layer is taken away, too.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from qst.clock import VirtualClock
from qst.errors import RefusedError
from qst.instruments import PressureRamp, RampEnd, Sample, ThermalRamp
from qst.protocol.check import ERROR, check_plan
from qst.protocol.limits import StationLimits
from qst.protocol.plan import PlannedTrial
from qst.protocol.planner import make_plan
from qst.record.records import Outcome
from qst.station import driver_class
from qst.visit.trial import LimitsTrial
from qst.visit.way_back import WayBack
from qst_drivers.arroyo_5300 import Arroyo5300
from qst_drivers.arroyo_5300.settings import _on_the_wire
from qst_drivers.links.nowhere import NoLink
from qst_drivers.qstlab_tcs.watch import RampWatch as TcsWatch
from qst_simulators.faults import BUTTON_FAULTS, Fault
from tests.visits.explore import walk
from tests.visits.stepped import THERMODES, SteppedVisit, profile, protocol

Patch = pytest.MonkeyPatch
IGNORES_LIMITS = json.dumps({"obeys_limits": False})
CUTOFF_C, BASELINE_C, RATE = 44.0, 36.0, 1.0
#: What a host needs to see that a plate is at its cut-off, to tell it, and to be obeyed, °C at 1 °C/s: with a plate that
#: the driver believes only half a degree beyond it.
REACTION_C = 0.8
#: With a device that ignores its own limits, these are still dealt with: what is left out (a dead wire, a stop that is
#: not obeyed, a sensor that does not tell the truth) is what only the device's own limits are for.
COVERED = BUTTON_FAULTS | {Fault.SLOW_RAMP, Fault.BATTERY_LOW, Fault.SAFE_MODE, Fault.OPERATOR_MENU}
VISITS = 12


def nothing(*_: Any, **__: Any) -> None:
    """A check that checks nothing."""


def without_driver_checks(patch: Patch) -> None:
    """No driver refuses a ramp, and none believes that its plate could be elsewhere than on it."""
    patch.setattr("qst_drivers.medoc_mms.driver.refuse_outside", nothing)
    patch.setattr("qst_drivers.medoc_mms.ramp_watch.BEYOND_C", 1e9)
    patch.setattr("qst_drivers.qstlab_tcs.program._prove_limits", nothing)
    patch.setattr("qst_drivers.arroyo_5300.driver.write_program", lambda ramp, _: _on_the_wire(ramp))
    patch.setattr("qst_drivers.ramp_path.RampPath.see", nothing)
    patch.setattr("qst_drivers.arroyo_5300.watch.PathWatch.see", lambda *_: True)
    patch.setattr(Arroyo5300, "_watch_cutoff", nothing)
    patch.setattr(TcsWatch, "see", _end_by_button_only)


def _end_by_button_only(self: Any, *_: float, pressed: bool) -> None:
    if pressed:
        self._end(RampEnd.BUTTON)


def without_visit_checks(patch: Patch) -> None:
    """The visit asks for anything, and does not look at what comes of it."""
    patch.setattr("qst.protocol.check._limit_problems", lambda _: iter(()))
    patch.setattr("qst.visit.bench.ramp_problem", lambda *_: "")
    patch.setattr("qst.visit.watch.RampWatch.see", nothing)
    patch.setattr("qst.visit.watch.RampWatch.beyond", nothing)
    patch.setattr("qst.safety.account.SkinAccount.add", nothing)
    patch.setattr(WayBack, "_goes_on", lambda *_: False)
    patch.setattr(LimitsTrial, "_tick_ramp", lambda *_: [])
    init = LimitsTrial.__init__

    def blind(self: Any, *arguments: Any, **options: Any) -> None:
        init(self, *arguments, **options)
        self._cutoff = self._sign * 1e9

    patch.setattr(LimitsTrial, "__init__", blind)


# Random visits with one layer gone


@pytest.mark.parametrize("driver", THERMODES)
def test_any_visit_without_the_devices_limits(driver: str, tmp_path: Path) -> None:
    for seed in range(VISITS):
        walked = walk(driver, seed, tmp_path, switches=IGNORES_LIMITS, faults=COVERED, reaction_c=REACTION_C)
        assert walked.problem == "", (seed, walked.steps)


@pytest.mark.parametrize("driver", THERMODES)
@pytest.mark.parametrize("gone", [without_driver_checks, without_visit_checks])
def test_any_visit_without_the_checks_of_a_layer(
    driver: str, gone: Callable[[Patch], None], tmp_path: Path, monkeypatch: Patch
) -> None:
    gone(monkeypatch)
    for seed in range(VISITS):
        walked = walk(driver, seed, tmp_path, faults=COVERED)
        assert walked.problem == "", (seed, walked.steps)


# Each layer alone, when nobody responds


def ramping(driver: str, folder: Path, switches: str = "{}", overshoot_c: float = 0.0) -> SteppedVisit:
    """A visit two seconds into its heat ramp, with a participant who never presses."""
    lapses = msgspec.structs.replace(profile().lapses, none=1.0, late=0.0, anticipatory=0.0, accidental=0.0)
    nobody = msgspec.structs.replace(profile(), lapses=lapses)
    path = folder / f"{len(list(folder.iterdir()))}.jsonl"
    visit = SteppedVisit(driver, path, 3, switches=switches, reaction_c=REACTION_C, participant=nobody)
    if overshoot_c:
        visit.device.inject("overshoot", by_c=overshoot_c, when="settle")
    while visit.device.moments.now.value != "ramp":
        visit.advance(0.5)
    visit.advance(2.0)
    return visit


def the_device_alone(driver: str, folder: Path, switches: str = "{}") -> None:
    """The cable is out: the plate goes no further than its cut-off, and a self-limiting device brings it back.

    An Arroyo's plate is one that overshoots: its controller's own limit is what stops it, not its set-point.
    """
    visit = ramping(driver, folder, switches, 6.0 if driver == "arroyo-5300" else 0.0)
    visit.inject(Fault.DISCONNECT)
    visit.let_stand(60.0)
    here_c = visit.device.surface.temperature_c(visit.bench.world.now_s)
    assert here_c <= BASELINE_C + 1.0 or driver == "arroyo-5300", f"the plate is left at {here_c:.1f} °C"
    visit.finish()


def the_host_alone(driver: str, folder: Path) -> None:
    """The device ignores its own limits: whoever still looks ends the ramp at the cut-off."""
    visit = ramping(driver, folder, IGNORES_LIMITS)
    visit.advance(40.0)
    here_c = visit.device.surface.temperature_c(visit.bench.world.now_s)
    assert here_c <= BASELINE_C + 1.0, f"the plate is still at {here_c:.1f} °C"
    visit.finish()
    trial = visit.results[-1].trials[0]
    assert trial.outcome in (Outcome.CUTOFF, Outcome.DEVICE_FAULT, Outcome.TIMEOUT)


def _ramp(start_c: float, rate: float, cutoff_c: float, back: float = 1.6) -> ThermalRamp:
    return ThermalRamp(start_c=start_c, rate_c_per_s=rate, cutoff_c=cutoff_c, return_rate_c_per_s=back)


#: Each ceiling of the suite: a ramp that breaks this one and no other, and what is said about it.
BEYOND_A_CEILING: dict[str, tuple[ThermalRamp | PressureRamp, str]] = {
    "heat": (_ramp(36.0, 1.0, 51.5), r"cut-off 51\.5 °C.* is outside the suite's limits"),
    "cold": (_ramp(32.0, 1.0, -1.5), r"cut-off -1\.5 °C.* is outside the suite's limits"),
    "warm start": (_ramp(41.0, 1.0, 45.0), "start 41 °C is held on the skin"),
    "cold start": (_ramp(14.0, 1.0, 5.0), "start 14 °C is held on the skin"),
    "time at 43 °C": (_ramp(39.0, 0.08, 45.6, back=0.08), r"65\.0 s at or above 43 °C"),
    "time at 48 °C": (_ramp(36.0, 0.25, 50.0, back=0.25), r"16\.0 s at or above 48 °C"),
    "time of a trial": (_ramp(39.0, 0.04, 44.0), r"takes 125\.0 s"),
    "pressure": (PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=1100.0), "cut-off 1100 kPa"),
}
#: As wide as a station can set each driver up. A TCS has no colder cut-off than 0 °C, no colder start than 20 °C and no
#: longer ramp than 100 s, and none of them can be widened: there its own range refuses first, or as well.
SETTINGS: dict[str, dict[str, Any]] = {
    "medoc-mms": {"model": "Pathway ATS"},
    "qstlab-tcs": {"max_temperature": "51 °C"},
    "arroyo-5300": {"max_temperature": "51 °C"},
    "mark10": {"model": "M5-500", "capacity": "2500 N", "resolution": "1 N", "tip_area": "1 cm²"},
    "jtech-commander": {"range": "100 lbf", "tip_area": "1 cm²"},
}
#: What still refuses the ramp when a driver's own look at the ceilings is gone: narrower ranges that nothing widens.
ALSO_OUT_OF_RANGE = {
    *((driver, "heat") for driver in ("qstlab-tcs", "arroyo-5300")),
    *((driver, "cold") for driver in THERMODES),
    *(("qstlab-tcs", name) for name in ("cold start", "time of a trial")),
}
CEILINGS = [
    (driver, name)
    for name, (ramp, _) in BEYOND_A_CEILING.items()
    for driver in (THERMODES if isinstance(ramp, ThermalRamp) else ("mark10", "jtech-commander"))
]


def the_driver_refuses(driver: str, name: str) -> None:
    """Each driver refuses a ramp beyond a ceiling, whatever its station allows, and says which."""
    ramp, says = BEYOND_A_CEILING[name]
    with pytest.raises(RefusedError, match=says):
        _unconnected(driver, ramp).check(ramp)


def _unconnected(driver: str, ramp: ThermalRamp | PressureRamp) -> Any:
    settings = SETTINGS[driver]
    if driver == "medoc-mms" and isinstance(ramp, ThermalRamp):
        program = {"word": 100, "baseline": f"{ramp.start_c} °C", "cutoff": f"{ramp.cutoff_c} °C"}
        rates = {"rate": f"{ramp.rate_c_per_s} °C/s", "return_rate": f"{ramp.return_rate_c_per_s} °C/s"}
        settings = {**settings, "programs": [program | rates]}
    return driver_class(driver)(NoLink(f"sim://{driver}"), settings, VirtualClock())


def without_driver_ceilings(patch: Patch) -> None:
    """No driver looks at the suite's ceilings; each still knows its device's own range."""
    for module in ("medoc_mms.settings", "qstlab_tcs.program", "arroyo_5300.settings", "gauge_settings"):
        patch.setattr(f"qst_drivers.{module}.refuse_beyond_ceilings", nothing)
    patch.setattr("qst_drivers.gauge_settings.PRESSURE_CEILING_KPA", 1e9)


def _planned(ramp: ThermalRamp | PressureRamp) -> PlannedTrial:
    (heat, *_) = make_plan(protocol(), 1).trials
    return msgspec.structs.replace(heat, ramp=ramp, timeout_s=100.0)


def the_plan_refuses(name: str) -> None:
    """The plan is refused before anything is connected."""
    ramp, says = BEYOND_A_CEILING[name]
    plan = msgspec.structs.replace(make_plan(protocol(), 1), trials=(_planned(ramp),))
    errors = [problem.text for problem in check_plan(plan).problems if problem.severity == ERROR]
    assert [text for text in errors if re.search(says, text)], f"no word about: {says}"


def the_attempt_refuses(name: str, folder: Path) -> None:
    """The attempt is refused before the instrument is told anything."""
    ramp, says = BEYOND_A_CEILING[name]
    bench = SteppedVisit("medoc-mms", folder / f"{len(list(folder.iterdir()))}.jsonl", 1).rig.bench()
    with pytest.raises(RefusedError, match=says):
        bench.refuse(_planned(ramp))


@pytest.mark.parametrize("driver", THERMODES)
def test_the_device_alone_holds_the_cutoff_and_the_test_sees_it(
    driver: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    without_driver_checks(monkeypatch)
    without_visit_checks(monkeypatch)
    the_device_alone(driver, tmp_path)
    with pytest.raises(AssertionError):
        the_device_alone(driver, tmp_path, IGNORES_LIMITS)


@pytest.mark.parametrize("driver", THERMODES)
def test_the_driver_alone_holds_the_cutoff_and_the_test_sees_it(
    driver: str, tmp_path: Path, monkeypatch: Patch
) -> None:
    without_visit_checks(monkeypatch)
    the_host_alone(driver, tmp_path)
    without_driver_checks(monkeypatch)
    with pytest.raises(AssertionError):
        the_host_alone(driver, tmp_path)


@pytest.mark.parametrize("driver", THERMODES)
def test_the_visit_alone_holds_the_cutoff_and_the_test_sees_it(driver: str, tmp_path: Path, monkeypatch: Patch) -> None:
    without_driver_checks(monkeypatch)
    the_host_alone(driver, tmp_path)
    without_visit_checks(monkeypatch)
    with pytest.raises(AssertionError):
        the_host_alone(driver, tmp_path)


@pytest.mark.parametrize(("driver", "name"), CEILINGS)
def test_the_driver_refuses_by_itself_and_the_test_sees_it(driver: str, name: str, monkeypatch: Patch) -> None:
    without_visit_checks(monkeypatch)
    the_driver_refuses(driver, name)
    without_driver_ceilings(monkeypatch)
    with pytest.raises((pytest.fail.Exception, AssertionError)):
        the_driver_refuses(driver, name)
    if (driver, name) not in ALSO_OUT_OF_RANGE:
        ramp, _ = BEYOND_A_CEILING[name]
        _unconnected(driver, ramp).check(ramp)


@pytest.mark.parametrize("name", BEYOND_A_CEILING)
def test_the_plan_refuses_by_itself_and_the_test_sees_it(name: str, monkeypatch: Patch) -> None:
    without_driver_ceilings(monkeypatch)
    the_plan_refuses(name)
    without_visit_checks(monkeypatch)
    with pytest.raises(AssertionError):
        the_plan_refuses(name)


@pytest.mark.parametrize("name", BEYOND_A_CEILING)
def test_the_attempt_refuses_by_itself_and_the_test_sees_it(name: str, tmp_path: Path, monkeypatch: Patch) -> None:
    without_driver_ceilings(monkeypatch)
    the_attempt_refuses(name, tmp_path)
    without_visit_checks(monkeypatch)
    with pytest.raises(pytest.fail.Exception):
        the_attempt_refuses(name, tmp_path)


def test_a_limit_that_a_station_tightens_is_held_at_the_last_moment_too(tmp_path: Path) -> None:
    visit = SteppedVisit("medoc-mms", tmp_path / "bench.jsonl", 1)
    bench = msgspec.structs.replace(visit.rig.bench(), limits={"thermode": StationLimits(heat_max="43 °C")})
    with pytest.raises(RefusedError, match="above this station's 43 °C"):
        bench.refuse(make_plan(protocol(), 1).trials[0])
    visit.finish()


def test_a_trial_ends_at_its_cutoff_by_its_own_readings() -> None:
    (planned, *_) = make_plan(protocol(), 1).trials
    trial = LimitsTrial(planned, 0.0)
    for tick in range(20):
        trial.sample(Sample(tick / 10, 36.0))
    trial.arm(2.0)
    assert trial.sample(Sample(10.0, 44.0))
    assert trial.outcome is Outcome.CUTOFF
