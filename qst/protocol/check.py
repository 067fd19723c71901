"""What a plan asks for, against the limits of the suite and of the instruments: before anything is connected."""

import math
from collections.abc import Callable, Iterator
from decimal import Decimal

import msgspec

from qst import safety
from qst.ceilings import overshoot_problem
from qst.errors import PlanError
from qst.instruments import Capabilities, Modality, PressureRamp, Programming, Reading, ThermalRamp, ceiling_problems
from qst.protocol.duration import PlanDuration, plan_duration
from qst.protocol.plan import Plan, PlannedTrial
from qst.safety import Dose
from qst.sites import SITES
from qst.units import format_rate, format_value

ERROR = "error"
WARNING = "warning"
NOTE = "note"


class CheckProblem(msgspec.Struct, frozen=True, kw_only=True):
    """``error``: the visit must not start. ``warning``: somebody should decide. ``note``: good to know."""

    severity: str
    text: str
    stimulus_id: str = ""


class SiteDose(msgspec.Struct, frozen=True, kw_only=True):
    """What a site and side get if nobody ever responds, practice included; once, and with every repeat allowed."""

    site_code: str
    side: str
    n_trials: int
    dose: Dose
    with_repeats_cem43_min: float


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, checked. Durations in s; ``ok`` when no problem is an error."""

    protocol_id: str
    title: str
    trials: tuple[PlannedTrial, ...]
    n_trials: int
    n_practice: int
    duration: PlanDuration
    site_doses: tuple[SiteDose, ...]
    problems: tuple[CheckProblem, ...]

    @property
    def ok(self) -> bool:
        """Whether a visit may start."""
        return all(problem.severity != ERROR for problem in self.problems)

    def require_ok(self) -> None:
        """Raise PlanError, with every error, unless a visit may start."""
        errors = [problem.text for problem in self.problems if problem.severity == ERROR]
        if errors:
            raise PlanError(
                "; ".join(errors) if len(errors) == 1 else f"{len(errors)} problems\n  " + "\n  ".join(errors),
                where=self.protocol_id,
                did="nothing was connected",
                remedy="change the protocol, or use a station whose instruments can do it",
            )


def check_plan(plan: Plan, thermode: Capabilities | None = None, algometer: Capabilities | None = None) -> CheckReport:
    """Check a plan against the suite's limits, and against each instrument whose capabilities are given."""
    doses = tuple(_site_doses(plan))
    problems: dict[CheckProblem, None] = {}  # each once, in order
    for trial in plan.trials:
        caps = algometer if trial.modality is Modality.PRESSURE else thermode
        problems |= dict.fromkeys(_limit_problems(trial))
        if caps is not None:
            problems |= dict.fromkeys(_instrument_problems(trial, caps))
    problems |= dict.fromkeys(problem for dose in doses for problem in _dose_problems(dose))
    return CheckReport(
        protocol_id=plan.protocol_id,
        title=plan.title,
        trials=plan.trials,
        n_trials=sum(not trial.is_practice for trial in plan.trials),
        n_practice=sum(trial.is_practice for trial in plan.trials),
        duration=plan_duration(plan),
        site_doses=doses,
        problems=tuple(sorted(problems, key=lambda problem: (ERROR, WARNING, NOTE).index(problem.severity))),
    )


def _limit_problems(trial: PlannedTrial) -> Iterator[CheckProblem]:
    """The suite's own ceilings: also for plans that no protocol file was the source of."""
    error, ramp = _reporter(trial, ERROR), trial.ramp
    if trial.timeout_s > safety.TRIAL_CEILING_S:
        yield error(f"a trial may last {trial.timeout_s:.1f} s; the limit is {safety.TRIAL_CEILING_S:g} s")
    for problem in ceiling_problems(ramp):
        yield error(problem)
    if isinstance(ramp, ThermalRamp):
        yield from _trial_dose_problems(trial, ramp)


def _trial_dose_problems(trial: PlannedTrial, ramp: ThermalRamp) -> Iterator[CheckProblem]:
    dose = safety.worst_case_dose(ramp)
    for level, time_s, (warn_s, most_s) in (
        (43, dose.time_ge_43_s, safety.TIME_GE_43_PER_TRIAL_S),
        (48, dose.time_ge_48_s, safety.TIME_GE_48_PER_TRIAL_S),
    ):
        if warn_s < time_s <= most_s:
            text = f"without a response {time_s:.1f} s at or above {level} °C; above {warn_s:g} s needs a reason"
            yield _reporter(trial, WARNING)(text)
    if stay := safety.stay_problem(ramp):
        yield _reporter(trial, ERROR)(f"without a response the thermode stays too long: {stay}")
    slow = ramp.rate_c_per_s <= safety.SLOW_HEAT_RATE_C_PER_S
    if slow and ramp.cutoff_c > safety.SLOW_HEAT_CUTOFF_C:
        yield _reporter(trial, WARNING)(
            f"cut-off {ramp.cutoff_c:g} °C at only {ramp.rate_c_per_s:g} °C/s; "
            f"{safety.SLOW_HEAT_CUTOFF_C:g} °C is usual for ramps this slow"
        )


