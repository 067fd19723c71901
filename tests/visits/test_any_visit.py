"""Whatever anybody does, and whatever breaks, at whatever moment: the plate goes no further than it may.

In every visit here: the true temperature of the plate never goes beyond the protocol's cut-off by more than the device's
stated overshoot; after a stop it never goes further away from rest; every attempt ends in a recorded outcome; the log
verifies; the visit comes to its end. ``python -m tests.visits.explore`` walks through as many visits as one likes.
"""

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from qst.abort import AbortCause
from qst.record import records
from qst.record.reader import read_log
from qst.visit.operator import NoteTaken, PauseAsked, RestSkipped
from qst.visit.periods import IDLE_PERIOD_S
from qst.visit.watch import OFF_C
from qst_simulators.faults import Fault
from tests.visits.explore import JUDGEMENTS, MOMENTS_S, MOST_FAULTS, Walk, possible_faults, walk
from tests.visits.stepped import THERMODES, SteppedVisit, mms_with

#: Visits of one thermode in a plain run of the tests, and at night.
SAMPLED, NIGHTLY = 25, 10_000
STEPS = 12


class AnyVisit(RuleBasedStateMachine):
    """A visit whose operator, participant and bad luck are Hypothesis's."""

    driver = ""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._visit: SteppedVisit | None = None

    @property
    def visit(self) -> SteppedVisit:
        assert self._visit is not None
        return self._visit

    @property
    def running(self) -> bool:
        return self._visit is not None and not self._visit.over

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        self._visit = SteppedVisit(self.driver, Path(self._folder.name) / "log.jsonl", seed)

    @precondition(lambda self: self.running)
    @rule(seconds=st.sampled_from(MOMENTS_S))
    def wait(self, seconds: float) -> None:
        self.visit.advance(seconds)

    @precondition(lambda self: self.running)
    @rule(cause=st.sampled_from(AbortCause), then_s=st.sampled_from(MOMENTS_S))
    def stop(self, cause: AbortCause, then_s: float) -> None:
        self.visit.stop(cause)
        self.visit.advance(then_s)

    @precondition(lambda self: self.running)
    @rule()
    def pause(self) -> None:
        self.visit.operator.said.append(PauseAsked())

    @precondition(lambda self: self.running)
    @rule(choice=st.sampled_from(JUDGEMENTS))
    def judge(self, choice: Any) -> None:
        self.visit.operator.wanted = choice

    @precondition(lambda self: self.running)
    @rule(said=st.sampled_from((RestSkipped(reason="in a hurry"), NoteTaken(text="a remark"))))
    def say(self, said: RestSkipped | NoteTaken) -> None:
        self.visit.operator.said.append(said)

    @precondition(lambda self: self.running)
    @rule(for_s=st.sampled_from((0.02, 0.3, 5.0)), then_s=st.sampled_from(MOMENTS_S))
    def press(self, for_s: float, then_s: float) -> None:
        self.visit.press(for_s)
        self.visit.advance(then_s)

    @precondition(lambda self: self.running and len(self.visit.injected) < MOST_FAULTS)
    @rule(fault=st.sampled_from(Fault), then_s=st.sampled_from(MOMENTS_S))
    def break_something(self, fault: Fault, then_s: float) -> None:
        if fault in possible_faults(self.visit):
            self.visit.inject(fault)
            self.visit.advance(then_s)

    @precondition(lambda self: self._visit is not None and self.visit.over)
    @rule()
    def look_at_what_is_left(self) -> None:
        """The bench stands there for a while after the visit: the plate is at rest, or goes there."""
        self.visit.let_stand(10.0)

    @precondition(lambda self: self._visit is not None and self.visit.may_resume)
    @rule()
    def resume(self) -> None:
        self.visit.resume()

    def teardown(self) -> None:
        try:
            if self._visit is not None:
                self._visit.finish()
        finally:
            self._folder.cleanup()


@pytest.mark.parametrize("driver", THERMODES)
def test_any_visit(driver: str) -> None:
    machine = type("AnyVisitWith", (AnyVisit,), {"driver": driver})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=SAMPLED,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("driver", THERMODES)
def test_the_same_seed_walks_the_same_way(driver: str, tmp_path: Path) -> None:
    """So a finding can be looked at again."""
    first, second = (walk(driver, 11, tmp_path) for _ in range(2))
    assert first == second
    assert first.problem == ""


@pytest.mark.parametrize("driver", THERMODES)
def test_where_nothing_breaks_no_reading_is_a_fault(driver: str, tmp_path: Path) -> None:
    """Whatever people do: also a plate that is still on its way home when the next attempt begins (29, 78, 79)."""
    codes = set()
    for seed in (*range(4), 29, 78, 79):
        path = tmp_path / f"{seed}.jsonl"
        Walk(SteppedVisit(driver, path, seed), random.Random(f"{driver}/{seed}"), faults=()).run()
        codes |= {record.code for record in read_log(path).records if isinstance(record, records.Fault)}
    assert codes <= {"QST-437"}  # the button, which somebody holds down


@pytest.mark.parametrize(
    ("heat", "cold"), [("40 °C", "28 °C"), ("30 °C", "28 °C"), ("36 °C", "34 °C"), ("36 °C", "24 °C")]
)
def test_any_visit_whose_device_holds_another_stations_programs(heat: str, cold: str, tmp_path: Path) -> None:
    """The plate goes as far off its way as the visit's watch lets it, and as it gets until the next look.

    Nothing breaks besides: a sensor that also drifts hides as much of the way as it is wrong.
    """
    off_c = OFF_C + 1.6 * 2 * IDLE_PERIOD_S
    for seed in range(4):
        walked = walk("medoc-mms", seed, tmp_path, switches=mms_with(heat, cold), faults=(), reaction_c=off_c)
        assert walked.problem == "", (seed, walked.steps)


@pytest.mark.parametrize("rising", [True, False])
@pytest.mark.parametrize("driver", THERMODES)
def test_a_plate_on_the_wrong_side_of_its_start_is_seen(driver: str, tmp_path: Path, *, rising: bool) -> None:
    """The proof that these visits would find it: the plate itself is driven, behind the device's back."""
    visit = SteppedVisit(driver, tmp_path / "a.jsonl", 3)
    while visit.truth.ramp is None or visit.truth.ramp.rising is not rising:
        visit.advance(0.2)
    visit.bench.world.advance(visit.now_s)
    visit.device.surface.drive(*((22.0, 50.0) if rising else (60.0, 50.0)))
    visit.bench.world.advance(visit.now_s + 3.0)
    assert any("on the other side of its start" in problem for problem in visit.problems)


@pytest.mark.nightly
@pytest.mark.parametrize("driver", THERMODES)
def test_ten_thousand_random_visits(driver: str, tmp_path: Path) -> None:
    first = random.SystemRandom().randrange(10**9)  # other ones every night; a finding names its seed
    found = {}
    for seed in range(first, first + NIGHTLY):
        walked = walk(driver, seed, tmp_path)
        if walked.problem:
            found[seed] = (walked.problem, walked.steps)
    assert found == {}
