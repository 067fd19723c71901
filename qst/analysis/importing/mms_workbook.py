"""Result workbooks that Medoc Main Station (MMS) exports, as far as anything about them is public.

What is known comes from one public analysis script that reads them (medium confidence): a sheet ``Data`` whose first
two columns are time in ms and temperature, very long recordings going on in a further pair of columns to the right; a
sheet ``Results`` with a heading row and one row a trial, its second column the target temperature, its last row
possibly a dummy at baseline; a decimal comma where the computer's locale has one; samples at irregular times. The
headings are not published. So nothing here is taken for certain: every column keeps its own heading and text, and each
guess is named in ``uncertain``.
"""

import contextlib
import hashlib
import io
import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from qst.errors import InputError

_NUMBER = re.compile(r"\s*[+-]?\d+(?:[.,]\d+)?\s*")
#: A thermode shows nothing beyond these, °C: a column with other values is no temperature.
_POSSIBLE_C: Final = (-20.0, 70.0)
#: An excursion is a way of at least this much from where the recording starts, °C.
_EXCURSION_C: Final = 1.0
#: Targets this near to the baseline make the last row of the results a likely dummy, °C.
_DUMMY_C: Final = 0.5
#: What Excel has. A damaged row number would else be filled up with empty rows until the memory ends.
_MOST_ROWS: Final = 1_048_576
_SHEETS: Final = ("Data", "Results")

Raw = str | float | None


