"""Tab-separated text and sidecars as the Brain Imaging Data Structure (BIDS) has them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from qst.analysis.columnar import Cell
from qst.analysis.columns import Column
from qst.analysis.export.cells import choices
from qst.errors import InputError

MISSING: Final = "n/a"

#: What BIDS writes where UCUM has another code. All others are the same.
_BIDS_UNITS: Final = {"Cel": "°C", "cm2": "cm^2"}
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_NOT_IN_LABELS: Final = re.compile(r"[^A-Za-z0-9]+")


def field(cell: Cell) -> str:
    """One field. The format has no way to write a tab or a line's end inside a text: each run becomes a blank."""
    if cell is None or cell == "" or cell != cell:  # noqa: PLR0124 - true of NaN only
        return MISSING
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return _BREAKS.sub(" ", cell).strip() or MISSING if isinstance(cell, str) else repr(cell)


def lines(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Rows as lines."""
    return ("\t".join(map(field, row)) + "\n" for row in rows)


def write_tsv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """A file with a header."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines([head]))
        file.writelines(lines(rows))


def write_json(path: Path, content: Any) -> None:  # noqa: ANN401 - whatever JSON holds
    """A sidecar."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def label(text: str, what: str) -> str:
    """A text as the label of an entity: letters and digits only.

    Raises:
        InputError: nothing is left of it.
    """
    made = _NOT_IN_LABELS.sub("", text)
    if not made:
        raise InputError(
            f"the {what} '{text}' has no letter and no digit to name a BIDS file with", did="wrote nothing"
        )
    return made


def units(ucum: str) -> dict[str, str]:
    """Keys of a sidecar for a unit: as BIDS writes it, and its UCUM code."""
    return {"Units": _BIDS_UNITS.get(ucum, ucum), "UnitUCUM": ucum} if ucum else {}


def described(column: Column) -> dict[str, Any]:
    """A column's part of a sidecar."""
    where = f" Unit: see column {column.unit_column}." if column.unit_column else ""
    described: dict[str, Any] = {"Description": column.description + where, **units(column.unit)}
    if column.allowed:
        described["Levels"] = {choice.value: choice.label for choice in choices(column) if choice.value}
    if column.derivation:
        described["Derivation"] = column.derivation
    return described
