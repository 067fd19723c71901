"""A few moments at which a session or a guard dies, in processes of their own; hundreds by ``tests.guard.kill_runs``."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.guard.kill_runs import DEATHS, run
from tests.guard.moments import Moment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows stops no process by a signal")

#: Driver, what dies, and which of the drawn moments (all of them during a ramp).
SAMPLE = (
    ("arroyo-5300", "session", 1),
    ("arroyo-5300", "freeze", 1),
    ("arroyo-5300", "guard", 1),
    ("qstlab-tcs", "session", 1),
)


def test_wherever_something_dies_the_plate_comes_back_and_the_log_says_so() -> None:
    with ThreadPoolExecutor(len(SAMPLE)) as at_once:
        found = list(at_once.map(lambda case: run(case[0], case[1], case[2], at_once=1), SAMPLE))
    assert [problem for moments in found for moment in moments for problem in moment.problems] == []
    assert [moment.state for moments in found for moment in moments] == ["ramp"] * len(SAMPLE)


@pytest.mark.nightly
@pytest.mark.parametrize("driver", ["arroyo-5300", "medoc-mms", "qstlab-tcs"])
@pytest.mark.parametrize("death", DEATHS)
def test_two_hundred_moments(driver: str, death: str) -> None:
    if death.startswith("guard") and driver != "arroyo-5300":
        pytest.skip("it has no guard: it returns by itself")
    moments: list[Moment] = run(driver, death, 200, at_once=4)
    assert [moment for moment in moments if moment.problems] == []
