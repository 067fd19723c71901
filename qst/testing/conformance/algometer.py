"""Checks for algometers that software can read: the hand presses, the gauge tells."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from qst.errors import NotReadyError
from qst.instruments import Capabilities, PressureRamp
from qst.testing.conformance.limits import pressure_inside, pressure_outside
from qst.testing.conformance.requirement import require, require_failure, require_no_failure
from qst.testing.conformance.rig import GaugeRig
from qst.testing.conformance.subject import Stage
from qst.testing.conformance.wire import WireChecks

#: What a gauge is loaded with when it must refuse to be zeroed, N.
LOAD_N = 10.0
#: Stages of an algometer: it adapts to nothing and ends no ramp.
GAUGE_STAGES = tuple(stage for stage in Stage if stage not in (Stage.ADAPTING, Stage.ENDED))


class AlgometerConformance(WireChecks):
    """Everything the suite expects of the driver of a gauge that is streamed or polled, together with its simulator."""

    RIG = GaugeRig

    @classmethod
    def stages(cls) -> tuple[Stage, ...]:
        """Without those of a thermode."""
        return GAUGE_STAGES

    @classmethod
    def cases(cls) -> dict[str, Mapping[str, Any]]:
        """The edges of the range, besides the rest."""
        can = cls.RIG(cls.subject).capabilities
        return super().cases() | {"edge": dict(pressure_inside(cls.subject.ramps[0], can))}

    @classmethod
    def outside(cls, can: Capabilities) -> Iterator[tuple[str, Any]]:
        """From the declared capabilities."""
        return pressure_outside(cls.subject.ramps[0], can)

    def let_go(self, rig: GaugeRig) -> None:
        """The hand is taken away."""
        rig.hand.let_go()

    def test_range_and_rates_are_what_is_declared(self, edge: PressureRamp) -> None:
        """A protocol is checked against the capabilities: what they promise must not be refused afterwards."""
        rig = self.bench()
        rig.bring_to(Stage.CONNECTED)
        for name in ("check", "prepare"):
            require_no_failure(
                partial(getattr(rig.driver, name), edge),
                f"{name}({edge})",
                "accept it, or declare a narrower range of pressures or rates",
            )

    def test_a_loaded_gauge_is_not_zeroed(self) -> None:
        """Zeroing a gauge that something touches would take that load off every reading of the visit."""
        rig = self.bench()
        rig.bring_to(Stage.READY)
        rig.hand.hold(LOAD_N)
        require_failure(rig.driver.tare, (NotReadyError,), f"tare() under {LOAD_N:g} N", "raise NotReadyError")

    def test_peak_is_the_highest_pressure(self) -> None:
        """The gauge's own peak sees what falls between two samples: it is no lower than any of them, and true."""
        rig = self.bench()
        rig.bring_to(Stage.READY)
        rig.driver.begin()
        rig.press_at_rate()
        ramp = rig.ramp()
        rig.follow(ramp.duration_s, period_s=0.02)
        highest = max(sample.value for sample in rig.samples)
        rig.driver.stop()
        peak_kpa = rig.driver.peak_kpa()
        true_kpa = rig.hand.max_force_n(0.0, rig.now_s) * rig.kpa_per_n
        if peak_kpa is not None:
            require(
                peak_kpa >= highest - self.subject.accuracy and abs(peak_kpa - true_kpa) <= self.subject.accuracy,
                f"peak_kpa() says {peak_kpa:.1f} kPa; the highest sample was {highest:.1f}, the truth {true_kpa:.1f}",
                "convert the peak as the samples, clear it in tare(), or return None when software cannot read it",
            )

    def test_no_samples_after_stop(self) -> None:
        """Readings that come after the end belong to nobody's trial."""
        rig = self.bench()
        rig.bring_to(Stage.STOPPED)
        before = len(rig.samples)
        rig.follow(1.0)
        require(len(rig.samples) == before, f"{len(rig.samples) - before} samples after stop()", "end the readings")

    def test_stop_is_idempotent_from(self, any_stage: Stage) -> None:
        """The operator's stop ends the readings, however often and whenever it is pressed."""
        rig = self.bench()
        rig.bring_to(any_stage)
        for _ in range(2):
            require_no_failure(rig.driver.stop, f"stop() when {any_stage.value}", "let stop() work from every state")

    def test_make_safe_from(self, any_stage: Stage) -> None:
        """make_safe() is called in every state, perhaps twice; a gauge has little to do, and must not fail."""
        rig = self.bench()
        rig.bring_to(any_stage)
        for _ in range(2):
            require_no_failure(
                rig.driver.make_safe, f"make_safe() when {any_stage.value}", "let make_safe() work from every state"
            )

    def test_trial_after_trial(self) -> None:
        """What one trial leaves behind, a stream, a peak, must not reach into the next."""
        rig = self.bench()
        rig.bring_to(Stage.STOPPED)
        for _ in range(2):
            rig.hand.let_go()
            rig.clock.sleep(1.0)
            seen = len(rig.samples)
            rig.driver.prepare(rig.ramp())
            rig.driver.tare()
            rig.driver.begin()
            rig.press_at_rate()
            rig.follow(1.0, period_s=0.02)
            require(len(rig.samples) > seen, "a later trial gave no sample", "let begin() start the readings anew")
            rig.require_true(seen)
            rig.driver.stop()

    def test_button_and_ends_are_what_is_declared(self) -> None:
        """A gauge that has no button, and ends nothing, must not say otherwise in its samples."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        rig.press()
        rig.follow(1.0, period_s=0.02)
        can = rig.capabilities
        pressed = {sample.pressed for sample in rig.samples}
        require(
            True in pressed if can.has_button else pressed <= {None},
            f"has_button={can.has_button}, and the samples say {pressed}",
            f"declare has_button={not can.has_button}",
        )
        ended = {sample.ended for sample in rig.samples}
        require(
            ended <= {None} or can.ends_ramp_on_button or can.ends_ramp_at_limit,
            f"nothing ends ramps by declaration, and samples say {ended}",
            "declare what ends ramps in the device",
        )
