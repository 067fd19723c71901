"""docs/faults.md says what the matrix found, and nothing else."""

from qst.visit.trial import DOUBT_S
from qst.visit.way_back import GOES_ON_C
from qst_drivers.arroyo_5300 import watch
from qst_drivers.ramp_path import BEHIND_S, DEVIATION_C, DEVIATION_SHARE
from qst_simulators.faults import Fault, Moment
from tests.faults.matrix import SHARE, TOLERANCE
from tests.faults.table import PAGE


def test_every_fault_and_moment_is_named() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in (*Fault, *Moment) if f"`{name.value}`" not in text] == []


def test_the_stated_tolerances_are_those_of_the_matrix() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    for driver, tolerance in TOLERANCE.items():
        unit = "kPa" if driver in ("mark10", "jtech-commander") else "°C"
        assert f"`{driver}` {tolerance:g} {unit}" in text
    for phrase in (f"{SHARE:.0%}", f"{DEVIATION_C:g} °C and {DEVIATION_SHARE:.0%}", f"{BEHIND_S:g} s behind"):
        assert phrase in text
    for phrase in (
        f"{watch.AHEAD_C:g} °C ahead of a set-point",
        f"{watch.SLACK_C:g} °C and {watch.LAG_S:g} s of its rate behind it, both for {watch.PATIENCE_S:g} s",
        f"within {watch.STILL_C:g} °C",
        f"at least {watch.STILL_S:g} s; {watch.LAG_S:g} s longer",
        f"{watch.FULL_POWER_S:g} s are enough",
    ):
        assert phrase in text
    assert f"within {DOUBT_S:g} s of the press" in text
    assert f"{GOES_ON_C:g} °C further after" in text
