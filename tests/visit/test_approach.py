"""Before its ramp a plate goes from where it was to its start, and nowhere else; whoever wrote the driver."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from qst.errors import BeyondCutoffError, OffStartError
from qst.instruments import Capabilities, Sample, ThermalRamp
from qst.record import records
from qst.record.reader import read_log
from qst.record.records import Outcome, VisitOutcome
from qst.visit.approach import Approach
from qst.visit.states import Action, TrialState
from qst.visit.trial import LimitsTrial
from qst.visit.watch import RampWatch
from tests.visit.fakes import Visit, capabilities
from tests.visit.plans import COLD, HEAT, planned
from tests.visits.stepped import SteppedVisit, mms_with

THERMODE = capabilities("thermode")
WARM = msgspec.structs.replace(HEAT, start_c=36.0)
SLOPPY = msgspec.structs.replace(THERMODE, stated_overshoot=1.5)


def approach(ramp: ThermalRamp, *values_c: float, can: Capabilities = THERMODE) -> list[type[Exception] | None]:
    watch = Approach(RampWatch(ramp, can))
    found = [watch.see(value_c) for value_c in values_c]
    return [None if fault is None else type(fault) for fault in found]


@pytest.mark.parametrize("first_c", [20.0, 31.0, 32.0, 33.0, 41.0])
def test_anywhere_between_where_it_was_and_its_start_is_on_its_way(first_c: float) -> None:
    low_c, high_c = min(first_c, 32.0), max(first_c, 32.0)
    assert approach(HEAT, first_c, low_c - 1.0, high_c + 1.0, 32.0) == [None] * 4
    assert approach(HEAT, first_c, low_c - 1.01) == [None, OffStartError]
    assert approach(HEAT, first_c, high_c + 1.01) == [None, OffStartError]


def test_a_plate_that_was_stopped_a_moment_ago_goes_to_where_it_rests_first() -> None:
    assert approach(WARM, 36.0, 31.0, 36.0) == [None] * 3
    assert approach(WARM, 36.0, 30.9) == [None, OffStartError]
    assert approach(COLD, 20.0, 33.0, 20.0) == [None] * 3


def test_what_the_device_states_is_allowed_and_no_more() -> None:
    assert approach(HEAT, 32.0, 34.5, 29.5, can=SLOPPY) == [None] * 3
    assert approach(HEAT, 32.0, 34.6, can=SLOPPY) == [None, OffStartError]


def test_the_first_reading_excuses_nothing_beyond_the_cutoff() -> None:
    assert approach(HEAT, 48.4) == [None]
    assert approach(HEAT, 48.6) == [BeyondCutoffError]
    assert approach(COLD, -0.6) == [BeyondCutoffError]


def test_beyond_the_cutoff_is_said_before_anything_else() -> None:
    assert approach(HEAT, 32.0, 49.6) == [None, BeyondCutoffError]


@pytest.mark.parametrize("state", [TrialState.ADAPT, TrialState.SETTLE, TrialState.READY])
def test_a_trial_ends_at_once_in_every_state_before_its_ramp(state: TrialState) -> None:
    trial = LimitsTrial(planned(), 0.0, can=THERMODE)
    first_c = 30.0 if state is TrialState.ADAPT else 32.0
    trial.sample(Sample(0.1, first_c, pressed=False))
    if state is TrialState.READY:
        trial.sample(Sample(10.2, 32.0, pressed=False))
    assert trial.state is state
    # The participant feels it as well; that is no pain at the start that was asked for.
    assert trial.sample(Sample(10.3, 35.0, pressed=True)) == [Action.MAKE_SAFE, Action.RELEASE]
    assert trial.state is TrialState.DONE
    assert trial.outcome is Outcome.DEVICE_FAULT
    assert "QST-441" in trial.invalid_reason


@pytest.mark.parametrize("rate_c_per_s", [0.3, -0.3])
def test_a_plate_that_goes_elsewhere_is_made_safe_within_a_look(rate_c_per_s: float) -> None:
    visit: Any = Visit(planned(attempts_max=1))
    visit.thermode.temperature_c = lambda now_s: 32.0 + rate_c_per_s * now_s
    visit.run()
    (trial,) = visit.trials()
    assert (trial.outcome, trial.valid, trial.ramp_duration_s) == (Outcome.DEVICE_FAULT, False, None)
    assert [fault.code for fault in visit.log.of(records.Fault)] == ["QST-441"]
    away_s = 1.0 / 0.3
    assert away_s < visit.thermode.made_safe_s[0] - trial.t_start_s < away_s + 0.21


# -- another station's programs in the device ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heat", "cold", "heat_cutoff"),
    [
        ("48 °C", "28 °C", "49 °C"),
        ("40 °C", "28 °C", "44 °C"),
        ("30 °C", "28 °C", "44 °C"),
        ("36 °C", "34 °C", "44 °C"),
    ],
)
def test_a_program_with_another_baseline_never_gets_there(
    heat: str, cold: str, heat_cutoff: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    visit = SteppedVisit("medoc-mms", path, 3, switches=mms_with(heat, cold, heat_cutoff))
    surface, world = visit.device.surface, visit.bench.world
    seen_c = []
    while not visit.over:
        visit.advance(0.1)
        world.advance(max(world.now_s, visit.now_s))
        seen_c.append(surface.temperature_c(world.now_s))
    log = read_log(path)
    assert "QST-441" in {record.code for record in log.records if isinstance(record, records.Fault)}
    # Heat begins at 36 and cold at 28 °C; a ramp that was right goes to its cut-off.
    right = 36.0 if heat != "36 °C" else 44.0
    assert max(seen_c) < right + 1.3
    assert log.outcome is VisitOutcome.COMPLETED
    first = log.trials[0 if heat != "36 °C" else -1]
    assert first.outcome is Outcome.DEVICE_FAULT
    assert first.ramp_duration_s is None
