"""The visit of Younger & Mackey 2009, on every station, through the drivers."""

import math
import statistics
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qst.analysis.recorded_summary import verify_visit
from qst.instruments import Modality
from qst.record.reader import read_log
from qst.record.records import Outcome, Trial, TrialStart, VisitOutcome
from qst.record.verify import Status
from tests.visits.simulated import STATIONS, Visit, run_visit

#: A participant who answers every trial of the visit properly, on each station.
STEADY_SEED = 7


@pytest.fixture(scope="module", params=STATIONS)
def visit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Visit:
    path = tmp_path_factory.mktemp("visit") / "log.jsonl"
    return run_visit(path, station=request.param, seed=STEADY_SEED)


def scored(visit: Visit) -> list[Trial]:
    return [trial for trial in visit.result.trials if not trial.is_practice and trial.valid]


def test_18_and_3_and_3_valid_trials(visit: Visit) -> None:
    assert visit.result.outcome is VisitOutcome.COMPLETED
    counts = Counter(trial.modality for trial in scored(visit))
    assert counts == {Modality.PRESSURE: 18, Modality.HEAT: 3, Modality.COLD: 3}
    assert {score.id: (score.n_valid, score.n_planned) for score in visit.result.summary} == {
        "HPT_mean3": (3, 3),
        "CPT_mean3": (3, 3),
        "PPT_18_mean": (18, 18),
    }


def test_heat_right_and_cold_left_alternate(visit: Visit) -> None:
    thermal = [(t.modality.value, t.side) for t in scored(visit) if t.modality is not Modality.PRESSURE]
    assert thermal == [("heat", "R"), ("cold", "L")] * 3


def test_pressure_is_reported_on_the_grid_and_averaged_as_reported(visit: Visit) -> None:
    pressure = [trial for trial in scored(visit) if trial.modality is Modality.PRESSURE]
    shown = [Decimal(repr(trial.value_display)) for trial in pressure]
    assert all(value % Decimal("0.1") == 0 for value in shown)
    (score,) = [score for score in visit.result.summary if score.id == "PPT_18_mean"]
    assert score.mean_display == pytest.approx(float(sum(shown) / 18))
    assert len({(trial.site_code, trial.side) for trial in pressure}) == 18


def test_every_ramp_has_its_achieved_rate(visit: Visit) -> None:
    for trial in scored(visit):
        assert trial.rate_achieved_mean is not None
        if trial.modality is not Modality.PRESSURE:
            assert trial.rate_achieved_mean == pytest.approx(0.3, rel=0.05)
            assert trial.rate_flag == ""
        off = abs(trial.rate_achieved_mean / trial.rate_commanded - 1) > 0.25
        assert (trial.rate_flag != "") == off


def test_the_log_is_whole_and_says_that_it_is_simulated(visit: Visit) -> None:
    report = verify_visit(visit.path)
    assert (report.status, report.findings) == (Status.INTACT, ())
    log = read_log(visit.path)
    assert log.header is not None
    assert log.header.simulated
    assert len(log.sessions[0].instruments) == 2


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    logs = [
        run_visit(tmp_path / f"{number}.jsonl", station=station, protocol="demo-quick", seed=seed).path.read_bytes()
        for number, (station, seed) in enumerate((s, seed) for s in STATIONS for seed in (5, 5, 6))
    ]
    for first, again, other in zip(logs[::3], logs[1::3], logs[2::3], strict=True):
        assert first == again
        assert first != other


@given(
    seed=st.integers(0, 2**32), station=st.sampled_from(STATIONS), model=st.sampled_from(["fibromyalgia", "healthy"])
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_participant_gives_a_completed_visit_or_an_explained_one(
    tmp_path: Path, seed: int, station: str, model: str
) -> None:
    path = tmp_path / f"{seed}-{station}-{model}.jsonl"
    path.unlink(missing_ok=True)
    visit = run_visit(path, station=station, protocol="demo-quick", seed=seed, model=model)
    assert visit.result.outcome is VisitOutcome.COMPLETED or visit.result.reason
    assert verify_visit(path).status is Status.INTACT
    log = read_log(path)
    starts = sum(isinstance(entry.record, TrialStart) for entry in log.entries)
    assert starts == len(log.trials) >= len(visit.plan.trials)
    for trial in log.trials:
        assert trial.valid or trial.invalid_reason
        assert (trial.value_reported is None) == (trial.outcome is not Outcome.RESPONSE)
    path.unlink()


@pytest.mark.parametrize(
    ("station", "resolution_c", "switches"),
    [("default", 0.01, {"noise_c": 0}), ("tcs", 0.1, {"noise_c": 0, "offsets": False})],
)
def test_the_softwares_own_error_is_below_a_hundredth_of_a_degree(
    tmp_path: Path, station: str, resolution_c: float, switches: dict[str, int]
) -> None:
    """Against the plate's true temperature at the press; the sensor's own noise is not the software's."""
    errors = []
    for seed in range(4):
        visit = run_visit(tmp_path / f"{seed}.jsonl", station=station, seed=seed, simulator={"thermode": switches})
        truth = {experience.placement.key: experience for experience in visit.bench.truth}
        for trial in visit.result.trials:
            if trial.modality is not Modality.PRESSURE and trial.outcome is Outcome.RESPONSE:
                true_c = truth[f"{trial.step_id}/{trial.attempt}"].value_at_press
                assert true_c is not None
                assert trial.value_at_response is not None
                errors.append(abs(trial.value_at_response - true_c))
    assert len(errors) > 20
    assert max(errors) <= 0.01 + resolution_c


def test_the_group_means_are_those_of_the_paper(tmp_path: Path) -> None:
    """A sample of the 200 participants of benchmarks/group_means.py, through the drivers."""
    means: dict[str, list[float]] = {}
    for seed in range(24):
        visit = run_visit(tmp_path / f"{seed}.jsonl", seed=seed)
        for score in visit.result.summary:
            if score.mean_display is not None:
                means.setdefault(score.id, []).append(score.mean_display)
    for name, anchor in (("PPT_18_mean", 1.02), ("HPT_mean3", 37.9), ("CPT_mean3", 17.7)):
        standard_error = statistics.stdev(means[name]) / math.sqrt(len(means[name]))
        assert abs(statistics.mean(means[name]) - anchor) <= 3 * standard_error, name
