"""Trial traces: every attempt of a visit, with the commanded ramp, the response and the cut-off."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from qst.analysis.plots.canvas import BLUE, INK, SOFT, VERMILION, Picture, sheet
from qst.analysis.plots.visit import Row, VisitView, place_name
from qst.errors import LogDamagedError
from qst.record.reader import read_log
from qst.record.records import State
from qst.record.visit_log import VisitLog
from qst.units import DISPLAY_UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS: Final = 4
_PANEL_IN: Final = 1.22
_BEFORE_RAMP_S: Final = 2.0
_LONGEST: Final = 34  # characters of a title
_REMARK: Final[dict[str, Any]] = {"ha": "right", "va": "center", "color": SOFT, "fontsize": 5.2}
_ORDER: Final = ("heat", "cold", "pressure")


class Samples(NamedTuple):
    """The samples of an attempt: seconds from the start of its ramp (of the attempt, when no ramp began), °C or kPa."""

    time_s: list[float]
    value: list[float]
    has_ramp: bool


class _Scale(NamedTuple):
    """How one modality is drawn: its unit, and the limits that all its panels share, in that unit."""

    label: str
    per_unit: float
    low: float
    high: float


def draw(view: VisitView) -> Picture:
    """The traces of one visit.

    Raises:
        LogDamagedError: the log is not what it was when the dataset was read.
    """
    log = read_log(Path(view.facts["log_file"]), traces=True)
    if log.damage or log.last_hash != view.facts["last_hash"]:
        raise LogDamagedError(
            "this log is not what it was when the dataset was read",
            where=view.facts["log_file"],
            did="drew nothing",
            remedy="Read the dataset again.",
        )
    return draw_log(view, log)


def draw_log(view: VisitView, log: VisitLog) -> Picture:
    """As :func:`draw`, from a log that was read with its traces."""
    groups = [rows for word in _ORDER if (rows := [row for row in view.rows if row["modality"] == word])]
    lines = sum(math.ceil(len(rows) / _COLUMNS) for rows in groups)
    height_in = 0.75 + _PANEL_IN * max(1, lines)
    figure = sheet(height_in, f"Trial traces · {view.name}", view.origin, simulated=view.is_simulated)
    if lines:
        _fill(figure, view, log, groups, lines)
    else:
        figure.text(0.5, 0.4, "no attempt was made", ha="center", color=INK)
    counted = f"{len(view.rows)} attempts, {len(view.standing)} of them valid"
    return Picture("traces", f"Trial traces of {view.name}: {counted}. The values are in the table of trials.", figure)


def _fill(figure: "Figure", view: VisitView, log: VisitLog, groups: Sequence[Sequence[Row]], lines: int) -> None:
    panels = figure.subplots(lines, _COLUMNS, squeeze=False)
    line = 0
    for rows in groups:
        read = [samples_of(log, row) for row in rows]
        scale = _scale(view, rows, read)
        for number, (row, samples) in enumerate(zip(rows, read, strict=True)):
            axes = panels[line + number // _COLUMNS][number % _COLUMNS]
            _panel(axes, view, row, samples, scale)
            if number % _COLUMNS == 0:
                axes.set_ylabel(scale.label)
        line += math.ceil(len(rows) / _COLUMNS)
        for unused in range(len(rows), math.ceil(len(rows) / _COLUMNS) * _COLUMNS):
            panels[line - 1][unused % _COLUMNS].set_axis_off()
    for axes in panels[-1]:
        axes.set_xlabel("s from the start of the ramp")
    _legend(figure)


def samples_of(log: VisitLog, row: Row) -> Samples:
    """The samples of one attempt on the time of its ramp.

    The state ``ramp`` is a gauge's readiness: the ramp of a hand starts with its contact, which no state records. The
    latency counts from there, so that start is found from the ramp's end and its duration.
    """
    index, attempt = row["sequence_index"], row["attempt"]
    began = next(one.t_s for one in log.attempts if (one.sequence_index, one.attempt) == (index, attempt))
    states = {
        entry.record.state: entry.t_s - began
        for entry in log.entries
        if isinstance(entry.record, State) and (entry.record.sequence_index, entry.record.attempt) == (index, attempt)
    }
    start = states.get("ramp", 0.0)
    if "return" in states and row["ramp_duration_s"] is not None:
        start = states["return"] - row["ramp_duration_s"]
    found = log.traces(index, attempt)
    times = [time - start for trace in found for time in trace.t_s]
    return Samples(times, [value for trace in found for value in trace.value], "ramp" in states)


def _scale(view: VisitView, rows: Sequence[Row], read: Sequence[Samples]) -> _Scale:
    """The limits reach to the cut-off, unless every trace stays in the first half of the way to it."""
    trial = view.planned(rows[0])
    unit = DISPLAY_UNITS[trial.rounding.display_unit if trial is not None else rows[0]["unit_ucum"]]
    ends = [value for row in rows for value in (row["start_value"], row["cutoff"]) if value is not None]
    ramps = [
        value
        for samples in read
        for time, value in zip(samples.time_s, samples.value, strict=True)
        if not samples.has_ramp or time >= -_BEFORE_RAMP_S
    ]
    seen = [*ramps, *(row["value_peak"] for row in rows if row["value_peak"] is not None)]
    starts = [row["start_value"] for row in rows if row["start_value"] is not None]
    far = max((abs(value - start) for value in seen for start in starts[:1]), default=0.0)
    way = max((abs(row["cutoff"] - row["start_value"]) for row in rows if row["cutoff"] is not None), default=0.0)
    values = [*seen, *(starts if far < way / 2 and seen else ends)] or [0.0, 1.0]
    pad = 0.12 * ((max(values) - min(values)) or 1.0)
    return _Scale(unit.label, unit.per_unit, (min(values) - pad) / unit.per_unit, (max(values) + pad) / unit.per_unit)


def _panel(axes: "Axes", view: VisitView, row: Row, samples: Samples, scale: _Scale) -> None:
    number = "practice" if row["is_practice"] else f"no. {row['repeat_index']}"
    again = f", attempt {row['attempt']}" if row["attempt"] > 1 else ""
    said = view.said(row)
    said = said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
    place = place_name(row).replace(" (control point)", "")
    title = f"{row['sequence_index']} · {place}\n{number}{again}: {said}"
    axes.set_title(title, color=INK if row["valid"] else VERMILION, fontsize=5.8, linespacing=1.25, pad=2.5)
    axes.set_ylim(scale.low, scale.high)
    axes.tick_params(length=2, pad=1.5)
    if not samples.time_s:
        nothing = "read by the operator:\nno samples" if row["source"] == "operator" else "no samples"
        axes.text(0.5, 0.5, nothing, transform=axes.transAxes, ha="center", va="center", color=SOFT, fontsize=6)
        axes.set_xticks([])
        return
    first = max(samples.time_s[0], -_BEFORE_RAMP_S) if samples.has_ramp else samples.time_s[0]
    axes.set_xlim(first, max(samples.time_s[-1], first + 1.0))
    if samples.has_ramp:
        _commanded(axes, row, scale)
    else:
        axes.text(0.98, 0.5, "no ramp; s from the\nstart of the attempt", transform=axes.transAxes, **_REMARK)
    axes.plot(samples.time_s, [value / scale.per_unit for value in samples.value], color=BLUE, linewidth=0.9)
    _cutoff(axes, row, scale)
    if samples.has_ramp and row["response_latency_s"] is not None and row["outcome"] == "response":
        _response(axes, row, scale)


def _commanded(axes: "Axes", row: Row, scale: _Scale) -> None:
    """The ramp as the protocol asks for it, as far as it was to go on."""
    if row["cutoff"] is None or not row["rate_commanded"]:
        return
    whole_s = abs(row["cutoff"] - row["start_value"]) / row["rate_commanded"]
    axes.plot(
        [0.0, whole_s],
        [row["start_value"] / scale.per_unit, row["cutoff"] / scale.per_unit],
        color=SOFT,
        linewidth=0.6,
        linestyle=(0, (4, 2)),
        scalex=False,
    )


def _cutoff(axes: "Axes", row: Row, scale: _Scale) -> None:
    if row["cutoff"] is None:
        return
    cutoff = row["cutoff"] / scale.per_unit
    text = f"cut-off {cutoff:.3g}"
    if scale.low <= cutoff <= scale.high:
        axes.axhline(cutoff, color=VERMILION, linewidth=0.8, linestyle=(0, (5, 1.5, 1, 1.5)))
        below = cutoff > (scale.low + scale.high) / 2
        place, ha, va = (0.02, cutoff), "left", "top" if below else "bottom"
        axes.text(*place, text, transform=axes.get_yaxis_transform(), ha=ha, va=va, fontsize=5.2, color=VERMILION)
        return
    up = cutoff > scale.high
    axes.text(
        0.02,
        0.98 if up else 0.02,
        f"{text} {'↑' if up else '↓'}",
        transform=axes.transAxes,
        ha="left",
        va="top" if up else "bottom",
        fontsize=5.2,
        color=VERMILION,
    )


def _response(axes: "Axes", row: Row, scale: _Scale) -> None:
    latency_s = row["response_latency_s"]
    axes.axvline(latency_s, color=INK, linewidth=0.5, linestyle=":")
    value = row["value_at_response"] if row["value_at_response"] is not None else row["value_peak"]
    if value is not None:
        axes.plot([latency_s], [value / scale.per_unit], marker="o", markersize=3.2, color=INK, markerfacecolor="white")


def _legend(figure: "Figure") -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - large, and needed by pictures only

    figure.legend(
        handles=[
            Line2D([], [], color=BLUE, linewidth=0.9, label="measured"),
            Line2D([], [], color=SOFT, linewidth=0.6, linestyle=(0, (4, 2)), label="commanded ramp"),
            Line2D(
                [],
                [],
                color=INK,
                linewidth=0.5,
                linestyle=":",
                marker="o",
                markersize=3.2,
                markerfacecolor="white",
                label="response",
            ),
            Line2D(
                [],
                [],
                color=VERMILION,
                linewidth=0.8,
                linestyle=(0, (5, 1.5, 1, 1.5)),
                label="cut-off (arrow: off the scale)",
            ),
        ],
        loc="outside upper right",
        ncols=4,
        handlelength=2.6,
    )
