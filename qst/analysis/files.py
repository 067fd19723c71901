"""Which files an analyst means, and which of them are copies of each other."""

import glob
import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Final

from qst.analysis.corrections import BEGINS
from qst.analysis.log_rows import LogRows
from qst.errors import InputError
from qst.record.folders import SUFFIX, first_bytes, logs_in, misnamed_in

#: What is said of a log with another ending.
MISNAMED: Final = f"this seems to be a visit log, and was not read: if it is one, rename it so that it ends in {SUFFIX}"

#: How other files of the suite begin, of which a person may keep copies: overlays of corrections, captures of links.
_OURS: Final = (BEGINS, b'{"capture":')
_ENOUGH: Final = max(map(len, _OURS))

Paths = str | Path | Iterable[str | Path]


def find(paths: Paths) -> list[str]:
    """The files that paths, folders and patterns stand for; each once, sorted within a folder or pattern.

    Raises:
        InputError: one of them stands for nothing.
    """
    if isinstance(paths, str | Path):
        return [str(file) for file in _meant(paths)]
    unique: dict[Path, str] = {}
    for path in paths:
        for file in _meant(path):
            unique.setdefault(file.resolve(), str(file))
    return list(unique.values())


def misnamed(paths: Paths) -> list[str]:
    """Files in the folders among ``paths`` that seem to be logs, and are passed over because of their ending."""
    unique: dict[Path, str] = {}
    for path in [paths] if isinstance(paths, str | Path) else paths:
        for file in _misnamed(path):
            unique.setdefault(file.resolve(), str(file))
    return list(unique.values())


def _misnamed(path: str | Path) -> list[Path]:
    places = [Path(path)] if _is_there(path) else [Path(name) for name in _matches(str(path))]
    found = [file for place in places if _is_folder(place) for file in misnamed_in(place)]
    return [file for file in found if not first_bytes(file, _ENOUGH).startswith(_OURS)]


def _meant(path: str | Path) -> Iterator[Path]:
    inside = _inside(Path(path)) if _is_there(path) else _matching(str(path))
    if not inside:
        others = ", ".join(map(str, _misnamed(path)))
        more = f"; these seem to be logs with another ending: {others}" if others else ""
        remedy = f"Let a log's name end in {SUFFIX}." if others else "Name logs, folders, or patterns."
        raise InputError(f"there is no visit log here{more}", where=str(path), remedy=remedy)
    yield from inside


def _is_there(path: str | Path) -> bool:
    try:
        Path(path).stat()
    except PermissionError:
        return True  # reading it says so, which is more than that nothing is there
    except OSError:
        return False
    return True


def _inside(place: Path) -> list[Path]:
    return logs_in(place) if _is_folder(place) else [place]


def _is_folder(place: Path) -> bool:
    return os.path.isdir(place)  # noqa: PTH112 - Path's raises where it may not look


def _matching(pattern: str) -> list[Path]:
    """What a pattern stands for, as if a shell had spelled it out: a folder that it matches is meant as a folder."""
    return list(dict.fromkeys(file for name in _matches(pattern) for file in _inside(Path(name))))


def _matches(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - whole patterns


def without_copies(logs: Iterable[LogRows]) -> list[LogRows]:
    """The same logs, with every visit once: copies lose their rows and say why.

    An identical copy is left out. A copy that ends earlier than another one of the same visit is left out as well; the
    longer one has all its records. Copies that were continued differently are all left out: nobody here can tell which
    one is the visit.
    """
    made = list(logs)
    usable = sorted((log for log in made if log.facts is not None), key=_session)
    verdicts = {log.path: log for _, group in groupby(usable, _session) for log in _judge(list(group))}
    return [verdicts.get(log.path, log) for log in made]


def _session(log: LogRows) -> str:
    return log.facts.session_uuid if log.facts is not None else ""


_length = attrgetter("facts.n_lines", "facts.torn_bytes")


def _judge(copies: list[LogRows]) -> Iterator[LogRows]:
    """What is to be left out of several logs of one visit."""
    if len(copies) < 2:  # noqa: PLR2004 - one log is no copy
        return
    kept = max(sorted(copies, key=attrgetter("path")), key=_length)  # of equal ones the first
    whole = Path(kept.path).read_bytes()
    others = [log for log in copies if log is not kept]
    if not all(log.facts is not None and log.facts.last_hash.encode("ascii") in whole for log in others):
        names = ", ".join(log.path for log in copies)
        text = f"these logs of one visit were continued differently, and none of them is used: {names}"
        yield from (_left_out(log, "diverging", text) for log in copies)
        return
    for log in others:
        if _length(log) == _length(kept):
            yield _left_out(log, "duplicate", f"this is a copy of {kept.path}, which is used")
        else:
            yield _left_out(log, "half_copied", f"{kept.path} is the same visit with more records, and is used")


def _left_out(log: LogRows, reason: str, text: str) -> LogRows:
    return LogRows(path=log.path, reason=reason, text=text)
