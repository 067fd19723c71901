"""What a protocol may mean: checks on values that have the right form, each reported at its line."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from qst import safety
from qst.protocol.decode import Decoder, Path
from qst.protocol.model import (
    Block,
    ColdStimulus,
    HeatStimulus,
    Order,
    PressureStimulus,
    Protocol,
    Rests,
    Scoring,
    SettleRule,
    Stimulus,
)
from qst.protocol.reading import TIMEOUT_AFTER_CUTOFF_S, codes_of, placements_of, ramp_s, timeout_of
from qst.sites import SITES, TENDER_POINTS, Placement
from qst.units import DISPLAY_UNITS, format_value

_LONGEST_REST_S = 3600.0
_MOST_TRIALS = 1000
_WIDEST_SETTLE_C = 5.0
#: Coarser steps than these would round most thresholds away.
_COARSEST = {"Cel": Decimal(1), "kgf/cm2": Decimal(1), "kPa": Decimal(100), "N/cm2": Decimal(10)}

#: Adds a problem at a key of the struct that is checked: key, what, remedy.
_Complain = Callable[[str, str, str], None]


class Meaning:
    """Checks every struct of one protocol as it is built; remembers the identifiers seen."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Path] = {}

    def __call__(self, part: Any, path: Path, decoder: Decoder) -> None:  # noqa: ANN401 - any struct of the model
        """Check one struct; add to the decoder's problems."""

        def complain(key: str, what: str, remedy: str) -> None:
            decoder.complain((*path, *key.split(".")) if key else path, what, remedy)

        match part:
            case Protocol():
                _check_protocol(part, path, decoder)
            case Block():
                self._unique("block", part.id, path, decoder)
                _check_block(part, complain)
            case Scoring():
                self._unique("score", part.id, path, decoder)
            case SettleRule():
                _check_settle(part, complain)
            case Rests():
                _check_rests(part, complain)
            case HeatStimulus() | ColdStimulus() | PressureStimulus():
                self._unique("stimulus", part.id, path, decoder)
                _check_stimulus(part, complain)
            case _:
                pass

    def _unique(self, kind: str, identifier: str, path: Path, decoder: Decoder) -> None:
        first = self._seen.setdefault((kind, identifier), path)
        if first != path:
            line = decoder.line((*first, "id"))
            what = f"{kind} id '{identifier}' is used twice (first in line {line})"
            decoder.complain((*path, "id"), what, "give each its own id")


def _check_settle(rule: SettleRule, complain: _Complain) -> None:
    if not 0 < rule.within_c <= _WIDEST_SETTLE_C:
        complain("within", "the settling band is out of range", "write a small positive difference, such as '0.2 °C'")
    if not rule.for_s >= 0:
        complain("for", "a duration cannot be negative", "write for example '10 s'")
    if not max(rule.for_s, 0.0) < rule.timeout_s <= _LONGEST_REST_S:
        complain("timeout", "settling times out before it can succeed, or after an hour", "write for example '120 s'")


def _check_rests(rests: Rests, complain: _Complain) -> None:
    for key, rest_s in (("between_trials", rests.between_trials_s), ("same_site", rests.same_site_s)):
        if not 0 <= rest_s <= _LONGEST_REST_S:
            complain(key, "a rest is negative or longer than an hour", "write for example '60 s'")


def _check_block(block: Block, complain: _Complain) -> None:
    if block.alternate and len(block.stimuli) == 1:
        complain("alternate", "one stimulus alone cannot alternate", "add a second stimulus, or leave 'alternate' out")


def _check_stimulus(stimulus: Stimulus, complain: _Complain) -> None:
    if isinstance(stimulus, PressureStimulus):
        _check_pressure(stimulus, complain)
    else:
        _check_thermal(stimulus, complain)
    _check_place(stimulus, complain)
    _check_practice(stimulus, complain)
    _check_rounding(stimulus, complain)
    if not 0 < stimulus.rate_band < 1:
        complain("rate_band", "the band around the rate is out of range", "write for example '25 %'")


