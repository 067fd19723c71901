"""The operator's side of a visit: prompts out, commands in, and nothing that blocks.

``present`` shows a question; the answer comes back, like every other command, from ``poll``. So a stop is never
behind a question: whoever waits for an answer keeps polling and sees a stop at once.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from qst.abort import AbortCause
from qst.clock import Clock
from qst.protocol.plan import PlannedTrial
from qst.record.records import Trial


class PromptKind(StrEnum):
    """What the operator is asked."""

    SET_UP = "set_up"  # a step that an instrument needs once, such as a light press on the table
    PLACE = "place"  # put the instrument on the site, read the text, confirm the side
    JUDGE = "judge"  # accept, repeat or skip what was just recorded
    ENTER_VALUE = "enter_value"  # type the value that the gauge shows
    UNFINISHED = "unfinished"  # an attempt was under way when the visit was interrupted
    PAUSED = "paused"  # the visit waits
    FAULT = "fault"  # an instrument failed


class Choice(StrEnum):
    """How a prompt can be answered."""

    OK = "ok"
    ACCEPT = "accept"
    REPEAT = "repeat"  # the attempt is invalid, for a reason; make another one
    SKIP = "skip"  # the attempt is invalid, for a reason; go on without another one
    END = "end"  # end the visit here; it can be resumed


class OperatorPrompt(msgspec.Struct, frozen=True, kw_only=True):
    """A question. ``id`` is unique in a session; ``suggested`` is what an operator would usually choose."""

    id: str
    kind: PromptKind
    text: str
    choices: tuple[Choice, ...]
    suggested: Choice
    planned: PlannedTrial | None = None
    attempt: int = 0


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a prompt. ``text`` is a typed value, ``reason`` belongs to repeat and skip."""

    prompt_id: str
    choice: Choice
    text: str = ""
    reason: str = ""


class StopAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Stop what is being done: the operator's stop, the emergency stop, or the participant's word."""

    cause: AbortCause


class PauseAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Wait after the stimulus that is under way; before a ramp has begun, do not begin it."""


class RestSkipped(msgspec.Struct, frozen=True, kw_only=True):
    """Do not wait for the rest of the current rest. Recorded as a deviation with its reason."""

    reason: str


class NoteTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A remark; ``adverse`` for an adverse event."""

    text: str
    adverse: bool = False


OperatorCommand = Answered | StopAsked | PauseAsked | RestSkipped | NoteTaken


class TrialNext(msgspec.Struct, frozen=True):
    """Live: this trial comes next, after the rest and the placement."""

    planned: PlannedTrial


class TrialBegan(msgspec.Struct, frozen=True):
    """Live: an attempt began."""

    planned: PlannedTrial
    attempt: int
    n_trials: int


class StateEntered(msgspec.Struct, frozen=True):
    """Live: the trial is in another state."""

    state: str


class Measured(msgspec.Struct, frozen=True):
    """Live: a sample. ``value`` °C or kPa."""

    time_s: float
    value: float


class ReleaseNow(msgspec.Struct, frozen=True):
    """Live: the hand must let go."""


class Alarm(msgspec.Struct, frozen=True):
    """Live: something that must be heard, not only read. ``urgent``: now.

    Most are about a hand on a gauge: it presses too fast, it must let go, it presses on. They are over with their
    attempt; one that is ``lasting`` is not.
    """

    text: str
    urgent: bool
    lasting: bool = False


class Pace(msgspec.Struct, frozen=True):
    """Live: what an operator-read gauge should show now."""

    elapsed_s: float
    expected: str


class RestLeft(msgspec.Struct, frozen=True):
    """Live: a rest is under way."""

    seconds: float


class TrialEnded(msgspec.Struct, frozen=True):
    """Live: an attempt is recorded."""

    trial: Trial
    planned: PlannedTrial


class Remark(msgspec.Struct, frozen=True):
    """Live: something the operator should read."""

    text: str


LiveEvent = (
    TrialNext | TrialBegan | StateEntered | Measured | ReleaseNow | Alarm | Pace | RestLeft | TrialEnded | Remark
)


class Operator(Protocol):
    """Whoever runs the visit. No method waits."""

    @property
    def follows_samples(self) -> bool:
        """Whether to be told of every sample: a live picture is, a list of results is not."""

    def present(self, prompt: OperatorPrompt) -> None:
        """Show a question."""

    def retract(self) -> None:
        """The question shown no longer matters."""

    def poll(self) -> Sequence[OperatorCommand]:
        """Everything said since the last call, oldest first."""

    def tell(self, event: LiveEvent) -> None:
        """Something happened."""


class Hands(Protocol):
    """Simulated hands: what a simulated operator does with the instruments. Absent in a real visit."""

    @property
    def withdrew(self) -> bool:
        """Whether the simulated participant has said that it is enough."""

    def delay_s(self, kind: str, key: str) -> float:
        """How long this kind of act takes, s."""

    def place(self, *, role: str, modality: str, site_code: str, side: str, exposure: int, key: str) -> None:
        """Put the instrument on the site."""

    def press(self, *, rate_kpa_per_s: float) -> None:
        """Press the algometer where it was placed."""

    def press_on_table(self) -> None:
        """Press the gauge lightly on the table."""

    def release(self) -> None:
        """Let go, after the hand's own delay."""

    def lift(self) -> None:
        """Take the instrument off the skin."""

    def read_display(self) -> str:
        """What the gauge's display shows."""


