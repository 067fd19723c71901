"""From what was measured to the row that is recorded: rounding, censoring, validity, achieved rate."""

from typing import NamedTuple

from qst.instruments import Modality, ThermalRamp
from qst.protocol.plan import PlannedTrial
from qst.record.records import Censoring, Outcome, Trial
from qst.safety import DoseMeter
from qst.units import from_display, round_half_up, to_display
from qst.visit.rates import achieved_rate
from qst.visit.states import TrialResult
from qst.visit.trial import LimitsTrial

#: Outcomes that are a measurement, even if a censored one.
MEASURED = (Outcome.RESPONSE, Outcome.CUTOFF, Outcome.PAIN_AT_BASELINE)

_CENSORING = {Outcome.CUTOFF: Censoring.RIGHT, Outcome.PAIN_AT_BASELINE: Censoring.LEFT}


class Reported(NamedTuple):
    """A value as the study reports it: rounded, in the display unit, and the same in °C or kPa."""

    display: float | None
    value: float | None


def reported(planned: PlannedTrial, value: float | None) -> Reported:
    """``value`` (°C or kPa) after the protocol's rounding, decimal half-up in the display unit."""
    if value is None:
        return Reported(None, None)
    unit = planned.rounding.display_unit
    display = round_half_up(to_display(value, unit), planned.rounding.step)
    return Reported(display, round(from_display(display, unit), 9))


def rate_flag(planned: PlannedTrial, mean: float | None) -> str:
    """``slow`` or ``fast`` when the achieved mean rate is outside the protocol's band, else empty."""
    if mean is None:
        return ""
    commanded = commanded_rate(planned)
    if mean < commanded * (1 - planned.rate_band):
        return "slow"
    return "fast" if mean > commanded * (1 + planned.rate_band) else ""


def commanded_rate(planned: PlannedTrial) -> float:
    """Target rate in °C/s or kPa/s, as a magnitude."""
    ramp = planned.ramp
    return ramp.rate_c_per_s if isinstance(ramp, ThermalRamp) else ramp.rate_kpa_per_s


def _value_for_report(trial: LimitsTrial, result: TrialResult, peak: float | None) -> float | None:
    """The reading that the protocol reports; an operator-read gauge keeps only its peak."""
    if result.outcome is not Outcome.RESPONSE:
        return None
    return peak if trial.operator_read or trial.planned.reading == "peak" else result.value_at_response


def trial_record(
    trial: LimitsTrial,
    *,
    attempt: int,
    supersedes: int | None,
    instrument: str,
    peak: float | None,
    raw_text: str,
    last_stimulus_s: float | None,
    dose: DoseMeter | None,
    trace_sha256: str,
    invalid_reason: str = "",
) -> Trial:
    """The record of a finished attempt.

    Args:
        trial: the finished state machine.
        attempt: 1, 2, … for this trial.
        supersedes: the attempt that this one repeats.
        instrument: driver name.
        peak: the gauge's own peak or the typed value in kPa, where there is one.
        raw_text: the text as typed, for an operator-read gauge.
        last_stimulus_s: host time at which the last stimulus anywhere ended.
        dose: thermal dose of this attempt.
        trace_sha256: fingerprint of the attempt's traces in the log.
        invalid_reason: a reason found outside the state machine, such as a value that was never entered.
    """
    planned, result = trial.planned, trial.result()
    ramp = planned.ramp
    thermal = ramp if isinstance(ramp, ThermalRamp) else None
    value_peak = result.value_peak if peak is None else peak
    mean, sd = achieved_rate(trial.ramp_samples)
    if trial.operator_read and value_peak is not None and result.ramp_duration_s:
        mean, sd = value_peak / result.ramp_duration_s, None
    reason = result.invalid_reason or invalid_reason
    report = reported(planned, _value_for_report(trial, result, value_peak))
    return Trial(
        sequence_index=planned.sequence_index,
        attempt=attempt,
        block=planned.block,
        step_id=planned.step_id,
        modality=planned.modality,
        method=planned.method,
        site_code=planned.site_code,
        side=planned.side,
        repeat_index=planned.repeat_index,
        is_practice=planned.is_practice,
        instrument=instrument,
        source="operator" if trial.operator_read else "device",
        start_value=thermal.start_c if thermal else 0.0,
        rate_commanded=commanded_rate(planned),
        rate_achieved_mean=_rounded(mean),
        rate_achieved_sd=_rounded(sd),
        rate_flag=rate_flag(planned, mean) if result.outcome is Outcome.RESPONSE else "",
        cutoff=ramp.cutoff_c if isinstance(ramp, ThermalRamp) else ramp.cutoff_kpa,
        return_rate=thermal.return_rate_c_per_s if thermal else None,
        settle_s=_rounded(result.settle_s),
        isi_s=_rounded(_interval_s(result, last_stimulus_s)),
        value_at_response=_rounded(result.value_at_response),
        value_peak=_rounded(value_peak),
        value_reported=report.value,
        unit_ucum="kPa" if planned.modality is Modality.PRESSURE else "Cel",
        value_display=report.display,
        display_unit=planned.rounding.display_unit,
        response_latency_s=_rounded(result.response_latency_s),
        ramp_duration_s=_rounded(result.ramp_duration_s),
        outcome=result.outcome,
        censoring=_CENSORING.get(result.outcome, Censoring.NONE),
        valid=result.outcome in MEASURED and not reason,
        invalid_reason=reason,
        supersedes=supersedes,
        raw_text=raw_text,
        time_ge_43_s=_rounded(dose.time_ge_s[43.0]) if dose else None,
        cem43_min=_rounded(dose.cem43_min) if dose else None,
        omega=dose.omega if dose else None,
        n_samples=len(trial.samples),
        trace_sha256=trace_sha256,
        t_start_s=round(trial.started_s, 6),
    )


def _interval_s(result: TrialResult, last_stimulus_s: float | None) -> float | None:
    """Inter-stimulus interval: from the end of the last stimulus to the start of this ramp."""
    if last_stimulus_s is None or result.ramp_start_s is None:
        return None
    return result.ramp_start_s - last_stimulus_s


def _rounded(value: float | None) -> float | None:
    """Six decimals: below every instrument's resolution, and free of float dust in the log."""
    return None if value is None else round(value, 6)
