"""What a visit says about each place on the body: a threshold, a bound of one, or why there is none."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from qst.analysis.plots.visit import Row, VisitView, shown
from qst.instruments import Modality
from qst.record.records import Censoring
from qst.sites import Placement
from qst.units import DISPLAY_UNITS


class Status(StrEnum):
    """What is known about a place."""

    MEASURED = "measured"
    ABOVE = "beyond the cut-off"
    BELOW = "pain at the start"
    INVALID = "no valid value"
    MISSING = "not done"


class Point(NamedTuple):
    """A place and one modality. ``value`` is the mean of the measured trials in ``unit`` (a display unit, UCUM).

    ``text`` is what stands beside it, without its unit; ``counted`` says of how many trials, where there are several.
    """

    place: Placement
    modality: Modality
    status: Status
    value: float | None
    unit: str
    text: str
    counted: str


def points(view: VisitView) -> list[Point]:
    """One point for every place and modality that was planned, practice left out, in the order of the visit."""
    planned: dict[tuple[Placement, Modality], set[int]] = {}
    for place, modality, index in _asked(view):
        planned.setdefault((place, modality), set()).add(index)
    return [_point(view, place, modality, indices) for (place, modality), indices in planned.items()]


def _asked(view: VisitView) -> Iterable[tuple[Placement, Modality, int]]:
    if view.plan is not None:
        for trial in view.plan.trials:
            if not trial.is_practice:
                yield Placement(trial.site_code, trial.side), trial.modality, trial.sequence_index
        return
    for row in view.rows:
        if not row["is_practice"]:
            yield Placement(row["site_code"], row["side"] or ""), Modality(row["modality"]), row["sequence_index"]


def _point(view: VisitView, place: Placement, modality: Modality, indices: set[int]) -> Point:
    tried = [row for row in view.rows if row["sequence_index"] in indices]
    standing = [row for index, row in view.standing.items() if index in indices]
    measured = [row for row in standing if row["censoring"] == Censoring.NONE and row["value_display"] is not None]
    unit = _unit(view, tried, modality)
    status = _status(measured, standing, tried)
    value = _mean(measured) if measured else None
    text = _text(view, status, value, standing, unit)
    counted = _counted(measured, standing, indices) if len(indices) > 1 else ""
    return Point(place, modality, status, value, unit, text, counted)


def _counted(measured: Sequence[Row], standing: Sequence[Row], indices: set[int]) -> str:
    n_censored = sum(row["censoring"] != Censoring.NONE for row in standing)
    censored = f", {n_censored} censored" if n_censored else ""
    return f" ({len(measured)} of {len(indices)} trials{censored})"


def _status(measured: Sequence[Row], standing: Sequence[Row], tried: Sequence[Row]) -> Status:
    if measured:
        return Status.MEASURED
    if standing:
        return Status.BELOW if standing[0]["censoring"] == Censoring.LEFT else Status.ABOVE
    return Status.INVALID if tried else Status.MISSING


def _mean(rows: Sequence[Row]) -> float:
    """Mean in decimal, as scores are made: no binary dust."""
    return float(sum((Decimal(repr(row["value_display"])) for row in rows), Decimal()) / len(rows))


def _unit(view: VisitView, tried: Sequence[Row], modality: Modality) -> str:
    known = [str(row["display_unit"]) for row in tried if row["display_unit"]]
    if view.plan is not None:
        known += [one.rounding.display_unit for one in view.plan.trials if one.modality is modality]
    return known[0] if known else "kPa" if modality is Modality.PRESSURE else "Cel"


def _text(view: VisitView, status: Status, value: float | None, standing: Sequence[Row], unit: str) -> str:
    if value is not None:
        alone = view.planned(standing[0])
        step = alone.rounding.step if alone is not None and len(standing) == 1 else None
        return shown(value, unit, step).removesuffix(f" {DISPLAY_UNITS[unit].label}")
    if status in (Status.ABOVE, Status.BELOW):
        return view.beyond(standing[0]).removesuffix(f" {DISPLAY_UNITS[unit].label}")
    return "invalid" if status is Status.INVALID else "not done"
