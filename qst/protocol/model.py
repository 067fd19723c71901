"""The protocol language as types: what a protocol file may say, with units resolved (°C, °C/s, kPa, kPa/s, s).

The same types make the JSON Schema that editors complete from (:mod:`qst.protocol.schema`) and steer the reader
(:mod:`qst.protocol.decode`). A field's ``extra`` tells the reader what a text means: ``kind`` a quantity (a kind of
:mod:`qst.units`), ``words`` the words that stand for a value, ``site`` / ``sites`` a code, name, or group.

In the file a quantity is text with its unit; in the struct it is a plain number with the unit in the attribute's name.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from qst import sites
from qst.instruments import Modality
from qst.units import KINDS

#: Version of the protocol language; a file names the version it was written for.
LANGUAGE = 1

#: Key under which :mod:`qst.protocol.schema` finds the schema of a value as it stands in the file.
AS_WRITTEN = "as-written"

_NUMBER = r"^\s*[-+−]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*\D+"


def _written(**schema: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The JSON Schema of what stands in the file, where that is another type than the value it means."""
    return {AS_WRITTEN: schema}


def _quantity(kind: str, description: str) -> Meta:
    return Meta(
        description=description,
        extra={"kind": kind},
        extra_json_schema=_written(type="string", pattern=_NUMBER, examples=[KINDS[kind].example], kind=kind),
    )


Identifier = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=64)]
Text = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=1, le=100)]

Temperature = Annotated[float, _quantity("temperature", "A temperature, such as '32 °C'.")]
TemperatureDifference = Annotated[float, _quantity("temperature_difference", "A difference, such as '0.2 °C'.")]
TemperatureRate = Annotated[float, _quantity("temperature_rate", "Per time, such as '0.3 °C/s'.")]
Pressure = Annotated[float, _quantity("pressure", "A pressure, such as '6 kg/cm²' (kg means kgf) or '1000 kPa'.")]
PressureRate = Annotated[float, _quantity("pressure_rate", "Per time, such as '1 kg/cm²/s' or '50 kPa/s'.")]
Duration = Annotated[float, _quantity("duration", "A duration, such as '10 s' or '2 min'.")]
Ratio = Annotated[float, _quantity("ratio", "A share in per cent, such as '25 %'.")]

_SIDE_WORDS = {"left": "L", "L": "L", "right": "R", "R": "R", "both": "both"}
Side = Annotated[
    Literal["L", "R", "both"],
    Meta(
        description="Side of the body. 'both' visits the site on the right and on the left.",
        extra={"words": _SIDE_WORDS},
        extra_json_schema=_written(enum=list(_SIDE_WORDS)),
    ),
]
OneSide = Annotated[
    Literal["L", "R"],
    Meta(
        description="Which side of a pair comes first.",
        extra={"words": {word: side for word, side in _SIDE_WORDS.items() if side != "both"}},
        extra_json_schema=_written(enum=["left", "L", "right", "R"]),
    ),
]
SiteCode = Annotated[
    str,
    Meta(
        description="A site's code or name.",
        extra={"site": True},
        extra_json_schema=_written(type="string", minLength=1, examples=["thenar", "OCC"]),
    ),
]
SiteCodes = Annotated[
    tuple[str, ...],
    Meta(
        description="Several sites: a group, such as 'tender-points', or a list of codes.",
        extra={"sites": True},
        extra_json_schema=_written(
            type=["string", "array"],
            minLength=1,
            minItems=1,
            items={"type": "string"},
            examples=[*sites.GROUPS, ["OCC", "TRP"]],
        ),
    ),
]
RoundingText = Annotated[
    str,
    Meta(
        description="Step of the reported value, such as '0.1 kg/cm²'; decimal, half-up.",
        extra={"rounding": True},
        extra_json_schema=_written(type="string", pattern=_NUMBER, examples=["0.1 kg/cm²", "0.01 °C"]),
    ),
]


class Order(StrEnum):
    """In which order the sites of a stimulus are visited."""

    AS_LISTED = "as-listed"
    ACR = "acr"
    MTPS = "mtps"
    RANDOM = "random"


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping in the file; keys it does not know are errors."""


class SettleRule(_Part, frozen=True, kw_only=True):
    """When the thermode counts as settled at its start temperature."""

    within_c: TemperatureDifference = field(name="within")
    for_s: Duration = field(name="for")
    timeout_s: Duration = field(name="timeout", default=120.0)


class Practice(_Part, frozen=True, kw_only=True):
    """Trials for getting used to the stimulus, before the block's first real trial; they enter no score."""

    trials: Count = 1
    site: SiteCode
    side: OneSide | None = None


