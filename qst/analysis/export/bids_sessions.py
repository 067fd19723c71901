"""The sessions of a BIDS folder: what a visit came to, also one in which no attempt was begun.

BIDS has one line a session, and a session is a visit of a participant. Where it has several logs (of two protocols, or
of a visit that was begun anew), a cell has the values of all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import Column, Kind
from qst.analysis.columns import column as make_column
from qst.analysis.export.bids_tsv import described, field, write_json, write_tsv

#: Where the tables stand, for the dictionary.
PLACE: Final = "sub-*/sub-*_sessions.tsv"

_JOINT: Final = " | "
_OF_SESSION: Final = (
    make_column(
        "session_id",
        Kind.TEXT,
        "Label of the session in this folder: the number of the visit.",
        derivation="made of visit",
    ),
    make_column(
        "n_logs",
        Kind.INTEGER,
        "Logs of this visit. Where there are several, each of the columns behind has the values of all of them, in the "
        "order in which they began, joined by ' | '.",
        "1",
        derivation="counted in the visit table",
    ),
)
#: The same for all logs of a session.
_SHARED: Final = frozenset({"participant_id", "visit"})


def session_label(visit: Cell) -> str:
    """The label of a visit: ``ses-01``."""
    return f"ses-{int(str(visit)):02d}"


def columns_of(visits: Table) -> tuple[Column, ...]:
    """The columns of the tables of sessions."""
    return (*_OF_SESSION, *visits.columns)


def write_sessions(visits: Table, folder: Path, subjects: Mapping[str, str]) -> None:
    """Write a table of sessions and its sidecar for every participant.

    Args:
        visits: the visit table.
        folder: the dataset.
        subjects: the label of each participant.
    """
    columns = columns_of(visits)
    of_subject: dict[str, list[dict[str, Cell]]] = {}
    for row in visits.dicts():
        of_subject.setdefault(subjects[str(row["participant_id"])], []).append(row)
    for subject, rows in of_subject.items():
        place = folder / f"sub-{subject}"
        place.mkdir(exist_ok=True)
        of_session: dict[str, list[Mapping[str, Cell]]] = {}
        for row in sorted(rows, key=_began):
            of_session.setdefault(session_label(row["visit"]), []).append(row)
        name = f"sub-{subject}_sessions"
        write_tsv(place / f"{name}.tsv", [column.name for column in columns], _lines(of_session))
        write_json(place / f"{name}.json", _sidecar(columns, joined=len(rows) > len(of_session)))


def _lines(of_session: Mapping[str, Sequence[Mapping[str, Cell]]]) -> Iterator[list[Cell]]:
    for session, logs in sorted(of_session.items()):
        yield [session, len(logs), *(_joined(name, [log[name] for log in logs]) for name in logs[0])]


def _began(row: Mapping[str, Cell]) -> tuple[str, str]:
    return str(row["started_utc"]), str(row["session_uuid"])


def _joined(name: str, cells: Sequence[Cell]) -> Cell:
    return cells[0] if len(cells) == 1 or name in _SHARED else _JOINT.join(map(field, cells))


def _sidecar(columns: Sequence[Column], *, joined: bool) -> dict[str, Any]:
    """The sidecar; ``joined`` when a cell has several values, which are neither a number nor one of a list of words."""
    sidecar = {column.name: described(column) for column in columns}
    alone = {*_SHARED, *(column.name for column in _OF_SESSION)}
    for name in sidecar.keys() - alone if joined else ():
        for key in ("Levels", "Units"):
            sidecar[name].pop(key, None)
    return sidecar