def _dose_problems(site: SiteDose) -> Iterator[CheckProblem]:
    warn, refuse = safety.SAME_SITE_CEM43_MIN
    label = SITES[site.site_code].label(site.side)
    text = f"without any response the {label} gets {site.dose.cem43_min:.1f} CEM43 min"
    if site.dose.cem43_min > refuse:
        yield CheckProblem(severity=ERROR, text=f"{text}; the limit is {refuse:g}")
    elif site.dose.cem43_min > warn:
        yield CheckProblem(severity=WARNING, text=f"{text}; above {warn:g} needs a reason")


def _site_doses(plan: Plan) -> Iterator[SiteDose]:
    doses: dict[tuple[str, str], tuple[int, Dose, float]] = {}
    for trial in plan.trials:
        if isinstance(trial.ramp, ThermalRamp):
            place = (trial.site_code, trial.side)
            count, dose, repeated_min = doses.get(place, (0, Dose(), 0.0))
            worst = safety.worst_case_dose(trial.ramp)
            doses[place] = (count + 1, dose + worst, repeated_min + trial.attempts_max * worst.cem43_min)
    for (site_code, side), (count, dose, repeated_min) in doses.items():
        yield SiteDose(site_code=site_code, side=side, n_trials=count, dose=dose, with_repeats_cem43_min=repeated_min)


def _instrument_problems(trial: PlannedTrial, caps: Capabilities) -> Iterator[CheckProblem]:
    """Everything the instrument cannot do, or does otherwise than the protocol asks."""
    error, ramp = _reporter(trial, ERROR), trial.ramp
    if trial.modality not in caps.modalities:
        yield error(f"the {caps.kind} cannot do {trial.modality}")
        return
    unit = trial.rounding.display_unit
    for name, value in _set_points(ramp):
        if not caps.value_min <= value <= caps.value_max:
            span = f"{format_value(caps.value_min, unit)} to {format_value(caps.value_max, unit)}"
            yield error(f"{name} {format_value(value, unit)} is outside what the {caps.kind} can do, {span}")
    yield from _rate_problems(trial, caps)
    if caps.longest_stimulus_s is not None and ramp.duration_s > caps.longest_stimulus_s:
        yield error(
            f"the ramp takes {ramp.duration_s:.1f} s to its cut-off; "
            f"the {caps.kind} can do {caps.longest_stimulus_s:g} s at most"
        )
    if isinstance(ramp, ThermalRamp) and caps.stated_overshoot:
        problem = overshoot_problem(ramp.start_c, ramp.cutoff_c, caps.stated_overshoot)
        if problem:
            yield error(problem)
    yield from _notes(trial, caps)


def _rate_problems(trial: PlannedTrial, caps: Capabilities) -> Iterator[CheckProblem]:
    error, unit, ramp = _reporter(trial, ERROR), trial.rounding.display_unit, trial.ramp
    rate = ramp.rate_kpa_per_s if isinstance(ramp, PressureRamp) else ramp.rate_c_per_s
    if not caps.rate_min <= rate <= caps.rate_max:
        span = f"{format_rate(caps.rate_min, unit)} to {format_rate(caps.rate_max, unit)}"
        yield error(f"rate {format_rate(rate, unit)} is outside what the {caps.kind} can do, {span}")
    rates = [("rate", rate)]
    if isinstance(ramp, ThermalRamp):
        rates.append(("return rate", ramp.return_rate_c_per_s))
        if caps.return_rate_max is not None and ramp.return_rate_c_per_s > caps.return_rate_max:
            fastest = format_rate(caps.return_rate_max, unit)
            yield error(f"return rate {format_rate(ramp.return_rate_c_per_s, unit)} is above {fastest}")
    for name, value in rates:
        if caps.rate_step is not None and not _on_grid(value, caps.rate_step):
            step = format_rate(caps.rate_step, unit)
            yield error(f"{name} {format_rate(value, unit)} is between the steps of the {caps.kind}, {step} each")


def _notes(trial: PlannedTrial, caps: Capabilities) -> Iterator[CheckProblem]:
    note, rounding = _reporter(trial, NOTE), trial.rounding
    if caps.programming is Programming.HAND:
        yield note(f"a hand makes the ramp of the {caps.kind}: the software can pace and warn, not stop it")
    if caps.reading is Reading.OPERATOR and trial.reading == "at_response":
        yield note(f"the operator reads the {caps.kind}: the value reported is its peak, not the value at the response")
    step = float(rounding.step) * rounding.kpa_or_c_per_unit
    if caps.resolution > step * (1 + 1e-9):
        resolution = format_value(caps.resolution, rounding.display_unit, decimals=3)
        yield _reporter(trial, WARNING)(f"the {caps.kind} resolves {resolution}, coarser than the rounding asked for")


def _reporter(trial: PlannedTrial, severity: str) -> Callable[[str], CheckProblem]:
    """Makes problems of one severity about one trial's stimulus."""

    def report(text: str) -> CheckProblem:
        return CheckProblem(severity=severity, text=f"{trial.stimulus_id}: {text}", stimulus_id=trial.stimulus_id)

    return report


def _set_points(ramp: ThermalRamp | PressureRamp) -> tuple[tuple[str, float], ...]:
    if isinstance(ramp, PressureRamp):
        return (("cut-off", ramp.cutoff_kpa),)
    return (("start", ramp.start_c), ("cut-off", ramp.cutoff_c))


def _on_grid(value: float, step: float) -> bool:
    """Whether a value is a multiple of a step, in decimal; a conversion's last binary digit does not count."""
    multiple = float(Decimal(repr(value)) / Decimal(repr(step)))
    return math.isclose(multiple, round(multiple), rel_tol=1e-9)
