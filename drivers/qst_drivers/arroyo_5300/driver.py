"""The instrument: set-point and rate in one line, the plate watched on every way, always a way home."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from qst.clock import Clock
from qst.errors import (
    InstrumentFaultError,
    LinkError,
    LinkTimeoutError,
    NotReadyError,
    RefusedError,
    RemoteProtocolError,
)
from qst.instruments import Capabilities, Identity, Link, PressureRamp, RampEnd, Sample, ThermalRamp
from qst_drivers.arroyo_5300 import health
from qst_drivers.arroyo_5300.health import COLDEST_C, HOTTEST_C, LIFT
from qst_drivers.arroyo_5300.home import (
    HOME,
    HOME_RATE,
    HOME_WITHIN_C,
    cut_power,
    heading_home,
    require_no_power,
    way_home,
)
from qst_drivers.arroyo_5300.settings import (
    REST_C,
    SECONDS_PER_MINUTE,
    Program,
    Settings,
    describe,
    limits,
    write_program,
)
from qst_drivers.arroyo_5300.talk import ArroyoTalk
from qst_drivers.arroyo_5300.watch import PathWatch
from qst_drivers.wire.arroyo import Bit, Output, RampRate, Setpoint, encode

_SIMULATED = "sim://"
#: Further from the start than this the ramp is not begun.
_START_WITHIN_C: Final = 0.5
#: A reading this near to the cut-off is at it, within noise; the plate comes to rest on its set-point for ever slower.
_AT_CUTOFF_C: Final = 0.05
#: At the latest so long after the set-point has arrived at the cut-off, the ramp is over.
_CUTOFF_WAIT_S: Final = 1.0
#: During a ramp the condition is asked once in so many polls; otherwise every time.
_CONDITION_EVERY: Final = 8
_MAKE_SAFE_ATTEMPTS: Final = 3
_READY_BITS: Final = Bit.OUTPUT_ON | Bit.OUT_OF_TOLERANCE


class Arroyo5300:
    """A laboratory-built Peltier thermode on an Arroyo 5300-family controller; a ``Thermode``.

    The controller makes the ramp and stops its set-point at the cut-off; it does not come back by itself, it sees no
    button, and it has no watchdog: a silent host leaves it at its set-point for ever. So it is driven over simulated
    links only, until a guard process can own the link.

    Args:
        link: USB serial at 38 400 baud, RS-232, or TCP port 10001.
        settings: see :data:`qst_drivers.arroyo_5300.settings.KEYS`.
        clock: the visit's clock.

    Raises:
        StationFileError: a setting is wrong.
    """

    TITLE: ClassVar[str] = "Arroyo 5300-family controller with a laboratory-built Peltier thermode"
    CAPABILITIES: ClassVar[Capabilities] = describe(Settings())

    def __init__(self, link: Link, settings: Mapping[str, Any], clock: Clock) -> None:
        self._settings = Settings.read(settings)
        self._capabilities = describe(self._settings)
        self._link = link
        self._clock = clock
        self._open = False
        self._forget()

    def _forget(self) -> None:
        self._talk = ArroyoTalk(self._link, self._clock, self._settings.reply_timeout_s)
        self._program: Program | None = None
        self._watch: PathWatch | None = None
        self._adapted = self._ramping = False
        self._ended: RampEnd | None = None
        self._driving = False  # the output was switched on by us, or found on
        self._distrusted = False  # the plate does not follow: its output is switched off and stays off
        self._value_c = REST_C
        self._condition: int | None = None  # since the last order
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

        Never stimulates: a plate that is found held somewhere by an earlier host is sent home to 32 °C, nothing else.

        Raises:
            RefusedError: a link to a real device: nothing would bring the plate back if this program died.
            LinkError, WireError, InstrumentError.
        """
        if not self._link.description.startswith(_SIMULATED):
            raise RefusedError(
                "this controller has no watchdog: if the program or its cable fails, the plate stays where it is",
                where=self._link.description,
                did="nothing was connected",
                remedy="use it simulated (sim://) until the guard process that owns such links exists",
            )
        if self._open:
            self.close()
        self._link.open()
        self._open = True
        self._forget()
        try:
            return self._greet()
        except BaseException:
            self._open = False
            self._link.close()
            raise

    def _greet(self) -> Identity:
        answer = health.greet(self._talk)
        self._read()
        found = self._come_home_if_held()
        return Identity(
            model=f"{answer.maker} {answer.model}",
            serial=answer.serial,
            firmware=answer.firmware,
            detail=f"no watchdog: holds its set-point when the host is silent{found}",
        )

    def _come_home_if_held(self) -> str:
        if not self._look() & Bit.OUTPUT_ON:
            return ""
        held_c = self._talk.number("TEC:SET:T")
        self._driving = True
        if abs(held_c - REST_C) > HOME_WITHIN_C:
            self._go_home(HOME_RATE)
        return f"; found with its output on at {held_c:g} °C"

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
            RefusedError: outside limits, too fast, or off the grid.
            NotReadyError: not connected, or a ramp runs.
            InstrumentFaultError: the device reports an error, or gives back something else than it was told.
        """
        program = write_program(ramp, self._settings)
        self._require_idle()
        self._program, self._adapted, self._ramping, self._ended = None, False, False, None
        high, low = limits(ramp, self._read(), self._settings.overshoot_c)
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
            InstrumentFaultError: the device reports an error.
        """
        self._require_idle()
        program = self._require_program()
        self._ramping, self._ended = False, None
        self._driving = True
        self._head_for(program.start, program.back)
        self._talk.order(program.back, program.start, Output(on=True))
        self._adapted = True

    def _require_open(self) -> None:
        if not self._open:
            raise self._not_ready("the controller is not connected", "connect it first")

    def _require_idle(self) -> None:
        self._require_open()
        if self._ramping and self._ended is None:
            raise self._not_ready("a ramp is running", "stop it first")
        if self._distrusted:
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
        bits = self._condition
        return (
            self._open
            and self._adapted
            and not self._ramping
            and not self._talk.in_doubt
            and bits is not None
            and bits & _READY_BITS == Bit.OUTPUT_ON
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
        if not self.ready() or abs(self._value_c - program.ramp.start_c) > _START_WITHIN_C:
            raise self._not_ready("the plate is not steady at its start", "adapt, and wait until it is in tolerance")
        try:
            self._talk.order(program.out)
            health.verify(self._talk, "TEC:TRATE", program.out.rate_c_per_min)
            self._ramping = True
            self._head_for(program.cutoff, program.out)
            self._talk.order(program.cutoff)
            self._require_target(program.ramp)
        except (LinkError, RemoteProtocolError, InstrumentFaultError):
            self._send_back(program)
            raise

    def _require_target(self, ramp: ThermalRamp) -> None:
        """The device's set-point is on the ramp, be it the final or the moving one."""
        target_c = self._talk.number("TEC:SET:T")
        low_c, high_c = sorted((ramp.start_c, ramp.cutoff_c))
        if not low_c - _START_WITHIN_C <= target_c <= high_c + _START_WITHIN_C:
            raise InstrumentFaultError(
                f"the controller's set-point is {target_c:g} °C, not on the ramp to {ramp.cutoff_c:g} °C",
                where=self._link.description,
                did="the plate is sent back to its start",
                remedy="repeat the trial; if it happens again, check the cable",
            )

    def poll(self) -> Sequence[Sample]:
        """One reading, timed at the middle of its round trip; and the condition, every time or now and then.

        At the cut-off the plate is sent back to its start. A reading beside the plate's way is not believed: none is
        given, until the plate is on its way again or has been off it for too long.

        Raises:
            NotReadyError: not connected.
            LinkError, RemoteProtocolError: no answer, or a wrong one.
            InstrumentFaultError: output off, a broken sensor, a plate off its way or beyond its cut-off.
        """
        if not self._open:
            self._require_open()
        talk = self._talk
        value_c = talk.temperature_c()
        time_s = (talk.asked_s + talk.answered_s) * 0.5
        if not COLDEST_C < value_c < HOTTEST_C:
            self._refuse_implausible(value_c)
        watch = self._watch
        believed = watch is None or self._follow(watch, time_s, value_c)
        if believed:
            self._value_c = value_c
            if watch is not None and self._ramping and self._ended is None:
                self._watch_cutoff(watch, time_s, value_c)
        self._polls += 1
        if not self._ramping or self._polls % _CONDITION_EVERY == 0:
            self._look()
        return (Sample(time_s, value_c, None, self._ended),) if believed else ()

    def _read(self) -> float:
        value_c = self._value_c = self._talk.temperature_c()
        self._refuse_implausible(value_c)
        return value_c

    def _refuse_implausible(self, value_c: float) -> None:
        fault = health.implausible(self._talk, value_c, driving=self._driving)
        if fault is not None:
            raise fault

    def _look(self) -> int:
        """Ask for the condition. Raises InstrumentFaultError when it tells of trouble."""
        bits = self._condition = health.condition(self._talk, driving=self._driving and not self._distrusted)
        return bits

    def _follow(self, watch: PathWatch, time_s: float, value_c: float) -> bool:
        if self._distrusted:
            return True
        try:
            return watch.see(time_s, value_c)
        except InstrumentFaultError as fault:
            self._distrusted = True
            cut_power(self._talk)
            fault.where = self._link.description
            raise

    def _watch_cutoff(self, watch: PathWatch, time_s: float, value_c: float) -> None:
        program = self._require_program()
        beyond_c = (value_c - program.ramp.cutoff_c) * (1.0 if program.ramp.rising else -1.0)
        if beyond_c < -_AT_CUTOFF_C and time_s < watch.arrives_s + _CUTOFF_WAIT_S:
            return
        self._ended = RampEnd.LIMIT
        self._send_back(program)
        if beyond_c > self._settings.overshoot_c:
            raise InstrumentFaultError(
                f"the plate is at {value_c:.2f} °C, {beyond_c:.2f} °C beyond its cut-off",
                where=self._link.description,
                did="it was sent back to its start",
                remedy=f"{LIFT}; check the controller's gains",
            )

    # --- the ways back -------------------------------------------------------------------------------------------

    def _head_for(self, target: Setpoint, rate: RampRate) -> None:
        """Watch the way that is commanded now."""
        self._condition = None
        now_s = self._clock.monotonic()
        self._watch = PathWatch(self._value_c, target.temperature_c, rate.rate_c_per_min / SECONDS_PER_MINUTE, now_s)

    def _send_back(self, program: Program) -> None:
        """Back to the start of the ramp: the line goes out before anything else is done."""
        self._talk.send(encode(*way_home(program.start, program.back)))
        self._head_for(program.start, program.back)

    def stop(self) -> None:
        """End the stimulus: the plate returns to its start, output on. Idempotent; nothing to do when not driving.

        Raises:
            InstrumentFaultError: the device reports an error. LinkError, RemoteProtocolError: it cannot be asked.
        """
        if not self._open or not self._driving or self._distrusted:
            return
        program = self._program
        if program is None:
            self.make_safe()
            return
        self._send_back(program)
        self._ramping, self._adapted, self._ended = False, False, None
        try:
            self._talk.refuse_errors("the order to return")
        except (LinkTimeoutError, RemoteProtocolError, InstrumentFaultError):
            self._send_back(program)
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
        if not self._open or not self._driving:
            return
        trusted = not self._distrusted
        failure: LinkError | RemoteProtocolError | InstrumentFaultError | None = None
        for _ in range(_MAKE_SAFE_ATTEMPTS):
            try:
                if self._distrusted:
                    require_no_power(self._talk)
                else:
                    self._go_home(rate)
            except (LinkTimeoutError, RemoteProtocolError, InstrumentFaultError) as failed:
                failure = failed
            else:
                if failure is None or not (trusted and self._distrusted):
                    return
                break
        if isinstance(failure, RemoteProtocolError):
            raise InstrumentFaultError(
                f"the controller answers nothing that makes sense: {failure.what}",
                where=self._link.description,
                did="the order to return to 32 °C was sent",
                remedy="lift the thermode off the skin now, then switch the controller off",
            ) from failure
        if failure is not None:
            raise failure

    def _go_home(self, rate: RampRate) -> None:
        self._talk.send(encode(*way_home(HOME, rate)))
        self._head_for(HOME, rate)
        self._talk.refuse_errors("the order to return to 32 °C")
        self._look()
        if heading_home(self._talk, self._clock):
            return
        self._distrusted = True
        cut_power(self._talk)
        raise InstrumentFaultError(
            "the plate does not return to 32 °C",
            where=self._link.description,
            did="its output was switched off: its loop cannot be trusted",
            remedy=f"{LIFT}, then switch the controller off at its own switch",
        )
