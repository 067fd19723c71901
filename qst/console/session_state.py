"""What the page knows about the visit: the last word of the engine, kept where every page can attach at any time."""

from collections import deque
from enum import StrEnum
from pathlib import Path

from qst.console import messages
from qst.console.messages import Asked, Began, Ended, Entered, Event, Finished, Judged, Next, Ready, Refused, TrialCard
from qst.visit.operator import Choice

#: So many readings of the running attempt are kept for pages that attach later.
MOST_READINGS = 4000
#: So many remarks are shown.
MOST_REMARKS = 8


class Phase(StrEnum):
    """Where the console is."""

    START = "start"  # nothing runs: choose a visit
    STARTING = "starting"  # the engine gets it ready
    RUNNING = "running"
    ENDED = "ended"


class Mark(StrEnum):
    """What became of a trial, on the body map."""

    OPEN = "open"
    CURRENT = "current"
    DONE = "done"
    CENSORED = "censored"
    INVALID = "invalid"  # left without a valid attempt


def mark_of(outcome: str, *, valid: bool) -> Mark:
    """What a trial's last attempt makes of it."""
    if not valid:
        return Mark.INVALID
    return Mark.DONE if outcome == "response" else Mark.CENSORED


class VisitState:
    """One visit as its events tell it. Not for threads: the server's loop owns it."""

    def __init__(self) -> None:
        self.phase = Phase.STARTING
        self.ready: Ready | None = None
        self.refused: Refused | None = None
        self.finished: Finished | None = None
        self.prompt: Asked | None = None
        self.answering = False  # an answer is on its way to the engine
        self.side_confirmed = False  # the operator has named the side of the trial that is to be placed
        self.read_aloud = False  # the operator has ticked that the text of the question was read to the participant
        self.current: TrialCard | None = None
        self.attempt = 0
        self.attempt_runs = False
        self.trial_state = ""
        self.state_since_s = 0.0
        self.rest_left_s = 0.0
        self.elapsed_s = 0.0
        self.pacing: messages.Pacing | None = None
        self.release = False
        self._hand_alarm: messages.Alarmed | None = None
        self._lasting_alarm: messages.Alarmed | None = None
        self.readings: deque[tuple[float, float]] = deque(maxlen=MOST_READINGS)
        self.last: Ended | None = None
        self.results: dict[int, Ended] = {}  # the last attempt at each trial
        self.skipped: set[int] = set()
        self._earlier: dict[int, Mark] = {}  # before a resume
        self.remarks: deque[str] = deque(maxlen=MOST_REMARKS)
        self.stop_seen = ""
        self.pause_asked = False

    @property
    def alarm(self) -> messages.Alarmed | None:
        """What must be heard: a hand that presses comes before everything that is still true when it has let go."""
        return self._hand_alarm or self._lasting_alarm

    def card(self, sequence_index: int | None) -> TrialCard | None:
        """The trial with this number."""
        if self.ready is None or sequence_index is None or not 0 < sequence_index <= len(self.ready.trials):
            return None
        return self.ready.trials[sequence_index - 1]

    @property
    def n_trials(self) -> int:
        """How many trials the plan has."""
        return 0 if self.ready is None else len(self.ready.trials)

    @property
    def log(self) -> Path | None:
        """The visit's log; None before the engine has said so."""
        return None if self.ready is None else Path(self.ready.log)

    @property
    def simulated(self) -> bool | None:
        """Whether this visit is simulated; None before the engine has said so."""
        return None if self.ready is None else self.ready.simulated

    @property
    def stimulus_may_run(self) -> bool:
        """Whether something may be on the skin because of this visit right now."""
        return self.attempt_runs and self.trial_state not in ("", "done")

    @property
    def left_s(self) -> float:
        """How long the trials from the present one on are expected to take, s."""
        if self.ready is None or not self.ready.trials:
            return 0.0
        behind = self.ready.n_done if self.current is None else self.current.sequence_index - 1
        done = self.card(behind)
        return self.ready.trials[-1].expected_end_s - (0.0 if done is None else done.expected_end_s)

    def mark(self, card: TrialCard) -> Mark:
        """What became of a trial so far."""
        index = card.sequence_index
        if self.current is not None and index == self.current.sequence_index and self.phase is Phase.RUNNING:
            return Mark.CURRENT
        result = self.results.get(index)
        if index in self.skipped:
            return Mark.INVALID
        if result is None:
            return self._earlier.get(index, Mark.OPEN)
        return mark_of(result.outcome, valid=result.valid)

    # -- events ---------------------------------------------------------------------------------------------------

    def apply(self, event: Event) -> None:  # noqa: C901, PLR0912 - one case for each kind of event, nothing nested
        """Take in what the engine said."""
        match event:
            case Ready():
                self.ready, self.phase = event, Phase.RUNNING
                if event.earlier_log:
                    log, earlier = Path(event.log).name, Path(event.earlier_log).name
                    self.remarks.append(f"this visit has a log from before, {earlier}; this one is {log}")
                self._earlier = {index: Mark(mark) for index, mark in event.earlier}
            case Refused():
                self._ends()
                self.refused = event
            case Finished():
                self._ends()
                self.finished = event
            case Asked():
                self._asked(event)
            case messages.Withdrawn(prompt_id=prompt_id):
                if self.prompt is not None and self.prompt.prompt_id == prompt_id:
                    self.prompt, self.answering = None, False
            case Next() | Began():
                self._moves_on(event)
            case Entered():
                self._entered(event)
            case messages.Samples(readings=readings):
                self.readings.extend(readings)
            case Ended():
                self._ended(event)
            case Judged():
                self._judged(event)
            case messages.Alarmed():
                if event.lasting:
                    self._lasting_alarm = event
                else:
                    self._hand_alarm = event
            case messages.ReleaseNow():
                self.release = True
            case messages.Pacing():
                self.pacing = event
            case messages.Ticked(elapsed_s=elapsed_s):
                self.elapsed_s = elapsed_s
            case messages.Resting(left_s=left_s):
                self.rest_left_s = left_s
            case messages.Remarked(text=text):
                self.remarks.append(text)
            case messages.StopSeen(cause=cause):
                self.stop_seen = cause.value

    def _asked(self, event: Asked) -> None:
        self.prompt, self.answering, self.side_confirmed, self.read_aloud = event, False, False, False
        self.rest_left_s = 0.0
        self.current = self.card(event.sequence_index) or self.current
        if event.kind == "paused":
            self.pause_asked = False

    def _moves_on(self, event: Next | Began) -> None:
        self.current = self.card(event.sequence_index)
        self.trial_state, self.stop_seen, self.release, self.pacing = "", "", False, None
        self._hand_alarm = self._lasting_alarm = None
        self.readings.clear()
        if isinstance(event, Began):
            self.attempt, self.attempt_runs, self.last = event.attempt, True, None

    def _entered(self, event: Entered) -> None:
        self.trial_state, self.state_since_s = event.state, event.time_s
        if event.state == "ramp":
            self.readings.clear()
            self.release = False

    def _ended(self, event: Ended) -> None:
        self.attempt_runs, self.pacing = False, None
        self._hand_alarm = None  # it has let go
        self.last = self.results[event.sequence_index] = event

    def _judged(self, event: Judged) -> None:
        if event.choice is Choice.SKIP:
            self.skipped.add(event.sequence_index)

    def _ends(self) -> None:
        self.phase, self.prompt, self.current, self.attempt_runs = Phase.ENDED, None, None, False
        self.trial_state, self.rest_left_s, self.pacing = "", 0.0, None
