"""Whether 200 simulated visits come out where the paper's participants did, and how wrong the software itself is.

Run from the checkout: ``python -m benchmarks.group_means [--station NAME]...``. Every visit runs twice, with the
noise and offsets of the sensors and without; seeds, hence participants, are the same.

The software's own error is ``value_at_response`` in the log against the plate's true temperature when the participant
pressed. It belongs to the visits without noise: what is left is the device's resolution and the age of the last value.
"""

import collections
import math
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import msgspec

from benchmarks.figures import Figure, show, show_machine
from benchmarks.visits import STATIONS, Visit, run_visit, shipped, without_noise
from qst.instruments import Modality
from qst.record.records import Censoring, Outcome, Trial
from qst.station import LoadedStation
from qst_simulators.participant import Experience
from qst_simulators.profile import load_profile

#: Baseline group means of Younger & Mackey 2009 (Pain Medicine 10:663), in the unit that the study reports.
PAPER = {Modality.PRESSURE: 1.02, Modality.HEAT: 37.9, Modality.COLD: 17.7}
PLANNED = {Modality.PRESSURE: 18, Modality.HEAT: 3, Modality.COLD: 3}
WITHIN_STANDARD_ERRORS = 2.0
#: What the software may add to the device's resolution, °C.
OWN_ERROR_C = 0.01
RESOLUTION_C = {"default": 0.01, "paper": 0.01, "tcs": 0.1}
KPA_PER_KGF_CM2 = 98.0665


class Spread(msgspec.Struct, frozen=True):
    """Mean of values and its standard error."""

    n: int
    mean: float
    standard_error: float

    def away(self, expected: float) -> float:
        """How many standard errors the mean lies from ``expected``."""
        return (self.mean - expected) / self.standard_error if self.standard_error else math.inf


class Own(msgspec.Struct, frozen=True):
    """One trial whose value can be held against the truth. ``error`` in °C or kPa."""

    seed: int
    modality: Modality
    error: float


def spread(values: Sequence[float]) -> Spread:
    """Mean and standard error of at least two values."""
    return Spread(len(values), statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values)))


def counting(visit: Visit) -> list[Trial]:
    """Trials of the visit that count: the last attempt at each, practice left out."""
    last = {trial.sequence_index: trial for trial in visit.result.trials if not trial.is_practice}
    return list(last.values())


def is_whole(visit: Visit) -> bool:
    """Whether it gave 18 + 3 + 3 valid trials, the censored ones included."""
    valid = collections.Counter(trial.modality for trial in counting(visit) if trial.valid)
    return all(valid[modality] == planned for modality, planned in PLANNED.items())


def censored(visit: Visit) -> list[Trial]:
    """Trials that count but have no number: a cut-off reached, or pain before the ramp. They go into no mean."""
    return [trial for trial in counting(visit) if trial.valid and trial.censoring is not Censoring.NONE]


def summary_values(visits: Iterable[Visit], modality: Modality) -> list[float]:
    """The visits' summary values of one modality, in the study's unit; visits that have none are left out."""
    scores = [score for visit in visits for score in visit.result.summary if score.modality is modality]
    return [score.mean_display for score in scores if score.mean_display is not None]


def own_errors(seed: int, trials: Sequence[Trial], truth: Sequence[Experience]) -> list[Own]:
    """Recorded minus true value at the press, of every attempt that ended with a press during its ramp."""
    real = {experience.placement.key: experience.value_at_press for experience in truth}
    return [
        Own(seed, trial.modality, trial.value_at_response - true)
        for trial in trials
        if trial.outcome is Outcome.RESPONSE
        and trial.valid
        and trial.value_at_response is not None
        and (true := real.get(f"{trial.step_id}/{trial.attempt}")) is not None
    ]


def run_all(station: LoadedStation, seeds: range, label: str) -> list[Visit]:
    """A visit with each participant, logs thrown away afterwards."""
    profile = load_profile("fibromyalgia")
    with tempfile.TemporaryDirectory() as name, click.progressbar(seeds, label=label) as bar:
        return [run_visit(station, seed, profile, Path(name)) for seed in bar]