class MmsTrial(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the sheet ``Results``.

    Attributes:
        row: of the sheet, the heading row being row 1.
        cells: what stands there, by the workbook's own headings; numbers as numbers, everything else as text.
        target_c: second column, °C; None when it is no temperature. Its meaning is unverified.
        maybe_dummy: the last row, with a target at the recording's baseline.
    """

    row: int
    cells: dict[str, Raw]
    target_c: float | None
    maybe_dummy: bool


class Excursion(NamedTuple):
    """A way from the baseline and back, seen in the recording. Times s, temperatures °C."""

    start_s: float
    peak_s: float
    peak_c: float
    end_s: float


class MmsWorkbook(msgspec.Struct, frozen=True, kw_only=True):
    """What a workbook holds, and what about it is guessed.

    Attributes:
        source: name of the file; ``sha256`` is that of its bytes.
        headings: of the sheet ``Results``, as they stand there.
        trials: rows of that sheet.
        time_s: of the samples, from the file's ms.
        temperature_c: of the samples.
        excursions: ways from the baseline and back, derived from the samples.
        uncertain: everything about the reading that no public document confirms, in words.
    """

    source: str
    sha256: str
    headings: tuple[str, ...]
    trials: tuple[MmsTrial, ...]
    time_s: tuple[float, ...]
    temperature_c: tuple[float, ...]
    excursions: tuple[Excursion, ...]
    uncertain: tuple[str, ...]


def read_mms_workbook(path: Path) -> MmsWorkbook:
    """Read a result workbook (``.xlsx``).

    Raises:
        InputError: it is no such workbook: sheets or columns are missing, times go backwards, or a value is impossible.
    """
    data = _bytes(path)
    sheets = _sheets(data, path)
    uncertain: list[str] = []
    times, temperatures = _samples(sheets["Data"], path, uncertain)
    headings, trials = _results(sheets["Results"], temperatures[0], path, uncertain)
    excursions = _excursions(times, temperatures)
    _compare(trials, excursions, uncertain)
    return MmsWorkbook(
        source=path.name,
        sha256=hashlib.sha256(data).hexdigest(),
        headings=headings,
        trials=trials,
        time_s=tuple(times),
        temperature_c=tuple(temperatures),
        excursions=excursions,
        uncertain=tuple(uncertain),
    )


# -- the file -----------------------------------------------------------------------------------------------------


def _bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"the workbook cannot be read: {error.strerror}", where=str(path)) from error
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(
            "this is a workbook of the old kind (.xls)", where=str(path), remedy="save it as .xlsx in Excel"
        )
    if not data.startswith(b"PK\x03\x04"):
        raise InputError("this is no Excel workbook", where=str(path), remedy="export the results from MMS to Excel")
    return data


def _sheets(data: bytes, path: Path) -> dict[str, list[tuple[Any, ...]]]:
    try:
        import openpyxl  # noqa: PLC0415 - large, and needed here only
    except ImportError as error:
        raise InputError(
            "reading workbooks needs openpyxl", remedy='install it: pip install "qst-suite[analysis]"'
        ) from error
    with _reading(path):
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    try:
        by_name = {name.strip().lower(): name for name in book.sheetnames}
        missing = [name for name in _SHEETS if name.lower() not in by_name]
        if missing:
            raise InputError(
                f"there is no sheet '{missing[0]}'; sheets here: {', '.join(book.sheetnames)}",
                where=str(path),
                did="imported nothing",
                remedy="export data and results from MMS into one workbook",
            )
        with _reading(path):
            return {name: _rows(book[by_name[name.lower()]]) for name in _SHEETS}
    finally:
        book.close()


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever the library comes upon in a file that is not as it should be, the file is what is wrong."""
    try:
        yield
    except Exception as error:
        # Errors of the ZIP file, of its compression and of its XML, and any that follow from a value of another kind.
        raise InputError(
            f"this workbook is damaged: {str(error) or type(error).__name__}",
            where=str(path),
            did="imported nothing",
            remedy="fetch the original, or export the results from MMS once more",
        ) from error


def _rows(sheet: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - the library's sheets have no common type
    """Every row that is there: the size that a sheet states of itself may be too small, and cut it off."""
    sheet.reset_dimensions()
    rows = list(itertools.islice(sheet.iter_rows(values_only=True), _MOST_ROWS + 1))
    if len(rows) > _MOST_ROWS:
        raise ValueError(f"a sheet has at most {_MOST_ROWS} rows")
    return rows


# -- the sheet Data -----------------------------------------------------------------------------------------------


def _samples(rows: Sequence[tuple[Any, ...]], path: Path, uncertain: list[str]) -> tuple[list[float], list[float]]:
    first = next((number for number, row in enumerate(rows) if _number(_cell(row, 0)) is not None), None)
    if first is None or _number(_cell(rows[first], 1)) is None:
        raise InputError(
            "the first two columns of the sheet 'Data' hold no numbers",
            where=f"{path}, Data",
            did="imported nothing",
            remedy="expected: time in ms and temperature in °C",
        )
    if any(isinstance(_cell(row, 0), str) or isinstance(_cell(row, 1), str) for row in rows[first:]):
        uncertain.append("numbers in 'Data' are text; a comma in them is read as a decimal comma")
    times: list[float] = []
    temperatures: list[float] = []
    pairs = list(_pairs(rows, first))
    for column in pairs:
        for number, row in enumerate(rows[first:], first + 1):
            time_ms, temperature_c = _number(_cell(row, column)), _number(_cell(row, column + 1))
            if time_ms is None and temperature_c is None:
                continue
            _check_sample(time_ms, temperature_c, times, f"{path}, Data, row {number}, column {column + 1}")
            times.append((time_ms or 0.0) / 1000.0)
            temperatures.append(temperature_c or 0.0)
    if len(pairs) > 1:
        uncertain.append(f"'Data' goes on in {len(pairs) - 1} further pair(s) of columns, taken as the same recording")
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    if steps:
        uncertain.append(f"{len(times)} samples, {min(steps):.3g} to {max(steps):.3g} s apart; kept at their own times")
    uncertain.append("time is taken to be in ms, temperature in °C, of the thermode; the headings are not published")
    return times, temperatures


def _pairs(rows: Sequence[tuple[Any, ...]], first: int) -> Iterator[int]:
    """Columns in which a pair of time and temperature begins: the first, and every later one that goes on from it."""
    width = max(map(len, rows))
    column = 0
    while column + 1 < width:
        filled = [row for row in rows[first:] if _number(_cell(row, column)) is not None]
        if filled and any(_number(_cell(row, column + 1)) is not None for row in filled):
            yield column
            column += 2
        else:
            column += 1


def _check_sample(time_ms: float | None, temperature_c: float | None, times: Sequence[float], where: str) -> None:
    if time_ms is None or temperature_c is None:
        raise InputError("a sample lacks its time or its temperature", where=where, did="imported nothing")
    if not _POSSIBLE_C[0] <= temperature_c <= _POSSIBLE_C[1]:
        raise InputError(
            f"{temperature_c:g} is no temperature of a thermode in °C", where=where, did="imported nothing"
        )
    if times and time_ms / 1000.0 < times[-1]:
        raise InputError("time goes backwards", where=where, did="imported nothing")


# -- the sheet Results --------------------------------------------------------------------------------------------


def _results(
    rows: Sequence[tuple[Any, ...]], baseline_c: float, path: Path, uncertain: list[str]
) -> tuple[tuple[str, ...], tuple[MmsTrial, ...]]:
    filled = [(number, row) for number, row in enumerate(rows, 1) if any(_raw(cell) is not None for cell in row)]
    if not filled:
        raise InputError("the sheet 'Results' is empty", where=f"{path}, Results", did="imported nothing")
    (_, heading_row), *trial_rows = filled
    width = max(len(row) for _, row in filled)
    headings = tuple(_heading(_cell(heading_row, index), index) for index in range(width))
    trials = []
    for number, row in trial_rows:
        target = _number(_cell(row, 1))
        possible = target is not None and _POSSIBLE_C[0] <= target <= _POSSIBLE_C[1]
        last = number == filled[-1][0]
        trials.append(
            MmsTrial(
                row=number,
                cells={name: _raw(_cell(row, index)) for index, name in enumerate(headings)},
                target_c=target if possible else None,
                maybe_dummy=last and target is not None and abs(target - baseline_c) <= _DUMMY_C,
            )
        )
    uncertain.append(
        "the second column of 'Results' is taken as the target temperature in °C; what the others mean is open"
    )
    if trials and trials[-1].maybe_dummy:
        uncertain.append(
            f"row {trials[-1].row} of 'Results' has its target at the baseline: possibly no trial but a dummy"
        )
    return headings, tuple(trials)


def _heading(cell: object, index: int) -> str:
    """The column's own heading, made unique by its place."""
    return f"{index + 1}: {str(cell).strip() if cell is not None else ''}".rstrip()


# -- what the recording shows -------------------------------------------------------------------------------------


def _excursions(times: Sequence[float], temperatures: Sequence[float]) -> tuple[Excursion, ...]:
    """Ways from the first temperature and back; one that the recording does not see the end of ends with it."""
    baseline_c = temperatures[0]
    found = []
    start: int | None = None
    peak = 0
    for index, temperature_c in enumerate(temperatures):
        away_c = abs(temperature_c - baseline_c)
        if start is None and away_c >= _EXCURSION_C:
            start = peak = index
        elif start is not None and away_c > abs(temperatures[peak] - baseline_c):
            peak = index
        if start is not None and (away_c < _EXCURSION_C or index == len(temperatures) - 1):
            found.append(Excursion(times[start], times[peak], temperatures[peak], times[index]))
            start = None
    return tuple(found)


def _compare(trials: Sequence[MmsTrial], excursions: Sequence[Excursion], uncertain: list[str]) -> None:
    counted = sum(not trial.maybe_dummy for trial in trials)
    if counted != len(excursions):
        uncertain.append(
            f"'Results' has {counted} trial(s), the recording shows {len(excursions)} excursion(s) "
            f"of {_EXCURSION_C:g} °C or more: they cannot be matched by their order"
        )
    uncertain.append(
        "an excursion's peak is what the thermode reached; whether it is a threshold depends on the program "
        "(in Limits programs the participant's press ends the ramp), which the workbook does not tell"
    )


# -- cells --------------------------------------------------------------------------------------------------------


def _cell(row: Sequence[object], index: int) -> object:
    return row[index] if index < len(row) else None


def _number(cell: object) -> float | None:
    """A number, also as text with a decimal point or comma; None for anything else."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return float(cell) if abs(cell) <= sys.float_info.max else None
    if isinstance(cell, str) and _NUMBER.fullmatch(cell):
        return float(cell.replace(",", "."))
    return None


def _raw(cell: object) -> Raw:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None
    return str(cell) if (number := _number(cell)) is None or isinstance(cell, str) else number
