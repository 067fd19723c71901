"""Quantities that a station file states for a driver, read and checked."""

from typing import NamedTuple

from qst.errors import InputError, StationFileError
from qst.units import parse


def quantity_of(value: object, kind: str, key: str) -> float:
    """What a person wrote under ``key``, such as ``50 °C``, in the suite's unit of ``kind``.

    Raises:
        StationFileError: no text with a unit, or another dimension.
    """
    try:
        return parse(value, kind)
    except InputError as wrong:
        raise StationFileError(f"{key}: {wrong.what}", remedy=wrong.remedy) from wrong


class Quantity(NamedTuple):
    """A setting of a driver: the field that it fills, its kind, and what it may be, in the suite's unit."""

    field: str
    kind: str
    low: float
    high: float

    def read(self, key: str, value: object) -> float:
        """The checked number. Raises StationFileError."""
        number = quantity_of(value, self.kind, key)
        if not self.low <= number <= self.high:
            raise StationFileError(f"{key}: {value} is outside {self.low:g} to {self.high:.4g}")
        return number
