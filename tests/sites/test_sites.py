"""Sites, sides and orders."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst import sites
from qst.errors import InputError
from qst.sites import Placement

TENDER = sites.placements(sites.TENDER_POINTS, ("L", "R"))


def test_there_are_eighteen_tender_points_with_landmarks() -> None:
    assert len(TENDER) == len(set(TENDER)) == 18
    assert sites.TENDER_POINTS == ("OCC", "LCE", "TRP", "SSP", "RB2", "LEP", "GLU", "GTR", "KNE")
    assert all(sites.SITES[code].landmark and sites.SITES[code].posture for code in sites.TENDER_POINTS)


def test_codes_and_names_are_unique() -> None:
    words = [word.lower() for site in sites.SITES.values() for word in {site.code.lower(), site.name.lower()}]
    assert len(words) == len(set(words))
    assert not set(sites.GROUPS) & set(words)


@pytest.mark.parametrize("text", ["thenar", "Thenar", " thenar eminence ", "THENAR EMINENCE"])
def test_a_site_is_found_by_code_or_name(text: str) -> None:
    assert sites.find_site(text).code == "thenar"


def test_an_unknown_site_names_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown site 'thener'") as caught:
        sites.find_site("thener")
    assert "did you mean 'thenar'" in caught.value.remedy


def test_groups_and_single_sites() -> None:
    assert [site.code for site in sites.find_sites("tender-points")] == list(sites.TENDER_POINTS)
    assert [site.code for site in sites.find_sites("control-points")] == ["forehead", "forearm", "thumb"]
    assert [site.code for site in sites.find_sites("KNE")] == ["KNE"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("L", ("L",)), ("left", ("L",)), ("Right", ("R",)), ("r", ("R",)), ("both", ("L", "R"))],
)
def test_sides(text: str, expected: tuple[str, ...]) -> None:
    assert sites.parse_side(text) == expected


def test_there_is_no_side_in_the_middle() -> None:
    with pytest.raises(InputError, match="unknown side 'middle'") as caught:
        sites.parse_side("middle")
    assert "left, right or both" in caught.value.remedy


def test_a_site_on_the_midline_has_one_placement() -> None:
    assert sites.placements(["forehead", "KNE"], ("L", "R")) == [
        Placement("forehead", ""),
        Placement("KNE", "L"),
        Placement("KNE", "R"),
    ]


def test_labels_say_the_side_in_words() -> None:
    assert sites.SITES["thenar"].label("R") == "right thenar eminence"
    assert sites.SITES["forehead"].label("") == "forehead"


def _codes(points: list[Placement]) -> list[str]:
    return list(dict.fromkeys(point.site_code for point in points))


def test_acr_order_is_that_of_the_listing() -> None:
    shuffled = Random(3).sample(TENDER, len(TENDER))
    ordered = sites.arrange(shuffled, "acr", "R", Random(0))
    assert _codes(ordered) == list(sites.TENDER_POINTS)
    assert [point.side for point in ordered] == ["R", "L"] * 9


def test_mtps_order_begins_with_the_confirmed_groups() -> None:
    ordered = sites.arrange(TENDER, "mtps", "L", Random(0))
    assert _codes(ordered)[:5] == ["OCC", "TRP", "SSP", "GLU", "LCE"]
    assert ordered[0] == Placement("OCC", "L")
    assert not {"forehead", "forearm", "thumb"} & set(_codes(ordered))


def test_sites_without_a_rank_come_last_as_listed() -> None:
    points = sites.placements(["thumb", "KNE", "forearm", "OCC"], ("R",))
    assert _codes(sites.arrange(points, "acr", "R", Random(0))) == ["OCC", "KNE", "thumb", "forearm"]


def test_an_unknown_order_is_a_mistake_of_the_code() -> None:
    with pytest.raises(ValueError, match="unknown order"):
        sites.arrange(TENDER, "alphabetical", "R", Random(0))


@given(st.integers(), st.sampled_from(sites.ORDERS), st.sampled_from(["L", "R"]))
def test_every_order_visits_every_placement_once(seed: int, order: str, first: str) -> None:
    ordered = sites.arrange(TENDER, order, first, Random(seed))
    assert sorted(ordered) == sorted(TENDER)
    assert ordered == sites.arrange(TENDER, order, first, Random(seed))


def test_seeds_give_different_random_orders() -> None:
    assert len({tuple(sites.arrange(TENDER, "random", "R", Random(seed))) for seed in range(20)}) == 20


def test_every_site_has_a_marker_inside_the_figure() -> None:
    for site in sites.SITES.values():
        for side in ("L", "R") if site.paired else ("",):
            marker = sites.marker(Placement(site.code, side))
            assert 0 < marker.x < 1
            assert 0 < marker.y < 1


def test_left_and_right_follow_the_view() -> None:
    assert sites.marker(Placement("KNE", "R")).x < 0.5 < sites.marker(Placement("KNE", "L")).x  # from the front
    assert sites.marker(Placement("GLU", "L")).x < 0.5 < sites.marker(Placement("GLU", "R")).x  # from the back
    assert sites.marker(Placement("forehead", "")).x == 0.5
