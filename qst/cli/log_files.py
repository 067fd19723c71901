"""How commands take paths, and what they say of the logs that cannot be used."""

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


def tell_of(dataset: Dataset) -> int:
    """Say on standard error what a person should know of a dataset besides its tables.

    Returns:
        The exit code: 1 when something was left out, or has no thresholds.
    """
    for paths in dataset.doubled:
        _tell(
            f"the same study, participant, visit and protocol: {', '.join(paths)}; "
            "was the visit begun anew, or do two people have one pseudonym?"
        )
    for text in dataset.passed_over:
        _tell(text)
    for one in dataset.unscored:
        _tell(f"not scored: {one.path}: {one.text}")
    in_tables = set(dataset.visits.column("log_file"))  # of a torn log, what is whole
    n_left_out = sum(one.path not in in_tables for one in dataset.left_out)
    for one in dataset.left_out:
        _tell(f"{'in part' if one.path in in_tables else 'left out'}: {one.path}: {one.text}")
    if dataset.unscored:
        _tell(f"{len(dataset.unscored)} visit(s) not scored: they have trials and no thresholds")
    if n_left_out:
        _tell(f"{n_left_out} log(s) left out; 'qst verify' tells more")
    return 1 if dataset.left_out or dataset.unscored else 0


def _tell(text: str) -> None:
    click.echo(text, err=True)
