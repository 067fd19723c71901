"""The operator behind a page: prompts go out as messages, what the page says comes back from ``poll``.

Commands arrive in a thread of their own; the engine takes them when it looks. A stop does not wait for that: the thread
throws it where everything that waits is woken.
"""

import threading
from collections import deque
from collections.abc import Sequence

from qst.abort import AbortCause, AbortSwitch
from qst.clock import Clock
from qst.console import messages
from qst.console.cards import ended_card
from qst.console.messages import Command, Event
from qst.console.outbox import Outbox
from qst.visit.button import KeyButton
from qst.visit.operator import (
    Alarm,
    Answered,
    Choice,
    LiveEvent,
    Measured,
    NoteTaken,
    OperatorCommand,
    OperatorPrompt,
    Pace,
    PauseAsked,
    PromptKind,
    ReleaseNow,
    Remark,
    RestLeft,
    RestSkipped,
    StateEntered,
    StopAsked,
    TrialBegan,
    TrialEnded,
    TrialNext,
)

#: What separates the instruction to the operator from the text for the participant in a prompt.
_READ_ALOUD = "\nRead aloud: "
#: How often a page learns how long the visit has taken, s of the visit's clock.
TICK_S = 5.0


class PageOperator:
    """Implements :class:`qst.visit.operator.Operator` over messages.

    Args:
        outbox: where events go.
        clock: the visit's clock.
        abort: thrown at once by every stop.
        button: the participant's button, when a key of the page is it.
    """

    follows_samples = True

    def __init__(self, outbox: Outbox, clock: Clock, abort: AbortSwitch, button: KeyButton | None) -> None:
        self._outbox = outbox
        self._clock = clock
        self._abort = abort
        self._button = button
        self._said: deque[Command] = deque()
        self._lock = threading.Lock()
        self._prompt: OperatorPrompt | None = None
        self._attempt_runs = False
        self._began_s = self._ticked_s = clock.monotonic()

    @property
    def on_skin(self) -> bool:
        """Whether an attempt is under way: then something may be on the skin."""
        return self._attempt_runs

    # -- from the thread that reads commands ----------------------------------------------------------------------

    def take(self, command: Command) -> None:
        """A command came. A stop breaks into whatever the engine does; the rest waits until it looks."""
        if isinstance(command, messages.Stop):
            self._abort.throw(command.cause)
            self._outbox.put(messages.StopSeen(cause=command.cause))
            return
        if isinstance(command, messages.MoveButton):
            if self._button is not None:
                self._button.move(pressed=command.pressed)  # now: its time is what counts
            return
        with self._lock:
            self._said.append(command)

    # -- from the engine's thread ---------------------------------------------------------------------------------

    def present(self, prompt: OperatorPrompt) -> None:
        """Show a question."""
        self._prompt = prompt
        text, _, read_aloud = prompt.text.partition(_READ_ALOUD)
        self._outbox.put(
            messages.Asked(
                prompt_id=prompt.id,
                kind=prompt.kind,
                text=text,
                read_aloud=read_aloud,
                choices=prompt.choices,
                suggested=prompt.suggested,
                sequence_index=prompt.planned.sequence_index if prompt.planned is not None else None,
                attempt=prompt.attempt,
            )
        )

    def retract(self) -> None:
        """The question no longer matters."""
        if self._prompt is not None:
            self._outbox.put(messages.Withdrawn(prompt_id=self._prompt.id))
            self._prompt = None

    def poll(self) -> Sequence[OperatorCommand]:
        """What the page has said since the last call."""
        now_s = self._clock.monotonic()
        if now_s - self._ticked_s >= TICK_S:
            self._ticked_s = now_s
            self._outbox.put(messages.Ticked(elapsed_s=now_s - self._began_s))
        if not self._said:
            return ()
        with self._lock:
            said, self._said = self._said, deque()
        return [told for command in said for told in self._translated(command)]

    def tell(self, event: LiveEvent) -> None:
        """Pass on to the page."""
        match event:
            case Measured(time_s=time_s, value=value):
                self._outbox.reading(time_s, value)
            case StateEntered(state=state):
                self._outbox.put(messages.Entered(state=state, time_s=self._clock.monotonic()))
            case TrialNext() | TrialBegan() | TrialEnded():
                self._tell_trial(event)
            case _:
                self._outbox.put(_passing(event))

    def _tell_trial(self, event: TrialNext | TrialBegan | TrialEnded) -> None:
        index = event.planned.sequence_index
        match event:
            case TrialNext():
                self._outbox.put(messages.Next(sequence_index=index))
            case TrialBegan(attempt=attempt):
                self._attempt_runs = True
                self._outbox.put(messages.Began(sequence_index=index, attempt=attempt))
            case TrialEnded(trial=trial, planned=planned):
                self._attempt_runs = False
                self._outbox.put(ended_card(trial, planned))

    # -- what a command means -------------------------------------------------------------------------------------

    def _translated(self, command: Command) -> Sequence[OperatorCommand]:
        match command:
            case messages.Answer():
                return self._answered(command)
            case messages.ViewsLost(why=why):
                return self._unwatched(why)
        told = _plain(command)
        return () if told is None else (told,)

    def _answered(self, answer: messages.Answer) -> Sequence[OperatorCommand]:
        """The answer, if it is one to the question that stands: a late click on an older one means nothing."""
        prompt = self._prompt
        if prompt is None or answer.prompt_id != prompt.id or answer.choice not in prompt.choices:
            return ()
        self.retract()
        if prompt.planned is not None and prompt.kind in (PromptKind.JUDGE, PromptKind.FAULT, PromptKind.UNFINISHED):
            self._outbox.put(
                messages.Judged(
                    sequence_index=prompt.planned.sequence_index,
                    attempt=prompt.attempt,
                    choice=answer.choice,
                    reason=answer.reason,
                )
            )
        return (Answered(prompt_id=prompt.id, choice=answer.choice, text=answer.text, reason=answer.reason),)

    def _unwatched(self, why: str) -> Sequence[OperatorCommand]:
        """Nobody can stop what runs: it ends, and the visit waits. While a question stands nothing runs."""
        if self._prompt is not None and self._prompt.kind is PromptKind.PAUSED:
            return ()
        note = NoteTaken(text=f"the visit pauses: {why}")
        running = self._attempt_runs and self._prompt is None
        return (note, StopAsked(cause=AbortCause.OPERATOR_STOP), PauseAsked()) if running else (note, PauseAsked())


def _passing(event: ReleaseNow | Alarm | Pace | RestLeft | Remark) -> Event:
    """What happens and leaves nothing behind."""
    match event:
        case ReleaseNow():
            return messages.ReleaseNow()
        case Alarm(text=text, urgent=urgent, lasting=lasting):
            return messages.Alarmed(text=text, urgent=urgent, lasting=lasting)
        case Pace(elapsed_s=elapsed_s, expected=expected):
            return messages.Pacing(elapsed_s=elapsed_s, expected=expected)
        case RestLeft(seconds=seconds):
            return messages.Resting(left_s=seconds)
        case Remark(text=text):
            return messages.Remarked(text=text.strip())


def _plain(command: Command) -> OperatorCommand | None:
    """Commands that mean the same on both sides."""
    match command:
        case messages.PausePlease():
            return PauseAsked()
        case messages.SkipRest(reason=reason):
            return RestSkipped(reason=reason)
        case messages.TakeNote(text=text, adverse=adverse):
            return NoteTaken(text=text, adverse=adverse)
    return None


#: Choices that need a reason.
NEED_REASON = frozenset({Choice.REPEAT, Choice.SKIP})
