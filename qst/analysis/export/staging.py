"""Files appear whole or not at all: written in a folder of their own beside the target, then moved into place."""

import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qst.errors import InputError
from qst.record.folders import SUFFIX as LOG_SUFFIX


class Staging:
    """Where the files of one export are written before any of them stands where it belongs.

    Args:
        folder: an empty folder on the same file system as the target.
        target: what the person asked for; everything else goes beside it.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self._new = folder / "new"
        self._old = folder / "old"
        self._target = target
        self._names: list[str] = []
        self._new.mkdir()
        self._old.mkdir()

    def file(self, name: str) -> Path:
        """Where to write the file that will stand beside the target under ``name``. Placed in the order of asking."""
        self._names.append(name)
        return self._new / name

    def place(self) -> tuple[Path, ...]:
        """Move everything to where it belongs; what stood there before comes back if one of them cannot be moved."""
        moved: list[str] = []
        try:
            for name in self._names:
                self._move_one(name)
                moved.append(name)
        except OSError:
            for name in moved:
                self._take_back(name)
            raise
        return tuple(self._target.with_name(name) for name in self._names)

    def _move_one(self, name: str) -> None:
        final = self._target.with_name(name)
        if final.is_file():
            final.replace(self._old / name)
        elif final.is_dir():
            final.rmdir()  # empty, as checked before anything was written
        try:
            (self._new / name).replace(final)
        except OSError:
            self._take_back(name)
            raise

    def _take_back(self, name: str) -> None:
        final = self._target.with_name(name)
        if (self._old / name).exists():
            (self._old / name).replace(final)
        else:
            final.unlink(missing_ok=True)


@contextmanager
def staging(target: Path) -> Iterator[Staging]:
    """A staging folder beside ``target``; it is gone afterwards, whatever happened.

    Raises:
        InputError: nothing can be written there.
    """
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".qst-export-") as folder:
            yield Staging(Path(folder), target)
    except OSError as error:
        raise _not_here(target, error) from error


def refuse_occupied(target: Path, *, is_folder: bool) -> None:
    """Only a file that some export may have made is replaced; a folder goes into a new one, and nothing is mixed in.

    A device or a pipe would be moved away like a file, and a file left where the whole computer looks for the device.

    Raises:
        InputError: something is there that must stay, or nobody can tell.
    """
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise _not_here(target, error) from error
    what = remedy = ""
    if is_folder:
        if not stat.S_ISDIR(mode) or any(target.iterdir()):
            what, remedy = (
                "this is already there, and the format is a whole folder",
                "name a new folder, or remove the old one",
            )
    elif stat.S_ISDIR(mode):
        what, remedy = "this is a folder, and the format is a file", "name a file"
    elif not stat.S_ISREG(mode):
        what, remedy = "this is a device or a pipe, and no file", "name a file"
    elif target.suffix.lower() == LOG_SUFFIX:
        what, remedy = (
            "this may be a visit log or an overlay of corrections, and neither is replaced",
            "name a new file",
        )
    if what:
        raise InputError(what, where=str(target), did="wrote nothing", remedy=remedy)


def _not_here(target: Path, error: OSError) -> InputError:
    return InputError(
        f"this cannot be written: {error.strerror or error}",
        where=str(target),
        did="wrote nothing",
        remedy="choose another place, or close the program that has the file open",
    )
