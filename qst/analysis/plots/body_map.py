"""The body map: the pressure threshold at every point, front and back, and the palms beside it.

Values stand in the margins, each with a line to its point; what was not measured has another shape and says why.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from qst.analysis.plots.canvas import COLOUR_MAP, INK, SKIN, SOFT, Picture, sheet
from qst.analysis.plots.points import Point, Status, points
from qst.analysis.plots.visit import VisitView
from qst.instruments import Modality
from qst.sites import SITES, Marker, marker, outline
from qst.units import DISPLAY_UNITS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

_HEIGHT_IN: Final = 5.0
_SHAPES: Final = {
    Status.MEASURED: "o",
    Status.ABOVE: "^",
    Status.BELOW: "v",
    Status.INVALID: "X",
    Status.MISSING: "s",
}
_MARGIN: Final = 0.5  # width of the column of values beside a figure, in widths of the figure
_MIDLINE: Final = 0.5
_LINE: Final = 0.034  # height of a line of values, in heights of the figure


class _Placed(NamedTuple):
    """A point and where it stands."""

    point: Point
    at: Marker


def draw(view: VisitView) -> Picture:
    """The body map of one visit: pressure by colour, other modalities in words."""
    found = points(view)
    pressure = [one for one in found if one.modality is Modality.PRESSURE]
    on_map = [_Placed(one, marker(one.place)) for one in pressure if one.place.site_code in SITES]
    figure = sheet(_HEIGHT_IN, f"Pressure pain thresholds · {view.name}", view.origin, simulated=view.is_simulated)
    panels = figure.subplots(1, 2)
    colours = _colours([one.value for one in pressure if one.value is not None])
    for axes, name in zip(panels, ("front", "back"), strict=True):
        _body(axes, name)
        _markers(axes, [one for one in on_map if one.at.view == name], colours)
    _bar(figure, list(panels), colours, pressure)
    _notes(figure, [one for one in found if one.modality is not Modality.PRESSURE or one.place.site_code not in SITES])
    return Picture("bodymap", _alt(view, found), figure)


def _alt(view: VisitView, found: Sequence[Point]) -> str:
    said = "; ".join(f"{_name(one)} {one.text}{_unit(one)}{one.counted}" for one in found)
    return f"Body map of {view.name}. {said}."


def _unit(one: Point) -> str:
    return f" {DISPLAY_UNITS[one.unit].label}" if one.status not in (Status.INVALID, Status.MISSING) else ""


def _name(one: Point) -> str:
    site = SITES.get(one.place.site_code)
    return site.label(one.place.side) if site is not None else f"{one.place.side} {one.place.site_code}"


def _colours(values: Sequence[float]) -> "Normalize":
    from matplotlib.colors import Normalize  # noqa: PLC0415 - large, and needed by pictures only

    low, high = min(values, default=0.0), max(values, default=1.0)
    return Normalize(low, high if high > low else low + 1.0)


def _body(axes: "Axes", view: str) -> None:
    from matplotlib.patches import Ellipse, Polygon  # noqa: PLC0415 - large, and needed by pictures only

    figure = outline()
    right = [(0.5 + dx, y) for dx, y in figure.half]
    left = [(1 - x, y) for x, y in reversed(right[:-1])]
    skin: dict[str, Any] = {"facecolor": SKIN, "edgecolor": SOFT, "linewidth": 0.7}
    axes.add_patch(Polygon(_rounded(_rounded([*right, *left])), closed=True, joinstyle="round", **skin))
    axes.add_patch(Ellipse((0.5, figure.head["y"]), 2 * figure.head["rx"], 2 * figure.head["ry"], **skin))
    axes.set_xlim(-_MARGIN, 1 + _MARGIN)
    axes.set_ylim(1.03, -0.11)
    axes.set_aspect(1 / figure.aspect)
    axes.set_axis_off()
    axes.text(0.5, -0.085, view.upper(), ha="center", fontsize=8, color=INK, weight="bold")
    hands = ("right", "left") if view == "front" else ("left", "right")
    for x, word in zip((-_MARGIN / 2, 1 + _MARGIN / 2), hands, strict=True):
        axes.text(x, -0.045, f"participant's\n{word.upper()}", ha="center", va="center", fontsize=6.5, color=INK)


def _rounded(corners: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A closed outline with every corner cut (Chaikin): twice, and it looks round."""
    made = []
    for (x1, y1), (x2, y2) in pairwise([*corners, corners[0]]):
        made += [(0.75 * x1 + 0.25 * x2, 0.75 * y1 + 0.25 * y2), (0.25 * x1 + 0.75 * x2, 0.25 * y1 + 0.75 * y2)]
    return made


