"""A suite that passes says something only if a defect would have made it fail: one defect, the right check."""

import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qst.errors import InputError
from qst.instruments import PressureRamp, ThermalRamp
from qst.testing import Conformance, algometer_conformance, run_checks, thermode_conformance
from qst.testing.conformance.requirement import NonconformanceError
from qst.testing.conformance.suite import check_names
from qst_drivers.jtech_commander import JtechCommander
from qst_drivers.mark10 import Mark10
from qst_drivers.qstlab_tcs import QstlabTcs
from tests.testing import broken

HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=48.0, return_rate_c_per_s=8.0)
COLD = ThermalRamp(start_c=20.0, rate_c_per_s=0.25, cutoff_c=14.0, return_rate_c_per_s=8.0)
PRESS = PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=588.399)
EXACT = {"noise": False, "cell_errors": False}


def suite_of(driver: type[Any]) -> type[Conformance]:
    if issubclass(driver, QstlabTcs):
        exact = {"offsets": False, "noise_c": 0.0}
        return thermode_conformance(driver, simulator="qstlab-tcs", simulator_settings=exact, ramps=[HEAT, COLD])
    simulator = "mark10" if issubclass(driver, Mark10) else "jtech-commander"
    settings = {"tip_area": "1 cm²"}
    return algometer_conformance(
        driver, settings=settings, simulator=simulator, simulator_settings=EXACT, ramps=[PRESS]
    )


def check_of(name: str) -> str:
    """A check's name without its case."""
    return name.partition("[")[0]


def red(driver: type[Any], select: Callable[[str], bool]) -> set[str]:
    """Names of the checks that fail, without their cases."""
    results = run_checks(suite_of(driver), select)
    # A sound Mark-10 cannot hold one case of this check; see its exemption.
    exempt = {"test_hiccup_gives_no_wrong_sample"} if issubclass(driver, Mark10) else set()
    return {check_of(name) for name, complaint in results if complaint is not None} - exempt


DEFECTS: list[tuple[type[Any], set[str]]] = [
    (broken.ChecksNothing, {"test_limits_are_refused_by_check"}),
    (broken.Clamps, {"test_limits_are_refused_by_prepare"}),
    (broken.RoundsTheRate, {"test_achieved_rate_is_the_commanded_one"}),
    (broken.TouchesTheLinkWhenBuilt, {"test_building_and_checking_touch_no_link"}),
    (broken.HasNoName, {"test_identity"}),
    (broken.BeginsUnprepared, {"test_begin_before_prepare_is_refused", "test_limits_are_refused_by_prepare"}),
    (broken.BeginsAnywhere, {"test_begin_away_from_the_start_is_refused"}),
    (broken.StopsNothing, {"test_stop_is_idempotent_from"}),
    (broken.StopsOnlyOnce, {"test_stop_is_idempotent_from"}),
    (
        broken.WarmsOnItsWayToSafety,
        {
            "test_make_safe_from",
            "test_make_safe_needs_no_answer",
            "test_close_leaves_the_plate_safe",
            "test_abort_while_paused",
        },
    ),
    (broken.AsksBeforeItActs, {"test_make_safe_needs_no_answer"}),
    (broken.LeavesThePlate, {"test_close_leaves_the_plate_safe", "test_make_safe_from"}),
    (broken.KeepsThePortWhenConnectingFails, {"test_fault_while_connecting"}),
    (broken.KeepsABrokenPort, {"test_disconnect", "test_after_a_fault_it_is_left_and_taken_up_again"}),
    (broken.ForgetsItsDoubts, {"test_late_reply_in_a_pause_is_thrown_away"}),
    (broken.SwallowsAborts, {"test_abort_ends_a_wait_in_the_ramp"}),
    (broken.SaysNoRemedy, {"test_fault_in_the_ramp"}),
    (broken.OverlooksFaults, {"test_fault_in_the_ramp"}),
    (broken.StampsAhead, {"test_samples_are_true_and_in_order"}),
    (broken.TakesTheEndBack, {"test_end_on_the_button_is_told_and_kept", "test_end_at_the_cutoff_is_told_and_kept"}),
    (broken.NamesTheWrongEnd, {"test_end_on_the_button_is_told_and_kept"}),
    (broken.declaring(self_limiting=False), {"test_self_limiting_is_what_is_declared"}),
    (broken.declaring(has_button=False), {"test_button_is_what_is_declared"}),
    (
        broken.declaring(ends_ramp_on_button=False),
        {"test_who_ends_the_ramp_is_what_is_declared", "test_end_on_the_button_is_told_and_kept"},
    ),
    (broken.declaring(ends_ramp_at_limit=False), {"test_end_at_the_cutoff_is_told_and_kept"}),
    (broken.declaring(acknowledges=True), {"test_acknowledgement_is_what_is_declared"}),
    (broken.declaring(value_max=55.0), {"test_range_and_rates_are_what_is_declared"}),
    (broken.declaring(rate_max=20.0), {"test_range_and_rates_are_what_is_declared"}),
    (broken.declaring(value_max=45.0), {"test_limits_are_refused_by_check", "test_limits_are_refused_by_prepare"}),
    (broken.ZeroesUnderLoad, {"test_a_loaded_gauge_is_not_zeroed"}),
    (
        broken.StreamsOn,
        {"test_no_samples_after_stop", "test_peak_is_the_highest_pressure", "test_trial_after_trial"},
    ),
    (broken.PeaksInAnotherUnit, {"test_peak_is_the_highest_pressure"}),
    (broken.PretendsToBeFine, {"test_resolution_is_no_finer_than_declared"}),
    (broken.RoundsEntries, {"test_off_the_grid_is_refused_not_rounded"}),
    (broken.SeesTheDisplay, {"test_there_are_no_samples"}),
]