class AutomaticOperator:
    """Answers every prompt as suggested, after the time a person would take.

    Repeats an invalid attempt as often as the protocol allows and then goes on without it.

    Args:
        clock: the visit's clock.
        hands: simulated hands, which take their time and can read a display.
        watch: told every live event, for somebody who looks on.
        follows_samples: whether ``watch`` looks at single samples.
    """

    def __init__(
        self,
        clock: Clock,
        hands: Hands | None = None,
        watch: Callable[[LiveEvent], None] | None = None,
        *,
        follows_samples: bool = False,
    ) -> None:
        self.follows_samples = follows_samples
        self._watch = watch
        self._clock = clock
        self._hands = hands
        self._due: list[tuple[float, OperatorPrompt]] = []
        self._heard = False  # the participant's word was passed on

    def present(self, prompt: OperatorPrompt) -> None:
        """Take note of the question; answer it when the time has come."""
        key = f"{prompt.planned.step_id if prompt.planned else ''}/{prompt.attempt}"
        delay_s = self._hands.delay_s(prompt.kind.value, key) if self._hands is not None else 0.0
        self._due.append((self._clock.monotonic() + delay_s, prompt))

    def _answer(self, prompt: OperatorPrompt) -> Answered:
        choice, reason, text = prompt.suggested, "", ""
        if choice is Choice.REPEAT and prompt.planned is not None and prompt.attempt >= prompt.planned.attempts_max:
            choice = Choice.SKIP
        if choice in (Choice.REPEAT, Choice.SKIP):
            reason = f"automatic operator: the attempt was {self._why_not(prompt)}"
        if prompt.kind is PromptKind.ENTER_VALUE and self._hands is not None:
            text = self._hands.read_display()
        return Answered(prompt_id=prompt.id, choice=choice, text=text, reason=reason)

    @staticmethod
    def _why_not(prompt: OperatorPrompt) -> str:
        """Why what was made does not count: a valid attempt is rejected only where somebody had done so before."""
        if prompt.kind is PromptKind.UNFINISHED:
            return "interrupted"
        return "rejected before the interruption" if Choice.ACCEPT in prompt.choices else "not valid"

    def retract(self) -> None:
        """Forget what was asked."""
        self._due.clear()

    def poll(self) -> Sequence[OperatorCommand]:
        """Answers whose time has come, and the participant's word."""
        if not self._heard and self._hands is not None and self._hands.withdrew:
            self._heard = True
            return (StopAsked(cause=AbortCause.PARTICIPANT_WITHDREW),)
        if not self._due:
            return ()
        now_s = self._clock.monotonic()
        ready = [prompt for due_s, prompt in self._due if due_s <= now_s]
        if ready:
            self._due = [item for item in self._due if item[0] > now_s]
        return [self._answer(prompt) for prompt in ready]

    def tell(self, event: LiveEvent) -> None:
        """Pass on to whoever looks on."""
        if self._watch is not None:
            self._watch(event)
