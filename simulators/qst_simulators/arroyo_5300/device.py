"""The simulated instrument: controller, plate, and the table of its commands."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from qst_drivers.wire.arroyo import ERROR_TEXTS, RATE_MAX_C_PER_MIN, TEMPERATURE_MAX_C, TEMPERATURE_MIN_C, Error
from qst_drivers.wire.arroyo_device import Order, Overflow
from qst_simulators.arroyo_5300.controller import Controller
from qst_simulators.arroyo_5300.faults import fault_table
from qst_simulators.arroyo_5300.options import Options
from qst_simulators.arroyo_5300.serial import ArroyoSerial
from qst_simulators.faults import SensorFault
from qst_simulators.peltier import PeltierSurface
from qst_simulators.surroundings import Surroundings
from qst_simulators.world import World

_WORDS = {"ON": 1.0, "TRUE": 1.0, "OLD": 1.0, "OFF": 0.0, "FALSE": 0.0, "NEW": 0.0}
_BASES = {"#H": 16, "#O": 8, "#B": 2}
_ENDS = ("\r\n", "\r\n", "\r", "\r", "\n", "\n", "", "")
_AMPERES = 4.0
_VOLTS = 12.0
_ENABLED_OUTOFF = 1240
#: Noise is drawn once; readings take one place after the other, which is cheaper than drawing anew.
_NOISE_VALUES = 1021

#: What the device keeps and gives back, and nothing here depends on: name -> (lowest, highest, at power-on).
_KEPT = {
    "TEC:LIM:ITE": (0.0, 10.0, 3.0),
    "TEC:LIM:V": (0.0, 30.0, 12.0),
    "TEC:LIM:RHI": (0.0, 1e6, 45.0),
    "TEC:LIM:RLO": (0.0, 1e6, 0.2),
    "TEC:SEN": (0.0, 7.0, 1.0),
    "TEC:GAIN": (1.0, 300.0, 30.0),
    "TEC:HEATCOOL": (0.0, 2.0, 0.0),
    "TEC:ENAB:OUTOFF": (0.0, 65535.0, float(_ENABLED_OUTOFF)),
    "TEC:ENAB:COND": (0.0, 65535.0, 0.0),
    "TEC:ENAB:EVE": (0.0, 65535.0, 0.0),
    "*ESE": (0.0, 255.0, 0.0),
    "*SRE": (0.0, 255.0, 0.0),
    "HEXFLOAT": (0.0, 0.0, 0.0),  # this simulator tells decimals only
}


class _Setter(NamedTuple):
    ranges: tuple[tuple[float, float], ...]  # of each argument
    act: Callable[..., None]


class SimulatedArroyo5300(ArroyoSerial):
    """The controller with its plate (:attr:`surface`) .

    It has no watchdog: when the host goes silent it holds its set-point, or goes on to it, for ever. It has no button.

    Args:
        world: time and chance.
        settings: see :class:`qst_simulators.arroyo_5300.options.Options` and :class:`qst_simulators.peltier.Plate`.
        surroundings: not used: what lies under the plate is not modelled.

    Raises:
        ValueError: a setting is wrong.
    """

    TITLE: ClassVar[str] = "Arroyo 5300-family controller with a laboratory-built Peltier plate, simulated"

    def __init__(self, world: World, settings: Mapping[str, Any], surroundings: Surroundings) -> None:  # noqa: ARG002 - every simulator is built like this
        options, plate = Options.read(settings)
        super().__init__(world, options)
        self.surface = PeltierSurface(world, plate)
        self.controller = Controller(world, self.surface, options)
        gauss = world.random("arroyo-5300", "noise").gauss
        self._noise = [gauss(0.0, options.noise_c) for _ in range(_NOISE_VALUES)]
        self._noise_at = 0
        self.sensor_fault: SensorFault | None = None  # of the readings, not of the loop
        self._power_on()
        self._setters = self._setter_table()
        self._actions = self._action_table()
        self._queries = self._query_table()
        self.moments = self.controller.moments
        self.fault_table = fault_table(self, world)

    def _power_on(self) -> None:
        self._end = _ENDS[0]
        self._kept = {name: start for name, (_, _, start) in _KEPT.items()}
        self._timer_s = self._woke_s = self._world.now_s

    @property
    def output_on(self) -> bool:
        """Whether the Peltier module has power."""
        return self.controller.output

    # -- the plate and its sensor ---------------------------------------------------------------------------------

    def fail_sensor(self, how: str) -> None:
        """``open``, ``short``, ``stuck`` (tells for ever what it tells now), or ``sound`` again."""
        now_s = self._world.now_s
        self.surface.stick(self.surface.temperature_c(now_s) if how == "stuck" else None)
        self.controller.fail_sensor("sound" if how == "stuck" else how)

    def inject(self, name: str, **options: Any) -> None:  # noqa: ANN401 - plain data from a station file
        """Let a fault of the device strike now; see :mod:`qst_simulators.arroyo_5300.faults`. Raises ValueError."""
        self.fault_table.strike(name, options)

    def slow_down(self, share: float) -> None:
        """From now on ramps run at this share of their rate."""
        self.controller.slow_down(share)

    def overshoot(self, by_c: float) -> None:
        """From now on the plate goes so far beyond its targets, and beyond where it is told to turn round."""
        self.surface.overshoot_c = by_c

    def ignore_setpoints(self) -> None:
        """From now on TEC:T is accepted and changes nothing."""
        self.controller.ignores_setpoints = True

    def reboot(self) -> None:
        """The power was off for a moment."""
        self._forget_lines()
        self._power_on()
        self.controller.reboot()

    def _reading(self, time_s: float) -> bytes:
        at = self._noise_at
        self._noise_at = (at + 1) % _NOISE_VALUES
        measured_c = self.controller.measured_c(time_s) + self._noise[at]
        if self.sensor_fault is not None:
            measured_c = self.sensor_fault.read(time_s, measured_c)
        return b"%.2f%b" % (measured_c, self._end.encode("ascii"))

    # -- commands -------------------------------------------------------------------------------------------------

    def _obey(self, orders: list[Order] | Overflow) -> bytes:
        if isinstance(orders, Overflow):
            self.controller.complain(Error.MESSAGE_TOO_LONG)
            return b""
        return b"".join([self._carry_out(order) for order in orders])

    def _carry_out(self, order: Order) -> bytes:
        if not self.options.has_trate and order.name == "TEC:TRATE":
            order = Order("", order.query)
        if order.query:
            return self._answer(order)
        if order.name in self._setters:
            self._set(self._setters[order.name], order.arguments)
        elif order.name in self._actions:
            self._act_plainly(self._actions[order.name], order)
        else:
            self.controller.complain(Error.UNKNOWN_PATH)
        return b""

    def _answer(self, order: Order) -> bytes:
        if order.name == "TEC:T":
            return self._reading(self._world.now_s)
        tell = self._queries.get(order.name)
        if tell is None:
            self.controller.complain(Error.UNKNOWN_PATH)
            return b""
        if order.arguments:
            self.controller.complain(Error.ARGUMENT_COUNT)
            return b""
        return (tell() + self._end).encode("ascii")

    def _act_plainly(self, act: Callable[[], None], order: Order) -> None:
        if order.arguments and order.name not in ("*RST", "RADIX"):
            self.controller.complain(Error.ARGUMENT_COUNT)
        else:
            act()

    def _set(self, setter: _Setter, arguments: Sequence[str]) -> None:
        if len(arguments) != len(setter.ranges):
            self.controller.complain(Error.ARGUMENT_COUNT)
            return
        values = [_number(argument) for argument in arguments]
        for value, (low, high) in zip(values, setter.ranges, strict=True):
            if value is None:
                self.controller.complain(Error.DATA_MISMATCH)
                return
            if not low <= value <= high:
                self.controller.complain(Error.OUT_OF_RANGE)
                return
        setter.act(*values)

    def _setter_table(self) -> dict[str, _Setter]:
        controller = self.controller
        temperature = (TEMPERATURE_MIN_C, TEMPERATURE_MAX_C)
        table = {
            "TEC:T": _Setter((temperature,), controller.set_temperature),
            "TEC:TRATE": _Setter(((0.0, RATE_MAX_C_PER_MIN),), controller.set_rate),
            "TEC:OUT": _Setter(((0.0, 1.0),), lambda on: controller.set_output(on=bool(on))),
            "TEC:LIM:THI": _Setter((temperature,), lambda limit_c: controller.set_limit(high_c=limit_c)),
            "TEC:LIM:TLO": _Setter((temperature,), lambda limit_c: controller.set_limit(low_c=limit_c)),
            "TEC:TOL": _Setter(((0.01, 10.0), (0.1, 50.0)), controller.set_tolerance),
            "TERMINAL": _Setter(((0.0, 1.0),), self._set_echo),
            "TERM": _Setter(((0.0, 7.0),), self._set_end),
        }
        table |= {name: _Setter(((low, high),), self._keeper(name)) for name, (low, high, _) in _KEPT.items()}
        return table

    def _keeper(self, name: str) -> Callable[[float], None]:
        def keep(value: float) -> None:
            self._kept[name] = value

        return keep

    def _set_echo(self, on: float) -> None:
        self._echo = bool(on)

    def _set_end(self, code: float) -> None:
        self._end = _ENDS[int(code)]

    def _action_table(self) -> dict[str, Callable[[], None]]:
        controller = self.controller
        return {
            "TEC:MODE:T": lambda: controller.set_mode("T"),
            "TEC:MODE:R": lambda: controller.set_mode("R"),
            "TEC:MODE:ITE": lambda: controller.set_mode("ITE"),
            "*CLS": self._clear_status,
            "*RST": lambda: controller.set_output(on=False),
            "*WAI": _nothing,
            "LOCAL": _nothing,
            "RADIX": _nothing,
        }

    def _clear_status(self) -> None:
        self.controller.take_errors()
        self.controller.take_events()
        self.controller.esr = 0

    def _query_table(self) -> dict[str, Callable[[], str]]:
        options, controller = self.options, self.controller
        table: dict[str, Callable[[], str]] = {
            "*IDN": self._tell_identity,
            "*ESR": self._take_esr,
            "*STB": self._tell_status,
            "ERR": lambda: ",".join(map(str, controller.take_errors())) or "0",
            "ERRSTR": self._take_error_texts,
            "TERMINAL": lambda: f"{self._echo:d}",
            "TERM": lambda: f"{_ENDS.index(self._end)}",
            "RADIX": lambda: "DEC",
            "TIME": lambda: _clock_text(self._world.now_s - self._woke_s),
            "TIMER": self._take_timer,
            "SN": lambda: options.serial,
            "VER": lambda: options.firmware,
            "TEC:SET:T": self._tell_setpoint,
            "TEC:TRATE": lambda: f"{controller.rate_c_per_min:g}",
            "TEC:OUT": lambda: f"{controller.output:d}",
            "TEC:MODE": lambda: controller.mode,
            "TEC:TOL": lambda: f"{controller.band_c:.2f},{controller.band_s:.1f}",
            "TEC:COND": lambda: f"{controller.condition()}",
            "TEC:EVE": lambda: f"{controller.take_events()}",
            "TEC:STB": lambda: "0",
            "TEC:LIM:THI": lambda: f"{controller.high_c:.2f}",
            "TEC:LIM:TLO": lambda: f"{controller.low_c:.2f}",
            "TEC:ITE": lambda: f"{controller.effort() * _AMPERES:.3f}",
            "TEC:V": lambda: f"{controller.effort() * _VOLTS:.3f}",
            "TEC:R": lambda: f"{_thermistor_kohm(controller.measured_c(self._world.now_s)):.3f}",
            "TEC:CONST": lambda: "1.129,2.341,0.878",
            "TEC:PID": lambda: "1.000,0.100,0.000",
        }
        return table | {name: self._teller(name) for name in _KEPT}

    def _teller(self, name: str) -> Callable[[], str]:
        return lambda: f"{self._kept[name]:g}"

    def _tell_identity(self) -> str:
        options = self.options
        between = "," if options.idn_commas else " "
        return between.join(("Arroyo", options.model, options.serial, options.firmware, "4012"))

    def _tell_setpoint(self) -> str:
        moving = self.options.set_query == "moving" and self.controller.output
        return f"{self.surface.setpoint_c(self._world.now_s) if moving else self.controller.set_c:.2f}"

    def _take_esr(self) -> str:
        esr, self.controller.esr = self.controller.esr, 0
        return str(esr)

    def _tell_status(self) -> str:
        error = bool(self.controller.errors)
        standard = bool(self.controller.esr & int(self._kept["*ESE"]))
        return str(error << 7 | standard << 5)

    def _take_error_texts(self) -> str:
        codes = self.controller.take_errors()
        return ",".join(f'{code},"{ERROR_TEXTS.get(code, "Unspecified")}"' for code in codes) or "0"

    def _take_timer(self) -> str:
        elapsed_s, self._timer_s = self._world.now_s - self._timer_s, self._world.now_s
        return _clock_text(elapsed_s)


def _nothing() -> None:
    """The command is known and changes nothing here."""


def _number(text: str) -> float | None:
    """A number as the device reads it, or None."""
    upper = text.upper()
    if upper in _WORDS:
        return _WORDS[upper]
    base = _BASES.get(upper[:2])
    try:
        value = float(int(upper[2:], base)) if base else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _clock_text(seconds: float) -> str:
    minutes, rest_s = divmod(seconds, 60.0)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02d}:{minutes:02d}:{rest_s:05.2f}"


def _thermistor_kohm(temperature_c: float) -> float:
    """A 10 kΩ thermistor with β = 3950 K (L)."""
    return 10.0 * math.exp(3950.0 * (1 / (max(temperature_c, -99.0) + 273.15) - 1 / 298.15))
