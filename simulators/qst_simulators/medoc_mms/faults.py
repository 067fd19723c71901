"""What MMS and its thermode can do wrong. What the device does meanwhile is a choice of the simulator (SIM)."""

from collections.abc import Callable
from typing import Protocol

from qst_simulators.faults import Fault, FaultTable, SensorFault, sensor_strikes
from qst_simulators.medoc_mms.main_station import MainStation
from qst_simulators.world import World

_JUMP_C, _DRIFT_C_PER_S = 2.0, 0.1
_SLOW, _OVERSHOOT_C = 0.5, 0.4
_RESTART_S = 20.0


class _Device(Protocol):
    wrong_echoes: int

    def restart(self, for_s: float) -> None: ...


def fault_table(device: _Device, station: MainStation, world: World) -> FaultTable:
    """The faults of a simulated MMS.

    Options: ``size`` (2 °C), ``rate`` (0.1 °C/s), ``every_s``, ``lasts_s`` of the sensor's; ``share`` (0.5) of a slow
    ramp's rate; ``by_c`` (0.4) of an overshoot; ``button`` (false: only STOP and ABORT are ignored); ``count`` (1) of
    wrong echoes; ``for_s`` (20) of a restart.
    """
    thermode = station.thermode

    def wrong_echo(*, count: int = 1) -> None:
        device.wrong_echoes += count

    def overshoot(*, by_c: float = _OVERSHOOT_C) -> None:
        thermode.overshoot_c = by_c

    def ignored_stop(*, button: bool = False) -> None:
        station.ignores_stop, station.ignores_button = True, button

    def install(sensor: SensorFault) -> None:
        thermode.sensor = sensor

    strikes: dict[Fault, Callable[..., None]] = {
        **sensor_strikes(world, install, jump=_JUMP_C, drift_per_s=_DRIFT_C_PER_S),
        Fault.WRONG_ECHO: wrong_echo,
        Fault.SLOW_RAMP: lambda *, share=_SLOW: thermode.slow_down(share),
        Fault.OVERSHOOT: overshoot,
        Fault.IGNORED_STOP: ignored_stop,
        Fault.DEVICE_REBOOT: lambda *, for_s=_RESTART_S: device.restart(for_s),
        Fault.SAFE_MODE: station.enter_safe_mode,
        Fault.OPERATOR_MENU: station.leave_test,
    }
    return FaultTable("the simulated MMS", strikes)
