"""The trial table of many logs: rows of attempts, spread over columns."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import CORRECTION_COLUMNS, INTERRUPTED, TRIAL_COLUMNS
from qst.analysis.log_rows import OF_ATTEMPT, OF_SESSION, OF_TRIAL, Facts, LogRows
from qst.instruments import Modality
from qst.record.records import Censoring, Outcome

_OF_ROW: Final = (*OF_TRIAL, *OF_ATTEMPT)
_SAMPLES: Final = 1 + OF_TRIAL.index("n_samples")
#: Columns that come as words of an enumeration when the log was read in this process, and the words as text.
_ENUMERATIONS: Final = tuple(_OF_ROW.index(name) for name in ("modality", "outcome", "censoring"))
_WORDS: Final = {None: None, INTERRUPTED: INTERRUPTED} | {
    word: str(word) for words in (Modality, Outcome, Censoring) for word in words
}


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
    of_row = [columns[name] for name in _OF_ROW]
    of_session = [columns[name] for name in OF_SESSION]
    trace_file, hashes = columns["trace_file"], columns["hash"]
    visits = []
    for log in logs:
        if log.facts is None:
            continue
        begin = len(hashes)
        if log.rows:
            which, *cells = zip(*log.rows, strict=True)
            for column, values in zip(of_row, cells, strict=True):
                column.extend(values)
            for column, shared in zip(of_session, zip(*log.shared, strict=True), strict=True):
                alike = shared.count(shared[0]) == len(shared)
                column.extend([shared[0]] * len(which) if alike else [shared[index] for index in which])
            name = Path(log.path).name
            trace_file.extend([name if n_samples else "" for n_samples in cells[_SAMPLES - 1]])
        visits.append(Visit(log.path, log.facts, begin, len(hashes)))
    for index in _ENUMERATIONS:
        of_row[index][:] = [_WORDS[word] for word in of_row[index]]
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
