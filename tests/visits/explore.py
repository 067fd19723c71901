"""Random visits, as many as one likes: ``python -m tests.visits.explore --visits 10000``.

Each visit is a walk of its own seed: what the operator, the participant and bad luck do next is drawn anew after each
moment. A visit that breaks a rule is printed with its seed and its steps; the same seed walks the same way again.
"""

import random
import tempfile
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import click

from qst.abort import AbortCause
from qst.clock import performance_seconds
from qst.visit.operator import Choice, NoteTaken, PauseAsked, RestSkipped
from qst_simulators.faults import Fault
from tests.visits.stepped import THERMODES, SteppedVisit

STOPS = tuple(AbortCause)
JUDGEMENTS = (Choice.ACCEPT, Choice.REPEAT, Choice.SKIP, Choice.END)
#: Moments between two acts, s.
MOMENTS_S = (0.01, 0.1, 0.3, 1.0, 2.5, 6.0, 15.0)
#: No visit is broken in more than so many ways at once.
MOST_FAULTS = 2


class Walked(NamedTuple):
    """What came of a walk."""

    steps: list[str]
    problem: str
    outcomes: list[str]


def possible_faults(visit: SteppedVisit) -> list[Fault]:
    """What can go wrong with this device, its wire and its button, in an order that is always the same."""
    return sorted(visit.device.faults_possible)


class Walk:
    """One random visit.

    Args:
        visit: just begun.
        chance: decides.
        faults: what may break; everything that can, when it is not said.
    """

    def __init__(self, visit: SteppedVisit, chance: random.Random, faults: Collection[Fault] | None = None) -> None:
        self._visit, self._chance = visit, chance
        self._faults = [each for each in possible_faults(visit) if faults is None or each in faults]
        self.steps: list[str] = []
        self._acts: tuple[tuple[int, Callable[[], str]], ...] = (
            (12, self._wait),
            (2, self._stop),
            (1, self._pause),
            (2, self._press),
            (2, self._break),
            (2, self._judge),
            (1, self._talk),
        )

    def run(self) -> None:
        """Walk to the end. Raises AssertionError when a rule is broken, and whatever the visit raises."""
        chance, visit = self._chance, self._visit
        weights = [weight for weight, _ in self._acts]
        for _ in range(chance.randint(3, 25)):
            if visit.may_resume and chance.random() < 0.5:
                self.steps.append("resume")
                visit.resume()
            if visit.over:
                break
            (_, act) = chance.choices(self._acts, weights)[0]
            self.steps.append(f"{visit.now_s:.2f} {act()}")
        visit.finish()

    def _wait(self) -> str:
        seconds = self._chance.choice(MOMENTS_S)
        self._visit.advance(seconds)
        return f"wait {seconds:g}"

    def _stop(self) -> str:
        cause = self._chance.choice(STOPS)
        self._visit.stop(cause)
        return cause.value

    def _pause(self) -> str:
        self._visit.operator.said.append(PauseAsked())
        return "pause"

    def _press(self) -> str:
        for_s = self._chance.choice((0.02, 0.3, 5.0))
        self._visit.press(for_s)
        return f"press {for_s:g}"

    def _break(self) -> str:
        if len(self._visit.injected) >= MOST_FAULTS or not self._faults:
            return "nothing more breaks"
        fault = self._chance.choice(self._faults)
        self._visit.inject(fault)
        return fault.value

    def _judge(self) -> str:
        self._visit.operator.wanted = choice = self._chance.choice(JUDGEMENTS)
        return choice.value

    def _talk(self) -> str:
        said = self._chance.choice((RestSkipped(reason="in a hurry"), NoteTaken(text="a remark")))
        self._visit.operator.said.append(said)
        return type(said).__name__


def walk(
    driver: str,
    seed: int,
    folder: Path,
    *,
    switches: str = "{}",
    faults: Collection[Fault] | None = None,
    reaction_c: float = 0.0,
) -> Walked:
    """One random visit from its beginning to its end. ``reaction_c``: see :class:`PlateTruth`."""
    path = folder / f"{driver}-{seed}.jsonl"
    visit = SteppedVisit(driver, path, seed, switches=switches, reaction_c=reaction_c)
    walker = Walk(visit, random.Random(f"{driver}/{seed}"), faults)
    problem = ""
    try:
        walker.run()
    except (AssertionError, Exception) as wrong:  # noqa: BLE001 - whatever it is, it is a finding
        problem = f"{type(wrong).__name__}: {wrong}"
    finally:
        path.unlink(missing_ok=True)
    outcomes = [trial.outcome.value for result in visit.results[-1:] for trial in result.trials]
    return Walked(walker.steps, problem, outcomes)


@click.command()
@click.option("--visits", default=10_000, show_default=True, help="Visits a thermode.")
@click.option("--thermode", "drivers", type=click.Choice(THERMODES), multiple=True, help="Only this one.")
@click.option("--first", default=0, show_default=True, help="First seed.")
def main(visits: int, drivers: tuple[str, ...], first: int) -> None:
    """Explore, print what was found; exit code 1 when a rule was broken."""
    broken = 0
    for driver in drivers or THERMODES:
        begin_s, outcomes = performance_seconds(), Counter[str]()
        with tempfile.TemporaryDirectory() as folder:
            for seed in range(first, first + visits):
                walked = walk(driver, seed, Path(folder))
                outcomes.update(walked.outcomes)
                if walked.problem:
                    broken += 1
                    click.echo(f"{driver} {seed}: {walked.problem}\n    {' | '.join(walked.steps)}")
        seconds = performance_seconds() - begin_s
        click.echo(f"{driver}: {visits} visits in {seconds:.0f} s; {dict(sorted(outcomes.items()))}")
    click.echo(f"{broken} broke a rule")
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    main()
