import math
import statistics
from pathlib import Path

import msgspec
import pytest

from qst.errors import InputError
from qst.units import KPA_PER_KGF_CM2
from qst_simulators.profile import (
    SIGNAL_DELAY_S,
    AnchorKind,
    LogNormal,
    Reading,
    load_profile,
    parse_profile,
    shipped_profiles,
)

FIBROMYALGIA = load_profile("fibromyalgia")


def test_shipped_profiles_load() -> None:
    assert shipped_profiles() == ["fibromyalgia", "healthy"]
    for name in shipped_profiles():
        assert load_profile(name).name == name


def test_anchors_are_the_papers_means() -> None:
    modalities = FIBROMYALGIA.modalities
    assert modalities.pressure.anchor == pytest.approx(1.02 * KPA_PER_KGF_CM2)
    assert modalities.pressure.anchor_rate == pytest.approx(KPA_PER_KGF_CM2)
    assert (modalities.heat.anchor, modalities.cold.anchor) == (37.9, 17.7)
    assert FIBROMYALGIA.anchor is AnchorKind.MEASURED


def test_every_number_of_a_shipped_profile_has_a_comment() -> None:
    for name in shipped_profiles():
        lines = load_profile(name).text.splitlines()
        bare = [
            line
            for line in lines
            if any(c.isdigit() for c in line) and "#" not in line and not line.startswith(("name:", "title:"))
        ]
        # The two tables are explained by the comment above them.
        assert all("site_multipliers" in line or "{median" in line for line in bare), bare


def test_log_normal_mean() -> None:
    quantity = LogNormal(0.45, 0.25)
    normal = statistics.NormalDist()
    steps = 4000
    mean = sum(quantity.at(normal.inv_cdf((i + 0.5) / steps)) for i in range(steps)) / steps
    assert quantity.mean == pytest.approx(mean, rel=1e-4)


def test_site_multipliers_have_mean_one_and_unlisted_sites_are_average() -> None:
    pressure = FIBROMYALGIA.modalities.pressure
    assert statistics.fmean(pressure.multiplier(site) for site in pressure.site_multipliers) == pytest.approx(1.0)
    assert pressure.multiplier("THUMB") == 1.0
    assert pressure.multiplier("RB2") < pressure.multiplier("OCC") < pressure.multiplier("GLU")


def test_latent_anchor_ignores_reaction_time() -> None:
    latent = msgspec.structs.replace(FIBROMYALGIA, anchor=AnchorKind.LATENT)
    pressure = FIBROMYALGIA.modalities.pressure
    median = latent.median_excursion("pressure")
    expected = median * pressure.log_normal_mean * (1 + pressure.first_trial_bias)
    assert expected == pytest.approx(pressure.anchor)


def test_a_gauge_that_keeps_its_peak_lowers_the_latent_threshold_by_the_release_delay() -> None:
    pressure, hand = FIBROMYALGIA.modalities.pressure, FIBROMYALGIA.hand
    at_response = FIBROMYALGIA.median_excursion("pressure", Reading.AT_RESPONSE)
    peak = FIBROMYALGIA.median_excursion("pressure", Reading.PEAK)
    lower = (at_response - peak) * pressure.log_normal_mean * (1 + pressure.first_trial_bias)
    keeps = 1 - FIBROMYALGIA.lapses.anticipatory * FIBROMYALGIA.lapses.anticipation / 2
    assert lower * keeps == pytest.approx(pressure.anchor_rate * (SIGNAL_DELAY_S + hand.release_delay_s.mean))
    assert FIBROMYALGIA.median_excursion("heat", Reading.PEAK) == FIBROMYALGIA.median_excursion("heat")


def test_loads_from_a_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(FIBROMYALGIA.text.replace("name: fibromyalgia", "name: mine"), encoding="utf-8")
    assert load_profile(file).name == "mine"
    assert load_profile(str(file)).text.startswith("# Simulated")


def broken(old: str, new: str) -> str:
    assert old in FIBROMYALGIA.text
    return FIBROMYALGIA.text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("", "x.yaml", "empty"),
        ("- a\n", "x.yaml", "not a mapping"),
        ("a: [1\n", "x.yaml, line", "not valid YAML"),
        ("a:\n\tb: 1\n", "x.yaml, line 2", "not valid YAML"),
        ("a: 1\na: 2\n", "x.yaml, line 2", "not valid YAML"),
        ("a: !!python/object:os.system x\n", "x.yaml, line 1", "not valid YAML"),
        (broken("anchor: 37.9 °C ", "anchor: 37.9 "), "modalities.heat.anchor", "no unit"),
        (broken("anchor: 37.9 °C ", "anchor: 37.9 kPa "), "modalities.heat.anchor", "pressure"),
        (broken("anchor_rate: 1 kg/cm²/s", "anchor_rate: 1 kg/cm²"), "modalities.pressure.anchor_rate", "per time"),
        (broken("anchor: 1.02 kg/cm²", "anchor: 0.3 kg/cm²"), "x.yaml", "less than what reaction time"),
        (broken("  late: 0.012", "  late: 1.2"), "x.yaml", "lapses.late"),
        (broken("  late: 0.012", "  late: 0.999"), "x.yaml", "more than 1"),
        (broken("  late: 0.012", "  later: 0.012"), "x.yaml", "later"),
        (broken("  bump_s: 0.1", "  bump_s: .nan"), "x.yaml", ""),
        (broken("first_trial_bias: 0.05", "first_trial_bias: .inf"), "x.yaml", ""),
        (broken("strongest_n: 120.0", "strongest_n: .inf"), "x.yaml, hand, strongest_n", "not finite"),
        (broken("    other:", "    others:"), "x.yaml", "'other'"),
        (broken("anchor_repeats: 3", "anchor_repeats: 0"), "x.yaml", "anchor_repeats"),
        (broken("modalities:", "modality:"), "x.yaml", "modality"),
    ],
)
def test_a_wrong_profile_says_where_and_what_to_do(text: str, where: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_profile(text, where="x.yaml")
    assert caught.value.where.startswith("x.yaml")
    assert where in caught.value.where
    assert what in caught.value.what
    assert caught.value.remedy


def test_files_that_cannot_be_profiles(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: °".encode("latin-1"))
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"#" * 1_000_001)
    cases = {"nobody": "no participant profile", str(tmp_path / "none.yaml"): "cannot be read", str(latin): "UTF-8"}
    cases |= {str(huge): "too long", str(tmp_path): "cannot be read"}
    for name, what in cases.items():
        with pytest.raises(InputError, match=what) as caught:
            load_profile(name)
        assert caught.value.remedy


def test_unknown_modality() -> None:
    with pytest.raises(ValueError, match="vibration"):
        FIBROMYALGIA.modality("vibration")


def test_cold_pain_at_baseline_is_rare_but_happens() -> None:
    cold = FIBROMYALGIA.modalities.cold
    median = FIBROMYALGIA.median_excursion("cold")
    sigma = math.hypot(cold.person_sigma_log, cold.visit_sigma_log)
    share = statistics.NormalDist(math.log(median), sigma).cdf(math.log(cold.exposure_change(3)))
    assert 0.005 < share < 0.06
