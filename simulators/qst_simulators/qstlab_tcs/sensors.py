"""What the five zones of a simulated TCS read: offsets drawn once, noise, and what is broken."""

from collections.abc import Callable, Mapping, Sequence

from qst_drivers.wire.tcs import ZONE_COUNT
from qst_simulators.faults import SensorFault
from qst_simulators.qstlab_tcs.options import Options
from qst_simulators.world import World

_OFFSET_MAX_C = 0.5  # the maker's absolute accuracy
_NO_PROBE = 999
#: Noise is drawn once; every reading takes five neighbours from a random place, which is cheaper than drawing anew.
_NOISE_STARTS = 1021


class Sensors:
    """The sensors of one probe.

    Args:
        world: time and chance.
        options: what was chosen.

    Attributes:
        probe_c: sensor minus truth of the probe, °C.
        fault: what is wrong with all readings.
    """

    def __init__(self, world: World, options: Options) -> None:
        self._options = options
        self.probe_c, self._zone_offsets = _draw_offsets(world, options)
        noise = world.random("qstlab-tcs", "noise")
        self._uniform = noise.random
        self._noise = [noise.gauss(0, options.noise_c) for _ in range(_NOISE_STARTS + ZONE_COUNT)]
        self.fault: SensorFault | None = None

    def read(
        self,
        now_s: float,
        plate_c: float,
        rest_c: Callable[[float], float],
        enabled: Sequence[bool],
        broken_c: Mapping[int, float],
        *,
        per_degree: int,
    ) -> list[int]:
        """The five readings, rounded as the display rounds them.

        Args:
            now_s: when.
            plate_c: the probe's temperature in zones that take part.
            rest_c: the temperature of the others at a time.
            enabled: which zones take part.
            broken_c: error of broken zones (1…5), °C.
            per_degree: steps of the display.
        """
        if self._options.probe_absent:
            return [_NO_PROBE * per_degree // 10] * ZONE_COUNT
        if self.fault is not None:
            plate_c = self.fault.read(now_s, plate_c)
        start = int(self._uniform() * _NOISE_STARTS)
        errors = zip(self._zone_offsets, self._noise[start : start + ZONE_COUNT], strict=True)
        if not broken_c and all(enabled):
            return [round((plate_c + offset_c + noise_c) * per_degree) for offset_c, noise_c in errors]
        resting_c = rest_c(now_s)
        readings = []
        for zone, (offset_c, noise_c) in enumerate(errors):
            here_c = plate_c if enabled[zone] else resting_c
            readings.append(round((here_c + offset_c + noise_c + broken_c.get(zone + 1, 0.0)) * per_degree))
        return readings


def _draw_offsets(world: World, options: Options) -> tuple[float, list[float]]:
    """Sensor minus truth of the probe, and each zone's reading minus the probe's, °C."""
    if not options.offsets:
        return 0.0, [0.0] * ZONE_COUNT
    stream = world.random("qstlab-tcs", "offsets")
    probe_c = min(max(stream.gauss(0, options.probe_offset_sd_c), -_OFFSET_MAX_C), _OFFSET_MAX_C)
    return probe_c, [stream.gauss(0, options.zone_offset_sd_c) for _ in range(ZONE_COUNT)]
