"""The body map: front, back and palms, every point of the plan with its side, told apart by shape and text."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from qst.console.messages import TrialCard
from qst.console.session_state import Mark
from qst.sites import Placement, marker, outline

_WIDTH, _HEIGHT = 150.0, 290.0
_PALM_WIDTH, _PALM_HEIGHT = 300.0, 74.0
_TOP = 18.0
_LEFT = {"front": 0.0, "back": _WIDTH}
#: The first of these that any trial at a point has is what the point shows.
_ORDER = (Mark.CURRENT, Mark.OPEN, Mark.INVALID, Mark.CENSORED, Mark.DONE)
_SIGNS = {Mark.DONE: "✓", Mark.CENSORED: ">", Mark.INVALID: "✕"}
_MARK_WORDS = {
    Mark.CURRENT: "now",
    Mark.OPEN: "to do",
    Mark.INVALID: "no valid value",
    Mark.CENSORED: "cut-off reached",
    Mark.DONE: "done",
}
#: For everybody who cannot guess them.
LEGEND = "◆ now   ◇ next   ○ to do   ✓ done   > cut-off reached   ✕ no valid value"
_RADIUS = 7.5
_DIAMOND = {"current": 14.0, "next": 10.5}
#: Where points are close, a sign keeps so much of the way to the next centre free: half a letter, and air.
_LETTER = 4.0


class Point(NamedTuple):
    """A point of the map."""

    card: TrialCard
    mark: Mark
    is_next: bool

    @property
    def word(self) -> str:
        """What its sign says."""
        return "next" if self.is_next else _MARK_WORDS[self.mark]


def points(trials: Sequence[TrialCard], marks: Sequence[Mark]) -> tuple[Point, ...]:
    """One point for every site and side; ``marks`` as ``trials``."""
    places: dict[tuple[str, str], list[tuple[TrialCard, Mark]]] = {}
    for card, mark in zip(trials, marks, strict=True):
        places.setdefault((card.site_code, card.side), []).append((card, mark))
    upcoming = next((card for card, mark in zip(trials, marks, strict=True) if mark is Mark.OPEN), None)
    found = []
    for cards in places.values():
        mark = min((mark for _, mark in cards), key=_ORDER.index)
        is_next = upcoming is not None and mark is not Mark.CURRENT and any(card is upcoming for card, _ in cards)
        found.append(Point(cards[0][0], mark, is_next))
    return tuple(found)


def body_map(found: Sequence[Point]) -> str:
    """The map as SVG, with a text for screen readers."""
    has_palm = any(_where(point)[0] == "palm" for point in found)
    height = _TOP + _HEIGHT + 8 + (_PALM_HEIGHT + 16 if has_palm else 0)
    said = "; ".join(f"{_name(point)}: {point.word}" for point in found)
    parts = [
        f'<svg class="body" viewBox="0 0 300 {height:g}" role="img" aria-label="{escape(f"Body map. {said}")}">',
        _figure("front"),
        _figure("back"),
    ]
    if has_palm:
        parts.append(_palms())
    parts += [_marker(point, _room(point, found)) for point in sorted(found, key=lambda one: -_ORDER.index(one.mark))]
    return "".join([*parts, "</svg>"])


def _name(point: Point) -> str:
    side = {"L": "left ", "R": "right "}.get(point.card.side, "")
    return f"{side}{point.card.site_name}"


def _figure(view: str) -> str:
    middle = _LEFT[view] + _WIDTH / 2
    right = [(middle + dx * _WIDTH, _TOP + y * _HEIGHT) for dx, y in outline().half]
    left = [(2 * middle - x, y) for x, y in reversed(right[:-1])]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (*right, *left)) + "Z"
    first, second = ("R", "L") if view == "front" else ("L", "R")
    oval = outline().head
    head = (
        f'<ellipse class="skin" cx="{middle:g}" cy="{_TOP + oval["y"] * _HEIGHT:.1f}"'
        f' rx="{oval["rx"] * _WIDTH:.1f}" ry="{oval["ry"] * _HEIGHT:.1f}"/>'
    )
    caption = f'<text class="caption" x="{middle:g}" y="12">{view.upper()}</text>'
    sides = (
        f'<text class="caption" x="{middle - 58:g}" y="34">{first}</text>'
        f'<text class="caption" x="{middle + 58:g}" y="34">{second}</text>'
    )
    return f'{caption}{sides}<path class="skin" stroke-linejoin="round" d="{path}"/>{head}'


def _palms() -> str:
    top = _TOP + _HEIGHT + 16
    drawn = [f'<text class="caption" x="150" y="{top - 3:g}">PALMS</text>']
    for centre, name, thumb in ((0.3, "R", 1), (0.7, "L", -1)):
        x = centre * _PALM_WIDTH
        drawn.append(
            f'<rect class="skin" x="{x - 22:g}" y="{top + 8:g}" width="44" height="60" rx="16"/>'
            f'<ellipse class="skin" cx="{x + thumb * 27:g}" cy="{top + 38:g}" rx="8" ry="20"/>'
            f'<text class="caption" x="{x - thumb * 44:g}" y="{top + 44:g}">{name}</text>'
        )
    return "".join(drawn)


def _where(point: Point) -> tuple[str, float, float]:
    """View and place of a point in the drawing."""
    place = marker(Placement(point.card.site_code, point.card.side))
    if place.view == "palm":
        return place.view, place.x * _PALM_WIDTH, _TOP + _HEIGHT + 16 + place.y * _PALM_HEIGHT
    return place.view, _LEFT[place.view] + place.x * _WIDTH, _TOP + place.y * _HEIGHT


def _room(point: Point, found: Sequence[Point]) -> float:
    """How far it is to the nearest other point of the same view."""
    view, *here = _where(point)
    others = [place for other in found if other is not point for place in [_where(other)] if place[0] == view]
    return min((math.dist(here, place[1:]) for place in others), default=math.inf)


def _marker(point: Point, room: float) -> str:
    """The sign of a point, smaller where another one is near, so that neither covers the other."""
    _, x, y = _where(point)
    kind = "next" if point.is_next else point.mark.value
    sign = _SIGNS.get(point.mark, point.card.side or "•")
    title = f"<title>{escape(f'{_name(point)}: {point.word}')}</title>"
    r = min(_RADIUS, max(room / 2, _RADIUS * 0.7))
    if kind in _DIAMOND:
        half = min(_DIAMOND[kind], max(room - _LETTER, _RADIUS * 0.8))
        corners = ((x, y - half), (x + half, y), (x, y + half), (x - half, y))
        path = "L".join(f"{across:.1f} {down:.1f}" for across, down in corners)
        shape = f'<path class="{kind}" d="M{path}Z">{title}</path>'
    elif point.mark is Mark.INVALID:
        side = f"{2 * r:.1f}"
        shape = f'<rect class="invalid" x="{x - r:.1f}" y="{y - r:.1f}" width="{side}" height="{side}">{title}</rect>'
    else:
        shape = f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}">{title}</circle>'
    small = f' style="font-size:{11 * r / _RADIUS:.1f}px"' if r < _RADIUS else ""
    return f'<g>{shape}<text x="{x:.1f}" y="{y + 4 * r / _RADIUS:.1f}"{small}>{escape(sign)}</text></g>'
