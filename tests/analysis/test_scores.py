"""Scores: which attempts go into a mean, and that it says what it left out."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qst
from qst.analysis.scores import latest_valid, score_all
from qst.errors import InputError
from qst.instruments import Modality, PressureRamp
from qst.protocol.plan import Plan, PlannedTrial, Rounding, ScoreRule
from qst.record.records import Censoring, Outcome, Score, Trial
from tests.plots.visits import DEMO, other_order, visit_log
from tests.record.logs import trial

KGF = 98.0665
ROUNDING = Rounding(step="0.1", display_unit="kgf/cm2", kpa_or_c_per_unit=KGF)


def planned(index: int, **changes: Any) -> PlannedTrial:
    fields: dict[str, Any] = {
        "sequence_index": index,
        "block": "pressure",
        "step_id": f"pressure.TRP.L.{index}",
        "stimulus_id": "pressure",
        "modality": Modality.PRESSURE,
        "method": "limits",
        "site_code": "TRP",
        "side": "L",
        "repeat_index": index,
        "is_practice": False,
        "ramp": PressureRamp(rate_kpa_per_s=KGF, cutoff_kpa=6 * KGF),
        "settle": None,
        "timeout_s": 10.0,
        "rest_before_s": 5.0,
        "same_site_rest_s": 5.0,
        "rate_band": 0.25,
        "reading": "at_response",
        "rounding": ROUNDING,
        "instruction": "",
        "attempts_max": 3,
    }
    return PlannedTrial(**(fields | changes))


def plan(*trials: PlannedTrial, **rule: Any) -> Plan:
    fields: dict[str, Any] = {
        "id": "PPT",
        "label": "Pressure pain threshold",
        "stimulus_id": "pressure",
        "modality": Modality.PRESSURE,
        "rule": "mean",
        "rounding": ROUNDING,
        "censored": "exclude",
    }
    return Plan(
        protocol_id="p",
        protocol_version="1",
        protocol_sha256="",
        title="",
        seed=1,
        trials=trials,
        scores=(ScoreRule(**(fields | rule)),),
    )


def made(index: int, display: float | None = 1.0, attempt: int = 1, **changes: Any) -> Trial:
    value = None if display is None else round(display * KGF, 9)
    fields: dict[str, Any] = {
        "modality": Modality.PRESSURE,
        "unit_ucum": "kPa",
        "display_unit": "kgf/cm2",
        "value_display": display,
        "value_reported": value,
        "value_at_response": None if value is None else value + 1.0,
        "value_peak": None if value is None else value + 5.0,
    }
    return trial(index, attempt, **(fields | changes))


def cut_off(index: int, attempt: int = 1) -> Trial:
    return made(index, None, attempt, outcome=Outcome.CUTOFF, censoring=Censoring.RIGHT)


def only(score: tuple[Score, ...]) -> Score:
    (one,) = score
    return one


def test_a_mean_of_reported_values() -> None:
    score = only(score_all(plan(*map(planned, (1, 2, 3))), [made(1, 1.0), made(2, 1.1), made(3, 1.5)]))
    assert (score.n_planned, score.n_valid, score.n_censored) == (3, 3, 0)
    assert score.mean == pytest.approx(1.2 * KGF, abs=1e-9)
    assert score.mean_display == 1.2  # decimal: no binary dust
    assert score.mean_unrounded == pytest.approx(1.2 * KGF + 1.0)
    assert score.sd == pytest.approx(math.sqrt(0.07) * KGF)
    assert score.median == pytest.approx(1.1 * KGF)
    assert score.min == pytest.approx(1.0 * KGF)
    assert score.max == pytest.approx(1.5 * KGF)
    assert (score.unit_ucum, score.display_unit, score.rule) == ("kPa", "kgf/cm2", "mean")


def test_a_censored_trial_is_counted_and_never_averaged() -> None:
    score = only(score_all(plan(planned(1), planned(2)), [made(1, 1.0), cut_off(2)]))
    assert (score.n_planned, score.n_valid, score.n_censored) == (2, 1, 1)
    assert score.mean_display == 1.0
    assert score.sd is None
    # Even if somebody wrote the cut-off as if it were the threshold:
    written = made(2, 6.0, outcome=Outcome.CUTOFF, censoring=Censoring.RIGHT)
    assert only(score_all(plan(planned(1), planned(2)), [made(1, 1.0), written])).mean_display == 1.0


def test_practice_and_other_stimuli_stay_out() -> None:
    asked = plan(planned(1, is_practice=True), planned(2), planned(3, stimulus_id="other"))
    score = only(score_all(asked, [made(1, 3.0), made(2, 1.0), made(3, 5.0)]))
    assert (score.n_planned, score.n_valid, score.mean_display) == (1, 1, 1.0)


def test_what_a_person_or_the_engine_rejected_stays_out() -> None:
    asked = plan(planned(1), planned(2), planned(3))
    trials = [made(1, 1.0), made(2, 5.0, valid=False), made(3, 6.0, valid=False)]
    score = only(score_all(asked, trials))
    assert (score.n_planned, score.n_valid, score.mean_display) == (3, 1, 1.0)


def test_a_repeat_replaces_and_is_not_added() -> None:
    trials = [made(1, 1.0), made(1, 2.0, attempt=2, supersedes=1)]
    assert latest_valid(trials) == {1: trials[1]}
    assert only(score_all(plan(planned(1)), trials)).mean_display == 2.0


def test_a_superseded_attempt_never_comes_back() -> None:
    """Its repeat failed; somebody had a reason to repeat it, so the trial is missing."""
    trials = [made(1, 1.0), made(1, None, attempt=2, supersedes=1, valid=False)]
    score = only(score_all(plan(planned(1)), trials))
    assert (score.n_planned, score.n_valid, score.mean) == (1, 0, None)


def test_nothing_measured_is_no_number() -> None:
    score = only(score_all(plan(planned(1)), []))
    assert (score.n_planned, score.n_valid, score.n_censored) == (1, 0, 0)
    assert (score.mean, score.mean_display, score.mean_unrounded, score.sd) == (None,) * 4
    assert (score.median, score.min, score.max, score.unit_ucum) == (None, None, None, "kPa")


@pytest.mark.parametrize(
    ("changes", "reading", "expected"),
    [
        ({}, "at_response", 1.0),
        ({}, "peak", 5.0),
        ({"source": "operator", "value_at_response": None}, "at_response", 5.0),
    ],
)
def test_the_unrounded_mean_is_of_the_reading_that_was_reported(
    changes: dict[str, Any], reading: str, expected: float
) -> None:
    score = only(score_all(plan(planned(1, reading=reading)), [made(1, 1.0, **changes)]))
    assert score.mean_unrounded == pytest.approx(KGF + expected)


def test_an_unrounded_mean_of_fewer_trials_is_not_given() -> None:
    score = only(score_all(plan(planned(1), planned(2)), [made(1), made(2, value_at_response=None)]))
    assert score.n_valid == 2
    assert score.mean_unrounded is None


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match="geometric"):
        score_all(plan(planned(1), rule="geometric_mean"), [])
    with pytest.raises(ValueError, match="include"):
        score_all(plan(planned(1), censored="include"), [])


@given(st.lists(st.integers(0, 60), min_size=1, max_size=18))
def test_the_mean_of_grid_values_is_exact(tenths: list[int]) -> None:
    asked = plan(*(planned(index) for index in range(1, len(tenths) + 1)))
    score = only(score_all(asked, [made(i, tenth / 10) for i, tenth in enumerate(tenths, 1)]))
    assert score.n_valid == len(tenths)
    assert score.mean_display == pytest.approx(sum(tenths) / len(tenths) / 10, rel=1e-15)
    assert score.min is not None
    assert score.mean is not None
    assert score.max is not None
    assert score.min - 1e-9 <= score.mean <= score.max + 1e-9


def test_a_visit_in_another_order_than_its_plan_is_not_scored(tmp_path: Path) -> None:
    """A plan by another version, or by another seed: what its places say of the attempts is not true."""
    (tmp_path / "planned.jsonl").write_bytes(visit_log(DEMO))
    assert qst.read(tmp_path).unscored == ()
    (tmp_path / "planned.jsonl").write_bytes(other_order(visit_log(DEMO)))
    data = qst.read(tmp_path)
    (unscored,) = data.unscored
    assert unscored.path.endswith("planned.jsonl")
    assert "trial 3 was pressure.TRP.L.1" in unscored.text
    assert "plans pressure.TRP.R.1 there" in unscored.text
    assert (len(data.trials), len(data.thresholds)) == (4, 0)
    with pytest.raises(InputError, match="trial 3 was"):
        data.plan(str(data.visits.column("session_uuid")[0]))
