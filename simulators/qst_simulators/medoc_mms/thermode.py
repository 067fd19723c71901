"""The thermode: a plate, the run of one program over it, and the device's own safety."""

from collections.abc import Callable

from qst_drivers.wire.mms import HUNDREDTHS_PER_C
from qst_simulators.faults import SensorFault
from qst_simulators.medoc_mms.safety import SAFETY_TABLES, SafetyWatch
from qst_simulators.medoc_mms.settings import MODELS, Program, Settings
from qst_simulators.thermal import LaggedSurface
from qst_simulators.world import Event, World

_ARRIVED_TAUS = 8.0  # so many time constants after its set-point a plate has arrived, too


class SimulatedThermode:
    """What lies on the skin. It moves by four orders only: to baseline, out along the ramp, back, to rest.

    Choices of the simulator where no document speaks (SIM): the temperature limiter acts on the true temperature, when
    it reads as the cut-off at the wire's resolution; the set-point never goes beyond the cut-off; without a
    test the plate is at its rest temperature.

    Args:
        world: time and chance.
        settings: checked settings.
        on_limit: told when the temperature limiter has ended a ramp.
        on_safety_error: told when the time-at-temperature table was violated; the plate is already on its way to rest.
    """

    def __init__(
        self,
        world: World,
        settings: Settings,
        *,
        on_limit: Callable[[], None],
        on_safety_error: Callable[[], None],
    ) -> None:
        self._world, self._settings = world, settings
        self._on_limit, self._on_safety_error = on_limit, on_safety_error
        self._gauss = world.random("medoc-mms", "reading").gauss
        self._noise_c, self._resolution_c = settings.noise_c, settings.resolution_c
        self._resolution_hundredths_c = settings.resolution_c * HUNDREDTHS_PER_C
        self._return_rate_c_per_s = settings.rest_rate_c_per_s
        self._limiter: Event | None = None
        self._late_return: Event | None = None
        self.sensor: SensorFault | None = None  # what is wrong with the readings
        self._ramping: Program | None = None
        self._pace = 1.0  # share of the commanded rate that a ramp really has
        self.overshoot_c = 0.0  # how far the plate goes on beyond where its ramp ended
        self.surface = LaggedSurface(world, settings.rest_c, tau_s=settings.tau_s)
        if settings.obeys_limits:
            SafetyWatch(world, self.surface, SAFETY_TABLES[settings.safety_table], self._violated)

    def to_baseline(self, program: Program) -> None:
        """Go to the program's baseline at its return rate."""
        self._return_rate_c_per_s = program.return_rate_c_per_s
        if self.overshoot_c and self._ramping is not None:
            self._go_on_and_return(program)
        else:
            self._drive(program.baseline_c, program.return_rate_c_per_s)

    def ramp(self, program: Program) -> None:
        """Ramp from where the plate is to the cut-off."""
        if not self._settings.obeys_limits:
            model = MODELS[self._settings.model]
            self._drive(model.maximum_c if program.rising else model.minimum_c, program.rate_c_per_s * self._pace)
            self._ramping = program
            return
        self._drive(program.cutoff_c, program.rate_c_per_s * self._pace)
        self._ramping = program
        reads_as_cutoff_c = self._settings.resolution_c / 2
        limit_c = program.cutoff_c - reads_as_cutoff_c if program.rising else program.cutoff_c + reads_as_cutoff_c
        limit_s = self.surface.when(limit_c, rising=program.rising, after_s=self._world.now_s)
        if limit_s is not None:
            self._limiter = self._world.at(limit_s, self._limited)

    def slow_down(self, share: float) -> None:
        """The fault: from now on ramps have this share of their rate."""
        self._pace = share
        if self._ramping is not None:
            self.ramp(self._ramping)

    def _go_on_and_return(self, program: Program) -> None:
        """The fault: a plate that was ramping goes on, as fast, before it turns back."""
        now_s = self._world.now_s
        beyond_c = self.overshoot_c if program.rising else -self.overshoot_c
        self._drive(self.surface.temperature_c(now_s) + beyond_c, program.rate_c_per_s)
        back_s = now_s + self.overshoot_c / program.rate_c_per_s
        self._late_return = self._world.at(back_s, lambda: self._drive(program.baseline_c, program.return_rate_c_per_s))

    def to_rest(self) -> None:
        """Go to the rest temperature at the last program's return rate."""
        self._drive(self._settings.rest_c, self._return_rate_c_per_s)

    def arrived_s(self, target_c: float) -> float:
        """When the plate reads as ``target_c`` at the wire's resolution; it must be on its way there."""
        now_s = self._world.now_s
        if self._late_return is not None:
            way_s = abs(self.surface.target_c - target_c) / self._return_rate_c_per_s
            return self._late_return.time_s + way_s + _ARRIVED_TAUS * self.surface.tau_s
        rising = self.surface.temperature_c(now_s) < target_c
        almost_c = target_c - self._settings.resolution_c / 2 if rising else target_c + self._settings.resolution_c / 2
        arrival_s = self.surface.when(almost_c, rising=rising, after_s=now_s)
        return now_s if arrival_s is None else arrival_s

    def reading_hundredths_c(self) -> int:
        """The measured temperature now: noise, the device's resolution, the wire's hundredths, the wire's range."""
        measured_c = self.surface.temperature_c(self._world.now_s) + self._gauss(0.0, self._noise_c)
        if self.sensor is not None:
            measured_c = self.sensor.read(self._world.now_s, measured_c)
        return round(round(measured_c / self._resolution_c) * self._resolution_hundredths_c)

    def _drive(self, target_c: float, rate_c_per_s: float) -> None:
        """Every new order ends the watch over the last ramp."""
        for event in (self._limiter, self._late_return):
            if event is not None:
                event.cancel()
        self._limiter = self._late_return = self._ramping = None
        self.surface.drive(target_c, rate_c_per_s)

    def _limited(self) -> None:
        self._on_limit()

    def _violated(self) -> None:
        self.to_rest()
        self._on_safety_error()
