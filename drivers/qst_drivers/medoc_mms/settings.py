"""What a station file says about a Medoc thermode, checked; and what its models can do."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qst.errors import RefusedError, StationFileError
from qst.instruments import Capabilities, Modality, Programming, Reading, ThermalRamp, refuse_beyond_ceilings
from qst_drivers.quantities import quantity_of
from qst_drivers.ramp_path import HELD_BACK_LONGEST_S

#: 2 to 13 are the words of the actions themselves; 16 and up is what laboratories use safely.
WORD_MIN, WORD_MAX = 16, 255

#: Two ramps are the same when their numbers agree to this relative tolerance (they come from decimal text).
SAME_RAMP = 1e-9

_UNVERIFIED = (
    "which commands MMS takes in which state, beyond what public clients report",
    "whether the Yes flag is the button's level or latched",
    "length of the pre-test: MMS does not tell when it is over",
    "origin and resets of TestTime",
    "noise, time constants and accuracy of the temperature readings",
    "smallest rate of a program",
    "time-at-temperature table: from Medoc's Python API and one user of MMS",
)


def _capabilities(minimum_c: float, maximum_c: float, rate: float, back: float, *unverified: str) -> Capabilities:
    return Capabilities(
        kind="thermode",
        modalities=frozenset({Modality.HEAT, Modality.COLD}),
        value_min=minimum_c,
        value_max=maximum_c,
        resolution=0.01,
        rate_min=0.01,
        rate_max=rate,
        return_rate_max=back,
        reading=Reading.POLLED,
        programming=Programming.PROGRAMS,
        ends_ramp_on_button=True,
        ends_ramp_at_limit=True,
        self_limiting=True,
        has_button=True,
        acknowledges=True,
        checksums=False,
        timestamps=False,
        reading_gap_s=0.5,  # an answer may take as long as the default of status_timeout; delayed acknowledgements do
        held_back_s=HELD_BACK_LONGEST_S,
        ramp_lag_s=2.0,  # a trigger is obeyed within 1.5 s, and the plate lags
        unverified=_UNVERIFIED + unverified,
    )


#: Ranges and rates: Pathway Technical Reference Manual (DC 00054), p. 83.
MODELS: dict[str, Capabilities] = {
    "Pathway ATS": _capabilities(0.0, 55.0, 8.0, 8.0),
    "Pathway CHEPS": _capabilities(30.0, 55.0, 70.0, 40.0),
    "TSA-2": _capabilities(
        *(0.0, 50.0, 8.0, 8.0),
        "range and rates of the TSA-2: no public sheet; taken no wider than the Pathway ATS",
    ),
}
DEFAULT_MODEL = "Pathway ATS"

#: (lower bound °C, longest stay s), hottest first: the device ends the test when a stay in one row is longer.
LONGEST_STAY_S = (
    (56.0, 0.0),
    (55.0, 0.05),
    (52.0, 0.4),
    (51.0, 1.0),
    (50.0, 5.0),
    (49.0, 10.0),
    (47.0, 60.0),
)


@dataclass(frozen=True)
class MmsProgram:
    """A program of the method of limits, prepared by hand in MMS under an 8-bit ``word``."""

    word: int
    ramp: ThermalRamp

    def matches(self, ramp: ThermalRamp) -> bool:
        """Whether this program is exactly that ramp."""
        return all(
            math.isclose(getattr(self.ramp, name), getattr(ramp, name), rel_tol=SAME_RAMP)
            for name in ramp.__struct_fields__
        )


@dataclass(frozen=True)
class Settings:
    """The station's settings for one MMS. Durations in s."""

    programs: tuple[MmsProgram, ...]
    model: str
    auto_start: bool  # MMS's "Automatic Start" is ticked
    begin_with: str  # "trigger": programs with a manual trigger; "start": the second START begins the test
    pretest_s: float  # no shorter than the longest pre-test: MMS does not tell when it is over
    command_gap_s: float  # between a change of state and the next command: sooner ones can be lost
    reply_timeout_s: float
    status_timeout_s: float
    obeyed_within_s: float  # a trigger that moves nothing for so long was lost

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> "Settings":
        """Read a station file's mapping.

        Raises:
            StationFileError: an unknown or missing key, a wrong word, a quantity that cannot be read.
        """
        unknown = sorted(set(settings) - _KEYS)
        if unknown:
            raise StationFileError(
                f"medoc-mms does not know the setting {', '.join(unknown)}",
                remedy=f"Known are: {', '.join(sorted(_KEYS))}.",
            )
        return cls(
            programs=_programs(settings.get("programs")),
            model=_choice(settings, "model", DEFAULT_MODEL, tuple(MODELS)),
            auto_start=_choice(settings, "auto_start", False, (False, True)),
            begin_with=_choice(settings, "begin_with", "trigger", ("trigger", "start")),
            pretest_s=_duration_s(settings, "pretest", "5 s"),
            command_gap_s=_duration_s(settings, "command_gap", "0.5 s"),
            reply_timeout_s=_duration_s(settings, "reply_timeout", "2 s"),
            status_timeout_s=_duration_s(settings, "status_timeout", "0.5 s"),
            obeyed_within_s=_duration_s(settings, "obeyed_within", "1.5 s"),
        )


_KEYS = {
    *("programs", "model", "auto_start", "begin_with", "pretest"),
    *("command_gap", "reply_timeout", "status_timeout", "obeyed_within"),
}
_RAMP_KEYS = {"baseline", "rate", "cutoff", "return_rate"}
# What the list of the simulated MMS may carry besides, so that one list serves both.
_PROGRAM_KEYS = _RAMP_KEYS | {"word", "name", "method", "trials", "onset"}


