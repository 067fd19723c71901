"""How commands take paths, and how those logs are named that cannot be used."""

from pathlib import Path

import click

from qst.analysis.dataset import Dataset
from qst.errors import InputError

PATHS = click.Path(path_type=Path)


def refuse_mixture(dataset: Dataset) -> None:
    """Simulated and real visits get into one file or picture only by an explicit word.

    Raises:
        InputError: there are both.
    """
    if len(set(dataset.visits.column("is_simulated"))) > 1:
        raise InputError(
            "these are simulated and real visits",
            remedy="name one kind only, or say --mixed to have both together",
        )


def name_doubled(dataset: Dataset) -> None:
    """Say on standard error which logs claim to be one visit of one participant."""
    for paths in dataset.doubled:
        click.echo(
            f"the same study, participant, visit and protocol: {', '.join(paths)}; "
            "was the visit begun anew, or do two people have one pseudonym?",
            err=True,
        )


def name_passed_over(dataset: Dataset) -> None:
    """Say on standard error which corrections were not applied, because their visits are in no table."""
    for text in dataset.passed_over:
        click.echo(text, err=True)


def name_left_out(left_out: list[tuple[str, str]]) -> None:
    """Say on standard error what was left out, and why."""
    for path, why in left_out:
        click.echo(f"left out: {path}: {why}", err=True)
    if left_out:
        click.echo(f"{len(left_out)} log(s) left out; 'qst verify' tells more", err=True)
