"""Every fault × every driver × every moment ends in a recorded outcome and a safe device."""

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from qst_simulators.faults import Fault
from tests.faults.matrix import (
    BUTTON,
    CAUSES,
    DECLARED,
    NOT_APPLICABLE,
    REFUSED,
    WHERE,
    Cell,
    cells,
    found,
    outcome_of,
    results,
)
from tests.faults.run import GAUGES, THERMODES, run, station_bench
from tests.faults.table import table, written

CELLS = tuple(cells())
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
#: Another rhythm of polling moves the times a little; that alone needs no new table.
_MOVES_S, _MOVES = 0.5, 0.1


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
def test_no_hang_no_wrong_number_and_a_safe_device(cell: Cell) -> None:
    what = results()[cell]
    declared = DECLARED.get((cell.fault, cell.driver, cell.moment))
    assert what.problems == (() if declared is None else (declared,))
    assert declared is None or "lift the thermode off the skin now" in " ".join(what.remedies)


def test_the_table_is_the_matrix() -> None:
    """``python -m tests.faults.table`` writes it anew."""
    for row, made in zip(written().splitlines(), table().splitlines(), strict=True):
        assert _NUMBER.sub("#", row) == _NUMBER.sub("#", made)
        numbers, new = ([float(number) for number in _NUMBER.findall(text)] for text in (row, made))
        assert numbers == pytest.approx(new, abs=_MOVES_S, rel=_MOVES)


@pytest.mark.parametrize(("fault", "driver"), CAUSES)
def test_each_cause_has_its_own_code(fault: Fault, driver: str) -> None:
    moment, variant = ("idle", "held now") if fault is Fault.STUCK_BUTTON else ("ramp", "")
    assert results()[Cell(fault, driver, moment, variant)].codes[:1] == (CAUSES[fault, driver],)


def test_every_fault_meets_every_driver_that_can_have_it() -> None:
    met = {(cell.fault, cell.driver) for cell in CELLS}
    for driver in (*THERMODES, *GAUGES):
        role = "thermode" if driver in THERMODES else "algometer"
        possible = station_bench(driver).device(role).faults_possible
        assert {fault for fault, who in met if who == driver} == possible


@pytest.mark.parametrize("driver", [*THERMODES, *GAUGES])
def test_every_fault_is_met_or_said_not_to_apply(driver: str) -> None:
    bench = station_bench(driver)
    device = bench.device("thermode" if driver in THERMODES else "algometer")
    for fault in Fault:
        assert (driver in WHERE.get(fault, {})) != (driver in NOT_APPLICABLE.get(fault, {})), fault
    refused = {fault for fault, drivers in NOT_APPLICABLE.items() if driver in drivers}
    assert refused == set(Fault) - device.faults_possible


def test_no_wire_has_a_checksum() -> None:
    """Else there would be something to try."""
    drivers = {entry.name: entry.load() for entry in entry_points(group="qst.drivers")}
    for driver in (*THERMODES, *GAUGES):
        assert not drivers[driver].CAPABILITIES.checksums


def test_where_nothing_goes_wrong_nothing_is_noticed(tmp_path: Path) -> None:
    for driver in (*THERMODES, *GAUGES):
        visit = run(tmp_path / f"{driver}.jsonl", driver, [])
        assert [trial.valid for trial in visit.trials] == [True]
        assert not visit.faults
        assert not visit.noticed


def test_what_is_not_noticed_during_the_stimulus_is_harmless_and_known() -> None:
    unnoticed = {(c.fault, c.driver) for c, what in results().items() if c.moment == "ramp" and what.after_s is None}
    lasting = {(fault, driver) for fault, driver in unnoticed if Cell(fault, driver, "ramp", "once") not in results()}
    assert lasting - {(fault, driver) for fault in BUTTON for driver in (*THERMODES, *GAUGES)} == {
        *(
            (fault, driver) for fault in REFUSED for driver in ("qstlab-tcs", "arroyo-5300", "mark10")
        ),  # the port is open
        (Fault.JUMPING_SENSOR, "arroyo-5300"),  # a reading beside the way is left out
        (Fault.JUMPING_SENSOR, "jtech-commander"),  # only the operator sees the display
        *((Fault.OVERSHOOT, driver) for driver in ("medoc-mms", "qstlab-tcs")),  # 0.4 °C
        *((Fault.BATTERY_LOW, driver) for driver in ("qstlab-tcs", "mark10")),  # refused before the next ramp
        (Fault.UNIT_KEY, "mark10"),  # set back at once
    }


def test_the_same_fault_gives_the_same_log(tmp_path: Path) -> None:
    fault = {"name": "garbage", "when": "ramp", "after_s": 2.0}
    logs = []
    for number in range(2):
        run(tmp_path / f"{number}.jsonl", "qstlab-tcs", [fault])
        logs.append((tmp_path / f"{number}.jsonl").read_bytes())
    assert logs[0] == logs[1]


POSSIBLE = sorted({(cell.fault, cell.driver) for cell in CELLS})


@given(
    which=st.sampled_from(POSSIBLE),
    moment=st.sampled_from(["adapt", "settle", "ramp", "return"]),
    after_s=st.floats(0.0, 20.0),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(which=(Fault.STUCK_SENSOR, "medoc-mms"), moment="ramp", after_s=16.0, seed=5)
@example(which=(Fault.STUCK_SENSOR, "qstlab-tcs"), moment="ramp", after_s=17.0, seed=5)
@example(which=(Fault.JUMPING_SENSOR, "mark10"), moment="ramp", after_s=0.55, seed=5)
def test_any_fault_at_any_time_to_any_participant(
    tmp_path: Path, which: tuple[Fault, str], moment: str, after_s: float, seed: int
) -> None:
    fault, driver = which
    path = tmp_path / "log.jsonl"
    path.unlink(missing_ok=True)
    visit = run(path, driver, [{"name": fault.value, "when": moment, "after_s": after_s}], seed=seed)
    declared = DECLARED.get((fault, driver, "ramp"))  # wherever it strikes, the plate goes on to where it was sent
    problems = found(Cell(fault, driver, moment), visit).problems
    assert [problem for problem in problems if declared is None or not problem.startswith("the plate is left")] == []


def test_a_cell_is_judged_afresh_each_time() -> None:
    cell = Cell(Fault.SILENCE, "mark10", "ramp")
    assert outcome_of(cell) == results()[cell]
