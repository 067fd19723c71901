"""``qst verify``, ``qst summary``, ``qst thresholds``: what stands in visit logs."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from qst.analysis.csv_file import write_csv
from qst.analysis.summary import VisitSummary, summarise
from qst.analysis.table import rows
from qst.cli.live import mean_text
from qst.cli.output import wide_console
from qst.errors import InputError
from qst.protocol.loader import load_bytes
from qst.protocol.planner import make_plan
from qst.record.reader import read_log
from qst.record.records import Score
from qst.record.verify import Status, VerifyReport, verify_log
from qst.record.visit_log import VisitLog

_PATHS = click.Path(path_type=Path)


@click.command()
@click.argument("logs", type=_PATHS, nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(logs: tuple[Path, ...], as_json: bool) -> int:
    """Check that visit LOGS are whole and unedited. A folder stands for the logs in it.

    Exit code 1 when a log is damaged, torn, or has no end.
    """
    reports = [verify_log(path) for path in _files(logs)]
    if as_json:
        click.echo(msgspec.json.encode(reports))
    else:
        for report in reports:
            _print_verdict(report)
    return 0 if all(report.status is Status.INTACT for report in reports) else 1


def _print_verdict(report: VerifyReport) -> None:
    what = "not a visit log"
    if report.n_lines:
        what = f"visit {report.outcome.value}, {report.n_trials} results in {report.n_lines} lines"
    click.echo(f"{report.status.value:<12} {report.path}   {what}")
    for finding in report.findings:
        click.echo(f"    line {finding.line}: {finding.what}. {finding.means}")


@click.command()
@click.argument("paths", type=_PATHS, nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def summary(paths: tuple[Path, ...], as_json: bool) -> int:
    """Print the summary values of the visits in PATHS, logs or folders. Damaged logs are named and left out."""
    sorted_logs = _read(paths)
    summaries = [(log, made) for log in sorted_logs.good if (made := _summary(log)) is not None]
    if as_json:
        visits = [{"log": log.name, **msgspec.to_builtins(made)} for log, made in summaries]
        click.echo(msgspec.json.encode({"visits": visits, "left_out": sorted_logs.left_out}))
    else:
        wide_console().print(_summary_table(summaries))
        _name_left_out(sorted_logs.left_out)
    return 1 if sorted_logs.left_out else 0


def _summary(log: VisitLog) -> VisitSummary | None:
    """The summary, scored again by the log's own protocol: also for a visit that did not end."""
    if log.header is None:
        return None
    loaded = load_bytes(log.header.protocol_text.encode("utf-8"), f"{log.name} (protocol)")
    return summarise(log, make_plan(loaded, log.header.seed))


def _summary_table(summaries: list[tuple[VisitLog, VisitSummary]]) -> Table:
    columns = ("kind", "began (UTC)", "ended", "value", "mean", "valid", "censored")
    table = Table(Column("log", overflow="fold"), *columns, box=SIMPLE_HEAD)
    for log, visit in summaries:
        kind = "simulated" if visit.simulated else "real"
        # The calendar of virtual time always begins on the same day; that is no date.
        virtual = log.header is not None and log.header.clock == "virtual"
        began = "virtual time" if virtual else visit.started_utc[:16].replace("T", " ")
        first = (log.name.removesuffix(".jsonl"), kind, began, visit.outcome.value)
        for number, score in enumerate(visit.scores):
            table.add_row(*(first if number == 0 else ("", "", "", "")), *_score_cells(score))
        if not visit.scores:
            table.add_row(*first, "", "", "", "")
    return table


def _score_cells(score: Score) -> tuple[str, str, str, str]:
    return score.id, mean_text(score) or "—", f"{score.n_valid} of {score.n_planned}", str(score.n_censored)


@click.command()
@click.argument("paths", type=_PATHS, nargs=-1, required=True)
@click.option("--out", type=_PATHS, help="CSV file to write; printed when not given.")
@click.option(
    "--mixed", is_flag=True, help="Put simulated and real visits into one table; is_simulated tells them apart."
)
def thresholds(paths: tuple[Path, ...], out: Path | None, mixed: bool) -> int:
    """Make one CSV table of the logs and folders in PATHS: one row an attempt, valid or not.

    Damaged logs are named and left out, and the exit code is 1.
    """
    sorted_logs = _read(paths)
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
    _name_left_out(sorted_logs.left_out)
    return 1 if sorted_logs.left_out else 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(
            f"the table cannot be written: {error.strerror}", where=str(path), remedy="choose another file"
        ) from error


# -- files --------------------------------------------------------------------------------------------------------


class _Sorted(NamedTuple):
    """Logs that can be used, and (file, why not) of the others."""

    good: list[VisitLog]
    left_out: list[tuple[str, str]]


def _read(paths: Iterable[Path]) -> _Sorted:
    good, left_out = [], []
    for path in _files(paths):
        log = read_log(path)
        if log.damage or log.header is None:
            left_out.append((str(path), log.damage[0].what if log.damage else "it has no whole header"))
        else:
            good.append(log)
    return _Sorted(good, left_out)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
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


def _name_left_out(left_out: list[tuple[str, str]]) -> None:
    for path, why in left_out:
        click.echo(f"left out: {path}: {why}", err=True)
    if left_out:
        click.echo(f"{len(left_out)} log(s) left out; 'qst verify' tells more", err=True)
