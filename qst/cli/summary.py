"""``qst summary``: the summary values of visits."""

from pathlib import Path
from typing import Any

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from qst.analysis.dataset import Dataset, read
from qst.cli.log_files import PATHS, name_left_out
from qst.cli.output import wide_console
from qst.units import DISPLAY_UNITS

_Row = dict[str, Any]


@click.command()
@click.argument("paths", type=PATHS, nargs=-1, required=True)
@click.option("--corrections", type=PATHS, help="An analyst's overlay file; see 'qst correct'.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def summary(paths: tuple[Path, ...], corrections: Path | None, as_json: bool) -> int:
    """Print the summary values of the visits in PATHS, logs or folders. What cannot be used is named and left out."""
    data = read(paths, corrections=corrections, simulated="both")
    left_out = [(one.path, one.text) for one in (*data.left_out, *data.unscored)]
    visits = [(visit, _scores(data, visit)) for visit in data.visits.dicts()]
    if as_json:
        shown = [{**visit, "scores": scores} for visit, scores in visits]
        click.echo(msgspec.json.encode({"visits": shown, "left_out": left_out}))
    else:
        wide_console().print(_table(visits))
        name_left_out(left_out)
    return 1 if left_out else 0


def _scores(data: Dataset, visit: _Row) -> list[_Row]:
    return [row for row in data.thresholds.dicts() if row["log_file"] == visit["log_file"]]


def _table(visits: list[tuple[_Row, list[_Row]]]) -> Table:
    columns = ("kind", "began (UTC)", "ended", "value", "mean", "valid", "censored")
    table = Table(Column("log", overflow="fold"), *columns, box=SIMPLE_HEAD)
    for visit, scores in visits:
        kind = "simulated" if visit["is_simulated"] else "real"
        # The calendar of virtual time always begins on the same day; that is no date.
        began = "virtual time" if visit["clock"] == "virtual" else visit["started_utc"][:16].replace("T", " ")
        first = (Path(visit["log_file"]).stem, kind, began, visit["outcome"])
        for number, score in enumerate(scores):
            table.add_row(*(first if number == 0 else ("", "", "", "")), *_cells(score))
        if not scores:
            table.add_row(*first, "", "", "", "")
    return table


def _cells(score: _Row) -> tuple[str, str, str, str]:
    unit = DISPLAY_UNITS[score["display_unit"]]
    mean = "—" if score["mean_display"] is None else f"{score['mean_display']:.{unit.decimals}f} {unit.label}"
    return score["score_id"], mean, f"{score['n_valid']} of {score['n_planned']}", str(score["n_censored"])
