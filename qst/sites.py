"""Where on the body: sites, sides, groups of sites, and the orders in which they are visited.

The nine paired tender points and their landmarks are those of the ACR 1990 criteria for fibromyalgia (Wolfe et al.
1990); no official abbreviations exist, the codes are ours. The three control points belong to the Manual Tender Point
Survey (Okifuji et al. 1997). Other sites are the usual ones of thermal and pressure testing.
"""

import difflib
import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import msgspec

from qst.errors import InputError


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One place on the body.

    ``code`` is what stands in protocols and logs. ``posture`` is how the participant sits or lies; an empty text means
    that it does not matter. ``unverified`` says what about this entry no source confirms.
    """

    code: str
    name: str
    landmark: str
    paired: bool = True
    posture: str = ""
    unverified: str = ""

    def label(self, side: str) -> str:
        """The site with its side in words: ``right thenar eminence``, ``forehead``."""
        return f"{SIDE_WORDS[side]} {self.name}" if side else self.name


class Placement(NamedTuple):
    """A site and a side: ``"L"``, ``"R"``, or ``""`` for a site on the midline."""

    site_code: str
    side: str


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """The figure that body maps draw; fractions of the figure's box as in :class:`Marker`. A drawing aid.

    ``half``: one half of the outline as (distance from the midline, y). ``head``: centre ``y`` and radii ``rx``, ``ry``
    of an ellipse on the midline. ``aspect``: width of the box by its height.
    """

    half: tuple[tuple[float, float], ...]
    head: dict[str, float]
    aspect: float


class Marker(NamedTuple):
    """Where a placement is drawn: view ``front``, ``back`` or ``palm``; x, y as fractions of the figure."""

    view: str
    x: float
    y: float


SIDE_WORDS: Final = {"L": "left", "R": "right", "": ""}

_TENDER_POINTS = (
    Site(
        code="OCC",
        name="occiput",
        landmark="suboccipital muscle insertions",
        posture="seated, head bent forward about 30°",
    ),
    Site(
        code="LCE",
        name="low cervical",
        landmark="anterior aspect of the intertransverse spaces C5–C7",
        posture="seated, head neutral",
    ),
    Site(code="TRP", name="trapezius", landmark="midpoint of the upper border", posture="seated"),
    Site(
        code="SSP",
        name="supraspinatus",
        landmark="at the origin, above the scapular spine near the medial border",
        posture="seated",
    ),
    Site(
        code="RB2",
        name="second rib",
        landmark="upper surface, just lateral to the second costochondral junction",
        posture="seated",
        unverified="posture",
    ),
    Site(
        code="LEP",
        name="lateral epicondyle",
        landmark="2 cm distal to the epicondyle",
        posture="seated",
        unverified="posture",
    ),
    Site(
        code="GLU",
        name="gluteal",
        landmark="upper outer quadrant of the buttock, anterior fold of the muscle",
        posture="seated, leaning to the other side",
    ),
    Site(
        code="GTR",
        name="greater trochanter",
        landmark="posterior to the trochanteric prominence",
        posture="lying on the other side",
        unverified="posture",
    ),
    Site(
        code="KNE",
        name="knee",
        landmark="medial fat pad proximal to the joint line",
        posture="lying on the back",
        unverified="posture",
    ),
)

_CONTROL_POINTS = (
    Site(code="forehead", name="forehead", landmark="middle of the forehead", paired=False, posture="seated"),
    Site(code="forearm", name="forearm (control point)", landmark="dorsal forearm, distal third", posture="seated"),
    Site(code="thumb", name="thumb (control point)", landmark="thumb nail", posture="seated"),
)

_OTHER_SITES = (
    Site(code="thenar", name="thenar eminence", landmark="palm, over the ball of the thumb", posture="hand supported"),
    Site(
        code="volar-forearm",
        name="volar forearm",
        landmark="middle of the inner forearm",
        posture="forearm supported, palm up",
    ),
    Site(code="dorsal-hand", name="back of the hand", landmark="dorsum of the hand", posture="hand supported"),
    Site(code="dorsal-foot", name="back of the foot", landmark="dorsum of the foot", posture="foot supported"),
    Site(code="cheek", name="cheek", landmark="over the zygomatic arch", posture="head supported"),
    Site(code="masseter", name="masseter", landmark="belly of the masseter muscle", posture="seated, jaw relaxed"),
    Site(
        code="abductor-hallucis",
        name="abductor hallucis",
        landmark="belly of the muscle, inner border of the foot",
        posture="foot supported",
    ),
    Site(
        code="paraspinal",
        name="lumbar paraspinal",
        landmark="erector spinae beside the lumbar spine",
        posture="lying face down",
    ),
)

#: Every site by its code.
SITES: Final = {site.code: site for site in (*_TENDER_POINTS, *_CONTROL_POINTS, *_OTHER_SITES)}

#: Codes of the nine paired tender points, in the order of the ACR listing.
TENDER_POINTS: Final = tuple(site.code for site in _TENDER_POINTS)

#: Names that stand for several sites in a protocol.
GROUPS: Final = {
    "tender-points": TENDER_POINTS,
    "control-points": tuple(site.code for site in _CONTROL_POINTS),
}

#: Tender points in the order of the Manual Tender Point Survey, which needs few changes of posture. Confirmed are the
#: groups up to the low cervical points; the last four are our choice by posture (seated, then side, then back).
#: The survey's three control points are left out: they are no tender points and enter no mean.
MTPS_ORDER: Final = ("OCC", "TRP", "SSP", "GLU", "LCE", "RB2", "LEP", "GTR", "KNE")

#: Orders a protocol can ask for.
ORDERS: Final = ("as-listed", "acr", "mtps", "random")

_SIDES = {
    **dict.fromkeys(("l", "left"), ("L",)),
    **dict.fromkeys(("r", "right"), ("R",)),
    "both": ("L", "R"),
}


def find_site(text: str) -> Site:
    """The site with this code or name, whatever its capitals.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    site = _by_word().get(_word(text))
    if site is not None:
        return site
    close = difflib.get_close_matches(_word(text), _by_word(), n=1, cutoff=0.5)
    hint = f"did you mean '{_by_word()[close[0]].code}'? " if close else ""
    raise InputError(f"unknown site '{text}'", remedy=f"{hint}known sites: {', '.join(SITES)}")


