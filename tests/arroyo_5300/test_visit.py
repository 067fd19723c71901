"""A whole short visit on the station `peltier`, in this process, with a protocol of its own."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from qst.abort import AbortSwitch
from qst.cli import qst
from qst.clock import VirtualClock
from qst.errors import PlanError
from qst.instruments import Modality
from qst.protocol.loader import load_protocol
from qst.record.reader import read_log
from qst.record.records import Outcome, VisitOutcome
from qst.record.verify import Status, verify_log
from qst.rigs.simulated import simulated_bench, simulated_rig, simulated_station
from qst.visit.session import checked_plan
from qst_simulators.profile import load_profile
from tests.visits.simulated import Visit, run_visit

PROTOCOL = str(Path(__file__).with_name("visit.yaml"))


def visit(path: Path, seed: int, **switches: float | str) -> Visit:
    simulator = {"thermode": switches} if switches else None
    return run_visit(path, station="peltier", protocol=PROTOCOL, seed=seed, simulator=simulator)


def test_a_visit_gives_thresholds_that_are_the_truth_at_the_press(tmp_path: Path) -> None:
    """Within what the plate moves between two polls, and the resolution of 0.01 °C."""
    errors, outcomes = [], []
    for seed in range(6):
        done = visit(tmp_path / f"{seed}.jsonl", seed, noise_c=0.0)
        assert done.result.outcome is VisitOutcome.COMPLETED
        truth = {experience.placement.key: experience for experience in done.bench.truth}
        for trial in done.result.trials:
            outcomes.append(trial.outcome)
            if trial.modality is not Modality.PRESSURE and trial.outcome is Outcome.RESPONSE:
                true_c = truth[f"{trial.step_id}/{trial.attempt}"].value_at_press
                assert true_c is not None
                assert trial.value_at_response is not None
                if (trial.ramp_duration_s or 0.0) > 10.0:  # a short ramp is mostly the plate's lag, and says so
                    assert trial.rate_achieved_mean == pytest.approx(0.3, rel=0.1)
                errors.append(abs(trial.value_at_response - true_c))
    assert outcomes.count(Outcome.RESPONSE) >= 20
    assert len(errors) >= 8
    assert max(errors) <= 0.02 + 0.01


def test_the_log_is_whole_says_so_and_is_that_of_its_seed(tmp_path: Path) -> None:
    paths = [visit(tmp_path / f"{number}.jsonl", seed).path for number, seed in enumerate((3, 3, 4))]
    logs = [path.read_bytes() for path in paths]
    assert logs[0] == logs[1] != logs[2]
    assert verify_log(paths[0]).status is Status.INTACT
    (instruments,) = [session.instruments for session in read_log(paths[0]).sessions]
    entry = next(entry for entry in instruments if entry.role == "thermode")
    assert (entry.driver, entry.model, entry.thermode_area_cm2) == ("arroyo-5300", "Arroyo 5305", 9.0)
    assert "no watchdog" in entry.detail


@pytest.mark.parametrize("switches", [{"slew_from": "setpoint"}, {"trate_at_once": False}, {"set_query": "moving"}])
def test_a_visit_completes_on_every_plausible_device(tmp_path: Path, switches: dict[str, str]) -> None:
    done = visit(tmp_path / "log.jsonl", 1, **switches)
    assert done.result.outcome is VisitOutcome.COMPLETED
    assert all(trial.valid or trial.invalid_reason for trial in done.result.trials)


def test_the_reference_visit_is_refused_with_its_reason_and_connects_nothing() -> None:
    clock = VirtualClock(AbortSwitch())
    station = simulated_station("peltier")
    profile = load_profile("fibromyalgia")
    rig = simulated_rig(station, simulated_bench(station, clock, seed=1, profile=profile), clock, profile)
    with pytest.raises(PlanError, match=re.escape("return at 8 °C/s is 480 °C per minute")):
        checked_plan(load_protocol("fibromyalgia-visit"), 1, rig)


def test_the_command_line_says_so_too() -> None:
    refused = CliRunner().invoke(qst, ["run", "fibromyalgia-visit", "--simulate", "peltier"], standalone_mode=False)
    assert isinstance(refused.exception, PlanError)
    checked = CliRunner().invoke(qst, ["check", PROTOCOL, "--station", "peltier"], standalone_mode=False)
    assert checked.exception is None
    assert checked.return_value in (0, None)
