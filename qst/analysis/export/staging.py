"""Files appear whole or not at all: written in a folder of their own beside the target, then moved into place."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qst.errors import InputError


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
        raise InputError(
            f"this cannot be written: {error.strerror or error}",
            where=str(target),
            did="wrote nothing",
            remedy="choose another place, or close the program that has the file open",
        ) from error


def refuse_occupied(target: Path, *, is_folder: bool) -> None:
    """A file is never put in a folder's place, and a folder goes into a new one: nothing is replaced or mixed in.

    Raises:
        InputError: something is there already.
    """
    if not is_folder and target.is_dir():
        raise InputError(
            "this is a folder, and the format is a file", where=str(target), did="wrote nothing", remedy="name a file"
        )
    if is_folder and (target.is_file() or (target.is_dir() and any(target.iterdir()))):
        raise InputError(
            "this is already there, and the format is a whole folder",
            where=str(target),
            did="wrote nothing",
            remedy="name a new folder, or remove the old one",
        )
