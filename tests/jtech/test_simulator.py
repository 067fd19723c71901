"""The simulated console: repetitions, maximum, review, memory."""

from typing import Any

import pytest

from qst_simulators.jtech_commander import MEMORY, SimulatedJtechCommander
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World
from tests.mark10.force import LinearForce

EXACT = {"noise": False, "cell_errors": False}
LBF = 4.4482216152605


class Bench:
    def __init__(self, *, seed: int = 1, exact: bool = True, **settings: Any) -> None:
        self.world = World(seed)
        self.force = LinearForce()
        self.console = SimulatedJtechCommander(
            self.world, {**(EXACT if exact else {}), **settings}, Surroundings(ButtonLine(self.world), self.force)
        )

    def press(self, top_lbf: float) -> str:
        """A whole press, then read the maximum."""
        now_s = self.world.now_s
        self.force.points = [(now_s, 0.0), (now_s + 3.0, top_lbf * LBF), (now_s + 3.2, 0.0)]
        self.world.advance(now_s + 4.0)
        return self.console.read_maximum()


def test_live_force_in_test_and_maximum_in_review() -> None:
    bench = Bench()
    bench.force.points = [(0.0, 0.0), (4.0, 8.8 * LBF), (4.1, 0.0)]
    bench.world.advance(2.0)
    assert bench.console.display() == "TEST 01 R REP 1\nLBS 4.4"
    assert bench.console.read_maximum() == ""  # the press goes on
    bench.world.advance(5.0)
    assert bench.console.display() == "TEST 01 L REP 1\nLBS 0.0"
    bench.console.press_review()
    assert bench.console.display() == "REVIEW 01 R REP 1\nLBS 8.8"
    assert bench.console.read_maximum() == "8.8"
    assert bench.console.read_maximum() == "8.8"  # may be read again


@pytest.mark.parametrize(("lbf", "shown"), [(7.14, "7.1"), (7.15, "7.2"), (0.96, "1.0"), (30.0, "25.0")])
def test_shown_in_tenths_and_never_beyond_the_range(lbf: float, shown: str) -> None:
    assert Bench().press(lbf + 1e-9) == shown


def test_a_touch_below_the_threshold_is_no_repetition() -> None:
    bench = Bench()
    assert bench.press(0.4) == ""
    bench.console.press_review()
    assert bench.console.display() == "NO DATA"


def test_sides_one_after_the_other_or_in_turn() -> None:
    straight, turns = Bench(repetitions=2), Bench(repetitions=2)
    turns.console.press_test_alt()
    for bench in (straight, turns):
        assert [bench.press(lbf) for lbf in (1.0, 2.0, 3.0, 4.0)] == ["1.0", "2.0", "3.0", "4.0"]
    assert straight.console.tests[1].maxima == {"R": [10, 20], "L": [30, 40]}
    assert turns.console.tests[1].maxima == {"R": [10, 30], "L": [20, 40]}
    assert straight.console.number == 2


def test_review_walks_through_repetitions_variation_and_deficit() -> None:
    bench = Bench(repetitions=2)
    for lbf in (4.0, 6.0, 10.0, 10.0):
        bench.press(lbf)
    bench.console.press_review()
    assert bench.console.display() == "REVIEW 01 L REP 2\nLBS 10.0"  # the last repetition comes first
    while bench.console.display() != "REVIEW 01 R REP 1\nLBS 4.0":
        bench.console.press_review()
    screens = []
    for _ in range(7):
        screens.append(bench.console.display().splitlines()[-1])
        bench.console.press_review()
    assert screens == ["LBS 4.0", "LBS 6.0", "CV 28.3", "LBS 10.0", "LBS 10.0", "CV 0.0", "%DEF 50.0"]


def test_next_goes_to_tests_with_data_and_clear_deletes_a_whole_test() -> None:
    bench = Bench()
    for lbf in (1.0, 2.0, 3.0, 4.0):
        bench.press(lbf)
    bench.console.press_review()
    assert bench.console.display().startswith("REVIEW 02 L")
    bench.console.press_next()
    assert bench.console.display().startswith("REVIEW 01 R")
    bench.console.press_clear()
    assert sorted(bench.console.tests) == [2]
    assert bench.console.display() == "NO DATA"
    bench.console.press_next()
    assert bench.console.display().startswith("REVIEW 02 R")
    bench.console.press_clear()
    assert bench.console.read_maximum() == ""


def test_next_while_testing_takes_the_next_number() -> None:
    bench = Bench()
    bench.press(1.0)
    bench.console.press_next()
    bench.press(2.0)
    assert bench.console.tests[1].maxima == {"R": [10], "L": []}
    assert bench.console.tests[2].maxima == {"R": [20], "L": []}


def test_forty_tests_fill_the_memory_and_nothing_old_is_shown_as_new() -> None:
    bench = Bench()
    for press in range(2 * MEMORY):
        assert bench.press(1.0 + press / 10) == f"{1.0 + press / 10:.1f}"
    assert len(bench.console.tests) == MEMORY
    assert bench.console.display() == "MEMORY FULL"
    assert bench.press(20.0) == ""
    assert all(200 not in side for test in bench.console.tests.values() for side in test.maxima.values())


def test_presses_are_found_however_rarely_one_looks() -> None:
    often, rarely = Bench(repetitions=5), Bench(repetitions=5)
    for bench in (often, rarely):
        bench.force.points = [(0, 0.0), (1, 20.0), (1.5, 0.0), (3, 0.0), (4, 30.0), (4.5, 0.0), (9, 0.0)]
    for step in range(900):
        often.world.advance(step / 100)
        often.console.display()
    rarely.world.advance(9.0)
    rarely.console.display()
    assert often.console.tests[1].maxima == rarely.console.tests[1].maxima == {"R": [45, 67], "L": []}


def test_it_never_says_a_byte() -> None:
    console = Bench().console
    console.connect(0.0)
    console.receive(b"?\r\n", 1.0)
    assert console.transmit(2.0) == b""
    assert console.next_transmit_s() is None
    assert console.hung_up(3.0) is False
    console.disconnect(4.0)


def test_errors_are_seeded() -> None:
    def run(seed: int) -> list[str]:
        bench = Bench(seed=seed, exact=False)
        return [bench.press(10.0 + step * 0.013) for step in range(30)]

    assert run(1) == run(1)
    assert run(1) != run(2)
    assert all(9.7 <= float(shown) <= 10.7 for shown in run(1))


@pytest.mark.parametrize("settings", [{"repetitions": 0}, {"threshold_lbf": 0}, {"range_lbf": -1}])
def test_impossible_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Bench(**settings)
