"""``qst.read``: any number of visit logs as one dataset of three tables."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import COLUMNS, Column
from qst.analysis.summary import VisitSummary, summarise
from qst.analysis.summary_columns import THRESHOLD_COLUMNS, VISIT_COLUMNS
from qst.analysis.table import row_tuples
from qst.errors import InputError
from qst.protocol.loader import load_bytes
from qst.protocol.planner import make_plan
from qst.record.reader import read_log
from qst.record.visit_log import VisitLog

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Cell", "Column", "Dataset", "LeftOut", "Table", "Traces", "read"]

Paths = str | Path | Iterable[str | Path]
Which = Literal["real", "simulated", "both"]

RULE_ID: Final = "mean-of-reported-v1"


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A log that gave no rows, or a part of one that was left out.

    Attributes:
        path: the file.
        reason: a stable word: ``torn``, ``edited``, ``duplicate``, ``foreign``, ``newer_schema``, ``half_copied``, …
        text: what is wrong, for people.
    """

    path: str
    reason: str
    text: str


class Traces(NamedTuple):
    """The samples of one attempt. ``time_s`` counts from the attempt's start, ``value`` in ``unit`` (UCUM)."""

    time_s: "npt.NDArray[np.float64]"
    value: "npt.NDArray[np.float64]"
    unit: str


class Dataset:
    """What visit logs come to; made by :func:`read`.

    Attributes:
        trials: one row an attempt, valid or not.
        left_out: what could not be used, named.
    """

    def __init__(self, logs: Sequence[tuple[Path, VisitLog]], left_out: Sequence[LeftOut]) -> None:
        self._logs = logs
        self.left_out = tuple(left_out)

    @cached_property
    def trials(self) -> Table:
        """One row an attempt, valid or not."""
        rows = [row for _, log in self._logs for row in row_tuples(log)]
        return _table("trials", "One row an attempt, valid or not.", COLUMNS, rows)

    @cached_property
    def thresholds(self) -> Table:
        """One row a participant, visit and score: means of valid, uncensored trials, with their numbers."""
        rows = [row for path, log in self._logs for row in _threshold_rows(path, log)]
        return _table("thresholds", "One row a participant, visit and score.", THRESHOLD_COLUMNS, rows)

    @cached_property
    def visits(self) -> Table:
        """One row a visit: how complete it is, how it ended, what happened."""
        rows = [row for path, log in self._logs if (row := _visit_row(path, log)) is not None]
        return _table("visits", "One row a visit.", VISIT_COLUMNS, rows)

    def traces(self, trial: Mapping[str, Any]) -> Traces:
        """The samples of one attempt.

        Args:
            trial: anything with ``session_uuid``, ``sequence_index`` and ``attempt``, such as a row of ``trials``.

        Raises:
            KeyError: the dataset has no such attempt.
        """
        import numpy as np  # noqa: PLC0415 - large, and needed here only

        for path, log in self._logs:
            if log.header is not None and log.header.session_uuid == trial["session_uuid"]:
                found = read_log(path, traces=True).traces(int(trial["sequence_index"]), int(trial["attempt"]))
                times = np.array([t for trace in found for t in trace.t_s], dtype=np.float64)
                values = np.array([v for trace in found for v in trace.value], dtype=np.float64)
                return Traces(times, values, found[0].unit if found else "")
        raise KeyError(trial["session_uuid"])


