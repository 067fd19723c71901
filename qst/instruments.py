"""What a thermode, an algometer and a response button are: the hardware abstraction layer.

Units: temperature °C, pressure kPa, time s on the host's monotonic clock (``Clock.monotonic``). A driver is one plain
class a device model; it states what it can do as data (:class:`Capabilities`), not by inheriting from a tree.

Who ends a ramp differs between devices and is not hidden: a sample says when, and by what, the *device* ended the ramp.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

import msgspec

from qst.ceilings import pressure_problem, thermal_problems
from qst.clock import Clock
from qst.errors import RefusedError


class Modality(StrEnum):
    """What is applied to the skin."""

    PRESSURE = "pressure"
    HEAT = "heat"
    COLD = "cold"


class RampEnd(StrEnum):
    """What ended a ramp inside the device. None in a sample means: not ended by the device."""

    BUTTON = "button"  # the participant's button, seen by the device
    LIMIT = "limit"  # the programmed cut-off or the programmed duration
    FAULT = "fault"  # a safety error or another fault of the device


class Reading(StrEnum):
    """How values come from the instrument."""

    POLLED = "polled"
    STREAMED = "streamed"
    OPERATOR = "operator"  # no public protocol: the operator reads the display and types the value in


class Programming(StrEnum):
    """How a ramp gets into the device."""

    FREE = "free"  # any ramp inside the capabilities
    PROGRAMS = "programs"  # only programs prepared by hand on the device; the station file maps ramp -> program
    HAND = "hand"  # a hand makes the ramp; the software can only pace it


class Sample(NamedTuple):
    """One reading.

    ``time_s`` host monotonic time of the reading; ``value`` °C or kPa; ``pressed`` state of the device's own response
    button, None when the device has none or does not tell; ``ended`` what ended the ramp in the device, None while the
    device still follows the ramp (or leaves ending it to the host).
    """

    time_s: float
    value: float
    pressed: bool | None = None
    ended: RampEnd | None = None


class ButtonEdge(NamedTuple):
    """The response button went down (``pressed``) or up at ``time_s`` on the host's monotonic clock."""

    time_s: float
    pressed: bool


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who answered on the link. Text as the device gave it; empty when the device does not tell.

    ``simulated``: whether it says itself that it is a simulation; False when it tells an identity that only a real
    device has, None when it tells none.
    """

    model: str
    serial: str = ""
    firmware: str = ""
    detail: str = ""
    simulated: bool | None = None


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an instrument can do, as data.

    Temperatures °C (rates °C/s) for thermodes, pressures kPa (rates kPa/s) for algometers. ``None`` means no limit is
    known. ``unverified`` lists facts about the device that no public document confirms.
    """

    kind: str  # "thermode" | "algometer"
    modalities: frozenset[Modality]
    value_min: float
    value_max: float
    resolution: float
    rate_min: float
    rate_max: float
    rate_step: float | None = None
    return_rate_max: float | None = None
    longest_stimulus_s: float | None = None
    reading: Reading
    programming: Programming
    ends_ramp_on_button: bool
    ends_ramp_at_limit: bool
    self_limiting: bool  # returns to baseline by itself when the host goes silent
    has_button: bool
    acknowledges: bool
    checksums: bool
    timestamps: bool
    stated_overshoot: float = 0.0  # how far beyond the commanded value the device may go, by its own statement
    reading_gap_s: float = 0.2  # longest time between two readings of a stimulus, a lost answer and its repeat included
    held_back_s: float = 0.0  # how much later than its own time a reading may be given, until it is certain
    ramp_lag_s: float = 0.5  # how long after ``begin``, and how long behind its set-point, the readings may follow
    unverified: tuple[str, ...] = ()


