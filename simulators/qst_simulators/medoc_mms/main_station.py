"""Medoc Main Station: which command it takes in which state, and what it does.

The accept and reject matrix is not public; the table below is inferred from the documents and from what public clients
report, and every row of it is a choice of the simulator (SIM).
"""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from qst_drivers.wire.marks import MESSAGE_MARK
from qst_drivers.wire.mms import Command, ReceivedRequest, ReturnCode, SystemState, TestState
from qst_drivers.wire.mms_reply import BODY_FULL, BODY_WITHOUT_TEMPERATURE, Reply
from qst_simulators.faults import Moment, Moments
from qst_simulators.medoc_mms.settings import Program, Settings
from qst_simulators.medoc_mms.thermode import SimulatedThermode
from qst_simulators.surroundings import ButtonLine
from qst_simulators.world import Event, World


class State(Enum):
    """Where MMS is. The value is the name it gives itself in a refusal."""

    NOT_LISTENING = "Idle"
    LISTENING = "Rest"
    SELECTED = "Program selected"
    PRETEST = "Pre-test"
    WAITING_FOR_START = "Ready for test"
    WAITING_FOR_TRIGGER = "Waiting for trigger"
    STIMULATING = "Test running"
    RETURNING = "Returning to baseline"
    PAUSED = "Paused"
    FINALISING = "Finalising"
    SAFE_MODE = "Safe mode"


class Row(NamedTuple):
    """One row of the state table: what a status tells, what is accepted, how the rest is refused."""

    system: int
    test: int
    accepts: frozenset[int]
    refusal: int


def _row(system: int, test: int, refusal: int, *accepts: Command) -> Row:
    # Plain integers: rows are read in every status, and members of an enumeration are slow to compare and to pack.
    return Row(int(system), int(test), frozenset(map(int, (Command.GET_STATUS, *accepts))), int(refusal))


_IN_STIMULUS = (
    *(Command.PAUSE, Command.STOP, Command.ABORT, Command.YES, Command.NO),
    *(Command.COVAS, Command.VAS, Command.KEYUP),
)
_GET_STATUS = int(Command.GET_STATUS)
_OK = int(ReturnCode.OK)
_SYSTEM, _TEST = ReturnCode.ILLEGAL_STATE, ReturnCode.ILLEGAL_TEST_STATE

STATE_TABLE: dict[State, Row] = {
    State.NOT_LISTENING: _row(SystemState.IDLE, TestState.IDLE, _SYSTEM),
    State.LISTENING: _row(SystemState.READY, TestState.IDLE, _SYSTEM, Command.SELECT_TP),
    State.SELECTED: _row(SystemState.TEST, TestState.READY, _TEST, Command.START, Command.STOP, Command.ABORT),
    # A trigger in the pre-test is answered OK and lost.
    State.PRETEST: _row(SystemState.TEST, TestState.RUNNING, _TEST, Command.TRIGGER, Command.STOP, Command.ABORT),
    State.WAITING_FOR_START: _row(SystemState.TEST, TestState.READY, _TEST, Command.START, Command.STOP, Command.ABORT),
    State.WAITING_FOR_TRIGGER: _row(
        *(SystemState.TEST, TestState.RUNNING, _TEST),
        *(Command.PAUSE, Command.TRIGGER, Command.STOP, Command.ABORT, Command.SPECIFY_NEXT),
    ),
    State.STIMULATING: _row(SystemState.TEST, TestState.RUNNING, _TEST, *_IN_STIMULUS),
    State.RETURNING: _row(SystemState.TEST, TestState.RUNNING, _TEST, *_IN_STIMULUS),
    State.PAUSED: _row(
        *(SystemState.TEST, TestState.PAUSED, _TEST),
        *(Command.START, Command.PAUSE, Command.STOP, Command.ABORT),
    ),
    State.FINALISING: _row(SystemState.TEST, TestState.IDLE, _TEST, Command.ABORT),
    State.SAFE_MODE: _row(SystemState.IDLE, TestState.IDLE, ReturnCode.SAFETY_ERROR),
}

_MOMENTS = {
    State.PRETEST: Moment.ADAPT,
    State.WAITING_FOR_TRIGGER: Moment.SETTLE,
    State.WAITING_FOR_START: Moment.SETTLE,
    State.STIMULATING: Moment.RAMP,
    State.RETURNING: Moment.RETURN,
}


