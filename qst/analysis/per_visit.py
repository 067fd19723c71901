"""The threshold table and the visit table, made of the trial table: what an analyst corrected counts in both."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import INTERRUPTED
from qst.analysis.log_rows import Facts
from qst.analysis.scores import latest_valid, rule_id, score
from qst.analysis.summary_columns import THRESHOLD_COLUMNS, VISIT_COLUMNS
from qst.analysis.trial_table import Visit
from qst.errors import InputError
from qst.protocol.loader import LoadedProtocol, load_bytes
from qst.protocol.plan import Plan
from qst.protocol.planner import make_plan
from qst.record.records import Censoring, Score

Unscored = tuple[str, str]  # the visit's log, and why it has no scores


class _Row(NamedTuple):
    """What scoring needs of an attempt; the names are those of columns."""

    sequence_index: int
    attempt: int
    supersedes: int | None
    valid: bool
    censoring: str
    source: str
    unit_ucum: str
    value_reported: float | None
    value_display: float | None
    value_at_response: float | None
    value_peak: float | None


_OUTCOME: Final = "outcome"


def _attempts(trials: Mapping[str, Sequence[Any]], visit: Visit) -> list[_Row]:
    """The attempts of a visit whose results were recorded."""
    cells = [trials[name][visit.begin : visit.end] for name in _Row._fields]
    outcomes = trials[_OUTCOME][visit.begin : visit.end]
    rows = map(_Row._make, zip(*cells, strict=True))
    return [row for row, outcome in zip(rows, outcomes, strict=True) if outcome != INTERRUPTED]


def _corrected(trials: Mapping[str, Sequence[Any]], visit: Visit) -> dict[int, int]:
    """Number of corrected attempts, by sequence index."""
    found: dict[int, int] = {}
    spans = (trials[name][visit.begin : visit.end] for name in ("sequence_index", "corrected"))
    for sequence_index, corrected in zip(*spans, strict=True):
        if corrected:
            found[sequence_index] = found.get(sequence_index, 0) + 1
    return found


def threshold_table(trials: Mapping[str, Sequence[Any]], visits: Iterable[Visit]) -> tuple[Table, tuple[Unscored, ...]]:
    """The threshold table, and the visits that could not be scored.

    Args:
        trials: columns of the trial table by name.
        visits: where each visit stands in them.
    """
    rows: list[tuple[Cell, ...]] = []
    unscored = []
    load = cache(_load)
    for visit in visits:
        try:
            rows += _scored(trials, visit, plan_of(trials, visit, load))
        except (InputError, ValueError) as error:  # a protocol or a rule of another version of the suite
            unscored.append((visit.path, f"its protocol cannot be scored by this version: {error}"))
    return _table("thresholds", "One row a participant, visit and score.", THRESHOLD_COLUMNS, rows), tuple(unscored)


def _load(text: str) -> LoadedProtocol:
    return load_bytes(text.encode("utf-8"), "the log's protocol")


def plan_of(trials: Mapping[str, Sequence[Any]], visit: Visit, load: Callable[[str], LoadedProtocol] = _load) -> Plan:
    """What the protocol of a visit and its seed come to, if its attempts were made after that.

    Args:
        trials: columns of the trial table by name.
        visit: where the visit stands in them.
        load: reads a protocol's text.

    Raises:
        InputError: the protocol is none that this version can read, or the attempts were at other trials. Paired with
            them by its place alone, a value would stand at a site where nothing was measured.
    """
    plan = make_plan(load(visit.facts.protocol_text), visit.facts.seed)
    planned = {one.sequence_index: one.step_id for one in plan.trials}
    span = slice(visit.begin, visit.end)
    for index, step_id in zip(trials["sequence_index"][span], trials["step_id"][span], strict=True):
        if planned.get(index) != step_id:
            raise InputError(
                f"trial {index} was {step_id}, and the protocol with the seed {visit.facts.seed} plans "
                f"{planned.get(index, 'no such trial')} there; another version may have planned the visit, or its "
                "seed is not the one that the log states"
            )
    return plan


def _scored(trials: Mapping[str, Sequence[Any]], visit: Visit, plan: Plan) -> Iterator[tuple[Cell, ...]]:
    standing = latest_valid(_attempts(trials, visit))
    corrected = _corrected(trials, visit)
    for rule in plan.scores:
        asked = {one.sequence_index for one in plan.trials if one.stimulus_id == rule.stimulus_id}
        rounding = f"half-up to {rule.rounding.step} {rule.rounding.display_unit}"
        made = score(rule, plan.trials, standing)
        n_corrected = sum(count for index, count in corrected.items() if index in asked)
        yield (
            *_whose(visit.facts),
            visit.facts.outcome,
            *_score_cells(made, rule_id(rule), rounding),
            n_corrected,
            visit.path,
        )


def _score_cells(made: Score, rule: str, rounding: str) -> tuple[Cell, ...]:
    return (
        made.id,
        made.label,
        made.modality.value,
        rule,
        rounding,
        made.n_planned,
        made.n_valid,
        made.n_censored,
        made.n_planned - made.n_valid - made.n_censored,
        made.n_valid == made.n_planned,
        made.mean,
        made.sd,
        made.median,
        made.min,
        made.max,
        made.unit_ucum,
        made.mean_unrounded,
        made.mean_display,
        made.display_unit,
    )


def visit_table(trials: Mapping[str, Sequence[Any]], visits: Iterable[Visit]) -> Table:
    """The visit table; arguments as for :func:`threshold_table`."""
    rows = [_visit_cells(trials, visit) for visit in visits]
    return _table("visits", "One row a visit.", VISIT_COLUMNS, rows)


def _visit_cells(trials: Mapping[str, Sequence[Any]], visit: Visit) -> tuple[Cell, ...]:
    facts = visit.facts
    attempts = _attempts(trials, visit)
    standing = latest_valid(attempts)
    missing = [index for index in range(1, facts.n_planned + 1) if index not in standing]
    return (
        *_whose(facts),
        facts.schema_version,
        facts.software_versions,
        facts.operator_ids,
        facts.station_id,
        facts.clock,
        facts.seed,
        facts.outcome,
        facts.outcome_reason,
        not missing,
        facts.n_planned,
        visit.end - visit.begin,
        len(standing),
        sum(not row.valid for row in attempts),
        visit.end - visit.begin - len(attempts),
        sum(row.censoring != Censoring.NONE for row in standing.values()),
        " ".join(map(str, missing)),
        facts.n_deviations,
        facts.deviations,
        facts.n_adverse_events,
        facts.adverse_events,
        facts.n_faults,
        facts.n_sessions,
        sum(_corrected(trials, visit).values()),
        facts.started_utc,
        facts.ended_utc,
        facts.tz_offset,
        facts.torn_bytes,
        facts.last_hash,
        visit.path,
    )


def _whose(facts: Facts) -> tuple[Cell, ...]:
    return (
        facts.study_id,
        facts.participant_id,
        facts.visit,
        facts.session_uuid,
        facts.protocol_id,
        facts.protocol_version,
        facts.protocol_sha256,
        facts.simulated,
    )


def _table(name: str, label: str, columns: tuple[Any, ...], rows: Sequence[tuple[Cell, ...]]) -> Table:
    cells = tuple(zip(*rows, strict=True)) if rows else ((),) * len(columns)
    return Table(name=name, label=label, columns=columns, cells=cells)
