"""What a Mark-10 gauge can do, as data."""

from typing import Final

from qst.instruments import Capabilities, Reading
from qst_drivers.gauge_settings import HandGauge

_UNVERIFIED: Final = (
    "that set commands have no answer at all",
    "what the gauge sends when overloaded",
    "format of the answers to RN, RM, RV and RS",
    "capacity and digit in N of the M5-50 (250 × 0.05 N)",
    "whether auto-output drops lines when the baud rate is too low",
)


def describe(gauge: HandGauge) -> Capabilities:
    """Capabilities with this tip, capacity and digit."""
    return gauge.capabilities(Reading.STREAMED, _UNVERIFIED)
