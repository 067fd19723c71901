"""What a person may choose about the simulated MMS and its device, checked.

Defaults marked SIM are choices of the simulator: no public document gives the value.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from qst.units import parse
from qst_simulators.medoc_mms.safety import SAFETY_TABLES

#: Program words 2..13 are the actions' own; 16..255 is what the field uses safely.
WORD_MIN, WORD_MAX = 16, 255

#: Trials in one sequence of a program (Pathway Technical Reference Manual, p. 141).
TRIALS_MAX = 20


@dataclass(frozen=True)
class ThermodeModel:
    """Ranges of a thermode in °C and °C/s. Pathway: Pathway Technical Reference Manual, p. 83."""

    minimum_c: float
    maximum_c: float
    heating_c_per_s: float
    cooling_c_per_s: float


MODELS = {
    "Pathway ATS": ThermodeModel(0.0, 55.0, 8.0, 8.0),
    "Pathway CHEPS": ThermodeModel(30.0, 55.0, 70.0, 40.0),
    # unverified: no public sheet gives the 30 × 30 mm thermode of a TSA-2; taken as a narrower Pathway ATS.
    "TSA-2": ThermodeModel(0.0, 50.0, 8.0, 8.0),
}


@dataclass(frozen=True)
class Program:
    """A program of the method of limits, as it was entered by hand in MMS. °C, °C/s.

    ``onset``: ``trigger`` waits for a manual trigger in every trial; ``start`` begins with the second START.
    """

    word: int
    name: str
    baseline_c: float
    rate_c_per_s: float
    cutoff_c: float
    return_rate_c_per_s: float
    trials: int
    onset: str

    @property
    def rising(self) -> bool:
        """A heat program."""
        return self.cutoff_c > self.baseline_c


@dataclass(frozen=True)
class Settings:
    """Everything that can be chosen. Durations s, temperatures °C."""

    programs: tuple[Program, ...]
    model: str = "Pathway ATS"
    round_trip_s: float = 0.85e-3  # median of a packet capture on MMS 7.0.0.25 (HAPNlab/heat-task)
    hold_body_s: float = 0.0  # wait between the length and the body: 0.04 to 0.2 is a delayed acknowledgement
    generation: int = 19  # body without message: 13, 18 or 19 bytes
    auto_start: bool = False
    listening: bool = True  # the operator has chosen a patient and pressed "Go to Test"
    pretest_s: float = 3.0  # SIM: documented only as of unknown length
    pretest_state: str = "running"  # TestState shown during the pre-test: "running" or "ready"; SIM
    finalise_s: float = 0.3  # SIM: how long STOP finalises and saves
    yes_latched: bool = False  # SIM: the Yes flag is the button's level, or latched until the next stimulus
    state_change_deafness_s: float = 0.0  # commands this soon after a change of state are answered and ignored
    noise_c: float = 0.02  # SIM: standard deviation of a reading
    resolution_c: float = 0.01
    tau_s: float = 0.15  # SIM: 0.15 for 30 × 30 mm, 0.05 for CHEPS
    rest_c: float = 32.0
    rest_rate_c_per_s: float = 1.0  # SIM: way to rest when no program was ever selected
    safety_table: str = "B"
    obeys_limits: bool = True  # the program's cut-off and the safety table are kept
    words: Mapping[int, Program] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        self._check_numbers()
        if self.model not in MODELS:
            raise ValueError(f"model must be one of {', '.join(MODELS)}, not {self.model!r}")
        if self.generation not in (13, 18, 19):
            raise ValueError(f"generation must be 13, 18 or 19 (bytes in a reply's body), not {self.generation!r}")
        if self.pretest_state not in ("running", "ready"):
            raise ValueError(f"pretest_state must be running or ready, not {self.pretest_state!r}")
        if self.safety_table not in SAFETY_TABLES:
            raise ValueError(f"safety_table must be one of {', '.join(SAFETY_TABLES)}, not {self.safety_table!r}")
        words = {program.word: program for program in self.programs}
        if len(words) != len(self.programs):
            raise ValueError("two programs have the same word")
        object.__setattr__(self, "words", words)

    def _check_numbers(self) -> None:
        for entry in fields(self):
            if entry.type in (float, "float"):
                value = getattr(self, entry.name)
                if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                    raise ValueError(f"{entry.name} must be a number, not {value!r}")
                if value < 0 and entry.name != "rest_c":
                    raise ValueError(f"{entry.name} must not be negative, not {value!r}")
            elif entry.type in (bool, "bool") and not isinstance(getattr(self, entry.name), bool):
                raise ValueError(f"{entry.name} must be true or false, not {getattr(self, entry.name)!r}")
        if self.tau_s == 0 or self.resolution_c == 0 or self.rest_rate_c_per_s == 0:
            raise ValueError("tau_s, resolution_c and rest_rate_c_per_s must be positive")

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> "Settings":
        """Read the plain mapping of a station or a test.

        Raises:
            ValueError: an unknown key, a value out of range, a program that the thermode could not run.
            InputError: a quantity's text is wrong.
        """
        known = {entry.name for entry in fields(cls) if entry.init}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise ValueError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        chosen = dict(settings)
        model = MODELS.get(chosen.get("model", "Pathway ATS"))
        programs = tuple(_program(entry) for entry in chosen.pop("programs", ()))
        if model is not None:
            for program in programs:
                _verify(program, model)
        return cls(programs=programs, **chosen)


_PROGRAM_KEYS = {"word", "method", "name", "baseline", "rate", "cutoff", "return_rate", "trials", "onset"}


def _program(entry: Mapping[str, Any]) -> Program:
    """One entry of ``programs``; quantities are text."""
    unknown = sorted(set(entry) - _PROGRAM_KEYS)
    missing = sorted({"word", "baseline", "rate", "cutoff", "return_rate"} - set(entry))
    if unknown or missing:
        raise ValueError(f"program {entry.get('word')!r}: unknown keys {unknown}, missing keys {missing}")
    word, trials, onset = entry["word"], entry.get("trials", 1), entry.get("onset", "trigger")
    if entry.get("method", "limits") != "limits":
        raise ValueError(f"program {word!r}: only the method of limits is simulated, not {entry['method']!r}")
    if isinstance(word, bool) or not isinstance(word, int) or not WORD_MIN <= word <= WORD_MAX:
        raise ValueError(f"a program's word is a whole number {WORD_MIN} to {WORD_MAX}, not {word!r}")
    if isinstance(trials, bool) or not isinstance(trials, int) or not 1 <= trials <= TRIALS_MAX:
        raise ValueError(f"program {word}: trials must be 1 to {TRIALS_MAX}, not {trials!r}")
    if onset not in ("trigger", "start"):
        raise ValueError(f"program {word}: onset must be trigger or start, not {onset!r}")
    return Program(
        word=word,
        name=str(entry.get("name", f"program {word}")),
        baseline_c=parse(entry["baseline"], "temperature"),
        rate_c_per_s=parse(entry["rate"], "temperature_rate"),
        cutoff_c=parse(entry["cutoff"], "temperature"),
        return_rate_c_per_s=parse(entry["return_rate"], "temperature_rate"),
        trials=trials,
        onset=onset,
    )


def _verify(program: Program, model: ThermodeModel) -> None:
    """Refuse what MMS would refuse when the program is entered."""
    for name, value_c in (("baseline", program.baseline_c), ("cutoff", program.cutoff_c)):
        if not model.minimum_c <= value_c <= model.maximum_c:
            limits = f"{model.minimum_c:g} to {model.maximum_c:g} °C"
            raise ValueError(f"program {program.word}: {name} {value_c:g} °C is outside {limits}")
    if program.baseline_c == program.cutoff_c:
        raise ValueError(f"program {program.word}: baseline and cutoff are the same")
    out, back = model.heating_c_per_s, model.cooling_c_per_s
    if not program.rising:
        out, back = back, out
    for name, rate, greatest in (
        ("rate", program.rate_c_per_s, out),
        ("return_rate", program.return_rate_c_per_s, back),
    ):
        if not 0 < rate <= greatest:
            raise ValueError(f"program {program.word}: {name} {rate:g} °C/s is outside 0 to {greatest:g} °C/s")