def _check_pressure(stimulus: PressureStimulus, complain: _Complain) -> None:
    if not stimulus.rate_kpa_per_s > 0:
        complain("rate", "the rate is not positive", "write how fast the pressure rises, such as '1 kg/cm²/s'")
    if not stimulus.cutoff_kpa > 0:
        complain("cutoff", "the cut-off is not positive", "write a pressure, such as '6 kg/cm²'")
    if stimulus.cutoff_kpa > safety.PROTOCOL_PRESSURE_MAX_KPA:
        limit = format_value(safety.PROTOCOL_PRESSURE_MAX_KPA, "kPa", decimals=0)
        complain("cutoff", f"the cut-off is above the limit of {limit}", "lower the cut-off")
    if stimulus.rate_kpa_per_s > 0:
        _check_timeout(stimulus, complain)


def _check_thermal(stimulus: HeatStimulus | ColdStimulus, complain: _Complain) -> None:
    heat = isinstance(stimulus, HeatStimulus)
    if not stimulus.rate_c_per_s > 0:
        direction = "a heat ramp rises" if heat else "a cold ramp falls by itself: its rate is a magnitude"
        complain("rate", f"the rate is not positive; {direction}", "write the rate without sign, such as '0.3 °C/s'")
    if not stimulus.return_rate_c_per_s > 0:
        complain("return_rate", "the return rate is not positive", "write it without sign, such as '8 °C/s'")
    _check_span(stimulus, complain)
    if stimulus.rate_c_per_s > 0:
        _check_timeout(stimulus, complain)
        if stimulus.return_rate_c_per_s > 0 and stimulus.start_c != stimulus.cutoff_c:
            _check_trial_dose(stimulus, complain)


def _check_span(stimulus: HeatStimulus | ColdStimulus, complain: _Complain) -> None:
    start_c, cutoff_c = stimulus.start_c, stimulus.cutoff_c
    low_c, high_c = safety.START_RANGE_C
    if not low_c <= start_c <= high_c:
        complain(
            "start", f"the start is held on the skin and must lie from {low_c:g} to {high_c:g} °C", "move the start"
        )
    if isinstance(stimulus, HeatStimulus):
        if cutoff_c <= start_c:
            complain("cutoff", "the cut-off of a heat ramp must lie above its start", "raise the cut-off")
        if cutoff_c > safety.PROTOCOL_HEAT_MAX_C:
            complain("cutoff", f"the cut-off is above the limit of {safety.PROTOCOL_HEAT_MAX_C:g} °C", "lower it")
        return
    if cutoff_c >= start_c:
        complain("cutoff", "the cut-off of a cold ramp must lie below its start", "lower the cut-off")
    if cutoff_c < safety.PROTOCOL_COLD_MIN_C:
        complain("cutoff", f"the cut-off is below the limit of {safety.PROTOCOL_COLD_MIN_C:g} °C", "raise it")


def _check_timeout(stimulus: Stimulus, complain: _Complain) -> None:
    ramp, timeout, ceiling = ramp_s(stimulus), timeout_of(stimulus), safety.TRIAL_CEILING_S
    if timeout < ramp:
        complain(
            "timeout",
            f"the trial would time out before the cut-off, which the ramp reaches after {ramp:.1f} s",
            f"leave 'timeout' out (then it is {ramp + TIMEOUT_AFTER_CUTOFF_S:.1f} s), or raise it",
        )
    if timeout > ceiling:
        complain(
            "timeout" if stimulus.timeout_s is not None else "rate",
            f"a trial without a response would last {timeout:.1f} s; the limit is {ceiling:g} s",
            "use a faster rate, or a cut-off nearer to the start",
        )


def _check_trial_dose(stimulus: HeatStimulus | ColdStimulus, complain: _Complain) -> None:
    dose = safety.worst_case_dose(stimulus)
    remedy = "lower the cut-off, or use faster rates"
    for level, time_s, (_, limit_s) in (
        (43, dose.time_ge_43_s, safety.TIME_GE_43_PER_TRIAL_S),
        (48, dose.time_ge_48_s, safety.TIME_GE_48_PER_TRIAL_S),
    ):
        if time_s > limit_s:
            what = f"without a response a trial stays {time_s:.1f} s at or above {level} °C; the limit is {limit_s:g} s"
            complain("cutoff", what, remedy)
    if stay := safety.stay_problem(stimulus):
        complain("cutoff", f"without a response a trial stays too long: {stay}", remedy)


