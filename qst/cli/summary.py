"""``qst summary``: the summary values of visits."""

from pathlib import Path

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from qst.analysis.summary import VisitSummary, summarise
from qst.cli.live import mean_text
from qst.cli.log_files import PATHS, name_left_out, read
from qst.cli.output import wide_console
from qst.protocol.loader import load_bytes
from qst.protocol.planner import make_plan
from qst.record.records import Score
from qst.record.visit_log import VisitLog


@click.command()
@click.argument("paths", type=PATHS, nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def summary(paths: tuple[Path, ...], as_json: bool) -> int:
    """Print the summary values of the visits in PATHS, logs or folders. Damaged logs are named and left out."""
    sorted_logs = read(paths)
    summaries = [(log, made) for log in sorted_logs.good if (made := _summary(log)) is not None]
    if as_json:
        visits = [{"log": log.name, **msgspec.to_builtins(made)} for log, made in summaries]
        click.echo(msgspec.json.encode({"visits": visits, "left_out": sorted_logs.left_out}))
    else:
        wide_console().print(_summary_table(summaries))
        name_left_out(sorted_logs.left_out)
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
