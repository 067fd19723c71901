"""What a stimulus of a protocol comes to: where it is given, how long its ramp is, when it times out."""

from typing import Final

from qst.protocol.model import PressureStimulus, Stimulus
from qst.sites import Placement, placements

#: Without a time-out in the file: this much after the ramp would have reached its cut-off.
TIMEOUT_AFTER_CUTOFF_S: Final = 5.0

# "both" lists the sides; which comes first is a matter of the order.
_SIDES = {"L": ("L",), "R": ("R",), "both": ("L", "R"), None: ("",)}


def codes_of(stimulus: Stimulus) -> tuple[str, ...]:
    """Codes of the sites that a stimulus names, as listed."""
    return (stimulus.site,) if stimulus.site is not None else stimulus.sites or ()


def placements_of(stimulus: Stimulus) -> list[Placement]:
    """Every site and side at which a stimulus is given, as listed."""
    return placements(codes_of(stimulus), _SIDES[stimulus.side])


def ramp_s(stimulus: Stimulus) -> float:
    """Seconds from the start of the ramp to the cut-off."""
    if isinstance(stimulus, PressureStimulus):
        return stimulus.cutoff_kpa / stimulus.rate_kpa_per_s
    return abs(stimulus.cutoff_c - stimulus.start_c) / stimulus.rate_c_per_s


def timeout_of(stimulus: Stimulus) -> float:
    """Seconds from the start of the ramp after which a trial without an end has timed out."""
    return stimulus.timeout_s if stimulus.timeout_s is not None else ramp_s(stimulus) + TIMEOUT_AFTER_CUTOFF_S
