"""What skin is charged with: live in one attempt, and over a whole visit whatever became of its attempts."""

from typing import Any

import msgspec
import pytest

from qst.errors import HotTrialError, LinkTimeoutError, LongStayError
from qst.instruments import ThermalRamp
from qst.protocol.check import check_plan
from qst.protocol.plan import Plan, PlannedTrial
from qst.record import records
from qst.record.records import Outcome, Trial
from qst.safety import SkinAccount, booked_cem43_min, site_dose_refusal, worst_case_dose
from qst.visit.site_dose import SiteDoses
from tests.visit.fakes import Visit
from tests.visit.plans import planned

HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0)
#: CEM43 min of one such trial that nobody ends.
WORST_MIN = worst_case_dose(HEAT).cem43_min


def hold(account: SkinAccount, temperature_c: float, seconds: float) -> Any:
    """Feed a constant temperature; what it comes to, and when."""
    for tick in range(round(seconds * 10) + 1):
        found = account.add(tick / 10, temperature_c)
        if found is not None:
            return found, tick / 10
    return None, seconds


@pytest.mark.parametrize(
    ("temperature_c", "kind", "after_s"),
    [(43.5, HotTrialError, 60.1), (48.5, HotTrialError, 15.1), (49.5, LongStayError, 10.1), (56.0, LongStayError, 0.0)],
)
def test_too_long_too_hot_ends_the_stimulus(temperature_c: float, kind: type[Exception], after_s: float) -> None:
    found, when_s = hold(SkinAccount(), temperature_c, 120.0)
    assert isinstance(found, kind)
    assert when_s == pytest.approx(after_s, abs=0.11)


def test_a_start_temperature_may_be_held_for_long() -> None:
    assert hold(SkinAccount(), 38.9, 600.0) == (None, 600.0)


def test_the_budget_of_a_trial_stops_it_in_the_visit() -> None:
    visit = Visit(planned(ramp=HEAT, attempts_max=1))
    visit.thermode.beside_c = 12.0
    visit.run()
    (trial,) = visit.trials()
    assert trial.outcome is Outcome.DEVICE_FAULT
    assert 60.0 <= (trial.time_ge_43_s or 0.0) < 61.0
    (fault,) = visit.log.of(records.Fault)
    assert isinstance(fault, records.Fault)
    assert fault.code == "QST-520"


def test_an_attempt_without_a_whole_account_is_charged_in_full() -> None:
    assert booked_cem43_min(0.3, HEAT, whole=True) == 0.3
    assert booked_cem43_min(0.3, HEAT, whole=False) == WORST_MIN
    assert booked_cem43_min(None, HEAT, whole=True) == WORST_MIN
    assert booked_cem43_min(99.0, HEAT, whole=False) == 99.0
    assert booked_cem43_min(None, None, whole=False) == 0.0


def test_a_trial_is_refused_when_its_worst_case_is_more_than_what_is_left() -> None:
    assert site_dose_refusal(17.0, WORST_MIN) == ""
    assert "could get 2.6 more" in site_dose_refusal(17.9, WORST_MIN)
    assert "has had 20.5" in site_dose_refusal(20.5)


def plan_of(n: int) -> Plan:
    trials = tuple(planned(sequence_index=index, ramp=HEAT) for index in range(1, n + 1))
    return Plan(protocol_id="p", protocol_version="1", protocol_sha256="0", title="t", seed=1, trials=trials, scores=())


def recorded(index: int, cem43_min: float | None, outcome: Outcome = Outcome.RESPONSE) -> Trial:
    visit = Visit(planned(ramp=HEAT))
    visit.button.presses_s = [21.0]
    visit.run()
    (trial,) = visit.trials()
    return msgspec.structs.replace(trial, sequence_index=index, cem43_min=cem43_min, outcome=outcome)


