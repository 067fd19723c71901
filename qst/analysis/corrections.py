"""An analyst's corrections: an overlay file of their own, applied on reading; the visit logs stay as they are.

One JSON object a line, appended, never changed::

    {"who":"A. Analyst","when":"2026-03-01","why":"participant moved, see note","session_uuid":"…",
     "sequence_index":7,"attempt":1,"hash":"…","field":"valid","old":true,"new":false}

What can be corrected: of an attempt ``valid``, ``invalid_reason`` and ``note``; of a whole visit (without
``sequence_index``, ``attempt`` and ``hash``) ``study_id``, ``participant_id`` and ``visit``. A measured value can be
left out of every mean, and never be changed.

An attempt that no longer counts says why: without a correction of its own, ``invalid_reason`` is the ``why`` of the
line that took the attempt out, and it is empty again when the attempt counts.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from qst.analysis.columnar import Cell
from qst.analysis.trial_table import Visit
from qst.errors import InputError
from qst.record.folders import first_bytes
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

#: The header's first fields; the text of the protocol comes behind them.
_HEADER_BYTES: Final = 4096
_SESSION: Final = re.compile(rb'^\{"type":"header",.*?"session_uuid":"([0-9A-Za-z-]+)"')
#: So many logs are named in a message.
_NAMED: Final = 3

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


class Absent(NamedTuple):
    """What was found, and is in no table.

    Attributes:
        path_of: the log of each visit that is known to be absent, by its ``session_uuid``.
        left_out: every log without rows, also those that do not say which visit they are.
    """

    path_of: Mapping[str, str] = {}
    left_out: Sequence[str] = ()


_NOTHING_ABSENT: Final = Absent()

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


def session_named_in(path: str) -> str | None:
    """The ``session_uuid`` in the first line of a log that cannot be used, as far as anybody can tell."""
    begins, _, _ = first_bytes(path, _HEADER_BYTES).partition(b"\n")
    found = _SESSION.search(begins)
    return found[1].decode("ascii") if found else None


def apply(
    path: Path,
    corrections: Iterable[tuple[int, Correction]],
    columns: _Columns,
    visits: list[Visit],
    absent: Absent = _NOTHING_ABSENT,
) -> tuple[str, ...]:
    """Change ``columns`` and ``visits`` as the corrections say, in their order; each row notes who did it and why.

    Args:
        path: the overlay file, for messages.
        corrections: what :func:`load` gives.
        columns: the trial table's, by name.
        visits: where each visit stands in them, and what is known of it besides.
        absent: what the overlay may speak of all the same: its author had logs that this reading leaves out.

    Returns:
        A sentence for each line that was passed over, because its visit is absent.

    Raises:
        InputError: a correction matches nothing, or the old value is another one; ``where`` names the line.
    """
    place_of = {visit.facts.session_uuid: place for place, visit in enumerate(visits)}
    overlay = _Overlay(path, columns)
    passed_over = []
    for number, made in corrections:
        place = place_of.get(made.session_uuid)
        if place is not None:
            visits[place] = overlay.apply(number, made, visits[place])
        elif made.session_uuid in absent.path_of:
            whose = absent.path_of[made.session_uuid]
            passed_over.append(f"{path}:{number}: this line was not applied, because {whose} is in no table")
        else:
            raise _unknown(path, number, made.session_uuid, absent.left_out)
    return tuple(passed_over)


def _unknown(path: Path, number: int, session_uuid: str, left_out: Sequence[str]) -> InputError:
    what = f"no visit {session_uuid} was read"
    if not left_out:
        return _wrong(path, number, what)
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    what += f"; it may be in what could not be used: {', '.join(left_out[:_NAMED])}{more}"
    remedy = "Mend or remove these files ('qst verify' says what is wrong with them), or correct this line."
    return InputError(what, where=f"{path}:{number}", did="nothing was read", remedy=remedy)


class _Overlay:
    """An overlay at work on a table.

    Args:
        path: the file, for messages.
        columns: what it changes.
    """

    def __init__(self, path: Path, columns: _Columns) -> None:
        self._path = path
        self._columns = columns
        # The reasons that follow from what was said of ``valid``, by row: what stood there before. A line that speaks
        # of that instead was right when it was written.
        self._followed: dict[int, Cell] = {}

    def apply(self, number: int, made: Correction, visit: Visit) -> Visit:
        """The visit as it is after one correction, whose rows are changed as well.

        Raises:
            InputError: it does not fit.
        """
        rows = range(visit.begin, visit.end)
        if made.sequence_index is None:
            self._expect(number, made, [getattr(visit.facts, made.field)])
            for row in rows:
                self._set(row, made, made.field, made.old, made.new)
            return visit._replace(facts=msgspec.structs.replace(visit.facts, **{made.field: made.new}))
        trials, attempts = (self._columns[name] for name in ("sequence_index", "attempt"))
        wanted = (made.sequence_index, made.attempt)
        found = [row for row in rows if (trials[row], attempts[row]) == wanted]
        if not found:
            what = f"the visit has no attempt {made.attempt} at trial {made.sequence_index}"
            raise _wrong(self._path, number, what)
        for row in found:
            self._change(number, made, row)
        return visit

    def _change(self, number: int, made: Correction, row: int) -> None:
        found = self._columns["hash"][row]
        if made.hash != found:
            raise _wrong(self._path, number, f"the attempt's record has another hash: {found}")
        now = self._columns[made.field][row]
        follows = made.field == "invalid_reason" and row in self._followed
        self._expect(number, made, [now, self._followed[row]] if follows else [now])
        outcome = self._columns["outcome"][row]
        if made.field == "valid" and made.new is True and outcome not in _MEASURED:
            raise _wrong(self._path, number, f"an attempt that ended by {outcome} has nothing to count")
        self._set(row, made, made.field, self._followed[row] if follows else now, made.new)
        if made.field == "valid":
            self._give_reason(row, made)
        elif made.field == "invalid_reason":
            self._followed.pop(row, None)

    def _give_reason(self, row: int, made: Correction) -> None:
        """What follows for ``invalid_reason``. Only a reason of the log's own would be lost, and is noted."""
        reasons = self._columns["invalid_reason"]
        before = reasons[row]
        if made.new is False:
            self._followed[row] = before
            reasons[row] = before or made.why
        elif row in self._followed or not before:
            self._followed.pop(row, None)
            reasons[row] = ""
        else:
            self._set(row, made, "invalid_reason", before, "")
            self._followed[row] = before

    def _expect(self, number: int, made: Correction, known: Sequence[Cell]) -> None:
        if made.old not in known:
            raise _wrong(self._path, number, f"{made.field} is {known[0]!r}, and not {made.old!r}")

    def _set(self, row: int, made: Correction, field: str, old: Cell, new: Cell) -> None:
        self._columns[field][row] = new
        said = (("corrected", field, " "), ("corrected_from", _text(old), " | "))
        signed = (("corrected_by", f"{made.who}, {made.when}", " | "), ("corrected_why", made.why, " | "))
        for name, text, joint in (*said, *signed):
            before = self._columns[name][row]
            self._columns[name][row] = f"{before}{joint}{text}" if before else text


def _text(value: Cell) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