class ThermalRamp(msgspec.Struct, frozen=True, kw_only=True):
    """A method-of-limits ramp of a thermode: from ``start_c`` at ``rate_c_per_s`` until response or ``cutoff_c``.

    Rates are magnitudes; the direction follows from start and cut-off.

    Raises:
        RefusedError: a value is not finite, a rate is not positive, or start equals cut-off.
    """

    start_c: float
    rate_c_per_s: float
    cutoff_c: float
    return_rate_c_per_s: float

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not math.isfinite(getattr(self, name)):
                raise RefusedError(f"{name} is not a finite number")
        if self.rate_c_per_s <= 0 or self.return_rate_c_per_s <= 0:
            raise RefusedError("the rates of a ramp must be positive; its direction follows from start and cut-off")
        if self.start_c == self.cutoff_c:
            raise RefusedError("a ramp needs a cut-off different from its start")

    @property
    def rising(self) -> bool:
        """True for a heat ramp."""
        return self.cutoff_c > self.start_c

    @property
    def duration_s(self) -> float:
        """Seconds from start to cut-off."""
        return abs(self.cutoff_c - self.start_c) / self.rate_c_per_s


class PressureRamp(msgspec.Struct, frozen=True, kw_only=True):
    """A pressure ramp from contact at ``rate_kpa_per_s`` until response or ``cutoff_kpa``.

    Raises:
        RefusedError: a value is not finite or not positive.
    """

    rate_kpa_per_s: float
    cutoff_kpa: float

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if not math.isfinite(value) or value <= 0:
                raise RefusedError(f"{name} must be a positive number")

    @property
    def duration_s(self) -> float:
        """Seconds from contact to cut-off at the target rate."""
        return self.cutoff_kpa / self.rate_kpa_per_s


def ceiling_problems(ramp: ThermalRamp | PressureRamp, overshoot_c: float = 0.0) -> tuple[str, ...]:
    """Everything for which the suite's ceilings forbid this ramp to a plate that overshoots so far; or nothing."""
    if isinstance(ramp, PressureRamp):
        return tuple(filter(None, (pressure_problem(ramp.cutoff_kpa),)))
    rates = (ramp.rate_c_per_s, ramp.cutoff_c, ramp.return_rate_c_per_s)
    return tuple(thermal_problems(ramp.start_c, *rates, overshoot_c))


def refuse_beyond_ceilings(ramp: ThermalRamp | PressureRamp, overshoot_c: float = 0.0) -> None:
    """What every driver holds by itself, whatever protocol, station and settings allow: the suite's ceilings.

    Args:
        ramp: what is asked for.
        overshoot_c: how far beyond a cut-off the thermode may go, by its own statement.

    Raises:
        RefusedError: the ramp is beyond them. Never clamped.
    """
    for problem in ceiling_problems(ramp, overshoot_c):
        raise RefusedError(problem, did="nothing was sent to the instrument", remedy="Change the protocol.")


class Instrument(Protocol):
    """What every instrument has.

    The order of life is ``connect``, any number of (``prepare``, ``begin``, ``poll``…, ``stop``), ``close``.
    ``make_safe`` works from every state, also before ``connect`` and after ``close``, is idempotent, never raises the
    stimulus, and raises an InstrumentError or LinkError only when it could not reach the device.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this instrument, as configured, can do."""

    def connect(self) -> Identity:
        """Open the link, identify the device, check its health. Never stimulates.

        Raises:
            LinkError, WireError, InstrumentError.
        """

    def check(self, ramp: ThermalRamp | PressureRamp) -> None:
        """Whether the instrument, as it is set up, can and may do this ramp. Touches no link.

        Raises:
            RefusedError: the ramp is of another kind, or outside limits, rate steps, or programs. Never clamped.
        """

    def begin(self) -> None:
        """Start the prepared ramp (thermode) or the readings (algometer).

        Raises:
            NotReadyError: nothing is prepared, or the device is not at its start.
        """

    def poll(self) -> Sequence[Sample]:
        """Samples since the last poll, oldest first; may wait for one round trip, never for a condition.

        Raises:
            LinkError, RemoteProtocolError, InstrumentFaultError.
        """

    def stop(self) -> None:
        """End the stimulus: return to baseline (thermode), end the readings (algometer). Idempotent."""

    def make_safe(self) -> None:
        """Bring the device to a safe state from any state. Idempotent."""

    def close(self) -> None:
        """Make safe if needed, restore what was changed, close the link. Idempotent; never raises a LinkError."""


