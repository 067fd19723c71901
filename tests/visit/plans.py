"""Planned trials for tests, built without a protocol file."""

from typing import Any

from qst.instruments import Modality, PressureRamp, ThermalRamp
from qst.protocol.plan import PlannedTrial, Rounding, Settle

CELSIUS = Rounding(step="0.01", display_unit="Cel", kpa_or_c_per_unit=1.0)
KGF_CM2 = Rounding(step="0.1", display_unit="kgf/cm2", kpa_or_c_per_unit=98.0665)
HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=8.0)
COLD = ThermalRamp(start_c=20.0, rate_c_per_s=0.3, cutoff_c=0.0, return_rate_c_per_s=8.0)
PRESS = PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=588.399)


def planned(modality: Modality = Modality.HEAT, **changes: Any) -> PlannedTrial:
    """A trial of the reference study with some fields changed."""
    ramps: dict[Modality, ThermalRamp | PressureRamp] = {Modality.HEAT: HEAT, Modality.COLD: COLD}
    ramp = ramps.get(modality, PRESS)
    thermal = modality is not Modality.PRESSURE
    fields: dict[str, Any] = {
        "sequence_index": 1,
        "block": "block",
        "step_id": f"{modality.value}-1",
        "stimulus_id": modality.value,
        "modality": modality,
        "method": "limits",
        "site_code": "thenar" if thermal else "OCC",
        "side": "R",
        "repeat_index": 1,
        "is_practice": False,
        "ramp": ramp,
        "settle": Settle(within_c=0.2, for_s=10.0, timeout_s=120.0) if thermal else None,
        "timeout_s": ramp.duration_s + 5.0,
        "rest_before_s": 0.0,
        "same_site_rest_s": 0.0,
        "rate_band": 0.25,
        "reading": "at_response",
        "rounding": CELSIUS if thermal else KGF_CM2,
        "instruction": "",
        "attempts_max": 3,
    }
    return PlannedTrial(**{**fields, **changes})
