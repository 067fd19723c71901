"""Which files are meant by paths on the command line, and which of them can be used."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

from qst.errors import InputError
from qst.record.reader import read_log
from qst.record.visit_log import VisitLog

PATHS = click.Path(path_type=Path)


class Sorted(NamedTuple):
    """Logs that can be used, and (file, why not) of the others."""

    good: list[VisitLog]
    left_out: list[tuple[str, str]]


def read(paths: Iterable[Path]) -> Sorted:
    """Read the logs that ``paths`` stand for, and tell apart those that can be used."""
    good, left_out = [], []
    for path in files(paths):
        log = read_log(path)
        if log.damage or log.header is None:
            left_out.append((str(path), log.damage[0].what if log.damage else "it has no whole header"))
        else:
            good.append(log)
    return Sorted(good, left_out)


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