def show_means(visits: Sequence[Visit]) -> None:
    """Means over participants against the paper's, in standard errors."""
    for modality, expected in PAPER.items():
        found = spread(summary_values(visits, modality))
        unit = "kg/cm²" if modality is Modality.PRESSURE else "°C"
        mean = f"mean {found.mean:.3f} {unit}, standard error {found.standard_error:.3f}"
        print(f"  {modality.value:<8} n = {found.n}  {mean}, paper {expected:g}")
        away = abs(found.away(expected))
        show(Figure(f"  {modality.value}: distance from the paper", away, "SE", at_most=WITHIN_STANDARD_ERRORS))


def show_validity(visits: Sequence[Visit]) -> None:
    """How visits and trials ended."""
    trials = [trial for visit in visits for trial in visit.result.trials]
    ended = collections.Counter(f"{visit.result.outcome.value} {visit.result.reason}".strip() for visit in visits)
    print(f"  visits: {_counts(ended)}")
    whole = sum(map(is_whole, visits))
    show(Figure("  visits with 18 + 3 + 3 valid trials", whole, "visits", at_least=len(visits)))
    for seed, visit in enumerate(visits):
        if not is_whole(visit):
            lacking = [f"{trial.step_id}: {trial.invalid_reason}" for trial in counting(visit) if not trial.valid]
            print(f"    seed {seed}: {'; '.join(lacking) or 'trials were not done'}")
    measured = [seed for seed, visit in enumerate(visits) if is_whole(visit) and not censored(visit)]
    show(Figure("  of them with no trial censored", len(measured), "visits"))
    print(f"    seeds with censored trials: {sorted(set(range(len(visits))) - set(measured))}")
    for modality in PLANNED:
        mine = [trial for trial in trials if trial.modality is modality and not trial.is_practice]
        outcomes = collections.Counter(trial.outcome.value for trial in mine)
        print(f"  {modality.value}: {len(mine)} attempts ({_counts(outcomes)})")
    reasons = collections.Counter(trial.invalid_reason for trial in trials if trial.invalid_reason)
    print(f"  invalid attempts, practice included: {_counts(reasons) or 'none'}")


def show_own_errors(station: str, visits: Sequence[Visit], *, limited: bool) -> None:
    """The software's error at the press."""
    errors = [own for seed, visit in enumerate(visits) for own in own_errors(seed, visit.result.trials, visit.truth)]
    limit_c = OWN_ERROR_C + RESOLUTION_C[station] if limited else None
    for modality in PLANNED:
        mine = [own for own in errors if own.modality is modality]
        if not mine:
            print(f"  {modality.value}: the operator reads the gauge, no value at the press")
            continue
        worst = max(mine, key=lambda own: abs(own.error))
        thermal = modality is not Modality.PRESSURE
        unit, of = ("°C", 1.0) if thermal else ("kg/cm²", KPA_PER_KGF_CM2)
        name = f"  {modality.value}: error at the press, {len(mine)} trials"
        largest = abs(worst.error) / of
        show(Figure(f"{name}, largest (seed {worst.seed})", largest, unit, at_most=limit_c if thermal else None))
        show(Figure(f"{name}, mean of amounts", statistics.fmean([abs(own.error) for own in mine]) / of, unit))
        show(Figure(f"{name}, mean", statistics.fmean([own.error for own in mine]) / of, unit))


def _counts(counter: collections.Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counter.items()))


@click.command()
@click.option("--station", "stations", multiple=True, type=click.Choice(STATIONS), help="One or more; all if absent.")
@click.option("--seeds", default=200, show_default=True, help="How many participants.")
def main(stations: tuple[str, ...], seeds: int) -> None:
    """Run and print."""
    show_machine()
    for name in stations or STATIONS:
        noisy = run_all(shipped(name), range(seeds), f"{name}, with noise")
        print(f"{name}, with the noise and offsets of its sensors")
        show_validity(noisy)
        show_means(noisy)
        show_own_errors(name, noisy, limited=False)
        exact = run_all(without_noise(shipped(name)), range(seeds), f"{name}, without noise")
        print(f"{name}, without")
        show_validity(exact)
        show_means(exact)
        show_own_errors(name, exact, limited=True)


if __name__ == "__main__":
    main()
