"""Trials and results as a page shows them: plain words and numbers, made in the engine's process."""

from qst.console.messages import Ended, Ready, TrialCard
from qst.console.session_state import Mark, mark_of
from qst.instruments import Modality, PressureRamp, Programming, Reading
from qst.protocol.duration import expected_ends_s
from qst.protocol.plan import PlannedTrial
from qst.record.records import Trial
from qst.rigs.job import Job
from qst.sites import SITES
from qst.units import DISPLAY_UNITS
from qst.visit.button import KeyButton
from qst.visit.engine import judged
from qst.visit.history import History
from qst.visit.session import Rig
from qst.visit.words import describe_result, role_of


def trial_card(planned: PlannedTrial, rig: Rig, expected_end_s: float) -> TrialCard:
    """A planned trial in a page's words."""
    site, ramp = SITES[planned.site_code], planned.ramp
    unit = DISPLAY_UNITS[planned.rounding.display_unit]
    can = rig.capabilities(role_of(planned.modality))
    pressure = isinstance(ramp, PressureRamp)
    return TrialCard(
        sequence_index=planned.sequence_index,
        block=planned.block,
        modality=planned.modality.value,
        site_code=planned.site_code,
        site_name=site.name,
        side=planned.side,
        landmark=site.landmark,
        posture=site.posture,
        repeat_index=planned.repeat_index,
        is_practice=planned.is_practice,
        start=0.0 if isinstance(ramp, PressureRamp) else ramp.start_c,
        cutoff=ramp.cutoff_kpa if isinstance(ramp, PressureRamp) else ramp.cutoff_c,
        rate=ramp.rate_kpa_per_s if isinstance(ramp, PressureRamp) else ramp.rate_c_per_s,
        rate_band=planned.rate_band,
        per_unit=unit.per_unit,
        unit=unit.label,
        decimals=max(len(planned.rounding.step.partition(".")[2]), 1),
        hand_held=pressure and can is not None and can.programming is Programming.HAND,
        operator_read=pressure and can is not None and can.reading is Reading.OPERATOR,
        expected_end_s=expected_end_s,
    )


def ready_card(job: Job) -> Ready:
    """What a visit is, when it begins."""
    station = job.rig.station.station
    return Ready(
        title=job.plan.title,
        protocol_id=job.plan.protocol_id,
        participant_id=job.who.participant_id,
        visit=job.who.visit,
        operator_id=job.who.operator_id,
        station=station.title or station.id,
        simulated=job.simulated,
        seed=job.seed,
        log=str(job.path),
        earlier_log="" if job.earlier_log is None else str(job.earlier_log),
        button_key=job.rig.button.key if isinstance(job.rig.button, KeyButton) else "",
        n_done=job.n_done,
        earlier=() if job.history is None else earlier_marks(job.history),
        trials=tuple(
            trial_card(planned, job.rig, end_s)
            for planned, end_s in zip(job.plan.trials, expected_ends_s(job.plan), strict=True)
        ),
    )


def earlier_marks(history: History) -> tuple[tuple[int, str], ...]:
    """What became of each trial before an interruption; nothing of one that is still to be decided, or was left out."""
    marks = {index: Mark.INVALID for index, _ in history.unrecorded}
    for trial in history.trials:  # the last attempt at each counts
        marks[trial.sequence_index] = _mark(judged(trial, history.rejected))
    return tuple((index, marks[index].value) for index in sorted(marks) if index < history.next_index)


def _mark(trial: Trial) -> Mark:
    return mark_of(trial.outcome.value, valid=trial.valid)


def ended_card(trial: Trial, planned: PlannedTrial) -> Ended:
    """What an attempt came to."""
    return Ended(
        sequence_index=trial.sequence_index,
        attempt=trial.attempt,
        outcome=trial.outcome.value,
        censoring=trial.censoring.value,
        valid=trial.valid,
        invalid_reason=trial.invalid_reason,
        text=describe_result(trial),
        value=trial.value_display,
        response=trial.value_peak if planned.modality is Modality.PRESSURE else trial.value_at_response,
        rate_achieved=trial.rate_achieved_mean,
        rate_flag=trial.rate_flag,
    )