def read(
    paths: Paths, *, simulated: Which | None = None, corrections: Path | None = None, verify: bool = True
) -> Dataset:
    """Read visit logs into one dataset.

    Args:
        paths: a log, a folder, a pattern such as ``data/*.jsonl``, or several of them.
        simulated: which visits to take: ``real``, ``simulated``, or ``both``; None refuses a mixture.
        corrections: an analyst's overlay file.
        verify: check every hash.

    Raises:
        InputError: nothing was found, or real and simulated visits would mix.
    """
    if corrections is not None:
        raise InputError("corrections cannot be read yet", where=str(corrections))
    logs, left_out = [], []
    for path in _files(paths):
        log = read_log(path, verify=verify)
        if log.header is None or log.damage:
            damage = log.damage[0] if log.damage else None
            reason, text = (damage.kind.value, damage.what) if damage else ("torn", "it ends inside its first record")
            left_out.append(LeftOut(path=str(path), reason=reason, text=text))
        else:
            logs.append((path, log))
    kinds = [log.header.simulated for _, log in logs if log.header is not None]
    if simulated is None and len(set(kinds)) > 1:
        raise InputError(
            f"these are {sum(kinds)} simulated and {len(kinds) - sum(kinds)} real visits",
            remedy='say simulated="real", "simulated" or "both"',
        )
    if simulated in ("real", "simulated"):
        logs = [(p, log) for p, log in logs if log.header and log.header.simulated == (simulated == "simulated")]
    return Dataset(logs, left_out)


def _files(paths: Paths) -> list[Path]:
    if isinstance(paths, str | Path):
        path = Path(paths)
        if path.is_dir():
            return sorted(path.rglob("*.jsonl"))
        return sorted(path.parent.glob(path.name)) if "*" in path.name else [path]
    return [file for path in paths for file in _files(path)]


def _table(name: str, label: str, columns: tuple[Column, ...], rows: Sequence[tuple[Cell, ...]]) -> Table:
    cells = tuple(zip(*rows, strict=True)) if rows else ((),) * len(columns)
    return Table(name=name, label=label, columns=columns, cells=cells)


def _whose(log: VisitLog) -> tuple[Cell, ...]:
    header = log.header
    if header is None:
        return ()
    return (
        header.study_id,
        header.participant_id,
        header.visit,
        header.session_uuid,
        header.protocol_id,
        header.protocol_version,
        header.protocol_sha256,
        header.simulated,
    )


def _threshold_rows(path: Path, log: VisitLog) -> list[tuple[Cell, ...]]:
    header = log.header
    if header is None:
        return []
    plan = make_plan(load_bytes(header.protocol_text.encode("utf-8"), log.name), header.seed)
    made = summarise(log, plan)
    return [
        (
            *_whose(log),
            log.outcome.value,
            score.id,
            score.label,
            score.modality.value,
            RULE_ID,
            f"half-up to {rule.rounding.step} {rule.rounding.display_unit}",
            score.n_planned,
            score.n_valid,
            score.n_censored,
            score.n_planned - score.n_valid - score.n_censored,
            score.n_valid == score.n_planned,
            score.mean,
            score.sd,
            score.median,
            score.min,
            score.max,
            score.unit_ucum,
            score.mean_unrounded,
            score.mean_display,
            score.display_unit,
            0,
            str(path),
        )
        for rule, score in zip(plan.scores, made.scores if made else (), strict=True)
    ]


def _visit_row(path: Path, log: VisitLog) -> tuple[Cell, ...] | None:
    header, made = log.header, summarise(log)
    if header is None or made is None:
        return None
    return (*_whose(log), *_course(path, log, made))


def _course(path: Path, log: VisitLog, made: VisitSummary) -> tuple[Cell, ...]:
    header = log.header
    if header is None:
        return ()
    last_end = log.sessions[-1].end
    return (
        header.schema_version,
        _joined(session.software_version for session in log.sessions),
        _joined(session.operator_id for session in log.sessions),
        header.station_id,
        header.clock,
        header.seed,
        made.outcome.value,
        last_end.reason if last_end is not None else "",
        made.complete,
        made.n_planned,
        made.n_attempts,
        made.n_planned - len(made.missing),
        made.n_invalid,
        made.n_interrupted,
        made.n_censored,
        " ".join(map(str, made.missing)),
        made.n_deviations,
        " | ".join(deviation.text for deviation in log.deviations),
        made.n_adverse_events,
        " | ".join(event.text for event in log.adverse_events),
        sum(type(entry.record).__name__ == "Fault" for entry in log.entries),
        made.n_sessions,
        0,
        made.started_utc,
        made.ended_utc,
        "",
        log.torn.n_bytes if log.torn is not None else 0,
        log.last_hash,
        str(path),
    )


def _joined(words: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(words))
