"""Pressure rates against their target: what hand, or machine, really did."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from qst.analysis.plots.canvas import BLUE, FAINT, GREEN, INK, SOFT, VERMILION, Picture, sheet
from qst.analysis.plots.visit import Row, VisitView
from qst.units import DISPLAY_UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT_IN: Final = 3.4


def draw(view: VisitView) -> Picture:
    """The achieved rate of every pressure trial of a visit, practice left out, with the protocol's band."""
    rows = [row for row in view.rows if row["modality"] == "pressure" and not row["is_practice"]]
    figure = sheet(_HEIGHT_IN, f"Pressure rates · {view.name}", view.origin, simulated=view.is_simulated)
    axes = figure.add_subplot()
    if not rows:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no pressure trial in this visit", ha="center", color=INK, transform=axes.transAxes)
        return Picture("rates", f"Pressure rates of {view.name}: no pressure trial.", figure)
    unit = DISPLAY_UNITS[_display_unit(view, rows[0])]
    for x, row in enumerate(rows):
        _target(axes, view, row, x, unit.per_unit)
        _achieved(axes, row, x, unit.per_unit)
    _frame(axes, rows, unit.label)
    _legend(axes)
    return Picture("rates", _alt(view, rows), figure)


def _alt(view: VisitView, rows: Sequence[Row]) -> str:
    flagged = [f"{row['site_code']} {row['side']} {row['rate_flag']}" for row in rows if row["rate_flag"]]
    said = "; ".join(flagged) or "none outside the band"
    return f"Achieved pressure rates of {view.name}, {len(rows)} attempts: {said}."


def _display_unit(view: VisitView, row: Row) -> str:
    trial = view.planned(row)
    return trial.rounding.display_unit if trial is not None else row["display_unit"] or "kPa"


def _target(axes: "Axes", view: VisitView, row: Row, x: int, per_unit: float) -> None:
    """The commanded rate, and the band outside which the protocol flags a trial."""
    trial, commanded = view.planned(row), row["rate_commanded"]
    if commanded is None:
        return
    if trial is not None:
        low, high = ((1 + sign * trial.rate_band) * commanded / per_unit for sign in (-1, 1))
        axes.fill_between([x - 0.5, x + 0.5], low, high, color=FAINT, alpha=0.6, linewidth=0)
    axes.plot([x - 0.5, x + 0.5], [commanded / per_unit] * 2, color=GREEN, linewidth=1.0)


def _achieved(axes: "Axes", row: Row, x: int, per_unit: float) -> None:
    mean, spread = row["rate_achieved_mean"], row["rate_achieved_sd"]
    if mean is None:
        axes.text(x, 0.04, "not measured", rotation=90, ha="center", va="bottom", fontsize=6, color=SOFT)
        return
    flagged = bool(row["rate_flag"])
    axes.errorbar(
        x,
        mean / per_unit,
        yerr=None if spread is None else spread / per_unit,
        marker="x" if not row["valid"] else "D" if flagged else "o",
        markersize=4,
        markerfacecolor="white" if flagged else BLUE,
        color=VERMILION if flagged or not row["valid"] else BLUE,
        elinewidth=0.7,
        capsize=1.8,
    )
    said = [row["rate_flag"]] if flagged else []
    said += [] if row["valid"] else ["invalid"]
    if said:
        top = (mean + (spread or 0.0)) / per_unit
        axes.annotate(
            "\n".join(said), (x, top), (0, 3), textcoords="offset points", ha="center", fontsize=5.8, color=VERMILION
        )


def _frame(axes: "Axes", rows: Sequence[Row], label: str) -> None:
    names = [f"{row['site_code']} {row['side']}".strip() for row in rows]
    names = [
        name if row["attempt"] == 1 else f"{name} ({row['attempt']})" for name, row in zip(names, rows, strict=True)
    ]
    axes.set_xticks(range(len(rows)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.6, len(rows) - 0.4)
    axes.set_ylim(0, 1.06 * axes.get_ylim()[1])
    axes.set_ylabel(f"rate, {label}/s")
    axes.set_xlabel("point, in the order of the visit (number of the attempt when repeated)")


def _legend(axes: "Axes") -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - large, and needed by pictures only
    from matplotlib.patches import Patch  # noqa: PLC0415 - likewise

    def point(shape: str, colour: str, face: str, label: str) -> Line2D:
        return Line2D(
            [], [], marker=shape, color=colour, markerfacecolor=face, linestyle="none", markersize=4, label=label
        )

    axes.legend(
        handles=[
            Line2D([], [], color=GREEN, label="commanded"),
            Patch(color=FAINT, alpha=0.6, label="the protocol's band"),
            point("o", BLUE, BLUE, "achieved, mean ± SD"),
            point("D", VERMILION, "white", "outside the band"),
            point("x", VERMILION, VERMILION, "invalid attempt"),
        ],
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=5,
        columnspacing=1.0,
        handletextpad=0.4,
    )
