"""From protocol and seed to trials."""

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.instruments import Modality, PressureRamp, ThermalRamp
from qst.protocol.loader import load_protocol
from qst.protocol.plan import Plan
from qst.protocol.planner import make_plan
from tests.protocol.texts import RIGHT, load, spoiled


def plan(text: str = RIGHT, seed: int = 1) -> Plan:
    return make_plan(load(text), seed)


def steps(some: Plan) -> list[str]:
    return [trial.step_id for trial in some.trials]


def test_practice_comes_first_and_stimuli_alternate() -> None:
    assert steps(plan())[:7] == [
        "warm.practice.volar-forearm.R.1",
        "warm.thenar.R.1",
        "cool.thenar.L.1",
        "warm.thenar.R.2",
        "cool.thenar.L.2",
        "warm.thenar.R.3",
        "cool.thenar.L.3",
    ]
    assert [trial.is_practice for trial in plan().trials] == [True, *[False] * 24]


def test_without_alternation_one_stimulus_follows_the_other() -> None:
    some = plan(spoiled("alternate: true", "alternate: false"))
    assert [trial.stimulus_id for trial in some.trials[1:7]] == ["warm"] * 3 + ["cool"] * 3


def test_uneven_alternation_keeps_every_trial() -> None:
    some = plan(spoiled("repeats: 3", "repeats: 1"))
    assert [trial.stimulus_id for trial in some.trials[1:5]] == ["warm", "cool", "cool", "cool"]


def test_a_trial_carries_everything_it_needs() -> None:
    warm, push = plan().trials[1], plan().trials[-1]
    assert warm.ramp == ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0)
    assert warm.timeout_s == pytest.approx(16 / 0.3 + 5)
    assert warm.settle is not None
    assert (warm.rest_before_s, warm.same_site_rest_s) == (20.0, 60.0)
    assert (warm.rounding.step, warm.rounding.display_unit, warm.rounding.kpa_or_c_per_unit) == ("0.01", "Cel", 1.0)
    assert push.ramp == PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=588.399)
    assert push.timeout_s == pytest.approx(11)
    assert push.settle is None
    assert push.reading == "peak"
    assert (push.rounding.step, push.rounding.kpa_or_c_per_unit) == ("0.1", 98.0665)
    assert (push.rate_band, push.attempts_max, push.method) == (0.25, 3, "limits")


def test_the_first_trial_waits_for_nothing() -> None:
    assert plan().trials[0].rest_before_s == 0


def test_scripts_are_read_once() -> None:
    trials = plan(spoiled("  heat: press", "  cold: cold hurts\n  heat: press")).trials
    assert trials[0].instruction == "stop at any time\n\npress when it hurts"
    assert trials[2].instruction == "cold hurts"
    assert [trial.instruction for trial in trials[3:]] == [""] * (len(trials) - 3)


def test_a_time_out_in_the_file_is_kept() -> None:
    assert plan(spoiled("repeats: 3", "timeout: 90 s")).trials[0].timeout_s == 90


def test_sites_are_visited_once_before_any_is_visited_again() -> None:
    some = plan(spoiled("order: random", "order: random\n        repeats: 2"))
    places = [(trial.site_code, trial.side) for trial in some.trials if trial.stimulus_id == "push"]
    assert len(places) == 36
    assert sorted(places[:18]) == sorted(places[18:])
    assert len(set(places[:18])) == 18


def test_scores_follow_the_stimuli() -> None:
    heat, pressure = plan().scores
    assert (heat.id, heat.stimulus_id, heat.modality, heat.rule, heat.censored) == (
        "HPT",
        "warm",
        Modality.HEAT,
        "mean",
        "exclude",
    )
    assert pressure.rounding.step == "0.1"


@given(st.integers(), st.integers(1, 5), st.integers(1, 3), st.sampled_from(["random", "acr", "mtps", "as-listed"]))
def test_every_seed_gives_the_same_trials_in_some_order(seed: int, repeats: int, presses: int, order: str) -> None:
    text = RIGHT.replace("repeats: 3", f"repeats: {repeats}")
    text = text.replace("order: random", f"order: {order}\n        repeats: {presses}")
    some = plan(text, seed)
    assert some == plan(text, seed)
    assert len(set(steps(some))) == len(some.trials)
    assert [trial.sequence_index for trial in some.trials] == list(range(1, len(some.trials) + 1))
    counts = Counter(trial.stimulus_id for trial in some.trials if not trial.is_practice)
    assert counts == {"warm": repeats, "cool": repeats, "push": 18 * presses}
    thermal = [trial.stimulus_id for trial in some.trials if trial.block == "thermal" and not trial.is_practice]
    assert all(one != two for one, two in pairwise(thermal))
    assert sorted(steps(some)) == sorted(steps(plan(text, seed + 1)))
    assert all(math.isfinite(trial.timeout_s) and 0 < trial.timeout_s <= 120 for trial in some.trials)


def test_another_seed_another_order() -> None:
    assert len({tuple(steps(plan(seed=seed))) for seed in range(10)}) == 10


def test_the_reference_visit() -> None:
    loaded = load_protocol("fibromyalgia-visit")
    some = make_plan(loaded, 1)
    real = [trial for trial in some.trials if not trial.is_practice]
    assert Counter(trial.modality for trial in real) == {Modality.PRESSURE: 18, Modality.HEAT: 3, Modality.COLD: 3}
    thermal = [(trial.modality.value, trial.site_code, trial.side) for trial in real[:6]]
    assert thermal == [("heat", "thenar", "R"), ("cold", "thenar", "L")] * 3
    assert len({(trial.site_code, trial.side) for trial in real[6:]}) == 18
    heat, cold, press = real[0].ramp, real[1].ramp, real[6].ramp
    assert heat == ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0)
    assert cold == ThermalRamp(start_c=20.0, rate_c_per_s=0.3, cutoff_c=0.0, return_rate_c_per_s=8.0)
    assert press == PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=6 * 98.0665)
    assert all(trial.same_site_rest_s >= 60 for trial in real[:6])
    assert all(trial.rest_before_s >= 10 for trial in real)
    assert [score.id for score in some.scores] == ["HPT_mean3", "CPT_mean3", "PPT_18_mean"]
    assert "Younger" in loaded.protocol.citation
    practice = [trial for trial in some.trials if trial.is_practice]
    assert [trial.modality.value for trial in practice] == ["heat", "cold", "pressure"]
    tested = {(trial.site_code, trial.side) for trial in real}
    assert not tested & {(trial.site_code, trial.side) for trial in practice}


def test_the_short_demonstration() -> None:
    some = make_plan(load_protocol("demo-quick"), 1)
    assert [trial.modality.value for trial in some.trials] == ["heat", "cold", "pressure", "pressure"]
