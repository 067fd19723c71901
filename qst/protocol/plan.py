"""A plan: the exact, ordered list of trials that a protocol and a seed come to. Units: °C, kPa, s."""

import msgspec

from qst.instruments import Modality, PressureRamp, ThermalRamp


class Settle(msgspec.Struct, frozen=True, kw_only=True):
    """When a thermode counts as settled: within ±``within_c`` of its start for ``for_s``; given up at ``timeout_s``."""

    within_c: float
    for_s: float
    timeout_s: float


class Rounding(msgspec.Struct, frozen=True, kw_only=True):
    """Reported values are rounded, decimal half-up, to multiples of ``step`` in ``display_unit``.

    ``kpa_or_c_per_unit`` converts one display unit to kPa or °C (98.0665 for kgf/cm2, 1 for Cel and kPa).
    """

    step: str  # decimal text, such as "0.1", so that half-up is exact
    display_unit: str  # UCUM: "kgf/cm2", "kPa", "Cel"
    kpa_or_c_per_unit: float


class PlannedTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One trial of the method of limits, before any attempt at it.

    ``reading`` names which value is reported: ``at_response`` or ``peak``. An operator-read gauge that keeps only its
    peak reports the peak whatever the protocol prefers; the trial's record says so.
    """

    sequence_index: int  # 1, 2, … over the whole visit
    block: str
    step_id: str  # unique in the plan: stimulus id, site, side and repeat, or practice
    stimulus_id: str
    modality: Modality
    method: str
    site_code: str
    side: str  # "L" | "R" | "" for unpaired sites
    repeat_index: int  # 1, 2, … at this site
    is_practice: bool
    ramp: ThermalRamp | PressureRamp
    settle: Settle | None
    timeout_s: float  # from the start of the ramp
    rest_before_s: float  # at least this long since the last stimulus anywhere
    same_site_rest_s: float  # at least this long since the last stimulus at this site and side
    rate_band: float  # achieved mean rate is flagged outside commanded × (1 ± rate_band)
    reading: str
    rounding: Rounding
    instruction: str  # text to read aloud before this trial; "" when already read
    attempts_max: int


class ScoreRule(msgspec.Struct, frozen=True, kw_only=True):
    """A summary value: ``rule`` over the valid, uncensored, non-practice trials of one stimulus."""

    id: str
    label: str
    stimulus_id: str
    modality: Modality
    rule: str  # "mean"
    rounding: Rounding
    censored: str  # "exclude": left out of the mean and counted


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a visit does, in order."""

    protocol_id: str
    protocol_version: str
    protocol_sha256: str
    title: str
    seed: int
    trials: tuple[PlannedTrial, ...]
    scores: tuple[ScoreRule, ...]
