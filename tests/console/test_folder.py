"""What the start screen knows of the data folder: names that are slips, numbers that come next, visits that can go on."""

from pathlib import Path

import pytest

from qst.cli import _run
from qst.console.folder import known_participants, lookalikes, next_visit, open_visits, within_one_edit

KNOWN = ("P01", "P02", "P11", "FM-007", "anna3")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("P0l", ("P01",)),
        ("PO1", ("P01",)),
        ("p01", ("P01",)),
        ("P-01", ("P01",)),
        ("FM007", ("FM-007",)),
        ("FM-070", ("FM-007",)),
        ("anan3", ("anna3",)),
        ("ana3", ("anna3",)),
    ],
)
def test_slips_are_pointed_out(typed: str, meant: tuple[str, ...]) -> None:
    assert lookalikes(typed, KNOWN) == meant


@pytest.mark.parametrize("typed", ["P01", "P03", "P12", "FM-008", "bert4", ""])
def test_known_ones_and_new_numbers_are_no_slips(typed: str) -> None:
    assert lookalikes(typed, KNOWN) == ()


def test_one_edit_is_one_edit() -> None:
    assert within_one_edit("abc", "abd")
    assert within_one_edit("abc", "ab")
    assert within_one_edit("abc", "xabc")
    assert within_one_edit("abc", "acb")
    assert not within_one_edit("abc", "cba")
    assert not within_one_edit("abc", "a")


def test_the_folder_tells_who_is_known_and_what_comes_next(tmp_path: Path) -> None:
    for name in ("P01_visit-1_demo.jsonl", "P01_visit-2_demo_2.jsonl", "P2_visit-1_a_b.jsonl", "other.jsonl", "x.txt"):
        (tmp_path / name).touch()
    assert known_participants(tmp_path) == ("P01", "P2")
    assert next_visit(tmp_path, "P01") == 3
    assert next_visit(tmp_path, "P9") == 1
    assert known_participants(tmp_path / "none") == ()


def test_only_visits_that_can_go_on_are_offered(tmp_path: Path) -> None:
    assert _run(["run", "demo-quick", "--simulate", "--participant", "P01", "--data", str(tmp_path), "--json"]) == 0
    assert open_visits(tmp_path) == ()
    (path,) = tmp_path.glob("*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    (tmp_path / "P02_visit-1_demo-quick.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    (tmp_path / "P03_visit-1_demo-quick.jsonl").write_bytes(b"no log\n")
    (found,) = open_visits(tmp_path)
    assert found.log.endswith("P02_visit-1_demo-quick.jsonl")
    assert (found.protocol_id, found.simulated, found.n_planned) == ("demo-quick", True, 4)
