"""Which files in a folder are visit logs. Nothing that a person may miss is passed over in silence."""

import io
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from qst.record.lines import HEADER_PREFIX

SUFFIX: Final = ".jsonl"

#: Endings that a log may have been given on its way: by a browser, a mail program, an editor, a copy that broke off.
_OTHER_ENDINGS: Final = frozenset({".json", ".txt", ".part", ".bak", ".tmp", ""})
#: What the suite itself puts beside a log.
_OURS: Final = frozenset({".guard", ".html", ".htm"})


def logs_in(folder: Path) -> list[Path]:
    """Every log in a folder and in the folders in it, sorted; also behind links, and whatever the ending's case.

    A folder that cannot be looked into stands in the list like a log: whoever reads it learns why it cannot be read.
    Left out without a word, it would make a study smaller than it is.
    """
    missed: list[Path] = []
    found = [
        place / name
        for place, folders, names in _walk(folder, lambda error: missed.append(Path(error.filename)))
        for name in (*names, *folders)
        if name.lower().endswith(SUFFIX)
    ]
    return sorted(found + missed)


def misnamed_in(folder: Path) -> list[Path]:
    """Every file in a folder and in the folders in it that seems to be a log and has another ending, sorted."""
    found = (place / name for place, _, names in _walk(folder, lambda _: None) for name in names)
    return sorted(filter(_seems_misnamed, found))


def _seems_misnamed(path: Path) -> bool:
    name, ending = path.name.lower(), path.suffix.lower()
    if name.endswith(SUFFIX) or ending in _OURS:
        return False
    return SUFFIX in name or (ending in _OTHER_ENDINGS and first_bytes(path, len(HEADER_PREFIX)) == HEADER_PREFIX)


def _walk(folder: Path, missed: Callable[[OSError], None]) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Each folder once, with the names of the folders and of the files in it."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, onerror=missed, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()  # a link to a folder above would lead around for ever
            continue
        seen.add(real)
        yield Path(place), folders, names


def first_bytes(path: str | Path, count: int) -> bytes:
    """How a file begins; nothing of one that cannot be read, or is a pipe or a device."""
    try:
        with Path(path).open("rb") if stat.S_ISREG(Path(path).stat().st_mode) else io.BytesIO() as file:
            return file.read(count)
    except OSError:
        return b""


def read_file(path: Path) -> bytes:
    """The whole file. A pipe or a device is refused: reading it could wait for ever.

    Raises:
        OSError: it cannot be read; ``strerror`` says why.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(None, "it is a pipe or a device, and no file")
    return path.read_bytes()