class Thermode(Instrument, Protocol):
    """A thermode: heats or cools the skin under its plate. Units: °C, °C/s."""

    def prepare(self, ramp: ThermalRamp) -> None:
        """Prove that the ramp is inside all limits and program it. Does not stimulate.

        Raises:
            RefusedError: the ramp is outside limits, rate steps, or prepared programs. Never clamped.
        """

    def adapt(self) -> None:
        """Go to, and hold, the start temperature of the prepared ramp. Returns at once; poll for the temperature."""

    def ready(self) -> bool:
        """Whether the device, as far as it has told, would obey ``begin`` now (for example: its pre-test is over)."""


class Algometer(Instrument, Protocol):
    """An algometer: measures the pressure that a hand applies. Units: kPa, kPa/s."""

    @property
    def tip_area_cm2(self) -> float:
        """Area of the tip in cm²; force is converted with it."""

    def prepare(self, ramp: PressureRamp) -> None:
        """Prove that the cut-off is inside the gauge's range and set the gauge up.

        Raises:
            RefusedError: outside the range.
        """

    def tare(self) -> None:
        """Zero the unloaded gauge and clear its peak.

        Raises:
            NotReadyError: the gauge is loaded.
        """

    def peak_kpa(self) -> float | None:
        """The gauge's own peak since ``tare`` in kPa; None when it has none that software can read."""


class EntryVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a typed-in display value.

    ``value_kpa`` is None when refused; ``problem`` says why and what would be right; ``warnings`` must be confirmed by
    typing the value a second time.
    """

    value_kpa: float | None
    raw_text: str
    problem: str = ""
    warnings: tuple[str, ...] = ()


@runtime_checkable
class OperatorRead(Protocol):
    """An algometer whose display only the operator can see."""

    def expected_display(self, elapsed_s: float) -> str:
        """What the display should show ``elapsed_s`` after contact at the prepared rate, in the gauge's own unit."""

    def check_entry(self, text: str, elapsed_s: float, earlier_kpa: Sequence[float] = ()) -> EntryVerdict:
        """Check a typed-in value: number, unit, grid, range, implied mean rate, agreement with earlier repetitions."""


class SetupStep(msgspec.Struct, frozen=True, kw_only=True):
    """Something the operator has to do once before the first trial; ``text`` is what to tell the operator."""

    id: str
    text: str


@runtime_checkable
class NeedsSetup(Protocol):
    """An instrument that needs the operator's hand once, after ``connect`` and before the first ``prepare``.

    For each step: call ``begin_setup``, show the step's text, and about 1.5 s after the operator's confirmation call
    ``finish_setup``. A step that raised NotReadyError may be begun again.
    """

    def setup_steps(self) -> tuple[SetupStep, ...]:
        """The steps still to do; empty when the instrument is set up."""

    def begin_setup(self, step_id: str) -> None:
        """Get ready to watch the step. Raises NotReadyError, LinkError."""

    def finish_setup(self, step_id: str) -> str:
        """Judge the step; text for the log. Raises NotReadyError when the step did not succeed, and LinkError."""


class ResponseButton(Protocol):
    """The participant's button.

    One that can be lost says so by raising a LinkError from either method: a participant whose button is dead cannot
    stop anything, so nothing begins, and a ramp that runs is ended.
    """

    def edges(self) -> Sequence[ButtonEdge]:
        """Edges since the last call, oldest first. Never waits. Raises LinkError."""

    def pressed(self) -> bool:
        """Whether it is down now. Raises LinkError."""


@runtime_checkable
class ConnectedButton(ResponseButton, Protocol):
    """A button with a link of its own."""

    @property
    def description(self) -> str:
        """As the station file names it."""

    def connect(self) -> None:
        """Open it (again). Raises LinkOpenError."""

    def close(self) -> None:
        """Close it. Idempotent."""


class Link(Protocol):
    """Bytes in, bytes out, with deadlines. Times are seconds on the visit's clock."""

    @property
    def description(self) -> str:
        """How a person would name it: ``sim://mark10``, ``COM3``, ``tcp://10.0.0.2:20121``."""

    def open(self) -> None:
        """Open it (again). Raises LinkOpenError."""

    def write(self, data: bytes) -> None:
        """Send all of ``data``. Raises LinkClosedError, LinkTimeoutError."""

    def read(self, timeout_s: float) -> bytes:
        """At least one byte, as many as are there; ``b""`` when the other side has closed.

        Raises:
            LinkTimeoutError: no byte within ``timeout_s``.
            LinkClosedError: the link is not open.
        """

    def read_available(self) -> bytes:
        """Whatever has arrived, possibly nothing. Never waits."""

    def close(self) -> None:
        """Close it. Idempotent."""


