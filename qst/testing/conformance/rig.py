"""A driver, a link that can break, a simulated device and the truth about it, on a virtual clock."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, Final

from qst.clock import Clock
from qst.errors import InputError, QstError
from qst.instruments import Capabilities, Link, NeedsSetup, PressureRamp, Sample, SetupStep, ThermalRamp
from qst.testing.conformance.requirement import require
from qst.testing.conformance.subject import Stage, Subject
from qst.testing.faulty_link import FaultyLink
from qst.testing.hand import SteadyHand
from qst.testing.scheduled_clock import ScheduledClock
from qst_drivers.links.sim import SimLink
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World

#: How often the truth is written down, s.
TRUTH_S: Final = 0.02
#: A thermode that is not at its start after this long never will be.
READY_WITHIN_S: Final = 300.0
#: At its start, as far as one can see.
AT_START_C: Final = 0.4
#: A ramp "under way" has moved this far, or a third of its way.
UNDER_WAY_C: Final = 3.0
UNDER_WAY_S: Final = 2.0
SETUP_WATCHED_S: Final = 1.5
#: So many samples for one step of the resolution, when the resolution is looked for.
FINELY: Final = 3
KPA_CM2_PER_N: Final = 10.0


class Rig:
    """A bench with one instrument. Every sample it sees is kept, with the time it was seen.

    Args:
        subject: the pair.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.world = World(1)
        self.clock = ScheduledClock()
        self.abort = self.clock.abort
        self.button = ButtonLine(self.world)
        self.hand = SteadyHand()
        surroundings = Surroundings(self.button, self.hand)
        try:
            self.device = subject.simulator(self.world, subject.simulator_settings, surroundings)
        except ValueError as error:
            raise InputError(
                f"the simulator refuses its settings: {error}", remedy="correct simulator_settings"
            ) from error
        self.link = FaultyLink(self.inner_link(self.clock), self.clock)
        self.driver = subject.driver(self.link, subject.settings, self.clock)
        self.samples: list[Sample] = []
        self.seen_s: list[float] = []

    def inner_link(self, clock: Clock) -> Link:
        """The sound link to the simulated device."""
        return SimLink(self.device, clock, "sim://device-under-test")

    @property
    def now_s(self) -> float:
        """Time on the clock."""
        return self.clock.monotonic()

    @property
    def capabilities(self) -> Capabilities:
        """What the driver says it can do."""
        capabilities: Capabilities = self.driver.capabilities
        return capabilities

    def ramp(self) -> Any:  # noqa: ANN401 - a ThermalRamp or a PressureRamp
        """The ramp that faults are tried on."""
        return self.subject.ramps[0]

    def bring_to(self, stage: Stage, ramp: ThermalRamp | PressureRamp | None = None) -> None:
        """Bring the instrument there by the shortest way that a visit would take."""
        raise NotImplementedError

    def truth_at(self, time_s: float) -> float:
        """The true value at a time that has passed, °C or kPa."""
        raise NotImplementedError

    def read_slowly(self) -> None:
        """Take so many samples in the ramp that neighbours differ by less than the resolution."""
        raise NotImplementedError

    @staticmethod
    def pace(ramp: Any) -> float:  # noqa: ANN401 - of either kind
        """The rate of a ramp, °C/s or kPa/s."""
        rate: float = ramp.rate_c_per_s if isinstance(ramp, ThermalRamp) else ramp.rate_kpa_per_s
        return rate

    def advance(self) -> None:
        """Let the world come up to the clock."""
        self.world.advance(self.now_s)

    def poll(self) -> Sequence[Sample]:
        """Poll the driver once and keep what it says."""
        samples: Sequence[Sample] = self.driver.poll()
        self.samples.extend(samples)
        self.seen_s.extend([self.now_s] * len(samples))
        return samples

    def follow(
        self, seconds: float, until: Callable[[Sequence[Sample]], object] | None = None, *, period_s: float = 0.0
    ) -> bool:
        """Poll for ``seconds``, or until ``until`` says of the last samples that it is enough. Whether it was."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            samples = self.poll()
            if until is not None and until(samples):
                return True
            self.clock.sleep(period_s or self.subject.period_s)
        return False

    def follow_through(self, seconds: float) -> list[QstError]:
        """Poll for ``seconds`` whatever the driver raises; the errors, in their order."""
        errors: list[QstError] = []
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            try:
                self.poll()
            except QstError as error:
                errors.append(error)
            self.clock.sleep(self.subject.period_s)
        return errors

    def press(self) -> None:
        """The participant presses the button now, and lets go a little later."""
        self.advance()
        self.button.set(pressed=True)
        self.world.at(self.now_s + 0.3, lambda: self.button.set(pressed=False))

    def require_true(self, since: int = 0) -> None:
        """Every sample kept since number ``since`` was near the truth at its own time."""
        __tracebackhide__ = True
        for sample, seen_s in zip(self.samples[since:], self.seen_s[since:], strict=True):
            truth = self.truth_at(min(sample.time_s, seen_s))
            require(
                abs(sample.value - truth) <= self.subject.accuracy,
                f"a sample says {sample.value:.3f} at {sample.time_s:.3f} s, where the simulated truth was {truth:.3f} "
                f"(seen at {seen_s:.3f} s)",
                "never pass on a reading that may be damaged, or the answer to an earlier question: after any doubt "
                "throw away what comes, and ask anew. If the driver is right, raise the suite's accuracy parameter",
            )


class ThermodeRig(Rig):
    """A thermode on the bench."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._times_s: list[float] = [0.0]
        self._truth_c: list[float] = [self.device.surface.temperature_c(0.0)]
        self.clock.every(TRUTH_S, self._note)

    def _note(self) -> None:
        self.advance()
        self._times_s.append(self.now_s)
        self._truth_c.append(self.device.surface.temperature_c(self.now_s))

    @property
    def truth_c(self) -> float:
        """True temperature of the plate now."""
        self.advance()
        temperature_c: float = self.device.surface.temperature_c(self.now_s)
        return temperature_c

    def truth_at(self, time_s: float) -> float:
        """Between two notes on a straight line."""
        index = bisect_right(self._times_s, time_s)
        if index == len(self._times_s):
            return self.truth_c
        t0, t1 = self._times_s[index - 1], self._times_s[index]
        c0, c1 = self._truth_c[index - 1], self._truth_c[index]
        return c0 + (c1 - c0) * (time_s - t0) / (t1 - t0)

    def read_slowly(self) -> None:
        """Poll often enough for the ramp."""
        period_s = self.capabilities.resolution / self._target.rate_c_per_s / FINELY
        self.follow(100 * period_s, period_s=period_s)

    def path_since(self, from_s: float) -> list[tuple[float, float]]:
        """The plate's path (time s, °C) from ``from_s`` to now."""
        first = bisect_right(self._times_s, from_s)
        return [*zip(self._times_s[first:], self._truth_c[first:], strict=True), (self.now_s, self.truth_c)]

    def bring_to(self, stage: Stage, ramp: ThermalRamp | PressureRamp | None = None) -> None:
        """Connect, prepare, adapt, wait for the start, begin, follow; then end, stop, make safe or close."""
        ramp = ramp or self.ramp()
        steps: dict[Stage, Callable[[], object]] = {
            Stage.CONNECTED: self.driver.connect,
            Stage.PREPARED: lambda: self.driver.prepare(ramp),
            Stage.ADAPTING: self.driver.adapt,
            Stage.READY: self._settle,
            Stage.RAMPING: self._ramp_part_of_the_way,
        }
        endings: dict[Stage, Callable[[], object]] = {
            Stage.ENDED: self._end_by_button,
            Stage.STOPPED: self.driver.stop,
            Stage.SAFE: self.driver.make_safe,
            Stage.CLOSED: self.driver.close,
        }
        if stage is Stage.UNCONNECTED:
            return
        self._target = ramp
        for name, step in steps.items():
            step()
            if name is stage:
                return
        endings[stage]()

    _target: Any

    def _settle(self) -> None:
        start_c = self._target.start_c

        def settled(samples: Sequence[Sample]) -> bool:
            return bool(samples) and abs(samples[-1].value - start_c) <= AT_START_C and self.driver.ready()

        require(
            self.follow(READY_WITHIN_S, settled, period_s=0.1),
            f"after adapt() the thermode was not ready at {start_c:g} °C within {READY_WITHIN_S:g} s",
            "let polls bring the device to its start, and ready() say when begin() would be obeyed",
        )

    def _ramp_part_of_the_way(self) -> None:
        self.driver.begin()
        ramp = self._target
        enough_c = min(UNDER_WAY_C, abs(ramp.cutoff_c - ramp.start_c) / 3)
        self.follow(ramp.duration_s, lambda _: abs(self.truth_c - ramp.start_c) >= enough_c)
        require(
            abs(self.truth_c - ramp.start_c) >= enough_c,
            f"begin() moved the plate by {abs(self.truth_c - ramp.start_c):.2f} °C in {ramp.duration_s:.1f} s",
            "see that begin() starts the prepared ramp",
        )

    def _end_by_button(self) -> None:
        self.press()
        require(
            self.follow(3.0, lambda samples: any(sample.ended is not None for sample in samples)),
            "the participant pressed, and within 3 s no sample said what ended the ramp",
            "tell the end of the ramp in Sample.ended, or declare ends_ramp_on_button=False",
        )


