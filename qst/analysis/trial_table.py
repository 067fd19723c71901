"""The trial table of many logs: rows of attempts, spread over columns."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import CORRECTION_COLUMNS, TRIAL_COLUMNS
from qst.analysis.log_rows import OF_ROW, OF_SESSION, Facts, LogRows

_SAMPLES: Final = OF_ROW.index("n_samples")


class Visit(NamedTuple):
    """A visit and where its attempts stand in the trial table."""

    path: str
    facts: Facts
    begin: int
    end: int


def build(logs: Iterable[LogRows]) -> tuple[dict[str, list[Cell]], list[Visit]]:
    """The columns of the trial table by name, and the visits whose attempts they hold.

    Args:
        logs: those without facts give nothing.
    """
    columns: dict[str, list[Any]] = {column.name: [] for column in TRIAL_COLUMNS}
    of_row = [columns[name] for name in OF_ROW]
    of_session = [columns[name] for name in OF_SESSION]
    trace_file, hashes = columns["trace_file"], columns["hash"]
    visits = []
    for log in logs:
        if log.facts is None:
            continue
        begin = len(hashes)
        if log.cells:
            for column, values in zip(of_row, log.cells, strict=True):
                column.extend(values)
            for column, values in zip(
                of_session, zip(*[log.shared[index] for index in log.which], strict=True), strict=True
            ):
                column.extend(values)
            name = Path(log.path).name
            trace_file.extend([name if n_samples else "" for n_samples in log.cells[_SAMPLES]])
        visits.append(Visit(log.path, log.facts, begin, len(hashes)))
    for added in CORRECTION_COLUMNS:
        columns[added.name].extend([""] * len(hashes))
    return columns, visits


def table(columns: dict[str, list[Cell]]) -> Table:
    """The trial table."""
    return Table(
        name="trials",
        label="One row an attempt, valid or not.",
        columns=TRIAL_COLUMNS,
        cells=tuple(columns[column.name] for column in TRIAL_COLUMNS),
    )
