"""Tables that come from no visit log (written by hand, exported by another program) as files with a dictionary.

Formats that arrange visits (``redcap``, ``bids``) are not for them: these need what only a log knows.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, cast

from qst.analysis.columnar import Table
from qst.analysis.dataset import LeftOut
from qst.analysis.export import FORMATS, writer_of
from qst.analysis.export.cells import check
from qst.analysis.export.dictionary import render
from qst.analysis.export.staging import refuse_occupied, staging
from qst.errors import InputError

#: Formats with one file a table.
FILE_FORMATS = tuple(name for name in FORMATS if name not in {"redcap", "bids"})


class _Loose(NamedTuple):
    """Tables as a source of an export."""

    tables: tuple[Table, ...]
    left_out: tuple[LeftOut, ...] = ()
    unscored: tuple[LeftOut, ...] = ()
    set_aside: tuple[str, ...] = ()


def export_table(table: Table, path: Path, *, remarks: Sequence[str] = ()) -> tuple[Path, ...]:
    """Write one table in the format that the ending of ``path`` names, and its dictionary beside it.

    Args:
        table: what to write.
        path: the file; one that exists is replaced.
        remarks: stand in the dictionary.

    Raises:
        InputError: as of ``export``.
    """
    module = _writer(path, None)
    check(table)
    refuse_occupied(path, is_folder=False)
    with staging(path) as stage:
        content = _write(module, table, stage.file(path.name), remarks)
        stage.file(f"{path.name}.dictionary.json").write_bytes(content)
        return stage.place()


def export_folder(
    tables: Sequence[Table], folder: Path, format_name: str, *, remarks: Sequence[str], readme: str
) -> tuple[Path, ...]:
    """Write tables into a new folder, each a file named after it, with dictionaries and a ``README.txt``.

    Raises:
        InputError: the folder has something in it already, or as of ``export``.
    """
    module = _writer(folder, format_name)
    for table in tables:
        check(table)
    refuse_occupied(folder, is_folder=True)
    with staging(folder) as stage:
        made = stage.file(folder.name)
        made.mkdir()
        for table in tables:
            file = made / f"{table.name}{module.SUFFIXES[0]}"
            content = _write(module, table, file, remarks)
            file.with_name(f"{file.name}.dictionary.json").write_bytes(content)
        (made / "README.txt").write_text(readme, encoding="utf-8", newline="\n")
        return stage.place()


def _writer(path: Path, format_name: str | None) -> ModuleType:
    module = writer_of(path, format_name)
    if not module.SUFFIXES:
        raise InputError(
            "this format needs visit logs",
            where=str(path),
            did="wrote nothing",
            remedy=f"use one of {', '.join(FILE_FORMATS)}",
        )
    return module


def _write(module: ModuleType, table: Table, file: Path, remarks: Sequence[str]) -> bytes:
    source = _Loose((table,))
    parts = cast("Callable[..., dict[str, Any]]", module.write)(source, table, file)
    return render(source, module.__name__.rpartition(".")[2].removesuffix("_format"), parts, remarks)