class SafeStep(NamedTuple):
    """One step of a way to safety: send ``data``, then wait ``pause_s`` (s) before the next step."""

    data: bytes
    pause_s: float = 0.0


#: What makes a device safe: understood whatever state it is in (also in the middle of a command), harmless when sent
#: again and again, never raising the stimulus, and needing no answer.
SafeScript = tuple[SafeStep, ...]


class Guard(Protocol):
    """What makes a device safe when its host goes silent, and does not die with the host."""

    def arm(self, script: SafeScript, timeout_s: float) -> None:
        """From now on ``script`` is sent when nothing is written to the link for ``timeout_s`` (s). Waits until it is.

        The script stays known after ``disarm``: it is also sent when the host's process ends without closing the link.

        Raises:
            RefusedError: a time-out that is too short or too long, or no script.
            NotReadyError: this guard has acted or died before; the link must be opened anew.
            LinkError: the guard does not answer; the device was made safe without it.
        """

    def disarm(self) -> None:
        """Silence is allowed again: the device would go where it is safe by itself. Idempotent. Raises LinkError."""


@runtime_checkable
class NeedsGuard(Protocol):
    """An instrument that does not end its stimulus by itself when the host goes silent, and says what would end it."""

    def safe_script(self) -> SafeScript:
        """What a guard is to send, as things stand."""


def guard_of(link: Link) -> Guard | None:
    """The guard that owns the device's end of ``link``, also behind wrappers; None when nobody does."""
    guard: Guard | None = getattr(link, "guard", None)
    return guard


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What an instrument tells about itself, beside its readings. None and empty mean: not told. Nothing is guessed.

    ``battery_percent``; ``battery_text`` where the device tells its charge in another way; ``clock_offset_s``: the
    device's own clock minus the host's local time, s; ``checks``: what was asked and found sound; ``concerns``: what
    is no fault yet, each with what to do.
    """

    battery_percent: int | None = None
    battery_text: str = ""
    clock_offset_s: float | None = None
    checks: tuple[str, ...] = ()
    concerns: tuple[str, ...] = ()


@runtime_checkable
class TellsHealth(Protocol):
    """An instrument that can be asked how it is, between ``connect`` and the first ``prepare``."""

    def health(self) -> Health:
        """Ask. Never stimulates, changes no setting.

        Raises:
            LinkError, WireError, InstrumentError.
        """


class Enquiry(NamedTuple):
    """How to find out whether an instrument of this kind is at a port of which nobody knows what is there.

    What is a harmless question to one instrument can be a command to another, so ``identify`` sends as little as
    possible, nothing that sets or moves anything, and only where a person has said so.

    Attributes:
        identify: opens the link, asks who is there, closes the link. Needs no settings. Raises LinkError, WireError,
            InstrumentError.
        sends: what it sends, for the person who decides.
        serial_options: of a link to a serial port, such as ``baud=115200``; empty for instruments without one.
        usb: how USB adapters that these instruments have describe themselves: a vendor and product (``0483:a1ad``), a
            vendor (``0403:``), or a word of the description (``CH340``). A hint: other things have them, too.
        recognises: whether bytes that came unasked are those of such an instrument.
    """

    identify: Callable[[Link, Clock], Identity]
    sends: str
    serial_options: str = ""
    usb: tuple[str, ...] = ()
    recognises: Callable[[bytes], bool] | None = None


class DriverClass(Protocol):
    """What an entry point in the group ``qst.drivers`` must be: a class with these two class-level members.

    It may also have ``ENQUIRY`` (:class:`Enquiry`), for 'qst ports', and ``health`` (:class:`TellsHealth`).
    """

    #: One line for ``qst devices``.
    TITLE: str
    #: Capabilities with default settings, known without a device.
    CAPABILITIES: Capabilities

    def __call__(self, link: Link, settings: Mapping[str, Any], clock: Clock) -> Instrument:
        """Build the driver. Checks ``settings`` (StationFileError with what is wrong); opens nothing."""
