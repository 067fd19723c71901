"""Thresholds over visits: one picture a participant, one panel a score.

A line joins neighbouring visits of one kind (real or simulated) and one protocol, told by its hash, and nothing else: a
visit that is not there, or has no mean, is a gap. Visits stand side by side in their order, and their numbers on the
axis: at its scale, visits 1 and 300 would be two dots at the edges of nothing.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from qst.analysis.dataset import Dataset
from qst.analysis.plots.canvas import BLUE, INK, SOFT, VERMILION, Picture, sheet
from qst.analysis.plots.visit import Row
from qst.units import DISPLAY_UNITS, format_display

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PANEL_IN: Final = 2.0
_SHAPES: Final = {False: ("o", BLUE, "real"), True: ("s", VERMILION, "simulated")}
#: With more places than these, words in a gap stand upright.
_MOST_ACROSS: Final = 9
#: Absent visits have a place each, as long as there are no more of them; else every gap has one.
_MOST_SINGLY: Final = 12


class _Axis(NamedTuple):
    """Where the visits stand: each that has a log, and the gaps between them.

    Attributes:
        place_of: place of each visit, from 1.
        gaps: place, first and last visit of each stretch without a log.
    """

    place_of: dict[int, int]
    gaps: list[tuple[int, int, int]]

    @classmethod
    def of(cls, visits: Sequence[int]) -> Self:
        """The axis for these visits, which are in their order."""
        n_absent = visits[-1] - visits[0] + 1 - len(visits)
        axis = cls({visits[0]: 1}, [])
        for before, after in pairwise(visits):
            absent = range(before + 1, after)
            if n_absent <= _MOST_SINGLY:
                stretches = [(visit, visit) for visit in absent]
            else:
                stretches = [(absent[0], absent[-1])] if absent else []
            for place, (first, last) in enumerate(stretches, axis.n_places + 1):
                axis.gaps.append((place, first, last))
            axis.place_of[after] = axis.n_places + 1
        return axis

    @property
    def n_places(self) -> int:
        """How many places there are."""
        return len(self.place_of) + len(self.gaps)

    def prepare(self, axes: "Axes") -> None:
        """Give a panel these places, and the visits' own numbers."""
        numbers = {place: str(visit) for visit, place in self.place_of.items()}
        numbers |= {place: str(first) for place, first, last in self.gaps if first == last}
        axes.set_xticks(list(numbers), list(numbers.values()))
        axes.set_xlim(0.5, self.n_places + 0.5)
        for place, first, last in self.gaps:
            self.mark(axes, place, "no log" if first == last else f"visits {first}–{last}:\nno log")

    def mark(self, axes: "Axes", place: int, text: str) -> None:
        """Hatch a place where there is nothing to see, and say why."""
        axes.axvspan(
            place - 0.28, place + 0.28, facecolor="none", edgecolor="#bbbbbb", hatch="////", linewidth=0, zorder=0
        )
        across = self.n_places <= _MOST_ACROSS
        axes.text(
            place,
            0.5 if across else 0.03,
            text if across else text.replace("\n", " "),
            transform=axes.get_xaxis_transform(),
            rotation=0 if across else 90,
            ha="center",
            va="center" if across else "bottom",
            fontsize=6,
            color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )


def draw(dataset: Dataset) -> Iterator[Picture]:
    """A picture for every participant of the dataset who has a score, in the order of their identifiers."""
    whole: dict[tuple[str, str], list[Row]] = {}
    for row in dataset.thresholds.dicts():
        whole.setdefault(_whose(row), []).append(row)
    logs: dict[tuple[str, str], set[int]] = {}
    for row in dataset.visits.dicts():
        logs.setdefault(_whose(row), set()).add(int(str(row["visit"])))
    for (study, participant), rows in sorted(whole.items()):
        yield picture(study, participant, rows, logs[study, participant])


def _whose(row: Row) -> tuple[str, str]:
    return str(row["study_id"] or ""), str(row["participant_id"])


def picture(study: str, participant: str, rows: Sequence[Row], logs: Collection[int] = ()) -> Picture:
    """The picture of one participant.

    Args:
        study: of the participant; may be empty.
        participant: the pseudonym.
        rows: of the threshold table.
        logs: the participant's visits of which there is a log, also those that have no score.
    """
    scores = list(dict.fromkeys((row["score_id"], row["display_unit"]) for row in rows))
    height_in = 0.8 + _PANEL_IN * len(scores)
    simulated = any(row["is_simulated"] for row in rows)
    name = f"{study} · {participant}" if study else participant
    protocols = dict.fromkeys(f"{row['protocol_id']} (sha256 {row['protocol_sha256'][:12]}…)" for row in rows)
    figure = sheet(
        height_in, f"Thresholds over visits · {name}", f"protocol {', '.join(protocols)}", simulated=simulated
    )
    axis = _Axis.of(sorted({row["visit"] for row in rows}.union(logs)))
    panels = figure.subplots(len(scores), 1, squeeze=False, sharex=True)
    for (axes,), (score_id, unit) in zip(panels, scores, strict=True):
        asked = [row for row in rows if (row["score_id"], row["display_unit"]) == (score_id, unit)]
        _panel(axes, asked, axis)
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


def _panel(axes: "Axes", rows: Sequence[Row], axis: _Axis) -> None:
    axes.set_title(f"{rows[0]['score_label']} ({rows[0]['score_id']})", fontsize=7.5)
    axes.set_ylabel(DISPLAY_UNITS[rows[0]["display_unit"]].label)
    axis.prepare(axes)
    axes.margins(y=0.22)
    if all(row["mean_display"] is None for row in rows):
        axes.set_yticks([])  # the scale would be that of an empty picture, 0 to 1
    for kind in (False, True):
        of_kind = [row for row in rows if bool(row["is_simulated"]) is kind]
        _lines(axes, of_kind, axis, kind=kind)
        for row in of_kind:
            _point(axes, row, axis)
    for visit, place in axis.place_of.items():
        if visit not in {row["visit"] for row in rows}:
            axis.mark(axes, place, "no such\nscore")  # of another protocol, or of one that cannot be scored


def _lines(axes: "Axes", rows: Sequence[Row], axis: _Axis, *, kind: bool) -> None:
    """Lines between neighbours; where a visit has two logs, nobody knows which one is meant."""
    for before, after in pairwise(sorted(rows, key=lambda row: row["visit"])):
        numbers = [row["visit"] for row in rows]
        neighbours = after["visit"] == before["visit"] + 1
        alone = numbers.count(before["visit"]) == numbers.count(after["visit"]) == 1
        alike = before["protocol_sha256"] == after["protocol_sha256"]
        means = (before["mean_display"], after["mean_display"])
        if neighbours and alone and alike and None not in means:
            places = [axis.place_of[row["visit"]] for row in (before, after)]
            axes.plot(places, means, color=_SHAPES[kind][1], linewidth=0.9, zorder=1)


def _point(axes: "Axes", row: Row, axis: _Axis) -> None:
    place = axis.place_of[row["visit"]]
    if row["mean_display"] is None:
        axis.mark(axes, place, f"no mean\n{_counts(row)}")
        return
    shape, colour, _ = _SHAPES[bool(row["is_simulated"])]
    per_unit = DISPLAY_UNITS[row["display_unit"]].per_unit
    spread = None if row["sd"] is None else row["sd"] / per_unit
    axes.errorbar(
        place,
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
        (place, row["mean_display"]),
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