def find_sites(text: str) -> tuple[Site, ...]:
    """The sites that a code, a name or a group stands for. Raises InputError as :func:`find_site`."""
    group = GROUPS.get(_word(text))
    return (find_site(text),) if group is None else tuple(SITES[code] for code in group)


def parse_side(text: str) -> tuple[str, ...]:
    """Sides of ``left``, ``L``, ``right``, ``R`` or ``both``: some of ``"L"``, ``"R"``.

    Raises:
        InputError: it is none of these.
    """
    sides = _SIDES.get(text.strip().lower())
    if sides is None:
        raise InputError(f"unknown side '{text}'", remedy="write left, right or both")
    return sides


def _word(text: str) -> str:
    return "-".join(text.strip().lower().split())


@functools.cache
def _by_word() -> dict[str, Site]:
    return {_word(word): site for site in SITES.values() for word in (site.name, site.code)}


def placements(codes: Iterable[str], sides: Sequence[str]) -> list[Placement]:
    """Every site with each of the sides; a site on the midline once, with side ``""``."""
    return [Placement(code, side) for code in codes for side in (sides if SITES[code].paired else ("",))]


def arrange(points: Sequence[Placement], order: str, first_side: str, random: Random) -> list[Placement]:
    """Bring placements into one of the :data:`ORDERS`.

    Args:
        points: what is to be visited.
        order: ``acr`` and ``mtps`` take the tender points in their order and other sites behind them, as listed.
        first_side: ``"L"`` or ``"R"``: which side of a pair comes first (not used by ``random``).
        random: source of the order ``random``; not touched by the others.

    Raises:
        ValueError: ``order`` is unknown.
    """
    if order == "random":
        return random.sample(points, len(points))
    ranks = {"as-listed": (), "acr": TENDER_POINTS, "mtps": MTPS_ORDER}.get(order)
    if ranks is None:
        raise ValueError(f"unknown order: {order}")
    listed = list(dict.fromkeys(point.site_code for point in points))
    sequence = [code for code in ranks if code in listed] + [code for code in listed if code not in ranks]
    return sorted(points, key=lambda point: (sequence.index(point.site_code), point.side != first_side))


@functools.cache
def _markers() -> dict[str, dict[str, str | float]]:
    text = Path(__file__).with_name("data").joinpath("body_map.json").read_text(encoding="utf-8")
    markers: dict[str, dict[str, str | float]] = json.loads(text)["markers"]
    return markers


def marker(placement: Placement) -> Marker:
    """Where to draw a placement on the body map. Coordinates are drawing aids (estimates), not clinical landmarks.

    The origin is the top left corner. Seen from the front the participant's right is on the viewer's left (x < 0.5);
    seen from the back it is the other way round. The palm inset is mirrored for the other hand.
    """
    entry = _markers()[placement.site_code]
    view, dx = str(entry["view"]), float(entry["dx"])
    viewer_left = "L" if view == "back" else "R"
    if not placement.side:
        dx = 0.0
    return Marker(view, 0.5 - dx if placement.side == viewer_left else 0.5 + dx, float(entry["y"]))


@functools.cache
def outline() -> Outline:
    """The figure of the body maps, the same in the console and in an analyst's pictures."""
    return msgspec.json.decode(
        Path(__file__).with_name("data").joinpath("body_outline.json").read_bytes(), type=Outline
    )
