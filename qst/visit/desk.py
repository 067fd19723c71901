"""The desk: everything that passes between the visit and its operator, with the record of it.

Notes, adverse events, pauses and stops are taken at any moment, whatever else is going on, and are in the log before
anything else happens.
"""

from typing import Protocol

from qst.abort import AbortCause
from qst.clock import Clock
from qst.protocol.plan import PlannedTrial
from qst.record import records
from qst.visit.operator import (
    Answered,
    Choice,
    LiveEvent,
    NoteTaken,
    Operator,
    OperatorPrompt,
    PauseAsked,
    PromptKind,
    Remark,
    RestLeft,
    RestSkipped,
    StopAsked,
)

#: How often the desk looks at the operator while nothing is on the skin, s.
WAIT_STEP_S = 0.1


class LogSink(Protocol):
    """What the visit needs of a log."""

    def write(self, record: records.Record) -> str:
        """Append a record; returns its hash. Raises LogWriteError."""

    def commit(self) -> None:
        """Return only when everything written is on the disk. Raises LogWriteError."""


class VisitStopped(Exception):  # noqa: N818 - control flow of the visit, not an error
    """The operator or the participant ended the visit between two stimuli.

    Args:
        cause: who ended it.
    """

    def __init__(self, cause: AbortCause) -> None:
        super().__init__(cause.value)
        self.cause = cause


class Desk:
    """Sorts what the operator says, and records it.

    Args:
        operator: whoever runs the visit.
        log: the visit's log.
        clock: the visit's clock.
        by: operator id for the records.
    """

    def __init__(self, operator: Operator, log: LogSink, clock: Clock, by: str) -> None:
        self._operator = operator
        self._log = log
        self._clock = clock
        self.by = by
        self._prompts = 0
        self._answers: list[Answered] = []
        self._rest_skip: str | None = None
        self._resting = False
        self.follows_samples = operator.follows_samples
        self.pause_asked = False
        self.stop_asked: AbortCause | None = None
        self.sequence_index: int | None = None  # the trial that remarks belong to

    def tell(self, event: LiveEvent) -> None:
        """Let the operator see what happened."""
        self._operator.tell(event)

    def listen(self) -> None:
        """Take in whatever the operator has said. Never waits."""
        for command in self._operator.poll():
            match command:
                case StopAsked(cause=cause):
                    self.stop_asked = cause
                case PauseAsked():
                    self.pause_asked = True
                    self.tell(Remark("     a pause is asked for; it begins when no stimulus is running"))
                case RestSkipped(reason=reason):
                    self._skip_rest(reason)
                case NoteTaken():
                    self._take_note(command)
                case Answered():
                    self._answers.append(command)

    def _skip_rest(self, reason: str) -> None:
        if self._resting:
            self._rest_skip = reason
        else:
            self.tell(Remark("     no rest is running; nothing was shortened"))

    def _take_note(self, note: NoteTaken) -> None:
        record: records.Record
        if note.adverse:
            record = records.AdverseEvent(text=note.text, by=self.by, sequence_index=self.sequence_index)
        else:
            record = records.Note(text=note.text, by=self.by, sequence_index=self.sequence_index)
        self._log.write(record)
        self.tell(Remark(f"     noted: {note.text}"))

    def take_stop(self) -> AbortCause | None:
        """The stop that was asked for, once."""
        cause, self.stop_asked = self.stop_asked, None
        return cause

    def ask(
        self,
        kind: PromptKind,
        text: str,
        choices: tuple[Choice, ...],
        *,
        suggested: Choice | None = None,
        planned: PlannedTrial | None = None,
        attempt: int = 0,
    ) -> Answered:
        """Ask, and wait for the answer while listening to everything else.

        Raises:
            VisitStopped: a stop came instead of an answer.
            Aborted: the abort switch was thrown.
        """
        self._prompts += 1
        prompt = OperatorPrompt(
            id=f"q{self._prompts}",
            kind=kind,
            text=text,
            choices=choices,
            suggested=suggested or choices[0],
            planned=planned,
            attempt=attempt,
        )
        index = planned.sequence_index if planned else None
        self._log.write(records.Prompt(prompt=prompt.id, kind=kind.value, text=text, sequence_index=index))
        self._operator.present(prompt)
        answer = self._await(prompt)
        self._log.write(
            records.Answer(
                prompt=prompt.id, answer=answer.text or answer.choice.value, reason=answer.reason, by=self.by
            )
        )
        return answer

    def _await(self, prompt: OperatorPrompt) -> Answered:
        while True:
            self.listen()
            self._raise_stop()
            for answer in self._answers:
                if answer.prompt_id == prompt.id and answer.choice in prompt.choices:
                    self._answers.clear()
                    return answer
            self._answers.clear()
            self._clock.sleep(WAIT_STEP_S)

    def _raise_stop(self) -> None:
        cause = self.take_stop()
        if cause is not None:
            self._operator.retract()
            raise VisitStopped(cause)

    def rest(self, until_s: float) -> str | None:
        """Wait until ``until_s`` (host time). Returns the reason when the operator cut it short, else None.

        Raises:
            VisitStopped, Aborted.
        """
        self._resting = True
        try:
            return self._wait(until_s)
        finally:
            self._resting = False

    def _wait(self, until_s: float) -> str | None:
        told_s = -1
        while True:
            left_s = until_s - self._clock.monotonic()
            if left_s <= 0:
                if told_s >= 0:
                    self.tell(RestLeft(0.0))
                return None
            if int(left_s) != told_s:
                told_s = int(left_s)
                self.tell(RestLeft(left_s))
            self._clock.sleep(min(WAIT_STEP_S, left_s))
            self.listen()
            self._raise_stop()
            self.pause_if_asked()  # a pause is rest, too: its time counts
            reason = self._take_rest_skip()
            if reason is not None:
                return reason

    def _take_rest_skip(self) -> str | None:
        reason, self._rest_skip = self._rest_skip, None
        return reason

    def pause_if_asked(self) -> bool:
        """Wait while the visit is paused. Returns whether it was.

        Raises:
            VisitStopped, Aborted.
        """
        if not self.pause_asked:
            return False
        self.pause_asked = False
        self._log.write(records.Pause(paused=True, by=self.by))
        self._log.commit()
        answer = self.ask(PromptKind.PAUSED, "The visit is paused.", (Choice.OK, Choice.END))
        self._log.write(records.Pause(paused=False, by=self.by))
        if answer.choice is Choice.END:
            raise VisitStopped(AbortCause.OPERATOR_STOP)
        return True