def _check_place(stimulus: Stimulus, complain: _Complain) -> None:
    if (stimulus.site is None) == (stimulus.sites is None):
        what = "there is no site" if stimulus.site is None else "there are 'site' and 'sites'"
        complain("sites" if stimulus.sites else "id", what, "write one of 'site: thenar' and 'sites: tender-points'")
        return
    key = "site" if stimulus.site is not None else "sites"
    paired = [SITES[code].paired for code in codes_of(stimulus)]
    if any(paired) and stimulus.side is None:
        complain(key, "the site is on both sides of the body, and no side is given", "add 'side: left', right or both")
    if not any(paired) and stimulus.side is not None:
        complain("side", "the site is on the midline and has no side", "leave 'side' out")
    ranked = stimulus.order in (Order.ACR, Order.MTPS)
    if ranked and not set(codes_of(stimulus)) & set(TENDER_POINTS):
        complain("order", f"order '{stimulus.order}' is for tender points", "use 'as-listed' or 'random'")


def _check_practice(stimulus: Stimulus, complain: _Complain) -> None:
    practice = stimulus.practice
    if practice is None:
        return
    paired = SITES[practice.site].paired
    if paired and practice.side is None:
        complain("practice.site", "the practice site is on both sides of the body", "add 'side: left' or right")
    elif not paired and practice.side is not None:
        complain("practice.side", "the practice site is on the midline and has no side", "leave 'side' out")
    elif Placement(practice.site, practice.side or "") in placements_of(stimulus):
        complain("practice.site", "practice would be at a site that is tested", "practise somewhere else")


def _check_rounding(stimulus: Stimulus, complain: _Complain) -> None:
    step, unit = stimulus.rounding.split(" ")
    if (unit == "Cel") == isinstance(stimulus, PressureStimulus):
        what = "a pressure" if isinstance(stimulus, PressureStimulus) else "a temperature"
        complain("rounding", f"the step is not a step of {what}", "write for example '0.1 kg/cm²' or '0.01 °C'")
    elif Decimal(step) > _COARSEST[unit]:
        label = DISPLAY_UNITS[unit].label
        complain("rounding", "the step is too coarse", f"round to {_COARSEST[unit]} {label} or finer")


def _check_protocol(protocol: Protocol, path: Path, decoder: Decoder) -> None:
    """Limits on the whole: how many trials, and how much heat one site can get in the worst case."""
    spent: dict[Placement, float] = {}
    trials = 0
    limit = safety.SAME_SITE_CEM43_MIN[1]
    for number, block in enumerate(protocol.blocks):
        for index, stimulus in enumerate(block.stimuli):
            where = (*path, "blocks", number, "stimuli", index)
            points = _visits(stimulus)
            trials += points.total()
            if isinstance(stimulus, PressureStimulus):
                continue
            each = _cem43_min(stimulus)
            spent |= {point: spent.get(point, 0.0) + each * count for point, count in points.items()}
            over = [point for point in points if spent[point] > limit]
            if each and over:
                site = SITES[over[0].site_code].label(over[0].side)
                decoder.complain(
                    (*where, "cutoff"),
                    f"without any response the {site} gets {spent[over[0]]:.1f} CEM43 min; the limit is {limit:g}",
                    "lower the cut-off, use faster rates, or fewer repeats",
                )
    if trials > _MOST_TRIALS:
        decoder.complain((*path, "id"), f"the protocol has {trials} trials", f"stay at or below {_MOST_TRIALS}")


def _visits(stimulus: Stimulus) -> Counter[Placement]:
    """How often a stimulus is given at each place, practice included."""
    visits = Counter(dict.fromkeys(placements_of(stimulus), stimulus.repeats))
    if stimulus.practice is not None:
        visits[Placement(stimulus.practice.site, stimulus.practice.side or "")] += stimulus.practice.trials
    return visits


def _cem43_min(stimulus: HeatStimulus | ColdStimulus) -> float:
    if not (stimulus.rate_c_per_s > 0 and stimulus.return_rate_c_per_s > 0):
        return 0.0
    return safety.worst_case_dose(stimulus).cem43_min