each_defect = pytest.mark.parametrize(("driver", "expected"), DEFECTS, ids=lambda value: getattr(value, "__name__", ""))


@each_defect
def test_one_defect_makes_the_right_check_red(driver: type[Any], expected: set[str]) -> None:
    """Every case of the checks that must complain, a fifth of the others; all of them every night."""

    def sample(name: str) -> bool:
        return check_of(name) in expected or "[" not in name or zlib.crc32(name.encode()) % 5 == 0

    assert red(driver, sample) == expected


@pytest.mark.nightly
@each_defect
def test_no_other_check_is_red(driver: type[Any], expected: set[str]) -> None:
    assert red(driver, lambda _: True) == expected


def test_an_exemption_must_fail() -> None:
    """What is exempted without need is a red check: xfail is strict."""
    suite = suite_of(QstlabTcs)
    assert all(complaint is None for _, complaint in run_checks(suite, lambda name: name == "test_identity"))
    source = Path(__file__).with_name("needless.py")
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(source), "-k", "test_identity"]
    done = subprocess.run(line, capture_output=True, text=True, cwd=source.parents[2], check=False)
    assert done.returncode == 1
    assert "[XPASS(strict)] there is no need" in done.stdout


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"exempt": {"test_nothing": "no such check"}}, "no check is called 'test_nothing'"),
        ({"exempt": {"test_identity": " "}}, "gives no reason"),
        ({"driver": "no-such-driver"}, "no driver is called 'no-such-driver'"),
        ({"driver": "mark10"}, "another instrument, algometer"),
        ({"simulator": "no-such-simulator"}, "no simulator is called"),
        ({"simulator_settings": {"nosie_c": 0.0}}, "refuses its settings"),
        ({"ramps": []}, "at least one ThermalRamp"),
        ({"ramps": [PRESS]}, "at least one ThermalRamp"),
    ],
)
def test_a_wrong_call_is_told(change: dict[str, Any], complaint: str) -> None:
    call: dict[str, Any] = {"driver": "qstlab-tcs", "simulator": "qstlab-tcs", "ramps": [HEAT]}
    with pytest.raises(InputError, match=complaint):
        thermode_conformance(**{**call, **change})


def test_a_complaint_says_what_to_do() -> None:
    (result,) = run_checks(suite_of(broken.HasNoName), lambda name: name == "test_identity")
    assert isinstance(result.complaint, NonconformanceError)
    assert "To do: return an Identity" in str(result.complaint)


@pytest.mark.parametrize("driver", [QstlabTcs, Mark10, JtechCommander])
def test_every_check_says_why(driver: type[Any]) -> None:
    suite = suite_of(driver)
    assert [name for name, method, _ in check_names(suite) if not getattr(suite, method).__doc__] == []
