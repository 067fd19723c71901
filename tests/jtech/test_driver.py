"""What the driver of an operator-read gauge can do: pace, and check what was typed in."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.ceilings import PRESSURE_CEILING_KPA
from qst.clock import VirtualClock
from qst.errors import NotReadyError, RefusedError, StationFileError
from qst.instruments import NeedsSetup, OperatorRead, PressureRamp, Reading
from qst.units import parse
from qst_drivers.jtech_commander import JtechCommander
from qst_drivers.links.sim import SimLink
from qst_simulators.jtech_commander import SimulatedJtechCommander
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "jtech.json").read_text(encoding="utf-8"))
DIGIT_KPA = 0.1 * 4.4482216152605 * 10


def make(**settings: Any) -> JtechCommander:
    world, clock = World(1), VirtualClock()
    console = SimulatedJtechCommander(world, {}, Surroundings(ButtonLine(world)))
    return JtechCommander(SimLink(console, clock, "sim://jtech-commander"), {"tip_area": "1 cm²", **settings}, clock)


def prepared(rate_kpa_per_s: float = 98.0665, **settings: Any) -> JtechCommander:
    driver = make(**settings)
    driver.prepare(PressureRamp(rate_kpa_per_s=rate_kpa_per_s, cutoff_kpa=588.0))
    return driver


@pytest.mark.parametrize("vector", VECTORS["entries"], ids=lambda v: f"{v['text']} on {v['tip_area']}")
def test_worked_entries(vector: dict[str, Any]) -> None:
    driver = prepared(tip_area=vector["tip_area"])
    verdict = driver.check_entry(vector["text"], 3.3)
    assert verdict.raw_text == vector["text"]
    if "refused" in vector:
        assert verdict.value_kpa is None
        assert vector["refused"] in verdict.problem
        return
    assert verdict.value_kpa is not None
    assert round(verdict.value_kpa, 1) == vector["kpa"]
    assert round(verdict.value_kpa / 98.0665, 2) == vector["kgf_per_cm2"]
    assert round(verdict.value_kpa * driver.tip_area_cm2 / 10, 2) == vector["newton"]
    assert verdict.warnings == ()


@pytest.mark.parametrize("vector", VECTORS["displays"], ids=lambda v: v["rate"])
def test_what_the_display_should_show(vector: dict[str, Any]) -> None:
    driver = prepared(parse(vector["rate"], "pressure_rate"), tip_area=vector["tip_area"])
    seconds = range(1, len(vector["each_second"]) + 1)
    assert [driver.expected_display(second) for second in seconds] == vector["each_second"]
    assert driver.expected_display(0.0) == "0.0 lbf"


@pytest.mark.parametrize("text", ["7.1lbf", " 7.1 lb ", "7,1 LBS", "07.1 lbF", "7.10"])
def test_ways_of_typing_the_same(text: str) -> None:
    assert prepared().check_entry(text, 3.0).value_kpa == pytest.approx(315.82, abs=0.01)


@pytest.mark.parametrize(
    "text", ["", "abc", "-7.1", "7.1.1", "1e1", "nan", "7.", ".5", "7.1 kg", "7.1 N", "7 1", "0", "0.0", "٧"]
)
def test_what_is_refused(text: str) -> None:
    verdict = prepared().check_entry(text, 3.0)
    assert verdict.value_kpa is None
    assert verdict.problem


@pytest.mark.parametrize(
    ("elapsed_s", "warns"),
    [(3.2, False), (1.62, False), (6.4, False), (1.6, True), (6.5, True), (0.0, True), (-1.0, True)],
)
def test_a_rate_outside_half_to_twice_the_target_must_be_confirmed(elapsed_s: float, *, warns: bool) -> None:
    verdict = prepared().check_entry("7.1", elapsed_s)
    assert verdict.value_kpa is not None
    assert bool(verdict.warnings) is warns


@pytest.mark.parametrize(
    ("earlier", "warns"),
    [
        ((), False),
        ((100.0, 101.0), False),
        ((100.0, 110.0, 120.0), True),
        ((250.0, 330.0, 350.0), False),
        ((315.8, 315.8, 315.8), False),
        ((300.0, 300.0, 300.0), True),
    ],
)
def test_an_unlikely_repetition_must_be_confirmed(earlier: tuple[float, ...], *, warns: bool) -> None:
    verdict = prepared().check_entry("7.1", 3.2, earlier)
    assert any("standard deviations" in warning for warning in verdict.warnings) is warns


def test_the_end_of_the_range_must_be_confirmed() -> None:
    verdict = prepared().check_entry("25.0", 11.0)
    assert any("range" in warning for warning in verdict.warnings)


@given(st.integers(1, 250), st.sampled_from([".", ","]))
def test_every_value_of_the_grid_is_accepted_exactly(tenths: int, point: str) -> None:
    verdict = prepared().check_entry(f"{tenths // 10}{point}{tenths % 10}", 1.0)
    assert verdict.value_kpa == pytest.approx(tenths * DIGIT_KPA, rel=1e-12)


@given(st.text(max_size=30))
def test_any_text_gets_a_verdict(text: str) -> None:
    verdict = prepared().check_entry(text, 1.0)
    assert (verdict.value_kpa is None) == bool(verdict.problem)


def test_other_units_and_grids() -> None:
    driver = prepared(unit="kgf", range="11 kgf", resolution="0.05 kgf")
    assert driver.expected_display(1.02) == "1.00 kgf"
    assert driver.check_entry("3.15 kg", 3.0).value_kpa == pytest.approx(3.15 * 98.0665)
    assert driver.check_entry("3.12", 3.0).value_kpa is None
    assert driver.check_entry("11.05", 3.0).value_kpa is None


def test_it_is_an_algometer_that_shows_nothing_to_software() -> None:
    driver = make(serial="A1", calibration_date="1999-12-31")
    identity = driver.connect()
    assert (identity.model, identity.serial) == ("JTECH Commander", "A1")
    assert "1999-12-31" in identity.detail
    with pytest.raises(NotReadyError):
        driver.begin()
    with pytest.raises(NotReadyError):
        driver.check_entry("7.1", 3.0)
    with pytest.raises(NotReadyError):
        driver.expected_display(1.0)
    driver.prepare(PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=588.0))
    driver.tare()
    driver.begin()
    assert driver.poll() == ()
    assert driver.peak_kpa() is None
    for end in (driver.stop, driver.make_safe, driver.close, driver.make_safe):
        end()
    assert isinstance(driver, OperatorRead)
    assert not isinstance(driver, NeedsSetup)


def test_capabilities() -> None:
    capabilities = JtechCommander.CAPABILITIES
    assert capabilities.reading is Reading.OPERATOR
    assert capabilities.resolution == pytest.approx(DIGIT_KPA)
    assert capabilities.unverified
    assert make(tip_area="0.5 cm²").capabilities.resolution == pytest.approx(2 * DIGIT_KPA)


def test_a_cutoff_beyond_the_range_is_refused() -> None:
    with pytest.raises(RefusedError, match="cut-off"):
        make(range="10 lbf").prepare(PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=588.0))


def test_no_range_lifts_the_suites_ceiling() -> None:
    wide = make(range="100 lbf")
    assert wide.capabilities.value_max == pytest.approx(PRESSURE_CEILING_KPA)
    wide.check(PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=PRESSURE_CEILING_KPA))
    with pytest.raises(RefusedError, match="above the ceiling of 1079 kPa"):
        wide.check(PressureRamp(rate_kpa_per_s=98.0, cutoff_kpa=1100.0))


@pytest.mark.parametrize(
    ("settings", "says"), [({"unit": "stone"}, "unit"), ({"range": "25 kPa"}, "range"), ({"tips": "1"}, "tips")]
)
def test_station_settings_are_checked(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(StationFileError, match=says):
        make(**settings)
