"""``qst plot``: pictures of visits."""

from pathlib import Path

import click

from qst.analysis.dataset import Which
from qst.analysis.plots import KINDS
from qst.analysis.plots import plot as draw
from qst.cli.log_files import PATHS, of_kind, read_logs, tell_of


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("paths", type=PATHS, nargs=-1, required=True)
@click.option("--out", type=PATHS, required=True, help="Picture to write: .png, .svg or .pdf.")
@click.option("--corrections", type=PATHS, help="An analyst's overlay file, as 'qst correct' writes it.")
@of_kind
def plot(
    kind: str, paths: tuple[Path, ...], out: Path, corrections: Path | None, only: Which | None, mixed: bool
) -> int:
    """Draw the visits in PATHS, logs or folders.

    \b
    traces    every attempt of a visit: samples, commanded ramp, response, cut-off
    bodymap   pressure thresholds of a visit, front and back
    rates     achieved pressure rates of a visit against the protocol's band
    visits    the thresholds of a participant over visits

    Several pictures are the pages of a PDF, or files of their own, named after participant and visit.
    """  # noqa: D301 - click wants the character itself: it keeps the lines below it apart
    dataset = read_logs(paths, corrections, only, mixed=mixed)
    code = tell_of(dataset)
    for path in draw(dataset, kind, out):
        click.echo(f"wrote {path}")
    return code
