"""``qst report``: a visit on one HTML page, for the study file."""

from pathlib import Path
from typing import Final

import click

from qst.analysis.export.staging import refuse_occupied, staging
from qst.analysis.recorded_summary import verify_visit
from qst.analysis.report import report_html
from qst.cli.log_files import PATHS
from qst.errors import InputError
from qst.record.folders import SUFFIX
from qst.record.verify import Status

#: What the page may be called. A file of another kind would be replaced by it, and a report by the next one only.
_PAGES: Final = (".html", ".htm")


@click.command()
@click.argument("log", type=PATHS)
@click.option("--out", type=PATHS, help="Page to write, .html or .htm; beside the log when not given.")
def report(log: Path, out: Path | None) -> int:
    """Write the report of LOG: protocol, devices, table, traces, events, and whether the log verifies.

    One page without network, scripts or other files; it prints on A4. Exit code 1 when the log is not intact.
    """
    path = log.with_suffix(".html") if out is None else out
    if path.suffix.lower() == SUFFIX or path.resolve() == log.resolve():
        raise InputError("the report would take a log's place", where=str(path), did="wrote nothing")
    if path.suffix.lower() not in _PAGES:
        remedy = f"let the name end in {' or '.join(_PAGES)}"
        raise InputError("the report is an HTML page", where=str(path), did="wrote nothing", remedy=remedy)
    refuse_occupied(path, is_folder=False)
    page = report_html(log)
    with staging(path) as stage:
        stage.file(path.name).write_text(page, encoding="utf-8", newline="\n")
        stage.place()
    click.echo(f"wrote {path}")
    status = verify_visit(log).status
    if status is not Status.INTACT:
        click.echo(f"the log is {status.value}; the report says more", err=True)
    return 0 if status is Status.INTACT else 1
