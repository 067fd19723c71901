"""What can be asked of a running server over its control channel, one JSON object a line."""

import math
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from qst.errors import InputError
from qst.units import parse


class CommandError(ValueError):
    """The command cannot be carried out; the text says why."""


class _Command(msgspec.Struct, frozen=True, tag_field="do", forbid_unknown_fields=True):
    """One line of the control channel."""


class Press(_Command, frozen=True, tag="press"):
    """Put the participant's button down."""


class Release(_Command, frozen=True, tag="release"):
    """Let the participant's button up."""


class Place(_Command, frozen=True, tag="place"):
    """Place an instrument on the skin: from now on the participant feels it, and presses when it first hurts.

    ``key`` names the trial: the same key and seed give the same threshold and the same reaction time. ``exposure``
    counts the stimuli of this modality at this site; the server counts by itself when it is left out. ``role`` says
    which thermode, when there are several.
    """

    modality: Literal["pressure", "heat", "cold"]
    site: str = ""
    side: Literal["R", "L", ""] = ""
    key: str = ""
    exposure: Annotated[int, Meta(ge=1)] | None = None
    role: str = ""


class Lift(_Command, frozen=True, tag="lift"):
    """Take the instrument off the skin."""


class Push(_Command, frozen=True, tag="push"):
    """Push the placed gauge: ``rate`` as text with its unit ("1 kg/cm²/s"), or ``rate_kpa_per_s``."""

    rate: str | None = None
    rate_kpa_per_s: float | None = None

    def kpa_per_s(self) -> float:
        """The rate, kPa/s. Raises CommandError, InputError."""
        if (self.rate is None) == (self.rate_kpa_per_s is None):
            raise CommandError('push needs one rate: "rate": "1 kg/cm²/s", or "rate_kpa_per_s": 98.07')
        rate = parse(self.rate, "pressure_rate") if self.rate is not None else self.rate_kpa_per_s
        if rate is None or not math.isfinite(rate) or rate <= 0:
            raise CommandError(f"the rate of a push must be positive, not {rate}")
        return rate


class PushTable(_Command, frozen=True, tag="push_table"):
    """Push the gauge gently on the table: shows which sign a push has."""


class LetGo(_Command, frozen=True, tag="let_go"):
    """Tell the hand to release the gauge; it does so after its own delay."""


class ChangeParticipant(_Command, frozen=True, tag="participant"):
    """Seat another participant: a shipped profile's name, or a profile file."""

    profile: str


class TellState(_Command, frozen=True, tag="state"):
    """The hidden truth: what no driver can know."""


_Duration = Annotated[float, Meta(ge=0)]
_Count = Annotated[int, Meta(ge=1, le=10_000)]
_Change = Annotated[float, Meta(ge=-1000, le=1000)]


class _FaultOptions(msgspec.Struct, frozen=True):
    """What the options of the suite's own faults may be; a fault may strike later, when nobody is there to be told."""

    at_s: _Duration | None = None
    when: str | None = None
    after_s: _Duration = 0.0
    for_s: _Duration | None = None
    delay_s: _Duration | None = None
    late_s: _Duration | None = None
    every_s: Annotated[float, Meta(gt=0)] | None = None
    lasts_s: _Duration | None = None
    bounce_s: Annotated[float, Meta(gt=0)] | None = None
    count: _Count | None = None
    bounces: _Count | None = None
    keep: Annotated[int, Meta(ge=0)] | None = None
    percent: Annotated[int, Meta(ge=0, le=100)] | None = None
    share: Annotated[float, Meta(gt=0, le=1000)] | None = None
    by_c: _Change | None = None
    size: _Change | None = None
    rate: _Change | None = None
    now: bool | None = None
    button: bool | None = None


class Fault(_Command, frozen=True, tag="fault"):
    """Inject a fault into the device of ``role``; ``options`` as of ``FaultyDevice.inject``."""

    role: str
    name: str
    options: dict[str, bool | int | float | str] = {}

    def checked_options(self) -> dict[str, Any]:
        """The options, each of a kind and size that its fault can do with. Raises CommandError."""
        try:
            msgspec.convert(self.options, _FaultOptions)
        except msgspec.ValidationError as error:
            raise CommandError(str(error)) from error
        return dict(self.options)


class Quit(_Command, frozen=True, tag="quit"):
    """End the server."""


Command = Press | Release | Place | Lift | Push | PushTable | LetGo | ChangeParticipant | TellState | Fault | Quit

_DECODER: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_KNOWN = ", ".join(
    sorted(
        str(each.__struct_config__.tag)
        for each in (
            *(Press, Release, Place, Lift, Push, PushTable),
            *(LetGo, ChangeParticipant, TellState, Fault, Quit),
        )
    )
)


def decode(line: bytes) -> Command:
    """Read one line.

    Raises:
        CommandError: it is not a command.
    """
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(
            f'{error}; write one JSON object a line, such as {{"do": "press"}}; known: {_KNOWN}'
        ) from error
    except RecursionError as error:
        raise CommandError("the object is nested too deeply") from error


def refusal(error: Exception) -> dict[str, Any]:
    """The answer to a command that was not carried out."""
    remedy = error.remedy if isinstance(error, InputError) else ""
    return {"ok": False, "error": f"{error}; {remedy}" if remedy else str(error)}
