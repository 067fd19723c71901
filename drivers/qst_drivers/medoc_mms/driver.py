"""The instrument: select a prepared program, let its pre-test pass, trigger it, follow it, make it safe."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar

from qst.clock import Clock
from qst.errors import InstrumentError, InstrumentFaultError, LinkError, NotReadyError, RefusedError, WireError
from qst.instruments import Capabilities, Identity, Link, PressureRamp, RampEnd, Sample, ThermalRamp
from qst_drivers.medoc_mms.exchange import Exchange
from qst_drivers.medoc_mms.ramp_watch import RampWatch
from qst_drivers.medoc_mms.settings import DEFAULT_MODEL, MODELS, MmsProgram, Settings, describe, refuse_outside
from qst_drivers.medoc_mms.verdicts import (
    abort_failure,
    is_listening,
    is_running,
    is_selected,
    refuse_faults,
    require_listening,
    require_obeyed,
    state_text,
)
from qst_drivers.ramp_path import HELD_BACK_LONGEST_S
from qst_drivers.wire.mms import Command, ReturnCode, SystemState, TestState
from qst_drivers.wire.mms_reply import Reply

#: Further from the start than this the ramp is not begun. Laboratories accept ±0.4 °C as "baseline reached".
START_WITHIN_C = 0.5

#: A pre-test that is not over after this long needs the operator at MMS.
PRETEST_LONGEST_S = 120.0

#: How often, and how far apart, an abort is tried. A command right after a change of state can be lost.
ABORT_ATTEMPTS = 4
ABORT_PAUSE_S = 0.25

#: What the watch judges by itself, or needs no judgement.
_FOR_THE_WATCH = frozenset(map(int, (ReturnCode.OK, ReturnCode.SAFETY_ERROR)))

#: How often a stop is tried, each time after a look at the state.
STOP_ATTEMPTS = 2


class Phase(Enum):
    """Where the driver is with the program it prepared."""

    RESTING = "nothing is selected"
    CLEARING = "an earlier test of ours is being ended"
    SELECTED = "the program is selected; its pre-test has not been started"
    PRETEST = "the pre-test runs, or is over"
    RAMPING = "the ramp was begun"


class MedocMms:
    """A Medoc thermode through Medoc Main Station.

    MMS cannot be told a ramp: it runs programs of the method of limits that were entered in it by hand. Each trial is:
    SELECT_TP, START (unless MMS starts by itself), a pre-test of unknown length, TRIGGER (or the second START); then
    the device alone ends the ramp on the participant's Yes button or at its cut-off and returns to its baseline.

    Only GET_STATUS is ever repeated blindly; START and TRIGGER are sent once a trial, whatever happens.

    Args:
        link: to MMS's port (20121 by default); opened and closed for every request.
        settings: see :class:`qst_drivers.medoc_mms.settings.Settings`.
        clock: the visit's clock.

    Raises:
        StationFileError: a setting is wrong.
    """

    TITLE: ClassVar[str] = "Medoc thermode through Medoc Main Station (External Control over TCP)"
    CAPABILITIES: ClassVar[Capabilities] = MODELS[DEFAULT_MODEL]

    def __init__(self, link: Link, settings: Mapping[str, Any], clock: Clock) -> None:
        self._settings = Settings.from_mapping(settings)
        self._capabilities = MODELS[self._settings.model]
        self._clock = clock
        self._exchange = Exchange(
            link,
            clock,
            status_timeout_s=self._settings.status_timeout_s,
            reply_timeout_s=self._settings.reply_timeout_s,
        )
        self._connected = False
        self._phase = Phase.RESTING
        self._phase_s = 0.0
        self._program: MmsProgram | None = None
        self._watch: RampWatch | None = None
        self._held: list[tuple[float, float, bool]] = []  # readings of a turn-back that may still be noise
        self._last: Reply | None = None
        self._changed_s = 0.0  # when MMS was last seen in another state than before
        self._near_since_s: float | None = None  # since when the readings have been near the start

    @property
    def capabilities(self) -> Capabilities:
        """What the configured model can do."""
        return self._capabilities

    # Life

    def connect(self) -> Identity:
        """Ask MMS for its state; it must be listening.

        Raises:
            NotReadyError: MMS waits for its operator, runs a test, or is too old to tell the temperature.
            InstrumentFaultError: MMS reports a fault.
            LinkError, WireError: no answer, or a wrong one.
        """
        reply = self._exchange.status()
        refuse_faults(reply, self._exchange.where)
        if reply.temperature_hundredths_c is None:
            raise NotReadyError(
                "this MMS does not tell the temperature",
                where=self._exchange.where,
                remedy="Update Medoc Main Station.",
            )
        require_listening(reply, self._exchange.where)
        self._exchange.pin_generation(reply)
        self._connected = True
        self._see(reply)
        detail = "model taken from the station file: MMS tells neither model, serial number nor version"
        return Identity(model=self._settings.model, detail=detail)

    def close(self) -> None:
        """Make safe if a test of ours may be running, and close the link."""
        try:
            if self._phase is not Phase.RESTING:
                self.make_safe()
        except (LinkError, InstrumentError):
            # The caller has been, or will be, told by make_safe itself; closing must not hide what it was closing for,
            # nor keep the station's other instruments from being closed.
            self._phase = Phase.RESTING
        finally:
            self._connected = False
            self._exchange.close()

    # One trial

    def check(self, ramp: ThermalRamp | PressureRamp) -> None:
        """Find the program that is exactly this ramp. Nothing is sent. Raises RefusedError as :meth:`prepare`."""
        self._find(ramp)

    def prepare(self, ramp: ThermalRamp) -> None:
        """Find the program that is exactly this ramp. Nothing is sent.

        Raises:
            RefusedError: outside the model's range or rates, or no program is this ramp.
            NotReadyError: an earlier ramp has not ended.
        """
        if self._phase is Phase.RAMPING and (self._watch is None or self._watch.end is None):
            raise NotReadyError("the earlier ramp has not ended", remedy="Stop it first.")
        self._program, self._watch = self._find(ramp), None

    def _find(self, ramp: ThermalRamp | PressureRamp) -> MmsProgram:
        if isinstance(ramp, PressureRamp):
            raise RefusedError("a thermode applies no pressure", remedy="Give pressure trials to an algometer.")
        refuse_outside(ramp, self._capabilities, self._settings.model)
        for program in self._settings.programs:
            if program.matches(ramp):
                return program
        available = "; ".join(f"{program.word}: {describe(program.ramp)}" for program in self._settings.programs)
        raise RefusedError(
            f"MMS has no program for the ramp {describe(ramp)}",
            remedy=(
                f"Enter a Limits program with exactly these values in MMS, give it a word, and add it to the station "
                f"file. Programs there now are {available}."
            ),
        )

    def adapt(self) -> None:
        """Select the program; polls then start its pre-test, during which the device goes to the start temperature.

        Raises:
            NotReadyError: nothing is prepared, or MMS is busy with something else.
        """
        self._require_connected()
        if self._program is None:
            raise NotReadyError("no ramp is prepared")
        reply = self._exchange.status()
        refuse_faults(reply, self._exchange.where)
        self._see(reply)
        if self._phase is not Phase.RESTING and reply.system_state == SystemState.TEST:
            self.stop()
            self._enter(Phase.CLEARING)
            return
        require_listening(reply, self._exchange.where)
        self._enter(Phase.CLEARING)
        self._advance()

    def ready(self) -> bool:
        """Whether the pre-test is over, as far as MMS lets anybody know, and the device waits for its trigger.

        MMS does not tell when a pre-test is over: besides the state, the time set as ``pretest`` must have passed, and
        the readings must have been near the start for as long as the rest of the way can take.
        """
        last, program = self._last, self._program
        if self._phase is not Phase.PRETEST or last is None or program is None or self._near_since_s is None:
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

    def begin(self) -> None:
        """Trigger the ramp, once. Whether it was obeyed shows in the next polls.

        Raises:
            NotReadyError: nothing is prepared, the device does not wait for a trigger, or MMS refused it.
            LinkError, RemoteProtocolError: no proper answer: the ramp may have begun.
        """
        self._require_connected()
        program = self._program
        if program is None or not self.ready():
            raise NotReadyError(f"the thermode does not wait for a trigger: {self._phase.value}")
        command = Command.TRIGGER if self._settings.begin_with == "trigger" else Command.START
        self._enter(Phase.RAMPING)
        reply = self._exchange.command(command)
        require_obeyed(reply, command, self._exchange.where)
        self._watch = RampWatch(
            program.ramp,
            self._exchange.written_s,
            obeyed_within_s=self._settings.obeyed_within_s,
            yes_at_onset=bool(reply.yes),
        )
        self._see(reply)

    def poll(self) -> Sequence[Sample]:
        """One status: temperature and Yes flag, timed at the middle of its round trip.

        While a program is on its way to its trigger, the poll also sends the next command of the sequence, when
        it is due. While a turn-back may still be noise, samples are held back until it is decided: the one in which the
        device is found to have ended its ramp is the first of the way back.

        Raises:
            InstrumentFaultError: MMS lost the device, a safety error outside a ramp, a lost trigger, a device that goes
                on where it must not.
            NotReadyError: MMS refused a command of the sequence, such as a program's word that it does not have.
        """
        if not self._connected:
            self._require_connected()
        exchange = self._exchange
        reply = exchange.status()
        time_s = (exchange.written_s + exchange.replied_s) / 2
        temperature_c = reply.temperature_c
        if temperature_c is None:
            raise InstrumentFaultError("MMS has stopped telling the temperature", where=exchange.where)
        self._see(reply)
        pressed = bool(reply.yes)
        watch = self._watch
        self._held.append((time_s, temperature_c, pressed))
        if watch is None:
            refuse_faults(reply, exchange.where)
            self._note_start(time_s, temperature_c)
            self._advance()
            return self._release(None)
        if reply.return_code not in _FOR_THE_WATCH:
            refuse_faults(reply, exchange.where)
        ended = watch.see(
            time_s,
            temperature_c,
            yes=pressed,
            system=reply.system_state,
            test=reply.test_state,
            code=reply.return_code,
        )
        if ended is None and watch.turning and time_s - self._held[0][0] < HELD_BACK_LONGEST_S:
            return ()
        return self._release(ended)

    def _release(self, ended: RampEnd | None) -> Sequence[Sample]:
        """The readings held back, and the last one."""
        held = self._held
        if len(held) == 1:
            return (Sample(*held.pop(), ended),)
        samples = [Sample(*reading, ended) for reading in held]
        held.clear()
        return samples

    def stop(self) -> None:
        """STOP, if a test is running: the device returns to its baseline. MMS answers an error to STOP at rest.

        Raises:
            InstrumentFaultError: the test goes on. LinkError, RemoteProtocolError: MMS cannot be reached.
        """
        for attempt in range(STOP_ATTEMPTS):
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

    def make_safe(self) -> None:
        """ABORT, from any state, connected or not: no test runs afterwards. Tried a few times; nothing else is sent.

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

    # What the replies mean

    def _see(self, reply: Reply) -> None:
        """Keep a reply, and when the state was last another one."""
        last = self._last
        if last is None or last.system_state != reply.system_state or last.test_state != reply.test_state:
            self._changed_s = self._exchange.replied_s
        self._last = reply

    def _rest(self, reply: Reply) -> None:
        self._see(reply)
        if self._watch is not None and self._watch.end is None:
            self._watch = None
        self._enter(Phase.RESTING)

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._phase_s = self._clock.monotonic()
        self._near_since_s = None

    def _quiet(self) -> bool:
        """Whether the last change of state is long enough ago for a command not to be lost."""
        return self._clock.monotonic() >= self._changed_s + self._settings.command_gap_s

    def _note_start(self, time_s: float, temperature_c: float) -> None:
        if self._program is None or abs(temperature_c - self._program.ramp.start_c) > START_WITHIN_C:
            self._near_since_s = None
        elif self._near_since_s is None:
            self._near_since_s = time_s

    def _advance(self) -> None:
        """Send the next command on the way to the trigger, if it is due."""
        last, program = self._last, self._program
        if last is None or program is None:
            return
        if self._phase is Phase.CLEARING:
            if is_listening(last) and self._quiet():
                self._send(Command.SELECT_TP, program.word)
                self._enter(Phase.PRETEST if self._settings.auto_start else Phase.SELECTED)
        elif self._phase is Phase.SELECTED:
            if is_selected(last) and self._quiet():
                self._send(Command.START)
                self._enter(Phase.PRETEST)
        elif self._phase is Phase.PRETEST and self._clock.monotonic() > self._phase_s + PRETEST_LONGEST_S:
            raise InstrumentFaultError(
                f"the pre-test is not over after {PRETEST_LONGEST_S:g} s ({state_text(last)})",
                where=self._exchange.where,
                remedy="Look at MMS: it may wait for its operator. Then repeat the trial.",
            )

    def _send(self, command: Command, parameter: int | None = None) -> None:
        """A command of the sequence, sent once."""
        reply = self._exchange.command(command, parameter)
        require_obeyed(reply, command, self._exchange.where)
        self._see(reply)

    # Refusals

    def _require_connected(self) -> None:
        if not self._connected:
            raise NotReadyError("not connected", where=self._exchange.where)