def _markers(axes: "Axes", placed: Sequence[_Placed], colours: "Normalize") -> None:
    for is_left in (True, False):
        side = sorted((one for one in placed if (one.at.x < _MIDLINE) == is_left), key=lambda one: (one.at.y, one.at.x))
        for one, y in zip(side, _lines([one.at.y for one in side]), strict=True):
            _label(axes, one, y, is_left=is_left)
    for one in placed:
        _marker(axes, one, colours)


def _lines(wanted: Sequence[float]) -> list[float]:
    """Heights of labels near to where they are wanted, in order, and never on top of each other."""
    made: list[float] = []
    for y in wanted:
        made.append(max(y, made[-1] + _LINE) if made else y)
    return made


def _label(axes: "Axes", one: _Placed, y: float, *, is_left: bool) -> None:
    x = 0.0 if is_left else 1.0
    axes.plot([x, one.at.x], [y, one.at.y], color=SOFT, linewidth=0.4, zorder=2)
    code, side = one.point.place
    value, name = one.point.text + one.point.counted.replace(" trials", ""), f"{code} {side}".strip()
    text = f"{name}  {value}" if is_left else f"{value}  {name}"
    axes.text(
        x + (-0.02 if is_left else 0.02), y, text, ha="right" if is_left else "left", va="center", fontsize=7, color=INK
    )


def _marker(axes: "Axes", one: _Placed, colours: "Normalize") -> None:
    import matplotlib as mpl  # noqa: PLC0415 - large, and needed by pictures only

    measured = one.point.value is not None
    face = mpl.colormaps[COLOUR_MAP](colours(one.point.value)) if one.point.value is not None else "white"
    axes.plot(
        [one.at.x],
        [one.at.y],
        marker=_SHAPES[one.point.status],
        markersize=8 if measured else 7,
        markerfacecolor=face,
        markeredgecolor=INK,
        markeredgewidth=0.8,
        linestyle="none",
        zorder=3,
    )


def _bar(figure: "Figure", panels: "list[Axes]", colours: "Normalize", pressure: Sequence[Point]) -> None:
    if not any(one.value is not None for one in pressure):
        return
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415 - large, and needed by pictures only

    bar = figure.colorbar(ScalarMappable(colours, COLOUR_MAP), ax=panels, shrink=0.8, aspect=32, pad=0.01)
    bar.set_label(f"pressure pain threshold, {DISPLAY_UNITS[pressure[0].unit].label}; darker: more sensitive")


def _notes(figure: "Figure", others: Sequence[Point]) -> None:
    """The legend of shapes, and what has no place on this map."""
    from matplotlib.lines import Line2D  # noqa: PLC0415 - large, and needed by pictures only

    shapes = [
        Line2D(
            [],
            [],
            marker=shape,
            linestyle="none",
            markersize=5.5,
            markeredgecolor=INK,
            markeredgewidth=0.8,
            markerfacecolor=SOFT if status is Status.MEASURED else "white",
            label=status.value,
        )
        for status, shape in _SHAPES.items()
    ]
    figure.legend(
        handles=shapes,
        loc="lower left",
        bbox_to_anchor=(0.0, 0.16 / _HEIGHT_IN),
        ncols=5,
        handletextpad=0.2,
        columnspacing=1.2,
    )
    if others:
        said = "\n".join(f"{one.modality.value}, {_name(one)}: {one.text}{_unit(one)}{one.counted}" for one in others)
        figure.text(0.99, 1 - 0.06 / _HEIGHT_IN, said, ha="right", va="top", fontsize=6.5, color=INK)
