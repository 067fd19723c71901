"""Driver of the QST.Lab TCS II, a five-zone Peltier thermode on a USB serial line.

The device makes the ramp and ends it: ``Ol`` lets the participant's button stop it in firmware, and the programmed
duration ends it at the cut-off, so it returns to baseline also when the host has gone silent. The driver is a second
layer: it sends ``A`` as soon as it sees the button, the end of the duration, or a plate that does not follow its ramp.

Source: TCS 2.2 User's Manual (software 14.52.032+), QST.Lab MATLAB libraries, help text published with pytcsii. What no
document confirms is listed in ``CAPABILITIES.unverified``.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from qst.clock import Clock
from qst.errors import InstrumentError, InstrumentFaultError, LinkError, NotReadyError, RefusedError
from qst.instruments import Capabilities, Enquiry, Health, Identity, Link, PressureRamp, Sample, ThermalRamp
from qst_drivers.qstlab_tcs import enquiry
from qst_drivers.qstlab_tcs.capabilities import describe
from qst_drivers.qstlab_tcs.plate import AT_BASELINE_C, Plate
from qst_drivers.qstlab_tcs.port import QUIET_S, TcsPort
from qst_drivers.qstlab_tcs.program import (
    NO_ZONES,
    Program,
    TcsSettings,
    check_readback,
    write_program,
)
from qst_drivers.qstlab_tcs.watch import RampWatch
from qst_drivers.ramp_path import HELD_BACK_LONGEST_S
from qst_drivers.wire.tcs import Plain, ProfileMode, Zones, encode
from qst_drivers.wire.tcs_replies import decode_header

_OPEN_WAIT_S = 0.2
_HALF_SECOND = 0.5  # a clock that shows whole seconds is half a one behind them, on the average
_UNPACED_FROM = 14  # firmware
_MUTE = encode(Plain("F"))
_START = encode(Plain("Ol"))
_NO_PROFILES = encode(ProfileMode(NO_ZONES))
_ALL_ZONES_OUT = encode(Zones(NO_ZONES))


class QstlabTcs:
    """One TCS II; a ``Thermode``.

    Args:
        link: a serial link at 115 200 baud, 8N1, no flow control.
        settings: ``thermode_area``, ``zones``, ``min_temperature``, ``max_temperature``, ``max_rate``,
            ``max_return_rate``, ``min_battery_percent``.
        clock: the visit's clock.

    Raises:
        StationFileError: a setting is wrong.
    """

    TITLE: ClassVar[str] = "QST.Lab TCS II (Peltier thermode, five zones, USB serial)"
    CAPABILITIES: ClassVar[Capabilities] = describe(TcsSettings())
    ENQUIRY: ClassVar[Enquiry] = enquiry.ENQUIRY

    def __init__(self, link: Link, settings: Mapping[str, Any], clock: Clock) -> None:
        self._settings = TcsSettings.read(settings)
        self._capabilities = describe(self._settings)
        self._link = link
        self._clock = clock
        self._port = TcsPort(link, clock)
        self._plate = Plate(self._port, self._settings.zones, clock)
        self._open = False
        self._safe = True
        self._program: Program | None = None
        self._adapted = False
        self._watch: RampWatch | None = None
        self._held: list[tuple[float, float, bool]] = []  # readings of a turn-back that may still be a disturbance

    @property
    def capabilities(self) -> Capabilities:
        """What this thermode, as configured, can do."""
        return self._capabilities

    @property
    def thermode_area_cm2(self) -> float | None:
        """Contact area in cm², from the station file; the device does not tell it."""
        return self._settings.area_cm2

    # --- life ----------------------------------------------------------------------------------------------------

    def connect(self) -> Identity:
        """Open the link, bring the line in step, identify the device, check battery, sensors and probe."""
        if self._open:
            self.close()
        self._link.open()
        self._open = True
        try:
            return self._greet()
        except BaseException:
            self._open = False
            self._link.close()
            raise

    def _greet(self) -> Identity:
        self._port = port = TcsPort(self._link, self._clock)
        self._plate = Plate(port, self._settings.zones, self._clock)
        self._clock.sleep(_OPEN_WAIT_S)
        port.abort()
        for _ in range(2):
            port.send(_MUTE)
            port.drain(QUIET_S)
        header = port.decoded("H", decode_header)
        port.paced = header.major is None or header.major < _UNPACED_FROM
        port.require_battery(self._settings.min_battery_percent)
        port.require_sensors()
        port.send(_NO_PROFILES)
        self._plate.require_rest()
        return enquiry.identity_of(header)

    def health(self) -> Health:
        """Battery and clock, which it tells, and what :meth:`connect` has asked it."""
        self._require_open()
        now = self._clock.utc().replace(tzinfo=None) + timedelta(seconds=self._clock.utc_offset_s())
        shown = self._port.clock()
        return Health(
            battery_percent=self._port.battery_percent(),
            clock_offset_s=None if shown is None else (shown - now).total_seconds() + _HALF_SECOND,
            checks=("battery", "sensors", "parameters", "plate at its baseline"),
        )

    def close(self) -> None:
        """Make safe, take all zones out, close the link. Idempotent."""
        if not self._open:
            return
        try:
            if not self._safe:
                self.make_safe()
            self._port.send(_ALL_ZONES_OUT)
        except (LinkError, InstrumentError):
            return  # make_safe has told it, or will; a device that is gone is ended by its own duration
        finally:
            self._open = False
            self._program = self._watch = None
            self._link.close()

    def _require_open(self) -> None:
        if not self._open:
            raise NotReadyError("the TCS is not connected", where=self._link.description, remedy="connect it first")

    def _require_idle(self) -> None:
        self._require_open()
        if self._watch is not None and self._watch.ended is None:
            raise NotReadyError("a ramp is running", where=self._link.description, remedy="stop it first")

    def check(self, ramp: ThermalRamp | PressureRamp) -> None:
        """Whether this TCS, as the station sets it up, can and may do ``ramp``. Touches no link.

        Raises:
            RefusedError: it cannot, or may not.
        """
        if isinstance(ramp, PressureRamp):
            raise RefusedError("a thermode applies no pressure", remedy="give pressure trials to an algometer")
        write_program(ramp, self._settings)

    # --- a ramp --------------------------------------------------------------------------------------------------

    def prepare(self, ramp: ThermalRamp) -> None:
        """Prove and program ``ramp``, and read it back. Nothing moves: the baseline is set by :meth:`adapt`."""
        self.check(ramp)
        program = write_program(ramp, self._settings)
        self._require_idle()
        self._program, self._adapted, self._watch = None, False, None
        self._port.require_battery(self._settings.min_battery_percent)
        self._port.require_sensors()
        self._port.send(encode(*program.limits))
        self._verify(program.expected)
        self._program = program

    def _verify(self, expected: Mapping[str, int]) -> None:
        try:
            check_readback(self._plate.parameters(), expected)
        except InstrumentFaultError:
            self.stop()
            raise

    def adapt(self) -> None:
        """Set the baseline to the start of the ramp and read everything back. The plate is held there by the device."""
        self._require_idle()
        program = self._require_program()
        self._watch = None
        self._safe = False
        self._plate.neutral_c = program.ramp.start_c
        self._port.send(encode(program.neutral))
        self._verify({**program.expected, "N": round(program.ramp.start_c * 10)})
        self._adapted = True

    def _require_program(self) -> Program:
        if self._program is None:
            raise NotReadyError("no ramp is prepared", where=self._link.description, remedy="prepare a ramp first")
        return self._program

    def ready(self) -> bool:
        """Whether a verified ramp waits and the line is in step."""
        return self._open and self._adapted and not self._port.in_doubt and self._watch is None

    def begin(self) -> None:
        """Start the ramp; the participant's button ends it in the device."""
        self._require_open()
        program = self._require_program()
        if not self._adapted or self._watch is not None:
            raise NotReadyError(
                "the baseline of this ramp is not set" if self._watch is None else "the ramp has already been started",
                where=self._link.description,
                remedy="adapt first",
            )
        value_c = self._plate.temperature_c()
        if abs(value_c - program.ramp.start_c) > AT_BASELINE_C:
            raise NotReadyError(
                f"the plate is at {value_c:.1f} °C, the ramp starts at {program.ramp.start_c:g} °C",
                where=self._link.description,
                did="the ramp was not started",
                remedy="wait until the plate has settled",
            )
        self._plate.has_arrived()
        self._safe = False
        began_s = self._clock.monotonic()
        self._held.clear()
        self._watch = RampWatch(program, began_s, self._capabilities.stated_overshoot, value_c)
        self._port.send(_START)

    def poll(self) -> Sequence[Sample]:
        """One round trip: buttons, then temperatures.

        Raises:
            NotReadyError: not connected.
            LinkError, RemoteProtocolError: no answer, or a wrong one; the line is brought back in step before the next.
            InstrumentFaultError: no probe, zones that disagree, or a plate off its ramp. ``A`` was sent.
        """
        if not self._open:
            self._require_open()
        keys, temperatures = self._port.ask_keys_and_temperatures()
        time_s = self._port.asked_s
        value_c = self._plate.mean_c(temperatures)
        pressed = keys.respond
        watch = self._watch
        if watch is None:
            return (Sample(time_s, value_c, pressed),)
        if watch.ended is None:
            self._second_layer(watch, time_s, value_c, pressed=pressed)
            if watch.turning or self._held:
                return self._hold_back(watch, time_s, value_c, pressed=pressed)
        return (Sample(time_s, value_c, pressed, watch.ended),)

    def _hold_back(self, watch: RampWatch, time_s: float, value_c: float, *, pressed: bool) -> Sequence[Sample]:
        """Keep readings that may belong to a return until it is decided; their first is then the return's first."""
        self._held.append((time_s, value_c, pressed))
        if watch.turning and time_s - self._held[0][0] < HELD_BACK_LONGEST_S:
            return ()
        samples = [Sample(*reading, watch.ended) for reading in self._held]
        self._held.clear()
        return samples

    def _second_layer(self, watch: RampWatch, time_s: float, value_c: float, *, pressed: bool) -> None:
        try:
            watch.see(time_s, value_c, self._plate.furthest_c(rising=watch.rising), pressed=pressed)
        except InstrumentFaultError as fault:
            self._port.abort()
            fault.did = fault.did or "the stimulus was ended (A sent)"
            raise
        if watch.ended is not None:
            self._port.abort()
            if watch.inferred:
                self._port.require_sensors()

    def stop(self) -> None:
        """End the stimulus; the plate returns to baseline. Idempotent; does nothing when not connected."""
        if self._open:
            self._port.abort()
            self._watch = None
            self._adapted = False

    def make_safe(self) -> None:
        """``A`` until the plate is at, or on its way to, a harmless temperature. From any state; idempotent.

        A baseline further than 2 °C from 32 °C is itself a stimulus (20 °C may be what hurts) and is left for 32 °C.

        Raises:
            LinkError: the device could not be reached.
            InstrumentFaultError: it was reached, and the plate does not return.
        """
        if not self._open:
            return
        self._watch, self._adapted, self._program = None, False, None
        self._plate.go_home()
        self._safe = True