class MainStation:
    """MMS with its thermode and the participant's button.

    Args:
        world: time and chance.
        settings: checked settings.
        button: the participant's response unit; its edges end a stimulus in Limits.
    """

    def __init__(self, world: World, settings: Settings, button: ButtonLine) -> None:
        self._world, self._settings, self._button = world, settings, button
        self.thermode = SimulatedThermode(
            world, settings, on_limit=self._end_stimulus, on_safety_error=self._safety_error
        )
        self.moments = Moments()
        self._message = b""
        self.ignores_stop = False  # STOP and ABORT are answered, and nothing happens
        self.ignores_button = False
        self.state = State.LISTENING if settings.listening else State.NOT_LISTENING
        self._changed_s = -settings.state_change_deafness_s
        self._program: Program | None = None
        self._trials_left = 0
        self._test_began_s: float | None = None
        self._next: Event | None = None  # the one step that MMS will take by itself
        self._yes_latch = False
        self._yes_by_command = False
        self._actions: dict[int, Callable[[], None]] = {
            Command.START: self._start,
            Command.PAUSE: self._pause,
            Command.TRIGGER: self._trigger,
            Command.STOP: self._stop,
            Command.ABORT: self._abort,
            Command.YES: self._yes,
            Command.KEYUP: self._key_up,
        }
        self._rows = dict(STATE_TABLE)
        if settings.pretest_state == "ready":
            self._rows[State.PRETEST] = STATE_TABLE[State.PRETEST]._replace(test=int(TestState.READY))
        self._row = self._rows[self.state]
        button.listeners.append(self._button_edge)

    def answer(self, request: ReceivedRequest) -> Reply:
        """Carry a request out, now, and report."""
        command = request.command
        if command == _GET_STATUS:
            status = self._report(request, self._row.refusal if self.state is State.SAFE_MODE else _OK)
            return status if self._message == b"" else status._replace(message=self._message)
        if command not in self._row.accepts:
            return self._refuse(request)
        if self._world.now_s - self._changed_s < self._settings.state_change_deafness_s:
            return self._report(request, _OK)
        if command == Command.SELECT_TP:
            return self._select(request)
        if command in self._actions:
            self._actions[command]()
        return self._report(request, _OK)

    def announce(self) -> None:
        """Say in every status that this is a simulation: MMS tells no identity in which it could stand.

        The oldest generation's body would read as a longer one then; it tells no temperature, and no driver takes it.
        """
        if self._settings.generation != BODY_WITHOUT_TEMPERATURE:
            self._message = MESSAGE_MARK

    def enter_safe_mode(self) -> None:
        """The device has stopped by itself and rests; only its operator can clear it."""
        self.thermode.to_rest()
        self._safety_error()

    def leave_test(self) -> None:
        """The operator leaves the screen on which MMS listens, or MMS starts anew: whatever ran is over."""
        self._listen()
        self._enter(State.NOT_LISTENING)

    def operator_clears(self) -> None:
        """The operator fixed the cause of Safe Mode or left another screen, and pressed "Go to Test"."""
        if self.state in (State.SAFE_MODE, State.NOT_LISTENING):
            self._enter(State.LISTENING)

    # Commands

    def _refuse(self, request: ReceivedRequest) -> Reply:
        if request.command not in Command.__members__.values():
            return self._report(request, ReturnCode.ILLEGAL_ARG, f"Unknown command {request.command}")
        text = f"{Command(request.command).name} is not allowed; current state is {self.state.value}"
        return self._report(request, self._row.refusal, text)

    def _select(self, request: ReceivedRequest) -> Reply:
        program = self._settings.words.get(-1 if request.parameter is None else request.parameter)
        if program is None:
            return self._report(request, ReturnCode.ILLEGAL_ARG, f"Unknown test program {request.parameter}")
        self._program, self._trials_left = program, program.trials
        if self._settings.auto_start:
            self._begin_pretest(program)
        else:
            self._enter(State.SELECTED)
        return self._report(request, _OK)

    def _start(self) -> None:
        program = self._chosen()
        if self.state is State.SELECTED:
            self._begin_pretest(program)
        elif self.state is State.WAITING_FOR_START:
            self._begin_stimulus(program)
        else:
            self._wait(program)

    def _pause(self) -> None:
        """SIM: to baseline, the present trial is lost; PAUSE or START goes on waiting for the next onset."""
        if self.state is State.PAUSED:
            self._wait(self._chosen())
        else:
            self.thermode.to_baseline(self._chosen())
            self._enter(State.PAUSED)

    def _trigger(self) -> None:
        if self.state is State.WAITING_FOR_TRIGGER:
            self._begin_stimulus(self._chosen())

    def _stop(self) -> None:
        """SIM: to the program's baseline, unless the pre-test never began; to rest when the test is finalised."""
        if self.ignores_stop:
            return
        if self.state is not State.SELECTED:
            self.thermode.to_baseline(self._chosen())
        self._finalise()

    def _abort(self) -> None:
        if not self.ignores_stop:
            self._listen()

    def _yes(self) -> None:
        self._yes_by_command = True
        self._end_stimulus()

    def _key_up(self) -> None:
        self._yes_by_command = False

    # What happens by itself

    def _chosen(self) -> Program:
        if self._program is None:
            raise RuntimeError("no state that needs a program can be entered without one")
        return self._program

    def _begin_pretest(self, program: Program) -> None:
        """SIM: the pre-test lasts as long as it lasts, and until the plate has arrived at the baseline."""
        now_s = self._world.now_s
        self._test_began_s = now_s
        self.thermode.to_baseline(program)
        self._enter(State.PRETEST)
        over_s = max(now_s + self._settings.pretest_s, self.thermode.arrived_s(program.baseline_c))
        self._then(over_s, lambda: self._wait(program))

    def _wait(self, program: Program) -> None:
        self._enter(State.WAITING_FOR_TRIGGER if program.onset == "trigger" else State.WAITING_FOR_START)

    def _begin_stimulus(self, program: Program) -> None:
        self._yes_latch = self._yes_by_command = False
        self.thermode.ramp(program)
        self._enter(State.STIMULATING)

    def _end_stimulus(self) -> None:
        """The button, YES or the temperature limiter: back to baseline at the return rate."""
        if self.state is not State.STIMULATING:
            return
        program = self._chosen()
        self.thermode.to_baseline(program)
        self._enter(State.RETURNING)
        self._then(self.thermode.arrived_s(program.baseline_c), self._end_trial)

    def _end_trial(self) -> None:
        self._trials_left -= 1
        if self._trials_left:
            self._wait(self._chosen())
        else:
            self._finalise()

    def _finalise(self) -> None:
        self._enter(State.FINALISING)
        self._then(self._world.now_s + self._settings.finalise_s, self._listen)

    def _listen(self) -> None:
        """SIM: without a test the device is in its rest mode and goes to the rest temperature."""
        self.thermode.to_rest()
        self._test_began_s = None
        self._yes_latch = self._yes_by_command = False
        self._enter(State.LISTENING)

    def _safety_error(self) -> None:
        self._test_began_s = None
        self._enter(State.SAFE_MODE)

    def _button_edge(self, pressed: bool) -> None:
        if pressed:
            self._yes_latch = self._row.system == SystemState.TEST
            if not self.ignores_button:
                self._end_stimulus()

    def _enter(self, state: State) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self.state = state
        self._row = self._rows[state]
        self._changed_s = self._world.now_s
        moment = _MOMENTS.get(state)
        if moment is not None:
            self.moments.enter(moment)

    def _then(self, time_s: float, action: Callable[[], None]) -> None:
        self._next = self._world.at(time_s, action)

    # Replies

    def _report(self, request: ReceivedRequest, code: int, text: str = "") -> Reply:
        row, settings = self._row, self._settings
        began_s = self._test_began_s
        test_ms = 0 if began_s is None else round((self._world.now_s - began_s) * 1000) & 0xFFFF_FFFF
        timestamp, command = request.timestamp, request.command
        message = text.encode("latin-1") if text else b""
        generation = settings.generation
        if generation == BODY_WITHOUT_TEMPERATURE:
            head = (timestamp, command, row.system, row.test, code, test_ms)
            return Reply(*head, message=message, generation=generation)
        pressed = self._yes_latch if settings.yes_latched else self._button.pressed
        yes = 1 if pressed or self._yes_by_command else 0
        ttl = 0 if generation == BODY_FULL else None
        hundredths_c = self.thermode.reading_hundredths_c()
        states = (row.system, row.test, code, test_ms)
        return Reply(timestamp, command, *states, hundredths_c, 0, yes, 0, ttl, message, generation)
