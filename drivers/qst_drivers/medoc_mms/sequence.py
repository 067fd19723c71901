"""The way of a program through MMS: selected, its pre-test, its trigger; and how a test is ended."""

from enum import Enum
from typing import Final

from qst.clock import Clock
from qst.errors import InstrumentError, InstrumentFaultError, LinkError, WireError
from qst_drivers.medoc_mms.exchange import Exchange
from qst_drivers.medoc_mms.settings import MmsProgram, Settings
from qst_drivers.medoc_mms.verdicts import (
    abort_failure,
    is_listening,
    is_running,
    is_selected,
    require_obeyed,
    state_text,
)
from qst_drivers.wire.mms import Command, SystemState, TestState
from qst_drivers.wire.mms_reply import Reply

#: Further from the start than this the ramp is not begun. Laboratories accept ±0.4 °C as "baseline reached".
START_WITHIN_C: Final = 0.5

#: A pre-test that is not over after this long needs the operator at MMS.
PRETEST_LONGEST_S: Final = 120.0

#: How often, and how far apart, an abort is tried. A command right after a change of state can be lost.
ABORT_ATTEMPTS: Final = 4
ABORT_PAUSE_S: Final = 0.25

#: How often a stop is tried, each time after a look at the state.
STOP_ATTEMPTS: Final = 2


class Phase(Enum):
    """Where a program is on its way."""

    RESTING = "nothing is selected"
    CLEARING = "an earlier test of ours is being ended"
    SELECTED = "the program is selected; its pre-test has not been started"
    PRETEST = "the pre-test runs, or is over"
    RAMPING = "the ramp was begun"


