"""``qst thresholds``: one table of all attempts."""

import io
from pathlib import Path

import click

from qst.analysis.csv_file import write_csv
from qst.analysis.table import rows
from qst.cli.log_files import PATHS, name_left_out, read
from qst.errors import InputError


@click.command()
@click.argument("paths", type=PATHS, nargs=-1, required=True)
@click.option("--out", type=PATHS, help="CSV file to write; printed when not given.")
@click.option(
    "--mixed", is_flag=True, help="Put simulated and real visits into one table; is_simulated tells them apart."
)
def thresholds(paths: tuple[Path, ...], out: Path | None, mixed: bool) -> int:
    """Make one CSV table of the logs and folders in PATHS: one row an attempt, valid or not.

    Damaged logs are named and left out, and the exit code is 1.
    """
    sorted_logs = read(paths)
    kinds = {log.header.simulated for log in sorted_logs.good if log.header is not None}
    if len(kinds) > 1 and not mixed:
        raise InputError(
            "these are simulated and real visits",
            remedy="name one kind only, or say --mixed to have both in one table",
        )
    text = io.StringIO(newline="")
    count = write_csv((row for log in sorted_logs.good for row in rows(log)), text)
    if out is None:
        click.echo(text.getvalue(), nl=False)
    else:
        _write(out, text.getvalue())
        click.echo(f"{count} rows from {len(sorted_logs.good)} visits in {out}")
    name_left_out(sorted_logs.left_out)
    return 1 if sorted_logs.left_out else 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(
            f"the table cannot be written: {error.strerror}", where=str(path), remedy="choose another file"
        ) from error