class GaugeRig(Rig):
    """An algometer on the bench, and a hand that presses at the ramp's rate."""

    _target: Any

    def truth_at(self, time_s: float) -> float:
        """The hand's pressure under the tip."""
        return self.hand.force_n(time_s) * self.kpa_per_n

    @property
    def kpa_per_n(self) -> float:
        """From the tip that the driver says it has."""
        return KPA_CM2_PER_N / float(self.driver.tip_area_cm2)

    def bring_to(self, stage: Stage, ramp: ThermalRamp | PressureRamp | None = None) -> None:
        """Connect, set up, prepare, zero, begin, press; then stop, make safe or close."""
        self._target = ramp or self.ramp()
        steps: dict[Stage, Callable[[], object]] = {
            Stage.CONNECTED: self._connect,
            Stage.PREPARED: lambda: self.driver.prepare(self._target),
            Stage.READY: self.driver.tare,
            Stage.RAMPING: self._press_part_of_the_way,
        }
        endings: dict[Stage, Callable[[], object]] = {
            Stage.STOPPED: self.driver.stop,
            Stage.SAFE: self.driver.make_safe,
            Stage.CLOSED: self.driver.close,
        }
        if stage is Stage.UNCONNECTED:
            return
        for name, step in steps.items():
            step()
            if name is stage:
                return
        endings[stage]()

    def _connect(self) -> None:
        self.driver.connect()
        if isinstance(self.driver, NeedsSetup):
            for step in self.driver.setup_steps():
                self._set_up(self.driver, step)

    def _set_up(self, driver: NeedsSetup, step: SetupStep) -> None:
        """As an operator does it who is told to press the tip on the table."""
        driver.begin_setup(step.id)
        self.hand.press(self.now_s, rate_n_per_s=20.0, seconds=0.5)
        self.clock.sleep(SETUP_WATCHED_S)
        driver.finish_setup(step.id)

    def read_slowly(self) -> None:
        """The hand presses on, slowly enough for the pace of the readings."""
        rate_n_per_s = self.capabilities.resolution / self.kpa_per_n / self.subject.period_s / FINELY
        self.hand.press(self.now_s, rate_n_per_s=rate_n_per_s, seconds=60 * self.subject.period_s)
        self.follow(50 * self.subject.period_s)

    def press_at_rate(self) -> None:
        """The hand presses from now on at the prepared rate, up to the cut-off."""
        ramp = self._target
        self.hand.press(
            self.now_s, rate_n_per_s=ramp.rate_kpa_per_s / self.kpa_per_n, seconds=0.9 * ramp.duration_s, release_s=0.3
        )

    def _press_part_of_the_way(self) -> None:
        self.driver.begin()
        self.press_at_rate()
        self.follow(min(UNDER_WAY_S, self._target.duration_s / 3), period_s=0.02)
