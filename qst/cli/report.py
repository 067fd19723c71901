"""``qst report``: a visit on one HTML page, for the study file."""

from pathlib import Path

import click

from qst.analysis.recorded_summary import verify_visit
from qst.analysis.report import report_html
from qst.cli.log_files import PATHS
from qst.errors import InputError
from qst.record.folders import SUFFIX
from qst.record.verify import Status


@click.command()
@click.argument("log", type=PATHS)
@click.option("--out", type=PATHS, help="Page to write; beside the log, with the suffix .html, when not given.")
def report(log: Path, out: Path | None) -> int:
    """Write the report of LOG: protocol, devices, table, traces, events, and whether the log verifies.

    One page without network, scripts or other files; it prints on A4. Exit code 1 when the log is not intact.
    """
    path = log.with_suffix(".html") if out is None else out
    if path.suffix.lower() == SUFFIX or path.resolve() == log.resolve():
        raise InputError("the report would take a log's place", where=str(path), did="wrote nothing")
    page = report_html(log)
    try:
        path.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"the report cannot be written: {error.strerror}", where=str(path)) from error
    click.echo(f"wrote {path}")
    status = verify_visit(log).status
    if status is not Status.INTACT:
        click.echo(f"the log is {status.value}; the report says more", err=True)
    return 0 if status is Status.INTACT else 1
