"""How fast a whole simulated visit runs with its log on, and how long the command line takes from the shell.

Run from the checkout: ``python -m benchmarks.visit_speed``.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from benchmarks.figures import Figure, seconds, show, show_machine, undisturbed
from benchmarks.visits import PROTOCOL, STATIONS, Visit, run_visit, shipped
from qst_simulators.profile import load_profile

#: Budgets of the design.
LEAST_SPEED = 5000.0
MOST_HELP_S = 0.15
MOST_VISIT_S = 1.0


def visits(station: str, seeds: range, folder: Path) -> list[Visit]:
    """The same station with one participant after another; the first one, which imports everything, is not counted."""
    profile, loaded = load_profile("fibromyalgia"), shipped(station)
    run_visit(loaded, seeds.stop, profile, folder)
    done = []
    for seed in seeds:
        with undisturbed():
            done.append(run_visit(loaded, seed, profile, folder))
    return done


def show_visits(station: str, done: list[Visit]) -> None:
    """Median and worst speed."""
    speeds = [visit.virtual_s / visit.wall_s for visit in done]
    median, worst = statistics.median(speeds), min(speeds)
    show(Figure(f"{station}: visit, virtual s / wall s, median", median, "x", at_least=LEAST_SPEED))
    show(Figure(f"{station}: visit, virtual s / wall s, slowest", worst, "x", at_least=LEAST_SPEED))
    show(Figure(f"{station}: wall time of a visit, median", statistics.median([v.wall_s for v in done]), "s"))
    show(Figure(f"{station}: virtual time of a visit, median", statistics.median([v.virtual_s for v in done]), "s"))
    setup_s = statistics.median([visit.setup_wall_s for visit in done])
    show(Figure(f"{station}: protocol, plan and header before it, median", setup_s, "s"))


def shell(*arguments: str, times: int) -> list[float]:
    """Wall times of ``qst`` with these arguments, each in a new process, s."""
    qst = str(Path(sys.executable).with_name("qst"))
    return [seconds(lambda: subprocess.run([qst, *arguments], check=True, capture_output=True)) for _ in range(times)]


@click.command()
@click.option("--seeds", default=10, show_default=True, help="Visits a station.")
@click.option("--help-runs", default=15, show_default=True, help="Runs of 'qst --help'.")
@click.option("--visit-runs", default=7, show_default=True, help="Runs of the visit from the shell.")
def main(seeds: int, help_runs: int, visit_runs: int) -> None:
    """Measure and print."""
    show_machine()
    with tempfile.TemporaryDirectory() as name:
        for station in STATIONS:
            show_visits(station, visits(station, range(seeds), Path(name)))
        help_s = shell("--help", times=help_runs)
        show(Figure("shell: qst --help, median", statistics.median(help_s), "s", at_most=MOST_HELP_S))
        run = ("run", PROTOCOL, "--simulate", "--data", name)
        visit_s = shell(*run, times=visit_runs)
        show(
            Figure(
                "shell: qst run fibromyalgia-visit --simulate, median",
                statistics.median(visit_s),
                "s",
                at_most=MOST_VISIT_S,
            )
        )
    python_s = statistics.median(
        [seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)) for _ in range(help_runs)]
    )
    show(Figure("shell: the interpreter alone, median", python_s, "s"))


if __name__ == "__main__":
    main()
