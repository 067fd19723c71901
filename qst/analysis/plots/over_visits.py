"""Thresholds over visits: one picture a participant, one panel a score.

A line joins neighbouring visits of one kind (real or simulated) and one protocol, told by its hash, and nothing else: a
visit that is not there, or has no mean, is a gap.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from qst.analysis.dataset import Dataset
from qst.analysis.plots.canvas import BLUE, INK, SOFT, VERMILION, Picture, sheet
from qst.analysis.plots.visit import Row
from qst.units import DISPLAY_UNITS, format_display

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_IN: Final = 2.0
_SHAPES: Final = {False: ("o", BLUE, "real"), True: ("s", VERMILION, "simulated")}


def draw(dataset: Dataset) -> Iterator[Picture]:
    """A picture for every participant of the dataset, in the order of their identifiers."""
    whole: dict[tuple[str, str], list[Row]] = {}
    for row in dataset.thresholds.dicts():
        whole.setdefault((str(row["study_id"] or ""), str(row["participant_id"])), []).append(row)
    for (study, participant), rows in sorted(whole.items()):
        yield picture(study, participant, rows)


def picture(study: str, participant: str, rows: Sequence[Row]) -> Picture:
    """The picture of one participant, from rows of the threshold table."""
    scores = list(dict.fromkeys((row["score_id"], row["display_unit"]) for row in rows))
    height_in = 0.8 + _PANEL_IN * len(scores)
    simulated = any(row["is_simulated"] for row in rows)
    name = f"{study} · {participant}" if study else participant
    protocols = dict.fromkeys(f"{row['protocol_id']} (sha256 {row['protocol_sha256'][:12]}…)" for row in rows)
    figure = sheet(
        height_in, f"Thresholds over visits · {name}", f"protocol {', '.join(protocols)}", simulated=simulated
    )
    panels = figure.subplots(len(scores), 1, squeeze=False, sharex=True)
    for (axes,), (score_id, unit) in zip(panels, scores, strict=True):
        asked = [row for row in rows if (row["score_id"], row["display_unit"]) == (score_id, unit)]
        _panel(axes, asked, sorted({row["visit"] for row in rows}))
    panels[-1][0].set_xlabel("visit")
    _legend(panels[0][0], rows)
    return Picture("_".join(filter(None, (study, participant))), _alt(name, rows), figure)


def _alt(name: str, rows: Sequence[Row]) -> str:
    said = "; ".join(
        f"visit {row['visit']} {row['score_id']} {_number(row)} from {row['n_valid']} of {row['n_planned']}"
        for row in rows
    )
    return f"Thresholds of {name} over visits: {said}."


def _number(row: Row) -> str:
    return "no value" if row["mean_display"] is None else format_display(row["mean_display"], row["display_unit"])


def _panel(axes: "Axes", rows: Sequence[Row], visits: Sequence[int]) -> None:
    axes.set_title(f"{rows[0]['score_label']} ({rows[0]['score_id']})", fontsize=7.5)
    axes.set_ylabel(DISPLAY_UNITS[rows[0]["display_unit"]].label)
    axes.set_xticks(range(min(visits), max(visits) + 1))
    axes.set_xlim(min(visits) - 0.5, max(visits) + 0.5)
    axes.margins(y=0.22)
    for kind in (False, True):
        of_kind = [row for row in rows if bool(row["is_simulated"]) is kind]
        _lines(axes, of_kind, kind=kind)
        for row in of_kind:
            _point(axes, row)
    for visit in range(min(visits), max(visits) + 1):
        if visit not in {row["visit"] for row in rows}:
            _absent(axes, visit, "no log")


def _lines(axes: "Axes", rows: Sequence[Row], *, kind: bool) -> None:
    """Lines between neighbours; where a visit has two logs, nobody knows which one is meant."""
    for before, after in pairwise(sorted(rows, key=lambda row: row["visit"])):
        numbers = [row["visit"] for row in rows]
        neighbours = after["visit"] == before["visit"] + 1
        alone = numbers.count(before["visit"]) == numbers.count(after["visit"]) == 1
        alike = before["protocol_sha256"] == after["protocol_sha256"]
        means = (before["mean_display"], after["mean_display"])
        if neighbours and alone and alike and None not in means:
            axes.plot([before["visit"], after["visit"]], means, color=_SHAPES[kind][1], linewidth=0.9, zorder=1)


def _point(axes: "Axes", row: Row) -> None:
    if row["mean_display"] is None:
        _absent(axes, row["visit"], f"no mean\n{_counts(row)}")
        return
    shape, colour, _ = _SHAPES[bool(row["is_simulated"])]
    per_unit = DISPLAY_UNITS[row["display_unit"]].per_unit
    spread = None if row["sd"] is None else row["sd"] / per_unit
    axes.errorbar(
        row["visit"],
        row["mean_display"],
        yerr=spread,
        marker=shape,
        markersize=5,
        color=colour,
        markerfacecolor=colour if row["complete"] else "white",
        ecolor=SOFT,
        elinewidth=0.7,
        capsize=2,
        zorder=2,
    )
    axes.annotate(
        f"{_number(row)}\n{_counts(row)}",
        (row["visit"], row["mean_display"]),
        (6, 3),
        textcoords="offset points",
        fontsize=5.8,
        color=INK,
        linespacing=1.15,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
    )


def _counts(row: Row) -> str:
    said = f"n = {row['n_valid']} of {row['n_planned']}"
    said += f"\n{row['n_censored']} censored" if row["n_censored"] else ""
    return said + (f"\n{row['n_missing']} missing" if row["n_missing"] else "")


def _absent(axes: "Axes", visit: int, text: str) -> None:
    axes.axvspan(visit - 0.28, visit + 0.28, facecolor="none", edgecolor="#bbbbbb", hatch="////", linewidth=0, zorder=0)
    axes.text(
        visit,
        0.5,
        text,
        transform=axes.get_xaxis_transform(),
        ha="center",
        va="center",
        fontsize=6,
        color=INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )


def _legend(axes: "Axes", rows: Sequence[Row]) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - large, and needed by pictures only

    handles = []
    for kind, (shape, colour, word) in _SHAPES.items():
        if any(bool(row["is_simulated"]) is kind for row in rows):
            handles.append(
                Line2D([], [], marker=shape, color=colour, markersize=5, label=f"{word}: mean, bar: SD of trials")
            )
            if not all(row["complete"] for row in rows if bool(row["is_simulated"]) is kind):
                handles.append(
                    Line2D(
                        [],
                        [],
                        marker=shape,
                        color=colour,
                        markerfacecolor="white",
                        linestyle="none",
                        label="incomplete",
                    )
                )
    axes.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1), ncols=4)
