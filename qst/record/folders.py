"""Which files in a folder are visit logs. Nothing that a person may miss is passed over in silence."""

import os
import stat
from pathlib import Path
from typing import Final

SUFFIX: Final = ".jsonl"


def logs_in(folder: Path) -> list[Path]:
    """Every log in a folder and in the folders in it, sorted; also behind links, and whatever the ending's case.

    A folder that cannot be looked into stands in the list like a log: whoever reads it learns why it cannot be read.
    Left out without a word, it would make a study smaller than it is.
    """
    found: list[Path] = []
    seen: set[str] = set()
    walked = os.walk(folder, onerror=lambda error: found.append(Path(error.filename)), followlinks=True)
    for place, folders, names in walked:
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()  # a link to a folder above would lead around for ever
            continue
        seen.add(real)
        found += [Path(place, name) for name in (*names, *folders) if name.lower().endswith(SUFFIX)]
    return sorted(found)


def read_file(path: Path) -> bytes:
    """The whole file. A pipe or a device is refused: reading it could wait for ever.

    Raises:
        OSError: it cannot be read; ``strerror`` says why.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError(None, "it is a pipe or a device, and no file")
    return path.read_bytes()
