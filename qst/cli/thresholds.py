"""``qst thresholds``: one table for the analyst, printed or written for another program."""

from pathlib import Path

import click

from qst.analysis.dataset import Dataset, Which
from qst.analysis.export import FORMATS, TABLES, export
from qst.analysis.export.cells import check
from qst.analysis.export.csv_format import lines
from qst.cli.log_files import PATHS, of_kind, read_logs, tell_of
from qst.errors import InputError


@click.command()
@click.argument("paths", type=PATHS, nargs=-1, required=True)
@click.option("--out", type=PATHS, help="File to write, or folder for redcap and bids; CSV is printed when not given.")
@click.option("--format", "format_name", type=click.Choice(tuple(FORMATS)), help="Format; the ending of --out says it.")
@click.option(
    "--table",
    type=click.Choice(TABLES),
    default="trials",
    show_default=True,
    help="One row an attempt, one a score, or one a visit.",
)
@click.option("--corrections", type=PATHS, help="An analyst's overlay file; see 'qst correct'.")
@of_kind
def thresholds(
    paths: tuple[Path, ...],
    out: Path | None,
    format_name: str | None,
    table: str,
    corrections: Path | None,
    only: Which | None,
    mixed: bool,
) -> int:
    """Make one table of the logs and folders in PATHS, for another program.

    The default table has one row an attempt, valid or not. Formats by the ending of --out: .csv, .parquet, .sav (SPSS),
    .xlsx (Excel); with --format, a new folder for redcap or bids. Beside each stands a data dictionary.

    What cannot be used is named and left out, visits without thresholds are named, and the exit code is 1 for both.
    """
    dataset = read_logs(paths, corrections, only, mixed=mixed)
    if out is None:
        _print(dataset, format_name, table)
    else:
        for path in export(dataset, out, format_name, table=table):
            click.echo(f"wrote {path}")
        click.echo(f"{len(getattr(dataset, table))} rows from {len(dataset.visits)} visits")
    return tell_of(dataset)


def _print(dataset: Dataset, format_name: str | None, table: str) -> None:
    if format_name not in (None, "csv"):
        raise InputError(f"only CSV can be printed, not {format_name}", remedy="say with --out where to write it")
    chosen = getattr(dataset, table)
    check(chosen)
    for line in lines(chosen):
        click.echo(line.encode("utf-8"), nl=False)  # as text, the line's CR LF would become CR CR LF on Windows