def test_a_site_is_charged_over_the_whole_visit_and_after_an_interruption() -> None:
    plan = plan_of(4)
    done = (recorded(1, 1.0), recorded(2, 2.0, Outcome.DEVICE_FAULT))
    doses = SiteDoses(plan, done, unrecorded=((3, 1),))
    # 1 as measured, one fault and one attempt that died with its process in full.
    assert doses.spent_min(plan.trials[3]) == pytest.approx(1.0 + 2 * max(WORST_MIN, 2.0))
    assert doses.refusal(plan.trials[3]) == ""
    doses.add(recorded(4, 14.0), plan.trials[3])
    assert "CEM43" in doses.refusal(plan.trials[3])
    other_hand = msgspec.structs.replace(plan.trials[3], side="L")
    assert doses.refusal(other_hand) == ""


def test_every_attempt_that_died_with_its_process_is_charged_and_not_only_the_last_one() -> None:
    plan = plan_of(4)
    doses = SiteDoses(plan, (), unrecorded=((1, 1), (1, 2), (2, 1)))
    assert doses.spent_min(plan.trials[3]) == pytest.approx(3 * WORST_MIN)


HOT = ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=50.0, return_rate_c_per_s=1.0)


def fault_on_the_way_back(*, plate_c: float | None = None, after_s: float = 0.1) -> tuple[Any, PlannedTrial]:
    """A visit of one trial: the press at 48.3 °C, and so long after it the link is gone."""
    trial = planned(ramp=HOT, attempts_max=1, timeout_s=30.0)
    visit: Any = Visit(trial)
    visit.button.presses_s = [27.5]
    visit.thermode.slow_return_s = 100.0
    stop, where = visit.thermode.stop, visit.thermode.temperature_c

    def stop_and_fail() -> None:
        stop()
        visit.thermode.fails_at_s = visit.clock.monotonic() + after_s
        visit.thermode.temperature_c = lambda now_s: where(now_s) if plate_c is None else plate_c

    visit.thermode.stop = stop_and_fail
    visit.run()
    return visit, trial


def test_a_fault_on_the_way_back_is_charged_in_full_and_leaves_what_was_measured() -> None:
    visit, trial = fault_on_the_way_back()
    (found,) = visit.trials()
    assert (found.outcome, found.valid) == (Outcome.RESPONSE, True)
    assert found.value_at_response == pytest.approx(48.3, abs=0.1)
    # What was read up to the fault is less than half of what the skin may have had; nobody takes it for all.
    assert (found.cem43_min, found.time_ge_43_s, found.omega) == (None, None, None)
    worst_min = worst_case_dose(HOT).cem43_min
    assert visit.engine._doses.spent_min(trial) == worst_min  # what the live visit reckons with
    assert SiteDoses(plan_of_trials(trial), visit.trials()).spent_min(trial) == worst_min


def test_more_than_the_worst_case_is_charged_as_it_was_read() -> None:
    visit, trial = fault_on_the_way_back(plate_c=48.9, after_s=14.0)
    (found,) = visit.trials()
    assert found.outcome is Outcome.RESPONSE
    assert (found.cem43_min or 0.0) > worst_case_dose(HOT).cem43_min
    assert SiteDoses(plan_of_trials(trial), visit.trials()).spent_min(trial) == found.cem43_min


def test_a_failure_before_the_ramp_is_not_charged_with_one() -> None:
    trial = planned(ramp=HOT, attempts_max=1)
    visit: Any = Visit(trial)
    visit.button.presses_s = [3.0]
    make_safe, failures = visit.thermode.make_safe, [LinkTimeoutError("no answer within 1 s")]

    def fail_once() -> None:
        if failures:
            raise failures.pop()
        make_safe()

    visit.thermode.make_safe = fail_once
    visit.run()
    (found,) = visit.trials()
    assert (found.outcome, found.cem43_min) == (Outcome.PAIN_AT_BASELINE, 0.0)
    assert SiteDoses(plan_of_trials(trial), visit.trials()).spent_min(trial) == 0.0


def plan_of_trials(*trials: PlannedTrial) -> Plan:
    return msgspec.structs.replace(plan_of(1), trials=trials)


def test_the_worst_case_of_a_site_is_told_with_every_repeat() -> None:
    plan = plan_of(3)
    (site,) = check_plan(plan).site_doses
    attempts = sum(trial.attempts_max for trial in plan.trials)
    assert site.dose.cem43_min == pytest.approx(3 * WORST_MIN)
    assert site.with_repeats_cem43_min == pytest.approx(attempts * WORST_MIN)
    assert attempts > 3
