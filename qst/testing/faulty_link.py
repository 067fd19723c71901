"""A link that breaks on demand, for tests: the one that a station file can also name (``fault+``)."""

from qst_drivers.links.faulty import FaultyLink

__all__ = ["FaultyLink"]
