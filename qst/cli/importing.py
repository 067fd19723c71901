"""``qst template``, ``qst import-csv``, ``qst import-mms``: thresholds that were not recorded by the suite."""

from collections.abc import Iterable
from pathlib import Path

import click
from rich.box import SIMPLE_HEAD
from rich.table import Table

from qst.analysis.export.loose import FILE_FORMATS, export_folder, export_table
from qst.analysis.importing.against_plan import Checked, check_against
from qst.analysis.importing.handwritten import field_help, read_handwritten, table_of
from qst.analysis.importing.handwritten import template as made_template
from qst.analysis.importing.mms_tables import tables_of
from qst.analysis.importing.mms_workbook import MmsWorkbook, read_mms_workbook
from qst.cli.log_files import PATHS
from qst.cli.output import wide_console
from qst.errors import InputError
from qst.protocol.loader import load_protocol
from qst.protocol.plan import Plan, PlannedTrial
from qst.protocol.planner import make_plan
from qst.record.records import Score
from qst.sites import SITES
from qst.units import format_display

_ANY_SEED = 0  # decides the order of trials, which nobody asks a handwritten sheet about


@click.command()
@click.option("--protocol", help="A shipped protocol's name, or a file: one line for each of its trials.")
@click.option("--out", type=PATHS, required=True, help="CSV file to write; the help for its columns goes beside it.")
def template(protocol: str | None, out: Path) -> int:
    """Write the CSV template for thresholds that are read off a display and written down by hand.

    Fill it in with a spreadsheet program and save it as CSV (UTF-8); 'qst import-csv' checks every line. A file that
    exists is never replaced: it may hold somebody's values.
    """
    text = made_template(None if protocol is None else _plan(protocol))
    described = "".join(f"{name}: {what}\n" for name, what in field_help().items())
    beside = out.with_name(f"{out.stem}-columns.txt")
    for path in (out, beside):
        if path.exists():
            raise InputError("this is already there", where=str(path), did="wrote nothing", remedy="name a new file")
    try:
        # The mark in front makes spreadsheet programs read ° and ² rightly.
        out.write_text(text, encoding="utf-8-sig", newline="")
        beside.write_text(described, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"the template cannot be written: {error.strerror}", where=str(out)) from error
    click.echo(f"wrote {out}")
    click.echo(f"wrote {beside}")
    return 0


@click.command("import-csv")
@click.argument("file", type=PATHS)
@click.option("--out", type=PATHS, required=True, help="Table to write: .csv, .parquet, .sav (SPSS) or .xlsx (Excel).")
@click.option("--protocol", help="The protocol they were taken by: says which trials are missing, and the scores.")
def import_csv(file: Path, out: Path, protocol: str | None) -> int:
    """Make a table of trials, as of 'qst thresholds', of FILE: a filled-in template.

    With a problem in any line nothing is written, every problem is named with its line, and the exit code is 2.
    """
    plan = None if protocol is None else _plan(protocol)
    _refuse_same(file, out)
    imported = read_handwritten(file)
    for warning in imported.warnings:
        click.echo(f"warning: {warning}", err=True)
    if imported.problems:
        for problem in imported.problems:
            click.echo(f"problem: {problem}", err=True)
        click.echo(f"{len(imported.problems)} problem(s) in {file}; nothing was written", err=True)
        return 2
    remarks = [
        f"imported from {imported.source} (SHA-256 {imported.sha256}): a person vouches for these values, nothing else",
        *(f"warning: {warning}" for warning in imported.warnings),
    ]
    for path in export_table(table_of(imported), out, remarks=remarks):
        click.echo(f"wrote {path}")
    click.echo(f"{len(imported.rows)} rows")
    if plan is not None:
        _print_checked(plan, check_against(plan, imported.rows))
    return 0


@click.command("import-mms")
@click.argument("file", type=PATHS)
@click.option("--out", type=PATHS, required=True, help="New folder for the three tables.")
@click.option("--format", "format_name", type=click.Choice(FILE_FORMATS), default="csv", show_default=True)
def import_mms(file: Path, out: Path, format_name: str) -> int:
    """Make tables of FILE, a result workbook (.xlsx) of Medoc Main Station: results, excursions, samples.

    Medoc does not publish the workbook's columns. Everything that is guessed is printed, and stands in the folder's
    README.txt and in every data dictionary.
    """
    book = read_mms_workbook(file)
    remarks = [
        f"imported from {book.source} (SHA-256 {book.sha256})",
        *(f"uncertain: {guess}" for guess in book.uncertain),
    ]
    tables = tables_of(book)
    export_folder(tables, out, format_name, remarks=remarks, readme=_readme(book))
    click.echo(f"wrote {out}")
    for table in tables:
        click.echo(f"  {table.name}: {len(table)} rows. {table.label}")
    for guess in book.uncertain:
        click.echo(f"uncertain: {guess}")
    return 0


def _readme(book: MmsWorkbook) -> str:
    guesses = "".join(f"- {guess}\n" for guess in book.uncertain)
    return (
        f"Read from {book.source} (SHA-256 {book.sha256}), a result workbook of Medoc Main Station.\n\n"
        f"Medoc does not publish the columns of these workbooks. What is uncertain about these tables:\n\n{guesses}\n"
        "Beside each table stands its data dictionary. Compare a few values with the program's own screen before use.\n"
    )


def _plan(protocol: str) -> Plan:
    return make_plan(load_protocol(protocol), _ANY_SEED)


def _refuse_same(file: Path, out: Path) -> None:
    if file.resolve() == out.resolve():
        raise InputError("the table would take the place of what it is made of", where=str(out), did="wrote nothing")


def _print_checked(plan: Plan, visits: Iterable[Checked]) -> None:
    columns = ("participant", "visit", "value", "mean", "valid", "censored", "missing")
    table = Table(*columns, box=SIMPLE_HEAD, title=f"Scores by {plan.protocol_id} {plan.protocol_version}")
    remarks = []
    for one in visits:
        for number, score in enumerate(one.scores):
            first = (one.participant_id, str(one.visit)) if number == 0 else ("", "")
            table.add_row(*first, *_score_cells(score))
        remarks += _remarks(one)
    wide_console().print(table)
    for remark in remarks:
        click.echo(remark)


def _score_cells(score: Score) -> tuple[str, str, str, str, str]:
    mean = "no value" if score.mean_display is None else format_display(score.mean_display, score.display_unit)
    n_missing = score.n_planned - score.n_valid - score.n_censored
    return score.id, mean, f"{score.n_valid} of {score.n_planned}", str(score.n_censored), str(n_missing)


def _remarks(one: Checked) -> list[str]:
    whose = f"{one.participant_id}, visit {one.visit}"
    remarks = []
    if one.missing:
        remarks.append(f"{whose}: no valid line for {len(one.missing)}: {', '.join(map(_trial_name, one.missing))}")
    remarks += [f"{whose}: line {row.line} is about no trial of the protocol; it is in no score" for row in one.extra]
    return remarks


def _trial_name(trial: PlannedTrial) -> str:
    place = SITES[trial.site_code].label(trial.side)
    return f"{trial.modality.value} {place}" + (f" no. {trial.repeat_index}" if trial.repeat_index > 1 else "")
