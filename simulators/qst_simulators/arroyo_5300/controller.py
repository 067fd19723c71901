"""The temperature controller: set-point, ramp, output, limits, condition, error queue.

Source: Arroyo, *Computer Interfacing Manual* (530-1003 Rev K), 5300 data sheet. Unverified, our choices: a ramp
begins at the measured temperature (switch ``slew_from``), a new rate changes a ramp that runs (``trate_at_once``),
switching the output on ramps to the set-point, tolerance is judged against the final set-point, and the sensor is
judged at once.
"""

import functools

from qst_drivers.wire.arroyo import Bit, Error
from qst_simulators.arroyo_5300.options import Options
from qst_simulators.faults import Moment, Moments
from qst_simulators.peltier import PeltierSurface
from qst_simulators.world import Event, World

_ERRORS_KEPT = 10
_SECONDS_PER_MINUTE = 60.0
_POWER_ON_BIT = 1 << 7
#: Class of an error code -> bit of *ESR?.
_ESR = {1: 1 << 5, 2: 1 << 4, 3: 1 << 2}
_DEVICE_ERROR = 1 << 3
_TRIPS = {"open": (Error.SENSOR_OPEN, Bit.SENSOR_OPEN), "short": (Error.SENSOR_SHORT, Bit.SENSOR_SHORT)}


