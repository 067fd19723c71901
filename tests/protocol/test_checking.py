"""A plan against the limits of the suite and of instruments."""

import msgspec
import pytest

from qst.errors import PlanError
from qst.instruments import Capabilities, Modality, Programming, Reading, ThermalRamp
from qst.protocol.check import CheckReport, check_plan
from qst.protocol.loader import load_protocol
from qst.protocol.plan import Plan
from qst.protocol.planner import make_plan
from tests.protocol.texts import RIGHT, load

THERMODE = Capabilities(
    kind="thermode",
    modalities=frozenset({Modality.HEAT, Modality.COLD}),
    value_min=0.0,
    value_max=50.0,
    resolution=0.01,
    rate_min=0.1,
    rate_max=8.0,
    reading=Reading.POLLED,
    programming=Programming.FREE,
    ends_ramp_on_button=True,
    ends_ramp_at_limit=True,
    self_limiting=True,
    has_button=True,
    acknowledges=True,
    checksums=False,
    timestamps=False,
)
ALGOMETER = msgspec.structs.replace(
    THERMODE,
    kind="algometer",
    modalities=frozenset({Modality.PRESSURE}),
    value_max=1000.0,
    resolution=0.5,
    rate_min=1.0,
    rate_max=500.0,
)


def visit() -> Plan:
    return make_plan(load_protocol("fibromyalgia-visit"), 1)


def with_ramp(ramp: ThermalRamp) -> Plan:
    """The visit's first trial alone, with another ramp."""
    plan = visit()
    trial = msgspec.structs.replace(plan.trials[0], ramp=ramp)
    return msgspec.structs.replace(plan, trials=(trial,))


def texts(report: CheckReport, severity: str) -> str:
    return "\n".join(problem.text for problem in report.problems if problem.severity == severity)


def test_the_reference_visit_is_fine_on_able_instruments() -> None:
    report = check_plan(visit(), THERMODE, ALGOMETER)
    assert report.ok
    assert report.problems == ()
    assert (report.n_trials, report.n_practice, len(report.trials)) == (24, 3, 27)
    report.require_ok()


def test_durations_are_ordered_and_plausible() -> None:
    duration = check_plan(visit()).duration
    assert 300 < duration.shortest_s < duration.expected_s < duration.longest_s
    assert 8 * 60 < duration.expected_s < 30 * 60


def test_rests_bound_the_shortest_visit() -> None:
    plan = visit()
    shortest = check_plan(plan).duration.shortest_s
    assert shortest >= sum(trial.rest_before_s for trial in plan.trials)


def test_worst_case_dose_is_told_by_site_and_side() -> None:
    doses = {(site.site_code, site.side): site for site in check_plan(visit()).site_doses}
    assert set(doses) == {("volar-forearm", "R"), ("volar-forearm", "L"), ("thenar", "R"), ("thenar", "L")}
    heat = doses["thenar", "R"]
    assert heat.n_trials == 3
    assert heat.dose.cem43_min == pytest.approx(7.86, abs=0.01)
    assert heat.dose.time_ge_43_s == pytest.approx(3 * (5 / 0.3 + 5 / 8))
    assert heat.dose.time_ge_49_s == 0
    assert doses["thenar", "L"].dose.cem43_min == 0


HOT = ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=50.0, return_rate_c_per_s=8.0)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"cutoff_c": 51.5}, "cut-off 51.5 °C is outside the suite's limits"),
        ({"cutoff_c": -1.5}, "cut-off -1.5 °C is outside the suite's limits"),
        ({"start_c": 52.0, "cutoff_c": 40.0}, "start 52 °C is held on the skin and must lie from 15 to 39 °C"),
        ({"start_c": 39.1}, "start 39.1 °C is held on the skin"),
        ({"start_c": 14.9, "cutoff_c": 0.0}, "start 14.9 °C is held on the skin"),
        ({"rate_c_per_s": 0.1}, "at or above 43 °C; the limit is 60 s"),
        ({"rate_c_per_s": 0.1}, "at or above 48 °C; the limit is 15 s"),
        ({"rate_c_per_s": 0.05}, "stays too long"),
        ({"rate_c_per_s": 0.05}, "takes 360.0 s to its cut-off; the limit is 120 s"),
        ({"rate_c_per_s": 0.1}, "CEM43 min; the limit is 20"),
    ],
)
def test_the_suites_limits_hold_for_any_plan(changes: dict[str, float], what: str) -> None:
    report = check_plan(with_ramp(msgspec.structs.replace(HOT, **changes)))
    assert not report.ok
    assert what in texts(report, "error")
    with pytest.raises(PlanError) as caught:
        report.require_ok()
    assert what in caught.value.what
    assert caught.value.code == "QST-130"


