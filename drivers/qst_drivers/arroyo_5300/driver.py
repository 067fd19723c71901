"""The instrument: set-point and rate in one line, the plate watched on every way, always a way home."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from qst.clock import Clock
from qst.errors import (
    BeyondCutoffError,
    InstrumentFaultError,
    LinkError,
    LinkTimeoutError,
    NotReadyError,
    ReadingJumpError,
    RemoteProtocolError,
)
from qst.instruments import (
    Capabilities,
    Enquiry,
    Health,
    Identity,
    Link,
    PressureRamp,
    RampEnd,
    SafeScript,
    Sample,
    ThermalRamp,
)
from qst_drivers.arroyo_5300 import enquiry, health
from qst_drivers.arroyo_5300.health import LIFT
from qst_drivers.arroyo_5300.home import HOME, HOME_RATE, guard_script
from qst_drivers.arroyo_5300.plate import Plate, Seen
from qst_drivers.arroyo_5300.settings import Program, Settings, describe, limits, write_program
from qst_drivers.arroyo_5300.talk import ArroyoTalk
from qst_drivers.arroyo_5300.watchman import Watchman
from qst_drivers.wire.marks import serial_says_simulated

#: Further from the start than this the ramp is not begun.
_START_WITHIN_C: Final = 0.5
#: A trial may be over, and nobody look any more, when the plate is this near to its start: the widest settle rule.
_NEARLY_BACK_C: Final = 5.0
#: A reading this near to the cut-off is at it, within noise; the plate comes to rest on its set-point for ever slower.
_AT_CUTOFF_C: Final = 0.05
#: At the latest so long after the set-point has arrived at the cut-off, the ramp is over.
_CUTOFF_WAIT_S: Final = 1.0
#: During a ramp the condition is asked once in so many polls; otherwise, and while it sets out, every time.
_CONDITION_EVERY: Final = 8


class Arroyo5300:
    """A laboratory-built Peltier thermode on an Arroyo 5300-family controller; a ``Thermode``.

    The controller makes the ramp and stops its set-point at the cut-off; it does not come back by itself, it sees no
    button, and it has no watchdog: a silent host leaves it at its set-point for ever. So a real one is driven through a
    guard process only; the guard is armed from the moment the plate may leave home until it is back, or on its way.

    Args:
        link: USB serial at 38 400 baud, RS-232, or TCP port 10001.
        settings: see :data:`qst_drivers.arroyo_5300.settings.KEYS`.
        clock: the visit's clock.

    Raises:
        StationFileError: a setting is wrong.
    """

    TITLE: ClassVar[str] = "Arroyo 5300-family controller with a laboratory-built Peltier thermode"
    CAPABILITIES: ClassVar[Capabilities] = describe(Settings())
    ENQUIRY: ClassVar[Enquiry] = enquiry.ENQUIRY

    def __init__(self, link: Link, settings: Mapping[str, Any], clock: Clock) -> None:
        self._settings = Settings.read(settings)
        self._capabilities = describe(self._settings)
        self._link = link
        self._clock = clock
        self._open = False
        self._forget()

    def _forget(self) -> None:
        self._watchman = Watchman(self._link, self._settings.guard_timeout_s)
        within_s = self._watchman.answer_within_s(self._settings.reply_timeout_s)
        self._talk = ArroyoTalk(self._link, self._clock, within_s)
        self._plate = Plate(self._talk, self._clock)
        self._program: Program | None = None
        self._adapted = self._ramping = False
        self._ended: RampEnd | None = None
        self._polls = 0

    @property
    def capabilities(self) -> Capabilities:
        """What this thermode, as configured, can do."""
        return self._capabilities

    @property
    def thermode_area_cm2(self) -> float | None:
        """Contact area in cm², from the station file."""
        return self._settings.area_cm2

    # --- life ----------------------------------------------------------------------------------------------------

    def connect(self) -> Identity:
        """Open the link, identify the controller, check sensor and ramp.

        Never stimulates: a plate that is found held somewhere by an earlier host is sent home to 32 °C, nothing else;
        also when a stop or a fault ends this before that was found.

        Raises:
            LinkError, WireError, InstrumentError.
        """
        if self._open:
            self.close()
        self._link.open()
        self._open = True
        self._forget()
        try:
            return self._greet()
        except BaseException:
            self._open = False
            with contextlib.suppress(LinkError):
                if self._talk.identified:
                    self._plate.send_back(HOME, HOME_RATE)
            self._link.close()
            raise

    def _greet(self) -> Identity:
        answer = health.greet(self._talk)
        self._plate.read()
        found = self._plate.come_home_if_held()
        return Identity(
            model=f"{answer.maker} {answer.model}",
            serial=answer.serial,
            firmware=answer.firmware,
            simulated=serial_says_simulated(answer.serial),
            detail=f"no watchdog: holds its set-point when the host is silent{self._watchman.note}{found}",
        )

    def health(self) -> Health:
        """What :meth:`connect` has asked; it runs on mains, and its clock counts from when it was switched on."""
        self._require_open()
        return Health(checks=("error queue", "temperature ramp", "sensor", "condition"))

    def close(self) -> None:
        """Make safe, close the link. The output stays on and holds 32 °C. Idempotent."""
        if not self._open:
            return
        try:
            self.make_safe()
        except (LinkError, InstrumentFaultError, RemoteProtocolError):
            return  # whoever asked for safety has been told; closing must not hide what it was closing for
        finally:
            self._open = False
            self._link.close()

    # --- a ramp --------------------------------------------------------------------------------------------------

    def check(self, ramp: ThermalRamp | PressureRamp) -> None:
        """Whether this controller, as the station sets it up, can and may do ``ramp``. Touches no link.

        Raises:
            RefusedError: it cannot, or may not.
        """
        write_program(ramp, self._settings)

    def prepare(self, ramp: ThermalRamp) -> None:
        """Prove ``ramp``; write the device's own limits and both rates, and read them back. Nothing moves.

        Raises:
            RefusedError: outside limits, too fast, or off the grid; or a real device without a guard.
            NotReadyError: not connected, or a ramp runs.
            InstrumentFaultError: the device reports an error, or gives back something else than it was told.
        """
        program = write_program(ramp, self._settings)
        self._watchman.require()
        self._require_idle()
        self._program, self._adapted, self._ramping, self._ended = None, False, False, None
        high, low = limits(ramp, self._plate.read(), self._settings.overshoot_c)
        self._talk.order(high, low)
        health.verify(self._talk, "TEC:LIM:THI", high.temperature_c)
        health.verify(self._talk, "TEC:LIM:TLO", low.temperature_c)
        for rate in (program.out, program.back):
            self._talk.order(rate)
            health.verify(self._talk, "TEC:TRATE", rate.rate_c_per_min)
        self._program = program

    def adapt(self) -> None:
        """Go to the start of the prepared ramp at its return rate, output on.

        Raises:
            NotReadyError: nothing is prepared, or a ramp runs.
            InstrumentFaultError: the device reports an error, or holds another set-point; no power comes on then.
        """
        self._require_idle()
        program = self._require_program()
        self._ramping, self._ended = False, None
        self._watchman.arm(self.safe_script())
        self._plate.go_to(program.start, program.back)
        self._adapted = True

    def safe_script(self) -> SafeScript:
        """What brings the plate home from anywhere, at the rate of the present program; off, it stays off."""
        return guard_script(HOME_RATE if self._program is None else self._program.back)

    def _require_open(self) -> None:
        if not self._open:
            raise self._not_ready("the controller is not connected", "connect it first")

    def _require_idle(self) -> None:
        self._require_open()
        if self._ramping and self._ended is None:
            raise self._not_ready("a ramp is running", "stop it first")
        if self._plate.distrusted:
            raise self._not_ready(
                "the plate did not follow its set-point; its output stays off",
                "have sensor and module checked, then connect again",
            )

    def _require_program(self) -> Program:
        if self._program is None:
            raise self._not_ready("no ramp is prepared", "prepare a ramp first")
        return self._program

    def _not_ready(self, what: str, remedy: str) -> NotReadyError:
        return NotReadyError(what, where=self._link.description, remedy=remedy)

    def ready(self) -> bool:
        """Whether the plate is in tolerance at the start, by the controller's own judgement after ``adapt``."""
        return (
            self._open and self._adapted and not self._ramping and not self._talk.in_doubt and self._plate.in_tolerance
        )

    def begin(self) -> None:
        """Start the ramp: its rate, read back while nothing moves; then its set-point.

        Raises:
            NotReadyError: not adapted, or the plate is not in tolerance at its start.
            InstrumentFaultError: the device refuses; the plate is sent back to its start.
        """
        self._require_open()
        program = self._require_program()
        if self._ramping:
            raise self._not_ready("the ramp has already been started", "adapt first")
        if not self.ready() or abs(self._plate.value_c - program.ramp.start_c) > _START_WITHIN_C:
            raise self._not_ready("the plate is not steady at its start", "adapt, and wait until it is in tolerance")
        self._watchman.arm(self.safe_script())
        try:
            self._talk.order(program.out)
            health.verify(self._talk, "TEC:TRATE", program.out.rate_c_per_min)
            self._ramping = True
            self._plate.head_for(program.cutoff, program.out)
            self._talk.order(program.cutoff)
            self._plate.require_target(program.ramp.start_c, program.ramp.cutoff_c)
        except (LinkError, RemoteProtocolError, InstrumentFaultError) as failed:
            self._plate.send_back(program.start, program.back)
            failed.did = failed.did or "the plate is sent back to its start"
            raise

    def poll(self) -> Sequence[Sample]:
        """One reading, timed at the middle of its round trip; and the condition; in a ramp, now and then.

        At the cut-off the plate is sent back to its start. A reading beside the plate's way is not believed: none is
        given, until the plate is on its way again or has been off it for too long.

        Raises:
            NotReadyError: not connected.
            LinkError, RemoteProtocolError: no answer, or a wrong one.
            InstrumentFaultError: output off, a broken sensor, a plate off its way or beyond its cut-off.
        """
        if not self._open:
            self._require_open()
        seen = self._plate.look_on()
        if seen.believed and self._ramping and self._ended is None:
            self._watch_cutoff(seen)
        elif seen.believed and self._watchman.armed and self._returns(seen.value_c):
            self._watchman.disarm()
        self._polls += 1
        if not self._ramping or self._polls % _CONDITION_EVERY == 0 or self._plate.setting_out:
            self._plate.ask_condition()
        return (Sample(seen.time_s, seen.value_c, None, self._ended),) if seen.believed else ()

    def _returns(self, value_c: float) -> bool:
        """Whether a ramp was ended, and the controller itself is taking the plate the rest of its way back.

        Then its set-point, be it the final or the moving one, is nearer to the start than the plate.
        """
        program = self._program
        if program is None or self._ramping or self._adapted:
            return False
        left_c = abs(value_c - program.ramp.start_c)
        if left_c > _NEARLY_BACK_C:
            return False
        return abs(self._talk.number("TEC:SET:T") - program.ramp.start_c) < max(left_c, _START_WITHIN_C)

    def _watch_cutoff(self, seen: Seen) -> None:
        program = self._require_program()
        beyond_c = (seen.value_c - program.ramp.cutoff_c) * (1.0 if program.ramp.rising else -1.0)
        if beyond_c < -_AT_CUTOFF_C and seen.time_s < self._plate.arrives_s + _CUTOFF_WAIT_S:
            return
        kind = ReadingJumpError if self._plate.jumped else BeyondCutoffError
        self._ended = RampEnd.LIMIT
        self._plate.send_back(program.start, program.back)
        if beyond_c > self._settings.overshoot_c:
            raise kind(
                f"the plate is at {seen.value_c:.2f} °C, {beyond_c:.2f} °C beyond its cut-off",
                where=self._link.description,
                did="it was sent back to its start",
                remedy=f"{LIFT}; check the controller's gains",
            )

    # --- the ways back -------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End the stimulus: the plate returns to its start, output on. Idempotent; nothing to do when not driving.

        Raises:
            InstrumentFaultError: the device reports an error. LinkError, RemoteProtocolError: it cannot be asked.
        """
        plate = self._plate
        if not self._open or not plate.driving or plate.distrusted:
            return
        program = self._program
        if program is None:
            self.make_safe()
            return
        plate.send_back(program.start, program.back)
        self._ramping, self._adapted, self._ended = False, False, None
        try:
            self._talk.refuse_errors("the order to return")
        except (LinkTimeoutError, RemoteProtocolError, InstrumentFaultError):
            plate.send_back(program.start, program.back)
            self._talk.refuse_errors("the order to return")

    def make_safe(self) -> None:
        """The plate goes towards 32 °C, output on, from any state; idempotent.

        Never only the output off: without power the plate drifts towards its heat sink. The exception is a plate that
        does not follow its set-point: there the output goes off, since the loop itself may be what heats. A plate that
        was never driven is left alone.

        Raises:
            LinkError: the device could not be reached.
            InstrumentFaultError: it was reached, and its answers, or the plate, do not show that it comes nearer to
                32 °C.
        """
        rate = self._program.back if self._program is not None else HOME_RATE
        self._program, self._adapted, self._ramping, self._ended = None, False, False, None
        if self._open:
            self._plate.make_safe(rate)
            self._watchman.disarm()
