"""From a protocol and a seed to a plan: which trial comes when, where, with what.

Equal protocols and seeds give equal plans; the seed is used only where a protocol says ``random``. A stimulus visits
all its sites once before it visits any of them again, which gives every site the longest rest.
"""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from random import Random
from typing import NamedTuple

from qst import sites
from qst.instruments import Modality, PressureRamp, ThermalRamp
from qst.protocol.loader import LoadedProtocol
from qst.protocol.model import Block, PressureStimulus, Scripts, Stimulus, modality_of
from qst.protocol.plan import Plan, PlannedTrial, Rounding, ScoreRule, Settle
from qst.protocol.reading import placements_of, timeout_of
from qst.sites import Placement
from qst.units import DISPLAY_UNITS


class _Slot(NamedTuple):
    """A trial that has its place in the order, but not yet its text and number."""

    block: Block
    stimulus: Stimulus
    placement: Placement
    repeat_index: int
    is_practice: bool


def make_plan(loaded: LoadedProtocol, seed: int) -> Plan:
    """The exact trials that this protocol and seed come to.

    Args:
        loaded: a protocol as :func:`qst.protocol.loader.load_protocol` returns it.
        seed: decides every random order.
    """
    protocol = loaded.protocol
    slots = [slot for block in protocol.blocks for slot in _block_slots(block, seed)]
    texts = _instructions(protocol.scripts, slots)
    trials = [_trial(slot, text, number) for number, (slot, text) in enumerate(zip(slots, texts, strict=True), start=1)]
    return Plan(
        protocol_id=protocol.id,
        protocol_version=protocol.version,
        protocol_sha256=loaded.sha256,
        title=protocol.title,
        seed=seed,
        trials=tuple(trials),
        scores=tuple(_scores(protocol.blocks)),
    )


def _block_slots(block: Block, seed: int) -> Iterator[_Slot]:
    """Practice first, stimulus by stimulus; then the trials, in turn or one stimulus after the other."""
    for stimulus in block.stimuli:
        yield from _practice_slots(block, stimulus)
    runs = [_stimulus_slots(block, stimulus, seed) for stimulus in block.stimuli]
    if block.alternate:
        rounds = zip_longest(*runs)
        yield from (slot for turn in rounds for slot in turn if slot is not None)
    else:
        yield from (slot for run in runs for slot in run)


def _practice_slots(block: Block, stimulus: Stimulus) -> Iterator[_Slot]:
    practice = stimulus.practice
    if practice is None:
        return
    placement = Placement(practice.site, practice.side or "")
    for number in range(1, practice.trials + 1):
        yield _Slot(block, stimulus, placement, number, is_practice=True)


def _stimulus_slots(block: Block, stimulus: Stimulus, seed: int) -> list[_Slot]:
    random = Random(f"{seed}/{block.id}/{stimulus.id}")
    points = placements_of(stimulus)
    return [
        _Slot(block, stimulus, placement, number, is_practice=False)
        for number in range(1, stimulus.repeats + 1)
        for placement in sites.arrange(points, stimulus.order, stimulus.first_side, random)
    ]


def _instructions(scripts: Scripts, slots: Iterable[_Slot]) -> Iterator[str]:
    """Each modality's text before its first trial, and before the very first what always holds."""
    said: set[Modality] = set()
    for slot in slots:
        modality = modality_of(slot.stimulus)
        parts = [] if said else [scripts.always]
        parts += [] if modality in said else [scripts.text(modality)]
        said.add(modality)
        yield "\n\n".join(text.strip() for text in parts if text.strip())


def _trial(slot: _Slot, instruction: str, number: int) -> PlannedTrial:
    block, stimulus, (site_code, side) = slot.block, slot.stimulus, slot.placement
    return PlannedTrial(
        sequence_index=number,
        block=block.id,
        step_id=_step_id(slot),
        stimulus_id=stimulus.id,
        modality=modality_of(stimulus),
        method=block.method,
        site_code=site_code,
        side=side,
        repeat_index=slot.repeat_index,
        is_practice=slot.is_practice,
        ramp=_ramp(stimulus),
        settle=_settle(stimulus),
        timeout_s=timeout_of(stimulus),
        rest_before_s=block.rests.between_trials_s if number > 1 else 0.0,
        same_site_rest_s=block.rests.same_site_s,
        rate_band=stimulus.rate_band,
        reading=stimulus.scoring.reading if stimulus.scoring else "at_response",
        rounding=_rounding(stimulus),
        instruction=instruction,
        attempts_max=stimulus.attempts_max,
    )


def _step_id(slot: _Slot) -> str:
    practice = ("practice",) if slot.is_practice else ()
    side = (slot.placement.side,) if slot.placement.side else ()
    return ".".join((slot.stimulus.id, *practice, slot.placement.site_code, *side, str(slot.repeat_index)))


def _ramp(stimulus: Stimulus) -> ThermalRamp | PressureRamp:
    if isinstance(stimulus, PressureStimulus):
        return PressureRamp(rate_kpa_per_s=stimulus.rate_kpa_per_s, cutoff_kpa=stimulus.cutoff_kpa)
    return ThermalRamp(
        start_c=stimulus.start_c,
        rate_c_per_s=stimulus.rate_c_per_s,
        cutoff_c=stimulus.cutoff_c,
        return_rate_c_per_s=stimulus.return_rate_c_per_s,
    )


def _settle(stimulus: Stimulus) -> Settle | None:
    if isinstance(stimulus, PressureStimulus):
        return None
    rule = stimulus.settle
    return Settle(within_c=rule.within_c, for_s=rule.for_s, timeout_s=rule.timeout_s)


def _rounding(stimulus: Stimulus) -> Rounding:
    step, unit = stimulus.rounding.split(" ")
    return Rounding(step=step, display_unit=unit, kpa_or_c_per_unit=DISPLAY_UNITS[unit].per_unit)


def _scores(blocks: Iterable[Block]) -> Iterator[ScoreRule]:
    for stimulus in (stimulus for block in blocks for stimulus in block.stimuli):
        scoring = stimulus.scoring
        if scoring is not None:
            yield ScoreRule(
                id=scoring.id,
                label=scoring.label,
                stimulus_id=stimulus.id,
                modality=modality_of(stimulus),
                rule=scoring.rule,
                rounding=_rounding(stimulus),
                censored=scoring.censored,
            )
