"""What a TCS can do wrong by itself. What the device does meanwhile is a choice of the simulator."""

from collections.abc import Callable
from typing import Protocol

from qst_simulators.faults import Fault, FaultTable, SensorFault, sensor_strikes
from qst_simulators.qstlab_tcs.options import Faults, Options
from qst_simulators.qstlab_tcs.sensors import Sensors
from qst_simulators.world import World

_JUMP_C, _DRIFT_C_PER_S = 2.0, 0.1
_SLOW, _OVERSHOOT_C, _LOW_PERCENT = 0.5, 0.4, 5


class _Device(Protocol):
    faults: Faults
    options: Options
    sensors: Sensors

    def slow_down(self, share: float) -> None: ...
    def reboot(self) -> None: ...


def fault_table(device: _Device, world: World) -> FaultTable:
    """The faults of a simulated TCS.

    Options: ``size`` (2 °C), ``rate`` (0.1 °C/s), ``every_s``, ``lasts_s`` of the sensor's; ``share`` (0.5) of a slow
    ramp's speed; ``by_c`` (0.4) of an overshoot; ``button`` (false: only ``A`` is ignored) of an ignored stop;
    ``percent`` (5) of a low battery, which at 0 starts no stimulus.
    """

    def install(sensor: SensorFault) -> None:
        device.sensors.fault = sensor

    def overshoot(*, by_c: float = _OVERSHOOT_C) -> None:
        device.faults.overshoot_c = by_c

    def ignored_stop(*, button: bool = False) -> None:
        device.faults.ignores_abort, device.faults.ignores_button = True, button

    def battery_low(*, percent: int = _LOW_PERCENT) -> None:
        device.options.battery_percent = percent

    strikes: dict[Fault, Callable[..., None]] = {
        **sensor_strikes(world, install, jump=_JUMP_C, drift_per_s=_DRIFT_C_PER_S),
        Fault.SLOW_RAMP: lambda *, share=_SLOW: device.slow_down(share),
        Fault.OVERSHOOT: overshoot,
        Fault.IGNORED_STOP: ignored_stop,
        Fault.BATTERY_LOW: battery_low,
        Fault.DEVICE_REBOOT: device.reboot,
    }
    return FaultTable("the simulated TCS", strikes)
