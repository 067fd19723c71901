"""What a visit log is made of: one JSON object a line, in the order in which things happened.

Every line carries, besides its own fields, the envelope ``seq``, ``utc``, ``t`` (monotonic seconds of this session),
``prev`` (hash of the line before) and ``hash`` (SHA-256 of this line up to the hash). ``type`` is always the first
field, so that a reader can skip traces without parsing them. Units: temperatures °C (UCUM ``Cel``), pressures kPa,
times s, doses min.

Nothing in a log is ever replaced: a correction is a later record.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from qst.instruments import Modality

#: Version of the log's schema; raised whenever a reader would have to know about a change.
SCHEMA_VERSION = 1
#: Every version that this software reads; there never was another one before them.
READABLE_VERSIONS = range(1, SCHEMA_VERSION + 1)


class Outcome(StrEnum):
    """How an attempt ended. Data, never a bare number."""

    RESPONSE = "response"
    CUTOFF = "cutoff"
    PAIN_AT_BASELINE = "pain_at_baseline"
    TIMEOUT = "timeout"
    OPERATOR_STOP = "operator_stop"
    PARTICIPANT_WITHDREW = "participant_withdrew"
    DEVICE_FAULT = "device_fault"
    ESTOP = "estop"


class Censoring(StrEnum):
    """Where the threshold lies if it was not measured. ``right``: beyond the cut-off; ``left``: before the start."""

    NONE = "none"
    LEFT = "left"
    RIGHT = "right"


class VisitOutcome(StrEnum):
    """How a visit ended."""

    COMPLETED = "completed"
    INTERRUPTED = "interrupted"  # stopped before the last trial; can be resumed
    WITHDRAWN = "withdrawn"  # the participant ended it; not to be resumed
    FAILED = "failed"  # an instrument or the log failed; can be resumed


class InstrumentEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An instrument as it answered at the start of a session."""

    role: str  # "thermode" | "algometer"
    driver: str
    link: str
    model: str
    serial: str = ""
    firmware: str = ""
    detail: str = ""
    calibration_date: str = ""
    tip_area_cm2: float | None = None
    thermode_area_cm2: float | None = None


class Header(msgspec.Struct, frozen=True, kw_only=True, tag="header"):
    """First record of a log: what was to be done, by whom, with what. Never a condition or a trial arm."""

    schema_version: int
    software_version: str
    study_id: str
    session_uuid: str
    participant_id: str
    visit: int
    operator_id: str
    simulated: bool
    seed: int
    clock: str
    utc_offset_s: int
    protocol_id: str
    protocol_version: str
    protocol_sha256: str
    protocol_text: str
    station_id: str
    station_text: str
    participant_model: str  # simulated visits: the model's text; else empty
    n_planned: int


class Instruments(msgspec.Struct, frozen=True, kw_only=True, tag="instruments"):
    """Identities of the instruments that answered; again after every resume."""

    instruments: tuple[InstrumentEntry, ...]


class TrialStart(msgspec.Struct, frozen=True, kw_only=True, tag="trial_start", omit_defaults=True):
    """An attempt begins. Written before anything can reach the skin."""

    sequence_index: int
    attempt: int
    step_id: str
    block: str
    modality: Modality
    site_code: str
    side: str
    repeat_index: int
    is_practice: bool
    supersedes: int | None = None


class State(msgspec.Struct, frozen=True, kw_only=True, tag="state"):
    """The trial entered another state."""

    sequence_index: int
    attempt: int
    state: str


class Trace(msgspec.Struct, frozen=True, kw_only=True, tag="trace"):
    """A run of samples of one attempt. ``t_s`` counts from the attempt's start; ``value`` in ``unit``."""

    sequence_index: int
    attempt: int
    unit: str  # UCUM: "Cel" | "kPa"
    t_s: Sequence[float]
    value: Sequence[float]


