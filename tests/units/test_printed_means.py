"""A mean that lies half-way reads the same wherever it is printed: decimal half-up, as each value was rounded."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import msgspec
import pytest

from qst.analysis.plots import over_visits
from qst.analysis.plots.visit import shown
from qst.analysis.report import tables
from qst.cli import importing, live, summary
from qst.console.pages import finish
from qst.instruments import Modality
from qst.record.records import Score

#: Of the reported values 32.60 and 32.61; their median was always printed as 32.61.
HALF_WAY = Score(
    id="HPT",
    label="Heat",
    modality=Modality.HEAT,
    rule="mean",
    unit_ucum="Cel",
    display_unit="Cel",
    n_planned=2,
    n_valid=2,
    n_censored=0,
    mean=32.605,
    mean_display=32.605,
    mean_unrounded=32.605,
    sd=0.015,
    median=32.605,
    min=32.6,
    max=32.61,
)


def _row() -> dict[str, Any]:
    more = {"score_id": "HPT", "score_label": "Heat", "n_missing": 0, "rule_id": "mean-v1", "rounding": "half-up"}
    return msgspec.structs.asdict(HALF_WAY) | more


@pytest.mark.parametrize(
    "printed",
    [
        lambda: live.summary_line(HALF_WAY, 8),
        lambda: " ".join(importing._score_cells(HALF_WAY)),
        lambda: " ".join(summary._cells(_row())),
        lambda: " ".join(tables._recorded(HALF_WAY)),
        lambda: " ".join(tables._score_row(_row())),
        lambda: over_visits._number(_row()),
        lambda: shown(32.605, "Cel"),
    ],
    ids=["live", "importing", "summary", "report, recorded", "report, made anew", "over visits", "body map"],
)
def test_a_mean_half_way_goes_up(printed: Callable[[], str]) -> None:
    assert "32.61 °C" in printed()
    assert "32.60 °C" not in printed()


def test_a_mean_half_way_goes_up_on_the_finish_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(finish, "box", lambda *_: nullcontext())
    monkeypatch.setattr(finish, "text", lambda _, words, *__: said.append(words))
    finish._score(HALF_WAY)
    assert said == ["Heat", "32.61 °C", "2 of 2"]


def test_the_spread_beside_a_mean_is_rounded_like_it() -> None:
    assert summary._cells(_row())[2] == "0.02"
