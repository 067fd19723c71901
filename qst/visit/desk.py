"""The desk: everything that passes between the visit and its operator, with the record of it.

Notes, adverse events and pauses are taken at any moment, whatever else is going on, and are in the log before anything
else happens. A stop is no message: whoever stops throws the abort switch. An operator that has no thread of its own
(automatic, scripted) may say it here; then it is thrown here.
"""

from typing import Protocol

from qst.abort import AbortCause, Aborted, AbortSwitch
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
#: What the visit does when it asks nothing and no rest runs.
_STIMULUS = "visit"


class LogSink(Protocol):
    """What the visit needs of a log."""

    def write(self, record: records.Record) -> str:
        """Append a record; returns its hash. Raises LogWriteError."""

    def commit(self) -> None:
        """Return only when everything written is on the disk. Raises LogWriteError, and Aborted while it waits."""

    def check(self) -> None:
        """Raise LogWriteError if what was written before did not get there. Costs next to nothing."""


class Desk:
    """Sorts what the operator says, and records it.

    Args:
        operator: whoever runs the visit.
        log: the visit's log.
        clock: the visit's clock.
        abort: thrown when the operator says that something must stop.
        by: operator id for the records.

    Attributes:
        doing: what the visit waits for: a kind of prompt, or ``rest``; a stop finds it here.
    """

    def __init__(self, operator: Operator, log: LogSink, clock: Clock, abort: AbortSwitch, by: str) -> None:
        self._operator = operator
        self._log = log
        self._clock = clock
        self._abort = abort
        self.by = by
        self._prompts = 0
        self._answers: list[Answered] = []
        self._rest_skip: str | None = None
        self.follows_samples = operator.follows_samples
        self.pause_asked = False
        self._pause_at_once = False  # it was asked for while a question stands
        self._resting = False
        self.doing = _STIMULUS
        self.sequence_index: int | None = None  # the trial that remarks belong to

    def tell(self, event: LiveEvent) -> None:
        """Let the operator see what happened."""
        self._operator.tell(event)

    def listen(self) -> None:
        """Take in whatever the operator has said. Never waits. Raises Aborted when it was a stop."""
        for command in self._operator.poll():
            match command:
                case StopAsked(cause=cause):
                    self._abort.throw(cause)
                case PauseAsked():
                    self._take_pause()
                case RestSkipped(reason=reason):
                    self._skip_rest(reason)
                case NoteTaken():
                    self._take_note(command)
                case Answered():
                    self._answers.append(command)
        self._abort.check()

    def _take_pause(self) -> None:
        if self.doing == PromptKind.PAUSED.value and not self._answers:  # with its answer said, it is another pause
            self.tell(Remark("     the visit is paused already"))
            return
        self.pause_asked = self._pause_at_once = True
        if self.doing == _STIMULUS:
            self.tell(Remark("     a pause is asked for; it begins when no stimulus is running"))

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

        A pause that is asked for while the question stands begins at once; afterwards the question is asked anew.

        Raises:
            Aborted: a stop came instead of an answer.
        """
        before, self.doing = self.doing, kind.value
        while True:
            prompt = self._present(kind, text, choices, suggested or choices[0], planned, attempt)
            answer = self._await(prompt)
            if answer is not None:
                break
            self.pause_if_asked()
        self.doing = before
        self._log.write(
            records.Answer(
                prompt=prompt.id, answer=answer.text or answer.choice.value, reason=answer.reason, by=self.by
            )
        )
        return answer

    def _present(
        self,
        kind: PromptKind,
        text: str,
        choices: tuple[Choice, ...],
        suggested: Choice,
        planned: PlannedTrial | None,
        attempt: int,
    ) -> OperatorPrompt:
        self._prompts += 1
        prompt = OperatorPrompt(
            id=f"q{self._prompts}",
            kind=kind,
            text=text,
            choices=choices,
            suggested=suggested,
            planned=planned,
            attempt=attempt,
        )
        index = planned.sequence_index if planned else None
        self._log.write(records.Prompt(prompt=prompt.id, kind=kind.value, text=text, sequence_index=index))
        self._operator.present(prompt)
        return prompt

    def _await(self, prompt: OperatorPrompt) -> Answered | None:
        """The answer; None, and the question is withdrawn, when a pause comes first."""
        self._pause_at_once = False  # one that was asked for before, during a stimulus, waits for this answer
        try:
            while not self._pause_at_once:
                self.listen()
                answers, self._answers = self._answers, []
                for answer in answers:
                    if answer.prompt_id == prompt.id and answer.choice in prompt.choices:
                        return answer
                if not self._pause_at_once:
                    self._clock.sleep(WAIT_STEP_S)
        except Aborted:
            self._operator.retract()
            raise
        self._operator.retract()
        return None

    def rest(self, until_s: float) -> str | None:
        """Wait until ``until_s`` (host time). Returns the reason when the operator cut it short, else None.

        Raises:
            Aborted: a stop came.
        """
        before, self.doing, self._resting = self.doing, "rest", True
        try:
            reason = self._wait(until_s)
        finally:
            self._resting = False
        self.doing = before
        return reason

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
            Aborted: a stop came, or the operator ended the visit.
        """
        if not self.pause_asked:
            return False
        self.pause_asked = False
        self._log.write(records.Pause(paused=True, by=self.by))
        self._log.commit()
        answer = self.ask(PromptKind.PAUSED, "The visit is paused.", (Choice.OK, Choice.END))
        self._log.write(records.Pause(paused=False, by=self.by))
        if answer.choice is Choice.END:
            self.doing = PromptKind.PAUSED.value  # where this stop finds the visit
            self._abort.throw(AbortCause.OPERATOR_STOP)
            self._abort.check()
        return True
