"""An analyst's corrections: an overlay file of their own, applied on reading; the visit logs stay as they are.

One JSON object a line, appended, never changed::

    {"who":"A. Analyst","when":"2026-03-01","why":"participant moved, see note","session_uuid":"…",
     "sequence_index":7,"attempt":1,"hash":"…","field":"valid","old":true,"new":false}

What can be corrected: of an attempt ``valid``, ``invalid_reason`` and ``note``; of a whole visit (without
``sequence_index``, ``attempt`` and ``hash``) ``study_id``, ``participant_id`` and ``visit``. A measured value can be
left out of every mean, and never be changed.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from qst.analysis.columnar import Cell
from qst.analysis.trial_table import Visit
from qst.errors import InputError
from qst.record.records import Outcome

#: Fields that can be corrected, and their types.
OF_ATTEMPT: Final[dict[str, type]] = {"valid": bool, "invalid_reason": str, "note": str}
OF_VISIT: Final[dict[str, type]] = {"study_id": str, "participant_id": str, "visit": int}

#: How every line of an overlay file may begin; a visit log begins otherwise.
BEGINS: Final = b'{"who":'
_MEASURED: Final = frozenset({Outcome.RESPONSE, Outcome.CUTOFF, Outcome.PAIN_AT_BASELINE})

#: A corrected name goes wherever one goes that was right from the start: into files' names, and other programs' keys.
_IDENTIFIERS: Final = {
    "participant_id": re.compile(r"[A-Za-z0-9_-]{1,32}"),
    "study_id": re.compile(r"[A-Za-z0-9_-]{0,32}"),
}
_VISITS: Final = range(1, 10_000)

_Columns = dict[str, list[Cell]]


class Correction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One correction. ``hash`` is that of the attempt's record, as the trial table shows it."""

    who: str
    when: str
    why: str
    session_uuid: str
    sequence_index: int | None = None
    attempt: int | None = None
    hash: str | None = None
    field: str
    old: str | int | bool
    new: str | int | bool


_DECODER: Final = msgspec.json.Decoder(Correction)


def load(path: Path) -> list[tuple[int, Correction]]:
    """The corrections of an overlay file, each with its line.

    Raises:
        InputError: the file cannot be read, or a line is no correction; ``where`` names the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"the corrections cannot be read: {error.strerror}", where=str(path)) from error
    return [(number, _correction(path, number, line)) for number, line in enumerate(lines, 1) if line.strip()]


def _correction(path: Path, number: int, line: bytes) -> Correction:
    try:
        made = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _wrong(path, number, f"this is no correction: {error}") from error
    if problem := problem_of(made):
        raise _wrong(path, number, problem)
    return made


def problem_of(made: Correction) -> str:
    """What is wrong with a correction by itself; empty when nothing is."""
    if not (made.who.strip() and made.when.strip() and made.why.strip()):
        return "who, when and why must not be empty"
    of_visit = made.sequence_index is None and made.attempt is None and made.hash is None
    of_attempt = made.sequence_index is not None and made.attempt is not None and made.hash is not None
    if not (of_visit or of_attempt):
        return "sequence_index, attempt and hash belong together: all for an attempt, none for a visit"
    fields = OF_VISIT if of_visit else OF_ATTEMPT
    if made.field not in fields:
        return f"{made.field!r} cannot be corrected here; what can is {', '.join(fields)}. Measured values never change"
    return _problem_of_values(made, fields[made.field])


def _problem_of_values(made: Correction, kind: type) -> str:
    if any(type(value) is not kind for value in (made.old, made.new)):
        return f"old and new of {made.field!r} must be of type {kind.__name__}"
    if made.field in _IDENTIFIERS and not _IDENTIFIERS[made.field].fullmatch(str(made.new)):
        return f"{made.new!r} cannot be a {made.field}: use 1 to 32 letters, digits, '_' or '-'"
    if made.field == "visit" and made.new not in _VISITS:
        return f"{made.new!r} cannot be a visit: number visits from {_VISITS[0]} to {_VISITS[-1]}"
    return "" if made.old != made.new else "old and new are the same"


def _wrong(path: Path, number: int, what: str) -> InputError:
    return InputError(what, where=f"{path}:{number}", did="nothing was read", remedy="Correct this line of the file.")


def apply(
    path: Path, corrections: Sequence[tuple[int, Correction]], columns: _Columns, visits: Sequence[Visit]
) -> None:
    """Change ``columns`` as the corrections say, in their order, and note in each row who did it and why.

    Raises:
        InputError: a correction matches nothing, or the old value is another one; ``where`` names the line.
    """
    spans = {visit.facts.session_uuid: visit for visit in visits}
    for number, made in corrections:
        visit = spans.get(made.session_uuid)
        if visit is None:
            raise _wrong(path, number, f"no visit {made.session_uuid} was read")
        rows = _rows(columns, visit, made)
        if not rows:
            raise _wrong(path, number, f"the visit has no attempt {made.attempt} at trial {made.sequence_index}")
        for row in rows:
            _change(path, number, made, columns, row)


def _rows(columns: _Columns, visit: Visit, made: Correction) -> list[int]:
    rows = range(visit.begin, visit.end)
    if made.sequence_index is None:
        return list(rows)
    wanted = (made.sequence_index, made.attempt)
    places = columns["sequence_index"], columns["attempt"]
    return [row for row in rows if (places[0][row], places[1][row]) == wanted]


def _change(path: Path, number: int, made: Correction, columns: _Columns, row: int) -> None:
    column = columns[made.field]
    if made.hash is not None and columns["hash"][row] != made.hash:
        raise _wrong(path, number, f"the attempt's record has another hash: {columns['hash'][row]}")
    if column[row] != made.old:
        raise _wrong(path, number, f"{made.field} is {column[row]!r}, and not {made.old!r}")
    if made.field == "valid" and made.new is True and columns["outcome"][row] not in _MEASURED:
        raise _wrong(path, number, f"an attempt that ended by {columns['outcome'][row]} has nothing to count")
    column[row] = made.new
    said = (("corrected", made.field, " "), ("corrected_from", _text(made.old), " | "))
    signed = (("corrected_by", f"{made.who}, {made.when}", " | "), ("corrected_why", made.why, " | "))
    for name, text, joint in (*said, *signed):
        before = columns[name][row]
        columns[name][row] = f"{before}{joint}{text}" if before else text


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
