"""Files for other programs: CSV, Parquet, SPSS, Excel, REDCap and BIDS, each with its data dictionary.

::

    export(qst.read("logs"), Path("trials.sav"))

Nothing half done: every file is written in a folder of its own beside the target and moved into place at the end.
"""

import copy
import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final, cast

from qst.analysis.columnar import Table
from qst.analysis.dataset import Dataset
from qst.analysis.export.cells import check, rates_told
from qst.analysis.export.dictionary import Entry, render
from qst.analysis.export.staging import refuse_occupied, staging
from qst.errors import InputError

#: Formats by name. Each is a module with ``SUFFIXES``, ``TITLE`` and ``write``; a format without suffix is a folder.
FORMATS: Final = {
    "csv": "csv_format",
    "parquet": "parquet",
    "spss": "spss",
    "excel": "excel",
    "redcap": "redcap",
    "bids": "bids",
}

#: Tables of a dataset that a format with one table can hold.
TABLES: Final = ("trials", "thresholds", "visits")

_Parts = dict[str, tuple[Table, tuple[Entry, ...]]]
_Write = Callable[[Dataset, Table, Path], _Parts]


def export(dataset: Dataset, path: Path, format: str | None = None, *, table: str = "trials") -> tuple[Path, ...]:  # noqa: A002 - the word that its caller thinks of
    """Write a dataset for another program.

    A file that exists is replaced; a folder (``redcap``, ``bids``) must be new. Beside every file stands
    ``<file>.dictionary.json``: name, label, type, UCUM unit, allowed values, missing codes and derivation of every
    column, and the logs that were left out.

    Args:
        dataset: as ``qst.read`` makes it.
        path: the file, or for ``redcap`` and ``bids`` the folder.
        format: one of :data:`FORMATS`; by the suffix of ``path`` when None.
        table: which of :data:`TABLES` stands in a file that holds one. Excel has all, this one first; ``redcap`` and
            ``bids`` have their own arrangement of all of them.

    Returns:
        What was written: files, or the folder.

    Raises:
        InputError: the format is unknown, its library is not installed, a value does not fit into the format, or the
            place cannot be written.
    """
    module = writer_of(path, format)
    dataset = copy.copy(dataset)
    dataset.trials = rates_told(dataset.trials)
    chosen = _table(dataset, table)
    check(chosen)
    refuse_occupied(path, is_folder=not module.SUFFIXES)
    if not module.SUFFIXES and not len(dataset.trials):
        raise InputError("there is no attempt to write", where=str(path), did="wrote nothing")
    with staging(path) as stage:
        written = stage.file(path.name)
        parts = cast("_Write", module.write)(dataset, chosen, written)
        content = render(dataset, module.__name__.rpartition(".")[2].removesuffix("_format"), parts)
        if written.is_dir():
            (written / module.DICTIONARY_FILE).write_bytes(content)
        else:
            stage.file(f"{path.name}.dictionary.json").write_bytes(content)
        return stage.place()


def writer_of(path: Path, format_name: str | None) -> ModuleType:
    """The module that writes a format, by its name or by the ending of ``path``.

    Raises:
        InputError: neither says which, or the two contradict each other: whoever opens the file goes by its ending.
    """
    modules = {name: importlib.import_module(f"{__name__}.{module}") for name, module in FORMATS.items()}
    found = next((name for name, module in modules.items() if path.suffix.lower() in module.SUFFIXES), None)
    if format_name is not None:
        if format_name not in FORMATS:
            raise InputError(f"unknown format '{format_name}'", remedy=f"known formats: {', '.join(FORMATS)}")
        if found not in (None, format_name):
            raise InputError(
                f"the ending '{path.suffix}' is that of {found}, and the format is {format_name}",
                where=str(path),
                did="wrote nothing",
                remedy="name another file, or leave the format out",
            )
        return modules[format_name]
    if found is None:
        ending = f"the ending '{path.suffix}' names no format" if path.suffix else "this name has no ending"
        raise InputError(
            ending, where=str(path), did="wrote nothing", remedy=f"use --format with one of {', '.join(FORMATS)}"
        )
    return modules[found]


def _table(dataset: Dataset, name: str) -> Table:
    if name not in TABLES:
        raise InputError(f"unknown table '{name}'", remedy=f"tables: {', '.join(TABLES)}")
    return cast("Table", getattr(dataset, name))
