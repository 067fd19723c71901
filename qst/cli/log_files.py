"""Which files are meant by paths on the command line, and how those are named that cannot be used."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from qst.errors import InputError

PATHS = click.Path(path_type=Path)


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """The logs that files and folders stand for, each folder's in alphabetical order."""
    for path in paths:
        if not path.is_dir():
            # Shells of Windows hand patterns over as they are.
            yield from sorted(path.parent.glob(path.name)) if "*" in path.name and not path.exists() else [path]
            continue
        inside = sorted(path.rglob("*.jsonl"))
        if not inside:
            raise InputError("there is no visit log in this folder", where=str(path), remedy="logs end in .jsonl")
        yield from inside


def name_left_out(left_out: list[tuple[str, str]]) -> None:
    """Say on standard error what was left out, and why."""
    for path, why in left_out:
        click.echo(f"left out: {path}: {why}", err=True)
    if left_out:
        click.echo(f"{len(left_out)} log(s) left out; 'qst verify' tells more", err=True)