class Controller:
    """What the commands act on.

    Args:
        world: time and chance.
        surface: the plate.
        options: what was chosen.

    Attributes:
        ignores_setpoints: fault: TEC:T is accepted and changes nothing.
    """

    def __init__(self, world: World, surface: PeltierSurface, options: Options) -> None:
        self._world, self._surface, self._options = world, surface, options
        self.moments = Moments()
        self.ignores_setpoints = False
        self._slow = 1.0
        self.sensor = "sound"  # or "open", "short"
        self._limit_events: list[Event] = []
        self._power_on()
        surface.on_change.append(self._path_changed)

    def _power_on(self) -> None:
        self.set_c = 25.0
        self.rate_c_per_min = 0.0
        self.output = False
        self.mode = "T"
        self.high_c, self.low_c = 125.0, -99.0
        self.band_c, self.band_s = 0.1, 5.0
        self.errors: list[int] = []
        self.esr = _POWER_ON_BIT
        self._tripped = 0  # condition bits of what switched the output off, while they last
        self._events = 0
        self._in_band_from_s: float | None = None

    def reboot(self) -> None:
        """As if it had been switched off and on: the output is off, everything else is as it was made."""
        self._power_on()
        self._surface.release()

    # -- errors ---------------------------------------------------------------------------------------------------

    def complain(self, code: int) -> None:
        """Put an error into the queue; a full queue keeps its oldest ones."""
        if len(self.errors) < _ERRORS_KEPT:
            self.errors.append(code)
        self.esr |= _ESR.get(code // 100, _DEVICE_ERROR)

    def take_errors(self) -> list[int]:
        """The queue, which is empty then."""
        errors, self.errors = self.errors, []
        return errors

    # -- commands -------------------------------------------------------------------------------------------------

    def set_temperature(self, temperature_c: float) -> None:
        """A new set-point; outside the limits it is refused."""
        if self._options.obeys_limits and not self.low_c <= temperature_c <= self.high_c:
            self.complain(Error.OUT_OF_RANGE)
            return
        if self.ignores_setpoints:
            return
        if temperature_c != self.set_c:
            self._tell_moment()
        self.set_c = temperature_c
        self._drive()

    def _tell_moment(self) -> None:
        """A set-point that leaves a steady plate is taken for a ramp, and one that ends a ramp for its return."""
        following = {Moment.SETTLE: Moment.RAMP, Moment.RAMP: Moment.RETURN}.get(self.moments.now)
        if self.output and following is not None:
            self.moments.enter(following)

    def set_rate(self, rate_c_per_min: float) -> None:
        """A new ramp rate."""
        self.rate_c_per_min = rate_c_per_min
        if self._options.trate_at_once and not self._at_target():
            self._drive()

    def slow_down(self, share: float) -> None:
        """Fault: from now on ramps run at this share of their rate, also the one under way."""
        self._slow = share
        if not self._at_target():
            self._drive(from_setpoint=True)

    def _at_target(self) -> bool:
        return self._surface.setpoint_c(self._world.now_s) == self.set_c

    def set_output(self, *, on: bool) -> None:
        """The output on (towards the set-point) or off. Being told "on" while it is on begins an adaptation."""
        if on:
            self.moments.enter(Moment.ADAPT)
        if on == self.output:
            return
        if on and self.sensor in _TRIPS:
            self.complain(_TRIPS[self.sensor][0])
            return
        self.output = on
        self._events |= Bit.OUTPUT_ON
        if on:
            self._tripped = 0
            self._drive()
            self._watch_limits()
        else:
            self._surface.release()

    def set_mode(self, mode: str) -> None:
        """What is regulated; a change switches the output off."""
        if mode != self.mode:
            self.mode = mode
            if self.output:
                self._trip(Error.MODE_CHANGE, 0)

    def set_limit(self, *, high_c: float | None = None, low_c: float | None = None) -> None:
        """New temperature limits."""
        self.high_c = self.high_c if high_c is None else high_c
        self.low_c = self.low_c if low_c is None else low_c
        self._watch_limits()

    def set_tolerance(self, band_c: float, time_s: float) -> None:
        """What "in tolerance" means."""
        self.band_c, self.band_s = band_c, time_s
        self._in_band_from_s = None
        self._watch_band()

    def _drive(self, *, from_setpoint: bool = False) -> None:
        if self.output:
            rate = self.rate_c_per_min / _SECONDS_PER_MINUTE * self._slow
            from_setpoint = from_setpoint or self._options.slew_from == "setpoint"
            self._surface.drive(self.set_c, rate or None, from_setpoint=from_setpoint)

    # -- what happens by itself -----------------------------------------------------------------------------------

    def fail_sensor(self, how: str) -> None:
        """The sensor's wires break (``open``), touch (``short``), or are mended (``sound``)."""
        self.sensor = how
        if how in _TRIPS and self.output:
            self._trip(*_TRIPS[how])

    def _trip(self, code: int, bit: int) -> None:
        """Switch the output off, and say why."""
        self.complain(code)
        self._tripped |= bit
        self._events |= bit
        self.set_output(on=False)

    def _path_changed(self) -> None:
        self._watch_limits()
        self._watch_band()

    def _watch_limits(self) -> None:
        """The limits act only in mode T and on what the sensor sees."""
        for event in self._limit_events:
            event.cancel()
        self._limit_events.clear()
        if not self._options.obeys_limits or not self.output or self.mode != "T" or self._surface.stuck_c is not None:
            return
        for limit_c, rising, bit in (
            (self.high_c, True, Bit.TEMPERATURE_HIGH),
            (self.low_c, False, Bit.TEMPERATURE_LOW),
        ):
            time_s = self._surface.when(limit_c, rising=rising, after_s=self._world.now_s)
            if time_s is not None:
                self._limit_events.append(
                    self._world.at(time_s, functools.partial(self._trip, Error.TEMPERATURE_LIMIT, bit))
                )

    def _watch_band(self) -> None:
        """When the plate gets into the tolerance band on the path ahead."""
        now_s = self._world.now_s
        behind_c = self._seen_c(now_s) - self.set_c
        if abs(behind_c) <= self.band_c:
            self._in_band_from_s = now_s if self._in_band_from_s is None else min(self._in_band_from_s, now_s)
            return
        rising = behind_c < 0
        edge_c = self.set_c - self.band_c if rising else self.set_c + self.band_c
        self._in_band_from_s = self._surface.when(edge_c, rising=rising, after_s=now_s)

    def _seen_c(self, time_s: float) -> float:
        return self._surface.sensed_c(time_s)

    def in_tolerance(self) -> bool:
        """Whether the plate has been in the band for long enough."""
        now_s = self._world.now_s
        if abs(self._seen_c(now_s) - self.set_c) > self.band_c or self._in_band_from_s is None:
            return False
        return now_s - self._in_band_from_s >= self.band_s

    # -- what it tells --------------------------------------------------------------------------------------------

    def condition(self) -> int:
        """``TEC:COND?`` now. After a trip its bit stays while its cause lasts."""
        bits = self._lasting_trips()
        if self.sensor in _TRIPS:
            bits |= _TRIPS[self.sensor][1]
        if self.output:
            bits |= Bit.OUTPUT_ON
            if not self.in_tolerance():
                bits |= Bit.OUT_OF_TOLERANCE
            elif self.moments.now is Moment.ADAPT:
                self.moments.enter(Moment.SETTLE)
            if abs(self.effort()) >= 1.0:
                bits |= Bit.CURRENT_LIMIT
        return bits

    def _lasting_trips(self) -> int:
        here_c = self._seen_c(self._world.now_s)
        bits = 0
        if here_c >= self.high_c:
            bits |= self._tripped & Bit.TEMPERATURE_HIGH
        if here_c <= self.low_c:
            bits |= self._tripped & Bit.TEMPERATURE_LOW
        return bits

    def take_events(self) -> int:
        """``TEC:EVE?``: what has happened since the last look."""
        events, self._events = self._events, 0
        return events

    def effort(self) -> float:
        """Share of the module's power in use, −1 (cooling) to 1 (heating); 0 while the output is off."""
        if not self.output:
            return 0.0
        return self._surface.effort(self._world.now_s)

    def measured_c(self, time_s: float) -> float:
        """What the sensor says, without noise."""
        if self.sensor == "open":
            return self._options.open_reads_c
        if self.sensor == "short":
            return self._options.short_reads_c
        return self._seen_c(time_s)
