"""A small right protocol, and ways to spoil it."""

from qst.protocol.loader import LoadedProtocol, load_bytes

RIGHT = """\
language: 1
id: small
version: 1.0.0
title: Small protocol
scripts:
  always: stop at any time
  heat: press when it hurts
blocks:
  - id: thermal
    alternate: true
    rests:
      between_trials: 20 s
      same_site: 60 s
    stimuli:
      - id: warm
        modality: heat
        site: thenar
        side: right
        start: 32 °C
        rate: 0.3 °C/s
        cutoff: 48 °C
        return_rate: 8 °C/s
        settle: { within: 0.2 °C, for: 10 s }
        repeats: 3
        practice: { site: volar-forearm, side: right }
        scoring: { id: HPT, label: Heat pain }
      - id: cool
        modality: cold
        site: thenar
        side: left
        start: 20 °C
        rate: 0.3 °C/s
        cutoff: 0 °C
        return_rate: 8 °C/s
        settle: { within: 0.2 °C, for: 10 s }
        repeats: 3
  - id: press
    rests: { between_trials: 10 s }
    stimuli:
      - id: push
        modality: pressure
        sites: tender-points
        side: both
        order: random
        rate: 1 kg/cm²/s
        cutoff: 6 kg/cm²
        rounding: 0.1 kg/cm²
        scoring: { id: PPT, label: Pressure pain, reading: peak }
"""


def spoiled(old: str, new: str) -> str:
    """The right text with the first ``old`` replaced; fails when it is not there."""
    if old not in RIGHT:
        raise LookupError(old)
    return RIGHT.replace(old, new, 1)


def load(text: str) -> LoadedProtocol:
    """Load a text under the name ``visit.yaml``."""
    return load_bytes(text.encode("utf-8"), "visit.yaml")
