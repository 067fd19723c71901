"""Quantities as people write them, and back.

Inside the suite every quantity is a plain number in one unit, named in the variable: °C, °C/s, kPa, kPa/s, N, cm², s.
:func:`parse` brings text there; the ``format_*`` helpers bring numbers back to people.

Two things that a general units library cannot know are settled here. Clinicians write ``kg/cm²`` and mean ``kgf/cm²``
= 98.0665 kPa (standard gravity is exact by definition), not a mass per area. And ``°C`` is a point on a scale in
``32 °C`` but a difference in ``0.3 °C/s``. The spellings used in the field are in a table of exact factors; everything
else goes to Pint, which is imported only then (its import costs more than loading a protocol).
"""

import difflib
import functools
import math
import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from qst.errors import InputError

if TYPE_CHECKING:
    import pint


class Kind(NamedTuple):
    """What a quantity may be: its name for people, an example that would be right, and Pint's unit for the result."""

    noun: str
    example: str
    pint_unit: str


#: Every kind :func:`parse` knows. Results: °C, °C, °C/s, kPa, kPa/s, N, cm², s, and 1 for a ratio.
KINDS: Final = {
    "temperature": Kind("a temperature", "32 °C", "degC"),
    "temperature_difference": Kind("a temperature difference", "0.2 °C", "delta_degC"),
    "temperature_rate": Kind("a rate of temperature", "0.3 °C/s", "delta_degC/s"),
    "pressure": Kind("a pressure", "6 kg/cm²", "kPa"),
    "pressure_rate": Kind("a rate of pressure", "1 kg/cm²/s", "kPa/s"),
    "force": Kind("a force", "10 N", "N"),
    "area": Kind("an area", "1 cm²", "cm**2"),
    "duration": Kind("a duration", "10 s", "s"),
    "ratio": Kind("a ratio", "25 %", "dimensionless"),
}


class DisplayUnit(NamedTuple):
    """A unit in which values are shown: its label for people, its size in °C or kPa, its usual number of decimals."""

    label: str
    per_unit: float
    decimals: int


#: 1 kgf/cm² in kPa, exact.
KPA_PER_KGF_CM2: Final = 98.0665
#: Units for people by their UCUM code. ``kg/cm2`` would be mass per area in UCUM; the clinical unit is ``kgf/cm2``.
DISPLAY_UNITS: Final = {
    "Cel": DisplayUnit("°C", 1.0, 2),
    "kPa": DisplayUnit("kPa", 1.0, 1),
    "kgf/cm2": DisplayUnit("kg/cm²", KPA_PER_KGF_CM2, 2),
    "N/cm2": DisplayUnit("N/cm²", 10.0, 2),
}

#: Standard gravity in m/s², exact by definition: what turns a clinical "kg" into a force.
STANDARD_GRAVITY: Final = Decimal("9.80665")

_POUND_KG = Decimal("0.45359237")
_INCH_CM = Decimal("2.54")
_ONE = Decimal(1)
_KGF = STANDARD_GRAVITY
_LBF = _POUND_KG * STANDARD_GRAVITY


class _Unit(NamedTuple):
    """Value in the suite's unit = (number + before) × numerator / denominator; ``before`` for temperature points."""

    quantity: str
    numerator: Decimal
    denominator: Decimal = _ONE
    before: Decimal = Decimal(0)


_FORCES = {"N": _ONE, "mN": Decimal("0.001"), "kgf": _KGF, "kg": _KGF, "gf": _KGF / 1000, "lbf": _LBF, "lb": _LBF}
_AREAS = {"cm2": _ONE, "mm2": Decimal("0.01"), "m2": Decimal(10000), "in2": _INCH_CM * _INCH_CM}
_TIMES = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), _ONE),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), Decimal("0.001")),
    **dict.fromkeys(("min", "minute", "minutes"), Decimal(60)),
    **dict.fromkeys(("h", "hour", "hours"), Decimal(3600)),
}
_CELSIUS = _Unit("temperature", _ONE)
_KELVIN = _Unit("temperature", _ONE, before=Decimal("-273.15"))
_FAHRENHEIT = _Unit("temperature", Decimal(5), Decimal(9), before=Decimal(-32))
_TEMPERATURES = {
    **dict.fromkeys(("°C", "degC", "C", "Cel", "celsius"), _CELSIUS),
    **dict.fromkeys(("K", "kelvin"), _KELVIN),
    **dict.fromkeys(("°F", "degF", "F"), _FAHRENHEIT),
}


