"""The plate under the controller: where it is, where it was told to go, whether it goes there, and how it gets home."""

from typing import Final, NamedTuple

from qst.clock import Clock
from qst.errors import InstrumentFaultError, LinkError, LinkTimeoutError, RemoteProtocolError
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
from qst_drivers.arroyo_5300.settings import REST_C, SECONDS_PER_MINUTE
from qst_drivers.arroyo_5300.talk import ArroyoTalk
from qst_drivers.arroyo_5300.watch import PathWatch
from qst_drivers.wire.arroyo import Bit, Output, RampRate, Setpoint, encode

_MAKE_SAFE_ATTEMPTS: Final = 3
#: A set-point this far beside the way is another one; readings have noise.
_ON_THE_WAY_C: Final = 0.5
_READY_BITS: Final = Bit.OUTPUT_ON | Bit.OUT_OF_TOLERANCE


class Seen(NamedTuple):
    """One reading; ``believed`` when it lies on the way that was commanded. Host time s, °C."""

    time_s: float
    value_c: float
    believed: bool


class Plate:
    """A plate that is sent places, and watched on its way.

    Args:
        talk: the line to its controller.
        clock: the visit's clock.
    """

    def __init__(self, talk: ArroyoTalk, clock: Clock) -> None:
        self._talk = talk
        self._clock = clock
        self._watch: PathWatch | None = None
        self._condition: int | None = None  # since the last order
        self.driving = False  #: the output was switched on by us, or found on
        self.distrusted = False  #: the plate does not follow: its output is switched off and stays off
        self.value_c = REST_C  #: the last reading that was believed

    # --- where it is ---------------------------------------------------------------------------------------------

    @property
    def in_tolerance(self) -> bool:
        """Whether the controller has said, since the last order, that the plate is where it was sent."""
        return self._condition is not None and self._condition & _READY_BITS == Bit.OUTPUT_ON

    @property
    def arrives_s(self) -> float:
        """When the set-point is where the plate was sent last."""
        return 0.0 if self._watch is None else self._watch.arrives_s

    @property
    def jumped(self) -> bool:
        """Whether the last reading lies further from the one before than any plate moves."""
        return self._watch is not None and self._watch.jumped

    def read(self) -> float:
        """The temperature, whatever the way. Raises InstrumentFaultError when it is none of a plate on skin."""
        value_c = self.value_c = self._talk.temperature_c()
        self._refuse_implausible(value_c)
        return value_c

    def look_on(self) -> Seen:
        """One reading, timed at the middle of its round trip, and whether it lies on the way.

        Raises:
            LinkError, RemoteProtocolError: no answer, or a wrong one.
            InstrumentFaultError: no temperature of a plate on skin, or off its way too long: the output is off then.
        """
        talk = self._talk
        value_c = talk.temperature_c()
        time_s = (talk.asked_s + talk.answered_s) * 0.5
        if not COLDEST_C < value_c < HOTTEST_C:
            self._refuse_implausible(value_c)
        watch = self._watch
        believed = watch is None or self._follow(watch, time_s, value_c)
        if believed:
            self.value_c = value_c
        return Seen(time_s, value_c, believed)

    def _refuse_implausible(self, value_c: float) -> None:
        fault = health.implausible(self._talk, value_c, driving=self.driving)
        if fault is not None:
            raise fault

    def _follow(self, watch: PathWatch, time_s: float, value_c: float) -> bool:
        if self.distrusted:
            return True
        try:
            return watch.see(time_s, value_c)
        except InstrumentFaultError as fault:
            self._distrust(fault)
            raise

    def _distrust(self, fault: InstrumentFaultError) -> None:
        """The output off, at once and for good: the loop itself may be what heats."""
        self.distrusted = True
        cut_power(self._talk)
        fault.where = self._talk.where

    @property
    def setting_out(self) -> bool:
        """Whether the plate was sent somewhere so lately that nothing may be seen of it yet."""
        return self._watch is not None and self._watch.setting_out(self._clock.monotonic())

    def ask_condition(self) -> int:
        """Ask for the condition.

        Raises:
            InstrumentFaultError: it tells of trouble, or of full power while the reading stands still.
            LinkError, RemoteProtocolError: no answer, or a wrong one.
        """
        bits = self._condition = health.condition(self._talk, driving=self.driving and not self.distrusted)
        if bits & Bit.CURRENT_LIMIT and self._watch is not None and not self.distrusted:
            try:
                self._watch.see_full_power(self._talk.asked_s, self.value_c)
            except InstrumentFaultError as fault:
                self._distrust(fault)
                raise
        return bits

    # --- where it goes -------------------------------------------------------------------------------------------

    def go_to(self, target: Setpoint, rate: RampRate) -> None:
        """Send it there, output on. The set-point is read back before power comes on: none is worse than a wrong one.

        Raises:
            InstrumentFaultError: the device reports an error, or holds another set-point.
            LinkError, RemoteProtocolError: it cannot be asked.
        """
        self.head_for(target, rate)
        self._talk.order(rate, target)
        self.require_target(self.value_c if self.driving else target.temperature_c, target.temperature_c)
        self.driving = True
        self.head_for(target, rate)
        self._talk.order(Output(on=True))

    def require_target(self, from_c: float, to_c: float) -> None:
        """The device's set-point, be it the final or the moving one, is on the way. Raises InstrumentFaultError."""
        target_c = self._talk.number("TEC:SET:T")
        low_c, high_c = sorted((from_c, to_c))
        if not low_c - _ON_THE_WAY_C <= target_c <= high_c + _ON_THE_WAY_C:
            raise InstrumentFaultError(
                f"the controller's set-point is {target_c:g} °C, not on the way to {to_c:g} °C",
                where=self._talk.where,
                remedy="repeat the trial; if it happens again, check the cable",
            )

    def head_for(self, target: Setpoint, rate: RampRate) -> None:
        """Watch the way that is commanded now."""
        self._condition = None
        now_s = self._clock.monotonic()
        self._watch = PathWatch(self.value_c, target.temperature_c, rate.rate_c_per_min / SECONDS_PER_MINUTE, now_s)

    def send_back(self, target: Setpoint, rate: RampRate) -> None:
        """Turn it round: the line goes out before anything else is done. Nothing is asked."""
        self._talk.send(encode(*way_home(target, rate)))
        self.head_for(target, rate)

    def come_home_if_held(self) -> str:
        """Send a plate home that an earlier host has left somewhere; what was found, for the log."""
        if not self.ask_condition() & Bit.OUTPUT_ON:
            return ""
        held_c = self._talk.number("TEC:SET:T")
        self.driving = True
        if abs(held_c - REST_C) > HOME_WITHIN_C:
            self._go_home(HOME_RATE)
        return f"; found with its output on at {held_c:g} °C"

    def make_safe(self, rate: RampRate) -> None:
        """Towards 32 °C with power; or, where the plate does not follow its set-point, the output off.

        Raises:
            LinkError: the device could not be reached.
            InstrumentFaultError: its answers, or the plate, do not show that it comes nearer to 32 °C.
        """
        if not self.driving:
            return
        trusted = not self.distrusted
        failure: LinkError | RemoteProtocolError | InstrumentFaultError | None = None
        for _ in range(_MAKE_SAFE_ATTEMPTS):
            try:
                if self.distrusted:
                    require_no_power(self._talk)
                else:
                    self._go_home(rate)
            except (LinkTimeoutError, RemoteProtocolError, InstrumentFaultError) as failed:
                failure = failed
            else:
                if failure is None or not (trusted and self.distrusted):
                    return
                break
        if isinstance(failure, RemoteProtocolError):
            raise InstrumentFaultError(
                f"the controller answers nothing that makes sense: {failure.what}",
                where=self._talk.where,
                did="the order to return to 32 °C was sent",
                remedy="lift the thermode off the skin now, then switch the controller off",
            ) from failure
        if failure is not None:
            raise failure

    def _go_home(self, rate: RampRate) -> None:
        self.send_back(HOME, rate)
        self._talk.refuse_errors("the order to return to 32 °C")
        self.ask_condition()
        if heading_home(self._talk, self._clock):
            return
        fault = InstrumentFaultError(
            "the plate does not return to 32 °C",
            did="its output was switched off: its loop cannot be trusted",
            remedy=f"{LIFT}, then switch the controller off at its own switch",
        )
        self._distrust(fault)
        raise fault
