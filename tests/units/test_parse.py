"""Quantities as people write them."""

import functools
import math

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst import units
from qst.errors import InputError

RIGHT = [
    ("32 °C", "temperature", 32.0),
    ("32°C", "temperature", 32.0),
    ("32 ℃", "temperature", 32.0),
    ("32 ºC", "temperature", 32.0),
    ("32 degC", "temperature", 32.0),
    ("32 C", "temperature", 32.0),
    ("−1 °C", "temperature", -1.0),
    ("305.15 K", "temperature", 32.0),
    ("212 °F", "temperature", 100.0),
    ("0.2 °C", "temperature_difference", 0.2),
    ("0.2 K", "temperature_difference", 0.2),
    ("1.8 °F", "temperature_difference", 1.0),
    ("200 mK", "temperature_difference", 0.2),
    ("0.3 °C/s", "temperature_rate", 0.3),
    ("0.3 K/s", "temperature_rate", 0.3),
    ("18 °C/min", "temperature_rate", 0.3),
    ("30 mK/s", "temperature_rate", 0.03),
    ("1 kg/cm²", "pressure", 98.0665),
    ("1 kgf/cm2", "pressure", 98.0665),
    ("1 kg/cm^2", "pressure", 98.0665),
    ("1 kg/cm**2", "pressure", 98.0665),
    ("6 kg/cm²", "pressure", 588.399),
    ("1 g/mm2", "pressure", 9.80665),
    ("10 N/cm²", "pressure", 100.0),
    ("250 kPa", "pressure", 250.0),
    ("1 bar", "pressure", 100.0),
    ("1 psi", "pressure", 6.894757293168361),
    ("1 kg/cm²/s", "pressure_rate", 98.0665),
    ("60 kg/cm²/min", "pressure_rate", 98.0665),
    ("50 kPa/s", "pressure_rate", 50.0),
    ("5 hPa/s", "pressure_rate", 0.5),
    ("3 N", "force", 3.0),
    ("1 kgf", "force", 9.80665),
    ("1 kg", "force", 9.80665),
    ("1 lbf", "force", 4.4482216152605),
    ("1 cm²", "area", 1.0),
    ("50 mm²", "area", 0.5),
    ("10 s", "duration", 10.0),
    ("1.5 min", "duration", 90.0),
    ("250 ms", "duration", 0.25),
    ("25 %", "ratio", 0.25),
]


@pytest.mark.parametrize(("text", "kind", "expected"), RIGHT)
def test_right_quantities(text: str, kind: str, expected: float) -> None:
    assert units.parse(text, kind) == pytest.approx(expected, rel=1e-13, abs=1e-13)


def test_numbers_in_table_units_are_exact() -> None:
    for text in ("0.1", "0.3", "0.29", "37.9", "1.02", "99.999"):
        assert units.parse(f"{text} °C", "temperature") == float(text)
        assert units.parse(f"{text} s", "duration") == float(text)


WRONG = [
    ("32", "temperature", "has no unit", "32 °C"),
    ("", "temperature", "empty", "32 °C"),
    ("warm", "temperature", "not a number", "32 °C"),
    ("32 kPa", "temperature", "is a pressure, not a temperature", "32 °C"),
    ("5 V", "force", "not a force", "10 N"),
    ("3 hPa", "duration", "is a pressure", "10 s"),
    ("0.3 °C", "temperature_rate", "needs 'per time'", "did you mean '0.3 °C/s'"),
    ("1 kg/cm²", "pressure_rate", "needs 'per time'", "did you mean '1 kg/cm²/s'"),
    ("0.3 °C/s", "temperature", "is a rate", "leave the 'per time' out"),
    ("0.22 kg", "pressure", "is a force", "did you mean '0.22 kg/cm²'"),
    ("0,3 °C/s", "temperature_rate", "comma", "'0.3'"),
    ("1,000 kPa", "pressure", "comma", "'1000'"),
    ("1,000.5 kPa", "pressure", "separators", "point as decimal sign"),
    ("1 000 kPa", "pressure", "separators", "thousands"),
    ("nan °C", "temperature", "not a finite number", "32 °C"),
    ("-inf °C", "temperature", "not a finite number", "32 °C"),
    ("1e999 s", "duration", "too large", "10 s"),
    ("3 kpa", "pressure", "unknown unit 'kpa'", "did you mean 'kPa'"),
    ("3 parrots", "pressure", "unknown unit", "6 kg/cm²"),
    ("3 __import__('os')", "pressure", "unknown unit", "6 kg/cm²"),
    ("3 dB", "ratio", "unknown unit", "25 %"),
    ("9" * 200 + " s", "duration", "too long", "10 s"),
    ("1^2 kPa", "pressure", "has a power of its number", "6 kg/cm²"),
    ("5² kg/cm²", "pressure", "has a power of its number", "6 kg/cm²"),
    ("2**3 s", "duration", "has a power of its number", "10 s"),
]


@pytest.mark.parametrize(("text", "kind", "what", "remedy"), WRONG)
def test_wrong_quantities_say_what_would_be_right(text: str, kind: str, what: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        units.parse(text, kind)
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_a_bare_number_has_no_unit() -> None:
    with pytest.raises(InputError, match="32 has no unit"):
        units.parse(32, "temperature")


def test_an_unknown_kind_is_a_mistake_of_the_code() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        units.parse("1 V", "voltage")


PINT_NAMES = {
    "°C": "degC",
    "°F": "degF",
    "C": "degC",
    "Cel": "degC",
    "celsius": "degC",
    "F": "degF",
    "kg": "kgf",
    "gf": "gram_force",
    "g": "gram_force",
    "lb": "lbf",
    "%": "percent",
}


@functools.cache
def _registry() -> pint.UnitRegistry[float]:
    return pint.UnitRegistry()


def _pint_name(spelling: str) -> str:
    parts = [PINT_NAMES.get(part, part) for part in spelling.split("/")]
    return "/".join(part.replace("2", "**2") for part in parts)


@pytest.mark.parametrize("spelling", sorted(units.SPELLINGS))
def test_every_factor_of_the_table_agrees_with_pint(spelling: str) -> None:
    registry = _registry()
    kind = units.SPELLINGS[spelling].quantity
    for number in (1.0, 37.25):
        expected = registry.Quantity(number, _pint_name(spelling)).to(units.KINDS[kind].pint_unit).magnitude
        assert units.parse(f"{number} {spelling}", kind) == pytest.approx(expected, rel=1e-9)
        if kind in ("temperature", "pressure"):
            zero = registry.Quantity(0.0, _pint_name(spelling)).to(units.KINDS[kind].pint_unit).magnitude
            rate = units.parse(f"{number} {spelling}/min", f"{kind}_rate")
            assert rate == pytest.approx((expected - zero) / 60, rel=1e-9)


KINDS = st.sampled_from(sorted(units.KINDS))


@given(st.floats(-1e6, 1e6), st.sampled_from(sorted(units.SPELLINGS)))
def test_signed_numbers_of_any_size_are_read(number: float, spelling: str) -> None:
    kind = units.SPELLINGS[spelling].quantity
    assert math.isfinite(units.parse(f"{number!r} {spelling}", kind))


@given(st.text(max_size=30) | st.from_regex(r"\A-?[0-9.]{1,4} ?[A-Za-z°/*²2]{0,8}\Z"), KINDS)
def test_any_text_is_a_finite_number_or_an_input_error(text: str, kind: str) -> None:
    remedy = "none needed"
    try:
        value = units.parse(text, kind)
    except InputError as error:
        value, remedy = 0.0, error.remedy
    assert math.isfinite(value)
    assert remedy
