"""How commands take paths, and what they say of the logs that cannot be used."""

from collections.abc import Callable
from pathlib import Path

import click

from qst.analysis.dataset import Dataset, Which, read
from qst.errors import InputError

PATHS = click.Path(path_type=Path)


_Command = Callable[..., int]


def of_kind(command: _Command) -> _Command:
    """Give a command the options that say which kind of visits it takes: ``only`` and ``mixed``."""
    only = click.option(
        "--only",
        type=click.Choice(("real", "simulated")),
        help="Take the visits of this kind, and set the others aside.",
    )
    mixed = click.option(
        "--mixed", is_flag=True, help="Take simulated and real visits together, each marked as what it is."
    )
    return only(mixed(command))


def read_logs(paths: tuple[Path, ...], corrections: Path | None, only: Which | None, *, mixed: bool) -> Dataset:
    """The dataset that a command is about. Simulated and real visits get into one only by an explicit word.

    Args:
        paths: logs, folders and patterns.
        corrections: an overlay file.
        only: the kind to take.
        mixed: take both.

    Raises:
        InputError: nothing was found; there are both kinds, and nobody said what to do; both options were given.
    """
    if only and mixed:
        raise InputError("--only and --mixed contradict each other", remedy="say one of them")
    dataset = read(paths, simulated=only or "both", corrections=corrections)
    if not mixed and len(set(dataset.visits.column("is_simulated"))) > 1:
        raise InputError(
            "these are simulated and real visits",
            did="made nothing of them",
            remedy="say --only real or --only simulated, or --mixed to have both together",
        )
    return dataset


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
    if dataset.set_aside:
        _tell(f"{len(dataset.set_aside)} log(s) of the other kind set aside, as --only says")
    if n_left_out:
        _tell(f"{n_left_out} log(s) left out; 'qst verify' tells more")
    return 1 if dataset.left_out or dataset.unscored else 0


def _tell(text: str) -> None:
    click.echo(text, err=True)
