"""The instrument: select a prepared program, let its pre-test pass, trigger it, follow it, make it safe."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from qst.clock import Clock
from qst.errors import InstrumentError, InstrumentFaultError, LinkError, NotReadyError, RefusedError
from qst.instruments import Capabilities, Enquiry, Health, Identity, Link, PressureRamp, RampEnd, Sample, ThermalRamp
from qst_drivers.medoc_mms import enquiry
from qst_drivers.medoc_mms.exchange import Exchange
from qst_drivers.medoc_mms.ramp_watch import RampWatch
from qst_drivers.medoc_mms.sequence import Phase, ProgramSequence
from qst_drivers.medoc_mms.settings import DEFAULT_MODEL, MODELS, MmsProgram, Settings, describe, refuse_outside
from qst_drivers.medoc_mms.verdicts import refuse_faults, require_listening
from qst_drivers.ramp_path import HELD_BACK_LONGEST_S
from qst_drivers.wire.marks import message_says_simulated
from qst_drivers.wire.mms import ReturnCode, SystemState

#: What the watch judges by itself, or needs no judgement.
_FOR_THE_WATCH = frozenset(map(int, (ReturnCode.OK, ReturnCode.SAFETY_ERROR)))


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
    ENQUIRY: ClassVar[Enquiry] = enquiry.ENQUIRY

    def __init__(self, link: Link, settings: Mapping[str, Any], clock: Clock) -> None:
        self._settings = Settings.from_mapping(settings)
        self._capabilities = MODELS[self._settings.model]
        self._exchange = Exchange(
            link,
            clock,
            status_timeout_s=self._settings.status_timeout_s,
            reply_timeout_s=self._settings.reply_timeout_s,
        )
        self._connected = False
        self._sequence = ProgramSequence(self._exchange, self._settings, clock)
        self._program: MmsProgram | None = None
        self._watch: RampWatch | None = None
        self._held: list[tuple[float, float, bool]] = []  # readings of a turn-back that may still be noise

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
        self._sequence.see(reply)
        detail = "model taken from the station file: MMS tells neither model, serial number nor version"
        return Identity(model=self._settings.model, detail=detail, simulated=message_says_simulated(reply.message))

    def health(self) -> Health:
        """What :meth:`connect` has asked. MMS tells of no battery; its time stamps are the host's own, sent back."""
        self._require_connected()
        return Health(checks=("no fault reported", "listening", "temperature told"))

    def close(self) -> None:
        """Make safe if a test of ours may be running, and close the link."""
        try:
            if self._sequence.phase is not Phase.RESTING:
                self.make_safe()
        except (LinkError, InstrumentError):
            # The caller has been, or will be, told by make_safe itself; closing must not hide what it was closing for,
            # nor keep the station's other instruments from being closed.
            self._sequence.enter(Phase.RESTING)
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
        if self._sequence.phase is Phase.RAMPING and (self._watch is None or self._watch.end is None):
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
        self._sequence.see(reply)
        if self._sequence.phase is not Phase.RESTING and reply.system_state == SystemState.TEST:
            self.stop()
            self._sequence.enter(Phase.CLEARING)
            return
        require_listening(reply, self._exchange.where)
        self._sequence.enter(Phase.CLEARING)
        self._sequence.advance(self._program)

    def ready(self) -> bool:
        """Whether the pre-test is over, as far as MMS lets anybody know, and the device waits for its trigger."""
        return self._sequence.ready(self._program)

    def begin(self) -> None:
        """Trigger the ramp, once. Whether it was obeyed shows in the next polls.

        Raises:
            NotReadyError: nothing is prepared, the device does not wait for a trigger, or MMS refused it.
            LinkError, RemoteProtocolError: no proper answer: the ramp may have begun.
        """
        self._require_connected()
        program = self._program
        if program is None or not self.ready():
            raise NotReadyError(f"the thermode does not wait for a trigger: {self._sequence.phase.value}")
        reply = self._sequence.trigger()
        self._watch = RampWatch(
            program.ramp,
            self._exchange.written_s,
            obeyed_within_s=self._settings.obeyed_within_s,
            yes_at_onset=bool(reply.yes),
        )
        self._sequence.see(reply)

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
        self._sequence.see(reply)
        pressed = bool(reply.yes)
        watch = self._watch
        self._held.append((time_s, temperature_c, pressed))
        if watch is None:
            refuse_faults(reply, exchange.where)
            self._sequence.note_start(time_s, temperature_c, self._program)
            self._sequence.advance(self._program)
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
        self._sequence.stop()
        self._forget_unended()

    def make_safe(self) -> None:
        """ABORT, from any state, connected or not: no test runs afterwards. Tried a few times; nothing else is sent.

        Raises:
            LinkError, InstrumentError: MMS could not be reached, or the test goes on.
        """
        self._sequence.abort()
        self._forget_unended()

    def _forget_unended(self) -> None:
        if self._watch is not None and self._watch.end is None:
            self._watch = None

    def _require_connected(self) -> None:
        if not self._connected:
            raise NotReadyError("not connected", where=self._exchange.where)