def _simple_units() -> dict[str, _Unit]:
    table = dict(_TEMPERATURES)
    table |= {name: _Unit("force", factor) for name, factor in _FORCES.items()}
    table |= {name: _Unit("area", factor) for name, factor in _AREAS.items()}
    table |= {name: _Unit("duration", factor) for name, factor in _TIMES.items()}
    # 1 N/cm² is 10 kPa.
    table |= {
        f"{force}/{area}": _Unit("pressure", force_n * 10, area_cm2)
        for force, force_n in _FORCES.items()
        for area, area_cm2 in _AREAS.items()
    }
    table |= {"kPa": _Unit("pressure", _ONE), "Pa": _Unit("pressure", Decimal("0.001"))}
    table["psi"] = table["lbf/in2"]
    table |= {"%": _Unit("ratio", _ONE, Decimal(100))}
    return table


#: Every spelling that is understood without Pint, after :func:`normalise`; each temperature and pressure also per time.
SPELLINGS: Final = _simple_units()


def _look_up(name: str) -> _Unit | None:
    """The unit that a spelling stands for, if it is in the table."""
    unit = SPELLINGS.get(name)
    if unit is None and "/" in name:
        head, _, time = name.rpartition("/")
        per_time, time_s = SPELLINGS.get(head), _TIMES.get(time)
        if time_s is not None and per_time is not None and per_time.quantity in ("temperature", "pressure"):
            return _Unit(f"{per_time.quantity}_rate", per_time.numerator, per_time.denominator * time_s)
    return unit