class ProgramSequence:
    """Sends each command of the way when it is due, START and TRIGGER once a trial, whatever happens.

    Args:
        exchange: with MMS.
        settings: of the station.
        clock: the visit's clock.
    """

    def __init__(self, exchange: Exchange, settings: Settings, clock: Clock) -> None:
        self._exchange = exchange
        self._settings = settings
        self._clock = clock
        self.phase = Phase.RESTING
        self._phase_s = 0.0
        self._last: Reply | None = None
        self._changed_s = 0.0  # when MMS was last seen in another state than before
        self._near_since_s: float | None = None  # since when the readings have been near the start

    # What is seen

    def see(self, reply: Reply) -> None:
        """Keep a reply, and when the state was last another one."""
        last = self._last
        if last is None or last.system_state != reply.system_state or last.test_state != reply.test_state:
            self._changed_s = self._exchange.replied_s
        self._last = reply

    def note_start(self, time_s: float, temperature_c: float, program: MmsProgram | None) -> None:
        """Keep since when the readings have been near the start of ``program``."""
        if program is None or abs(temperature_c - program.ramp.start_c) > START_WITHIN_C:
            self._near_since_s = None
        elif self._near_since_s is None:
            self._near_since_s = time_s

    def ready(self, program: MmsProgram | None) -> bool:
        """Whether the pre-test is over, as far as MMS lets anybody know, and the device waits for its trigger.

        MMS does not tell when a pre-test is over: besides the state, the time set as ``pretest`` must have passed, and
        the readings must have been near the start for as long as the rest of the way can take.
        """
        last = self._last
        if self.phase is not Phase.PRETEST or last is None or program is None or self._near_since_s is None:
            return False
        now_s = self._clock.monotonic()
        waiting = TestState.RUNNING if self._settings.begin_with == "trigger" else TestState.READY
        rest_of_way_s = START_WITHIN_C / program.ramp.return_rate_c_per_s + 1.0
        return (
            last.system_state == SystemState.TEST
            and last.test_state == waiting
            and now_s >= self._phase_s + self._settings.pretest_s
            and now_s >= self._near_since_s + rest_of_way_s
            and self._quiet()
        )

    def _quiet(self) -> bool:
        """Whether the last change of state is long enough ago for a command not to be lost."""
        return self._clock.monotonic() >= self._changed_s + self._settings.command_gap_s

    # The way there

    def enter(self, phase: Phase) -> None:
        """The program is there now."""
        self.phase = phase
        self._phase_s = self._clock.monotonic()
        self._near_since_s = None

    def advance(self, program: MmsProgram | None) -> None:
        """Send the next command on the way to the trigger, if it is due.

        Raises:
            NotReadyError: MMS refused it. InstrumentFaultError: the pre-test does not end.
            LinkError, RemoteProtocolError: no proper answer.
        """
        last = self._last
        if last is None or program is None:
            return
        if self.phase is Phase.CLEARING:
            if is_listening(last) and self._quiet():
                self._send(Command.SELECT_TP, program.word)
                self.enter(Phase.PRETEST if self._settings.auto_start else Phase.SELECTED)
        elif self.phase is Phase.SELECTED:
            if is_selected(last) and self._quiet():
                self._send(Command.START)
                self.enter(Phase.PRETEST)
        elif self.phase is Phase.PRETEST and self._clock.monotonic() > self._phase_s + PRETEST_LONGEST_S:
            raise InstrumentFaultError(
                f"the pre-test is not over after {PRETEST_LONGEST_S:g} s ({state_text(last)})",
                where=self._exchange.where,
                remedy="Look at MMS: it may wait for its operator. Then repeat the trial.",
            )

    def _send(self, command: Command, parameter: int | None = None) -> None:
        """A command of the sequence, sent once."""
        reply = self._exchange.command(command, parameter)
        require_obeyed(reply, command, self._exchange.where)
        self.see(reply)

    def trigger(self) -> Reply:
        """What starts the ramp, sent once.

        Raises:
            NotReadyError: MMS refused it. LinkError, RemoteProtocolError: no proper answer: the ramp may have begun.
        """
        command = Command.TRIGGER if self._settings.begin_with == "trigger" else Command.START
        self.enter(Phase.RAMPING)
        reply = self._exchange.command(command)
        require_obeyed(reply, command, self._exchange.where)
        return reply

    # The ways out

    def _rest(self, reply: Reply) -> None:
        self.see(reply)
        self.enter(Phase.RESTING)

    def stop(self) -> None:
        """STOP, if a test is running: the device returns to its baseline. MMS answers an error to STOP at rest.

        While our own ramp runs, as far as MMS has told, nothing is asked before STOP is on its way.

        Raises:
            InstrumentFaultError: the test goes on. LinkError, RemoteProtocolError: MMS cannot be reached.
        """
        ramping = self.phase is Phase.RAMPING and self._last is not None and is_running(self._last)
        for attempt in range(STOP_ATTEMPTS):
            if attempt or not ramping:
                reply = self._exchange.status()
                if not is_running(reply):
                    self._rest(reply)
                    return
            try:
                reply = self._exchange.command(Command.STOP)
            except (LinkError, WireError):
                if attempt + 1 == STOP_ATTEMPTS:
                    raise
                continue
            if not is_running(reply):
                self._rest(reply)
                return
            self._clock.sleep(self._settings.command_gap_s)
        reply = self._exchange.status()
        if is_running(reply):
            raise InstrumentFaultError(
                f"MMS did not stop the test ({state_text(reply)})",
                where=self._exchange.where,
                remedy="Take the thermode off the skin and press Stop in MMS.",
            )
        self._rest(reply)

    def abort(self) -> None:
        """ABORT, from any state: no test runs afterwards. Tried a few times; nothing else is sent.

        Raises:
            LinkError, InstrumentError: MMS could not be reached, or the test goes on.
        """
        failure: LinkError | InstrumentError | None = None
        for attempt in range(ABORT_ATTEMPTS):
            if attempt:
                self._clock.sleep(ABORT_PAUSE_S)
            try:
                reply = self._exchange.command(Command.ABORT)
            except LinkError as error:
                failure = error
            except WireError as error:
                failure = InstrumentFaultError(f"MMS did not answer ABORT properly: {error.what}", where=error.where)
            else:
                failure = abort_failure(reply, self._exchange.where)
                if failure is None:
                    self._rest(reply)
                    return
        if failure is not None:
            failure.did = f"ABORT was sent {ABORT_ATTEMPTS} times."
            failure.remedy = "Take the thermode off the skin and press Abort in MMS, or the device's emergency button."
            raise failure