def _choice(settings: Mapping[str, Any], key: str, default: Any, choices: tuple[Any, ...]) -> Any:  # noqa: ANN401 - bool or str
    value = settings.get(key, default)
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        raise StationFileError(f"{key} must be one of {', '.join(map(str, choices))}, not {value!r}")
    return value


def _duration_s(settings: Mapping[str, Any], key: str, default: str) -> float:
    value = quantity_of(settings.get(key, default), "duration", key)
    if value < 0:
        raise StationFileError(f"{key} must not be negative")
    return value


def _programs(entries: object) -> tuple[MmsProgram, ...]:
    """The station's map from ramps to program words."""
    if not isinstance(entries, list | tuple) or not entries:
        raise StationFileError(
            "medoc-mms needs programs: MMS runs only programs that were prepared in it by hand",
            remedy="List each program as {word, baseline, rate, cutoff, return_rate}.",
        )
    programs: list[MmsProgram] = []
    for entry in entries:
        program = _program(entry)
        for earlier in programs:
            if earlier.word == program.word:
                raise StationFileError(f"two programs have the word {program.word}")
            if earlier.matches(program.ramp):
                raise StationFileError(f"programs {earlier.word} and {program.word} are the same ramp")
        programs.append(program)
    return tuple(programs)


def _program(entry: object) -> MmsProgram:
    if not isinstance(entry, Mapping):
        raise StationFileError(f"a program is {{word, baseline, rate, cutoff, return_rate}}, not {entry!r}")
    missing = sorted((_RAMP_KEYS | {"word"}) - set(entry))
    unknown = sorted(set(entry) - _PROGRAM_KEYS)
    if missing or unknown:
        raise StationFileError(f"program {entry.get('word')!r}: missing {missing}, unknown {unknown}")
    word = _word(entry["word"])
    try:
        ramp = ThermalRamp(
            start_c=quantity_of(entry["baseline"], "temperature", f"program {word}, baseline"),
            rate_c_per_s=quantity_of(entry["rate"], "temperature_rate", f"program {word}, rate"),
            cutoff_c=quantity_of(entry["cutoff"], "temperature", f"program {word}, cutoff"),
            return_rate_c_per_s=quantity_of(entry["return_rate"], "temperature_rate", f"program {word}, return_rate"),
        )
    except RefusedError as error:
        raise StationFileError(f"program {word}: {error.what}") from error
    return MmsProgram(word, ramp)


def _word(value: object) -> int:
    """A word as a number, or as the eight binary digits that MMS shows (in quotes)."""
    word = int(value, 2) if isinstance(value, str) and len(value) == 8 and not value.strip("01") else value  # noqa: PLR2004 - eight bits
    if isinstance(word, bool) or not isinstance(word, int) or not WORD_MIN <= word <= WORD_MAX:
        raise StationFileError(
            f"a program's word must be {WORD_MIN} to {WORD_MAX}, not {value!r}",
            remedy='Give the number, such as 100, or the eight binary digits MMS shows in quotes, such as "01100100".',
        )
    return word


def describe(ramp: ThermalRamp) -> str:
    """A ramp for a person."""
    return (
        f"{ramp.start_c:g} °C to {ramp.cutoff_c:g} °C at {ramp.rate_c_per_s:g} °C/s, "
        f"back at {ramp.return_rate_c_per_s:g} °C/s"
    )


def refuse_outside(ramp: ThermalRamp, capabilities: Capabilities, model: str) -> None:
    """Raise RefusedError when the model cannot run the ramp, or would end it itself for time at temperature."""
    refuse_beyond_ceilings(ramp)
    for name, value_c in (("start", ramp.start_c), ("cut-off", ramp.cutoff_c)):
        if not capabilities.value_min <= value_c <= capabilities.value_max:
            raise RefusedError(
                f"the {name} of {value_c:g} °C is outside the {model}'s "
                f"{capabilities.value_min:g} to {capabilities.value_max:g} °C"
            )
    greatest_return = capabilities.return_rate_max or capabilities.rate_max
    for name, rate, greatest in (
        ("rate", ramp.rate_c_per_s, capabilities.rate_max),
        ("return rate", ramp.return_rate_c_per_s, greatest_return),
    ):
        if not capabilities.rate_min <= rate <= greatest:
            raise RefusedError(
                f"the {name} of {rate:g} °C/s is outside the {model}'s {capabilities.rate_min:g} to {greatest:g} °C/s"
            )
    _refuse_long_stays(ramp, model)


def _refuse_long_stays(ramp: ThermalRamp, model: str) -> None:
    """The longest stay in a row is the way out to the cut-off and, in the row of the cut-off itself, back again."""
    if not ramp.rising:
        return
    upper_c = math.inf
    for lower_c, longest_s in LONGEST_STAY_S:
        if ramp.cutoff_c >= lower_c:
            out_s = (min(upper_c, ramp.cutoff_c) - max(lower_c, ramp.start_c)) / ramp.rate_c_per_s
            back_s = (ramp.cutoff_c - lower_c) / ramp.return_rate_c_per_s if ramp.cutoff_c < upper_c else 0.0
            if out_s + back_s > longest_s or longest_s == 0.0:
                raise RefusedError(
                    f"this ramp stays {out_s + back_s:.1f} s at {lower_c:g} °C and above; the {model} ends a test "
                    f"after {longest_s:g} s there",
                    remedy="Lower the cut-off or raise the rate.",
                )
        upper_c = lower_c
        if ramp.start_c >= lower_c:
            return
