"""The tables of a report, cell by cell, as text."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from qst.analysis.dataset import Dataset
from qst.analysis.plots.visit import Row, VisitView, place_name
from qst.record.records import Score
from qst.record.visit_log import VisitLog
from qst.units import DISPLAY_UNITS, format_display, format_value, to_display

#: What stands where nothing was measured.
NOTHING = "–"


class Cells(msgspec.Struct, frozen=True):
    """A table: its heads, its rows, the columns of numbers, and the rows that do not count, by their place."""

    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: frozenset[int] = frozenset()
    struck: frozenset[int] = frozenset()


def device_table(log: VisitLog) -> Cells:
    """The instruments, session by session, as they answered."""
    heads = ("session", "role", "model", "serial", "firmware", "calibrated", "area", "driver", "link", "detail")
    rows = [
        (
            str(session.number),
            one.role,
            one.model or NOTHING,
            one.serial or NOTHING,
            one.firmware or NOTHING,
            one.calibration_date or NOTHING,
            _area(one.tip_area_cm2, one.thermode_area_cm2),
            one.driver,
            one.link,
            one.detail or NOTHING,
        )
        for session in log.sessions
        for one in session.instruments
    ]
    return Cells(heads, rows)


def _area(tip_cm2: float | None, thermode_cm2: float | None) -> str:
    area = tip_cm2 if tip_cm2 is not None else thermode_cm2
    return NOTHING if area is None else f"{area:g} cm²"


def score_table(dataset: Dataset) -> Cells:
    """The summary values, made anew from the trials."""
    heads = (
        "summary value",
        "mean",
        "valid / planned",
        "censored",
        "missing",
        "SD",
        "median",
        "range",
        "mean, unrounded",
        "rule",
    )
    return Cells(heads, [_score_row(row) for row in dataset.thresholds.dicts()], frozenset(range(1, 9)))


def _score_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    unit = str(row["display_unit"])
    low, high = (_in_unit(row[name], unit) for name in ("min", "max"))
    return (
        f"{row['score_label']} ({row['score_id']})",
        _mean(row["mean_display"], unit),
        f"{row['n_valid']} / {row['n_planned']}",
        str(row["n_censored"]),
        str(row["n_missing"]),
        _in_unit(row["sd"], unit),
        _in_unit(row["median"], unit),
        NOTHING if row["min"] is None else f"{low} to {high}",
        _in_unit(row["mean_unrounded"], unit, more=1),
        f"{row['rule_id']}; {row['rounding']}",
    )


def recorded_scores(log: VisitLog) -> Cells:
    """The summary values as the visit recorded them at its end."""
    end = log.sessions[-1].end if log.sessions else None
    heads = ("summary value", "mean", "valid / planned", "censored", "rule")
    scores = end.summary if end is not None else ()
    return Cells(heads, [_recorded(score) for score in scores], frozenset({1, 2, 3}))


def _recorded(score: Score) -> tuple[str, ...]:
    return (
        f"{score.label} ({score.id})",
        _mean(score.mean_display, score.display_unit),
        f"{score.n_valid} / {score.n_planned}",
        str(score.n_censored),
        score.rule,
    )


def _mean(mean_display: float | None, unit: str) -> str:
    return "no value" if mean_display is None else format_display(mean_display, unit)


def _in_unit(value: float | None, unit: str, *, more: int = 0) -> str:
    """A value in °C or kPa as a bare number of the display unit, which stands beside it."""
    if value is None:
        return NOTHING
    return format_value(value, unit, decimals=DISPLAY_UNITS[unit].decimals + more).split(" ")[0]


def trial_table(view: VisitView) -> Cells:
    """Every attempt, valid or not."""
    heads = (
        "trial",
        "attempt",
        "modality",
        "place",
        "no.",
        "result",
        "at response",
        "peak",
        "cut-off",
        "rate",
        "achieved",
        "latency, s",
        "counts",
        "CEM43, min",
        "note",
    )
    struck = frozenset(index for index, row in enumerate(view.rows) if not row["valid"] or row["superseded"])
    return Cells(heads, [_trial_row(view, row) for row in view.rows], frozenset({0, 1, 6, 7, 8, 9, 10, 11, 13}), struck)


def _trial_row(view: VisitView, row: Row) -> tuple[str, ...]:
    planned = view.planned(row)
    unit = planned.rounding.display_unit if planned is not None else row["display_unit"] or row["unit_ucum"]
    return (
        str(row["sequence_index"]),
        str(row["attempt"]),
        row["modality"],
        place_name(row),
        "practice" if row["is_practice"] else str(row["repeat_index"]),
        view.ending(row).replace(" ", "\u00a0", 1) if row["outcome"] == "response" else view.ending(row),
        _in_unit(row["value_at_response"], unit),
        _in_unit(row["value_peak"], unit),
        NOTHING if row["cutoff"] is None else format_value(row["cutoff"], unit).replace(" ", "\u00a0"),
        _rate(row["rate_commanded"], unit),
        _achieved(row, unit),
        NOTHING if row["response_latency_s"] is None else f"{row['response_latency_s']:.2f}",
        _counts(row),
        NOTHING if row["cem43_min"] is None else f"{row['cem43_min']:.2g}",
        _remarks(row),
    )


def _rate(rate: float | None, unit: str) -> str:
    return NOTHING if rate is None else f"{to_display(rate, unit):.4g}"


def _achieved(row: Row, unit: str) -> str:
    mean, spread = row["rate_achieved_mean"], row["rate_achieved_sd"]
    if mean is None:
        return f"{NOTHING} {row['rate_flag']}".strip()
    said = f"{to_display(mean, unit):.3f}" + ("" if spread is None else f" ± {to_display(spread, unit):.3f}")
    return f"{said} {row['rate_flag']}".strip()


def _counts(row: Row) -> str:
    if not row["valid"]:
        return f"no: {row['invalid_reason']}" if row["invalid_reason"] else "no"
    if row["superseded"]:
        return "no: replaced by a later attempt"
    if row["is_practice"]:
        return "practice"
    return "yes" if row["censoring"] == "none" else f"censored ({row['censoring']})"


def _remarks(row: Row) -> str:
    typed = f"typed: {row['raw_text']}" if row["raw_text"] else ""
    return "; ".join(filter(None, (typed, row["note"] or "")))
