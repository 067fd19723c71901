"""Which files an analyst means, and which of them are copies of each other."""

import glob
import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from qst.analysis.log_rows import LogRows
from qst.errors import InputError
from qst.record.folders import logs_in

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


def _meant(path: str | Path) -> Iterator[Path]:
    inside = _inside(Path(path)) if _is_there(path) else _matching(str(path))
    if not inside:
        raise InputError("there is no visit log here", where=str(path), remedy="Name logs, folders, or patterns.")
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
    return logs_in(place) if os.path.isdir(place) else [place]  # noqa: PTH112 - Path's raises where it may not look


def _matching(pattern: str) -> list[Path]:
    """What a pattern stands for, as if a shell had spelled it out: a folder that it matches is meant as a folder."""
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - whole patterns
    return list(dict.fromkeys(file for name in matches for file in _inside(Path(name))))


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