class Trial(msgspec.Struct, frozen=True, kw_only=True, tag="trial"):
    """One attempt, valid or not: the row of the tidy table. Values in ``unit_ucum``; None where nothing was measured.

    ``value_at_response``: last value measured before the response (interpolated where the press has its own time).
    ``value_peak``: greatest excursion measured in the attempt. ``value_reported``: after the protocol's rounding,
    decimal half-up, and the protocol's choice of reading; ``value_display`` is the same in ``display_unit``.
    """

    sequence_index: int
    attempt: int
    block: str
    step_id: str
    modality: Modality
    method: str
    site_code: str
    side: str
    repeat_index: int
    is_practice: bool
    instrument: str  # driver name
    source: str  # "device" | "operator": who read the value
    start_value: float
    rate_commanded: float
    rate_achieved_mean: float | None
    rate_achieved_sd: float | None
    rate_flag: str  # "" | "slow" | "fast": outside the protocol's band around the commanded rate
    cutoff: float
    return_rate: float | None
    settle_s: float | None
    isi_s: float | None
    value_at_response: float | None
    value_peak: float | None
    value_reported: float | None
    unit_ucum: str
    value_display: float | None
    display_unit: str
    response_latency_s: float | None
    ramp_duration_s: float | None
    outcome: Outcome
    censoring: Censoring
    valid: bool
    invalid_reason: str
    supersedes: int | None
    raw_text: str
    time_ge_43_s: float | None
    cem43_min: float | None
    omega: float | None
    n_samples: int
    trace_sha256: str
    t_start_s: float


class Prompt(msgspec.Struct, frozen=True, kw_only=True, tag="prompt", omit_defaults=True):
    """The operator was asked something."""

    prompt: str
    kind: str
    text: str
    sequence_index: int | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag="answer", omit_defaults=True):
    """The operator's answer, as given."""

    prompt: str
    answer: str
    reason: str = ""
    by: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True, tag="decision", omit_defaults=True):
    """A judgement on a recorded attempt. ``accept`` | ``invalid`` | ``skip``; later decisions win, none is removed."""

    sequence_index: int
    attempt: int
    decision: str
    reason: str = ""
    by: str = ""


class Note(msgspec.Struct, frozen=True, kw_only=True, tag="note", omit_defaults=True):
    """A free remark of the operator."""

    text: str
    by: str = ""
    sequence_index: int | None = None


class AdverseEvent(msgspec.Struct, frozen=True, kw_only=True, tag="adverse_event", omit_defaults=True):
    """An adverse event, in the operator's words."""

    text: str
    by: str = ""
    sequence_index: int | None = None


class Deviation(msgspec.Struct, frozen=True, kw_only=True, tag="deviation", omit_defaults=True):
    """The visit differed from the protocol: a shortened rest, a skipped trial, a rate out of its band."""

    kind: str
    text: str
    sequence_index: int | None = None


class Pause(msgspec.Struct, frozen=True, kw_only=True, tag="pause"):
    """The visit was paused (``paused``) or went on."""

    paused: bool
    by: str


class Stop(msgspec.Struct, frozen=True, kw_only=True, tag="stop"):
    """Somebody stopped something: who, what for, and in which state it found the visit."""

    cause: str
    state: str


class Fault(msgspec.Struct, frozen=True, kw_only=True, tag="fault", omit_defaults=True):
    """An instrument, a link or the log failed. ``code`` is the error's stable code."""

    code: str
    what: str
    where: str = ""
    did: str = ""
    remedy: str = ""
    sequence_index: int | None = None


class Resume(msgspec.Struct, frozen=True, kw_only=True, tag="resume"):
    """A later process went on with this log. ``torn`` holds, as text, what a torn last line had held."""

    software_version: str
    operator_id: str
    clock: str
    seed: int
    torn: str
    next_sequence_index: int


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One summary value of the protocol. ``mean`` of the reported values, ``mean_unrounded`` as sensitivity."""

    id: str
    label: str
    modality: Modality
    rule: str
    unit_ucum: str
    display_unit: str
    n_planned: int
    n_valid: int
    n_censored: int
    mean: float | None
    mean_display: float | None
    mean_unrounded: float | None
    sd: float | None
    median: float | None
    min: float | None
    max: float | None


class End(msgspec.Struct, frozen=True, kw_only=True, tag="end"):
    """Last record of a session that ended by itself. A log without one reads as interrupted."""

    outcome: VisitOutcome
    reason: str
    n_trials: int
    summary: tuple[Score, ...]


Record = (
    Header
    | Instruments
    | TrialStart
    | State
    | Trace
    | Trial
    | Prompt
    | Answer
    | Decision
    | Note
    | AdverseEvent
    | Deviation
    | Pause
    | Stop
    | Fault
    | Resume
    | End
)


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What every line carries besides its record."""

    seq: int
    utc: str
    t: float
    prev: str
    hash: str
