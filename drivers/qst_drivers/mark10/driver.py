"""Driver for Mark-10 force gauges (Series 5 and 7) with a tip of known area: pressure algometry.

The gauge measures and a hand presses: software can watch, warn and record, but it cannot take the hand away. What is
"safe" here is only that the gauge stops talking. Facts about the gauge: Omega DFG-RS5 guide M5251 and the re-badged
Series 5 and 7 guides. The checks between the commands are our choice.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from qst.clock import Clock
from qst.errors import LinkError, NotReadyError, RefusedError
from qst.instruments import Capabilities, Enquiry, Health, Identity, Link, PressureRamp, Sample, SetupStep, ThermalRamp
from qst_drivers.mark10 import enquiry
from qst_drivers.mark10.capabilities import describe
from qst_drivers.mark10.setup import WANTED, gauge_of, push_sign_of, setting_commands, unlike_wanted
from qst_drivers.mark10.stream import Mark10Stream
from qst_drivers.mark10.talk import Mark10Talk
from qst_drivers.wire import mark10 as wire
from qst_drivers.wire.mark10 import Command, ListReply
from qst_drivers.wire.marks import serial_says_simulated

_TARE_N = 0.3  # a zeroed, unloaded gauge reads less
_SETTLE_S = 0.05  # a zero that holds this long was not taken from a moving force
_LOADED_N = 1.0  # a gauge that was zeroed before and reads more is loaded
_BATTERY_MINIMUM = 3  # 0 is full
_BATTERY_LOW = 2
_PROBE_N = 1.0  # a press on the table must reach this

_ASK_CURRENT: Final = wire.encode(Command("?C"))
_ASK_DISPLAYED: Final = wire.encode(Command("?"))
_ZERO: Final = wire.encode(Command("Z"))
_ASK_PEAK: Final = {1: wire.encode(Command("?PC")), -1: wire.encode(Command("?PT"))}

_POLARITY: Final = SetupStep(
    id="polarity",
    text="Take the gauge off everything, then press its tip lightly on the table (between 5 and 20 N) and let go.",
)


class Mark10:
    """A Mark-10 gauge over a link.

    Settings: ``tip_area`` (required, such as ``1 cm²``), ``model`` (``M5-50``), ``capacity`` and ``resolution`` (as
    forces; known for the M5-50), ``push_sign`` (``probe``, ``+1`` or ``-1``), ``serial``, ``calibration_date``.

    Args:
        link: to the gauge; 8 data bits, no parity, 1 stop bit, 115 200 baud from the factory.
        settings: see above.
        clock: the visit's clock.

    Raises:
        StationFileError: a setting is missing, unknown or impossible.
    """

    TITLE: ClassVar[str] = "Mark-10 force gauge, Series 5 or 7 (serial, streaming)"
    CAPABILITIES: ClassVar[Capabilities] = describe(gauge_of({"tip_area": "1 cm²"}))
    ENQUIRY: ClassVar[Enquiry] = enquiry.ENQUIRY

    def __init__(self, link: Link, settings: Mapping[str, Any], clock: Clock) -> None:
        self._gauge = gauge_of(settings)
        self._link = link
        self._clock = clock
        self._talk = Mark10Talk(link, clock)
        self._stream = Mark10Stream(self._talk, self._gauge, clock)
        self._capabilities = describe(self._gauge)
        self._push_sign: int | None = None
        self._use_sign(push_sign_of(settings))
        self._connected = False
        self._original: ListReply | None = None  # what to give back at the end
        self._probing = False
        self._prepared = False
        self._rate_kpa_per_s = 0.0
        self._zeroed = False

    def _use_sign(self, push_sign: int | None) -> None:
        self._push_sign = push_sign
        self._stream.kpa_per_n = self._gauge.kpa_per_n * (push_sign or 1)

    @property
    def capabilities(self) -> Capabilities:
        """With the configured tip and capacity."""
        return self._capabilities

    @property
    def tip_area_cm2(self) -> float:
        """Area of the tip in cm²."""
        return self._gauge.tip_area_cm2

    @property
    def push_sign(self) -> int | None:
        """+1 when the gauge shows a push as positive, -1 when as negative, None before the probe."""
        return self._push_sign

    # ------------------------------------------------------------------------------------------------------- set-up

    def connect(self) -> Identity:
        """Silence the gauge, ask who it is, set it up for algometry, and read the settings back. Never saves them.

        Raises:
            InstrumentFaultError: it refused a setting or lists another one than was set.
            LinkError: it does not answer (switched off, a menu open, or listening to its other port).
            RemoteProtocolError.
        """
        self._link.open()
        self._connected = True
        try:
            return self._greet()
        except BaseException:
            self.close()
            raise

    def _greet(self) -> Identity:
        talk = self._talk
        talk.silence()
        found = talk.settings()
        self._original = self._original or found
        model, serial, firmware = (talk.ask_text(Command(name)) for name in ("RM", "RS", "RV"))
        self._apply(WANTED, found)
        self._check_settings(self._talk.settings())
        return Identity(
            model=model or self._gauge.model,
            serial=serial or self._gauge.serial,
            firmware=firmware or found.firmware,
            detail=self._detail(found),
            simulated=serial_says_simulated(serial),
        )

    def health(self) -> Health:
        """Its battery, in the four steps that it tells, and what :meth:`connect` has asked it."""
        battery = self._talk.settings().battery
        low = battery is not None and battery >= _BATTERY_LOW
        return Health(
            battery_text="" if battery is None else f"step {battery} (3 is empty)",
            checks=("settings read back",),
            concerns=("the battery is low: charge the gauge, or leave its charger in",) if low else (),
        )

    def _apply(self, wanted: ListReply, found: ListReply) -> None:
        """Send what brings the gauge to ``wanted``, but nothing about what it does not list (older models)."""
        for command in setting_commands(wanted):
            if command.name not in ("IPOL", "OPOL") or found.input_inverted is not None:
                self._talk.send(wire.encode(command))

    def _detail(self, found: ListReply) -> str:
        sign = "to be probed" if self._push_sign is None else f"{self._push_sign:+d}"
        battery = "" if found.battery is None else f"; battery {found.battery} (0 full, 3 minimum)"
        omitted = "; the gauge does not list its polarity" if found.input_inverted is None else ""
        return f"tip {self.tip_area_cm2:g} cm²; push sign {sign}{battery}{omitted}"

    def _check_settings(self, found: ListReply) -> None:
        wrong = unlike_wanted(found)
        if found.battery is not None and found.battery >= _BATTERY_MINIMUM:
            raise self._talk.fault(
                "the battery of the gauge is nearly empty",
                did="Nothing was measured.",
                remedy="Plug in the gauge's charger, or charge it, then connect again.",
            )
        if wrong:
            raise self._talk.fault(
                f"the gauge did not take these settings: {', '.join(wrong)}",
                did="Nothing was measured.",
                remedy="Close every menu of the gauge, then connect again.",
            )

    def setup_steps(self) -> tuple[SetupStep, ...]:
        """The polarity probe, until it has succeeded or the station file has stated the sign."""
        return () if self._push_sign is not None else (_POLARITY,)

    def begin_setup(self, step_id: str) -> None:
        """Zero the free gauge and clear its peaks; from now on a press is watched.

        Raises:
            RefusedError: unknown step.
            LinkError.
        """
        self._check_step(step_id)
        self.stop()
        self._talk.send(_ZERO)
        self._probing = True

    def finish_setup(self, step_id: str) -> str:
        """Judge by both peaks which sign a push has; the press may be over by now.

        Raises:
            NotReadyError: not begun, pressed with less than 1 N, or both pressed and pulled.
            RefusedError: unknown step.
            LinkError, RemoteProtocolError.
        """
        self._check_step(step_id)
        if not self._probing:
            raise NotReadyError("the polarity probe was not begun", where=self._link.description)
        self._probing = False
        high_n, low_n = self._talk.ask_newton(_ASK_PEAK[1]), self._talk.ask_newton(_ASK_PEAK[-1])
        force_n, other_n = (high_n, low_n) if abs(high_n) >= abs(low_n) else (low_n, high_n)
        if abs(force_n) < _PROBE_N or 3 * abs(other_n) > abs(force_n):
            raise NotReadyError(
                f"the press on the table was not clear: peaks {high_n:g} N and {low_n:g} N",
                where=self._link.description,
                did="The polarity of the gauge is still unknown; nothing can be measured yet.",
                remedy="Hold the gauge free, repeat the step, and press the tip on the table with at least 5 N.",
            )
        self._use_sign(1 if force_n > 0 else -1)
        self._zeroed = True
        return f"push sign {self._push_sign:+d}: a press on the table read {force_n:g} N"

    def _check_step(self, step_id: str) -> None:
        if step_id != _POLARITY.id:
            raise RefusedError(f"this gauge has no set-up step '{step_id}'", where=self._link.description)

    # -------------------------------------------------------------------------------------------------------- trials

    def check(self, ramp: ThermalRamp | PressureRamp) -> None:
        """Prove that the cut-off is inside the range. Raises RefusedError."""
        self._gauge.check_ramp(ramp, where=self._link.description)

    def prepare(self, ramp: PressureRamp) -> None:
        """Prove that the cut-off is inside the range. The hand makes the ramp.

        Raises:
            RefusedError: cut-off beyond the gauge's capacity or the suite's ceiling, or a rate no hand can follow.
            NotReadyError: not connected, or the polarity is not known yet.
        """
        self.check(ramp)
        if not self._connected:
            raise NotReadyError("the gauge is not connected", where=self._link.description)
        if self._push_sign is None:
            raise NotReadyError(
                "the sign of a push is not known yet",
                where=self._link.description,
                remedy="Do the set-up step: press the tip lightly on the table.",
            )
        self._rate_kpa_per_s = ramp.rate_kpa_per_s
        self._prepared = True

    def tare(self) -> None:
        """Zero the free gauge, clear its peaks, and see that it reads less than 0.3 N and still is as it was set up.

        Raises:
            NotReadyError: the gauge is loaded.
            InstrumentFaultError: somebody changed its settings, or it started anew; its battery is nearly empty.
            LinkError, RemoteProtocolError.
        """
        self.stop()
        self._check_settings(self._talk.settings())
        if self._zeroed and abs(self._talk.ask_newton(_ASK_CURRENT)) > _LOADED_N:
            raise self._loaded()  # zeroing now would hide the load
        self._talk.send(_ZERO)
        self._clock.sleep(_SETTLE_S)
        if abs(self._talk.ask_newton(_ASK_DISPLAYED)) >= _TARE_N:
            raise self._loaded()
        self._zeroed = True

    def _loaded(self) -> NotReadyError:
        return NotReadyError(
            "the gauge cannot be zeroed: something touches its tip",
            where=self._link.description,
            did="The trial has not begun.",
            remedy="Hold the gauge free, then repeat.",
        )

    def begin(self) -> None:
        """Start the stream of readings.

        Raises:
            NotReadyError: nothing is prepared.
            LinkError.
        """
        if not self._prepared:
            raise NotReadyError("no ramp is prepared", where=self._link.description)
        self._stream.end()
        self._stream.begin(self._rate_kpa_per_s)

    def poll(self) -> Sequence[Sample]:
        """Readings that have arrived, in kPa, push positive; nothing before ``begin``. Never waits.

        Raises:
            InstrumentFaultError: overload, a pull, a wrong unit twice, or no line for three periods.
            RemoteProtocolError: something that is no reading.
            LinkError.
        """
        return self._stream.poll()

    def stop(self) -> None:
        """End the stream and see that the gauge has fallen silent. Idempotent. The hand is the operator's.

        Raises:
            LinkError, RemoteProtocolError.
        """
        self._stream.end()

    def peak_kpa(self) -> float | None:
        """The gauge's own peak of the push since ``tare``.

        Raises:
            NotReadyError: the stream still runs: its lines cannot be told from the answer.
            LinkError, RemoteProtocolError, InstrumentFaultError.
        """
        if self._stream.running or self._push_sign is None:
            raise NotReadyError("end the readings before asking for the peak", where=self._link.description)
        return self._talk.ask_newton(_ASK_PEAK[self._push_sign]) * self._stream.kpa_per_n

    def current_kpa(self) -> float:
        """The force on the tip now as pressure, by one question and one answer.

        Raises:
            NotReadyError: the stream runs, or the polarity is not known.
            LinkError, RemoteProtocolError, InstrumentFaultError.
        """
        if self._stream.running or self._push_sign is None:
            raise NotReadyError("end the readings before asking for one", where=self._link.description)
        return self._talk.ask_newton(_ASK_CURRENT) * self._stream.kpa_per_n

    # ------------------------------------------------------------------------------------------------------- the end

    def make_safe(self) -> None:
        """End the stream without waiting. A hand-held gauge moves nothing, so nothing else can be made safe."""
        if not self._connected:
            return
        self._stream.silence()

    def close(self) -> None:
        """Silence the gauge, give it back its own unit, mode, filters and auto-off, and close the link."""
        if not self._connected:
            return
        try:
            self._stream.silence()
            if self._original is not None:
                self._apply(self._original, self._original)
        except LinkError:
            pass  # the gauge is gone; there is nobody to give anything back to
        finally:
            self._connected = self._prepared = self._stream.running = False
            self._link.close()
