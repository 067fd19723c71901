"""Checks for algometers whose display only the operator can see: pacing, and what is typed in."""

from collections.abc import Iterator
from typing import Any

from qst.errors import NotReadyError
from qst.instruments import Capabilities, OperatorRead
from qst.testing.conformance.algometer import GAUGE_STAGES
from qst.testing.conformance.life import LifeChecks
from qst.testing.conformance.limits import pressure_outside
from qst.testing.conformance.requirement import require, require_failure, require_no_failure
from qst.testing.conformance.rig import GaugeRig
from qst.testing.conformance.subject import Stage

#: What nobody reads from a display.
NONSENSE = ("", " ", "abc", "1.2.3", "-3", "NaN", "inf", "1e1", "0x10", "99999")


class OperatorReadConformance(LifeChecks):
    """Everything the suite expects of the driver of a gauge that the operator reads, together with its simulator."""

    RIG = GaugeRig

    @classmethod
    def stages(cls) -> tuple[Stage, ...]:
        """As for any gauge."""
        return GAUGE_STAGES

    @classmethod
    def outside(cls, can: Capabilities) -> Iterator[tuple[str, Any]]:
        """From the declared capabilities."""
        return pressure_outside(cls.subject.ramps[0], can)

    def test_is_operator_read(self) -> None:
        """The visit asks the operator for a value only when the driver can check it."""
        rig = self.bench()
        require(
            isinstance(rig.driver, OperatorRead),
            "the driver declares Reading.OPERATOR and has no expected_display() or check_entry()",
            "implement qst.instruments.OperatorRead",
        )

    def test_there_are_no_samples(self) -> None:
        """What software cannot see it must not report."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        rig.follow(2.0)
        require(not rig.samples, f"poll() returned {rig.samples[:3]}", "return () from poll()")
        require(rig.driver.peak_kpa() is None, "peak_kpa() knows what only the operator sees", "return None")

    def test_nothing_is_written(self) -> None:
        """No public protocol: a byte sent to such a device is a guess."""
        rig = self.bench()
        rig.bring_to(Stage.CLOSED)
        require(not rig.link.written, f"{rig.link.written[:3]} was written", "write nothing")

    def test_stop_and_make_safe_from(self, any_stage: Stage) -> None:
        """Both are called in every state, perhaps twice, and must not fail for want of something to do."""
        rig = self.bench()
        rig.bring_to(any_stage)
        for name in ("stop", "make_safe") * 2:
            require_no_failure(
                getattr(rig.driver, name), f"{name}() when {any_stage.value}", "let it work from every state"
            )

    def test_pacing_needs_a_prepared_ramp(self) -> None:
        """The operator is paced at the protocol's rate or not at all."""
        rig = self.bench()
        rig.bring_to(Stage.CONNECTED)
        require_failure(
            lambda: rig.driver.expected_display(1.0), (NotReadyError,), "expected_display()", "raise NotReadyError"
        )
        require_failure(
            lambda: rig.driver.check_entry("1.0", 1.0), (NotReadyError,), "check_entry()", "raise NotReadyError"
        )

    def test_what_pacing_shows_may_be_typed_in(self) -> None:
        """Pacing and the check of the entry speak of the same display: its unit, its grid, its range."""
        rig = self.bench()
        rig.bring_to(Stage.READY)
        ramp = rig.ramp()
        for tenth in range(2, 10):
            elapsed_s = ramp.duration_s * tenth / 10
            text = rig.driver.expected_display(elapsed_s)
            verdict = rig.driver.check_entry(text, elapsed_s)
            aim_kpa = ramp.rate_kpa_per_s * elapsed_s
            require(
                verdict.value_kpa is not None
                and not verdict.warnings
                and abs(verdict.value_kpa - aim_kpa) <= rig.capabilities.resolution * 0.501,
                f"{elapsed_s:.2f} s into the press the display should show '{text}'; typed in, that is {verdict} where "
                f"{aim_kpa:.1f} kPa was aimed at",
                "compute both from the same unit, tip and digit",
            )
            require(verdict.raw_text == text, f"raw_text is {verdict.raw_text!r}", "keep what was typed")

    def test_nonsense_is_refused(self) -> None:
        """A value that the display cannot have shown is refused with a reason, never repaired."""
        rig = self.bench()
        rig.bring_to(Stage.READY)
        for text in NONSENSE:
            verdict = rig.driver.check_entry(text, 1.0)
            require(
                verdict.value_kpa is None and verdict.problem,
                f"check_entry({text!r}) says {verdict}",
                "return value_kpa=None and say in problem what would be right",
            )

    def test_off_the_grid_is_refused_not_rounded(self) -> None:
        """The display counts in digits: what lies between two of them was misread."""
        rig = self.bench()
        rig.bring_to(Stage.READY)
        elapsed_s = rig.ramp().duration_s / 2
        number, _, unit = rig.driver.expected_display(elapsed_s).partition(" ")
        verdict = rig.driver.check_entry(f"{number}{'' if '.' in number else '.'}003 {unit}".strip(), elapsed_s)
        require(verdict.value_kpa is None, f"between two digits was taken as {verdict.value_kpa}", "refuse it")

    def test_an_unlikely_value_must_be_confirmed(self) -> None:
        """A slip of a digit is ten times the pressure: what implies another rate is asked for a second time."""
        rig = self.bench()
        rig.bring_to(Stage.READY)
        elapsed_s = rig.ramp().duration_s * 0.8
        text = rig.driver.expected_display(elapsed_s)
        require(
            rig.driver.check_entry(text, elapsed_s / 5).warnings,
            f"'{text}' after a fifth of the time passed without a warning",
            "compare with the prepared rate",
        )

    def test_the_simulated_display_is_believed(self) -> None:
        """What the simulated console shows after a press, typed in, is the pressure that the hand applied."""
        rig = self.bench()
        rig.bring_to(Stage.READY)
        rig.driver.begin()
        pressed_s = rig.now_s
        rig.press_at_rate()
        ramp = rig.ramp()
        rig.follow(ramp.duration_s + 1.0)
        rig.advance()
        shown = rig.device.read_maximum()
        verdict = rig.driver.check_entry(shown, 0.9 * ramp.duration_s)
        true_kpa = rig.hand.max_force_n(pressed_s, rig.now_s) * rig.kpa_per_n
        require(
            verdict.value_kpa is not None and abs(verdict.value_kpa - true_kpa) <= self.subject.accuracy,
            f"the display shows '{shown}', which is taken as {verdict}; the hand applied {true_kpa:.1f} kPa",
            "see that unit, digit and tip of the driver are those of the simulator",
        )
