"""Driver of Mark-10 force gauges (Series 5 and kin) with a flat tip."""

from qst_drivers.mark10.driver import Mark10

__all__ = ["Mark10"]
