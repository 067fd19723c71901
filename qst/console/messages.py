"""What passes between the console's server and the engine's process: length-prefixed msgpack, typed both ways.

Commands go to the engine, events come back. They say what a page needs and no more: numbers are °C, kPa and s, every
trial carries what it takes to show them in the protocol's own unit, and no arm or condition exists to be sent.
"""

import struct
from collections.abc import Iterator
from typing import Protocol

import msgspec

from qst.abort import AbortCause
from qst.record.records import Score, VisitOutcome
from qst.rigs.job import ResumeRequest, VisitRequest
from qst.rigs.probing import ProbeRow
from qst.visit.operator import Choice, PromptKind

#: Longer messages are no messages of ours.
LONGEST_BYTES = 16_000_000
_LENGTH = struct.Struct(">I")


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Tagged by its class, so that a union of messages decodes."""


# -- commands: server -> engine -----------------------------------------------------------------------------------


class Begin(_Message, frozen=True):
    """Run a new visit. The first command of a process."""

    request: VisitRequest


class Continue(_Message, frozen=True):
    """Go on with an interrupted visit. The first command of a process."""

    request: ResumeRequest


class Probe(_Message, frozen=True):
    """Test a station's instruments and stimulate nobody. The first and only command of a process."""

    station: str


class Alive(_Message, frozen=True):
    """The server's event loop runs. Sent every so often, and asks for nothing."""


class Stop(_Message, frozen=True):
    """Stop now. Overtakes everything."""

    cause: AbortCause


class Answer(_Message, frozen=True):
    """The operator's answer to a prompt."""

    prompt_id: str
    choice: Choice
    text: str = ""
    reason: str = ""


class PausePlease(_Message, frozen=True):
    """Pause as soon as no stimulus runs."""


class SkipRest(_Message, frozen=True):
    """Cut the present rest short, for a reason."""

    reason: str


class TakeNote(_Message, frozen=True):
    """A remark, or an adverse event."""

    text: str
    adverse: bool = False


class MoveButton(_Message, frozen=True):
    """The participant's button, where a key of the page is it, went down or up."""

    pressed: bool


class ViewsLost(_Message, frozen=True):
    """Nobody looks on any more: end what runs on the skin, and pause."""

    why: str


Command = Begin | Continue | Probe | Alive | Stop | Answer | PausePlease | SkipRest | TakeNote | MoveButton | ViewsLost


# -- events: engine -> server -------------------------------------------------------------------------------------


class TrialCard(_Message, frozen=True):
    """A planned trial as a page shows it. Values °C or kPa; ``per_unit`` of them make one display unit.

    ``expected_end_s``: when it would be over if everything took as long as estimated, from the beginning of the visit.
    """

    sequence_index: int
    block: str
    modality: str
    site_code: str
    site_name: str
    side: str
    landmark: str
    posture: str
    repeat_index: int
    is_practice: bool
    start: float
    cutoff: float
    rate: float
    rate_band: float
    per_unit: float
    unit: str
    decimals: int
    hand_held: bool
    operator_read: bool
    expected_end_s: float


class Ready(_Message, frozen=True):
    """The visit is prepared and begins: what it is, and every trial of it.

    ``button_key``: the key that is the participant's button, empty where no key is; ``n_done``: trials before a resume;
    ``earlier``: sequence index and mark of those that came to something.
    """

    title: str
    protocol_id: str
    participant_id: str
    visit: int
    operator_id: str
    station: str
    simulated: bool
    seed: int
    log: str
    earlier_log: str
    button_key: str
    n_done: int
    earlier: tuple[tuple[int, str], ...]
    trials: tuple[TrialCard, ...]


class Refused(_Message, frozen=True):
    """The visit could not begin, or ended by an error of the suite; in the words of its error."""

    code: str
    what: str
    where: str = ""
    did: str = ""
    remedy: str = ""


class Asked(_Message, frozen=True):
    """The operator is asked something; it stands until answered or withdrawn."""

    prompt_id: str
    kind: PromptKind
    text: str
    read_aloud: str
    choices: tuple[Choice, ...]
    suggested: Choice
    sequence_index: int | None
    attempt: int


