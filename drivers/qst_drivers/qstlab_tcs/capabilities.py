"""What a TCS II can do, as data, and what about it no public document confirms."""

from qst.instruments import Capabilities, Modality, Programming, Reading
from qst_drivers.qstlab_tcs.program import DURATION_MAX_S, TcsSettings
from qst_drivers.ramp_path import HELD_BACK_LONGEST_S

_UNVERIFIED = (
    "Ol: how the stimulus ends when the firmware sees the button; the driver also sends A at the press",
    "A: the speed at which the plate goes to its baseline",
    "N: whether, and how fast, the plate moves when the baseline is set",
    "P: layout; the driver needs S, C, V, R and D listed in command form and refuses to start otherwise",
    "Q: six digits, whether CR precedes them",
    "Om: its default, and whether P lists it",
    "parser: what a non-digit inside a digit field does; the driver sends A three times and proves the return",
    "charging: the device does not stimulate, and nothing on the wire says so; seen as a plate that does not follow",
    "overshoot: measured 0.7 to 1.1 °C at 300 °C/s (about rate × 3 ms); none is visible at 0.3 to 5 °C/s",
    "S: whether a zone that takes no part rests at the baseline while the others are on a ramp; 2 °C are allowed",
    "E: its first field is a reference of unknown place; it is never used as a skin temperature",
)


def describe(settings: TcsSettings) -> Capabilities:
    """Capabilities of a TCS with these settings."""
    return Capabilities(
        kind="thermode",
        modalities=frozenset({Modality.HEAT, Modality.COLD}),
        value_min=settings.min_c,
        value_max=settings.max_c,
        resolution=0.1,
        rate_min=0.01,
        rate_max=settings.max_rate_c_per_s,
        rate_step=0.01,
        return_rate_max=settings.max_return_rate_c_per_s,
        longest_stimulus_s=DURATION_MAX_S,
        reading=Reading.POLLED,
        programming=Programming.FREE,
        ends_ramp_on_button=True,
        ends_ramp_at_limit=True,
        self_limiting=True,
        has_button=True,
        acknowledges=False,
        checksums=False,
        timestamps=False,
        reading_gap_s=0.4,  # an answer is waited for 0.3 s
        held_back_s=HELD_BACK_LONGEST_S,
        stated_overshoot=settings.overshoot_c,
        unverified=_UNVERIFIED,
    )
