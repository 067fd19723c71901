"""The one figure of all body maps: markers of the trunk and the limbs lie on it."""

import pytest

from qst.sites import TENDER_POINTS, Placement, marker, outline


def inside(x: float, y: float) -> bool:
    """Whether a place lies in the outline (even-odd rule) or in the head."""
    figure = outline()
    right = [(0.5 + dx, height) for dx, height in figure.half]
    corners = right + [(1 - across, height) for across, height in reversed(right)]
    odd = False
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            odd = not odd
    head = figure.head
    return odd or ((x - 0.5) / head["rx"]) ** 2 + ((y - head["y"]) / head["ry"]) ** 2 <= 1


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("code", TENDER_POINTS)
def test_every_tender_point_lies_on_the_figure(code: str, side: str) -> None:
    place = marker(Placement(code, side))
    assert inside(place.x, place.y)
    assert not inside(0.02, place.y)
