"""Profiles: the numbers of a simulated participant, of the hand on the gauge and of the operator.

A profile is a YAML file; every number in the shipped ones says where it comes from or that it is a guess. Thresholds
are described as an *excursion* from an origin (0 kPa, resting skin temperature, the cold start): log-normal between
persons, with further log-normal and additive scatter. The median of that distribution is never written down. It follows
from the group mean of what a visit *reports*, and from the profile's own reaction times, lapses and order effects.
"""

import math
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from qst.errors import InputError
from qst.units import parse

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]

#: Which way pain lies: heat and pressure rise to it, cold falls to it.
DIRECTION: Final = {"pressure": 1.0, "heat": 1.0, "cold": -1.0}
#: Mean time from a press of the button until the operator is told to release, s: half of the 20 ms between two looks.
SIGNAL_DELAY_S: Final = 0.01
_LONGEST_FILE_BYTES = 1_000_000


class AnchorKind(StrEnum):
    """What the group means of a profile are the means of."""

    MEASURED = "measured"  # what a visit reports, reaction time and all
    LATENT = "latent"  # the threshold itself


class Reading(StrEnum):
    """Which reading of a trial is reported, and therefore anchored."""

    AT_RESPONSE = "at_response"
    PEAK = "peak"  # a gauge that only keeps its peak: the hand's release delay is part of what it reports


class LogNormal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A positive quantity, usually a duration in s: ``median`` × exp(``sigma_log`` × standard normal)."""

    median: Positive
    sigma_log: NotNegative

    @property
    def mean(self) -> float:
        """Expected value."""
        return self.median * math.exp(self.sigma_log**2 / 2)

    def at(self, z: float) -> float:
        """Value at the standard normal deviate ``z``."""
        return self.median * math.exp(self.sigma_log * z)


class Lapses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Trials in which the button does not say what was felt. At most one lapse a trial; rates are per trial."""

    late: Share
    late_factor: Positive  # the reaction time of a late response, as a multiple of an ordinary one
    none: Share  # the button is not pressed at all
    anticipatory: Share
    anticipation: Share  # an anticipatory press comes up to this share of the excursion before pain
    accidental: Share
    accidental_mean_s: Positive  # from placement to an accidental press, exponential

    def __post_init__(self) -> None:
        if self.late + self.none + self.anticipatory + self.accidental > 1:
            raise ValueError("the rates of lapses add up to more than 1")


class ModalityProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds of one modality over persons, sites, visits and trials. °C and °C/s, or kPa and kPa/s."""

    anchor: float  # group mean of the reported threshold
    anchor_rate: Positive  # rate of the ramp under which the anchor was measured
    anchor_repeats: Annotated[int, msgspec.Meta(ge=1)]  # repeats a site over which it was averaged
    origin: float
    person_sigma_log: NotNegative
    visit_sigma_log: NotNegative
    person_site_sigma_log: NotNegative
    trial_sigma_log: NotNegative
    visit_sd: NotNegative
    trial_sd: NotNegative
    first_trial_bias: float  # relative change of the first excursion at a site
    change_per_exposure: float  # of the threshold, in its own unit
    exposures_until_stable: Annotated[int, msgspec.Meta(ge=1)]
    reaction_time_s: LogNormal
    site_multipliers: dict[str, Positive] = {}

    def multiplier(self, site_code: str) -> float:
        """Relative threshold of a site; the mean over the listed sites is 1, and so is a site that is not listed."""
        listed = self.site_multipliers
        if site_code not in listed:
            return 1.0
        return listed[site_code] * len(listed) / sum(listed.values())

    @property
    def log_normal_mean(self) -> float:
        """Mean of the product of all log-normal factors."""
        sigmas = (self.person_sigma_log, self.visit_sigma_log, self.person_site_sigma_log, self.trial_sigma_log)
        return math.exp(sum(sigma**2 for sigma in sigmas) / 2)

    def exposure_change(self, exposure: int) -> float:
        """Change of the threshold at the ``exposure``-th stimulus of a site (1 is the first), in its own unit."""
        return self.change_per_exposure * min(exposure - 1, self.exposures_until_stable)


class HandProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a hand pushes a gauge. Forces N, times s."""

    rate_bias_sd: NotNegative
    rate_noise_sd: NotNegative
    rate_noise_tau_s: Positive
    start_up_s: NotNegative
    tremor_share: NotNegative  # effective value of the 8-12 Hz tremor as a share of the force
    tremor_min_n: NotNegative
    sway_n: NotNegative  # amplitude of breathing and heartbeat near 1 Hz
    bump_n: LogNormal
    bump_s: Positive
    release_delay_s: LogNormal
    release_tau_s: Positive
    strongest_n: Positive


class OperatorProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long the operator takes for what (s), and how often a value is mistyped."""

    delays_s: dict[str, LogNormal]
    typing_error: Share

    def __post_init__(self) -> None:
        if "other" not in self.delays_s:
            raise ValueError("delays_s needs the entry 'other', for whatever is not listed")


class Modalities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The three modalities."""

    pressure: ModalityProfile
    heat: ModalityProfile
    cold: ModalityProfile


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole profile. ``text`` is the file it came from, for the visit log."""

    name: str
    title: str
    anchor: AnchorKind
    modalities: Modalities
    press_duration_s: LogNormal
    lapses: Lapses
    hand: HandProfile
    operator: OperatorProfile
    text: str = ""

    def __post_init__(self) -> None:
        for modality in DIRECTION:
            for reading in Reading:
                self.median_excursion(modality, reading)

    def modality(self, modality: str) -> ModalityProfile:
        """Numbers of ``modality`` (pressure, heat, cold). Raises ValueError for another one."""
        if modality not in DIRECTION:
            raise ValueError(f"unknown modality: {modality}")
        return getattr(self.modalities, modality)  # type: ignore[no-any-return]

    def median_excursion(self, modality: str, reading: Reading = Reading.AT_RESPONSE) -> float:
        """Median over persons of the latent excursion at a site with multiplier 1, before any order effect.

        Solved from: mean reported excursion = mean latent excursion, with the order effects and the anticipations of
        the repeats averaged, + rate × mean delay between pain and the reading.

        Raises:
            ValueError: reaction time and order effects alone already exceed the anchor.
        """
        numbers = self.modality(modality)
        direction = DIRECTION[modality]
        repeats = numbers.anchor_repeats
        order = sum(numbers.exposure_change(exposure) for exposure in range(1, repeats + 1)) / repeats * direction
        excursion = (numbers.anchor - numbers.origin) * direction
        if self.anchor is AnchorKind.MEASURED:
            excursion -= numbers.anchor_rate * self._mean_delay_s(numbers, reading if modality == "pressure" else None)
            excursion /= 1 - self.lapses.anticipatory * self.lapses.anticipation / 2
        first = 1 + numbers.first_trial_bias / repeats
        median = (excursion - order) / (numbers.log_normal_mean * first)
        if median <= 0:
            raise ValueError(f"the {modality} anchor is less than what reaction time and order effects alone add up to")
        return median

    def _mean_delay_s(self, numbers: ModalityProfile, reading: Reading | None) -> float:
        """Expected time from pain to the reported reading."""
        delay_s = numbers.reaction_time_s.mean * (1 + self.lapses.late * (self.lapses.late_factor - 1))
        return delay_s + (SIGNAL_DELAY_S + self.hand.release_delay_s.mean if reading is Reading.PEAK else 0.0)


_TEMPERATURES = {
    "anchor": "temperature",
    "anchor_rate": "temperature_rate",
    "origin": "temperature",
    "visit_sd": "temperature_difference",
    "trial_sd": "temperature_difference",
    "change_per_exposure": "temperature_difference",
}
_PRESSURES = {key: kind.replace("temperature", "pressure") for key, kind in _TEMPERATURES.items()}
_QUANTITIES = {
    "pressure": {key: kind.removesuffix("_difference") for key, kind in _PRESSURES.items()},
    "heat": _TEMPERATURES,
    "cold": _TEMPERATURES,
}


def shipped_profiles() -> list[str]:
    """Names of the profiles that come with the suite."""
    folder = resources.files("qst_simulators") / "profiles"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_profile(name_or_path: str | Path) -> Profile:
    """Read a profile: the name of a shipped one, or the path of a file (with a suffix or a folder in it).

    Raises:
        InputError: there is no such profile, or it is wrong; says where and what would be right.
    """
    path = Path(name_or_path)
    if path.suffix or path.parent != Path():
        return parse_profile(_read(path), where=str(path))
    shipped = shipped_profiles()
    if str(name_or_path) not in shipped:
        raise InputError(
            f"there is no participant profile called '{name_or_path}'",
            remedy=f"use one of {', '.join(shipped)}, or the path of a profile file ending in .yaml",
        )
    file = resources.files("qst_simulators") / "profiles" / f"{name_or_path}.yaml"
    return parse_profile(file.read_text(encoding="utf-8"), where=f"{name_or_path}.yaml")


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"the profile cannot be read: {error.strerror or error}", where=str(path), remedy="check the path"
        ) from error
    if len(data) > _LONGEST_FILE_BYTES:
        raise InputError("the file is far too long for a profile", where=str(path), remedy="check the path")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("the profile is not UTF-8 text", where=str(path), remedy="save it as UTF-8") from error


def parse_profile(text: str, *, where: str) -> Profile:
    """Parse the text of a profile. ``where`` names it in messages.

    Raises:
        InputError: it is wrong.
    """
    try:
        raw = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise InputError(
            f"the profile is not valid YAML: {problem}",
            where=where + line,
            remedy="correct the line; indent with spaces",
        ) from error
    if not isinstance(raw, dict):
        raise InputError("the profile is empty or not a mapping", where=where, remedy="start from a shipped profile")
    try:
        profile = msgspec.convert(_with_plain_numbers(raw, where) | {"text": text}, Profile)
    except msgspec.ValidationError as error:
        raise InputError(
            f"the profile is wrong: {error}", where=where, remedy="compare it with a shipped profile"
        ) from error
    _require_finite(msgspec.to_builtins(profile), where)
    return profile


def _with_plain_numbers(raw: dict[str, Any], where: str) -> dict[str, Any]:
    """``raw`` with the quantities of each modality converted to °C or kPa."""
    modalities = raw.get("modalities")
    if not isinstance(modalities, dict):
        return raw
    converted = {
        name: _convert(entry, _QUANTITIES[name], f"{where}, modalities.{name}")
        if name in _QUANTITIES and isinstance(entry, dict)
        else entry
        for name, entry in modalities.items()
    }
    return raw | {"modalities": converted}


def _convert(entry: dict[str, Any], kinds: dict[str, str], where: str) -> dict[str, Any]:
    return {
        key: _quantity(value, kinds[key], f"{where}.{key}") if key in kinds else value for key, value in entry.items()
    }


def _quantity(value: object, kind: str, where: str) -> float:
    try:
        return parse(str(value), kind)
    except InputError as error:
        raise InputError(error.what, where=where, remedy=error.remedy) from error


def _require_finite(value: object, where: str) -> None:
    if isinstance(value, dict):
        for key, entry in value.items():
            _require_finite(entry, f"{where}, {key}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise InputError("the number is not finite", where=where, remedy="write an ordinary number")
