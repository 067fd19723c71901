"""``qst.read``: any number of visit logs as one dataset of three tables.

::

    data = qst.read("logs")
    data.trials.to_polars()       # one row an attempt, valid or not
    data.thresholds.to_pandas()   # one row a log and score
    data.left_out                 # every log that could not be used, and why
"""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from qst.analysis import corrections as overlay
from qst.analysis import per_visit, trial_table
from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import Column
from qst.analysis.files import MISNAMED, Paths, find, misnamed, without_copies
from qst.analysis.gather import gather, no_garbage
from qst.analysis.log_rows import LogRows
from qst.analysis.trial_table import Visit
from qst.errors import InputError, LogDamagedError
from qst.protocol.plan import Plan
from qst.record.folders import first_bytes
from qst.record.reader import read_log
from qst.record.visit_log import VisitLog

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Cell", "Column", "Dataset", "LeftOut", "Table", "Traces", "Which", "read"]

Which = Literal["real", "simulated", "both"]


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A log that gave no rows, or (``torn``) a part of one that was left out.

    Attributes:
        path: the file.
        reason: a stable word: ``torn``, ``edited``, ``missing``, ``duplicated``, ``out_of_order``, ``foreign``,
            ``other_log``, ``line_endings``, ``newer_schema``, ``invalid``, ``not_a_log``, ``empty`` (what is wrong
            inside the file); ``contradiction`` (its records do not agree with each other); ``other_ending`` (what is
            wrong with its name); ``duplicate``, ``half_copied``, ``diverging`` (what is wrong between files);
            ``unreadable``; ``corrections`` (an overlay file that nobody named).
        text: what is wrong, for people.
        n_rows_kept: rows of the log that are in the table all the same.
    """

    path: str
    reason: str
    text: str
    n_rows_kept: int = 0


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
        set_aside: logs of the kind (real, simulated) that was not asked for.
        passed_over: a sentence for each line of the corrections that is about a visit which is in no table.
    """

    def __init__(
        self,
        columns: dict[str, list[Cell]],
        visits: Sequence[Visit],
        left_out: Sequence[LeftOut],
        set_aside: Sequence[str] = (),
        passed_over: Sequence[str] = (),
    ) -> None:
        self._columns = columns
        self._visits = visits
        self.trials = trial_table.table(columns)
        self.left_out = tuple(left_out)
        self.set_aside = tuple(set_aside)
        self.passed_over = tuple(passed_over)

    @property
    def thresholds(self) -> Table:
        """One row a log and score: means of valid, uncensored trials, with their numbers."""
        return self._scored[0]

    @property
    def unscored(self) -> tuple[LeftOut, ...]:
        """Visits whose protocol this version cannot score: they have trials and no thresholds."""
        return tuple(LeftOut(path=path, reason="unscored", text=text) for path, text in self._scored[1])

    @cached_property
    def visits(self) -> Table:
        """One row a visit: how complete it is, how it ended, what happened."""
        return per_visit.visit_table(self._columns, self._visits)

    @cached_property
    def _scored(self) -> tuple[Table, tuple[per_visit.Unscored, ...]]:
        return per_visit.threshold_table(self._columns, self._visits)

    @property
    def doubled(self) -> tuple[tuple[str, ...], ...]:
        """Logs that say the same study, participant, visit and protocol, and are not the same visit.

        A visit that was begun anew, or two people with one pseudonym: only a person can tell which. All are in the
        tables, with several rows for each score.
        """
        logs: dict[tuple[Cell, ...], list[str]] = {}
        names = ("study_id", "participant_id", "visit", "protocol_id")
        for *key, path in zip(*(self.visits.column(name) for name in (*names, "log_file")), strict=True):
            logs.setdefault(tuple(key), []).append(str(path))
        return tuple(tuple(paths) for paths in logs.values() if len(paths) > 1)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All three: trials, thresholds, visits."""
        return (self.trials, self.thresholds, self.visits)

    def traces(self, trial: Mapping[str, Any]) -> Traces:
        """The samples of one attempt, read from its log when they are asked for.

        Args:
            trial: anything with ``session_uuid``, ``sequence_index`` and ``attempt``: a row of ``trials`` as a mapping,
                or of a frame made of it.

        Raises:
            KeyError: the dataset has no such attempt.
            LogDamagedError: the log is not what it was when the dataset was read.
            InputError: the log is gone.
        """
        import numpy as np  # noqa: PLC0415 - large, and needed here only

        sequence_index, attempt = int(trial["sequence_index"]), int(trial["attempt"])
        visit = self._visit_of(str(trial["session_uuid"]), sequence_index, attempt)
        log = _log_with_traces(visit.path, _stamp(visit.path))
        if log.damage or log.last_hash != visit.facts.last_hash:
            raise LogDamagedError(
                "this log is not what it was when the dataset was read",
                where=visit.path,
                did="gave no samples",
                remedy="Read the dataset again.",
            )
        found = log.traces(sequence_index, attempt)
        return Traces(
            np.array([time for trace in found for time in trace.t_s], dtype=np.float64),
            np.array([value for trace in found for value in trace.value], dtype=np.float64),
            found[0].unit if found else "",
        )

    def plan(self, session_uuid: str) -> Plan:
        """Every trial that the protocol of a visit and its seed come to, whether there was an attempt at it or not.

        Raises:
            KeyError: the dataset has no such visit.
            InputError: the visit's protocol is none that this version can read, or plans other trials than those at
                which the attempts were made.
        """
        for visit in self._visits:
            if visit.facts.session_uuid == session_uuid:
                return per_visit.plan_of(self._columns, visit)
        raise KeyError(session_uuid)

    def _visit_of(self, session_uuid: str, sequence_index: int, attempt: int) -> Visit:
        for visit in self._visits:
            if visit.facts.session_uuid == session_uuid:
                names = ("sequence_index", "attempt")
                places = zip(*(self._columns[name][visit.begin : visit.end] for name in names), strict=True)
                if (sequence_index, attempt) in places:
                    return visit
        raise KeyError((session_uuid, sequence_index, attempt))


def _stamp(path: str) -> tuple[int, int]:
    """What changes when a file does."""
    try:
        status = Path(path).stat()
    except OSError as error:
        raise InputError(f"the visit log cannot be read: {error.strerror}", where=path) from error
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=1)
def _log_with_traces(path: str, _stamp: tuple[int, int]) -> VisitLog:
    """The log that was asked for last: whoever wants one trace usually wants those of the next attempts as well."""
    return read_log(Path(path), traces=True)


def read(
    paths: Paths,
    *,
    simulated: Which | None = None,
    corrections: str | Path | None = None,
    verify: bool = True,
    helpers: int | None = None,
) -> Dataset:
    """Read visit logs into one dataset. Every record that becomes a row is validated.

    Args:
        paths: a log, a folder (with the folders in it), a pattern such as ``data/*/*.jsonl``, or several of them.
        simulated: which visits to take: ``real``, ``simulated`` or ``both``. None takes all if they are of one kind,
            and refuses a mixture.
        corrections: an analyst's overlay file (:mod:`qst.analysis.corrections`).
        verify: check every line's hash and place. Without it an edited log can go unnoticed.
        helpers: processes besides this one; None decides by the size of the files, 0 starts none.

    Raises:
        InputError: nothing was found; real and simulated visits would mix; a correction does not fit, or is about a
            visit that is not among the files at all.
    """
    wanted = paths if isinstance(paths, str | Path) else list(paths)
    files = find(wanted)
    overlay_file = None if corrections is None else Path(corrections)
    if overlay_file is not None:
        files = [file for file in files if Path(file).resolve() != overlay_file.resolve()]
    with no_garbage():
        data = _gathered(files, _misnamed(wanted, files, overlay_file), simulated, verify=verify, helpers=helpers)
    passed_over: tuple[str, ...] = ()
    if overlay_file is not None:
        entries = overlay.load(overlay_file)
        passed_over = overlay.apply(overlay_file, entries, data.columns, data.visits, data.absent)
    return Dataset(data.columns, data.visits, data.left_out, data.set_aside, passed_over)


class _Gathered(NamedTuple):
    """What a dataset is made of."""

    columns: dict[str, list[Cell]]
    visits: list[Visit]
    left_out: list[LeftOut]
    set_aside: list[str]
    absent: overlay.Absent


def _misnamed(paths: Paths, files: Sequence[str], overlay_file: Path | None) -> list[LogRows]:
    """What seems to be a log, and has another ending; not what was named all the same."""
    found = misnamed(paths)
    if not found:
        return []
    named = {Path(file).resolve() for file in files}
    if overlay_file is not None:
        named.add(overlay_file.resolve())
    others = [path for path in found if Path(path).resolve() not in named]
    return [LogRows(path=path, reason="other_ending", text=MISNAMED) for path in others]


def _gathered(
    files: Sequence[str], others: Sequence[LogRows], simulated: Which | None, *, verify: bool, helpers: int | None
) -> _Gathered:
    """The columns of all logs; what each log gave by itself is forgotten when this returns."""
    logs = [*without_copies(gather(files, verify=verify, helpers=helpers)), *others]
    kept, set_aside = _of_kind(logs, simulated)
    columns, visits = trial_table.build(kept)
    return _Gathered(columns, visits, _all_left_out(logs, set_aside), set_aside, _absent(logs, set_aside))


def read_visit(log: Path, corrections: Path, *more: overlay.Correction) -> Dataset:
    """One visit, with what an overlay file says about it; what it says about others is passed over.

    Args:
        log: the visit's log.
        corrections: the overlay file; it need not be there.
        more: what would stand behind its last line.

    Raises:
        InputError: there is no log or more than one, or a correction of this visit does not fit.
    """
    logs = without_copies(gather(find(log), verify=True, helpers=0))
    columns, visits = trial_table.build(logs)
    if len(visits) > 1:
        raise InputError(f"these are {len(visits)} visits", where=str(log), remedy="Name the log of one visit.")
    read_here = {visit.facts.session_uuid for visit in visits}
    entries = overlay.load(corrections) if corrections.exists() else []
    entries += enumerate(more, entries[-1][0] + 1 if entries else 1)
    here = [(number, made) for number, made in entries if made.session_uuid in read_here]
    overlay.apply(corrections, here, columns, visits)
    return Dataset(columns, visits, _all_left_out(logs, []))


def _all_left_out(logs: Sequence[LogRows], set_aside: Sequence[str]) -> list[LeftOut]:
    return [_left_out(log) for log in logs if log.reason and log.path not in set_aside]


def _absent(logs: Sequence[LogRows], set_aside: Sequence[str]) -> overlay.Absent:
    """The logs that are in no table: without rows, or of the other kind."""
    path_of = {log.facts.session_uuid: log.path for log in logs if log.facts is not None and log.path in set_aside}
    left_out = [log for log in logs if log.facts is None]
    for log in left_out:
        session_uuid = overlay.session_named_in(log.path)
        if session_uuid is not None:
            path_of[session_uuid] = log.path
    return overlay.Absent(path_of, [log.path for log in left_out])


def _of_kind(logs: Sequence[LogRows], simulated: Which | None) -> tuple[list[LogRows], list[str]]:
    """The logs to take, and the paths of the others.

    Raises:
        InputError: nobody said what to do with a mixture.
    """
    kinds = {log.path: log.facts.simulated for log in logs if log.facts is not None}
    n_simulated = sum(kinds.values())
    if simulated not in (None, "real", "simulated", "both"):
        raise InputError(f"simulated={simulated!r} is unknown", remedy='Say "real", "simulated" or "both".')
    if simulated is None and 0 < n_simulated < len(kinds):
        raise InputError(
            f"these are {n_simulated} simulated and {len(kinds) - n_simulated} real visits",
            did="made no table",
            remedy='Say simulated="real", "simulated" or "both"; the column is_simulated tells them apart.',
        )
    if simulated in (None, "both"):
        return list(logs), []
    set_aside = [path for path, is_simulated in kinds.items() if is_simulated != (simulated == "simulated")]
    return [log for log in logs if log.path not in set(set_aside)], set_aside


def _left_out(log: LogRows) -> LeftOut:
    if log.reason == "not_a_log" and _is_overlay(log.path):
        text = "this is a file of corrections that was not applied: name it as such"
        return LeftOut(path=log.path, reason="corrections", text=text)
    return LeftOut(path=log.path, reason=log.reason, text=log.text, n_rows_kept=len(log.which))


def _is_overlay(path: str) -> bool:
    return first_bytes(path, len(overlay.BEGINS)) == overlay.BEGINS
