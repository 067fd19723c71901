"""A simulated Mark-10 Series 5 force gauge, model M5-50, with a tip for pressure algometry.

Behaviour from the Omega DFG-RS5 guide M5251 and the re-badged Series 5 and 7 guides. What no guide tells is a choice,
marked "unverified" here, and where two behaviours are plausible a setting switches between them.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from qst_drivers.wire import mark10 as wire
from qst_drivers.wire.mark10 import Command, GaugeError, Unit
from qst_simulators.faults import Fault, FaultTable, Moment, Moments, SensorFault, sensor_strikes
from qst_simulators.mark10.options import SCALES, choice_of, serial_of, start_of
from qst_simulators.mark10.readings import Readings
from qst_simulators.surroundings import Surroundings
from qst_simulators.world import World

_JUMP_N, _DRIFT_N_PER_S, _OVERLOAD_N = 20.0, 2.0, 300.0  # usual sizes of faults
_BATTERY_MINIMUM = 3
_UNIT_COMMANDS: Final = {"LB": Unit.LBF, "KG": Unit.KGF, "N": Unit.N}
#: Documented commands of which only the silence is simulated (memory, averaging, set points, trigger, SAVE's effect).
_SILENT: Final = frozenset(("MEM", "STA", "AM", "A", "AD", "SPHD", "SPLD", "ETH", "ETL", "ETHL", "ETLH", "ETD", "PM"))


class SimulatedMark10:
    """The gauge's byte side, its keys and its sensor.

    Settings (all optional): ``baud`` (115200), ``noise`` and ``cell_errors`` (true), ``overload`` (``word`` or
    ``clipped``), ``slow_wire`` (``drop`` lines that the baud rate has no room for, or ``queue`` them), ``auto_off``
    (``silent`` or ``hang_up``), ``inverted_wiring`` (false), ``omits_polarity`` (an older gauge whose LIST has no
    IPOL/OPOL), ``latency_s`` (0.001, of the USB adapter), ``serial`` (begins with ``SIM-``), and ``start``: settings
    the gauge wakes up with, by the field names of ``ListReply``.

    Args:
        world: time and chance.
        settings: see above.
        surroundings: what pushes on the tip.

    Raises:
        ValueError: a setting has an impossible value.
    """

    TITLE = "Mark-10 M5-50 force gauge (simulated)"

    def __init__(self, world: World, settings: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._world = world
        self._drops = choice_of(settings, "slow_wire", ("drop", "queue")) == "drop"
        self._hangs_up = choice_of(settings, "auto_off", ("silent", "hang_up")) == "hang_up"
        self._omits_polarity = bool(settings.get("omits_polarity", False))
        self._serial = serial_of(settings)
        self._latency_s = float(settings.get("latency_s", 0.001))
        self._byte_s = wire.BITS_PER_BYTE / float(choice_of(settings, "baud", (115200, 9600, 19200, 38400, 57600)))
        self.settings = self._saved = start_of(settings)
        self.readings = Readings(world, settings, surroundings.force)
        self.saved = False  # whether anybody sent SAVE
        self.menu_open = False
        self._on = True
        self._used_s = 0.0  # when a key or a command was last used
        self._lines = wire.LineSplitter()
        self._out: deque[tuple[float, bytes]] = deque()  # (time of arrival at the host, line)
        self._wire_free_s = 0.0
        self._next_line_s: float | None = None
        self.moments = Moments()
        self.readings.follow(self.settings)
        self._restart_stream(self.settings.auto_output or 0, world.now_s)
        self._plan()
        self._answers = self._make_answers()
        self.fault_table = self._make_faults()

    # ------------------------------------------------------------------------------------------------ the byte side

    def connect(self, now_s: float) -> None:
        """The host opened the port."""
        self._live_until(now_s)
        if not self._on and self._hangs_up:
            raise ConnectionRefusedError("the port of the gauge is gone; it has switched itself off")

    def disconnect(self, now_s: float) -> None:
        """The host closed the port. The gauge does not notice; what is on the wire is lost."""
        self._live_until(now_s)
        self._out.clear()

    def receive(self, data: bytes, now_s: float) -> None:
        """Bytes from the host. The force is read now; the time the command needs on the wire delays the answer."""
        self._live_until(now_s)
        arrived_s = now_s + len(data) * self._byte_s
        for line in self._lines.feed(data):
            if self._on and not self.menu_open:
                self._used_s = now_s
                self._obey(line.decode("ascii", "replace"), now_s, arrived_s)

    def transmit(self, now_s: float) -> bytes:
        """Whole lines that have reached the host."""
        self._live_until(now_s)
        out = self._out
        if not out or out[0][0] > now_s:
            return b""
        taken = []
        while out and out[0][0] <= now_s:
            taken.append(out.popleft()[1])
        return b"".join(taken)

    def next_transmit_s(self) -> float | None:
        """When the next line arrives; for a line of the stream not yet measured, when it will be measured."""
        return self._out[0][0] if self._out else self._next_line_s

    def hung_up(self, now_s: float) -> bool:
        """A gauge that switched itself off takes its USB port with it (or only goes silent: unverified)."""
        self._live_until(now_s)
        return not self._on and self._hangs_up and not self._out

    # ------------------------------------------------------------------------------------------------------ the keys

    def press_unit_key(self) -> None:
        """Step to the next unit."""
        units = tuple(SCALES)
        current = self.settings.unit or Unit.LBF
        self._use_key()
        self._set(unit=units[(units.index(current) + 1) % len(units)])

    def press_zero_key(self) -> None:
        """Zero the display and clear both peaks."""
        self._use_key()
        self.readings.zero(self._world.now_s)

    def open_menu(self) -> None:
        """Leave the main screen: the gauge falls silent."""
        self._use_key()
        self.menu_open = True

    def close_menu(self) -> None:
        """Return to the main screen."""
        self._use_key()
        self.menu_open = False

    def switch_on(self) -> None:
        """Press the power key of a gauge that had switched itself off. It wakes up without a stream."""
        if not self._on:
            self._on = True
            self._used_s = self._world.now_s
            self._set(auto_output=0)

    def _use_key(self) -> None:
        self._live_until(self._world.now_s)
        self._used_s = self._world.now_s

    # ---------------------------------------------------------------------------------------------------- the faults

    def inject(self, name: str, **options: Any) -> None:  # noqa: ANN401 - plain data from a station file
        """Let a fault of the gauge strike now.

        Options: ``size`` (20 N), ``rate`` (2 N/s), ``every_s``, ``lasts_s`` of the sensor's; ``size`` (300 N) of an
        overload.

        Raises:
            ValueError: a gauge has no such fault, or an unknown option.
        """
        self.fault_table.strike(name, options)

    def _make_faults(self) -> FaultTable:
        def install(sensor: SensorFault) -> None:
            self.readings.cell.fault = sensor

        strikes: dict[Fault, Callable[..., None]] = {
            **sensor_strikes(self._world, install, jump=_JUMP_N, drift_per_s=_DRIFT_N_PER_S, load=_OVERLOAD_N),
            Fault.BATTERY_LOW: lambda: self._set(battery=_BATTERY_MINIMUM),
            Fault.DEVICE_REBOOT: self._reboot,
            Fault.OPERATOR_MENU: self.open_menu,
            Fault.UNIT_KEY: self.press_unit_key,
        }
        return FaultTable("the simulated gauge", strikes)

    def _reboot(self) -> None:
        """Off and on again: with the settings that were saved, without a stream, without a zero."""
        self._used_s = self._world.now_s
        self._out.clear()
        self.readings.forget_zero(self._world.now_s)
        self._set(**{**msgspec.structs.asdict(self._saved), "auto_output": 0})

    # ---------------------------------------------------------------------------------------------- time and output

    def _live_until(self, now_s: float) -> None:
        """Let the world reach ``now_s``, then send every stream line due by then."""
        self._world.advance(now_s)
        if now_s >= self._due_s:
            self._catch_up(now_s)

    def _catch_up(self, now_s: float) -> None:
        """Send the stream's lines up to ``now_s``, or up to the moment at which the gauge switches itself off."""
        off_s = self._off_s()
        switches_off = self._on and now_s >= off_s
        until_s = off_s if switches_off else now_s
        while self._next_line_s is not None and self._next_line_s <= until_s:
            self._stream_line(self._next_line_s)
            self._stream_index += 1
            self._next_line_s = self._stream_from_s + self._stream_index * self._period_s
        if switches_off:
            self._on = False
            self._next_line_s = None
        self._plan()

    def _off_s(self) -> float:
        minutes = self.settings.auto_off_min
        return self._used_s + 60.0 * minutes if minutes else math.inf

    def _plan(self) -> None:
        """When the gauge next does something by itself. Its use since then can only make that later."""
        off_s = self._off_s() if self._on else math.inf
        self._due_s = min(off_s, math.inf if self._next_line_s is None else self._next_line_s)

    def _stream_line(self, at_s: float) -> None:
        if self.menu_open or (self._drops and self._wire_free_s > at_s):
            return
        self._send(self.readings.displayed(at_s), at_s)

    def _send(self, line: bytes, at_s: float) -> None:
        self._wire_free_s = max(at_s, self._wire_free_s) + len(line) * self._byte_s
        self._out.append((self._wire_free_s + self._latency_s, line))

    # -------------------------------------------------------------------------------------------------- the commands

    def _make_answers(self) -> dict[str, Callable[[float], bytes]]:
        return {
            "?": self.readings.displayed,
            "?C": self.readings.current,
            "?PC": self.readings.peak_compression,
            "?PT": self.readings.peak_tension,
            "LIST": self._list,
            "RN": lambda _: wire.encode_text("Series 5"),  # unverified: the format of these four
            "RM": lambda _: wire.encode_text("M5-50"),
            "RV": lambda _: wire.encode_text(self.settings.firmware),
            "RS": lambda _: wire.encode_text(self._serial),
        }

    def _obey(self, text: str, now_s: float, arrived_s: float) -> None:
        answer = self._answers.get(text)
        if answer is not None:
            self._send(answer(now_s), arrived_s)
            return
        if text == "SAVE":
            self.saved, self._saved = True, self.settings
        if text == "SAVE" or text in _SILENT:
            return
        command = wire.decode_command(text)
        error = command if isinstance(command, GaugeError) else self._change(command, now_s)
        if error is not None:
            self._send(wire.encode_error(error), arrived_s)

    def _change(self, command: Command, now_s: float) -> GaugeError | None:
        """Carry out a setting command in silence, or return the error to answer with."""
        name, number = command.name, command.argument
        if name == "Z":
            self.readings.zero(now_s)
            self.moments.enter(Moment.ADAPT)
        elif name == "CLR":
            self.readings.clear_peaks(now_s)
        elif name in _UNIT_COMMANDS:
            self._set(unit=_UNIT_COMMANDS[name])
        elif name in ("CUR", "PT", "PC"):
            self._set(mode=name)
        elif (field := _FIELDS.get(name)) is not None:
            # Peaks up to now belong to the old filter and the old polarity.
            self.readings.update_peaks(now_s)
            self._set(**{field[0]: number if field[1] is None else field[1]})
        elif name in ("IPOL", "OPOL"):
            self._set(**{"input_inverted" if name == "IPOL" else "unsigned_output": bool(number)})
        else:
            return GaugeError.NOT_APPLICABLE
        return None

    def _set(self, **changes: Any) -> None:  # noqa: ANN401 - fields of ListReply
        rate = self.settings.auto_output
        self.settings = msgspec.structs.replace(self.settings, **changes)
        self.readings.follow(self.settings)
        if self.settings.auto_output != rate:
            self._restart_stream(self.settings.auto_output or 0, self._world.now_s)
        self._plan()

    def _restart_stream(self, rate: int, now_s: float) -> None:
        self._stream_from_s = now_s
        self._stream_index = 1
        # AOUT1 gives 50 lines a second, for the sake of an older command language.
        self._period_s = 1.0 / (50 if rate == 1 else rate) if rate else 0.0
        self._next_line_s = now_s + self._period_s if rate else None
        if rate:
            self.moments.enter(Moment.SETTLE)

    def _list(self, at_s: float) -> bytes:  # noqa: ARG002 - every answer is asked with the time
        settings = self.settings
        if self._omits_polarity:
            settings = msgspec.structs.replace(settings, input_inverted=None, unsigned_output=None)
        return wire.encode_list(settings)


#: Command -> the field of ListReply it sets, and the value (None: the command's own number).
_FIELDS: Final[dict[str, tuple[str, Any]]] = {
    "FLTC": ("display_filter", None),
    "FLTP": ("current_filter", None),
    "AOUT": ("auto_output", None),
    "AOFF": ("auto_off_min", None),
    "FULL": ("with_units", True),
    "NUM": ("with_units", False),
    "MIT": ("mitutoyo", True),
    "MITD": ("mitutoyo", False),
    "POL": ("mitutoyo_polarity", True),
    "NPOL": ("mitutoyo_polarity", False),
}
