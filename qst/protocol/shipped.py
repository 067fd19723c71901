"""Where the shipped protocols are, and how a name or a path becomes a file."""

from pathlib import Path
from typing import NamedTuple

from qst.errors import InputError
from qst.protocol.problems import did_you_mean

_SUFFIXES = (".yaml", ".yml")


class Source(NamedTuple):
    """A protocol file: how messages name it, and where to read it."""

    name: str
    file: Path


def shipped() -> dict[str, Path]:
    """Shipped protocols by name, in alphabetical order.

    In an installed package they lie in ``qst/protocol/shipped``; an editable install has none there and the checkout's
    folder ``protocols`` is used.
    """
    package = Path(__file__).parent
    folders = (package / "shipped", package.parent.parent / "protocols")
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        return {}
    return {file.stem: file for file in sorted(folder.iterdir()) if file.suffix in _SUFFIXES}


def find(path_or_name: str | Path) -> Source:
    """The file of a shipped protocol's name, or of a path.

    A text that names a shipped protocol is that protocol; a path needs a folder or the ending ``.yaml``.

    Raises:
        InputError: there is no such file or name.
    """
    text = str(path_or_name)
    known = shipped()
    if isinstance(path_or_name, str) and text in known:
        return Source(f"{text}.yaml", known[text])
    path = Path(path_or_name)
    if _is_file(path):
        return Source(text, path)
    if _is_directory(path):
        raise InputError(f"'{text}' is a folder", remedy="name one protocol file")
    if path.suffix.lower() in _SUFFIXES or len(path.parts) > 1:
        raise InputError(f"there is no file '{text}'", remedy="check the path; 'qst protocols' lists shipped protocols")
    raise InputError(f"unknown protocol '{text}'", remedy=did_you_mean(text, known, always="shipped protocols"))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that the file system cannot hold
        return False


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