class Withdrawn(_Message, frozen=True):
    """The question no longer stands: it was answered, or no longer matters."""

    prompt_id: str


class Next(_Message, frozen=True):
    """This trial comes next."""

    sequence_index: int


class Began(_Message, frozen=True):
    """An attempt began."""

    sequence_index: int
    attempt: int


class Entered(_Message, frozen=True):
    """The trial is in another state since ``time_s`` of the visit's clock."""

    state: str
    time_s: float


class Samples(_Message, frozen=True):
    """Readings since the last message: (time s of the visit's clock, °C or kPa). Some may be left out for display."""

    readings: list[tuple[float, float]]


class ReleaseNow(_Message, frozen=True):
    """The hand must let go."""


class Alarmed(_Message, frozen=True):
    """Something that must be heard, such as that a hand on a gauge must let go.

    ``urgent``: now; ``lasting``: stands until the next attempt begins, and not only to the end of this one.
    """

    text: str
    urgent: bool
    lasting: bool = False


class Pacing(_Message, frozen=True):
    """What an operator-read gauge should show now."""

    elapsed_s: float
    expected: str


class Ticked(_Message, frozen=True):
    """The visit's clock: so long ago it began, or went on after an interruption."""

    elapsed_s: float


class Resting(_Message, frozen=True):
    """A rest is under way; 0 when it is over."""

    left_s: float


class Ended(_Message, frozen=True):
    """An attempt is recorded. ``text`` is its result in words, ``value`` in the trial's display unit."""

    sequence_index: int
    attempt: int
    outcome: str
    censoring: str
    valid: bool
    invalid_reason: str
    text: str
    value: float | None
    response: float | None  # °C or kPa, for the trace
    rate_achieved: float | None  # °C/s or kPa/s
    rate_flag: str


class Judged(_Message, frozen=True):
    """The operator's judgement on a recorded attempt."""

    sequence_index: int
    attempt: int
    choice: Choice
    reason: str


class Remarked(_Message, frozen=True):
    """Something the operator should read."""

    text: str


class StopSeen(_Message, frozen=True):
    """A stop has reached the engine's process."""

    cause: AbortCause


class Probed(_Message, frozen=True):
    """What became of a station's instruments."""

    rows: tuple[ProbeRow, ...]


class Finished(_Message, frozen=True):
    """The visit has ended and its log is closed."""

    outcome: VisitOutcome
    reason: str
    summary: tuple[Score, ...]
    log: str


Event = (
    Ready
    | Refused
    | Asked
    | Withdrawn
    | Next
    | Began
    | Entered
    | Samples
    | ReleaseNow
    | Alarmed
    | Pacing
    | Ticked
    | Resting
    | Ended
    | Judged
    | Remarked
    | StopSeen
    | Probed
    | Finished
)


# -- framing ------------------------------------------------------------------------------------------------------


class Reader(Protocol):
    """A pipe to read from."""

    def read(self, size: int, /) -> bytes | None:
        """Up to ``size`` bytes; empty at the end."""


def frame(message: Command | Event) -> bytes:
    """A message as it goes through a pipe."""
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body


def frames(pipe: Reader) -> Iterator[bytes]:
    """The bodies that come through a pipe, until it ends. A torn last message is left out.

    Raises:
        ValueError: what comes is not framed like ours.
    """
    while True:
        head = _exactly(pipe, _LENGTH.size)
        if head is None:
            return
        (length,) = _LENGTH.unpack(head)
        if length > LONGEST_BYTES:
            raise ValueError(f"a message of {length} bytes; something else writes to this pipe")
        body = _exactly(pipe, length)
        if body is None:
            return
        yield body


def _exactly(pipe: Reader, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        piece = pipe.read(size - len(data))
        if not piece:
            return None
        data += piece
    return data


#: Decode a body into a command or an event; both raise msgspec.ValidationError for anything else.
decode_command = msgspec.msgpack.Decoder(Command).decode
decode_event = msgspec.msgpack.Decoder(Event).decode