_QUANTITY = re.compile(r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?P<unit>[^\d.,'].*)?", re.DOTALL)
_GROUPED = re.compile(r"[+-]?\d+(?:[,' ]\d+)+(?:\.\d+)?(?=\D|$)")
#: A power of the number, not of the unit: what it means would be a guess.
_POWER = re.compile(r"\d\s*(?:\^|\*\*|[²³¹⁰⁴-⁹])")
_NOT_FINITE = re.compile(r"[+-]?(?:\.?nan|\.?inf(?:inity)?)\b", re.IGNORECASE)
#: What may reach Pint: names with powers, joined by ``*`` and ``/``. Nothing that could be an expression.
_PINT_UNIT = re.compile(r"[^\W\d]\w*(?:[*/][^\W\d]\w*)*")
_LONGEST_TEXT = 80
_MASS_MEANS_FORCE = frozenset({"pressure", "pressure_rate", "force"})
_SECONDS_PER_MINUTE = 60
_MINUTES_PER_HOUR = 60
_GROUP = 3  # digits between separators of thousands


def _fail(what: str, remedy: str) -> NoReturn:
    raise InputError(what, remedy=remedy)


def normalise(text: str) -> str:
    """One spelling for look-alikes: ring and ordinal signs, superscripts, minus signs, spaces around the unit."""
    text = text.translate({0x2212: "-", 0x2013: "-", 0xBA: "°", 0x2DA: "°", 0xB7: "*", 0x22C5: "*", 0x2044: "/"})
    text = unicodedata.normalize("NFKC", text)
    return text.replace("**", "").replace("^", "").strip()


def _split(text: object, kind: Kind) -> tuple[Decimal, str]:
    """Number and unit of a quantity's text, or an InputError that says what would be right."""
    if not isinstance(text, str):
        _fail(f"{text} has no unit", f"write {kind.noun} with its unit, for example '{kind.example}'")
    if not text.strip():
        _fail("the quantity is empty", f"write {kind.noun}, for example '{kind.example}'")
    if len(text) > _LONGEST_TEXT:
        _fail(f"'{text[:40]}…' is too long for a quantity", f"write {kind.noun}, for example '{kind.example}'")
    if _POWER.search(text):
        _fail(f"'{text}' has a power of its number", f"write the number out, for example '{kind.example}'")
    clean = normalise(text)
    if _NOT_FINITE.match(clean):
        _fail(f"'{text}' is not a finite number", f"write {kind.noun}, for example '{kind.example}'")
    if grouped := _GROUPED.match(clean):
        _fail_grouped(text, grouped.group())
    match = _QUANTITY.fullmatch(clean)
    if match is None:
        _fail(f"'{text}' is not a number with a unit", f"write {kind.noun}, for example '{kind.example}'")
    unit = re.sub(r"\s+", "", match["unit"] or "")
    if not unit:
        _fail(f"'{text}' has no unit", f"write {kind.noun} with its unit, for example '{kind.example}'")
    return Decimal(match["number"]), unit


def _fail_grouped(text: str, number: str) -> NoReturn:
    whole, comma, digits = number.partition(",")
    if comma and not set(number) & set("' .") and digits.isdigit():
        thousands = f", and nothing between thousands ('{whole}{digits}')" if len(digits) == _GROUP else ""
        _fail(f"'{text}' has a comma in its number", f"use a point as decimal sign ('{whole}.{digits}'){thousands}")
    _fail(f"'{text}' has separators between its digits", "write thousands without any, and a point as decimal sign")


def parse(text: object, kind: str) -> float:
    """A quantity's text as a plain number in the suite's unit of its kind.

    Args:
        text: what a person wrote, such as ``"0.3 °C/s"`` or ``"1 kg/cm²/s"``. A bare number is refused: no unit.
        kind: a key of :data:`KINDS`.

    Returns:
        °C, °C/s, kPa, kPa/s, N, cm², s, or for a ratio a plain fraction (``"25 %"`` is 0.25).

    Raises:
        InputError: no unit, a unit of something else, not finite, a decimal comma; says what would be right.
        ValueError: ``kind`` is not a kind (a mistake of the calling code).
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of quantity: {kind}")
    number, name = _split(text, KINDS[kind])
    unit = _look_up(name)
    value = _with_pint(str(text), number, name, kind) if unit is None else _with_table(str(text), number, unit, kind)
    if not math.isfinite(value):
        _fail(f"'{text}' is too large", f"write {KINDS[kind].noun}, for example '{KINDS[kind].example}'")
    return value


def _with_table(text: str, number: Decimal, unit: _Unit, kind: str) -> float:
    if unit.quantity == kind == "temperature":
        number += unit.before
    elif unit.quantity != kind.removesuffix("_difference"):
        _fail_kind(text, unit.quantity, kind)
    return float(number * unit.numerator / unit.denominator)


def _fail_kind(text: str, found: str, kind: str) -> NoReturn:
    """Say what it is instead, and guess what was meant where the guess is safe."""
    if kind == f"{found}_rate":
        _fail(f"'{text}' is {KINDS[found].noun}, but a rate needs 'per time'", f"did you mean '{text.strip()}/s'?")
    if found == f"{kind.removesuffix('_difference')}_rate":
        _fail(
            f"'{text}' is {KINDS[found].noun}, not {KINDS[kind].noun}",
            f"leave the 'per time' out, for example '{KINDS[kind].example}'",
        )
    if found == "force" and kind == "pressure":
        _fail(f"'{text}' is a force; a pressure needs 'per area'", f"did you mean '{text.strip()}/cm²'?")
    noun = KINDS[found].noun if found in KINDS else "something else"
    _fail(
        f"'{text}' is {noun}, not {KINDS[kind].noun}", f"write {KINDS[kind].noun}, for example '{KINDS[kind].example}'"
    )


def _fail_unknown(text: str, name: str, kind: str) -> NoReturn:
    close = difflib.get_close_matches(name, [*SPELLINGS, "°C/s", "kg/cm2/s", "kPa/s"], n=1, cutoff=0.6)
    hint = f"did you mean '{close[0]}'? " if close else ""
    _fail(
        f"'{text}' has an unknown unit '{name}'",
        f"{hint}write {KINDS[kind].noun}, for example '{KINDS[kind].example}'",
    )


@functools.cache
def _registry() -> "pint.UnitRegistry[float]":
    """Pint, imported at the first unit that is not in the table: its import takes longer than loading a protocol."""
    import pint  # noqa: PLC0415 - see above

    return pint.UnitRegistry()


def _with_pint(text: str, number: Decimal, name: str, kind: str) -> float:
    if _PINT_UNIT.fullmatch(name) is None or kind == "ratio":
        _fail_unknown(text, name, kind)
    registry = _registry()
    try:
        unit = registry.parse_units(re.sub(r"(?<=[^\W\d])(\d)(?=[*/]|$)", r"**\1", name))
    except AttributeError:  # Pint's UndefinedUnitError is one
        _fail_unknown(text, name, kind)
    wanted = registry.parse_units(KINDS[kind].pint_unit)
    value = float(number)
    if (
        kind in _MASS_MEANS_FORCE
        and unit.dimensionality * registry.parse_units("m/s**2").dimensionality == wanted.dimensionality
    ):
        unit, value = unit * registry.parse_units("m/s**2"), value * float(STANDARD_GRAVITY)
    if unit.dimensionality != wanted.dimensionality:
        _fail_pint_kind(text, unit, kind)
    if kind == "temperature_difference":  # right for scales with any zero
        return float((registry.Quantity(value, unit).to("K") - registry.Quantity(0.0, unit).to("K")).magnitude)
    return float(registry.Quantity(value, unit).to(wanted).magnitude)


def _fail_pint_kind(text: str, unit: "pint.Unit", kind: str) -> NoReturn:
    registry = _registry()
    for found, meaning in KINDS.items():
        if unit.dimensionality == registry.parse_units(meaning.pint_unit).dimensionality:
            _fail_kind(text, found, kind)
    _fail(f"'{text}' is not {KINDS[kind].noun}", f"write {KINDS[kind].noun}, for example '{KINDS[kind].example}'")


def to_display(value: float, unit: str) -> float:
    """A value in °C or kPa in the display unit ``unit`` (UCUM; a key of :data:`DISPLAY_UNITS`).

    The result is taken at twelve significant digits: 0.45 kgf/cm² stored as kPa comes back as 0.45 and not one binary
    digit below, where half-up rounding would go the other way.
    """
    per_unit = DISPLAY_UNITS[unit].per_unit
    return float(f"{value / per_unit:.12g}")


def from_display(value: float, unit: str) -> float:
    """A value in the display unit ``unit`` (UCUM) in °C or kPa."""
    return value * DISPLAY_UNITS[unit].per_unit


def round_half_up(value: float, step_text: str) -> float:
    """``value`` rounded to a multiple of ``step_text``, exactly, in decimal; ties go away from zero.

    The float is taken at its shortest decimal text (its ``repr``), which is what a person reads in the log: 2.675 with
    step "0.01" is 2.68 although the binary number lies a little below. Python's ``round`` would give 2.67.

    Raises:
        ValueError: the value is not finite, or the step is not a positive number.
    """
    step = Decimal(step_text)
    if not (math.isfinite(value) and step.is_finite() and step > 0):
        raise ValueError(f"cannot round {value} to steps of {step_text}")
    multiple = (Decimal(repr(float(value))) / step).quantize(_ONE, rounding=ROUND_HALF_UP)
    return float(multiple * step)


def format_value(value: float, unit: str, *, decimals: int | None = None) -> str:
    """A value in °C or kPa for people, in a display unit: 100.03 with ``"kgf/cm2"`` is ``"1.02 kg/cm²"``.

    Args:
        value: °C or kPa.
        unit: UCUM; a key of :data:`DISPLAY_UNITS`.
        decimals: digits after the point; the unit's usual number when None.
    """
    return format_display(to_display(value, unit), unit, decimals=decimals)


def format_display(value: float, unit: str, *, decimals: int | None = None) -> str:
    """As :func:`format_value`, of a value that is in the display unit already: a mean of 32.605 °C is ``"32.61 °C"``.

    Every printed threshold and mean comes through here. ``f"{32.605:.2f}"`` rounds the binary number, which lies a
    little to one side of what the log says, and is 32.60.
    """
    display = DISPLAY_UNITS[unit]
    digits = display.decimals if decimals is None else decimals
    shown = round_half_up(value, f"1e-{digits}")
    return f"{shown + 0.0:.{digits}f} {display.label}"  # adding zero turns -0.00 into 0.00


def format_rate(value: float, unit: str) -> str:
    """A rate in °C/s or kPa/s for people: 98.0665 with ``"kgf/cm2"`` is ``"1 kg/cm²/s"``."""
    return f"{to_display(value, unit):.4g} {DISPLAY_UNITS[unit].label}/s"


def format_duration(seconds: float) -> str:
    """A duration for people: 66.7 s, 12 min 30 s, 1 h 05 min."""
    if seconds < _SECONDS_PER_MINUTE:
        return f"{seconds:.4g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < _MINUTES_PER_HOUR:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
