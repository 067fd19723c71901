"""One line of handwritten thresholds: its fields, and everything that can be wrong with it."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeVar

import msgspec

from qst.ceilings import COLD_CEILING_C, HEAT_CEILING_C, PRESSURE_CEILING_KPA
from qst.errors import InputError
from qst.instruments import Modality
from qst.record.records import Censoring, Outcome
from qst.sites import find_site, parse_side
from qst.units import parse

_T = TypeVar("_T")


class Field(NamedTuple):
    """A column of the template."""

    name: str
    required: bool
    help: str


#: Outcomes that a hand can write down; the others need an instrument that the suite drives.
OUTCOMES: Final = tuple(outcome.value for outcome in Outcome if outcome is not Outcome.ESTOP)

FIELDS: Final = (
    Field("participant_id", True, "pseudonym: letters, digits, - and _, at most 32; never a name"),
    Field("visit", True, "number of the visit, from 1"),
    Field("date", False, "day of the visit, like 2026-03-31"),
    Field("operator_id", False, "who took the reading"),
    Field("study_id", False, "study, if there is one"),
    Field("modality", True, "pressure, heat or cold"),
    Field("site", True, "code or name of the site, like TRP or trapezius"),
    Field("side", True, "L or R, the participant's own; empty on the midline"),
    Field("repeat", False, "1, 2, … where a site was tested more than once; empty is 1"),
    Field(
        "value", True, "what the display showed, a plain number with a decimal point; empty when nothing was measured"
    ),
    Field(
        "unit",
        True,
        "of the value: kgf/cm² (clinics write kg/cm²), kPa, N/cm², °C; for a force (N, lbf, kgf) give tip_area_cm2",
    ),
    Field("tip_area_cm2", False, "area of the algometer's tip in cm²; needed when the value is a force"),
    Field(
        "outcome",
        False,
        f"{', '.join(OUTCOMES)}; empty is response",
    ),
    Field("valid", False, "yes (also when empty) or no"),
    Field("reason", False, "why it is not valid"),
    Field("device_model", False, "instrument"),
    Field("device_serial", False, "its serial number"),
    Field("note", False, "anything else; never a name"),
)


class RowProblem(NamedTuple):
    """Something wrong, or unusual, in one line: where, what, and what would be right."""

    line: int
    field: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"line {self.line}{f', {self.field}' if self.field else ''}: {self.what}"
        return f"{text}; {self.remedy}" if self.remedy else text


class HandRow(msgspec.Struct, frozen=True, kw_only=True):
    """A checked line. ``value`` kPa or °C; ``value_display`` the number as written, in ``display_unit`` (UCUM).

    Of a censored trial the value is where it ended, and no threshold.
    """

    line: int
    participant_id: str
    visit: int
    date: str
    operator_id: str
    study_id: str
    modality: Modality
    site_code: str
    side: str
    repeat: int
    value: float | None
    value_display: float | None
    display_unit: str
    raw_text: str
    tip_area_cm2: float | None
    outcome: str
    censoring: str
    valid: bool
    reason: str
    device_model: str
    device_serial: str
    note: str


_CENSORING: Final = {Outcome.CUTOFF.value: Censoring.RIGHT, Outcome.PAIN_AT_BASELINE.value: Censoring.LEFT}
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,32}")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")
_DISPLAY: Final = {"kpa": "kPa", "kgf/cm2": "kgf/cm2", "kg/cm2": "kgf/cm2", "°c": "Cel"}
#: Signs that spreadsheet programs put in the place of a minus.
_MINUS: Final = str.maketrans("\N{MINUS SIGN}\N{EN DASH}", "--")
_YES_NO: Final = {
    "": True,
    "yes": True,
    "y": True,
    "1": True,
    "true": True,
    "no": False,
    "n": False,
    "0": False,
    "false": False,
}
#: Outside these a value is possible and unusual: warned about, kept.
_USUAL: Final = {Modality.PRESSURE: (10.0, 800.0), Modality.HEAT: (33.0, 50.0), Modality.COLD: (0.0, 31.0)}
_LIMITS: Final = {
    Modality.PRESSURE: (0.0, PRESSURE_CEILING_KPA),
    Modality.HEAT: (15.0, HEAT_CEILING_C),
    Modality.COLD: (COLD_CEILING_C, 39.0),
}


class _Line:
    """Collects what is wrong while the fields are read one by one."""

    def __init__(self, number: int, fields: Mapping[str, str]) -> None:
        self.number = number
        self.fields = fields
        self.problems: list[RowProblem] = []
        self.warnings: list[RowProblem] = []

    def get(self, name: str) -> str:
        return self.fields.get(name, "")

    def wrong(self, field: str, what: str, remedy: str = "") -> None:
        self.problems.append(RowProblem(self.number, field, what, remedy))

    def unusual(self, field: str, what: str, remedy: str = "") -> None:
        self.warnings.append(RowProblem(self.number, field, what, remedy))

    def matching(self, name: str, pattern: re.Pattern[str], remedy: str, *, empty: bool = False) -> str:
        text = self.get(name)
        if not (empty and not text) and not pattern.fullmatch(text):
            self.wrong(name, f"'{text}' cannot stand here" if text else "nothing stands here", remedy)
        return text

    def understood(self, name: str, read: Callable[[str], _T]) -> _T | None:
        """What ``read`` makes of the field; its InputError becomes a problem of this line."""
        try:
            return read(self.get(name))
        except InputError as error:
            self.wrong(name, error.what, error.remedy)
            return None


def read_row(number: int, fields: Mapping[str, str]) -> tuple[HandRow | None, list[RowProblem], list[RowProblem]]:
    """Check one line.

    Args:
        number: of the line in its file.
        fields: text by column; a column that the file does not have is empty.

    Returns:
        The row (None with a problem), problems, warnings.
    """
    line = _Line(number, fields)
    identifier = "use 1 to 32 letters, digits, '_' or '-'; a pseudonym, never a name"
    participant_id = line.matching("participant_id", _IDENTIFIER, identifier)
    operator_id = line.matching("operator_id", _IDENTIFIER, identifier, empty=True)
    study_id = line.matching("study_id", _IDENTIFIER, identifier, empty=True)
    visit = line.matching("visit", _COUNT, "number visits from 1")
    repeat = line.matching("repeat", _COUNT, "number repeats from 1", empty=True) or "1"
    modality = _modality(line)
    site_code, side = _place(line)
    outcome, valid = _outcome(line)
    value, display, unit, area = _value(line, modality, outcome, valid=valid)
    date = _date(line)
    if line.problems or modality is None:
        return None, line.problems, line.warnings
    row = HandRow(
        line=number,
        participant_id=participant_id,
        visit=int(visit),
        date=date,
        operator_id=operator_id,
        study_id=study_id,
        modality=modality,
        site_code=site_code,
        side=side,
        repeat=int(repeat),
        value=value,
        value_display=display,
        display_unit=unit,
        raw_text=f"{line.get('value')} {line.get('unit')}".strip() if line.get("value") else "",
        tip_area_cm2=area,
        outcome=outcome,
        censoring=_CENSORING.get(outcome, Censoring.NONE).value,
        # A trial that was cut off is valid without a number, as in a log: its threshold lies beyond.
        valid=valid and (value is not None or outcome in _CENSORING),
        reason=line.get("reason"),
        device_model=line.get("device_model"),
        device_serial=line.get("device_serial"),
        note=line.get("note"),
    )
    return row, line.problems, line.warnings


def _modality(line: _Line) -> Modality | None:
    text = line.get("modality").lower()
    if text in tuple(Modality):
        return Modality(text)
    line.wrong(
        "modality",
        f"'{line.get('modality')}' is no modality" if text else "nothing stands here",
        "write pressure, heat or cold",
    )
    return None


def _place(line: _Line) -> tuple[str, str]:
    site = line.understood("site", find_site)
    if site is None:
        return "", ""
    if not site.paired:
        if line.get("side"):
            line.wrong("side", f"{site.name} lies on the midline", "leave the side empty")
        return site.code, ""
    sides = line.understood("side", parse_side) or ()
    if len(sides) > 1:
        line.wrong("side", "one line is about one side", "write two lines, one for L and one for R")
    return site.code, sides[0] if sides else ""


def _outcome(line: _Line) -> tuple[str, bool]:
    outcome = line.get("outcome").lower() or Outcome.RESPONSE.value
    if outcome not in OUTCOMES:
        line.wrong("outcome", f"'{line.get('outcome')}' is no outcome", f"one of {', '.join(OUTCOMES)}")
    answer = line.get("valid").lower()
    if answer not in _YES_NO:
        line.wrong("valid", f"'{line.get('valid')}' is neither yes nor no", "write yes or no")
    valid = _YES_NO.get(answer, False)
    if answer in _YES_NO and not valid and not line.get("reason"):
        line.wrong("reason", "a value that is not valid needs a reason", "write why, in a few words")
    return outcome, valid and outcome in (Outcome.RESPONSE, Outcome.CUTOFF, Outcome.PAIN_AT_BASELINE)


_Measured = tuple[float | None, float | None, str, float | None]
_NOTHING: _Measured = (None, None, "", None)


def _value(line: _Line, modality: Modality | None, outcome: str, *, valid: bool) -> _Measured:
    """Value in kPa or °C, as written, its unit, and the tip's area."""
    text, unit = line.get("value"), line.get("unit")
    if text.endswith("*") or re.search(r"[?!<>~]", text):
        line.wrong(
            "value", f"'{text}' has a mark in it", "write the plain number; marks belong into outcome, valid or note"
        )
        return _NOTHING
    if not text:
        if outcome == Outcome.RESPONSE and valid:
            line.wrong("value", "nothing stands here", "write the value, or valid = no with a reason")
        return _NOTHING
    if modality is None:
        return _NOTHING
    area = line.understood("tip_area_cm2", _area) if line.get("tip_area_cm2") else None
    value = line.understood("value", lambda number: _parsed(number, unit, modality, area))
    if value is None:
        return _NOTHING
    low, high = _LIMITS[modality]
    shown = f"{value:.4g} {'kPa' if modality is Modality.PRESSURE else '°C'}"
    if not low <= value <= high:
        line.wrong(
            "value",
            f"{shown} is no {modality.value} threshold",
            f"possible: {low:g} to {high:.0f}; check number and unit",
        )
    elif not _USUAL[modality][0] <= value <= _USUAL[modality][1]:
        line.unusual("value", f"{shown} is unusual for a {modality.value} threshold", "check number and unit")
    try:
        as_written = float(text.translate(_MINUS))
    except ValueError:
        line.wrong("value", f"'{text}' is no plain number", "write it with digits of one size")
        return _NOTHING
    # The number as written, where its unit is one that tables know; else the converted one.
    written_in = _DISPLAY.get(_plain(unit))
    fallback = "kPa" if modality is Modality.PRESSURE else "Cel"
    return value, value if written_in is None else as_written, written_in or fallback, area


def _parsed(text: str, unit: str, modality: Modality, area_cm2: float | None) -> float:
    quantity = f"{text} {unit}"
    if modality is not Modality.PRESSURE:
        return parse(quantity, "temperature")
    try:
        return parse(quantity, "pressure")
    except InputError:
        if area_cm2 is None:
            raise
    # 1 N/cm² is 10 kPa.
    return 10.0 * parse(quantity, "force") / area_cm2


def _area(text: str) -> float:
    area = parse(f"{text} cm²", "area")
    if not 0.0 < area <= 10.0:  # noqa: PLR2004 - no tip is larger than this
        raise InputError(f"{text} cm² is no tip's area", remedy="most tips have 1 cm²")
    return area


def _plain(unit: str) -> str:
    return unit.strip().lower().replace("²", "2").replace("^", "")


def _date(line: _Line) -> str:
    text = line.get("date")
    if text:
        try:
            day = dt.date.fromisoformat(text)
        except ValueError:
            line.wrong(
                "date", f"'{text}' is no day", "write year-month-day, like 2026-03-31: other orders are ambiguous"
            )
        else:
            return day.isoformat()
    return ""
