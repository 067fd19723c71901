"""``qst summary``: what visits came to, how complete they are, and what happened in them."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Column, Table

from qst.analysis.dataset import Which
from qst.cli.log_files import PATHS, of_kind, read_logs, tell_of
from qst.cli.output import wide_console
from qst.units import format_display, format_value

_Row = dict[str, Any]
_Visits = list[tuple[_Row, list[_Row]]]
_Names = dict[str, str]  # by the log's path


@click.command()
@click.argument("paths", type=PATHS, nargs=-1, required=True)
@click.option("--corrections", type=PATHS, help="An analyst's overlay file; see 'qst correct'.")
@of_kind
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def summary(paths: tuple[Path, ...], corrections: Path | None, only: Which | None, mixed: bool, as_json: bool) -> int:
    """Print the summary values of the visits in PATHS, logs or folders, and how complete the visits are.

    Every mean stands beside the number of trials in it; censored and missing trials are in no mean. What cannot be used
    is named and left out, visits without scores are named, and the exit code is 1 for both.
    """
    data = read_logs(paths, corrections, only, mixed=mixed)
    scores_of = defaultdict(list)
    for score in data.thresholds.dicts():
        scores_of[score["log_file"]].append(score)
    visits = [(visit, scores_of[visit["log_file"]]) for visit in data.visits.dicts()]
    if as_json:
        shown = [{**visit, "scores": scores} for visit, scores in visits]
        unused = {
            "left_out": [(one.path, one.text) for one in data.left_out],
            "not_scored": [(one.path, one.text) for one in data.unscored],
        }
        click.echo(msgspec.json.encode({"visits": shown, **unused}))
    else:
        _print(visits)
    return tell_of(data)


def _print(visits: _Visits) -> None:
    if not visits:
        return  # what was left out is named
    console = wide_console()
    names = _names(visits)
    console.print(_values(visits, names))
    console.print(_completeness(visits, names))
    for line in _happenings(visits, names):
        console.print(line, markup=False, highlight=False)


def _names(visits: _Visits) -> _Names:
    """What the tables call each log: its file's name, with its folder where two sites have files of one name."""
    paths = [Path(visit["log_file"]) for visit, _ in visits]
    count = Counter(path.stem for path in paths)
    return {str(path): path.stem if count[path.stem] == 1 else str(path.with_suffix("")) for path in paths}


def _values(visits: _Visits, names: _Names) -> Table:
    numbers = (Column(name, justify="right") for name in ("mean", "SD", "valid", "censored", "missing"))
    table = Table(Column("log", overflow="fold"), "kind", "began (UTC)", "value", *numbers, box=SIMPLE_HEAD)
    for visit, scores in visits:
        kind = "simulated" if visit["is_simulated"] else "real"
        # The calendar of virtual time always begins on the same day; that is no date.
        began = "virtual time" if visit["clock"] == "virtual" else visit["started_utc"][:16].replace("T", " ")
        first = (escape(names[visit["log_file"]]), kind, began)
        for number, score in enumerate(scores):
            table.add_row(*(first if number == 0 else ("", "", "")), *_cells(score))
        if not scores:
            table.add_row(*first, "not scored")
    return table


def _cells(score: _Row) -> tuple[str, ...]:
    unit = score["display_unit"]
    mean = "—" if score["mean_display"] is None else format_display(score["mean_display"], unit)
    spread = "—" if score["sd"] is None else format_value(score["sd"], unit).partition(" ")[0]
    valid = f"{score['n_valid']} of {score['n_planned']}"
    return score["score_id"], mean, spread, valid, str(score["n_censored"]), str(score["n_missing"])


def _completeness(visits: _Visits, names: _Names) -> Table:
    """Planned trials here are those of the whole visit, practice too."""
    headings = ("complete", "valid", "attempts", "invalid", "censored", "deviations", "adverse", "failures")
    columns = (Column(name, justify="right") for name in headings)
    table = Table(Column("log", overflow="fold"), "ended", *columns, box=SIMPLE_HEAD)
    for visit, _ in visits:
        table.add_row(
            escape(names[visit["log_file"]]),
            visit["outcome"],
            "yes" if visit["complete"] else "NO",
            f"{visit['n_valid']} of {visit['n_planned']}",
            *(
                str(visit[name])
                for name in (
                    "n_attempts",
                    "n_invalid",
                    "n_censored",
                    "n_deviations",
                    "n_adverse_events",
                    "n_faults",
                )
            ),
        )
    return table


def _happenings(visits: _Visits, names: _Names) -> Iterator[str]:
    """What a number in the tables cannot say: which trials are missing, and what went otherwise than planned."""
    texts = (
        ("missing_trials", "no valid attempt at trial(s)"),
        ("deviations", "deviations"),
        ("adverse_events", "adverse events"),
        ("outcome_reason", "ended because"),
    )
    for visit, _ in visits:
        for name, words in texts:
            if visit[name]:
                yield f"{names[visit['log_file']]}: {words}: {visit[name]}"
        if visit["n_sessions"] > 1:
            yield f"{names[visit['log_file']]}: interrupted and resumed, {visit['n_sessions']} sessions"
        if visit["n_corrected"]:
            yield f"{names[visit['log_file']]}: {visit['n_corrected']} attempt(s) corrected by the overlay"