class Scoring(_Part, frozen=True, kw_only=True):
    """The summary value of a stimulus."""

    id: Identifier
    label: Text
    rule: Annotated[Literal["mean"], Meta(description="How the valid trials become one value.")] = "mean"
    reading: Annotated[
        Literal["at_response", "peak"],
        Meta(description="Which value of a trial is reported: at the response, or the greatest one."),
    ] = "at_response"
    censored: Annotated[
        Literal["exclude"],
        Meta(
            description="Trials that ended at the cut-off, or hurt at baseline, are counted and left out of the mean."
        ),
    ] = "exclude"


class _Stimulus(_Part, frozen=True, kw_only=True):
    """What all stimuli have."""

    id: Identifier
    site: SiteCode | None = None
    sites: SiteCodes | None = None
    side: Side | None = None
    order: Order = Order.AS_LISTED
    first_side: OneSide = "R"
    repeats: Count = 1
    practice: Practice | None = None
    timeout_s: Annotated[
        Duration | None, Meta(description="From the start of the ramp; without it the time to the cut-off plus 5 s.")
    ] = field(name="timeout", default=None)
    rate_band: Ratio = 0.25
    attempts_max: Count = 3
    scoring: Scoring | None = None


class _ThermalStimulus(_Stimulus, frozen=True, kw_only=True, tag_field="modality"):
    """A ramp of the thermode from ``start`` at ``rate`` until the response or ``cutoff``."""

    start_c: Temperature = field(name="start")
    rate_c_per_s: TemperatureRate = field(name="rate")
    cutoff_c: Temperature = field(name="cutoff")
    return_rate_c_per_s: TemperatureRate = field(name="return_rate")
    settle: SettleRule
    rounding: RoundingText = "0.01 Cel"


class HeatStimulus(_ThermalStimulus, frozen=True, kw_only=True, tag="heat"):
    """A rising ramp, to first heat pain."""


class ColdStimulus(_ThermalStimulus, frozen=True, kw_only=True, tag="cold"):
    """A falling ramp, to first cold pain; ``rate`` is its magnitude."""


class PressureStimulus(_Stimulus, frozen=True, kw_only=True, tag_field="modality", tag="pressure"):
    """A hand-held or motorised algometer from contact at ``rate`` until the response or ``cutoff``."""

    rate_kpa_per_s: PressureRate = field(name="rate")
    cutoff_kpa: Pressure = field(name="cutoff")
    rounding: RoundingText = "0.1 kgf/cm2"


Stimulus = HeatStimulus | ColdStimulus | PressureStimulus


class Rests(_Part, frozen=True, kw_only=True):
    """Least time without a stimulus."""

    between_trials_s: Duration = field(name="between_trials")
    same_site_s: Duration = field(name="same_site", default=0.0)


class Block(_Part, frozen=True, kw_only=True):
    """A run of trials by one method."""

    id: Identifier
    method: Annotated[Literal["limits"], Meta(description="The method of limits.")] = "limits"
    alternate: Annotated[
        bool, Meta(description="Take the stimuli in turn, one trial each, instead of one stimulus after the other.")
    ] = False
    rests: Rests
    stimuli: Annotated[tuple[Stimulus, ...], Meta(min_length=1)]


class Scripts(_Part, frozen=True, kw_only=True):
    """Texts that the operator reads aloud before the first trial of a modality."""

    always: str = ""
    pressure: str = ""
    heat: str = ""
    cold: str = ""

    def text(self, modality: Modality) -> str:
        """The text for a modality."""
        return {Modality.PRESSURE: self.pressure, Modality.HEAT: self.heat, Modality.COLD: self.cold}[modality]


class Protocol(_Part, frozen=True, kw_only=True):
    """A visit's protocol."""

    language: Annotated[Literal[1], Meta(description="Version of the protocol language.")]
    id: Identifier
    version: Annotated[str, Meta(min_length=1, max_length=32, description="Of this protocol, such as '1.0.0'.")]
    title: Text
    citation: Annotated[str, Meta(description="The publication that this protocol follows.")] = ""
    description: str = ""
    scripts: Scripts = Scripts()
    blocks: Annotated[tuple[Block, ...], Meta(min_length=1)]


def modality_of(stimulus: Stimulus) -> Modality:
    """The modality that a stimulus in the file has."""
    if isinstance(stimulus, PressureStimulus):
        return Modality.PRESSURE
    return Modality.HEAT if isinstance(stimulus, HeatStimulus) else Modality.COLD


def type_tree() -> Any:  # noqa: ANN401 - msgspec's description of a type has no common public class
    """The description by msgspec of :class:`Protocol`, which the reader walks along."""
    return msgspec.inspect.type_info(Protocol)
