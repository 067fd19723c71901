"""Trials and results in words, as the operator reads them."""

from qst.instruments import Modality
from qst.protocol.plan import PlannedTrial
from qst.record.records import Trial
from qst.sites import SITES
from qst.units import DISPLAY_UNITS


def role_of(modality: Modality) -> str:
    """Which instrument of a station applies this modality: its role in the station file."""
    return "algometer" if modality is Modality.PRESSURE else "thermode"


def describe(planned: PlannedTrial) -> str:
    """A trial in words: modality, site, side, practice or repeat."""
    what = "practice" if planned.is_practice else f"trial {planned.repeat_index}"
    return f"{planned.modality.value.capitalize()}, {SITES[planned.site_code].label(planned.side)}, {what}"


def describe_result(record: Trial) -> str:
    """What an attempt came to, in one sentence, with its unit."""
    if record.value_display is not None:
        text = f"{record.value_display:g} {DISPLAY_UNITS[record.display_unit].label}"
    else:
        text = record.outcome.value.replace("_", " ")
    if record.raw_text:
        text += f" (typed: {record.raw_text})"
    if record.rate_flag:
        text += f" (ramp too {record.rate_flag})"
    return f"{text}; not valid: {record.invalid_reason}" if record.invalid_reason else text