def test_pressure_and_duration_ceilings() -> None:
    plan = visit()
    push = plan.trials[-1]
    strong = msgspec.structs.replace(push.ramp, cutoff_kpa=1100.0)
    trials = (msgspec.structs.replace(push, ramp=strong, timeout_s=130.0),)
    report = check_plan(msgspec.structs.replace(plan, trials=trials))
    assert "cut-off 1100 kPa is above the ceiling of 1079 kPa" in texts(report, "error")
    assert "may last 130.0 s; the limit is 120 s" in texts(report, "error")


def test_budgets_warn_before_they_refuse() -> None:
    slow = check_plan(with_ramp(msgspec.structs.replace(HOT, rate_c_per_s=0.3, return_rate_c_per_s=1.0)))
    assert slow.ok
    assert "30.3 s at or above 43 °C; above 30 s needs a reason" in texts(slow, "warning")
    assert "gets 13.3 CEM43 min; above 10 needs a reason" in texts(slow, "warning")
    assert "cut-off 50 °C at only 0.3 °C/s; 48 °C is usual" in texts(slow, "warning")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"modalities": frozenset({Modality.HEAT})}, "cannot do cold"),
        ({"value_max": 47.0}, "cut-off 48.00 °C is outside what the thermode can do"),
        ({"value_min": 5.0}, "cut-off 0.00 °C is outside"),
        ({"value_min": 21.0}, "start 20.00 °C is outside"),
        ({"rate_min": 0.5}, "rate 0.3 °C/s is outside what the thermode can do, 0.5 °C/s to 8 °C/s"),
        ({"rate_max": 0.2}, "rate 0.3 °C/s is outside"),
        ({"rate_step": 0.25}, "rate 0.3 °C/s is between the steps"),
        ({"rate_step": 0.3}, "return rate 8 °C/s is between the steps"),
        ({"return_rate_max": 5.0}, "return rate 8 °C/s is above 5 °C/s"),
        ({"longest_stimulus_s": 60.0}, "the ramp takes 66.7 s to its cut-off"),
        ({"stated_overshoot": 3.5}, "cut-off 48 °C, and the overshoot of 3.5 °C that the thermode states, is outside"),
        ({"stated_overshoot": 1.1}, "cut-off 0 °C, and the overshoot of 1.1 °C that the thermode states, is outside"),
    ],
)
def test_what_a_thermode_cannot_do(changes: dict[str, object], what: str) -> None:
    report = check_plan(visit(), msgspec.structs.replace(THERMODE, **changes), ALGOMETER)
    assert what in texts(report, "error")
    assert not report.ok


def test_a_rate_on_the_grid_is_no_problem() -> None:
    caps = msgspec.structs.replace(THERMODE, rate_step=0.1, longest_stimulus_s=99.999, return_rate_max=8.0)
    assert check_plan(visit(), caps, ALGOMETER).ok


def test_what_an_algometer_cannot_do() -> None:
    weak = msgspec.structs.replace(ALGOMETER, value_max=500.0, rate_max=50.0)
    found = texts(check_plan(visit(), THERMODE, weak), "error")
    assert "cut-off 6.00 kg/cm² is outside what the algometer can do, 0.00 kg/cm² to 5.10 kg/cm²" in found
    assert "rate 1 kg/cm²/s is outside" in found


def test_what_is_done_otherwise_is_noted() -> None:
    hand = msgspec.structs.replace(
        ALGOMETER, programming=Programming.HAND, reading=Reading.OPERATOR, resolution=0.5 * 98.0665
    )
    report = check_plan(visit(), THERMODE, hand)
    assert report.ok
    notes = texts(report, "note")
    assert "the software can pace and warn, not stop it" in notes
    assert "its peak, not the value at the response" in notes
    assert "resolves 0.500 kg/cm², coarser than the rounding" in texts(report, "warning")


def test_a_resolution_equal_to_the_rounding_is_fine() -> None:
    grid = msgspec.structs.replace(ALGOMETER, resolution=0.1 * 98.0665)
    assert check_plan(visit(), THERMODE, grid).problems == ()


def test_a_problem_is_told_once() -> None:
    report = check_plan(visit(), msgspec.structs.replace(THERMODE, rate_min=0.5), ALGOMETER)
    assert len(report.problems) == len(set(report.problems)) == 2


def test_another_plan() -> None:
    assert check_plan(make_plan(load(RIGHT), 5), THERMODE, ALGOMETER).ok
