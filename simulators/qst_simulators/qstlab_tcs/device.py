"""A simulated QST.Lab TCS II: five-zone thermode on a serial line without acknowledgements.

Source: TCS 2.2 User's Manual (software 14.52.032+), QST.Lab MATLAB libraries, help text published with pytcsii,
UCLouvain TCS toolbox, published check traces.

Unverified, our choices: what a parser does with a non-digit in a digit field (see the codec); the speed at which the
plate moves after ``A``, after the button has stopped ``Ol``, and after ``N`` (the return speed ``R``); zones that are
disabled rest at baseline; ``L`` during a stimulus is ignored; ``C`` given during a stimulus counts for the next one;
``F`` does not survive ``Oc``; layouts of ``Oe``, ``Og``, ``P``, ``Q``, the tail of ``H``, and streamed line ends; a
charging device ignores every start.

Not simulated: a target, speed or duration of its own for each zone (stimuli run on those of the first enabled zone),
and stimuli in profile mode (profiles are stored and listed; a device with a zone in profile mode ignores ``L``).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from qst_drivers.wire.marks import ROM_MARK
from qst_drivers.wire.tcs import ZONE_COUNT
from qst_drivers.wire.tcs_host import Order
from qst_drivers.wire.tcs_replies import (
    Header,
    encode_battery,
    encode_clock,
    encode_header,
    encode_keys,
    encode_line,
    encode_sensors,
    encode_temperatures,
)
from qst_simulators.faults import Moment, Moments
from qst_simulators.qstlab_tcs.faults import fault_table
from qst_simulators.qstlab_tcs.options import Options
from qst_simulators.qstlab_tcs.registers import Registers
from qst_simulators.qstlab_tcs.sensors import Sensors
from qst_simulators.qstlab_tcs.serial import TcsSerial
from qst_simulators.surroundings import Surroundings
from qst_simulators.thermal_template import TemplateSurface
from qst_simulators.world import Event, World

_POWER_ON_C = 30.0
_BATTERY_EMPTY_V, _BATTERY_FULL_V = 21.0, 29.4
_WORKING_PERCENT = 1  # below it the device ignores every start (our choice)
#: What its clock shows at the beginning of the simulated world, which is also when a virtual visit begins.
_WOKE_UP = datetime(2000, 1, 1, 9)
_EXPOSURE_FROM_C, _EXPOSURE_S, _EXPOSURE_AT_60_S = 50.0, 12.0, 2.0
_SELF_TEST_S = 10.0
_CALIBRATION_S = 7.0
_LINE_BETWEEN_S, _LINE_DURING_S = 1.0, 0.010
_ROUNDING_S = 1e-6
_HELP = "".join([f"\r{name}: see the manual" for name in "NSCVRDTLAEBKQPFYIG"])


class SimulatedQstlabTcs(TcsSerial):
    """The device with its plate (:attr:`surface`) and its switches (:attr:`faults`).

    Args:
        world: time and chance.
        settings: see :class:`qst_simulators.qstlab_tcs.options.Options`.
        surroundings: the participant's button.

    Raises:
        ValueError: a setting is wrong.
    """

    TITLE: ClassVar[str] = "QST.Lab TCS II, simulated (Peltier thermode, five zones)"

    def __init__(self, world: World, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        options = Options.read(settings)
        super().__init__(world, options)
        self._button = surroundings.button
        self._button.listeners.append(self._on_button)
        self.sensors = Sensors(world, options)
        self.surface = TemplateSurface(
            world, _POWER_ON_C, offset_c=self.sensors.probe_c, power_limited=options.power_limited
        )
        self._resting = TemplateSurface(world, _POWER_ON_C)  # zones that take no part
        self._sensor_errors = [0] * (ZONE_COUNT + 1)
        self.moments = Moments()
        self._arrival: Event | None = None
        self._stimulus_end: Event | None = None
        self._display: Event | None = None
        if options.sensor_fault_zone:
            self._sensor_errors[options.sensor_fault_zone] = 1
        self._actions = self._table()
        self._power_on()
        self.fault_table = fault_table(self, world)

    def inject(self, name: str, **options: Any) -> None:  # noqa: ANN401 - plain data from a station file
        """Let a fault of the device strike now; see :mod:`qst_simulators.qstlab_tcs.faults`. Raises ValueError."""
        self.fault_table.strike(name, options)

    def _power_on(self) -> None:
        self.registers = Registers(probe_speed=round(self.options.probe_speed_c_per_s * 100))
        self.stimulating = False
        self.following = False
        self._on_button_stop = False
        self._stimulus_start_s = 0.0
        self._busy_until_s = 0.0
        self._line_between = self._line_during = True

    def _table(self) -> dict[str, Callable[[], None]]:
        return {
            "E": self._tell_temperatures,
            "K": lambda: self._answer(encode_keys(stimulate=False, respond=self._button.pressed)),
            "B": self._tell_battery,
            "Q": lambda: self._answer(encode_sensors(self._sensor_errors[0], self._sensor_errors[1:])),
            "?": lambda: self._answer(b"\rTCS"),
            "H": self._tell_help,
            "P": lambda: self._answer(self.registers.listing().encode("ascii")),
            "Ur": lambda: self._answer(self.registers.profile_listing().encode("ascii")),
            "Oe": self._tell_fine_temperatures,
            "Og": self._tell_merged,
            "Xr": lambda: self._answer(encode_clock(_WOKE_UP + timedelta(seconds=self._world.now_s))),
            "L": lambda: self._start(on_button_stop=False),
            "Ol": lambda: self._start(on_button_stop=True),
            "A": self._abort,
            "Od": self._follow,
            "F": self._mute,
            "Oa": lambda: self._show(between=True),
            "Ob": lambda: self._show(during=True),
            "Oc": self._reset,
            "G": self._calibrate,
        }

    def _obey(self, order: Order) -> None:
        if self._busy_until_s and self._world.now_s < self._busy_until_s:
            return
        action = self._actions.get(order.name)
        if action is not None:
            action()
        elif self.registers.apply(order):
            self._after_parameter(order.name)

    # --- stimuli -------------------------------------------------------------------------------------------------

    def _start(self, *, on_button_stop: bool) -> None:
        registers = self.registers
        zone = registers.leading_zone
        blocked = (
            self.options.charging
            or self.options.battery_percent < _WORKING_PERCENT
            or any(registers.profile_on)
            or any(self._sensor_errors)
        )
        if self.stimulating or self.following or zone is None or blocked:
            return
        self.stimulating = True
        self._on_button_stop = on_button_stop
        self._stimulus_start_s = self._world.now_s
        self._drive(registers.target[zone] / 100, registers.speed[zone] * self.faults.pace)
        self.moments.enter(Moment.RAMP)
        end_s = self._world.now_s + self._allowed_s(registers.duration_ms[zone] / 1000)
        self._stimulus_end = self._world.at(end_s, self._on_duration)
        if self._line_during:
            self._display_in(_LINE_DURING_S)

    def _allowed_s(self, duration_s: float) -> float:
        """The device's own exposure rule: 12 s at 50 °C, 2 s at 60 °C (log-linear between is an assumption)."""
        target_c = self.surface.sensor_c(self.surface.arrival_s())
        if not self.options.exposure_rule or target_c < _EXPOSURE_FROM_C:
            return duration_s
        share = (target_c - _EXPOSURE_FROM_C) / 10
        allowed_s: float = _EXPOSURE_S * (_EXPOSURE_AT_60_S / _EXPOSURE_S) ** share
        return min(duration_s, self.surface.arrival_s() - self._world.now_s + allowed_s)

    def _on_duration(self) -> None:
        if self.options.obeys_limits and not self.faults.ignores_duration:
            self._return()

    def _on_button(self, pressed: bool) -> None:
        if pressed and self.stimulating and self._on_button_stop and not self.faults.ignores_button:
            self._return()

    def _abort(self) -> None:
        if not self.faults.ignores_abort:
            self._return()

    def _return(self) -> None:
        was_stimulating = self.stimulating
        self.stimulating = self.following = False
        if self._stimulus_end is not None:
            self._stimulus_end.cancel()
            self._stimulus_end = None
        zone = self.registers.leading_zone or 0
        if was_stimulating and self.faults.overshoot_c:
            self._go_on_and_return(zone)
        else:
            self._drive(self.registers.neutral / 10, self.registers.return_speed[zone])
        if was_stimulating:
            self.moments.enter(Moment.RETURN)
        self._display_in(_LINE_BETWEEN_S)

    def _go_on_and_return(self, zone: int) -> None:
        """The fault: the plate goes on, as fast, before it turns back."""
        registers = self.registers
        here_c = self.surface.sensor_c(self._world.now_s)
        by_c = self.faults.overshoot_c
        self._drive(here_c + (by_c if registers.target[zone] / 100 >= here_c else -by_c), registers.speed[zone])
        back_s = self._world.now_s + by_c / (registers.speed[zone] / 100)
        self._world.at(back_s, self._turn_back)

    def _turn_back(self) -> None:
        if not self.stimulating:
            self._drive(self.registers.neutral / 10, self.registers.return_speed[self.registers.leading_zone or 0])

    def slow_down(self, share: float) -> None:
        """From now on the plate moves out at this share of its speed."""
        self.faults.pace = share
        zone = self.registers.leading_zone
        if self.stimulating and zone is not None:
            self._drive(self.registers.target[zone] / 100, self.registers.speed[zone] * share)

    def _drive(self, target_c: float, hundredths_per_s: float) -> None:
        fastest = self.registers.probe_speed
        self.surface.drive(target_c, min(hundredths_per_s, fastest) / 100)

    def _follow(self) -> None:
        """Constant-temperature mode: the plate goes to its target and stays, without the exposure rule."""
        zone = self.registers.leading_zone
        if self.stimulating or zone is None or self.options.charging or any(self._sensor_errors):
            return
        self.following = True
        self._drive(self.registers.target[zone] / 100, self.registers.speed[zone])

    def _after_parameter(self, name: str) -> None:
        zone = self.registers.leading_zone or 0
        if name == "N":
            self._resting.drive(self.registers.neutral / 10, self.registers.return_speed[zone] / 100)
            if not self.stimulating and not self.following:
                self._drive(self.registers.neutral / 10, self.registers.return_speed[zone])
                self._tell_adaptation()
        elif self.following and name in ("C", "Ot", "V", "Ov"):
            self._drive(self.registers.target[zone] / 100, self.registers.speed[zone])

    def _tell_adaptation(self) -> None:
        self.moments.enter(Moment.ADAPT)
        if self._arrival is not None:
            self._arrival.cancel()
        self._arrival = self._world.at(self.surface.arrival_s(), self._tell_settling)

    def _tell_settling(self) -> None:
        if self.moments.now is Moment.ADAPT:
            self.moments.enter(Moment.SETTLE)

    def reboot(self) -> None:
        """The device starts anew, by itself: what it was told is forgotten, and it says nothing until it is up."""
        self._reset(greeting=b"")

    def fail_sensor(self, zone: int) -> None:
        """The sensor of ``zone`` (1…5; 0 the neutral one) breaks now: five beeps, and a stimulus is stopped."""
        self._sensor_errors[zone] = 1
        if self.stimulating or self.following:
            self._return()

    def _calibrate(self) -> None:
        self._busy_until_s = self._world.now_s + _CALIBRATION_S
        self._world.at(self._busy_until_s, self._calibrated)

    def _calibrated(self) -> None:
        self.registers.apply(Order("N", f"{round(self.options.skin_c * 10):03d}"))
        self._after_parameter("N")
        self._answer(f"N{self.registers.neutral:03d}".encode("ascii"))

    def _reset(self, greeting: bytes = b"\rself-test") -> None:
        self._return()
        self._power_on()
        self._after_parameter("N")
        self._busy_until_s = self._world.now_s + _SELF_TEST_S
        if greeting:
            self._answer(greeting)
        self._display_in(_SELF_TEST_S)

    # --- answers -------------------------------------------------------------------------------------------------

    def _readings(self, per_degree: int = 10) -> list[int]:
        """The five readings, rounded as the display rounds them."""
        now_s = self._world.now_s
        plate_c, rest_c = self.surface.sensor_c(now_s), self._resting.sensor_c
        return self.sensors.read(
            now_s, plate_c, rest_c, self.registers.enabled, self.faults.zone_error_c, per_degree=per_degree
        )

    def _tell_temperatures(self) -> None:
        plus = " " if self.options.spaces_for_plus else "+"
        data = encode_temperatures(round(self.options.ambient_c * 10), self._readings(), plus=plus)
        if self.faults.truncate is not None:
            data, self.faults.truncate = data[: self.faults.truncate], None
        self._answer(data)

    def _tell_fine_temperatures(self) -> None:
        zones = "".join([f"{value:+05d}" for value in self._readings(100)])
        self._answer(f"\r{round(self.options.ambient_c * 100):04d}{zones}".encode("ascii"))

    def _tell_merged(self) -> None:
        self._tell_temperatures()
        self._answer(b"01" if self._button.pressed else b"00")

    def _tell_battery(self) -> None:
        percent = self.options.battery_percent
        volts = _BATTERY_EMPTY_V + (_BATTERY_FULL_V - _BATTERY_EMPTY_V) * percent / 100
        self._answer(encode_battery(volts, percent))

    def _tell_help(self) -> None:
        options = self.options
        self._answer(encode_header(Header(options.firmware, ROM_MARK, options.probe_type), _HELP))

    # --- the temperature display ---------------------------------------------------------------------------------

    def _greet(self) -> None:
        self._display_in(_LINE_BETWEEN_S)

    def _mute(self) -> None:
        self._line_between = self._line_during = False

    def _show(self, *, between: bool = False, during: bool = False) -> None:
        self._line_between |= between
        self._line_during |= during
        self._display_in(_LINE_BETWEEN_S)

    def _display_in(self, wait_s: float) -> None:
        if self._display is not None:
            self._display.cancel()
            self._display = None
        if self._connected and (self._line_between or self._line_during):
            self._display = self._world.at(self._world.now_s + wait_s, self._display_line)

    def _display_line(self) -> None:
        self._display = None
        during = self.stimulating
        if during:
            window_s = self.registers.window / 100 + _ROUNDING_S
            within = not self.registers.window or self._world.now_s - self._stimulus_start_s <= window_s
            due = self._line_during and within
        else:
            due = self._line_between
        if due:
            self._pause_s = 0.0
            self._answer(encode_line(self._readings()))
        self._display_in(_LINE_DURING_S if during else _LINE_BETWEEN_S)

    def next_transmit_s(self) -> float | None:
        """When the next bytes reach the host, or, before that is known, when it will be."""
        next_s = super().next_transmit_s()
        if next_s is None and self._display is not None:
            return self._display.time_s
        return next_s
