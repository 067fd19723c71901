"""Thresholds that a laboratory wrote down by hand, read off a display: a CSV template and its importer.

Every row is checked, every problem is named with its line, and a file with a problem gives no rows at all: a table
that silently lacks what could not be read would be worse than none.
"""

import csv
import hashlib
import io
import re
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from qst import __version__
from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import COLUMNS, Column, Kind
from qst.analysis.importing.handwritten_rows import FIELDS, HandRow, RowProblem, read_row
from qst.errors import InputError
from qst.instruments import Modality
from qst.protocol.plan import Plan
from qst.record.records import Censoring

_LARGEST = 20_000_000  # a file of handwritten values is small; anything larger is something else
_DECIMAL_COMMA = re.compile(r"\s*[+\-\N{MINUS SIGN}\N{EN DASH}]?\d+,\d+\s*")
#: Columns in which a comma can be a decimal one.
_NUMBERS: Final = ("value", "tip_area_cm2")


class Handwritten(NamedTuple):
    """What a file of handwritten thresholds holds.

    Attributes:
        rows: one a line, in the order of the file; empty when there is a problem.
        problems: what is wrong, by line. With a problem there are no rows.
        warnings: what is possible and unusual, by line.
        sha256: of the file, for the record of where rows come from.
        source: name of the file.
    """

    rows: tuple[HandRow, ...]
    problems: tuple[RowProblem, ...]
    warnings: tuple[RowProblem, ...]
    sha256: str
    source: str


