"""What the controller can do wrong by itself. What it does meanwhile is a choice of the simulator."""

from collections.abc import Callable
from typing import Protocol

from qst_simulators.faults import Fault, FaultTable, SensorFault, sensor_strikes
from qst_simulators.world import World

_JUMP_C, _DRIFT_C_PER_S = 2.0, 0.1
_SLOW, _OVERSHOOT_C = 0.5, 0.4


class _Device(Protocol):
    sensor_fault: SensorFault | None

    def fail_sensor(self, how: str) -> None: ...
    def slow_down(self, share: float) -> None: ...
    def overshoot(self, by_c: float) -> None: ...
    def ignore_setpoints(self) -> None: ...
    def reboot(self) -> None: ...


def fault_table(device: _Device, world: World) -> FaultTable:
    """The faults of a simulated Arroyo.

    Options: ``size`` (2 °C), ``rate`` (0.1 °C/s), ``every_s``, ``lasts_s`` of a jumping or drifting reading, which the
    loop does not see; ``share`` (0.5) of a slow ramp's speed; ``by_c`` (0.4) of an overshoot, at targets and where the
    plate is told to turn round. A stuck sensor is the one the loop works with: a set-point that moves away from it
    drives the plate at full power.
    """

    def install(sensor: SensorFault) -> None:
        device.sensor_fault = sensor

    strikes: dict[Fault, Callable[..., None]] = {
        **sensor_strikes(world, install, jump=_JUMP_C, drift_per_s=_DRIFT_C_PER_S),
        Fault.STUCK_SENSOR: lambda: device.fail_sensor("stuck"),
        Fault.SLOW_RAMP: lambda *, share=_SLOW: device.slow_down(share),
        Fault.OVERSHOOT: lambda *, by_c=_OVERSHOOT_C: device.overshoot(by_c),
        Fault.IGNORED_STOP: device.ignore_setpoints,
        Fault.DEVICE_REBOOT: device.reboot,
    }
    return FaultTable("the simulated Arroyo", strikes)
