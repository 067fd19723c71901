"""What a Mark-10 gauge can do, as data."""

from qst.instruments import Capabilities, Modality, Programming, Reading
from qst_drivers.gauge_settings import HandGauge


def describe(gauge: HandGauge) -> Capabilities:
    """Capabilities with this tip, capacity and digit."""
    return Capabilities(
        kind="algometer",
        modalities=frozenset({Modality.PRESSURE}),
        value_min=0.0,
        value_max=gauge.value_max_kpa,
        resolution=gauge.digit_kpa,
        rate_min=gauge.digit_kpa,
        rate_max=gauge.value_max_kpa,
        reading=Reading.STREAMED,
        programming=Programming.HAND,
        ends_ramp_on_button=False,
        ends_ramp_at_limit=False,
        self_limiting=False,
        has_button=False,
        acknowledges=False,
        checksums=False,
        timestamps=False,
        unverified=(
            "that set commands have no answer at all",
            "what the gauge sends when overloaded",
            "format of the answers to RN, RM, RV and RS",
            "capacity and digit in N of the M5-50 (250 × 0.05 N)",
            "whether auto-output drops lines when the baud rate is too low",
        ),
    )
