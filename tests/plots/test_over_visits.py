"""Thresholds over visits: what is joined, what is a gap, and that no participant takes the place of another."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import qst
from qst.analysis.plots import drawing, over_visits, pictures, plot
from tests.plots.seen import words, xs
from tests.plots.visits import DEMO, one_visit, visit_log
from tests.record.logs import forge, write_visit


def threshold(visit: int, mean: float | None, **changes: Any) -> dict[str, Any]:
    row = {
        "study_id": "",
        "participant_id": "P01",
        "visit": visit,
        "protocol_id": "demo",
        "protocol_sha256": "a" * 64,
        "is_simulated": False,
        "score_id": "HPT",
        "score_label": "Heat",
        "display_unit": "Cel",
        "n_planned": 3,
        "n_valid": 3,
        "n_censored": 0,
        "n_missing": 0,
        "complete": True,
        "mean_display": mean,
        "sd": 0.5,
    }
    return row | changes


def joined(*rows: dict[str, Any]) -> set[tuple[int, int]]:
    """Which visits a line joins."""
    with drawing():
        picture = over_visits.picture("", "P01", rows)
        lines = [line for line in picture.figure.axes[0].lines if len(xs(line)) == 2 and line.get_zorder() == 1]
    return {(int(xs(line)[0]), int(xs(line)[1])) for line in lines}


def test_lines_join_neighbouring_visits_only() -> None:
    assert joined(threshold(1, 38.0), threshold(2, 38.5), threshold(4, 39.0)) == {(1, 2)}


@pytest.mark.parametrize(
    "second",
    [
        threshold(2, 38.5, is_simulated=True),
        threshold(2, 38.5, protocol_sha256="b" * 64),
        threshold(2, None, n_valid=0, n_censored=3, complete=False),
    ],
    ids=["simulated and real", "another protocol", "no mean"],
)
def test_what_is_not_alike_is_never_joined(second: dict[str, Any]) -> None:
    assert joined(threshold(1, 38.0), second) == set()


def test_a_visit_with_two_logs_is_joined_to_nothing() -> None:
    assert joined(threshold(1, 38.0), threshold(2, 38.5), threshold(2, 39.0), threshold(3, 38.0)) == set()


def test_means_stand_with_their_numbers_and_gaps_are_named() -> None:
    rows = (
        threshold(1, 38.0, n_valid=2, n_censored=1, complete=False),
        threshold(2, None, n_valid=0, n_missing=3, complete=False),
        threshold(4, 39.0),
    )
    with drawing():
        picture = over_visits.picture("S", "P01", rows)
        said = words(picture)
        faces = [line.get_markerfacecolor() for line in picture.figure.axes[0].lines if line.get_marker() == "o"]
    assert "38.00 °C\nn = 2 of 3\n1 censored" in said
    assert "no mean\nn = 0 of 3\n3 missing" in said
    assert "no log" in said
    assert faces[0] == "white"
    assert faces[-1] != "white"
    assert "SIMULATED" not in said


def axis(*rows: dict[str, Any], logs: Sequence[int] = ()) -> tuple[dict[float, str], str]:
    """The ticks of the first panel, by their places, and every text on the picture."""
    with drawing():
        picture = over_visits.picture("", "P01", rows, logs)
        (panel, *_) = picture.figure.axes
        ticks = {
            float(at): label.get_text() for at, label in zip(panel.get_xticks(), panel.get_xticklabels(), strict=True)
        }
        return ticks, words(picture)


def test_visits_with_numbers_far_apart_stand_side_by_side() -> None:
    ticks, said = axis(threshold(1, 38.0), threshold(2, 38.5), threshold(300, 39.0))
    assert ticks == {1: "1", 2: "2", 4: "300"}
    assert "visits 3–299:\nno log" in said
    assert said.count("no log") == 1


def test_a_dozen_absent_visits_have_their_places_and_more_have_one_a_gap() -> None:
    ticks, said = axis(threshold(1, 38.0), threshold(3, 38.0), threshold(15, 39.0))
    assert (ticks, said.count("no log")) == ({visit: str(visit) for visit in range(1, 16)}, 12)
    ticks, said = axis(threshold(1, 38.0), threshold(3, 38.0), threshold(16, 39.0))
    assert ticks == {1: "1", 2: "2", 3: "3", 5: "16"}
    assert said.count("no log") == 2
    assert "visits 4–15:" in said


def test_no_line_leads_over_a_gap_that_has_one_place() -> None:
    assert joined(threshold(1, 38.0), threshold(300, 38.5), threshold(301, 39.0)) == {(3, 4)}


def test_a_log_without_the_score_is_not_said_to_be_missing() -> None:
    """That of another protocol, or of one that this version cannot score."""
    ticks, said = axis(threshold(1, 38.0), threshold(3, 38.0), logs=[1, 2, 3])
    assert ticks == {1: "1", 2: "2", 3: "3"}
    assert "no such\nscore" in said
    assert "no log" not in said


def test_a_visit_that_cannot_be_scored_is_in_the_picture_of_its_participant(tmp_path: Path) -> None:
    one_visit(tmp_path, DEMO)
    uuid = "00000000-0000-4000-8000-000000000001"
    write_visit(tmp_path / "other.jsonl", study_id="", visit=2, session_uuid=uuid)
    with drawing():
        (picture,) = pictures(qst.read(tmp_path), "visits")
        assert "no such\nscore" in words(picture)


def test_a_panel_without_a_mean_has_no_scale() -> None:
    none = threshold(1, None, n_valid=0, n_censored=3, complete=False)
    with drawing():
        picture = over_visits.picture("", "P01", [none, threshold(1, 38.0, score_id="CPT")])
        without, with_mean = (len(panel.get_yticks()) for panel in picture.figure.axes)
    assert without == 0
    assert with_mean > 0


def test_no_participant_takes_the_place_of_another(tmp_path: Path) -> None:
    """Joined with '_', each of these studies and participants comes to the same name, or to one that was given."""
    whose = [("A_B", "C"), ("A", "B_C"), ("A", "b_c"), ("A_B", "C_2")]
    for number, (study_id, participant_id) in enumerate(whose):
        uuid = f"00000000-0000-4000-8000-{number:012d}"
        log = visit_log(DEMO)
        for name, value in (("study_id", study_id), ("participant_id", participant_id), ("session_uuid", uuid)):
            log = re.sub(rb'("%b":)"[^"]*"' % name.encode(), rb'\1"%b"' % value.encode(), log, count=1)
        (tmp_path / f"{number}.jsonl").write_bytes(forge(log, b"", b""))
    written = plot(qst.read(tmp_path), "visits", tmp_path / "col.svg")
    assert [path.name for path in written] == [
        "col.A_B_C.svg",
        "col.A_b_c_2.svg",
        "col.A_B_C_3.svg",
        "col.A_B_C_2_2.svg",
    ]
    assert len({path.read_bytes() for path in written}) == 4
