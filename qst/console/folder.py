"""The folder of visit logs as the start screen sees it: who is known, and which visits can go on."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from qst.record.reader import read_log
from qst.record.records import VisitOutcome

#: Only so many of the newest logs are looked at for visits to resume.
NEWEST = 40
_NAME = re.compile(r"(?P<participant>[A-Za-z0-9_-]{1,32})_visit-(?P<visit>[0-9]+)_(?P<protocol>.+?)(_[0-9]+)?\.jsonl")
_DIGITS, _LETTERS = re.compile(r"[0-9]"), re.compile(r"[^0-9]")
#: Characters that hands and eyes mistake for one another.
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "S": "5", "B": "8", "-": "", "_": ""})


class OpenVisit(msgspec.Struct, frozen=True, kw_only=True):
    """An interrupted visit."""

    log: str
    participant_id: str
    visit: int
    protocol_id: str
    simulated: bool
    n_trials: int
    n_planned: int
    begun_utc: str


def known_participants(data: Path) -> tuple[str, ...]:
    """Pseudonyms that have a log in the folder."""
    found = {match["participant"] for path in _logs(data) if (match := _NAME.fullmatch(path.name))}
    return tuple(sorted(found))


def next_visit(data: Path, participant: str) -> int:
    """The number after this participant's last visit; 1 when there is none."""
    visits = [
        int(match["visit"])
        for path in _logs(data)
        if (match := _NAME.fullmatch(path.name)) and match["participant"] == participant
    ]
    return max(visits, default=0) + 1


def has_log(data: Path, participant: str, visit: int, protocol_id: str) -> bool:
    """Whether this very visit was begun before."""
    return (data / f"{participant}_visit-{visit}_{protocol_id}.jsonl").exists()


def open_visits(data: Path) -> tuple[OpenVisit, ...]:
    """Visits that can go on, newest first."""
    newest = sorted(_logs(data), key=lambda path: path.stat().st_mtime, reverse=True)[:NEWEST]
    return tuple(visit for path in newest if (visit := _open_visit(path)) is not None)


def _open_visit(path: Path) -> OpenVisit | None:
    log = read_log(path)
    if log.header is None or log.damage or log.outcome not in (VisitOutcome.INTERRUPTED, VisitOutcome.FAILED):
        return None
    return OpenVisit(
        log=str(path),
        participant_id=log.header.participant_id,
        visit=log.header.visit,
        protocol_id=log.header.protocol_id,
        simulated=log.header.simulated,
        n_trials=len({trial.sequence_index for trial in log.trials}),
        n_planned=log.header.n_planned,
        begun_utc=log.sessions[0].started_utc if log.sessions else "",
    )


def _logs(data: Path) -> list[Path]:
    return sorted(data.glob("*_visit-*_*.jsonl")) if data.is_dir() else []


def lookalikes(participant: str, known: Sequence[str]) -> tuple[str, ...]:
    """Known pseudonyms that that this may be a slip of: one edit away, or alike to the eye. None when it is known."""
    if participant in known or not participant:
        return ()
    seen_alike = tuple(name for name in known if _to_the_eye(participant) == _to_the_eye(name))
    return seen_alike or tuple(name for name in known if _mistyped(participant.upper(), name.upper()))


def _to_the_eye(name: str) -> str:
    return name.upper().translate(_ALIKE)


def _mistyped(one: str, other: str) -> bool:
    # Neighbours in a numbered list (P07, P08) differ by one digit and are no slip: a new number is usual.
    if _LETTERS.sub("", one) != _LETTERS.sub("", other) and _DIGITS.sub("", one) == _DIGITS.sub("", other):
        return len(one) == len(other) and sorted(one) == sorted(other)
    return within_one_edit(one, other)


def within_one_edit(one: str, other: str) -> bool:
    """Whether one insertion, deletion, replacement or swap of neighbours makes one text the other."""
    if abs(len(one) - len(other)) > 1:
        return False
    same = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    one, other = one[same:], other[same:]
    if len(one) == len(other):
        return one[1:] == other[1:] or (one[:2] == other[1::-1] and one[2:] == other[2:])
    return one[1:] == other or one == other[1:]
