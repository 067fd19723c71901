"""How commands take paths, and how those logs are named that cannot be used."""

from pathlib import Path

import click

PATHS = click.Path(path_type=Path)


def name_left_out(left_out: list[tuple[str, str]]) -> None:
    """Say on standard error what was left out, and why."""
    for path, why in left_out:
        click.echo(f"left out: {path}: {why}", err=True)
    if left_out:
        click.echo(f"{len(left_out)} log(s) left out; 'qst verify' tells more", err=True)