def read_handwritten(path: Path) -> Handwritten:
    """Read and check a filled-in template.

    Args:
        path: a CSV file in UTF-8, separated by commas (decimal point) or semicolons (decimal point or comma).

    Raises:
        InputError: it cannot be read as a table at all, or its columns are not those of the template.
    """
    data = _bytes(path)
    lines, semicolons = _table(data, path)
    header = _header(lines[0][1], path)
    rows, problems, warnings = [], [], []
    for number, cells in lines[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            what = f"this line has {len(cells)} fields, the header has {len(header)}"
            problems.append(RowProblem(number, "", what, 'a field with a separator inside stands in quotes: "1, 2"'))
            continue
        fields = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
        for name in _NUMBERS if semicolons else ():
            if _DECIMAL_COMMA.fullmatch(fields.get(name, "")):
                fields[name] = fields[name].replace(",", ".")
        row, wrong, unusual = read_row(number, fields)
        problems += wrong
        warnings += unusual
        if row is not None:
            rows.append(row)
    problems += _repeated(rows)
    if not rows and not problems:
        problems.append(RowProblem(1, "", "there is no filled-in line", "write one line a threshold below the header"))
    problems.sort()
    kept = () if problems else tuple(rows)
    return Handwritten(kept, tuple(problems), tuple(sorted(warnings)), hashlib.sha256(data).hexdigest(), path.name)


def template(plan: Plan | None = None) -> str:
    """The CSV template: its header, and one line a trial when a plan is given.

    Args:
        plan: its trials fill modality, site, side, repeat and unit; practice is left out.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [field.name for field in FIELDS], restval="", lineterminator="\r\n")
    writer.writeheader()
    for trial in plan.trials if plan is not None else ():
        if not trial.is_practice:
            writer.writerow(
                {
                    "visit": "1",
                    "modality": trial.modality.value,
                    "site": trial.site_code,
                    "side": trial.side,
                    "repeat": str(trial.repeat_index),
                    "unit": "kgf/cm²" if trial.modality is Modality.PRESSURE else "°C",
                }
            )
    return text.getvalue()


#: What the table of trials cannot say about a handwritten row.
_PROVENANCE: Final = (
    Column(name="source_file", description="Name of the file that the row was imported from.", kind=Kind.TEXT),
    Column(name="source_line", description="Line of that file, the header being line 1.", kind=Kind.INTEGER),
    Column(name="source_sha256", description="SHA-256 of that file.", kind=Kind.TEXT),
    Column(name="date", description="Day of the visit, as written (ISO 8601).", kind=Kind.TEXT),
)


_FOR_ALL: Final = "the same for every row that is imported"
#: How the columns are made that are not what somebody wrote into the column of this name.
_MADE: Final = {
    **dict.fromkeys(("protocol_id", "software_version", "is_simulated", "method", "is_practice", "source"), _FOR_ALL),
    **dict.fromkeys(("attempt", "superseded", "session", "n_samples"), _FOR_ALL),
    **dict.fromkeys(("unit_ucum", "rate_unit_ucum"), "follows from the modality"),
    **dict.fromkeys(("source_file", "source_line", "source_sha256"), "of the file that was imported"),
    "session_uuid": "made of the file's SHA-256, study, participant and visit",
    "sequence_index": "counted over the lines of one visit, in their order",
    "repeat_index": "as written under 'repeat'",
    "site_code": "from what is written under 'site'",
    "step_id": "the line in the file",
    "value_reported": "the number as written, converted to unit_ucum; none where the trial was censored",
    "value_display": "the number as written, in display_unit; none where the trial was censored",
    "cutoff": "the number written beside a trial that was cut off",
    "start_value": "the number written beside a trial that hurt at the start",
    "display_unit": "from what is written under 'unit'",
    "outcome": "as written; a response where nothing is",
    "censoring": "follows from the outcome",
    "valid": "as written, and never of an outcome that measures nothing",
    "invalid_reason": "as written under 'reason'",
    "raw_text": "number and unit as written",
}
_WRITTEN: Final = "as written in the file that was imported; missing where nothing is"


def table_of(imported: Handwritten) -> Table:
    """The rows as a table of trials: the columns of ``qst thresholds``, then where each row comes from.

    What nobody wrote down (rates, latencies, doses, hashes) is missing, not zero. ``is_simulated`` is false: a person
    vouches for these values, nothing else does.
    """
    columns = tuple(
        msgspec.structs.replace(column, derivation=_MADE.get(column.name, _WRITTEN))
        for column in (*COLUMNS, *_PROVENANCE)
    )
    indexed: dict[tuple[str, str, int], int] = {}
    made = []
    for row in imported.rows:
        whose = (row.study_id, row.participant_id, row.visit)
        indexed[whose] = indexed.get(whose, 0) + 1
        cells = _cells(row, indexed[whose], imported)
        made.append(tuple(cells.get(column.name) for column in columns))
    cells_by_column = tuple(zip(*made, strict=True)) if made else ((),) * len(columns)
    return Table(
        name="trials", label="Thresholds written down by hand, one row each.", columns=columns, cells=cells_by_column
    )


def _cells(row: HandRow, index: int, imported: Handwritten) -> dict[str, Cell]:
    # Two studies may have given one pseudonym. Without a study the name is the one that it always was.
    visit = "/".join(filter(None, (imported.sha256, row.study_id, row.participant_id, str(row.visit))))
    measured = row.censoring == Censoring.NONE  # else the number is where the ramp ended, and never averaged
    return {
        "study_id": row.study_id,
        "participant_id": row.participant_id,
        "visit": row.visit,
        "session_uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, visit)),
        "protocol_id": "handwritten",
        "protocol_version": "",
        "protocol_sha256": "",
        "software_version": __version__,
        "is_simulated": False,
        "operator_id": row.operator_id,
        "device_model": row.device_model,
        "device_serial": row.device_serial,
        "firmware": "",
        "calibration_date": "",
        "tip_area_cm2": row.tip_area_cm2,
        "block": "",
        "step_id": f"line {row.line}",
        "attempt": 1,
        "modality": row.modality.value,
        "method": "limits",
        "site_code": row.site_code,
        "side": row.side,
        "sequence_index": index,
        "repeat_index": row.repeat,
        "is_practice": False,
        "value_reported": row.value if measured else None,
        "value_display": row.value_display if measured else None,
        "cutoff": row.value if row.censoring == Censoring.RIGHT else None,
        "start_value": row.value if row.censoring == Censoring.LEFT else None,
        "display_unit": row.display_unit,
        "unit_ucum": "kPa" if row.modality is Modality.PRESSURE else "Cel",
        "rate_unit_ucum": "kPa/s" if row.modality is Modality.PRESSURE else "K/s",
        "outcome": row.outcome,
        "censoring": row.censoring,
        "valid": row.valid,
        "invalid_reason": row.reason,
        "superseded": False,
        "note": row.note,
        "trace_file": "",
        "instrument": "",
        "source": "operator",
        "raw_text": row.raw_text,
        "n_samples": 0,
        "session": 1,
        "source_file": imported.source,
        "source_line": row.line,
        "source_sha256": imported.sha256,
        "date": row.date,
    }


# -- the file -----------------------------------------------------------------------------------------------------


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    if len(data) > _LARGEST:
        raise InputError("this file is far too large for handwritten thresholds", where=str(path))
    return data


def _table(data: bytes, path: Path) -> tuple[list[tuple[int, list[str]]], bool]:
    """The lines with their numbers, and whether semicolons separate their fields."""
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InputError(
            "this is an Excel workbook, not a CSV file",
            where=str(path),
            remedy="in Excel choose 'Save as', 'CSV UTF-8 (comma delimited)'",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"this file is not in UTF-8: byte {error.start} is 0x{data[error.start]:02X}",
            where=str(path),
            remedy="in Excel choose 'Save as', 'CSV UTF-8'; a degree sign saved otherwise cannot be read for certain",
        ) from error
    first = text.partition("\n")[0]
    semicolons = first.count(";") > first.count(",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if semicolons else ",", strict=True)
    lines = []
    try:
        end = 0
        for cells in reader:
            lines.append((end + 1, cells))
            end = reader.line_num
    except csv.Error as error:
        raise InputError(
            f"this line is no CSV: {error}", where=f"{path}:{reader.line_num}", remedy="close every quotation mark"
        ) from error
    if not lines:
        raise InputError("the file is empty", where=str(path), remedy="make one with 'qst template'")
    return lines, semicolons


def _header(cells: Iterable[str], path: Path) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()
    known = {field.name for field in FIELDS}
    problems = [f"unknown column '{name}'" for name in names if name not in known]
    problems += [f"column '{name}' stands there twice" for name in sorted({n for n in names if names.count(n) > 1})]
    problems += [f"no column '{field.name}'" for field in FIELDS if field.required and field.name not in names]
    if problems:
        raise InputError(
            "; ".join(problems),
            where=f"{path}:1",
            did="imported nothing",
            remedy=f"'qst template' writes the right header; its columns: {', '.join(f.name for f in FIELDS)}",
        )
    return names


def _repeated(rows: Iterable[HandRow]) -> list[RowProblem]:
    """Two lines about the same threshold: one of them is wrong, and only the laboratory knows which."""
    seen: dict[tuple[object, ...], int] = {}
    problems = []
    for row in rows:
        key = (row.study_id, row.participant_id, row.visit, row.modality, row.site_code, row.side, row.repeat)
        if key in seen:
            what = f"line {seen[key]} is about the same participant, visit, modality, site, side and repeat"
            problems.append(RowProblem(row.line, "repeat", what, "number repeats 1, 2, …, or delete one of the lines"))
        else:
            seen[key] = row.line
    return problems


def field_help() -> Mapping[str, str]:
    """What belongs into each column of the template."""
    return {field.name: field.help for field in FIELDS}
