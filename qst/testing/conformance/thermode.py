"""Checks for thermodes: what the plate really does, and that the capabilities say so."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from qst.errors import NotReadyError
from qst.instruments import Capabilities, Programming, RampEnd, Sample, ThermalRamp
from qst.testing.conformance.faults import WIRE_FAULTS, WireFault
from qst.testing.conformance.limits import thermal_inside, thermal_outside
from qst.testing.conformance.requirement import failure_of, require, require_failure, require_no_failure
from qst.testing.conformance.rig import ThermodeRig
from qst.testing.conformance.subject import Stage
from qst.testing.conformance.wire import WireChecks

#: A plate that differs by no more than this has not moved, and is not beyond its cut-off, °C.
WOBBLE_C = 0.05
#: Achieved over commanded rate may differ by this share.
RATE_SHARE = 0.02
#: A device that ends its ramp on the button has turned back after so long, s.
TURNED_WITHIN_S = 1.0
#: Beyond the computed time for its way the plate may take so much longer, s.
SLACK_S = 15.0
#: A plate this near to its start is back, °C.
BACK_C = 1.0


class ThermodeConformance(WireChecks):
    """Everything the suite expects of a thermode's driver together with its simulator."""

    RIG = ThermodeRig

    @classmethod
    def stages(cls) -> tuple[Stage, ...]:
        """All of them; but no end on the button where the device has none."""
        ends = cls.RIG(cls.subject).capabilities.ends_ramp_on_button
        return tuple(stage for stage in Stage if stage is not Stage.ENDED or ends)

    @classmethod
    def cases(cls) -> dict[str, Mapping[str, Any]]:
        """The edges of the range, and the faults that spare what the host writes, besides the rest."""
        can = cls.RIG(cls.subject).capabilities
        ramp = cls.subject.ramps[0]
        free = can.programming is Programming.FREE
        return super().cases() | {
            "edge": dict(thermal_inside(ramp, can)) if free else {"declared": ramp},
            "one_way_fault": {name: fault for name, fault in WIRE_FAULTS.items() if not fault.deaf},
        }

    @classmethod
    def outside(cls, can: Capabilities) -> Iterator[tuple[str, Any]]:
        """From the declared capabilities."""
        return thermal_outside(cls.subject.ramps[0], can)

    # -------------------------------------------------------------------------------------------- never more stimulus

    def test_connecting_does_not_stimulate(self) -> None:
        """Somebody may already wear the thermode when the program starts."""
        rig = self.bench()
        rig.driver.connect()
        rig.clock.sleep(SLACK_S)
        self._require_towards(rig, self.subject.rest_c, 0.0, "connect()")

    def test_begin_away_from_the_start_is_refused(self, ramp: ThermalRamp) -> None:
        """A ramp begun on the way to its start would be another ramp than the protocol's."""
        rig = self.bench()
        rig.bring_to(Stage.ADAPTING, ramp)
        if abs(rig.truth_c - ramp.start_c) > BACK_C:
            require_failure(
                rig.driver.begin, (NotReadyError,), "begin() on the way to the start", "raise NotReadyError"
            )

    def test_stop_is_idempotent_from(self, any_stage: Stage) -> None:
        """The operator's stop: the plate turns back and comes back, however often and whenever it is pressed."""
        rig = self.bench()
        rig.bring_to(any_stage)
        began_s, ramp = rig.now_s, rig.ramp()
        for _ in range(2):
            require_no_failure(rig.driver.stop, f"stop() when {any_stage.value}", "let stop() work from every state")
        if any_stage in (Stage.RAMPING, Stage.ENDED, Stage.STOPPED):
            rig.clock.sleep(abs(rig.truth_c - ramp.start_c) / ramp.return_rate_c_per_s + SLACK_S)
            self._require_towards(rig, ramp.start_c, began_s, f"stop() when {any_stage.value}")
            require(
                abs(rig.truth_c - ramp.start_c) <= BACK_C or self._at_rest(rig),
                f"after stop() when {any_stage.value} the plate stays at {rig.truth_c:.1f} °C",
                "send the plate back to the start of its ramp",
            )

    def test_make_safe_from(self, any_stage: Stage) -> None:
        """The emergency stop works in every state, twice, and never warms or cools the skin further on its way."""
        rig = self.bench()
        rig.bring_to(any_stage)
        began_s = rig.now_s
        for _ in range(2):
            require_no_failure(
                rig.driver.make_safe, f"make_safe() when {any_stage.value}", "let make_safe() work from every state"
            )
        self._require_safe(rig, began_s, f"make_safe() when {any_stage.value}")

    def test_make_safe_needs_no_answer(self, one_way_fault: WireFault) -> None:
        """When only the way back is broken, what ends the stimulus still goes out, and first."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        one_way_fault.strike(rig.link)
        began_s, ramp = rig.now_s, rig.ramp()
        failure_of(rig.driver.make_safe, "make_safe() without answers")
        rig.clock.sleep(abs(rig.truth_c - ramp.start_c) / ramp.return_rate_c_per_s + SLACK_S)
        self._require_towards(rig, ramp.start_c, began_s, "make_safe() without answers")
        require(
            abs(rig.truth_c - ramp.start_c) <= BACK_C or self._at_rest(rig),
            f"make_safe() without answers left the plate at {rig.truth_c:.1f} °C",
            "write what ends the stimulus before waiting for anything",
        )

    def test_close_leaves_the_plate_safe(self) -> None:
        """A program that ends in the middle of a ramp leaves nobody on a hot plate."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        began_s = rig.now_s
        rig.driver.close()
        self._require_safe(rig, began_s, "close() in the ramp")

    def abandon(self, rig: ThermodeRig, after: str) -> None:
        """As for every instrument, and the plate goes to rest by the straight way."""
        began_s = rig.now_s
        super().abandon(rig, after)
        with rig.abort.shielded():
            self._require_safe(rig, began_s, after)

    # --------------------------------------------------------------------------------------------- honest capabilities

    def test_range_and_rates_are_what_is_declared(self, edge: ThermalRamp) -> None:
        """A protocol is checked against the capabilities: what they promise must not be refused afterwards."""
        rig = self.bench()
        rig.driver.connect()
        for name in ("check", "prepare"):
            require_no_failure(
                partial(getattr(rig.driver, name), edge),
                f"{name}({edge})",
                "accept it, or declare a narrower range of temperatures or rates",
            )

    def test_achieved_rate_is_the_commanded_one(self, ramp: ThermalRamp) -> None:
        """A threshold depends on the rate: a rate that is rounded or clamped on its way is another test."""
        rig = self.bench()
        rig.bring_to(Stage.READY, ramp)
        began_s = rig.now_s
        rig.driver.begin()
        rig.clock.sleep(0.85 * ramp.duration_s)
        path = rig.path_since(began_s + 0.25 * ramp.duration_s)
        (t0, c0), (t1, c1) = path[0], path[-1]
        rate = (c1 - c0) / (t1 - t0) * (1 if ramp.rising else -1)
        require(
            abs(rate / ramp.rate_c_per_s - 1) <= RATE_SHARE,
            f"the plate went at {rate:.4f} °C/s where {ramp.rate_c_per_s:g} °C/s was asked for",
            "refuse a rate that the device cannot do exactly; convert units without rounding",
        )

    def test_button_is_what_is_declared(self, ramp: ThermalRamp) -> None:
        """has_button: the participant's press is seen in the samples, or the samples never speak of a button."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING, ramp)
        rig.press()
        before = len(rig.samples)
        rig.follow(0.25, period_s=0.02)
        rig.follow_through(1.0)
        pressed = {sample.pressed for sample in rig.samples[before:]}
        if rig.capabilities.has_button:
            require(
                True in pressed, "the button was pressed for 0.3 s and no sample showed it", "report Sample.pressed"
            )
        else:
            require(pressed <= {None}, f"has_button=False, but samples say {pressed}", "declare has_button=True")

    def test_who_ends_the_ramp_is_what_is_declared(self, ramp: ThermalRamp) -> None:
        """ends_ramp_on_button: with the host silent, the plate turns back at the press, or it goes on."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING, ramp)
        sign = 1 if ramp.rising else -1
        rig.press()
        rig.clock.sleep(TURNED_WITHIN_S)
        first_c = rig.truth_c
        rig.clock.sleep(TURNED_WITHIN_S)
        turned = sign * (rig.truth_c - first_c) <= 0
        declared = rig.capabilities.ends_ramp_on_button
        require(
            turned == declared,
            f"ends_ramp_on_button={declared}, but at the press, with the host silent, the plate "
            + ("turned back" if turned else "went on"),
            f"declare ends_ramp_on_button={turned}",
        )

    def test_end_on_the_button_is_told_and_kept(self) -> None:
        """What ended a ramp is said once it is known and not taken back: the trial's outcome hangs on it."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        rig.press()
        before = len(rig.samples)
        rig.follow(2.0)
        self._require_end(rig, before, RampEnd.BUTTON, declared=rig.capabilities.ends_ramp_on_button)

    def test_end_at_the_cutoff_is_told_and_kept(self, ramp: ThermalRamp) -> None:
        """ends_ramp_at_limit: without a press the device ends the ramp there, and the driver says so."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING, ramp)
        before = len(rig.samples)
        rig.follow(ramp.duration_s + 3.0)
        self._require_end(rig, before, RampEnd.LIMIT, declared=rig.capabilities.ends_ramp_at_limit)

    def test_self_limiting_is_what_is_declared(self, ramp: ThermalRamp) -> None:
        """The host dies in the ramp: the plate returns by itself, or the suite must be told that it does not."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING, ramp)
        began_s = rig.now_s
        rig.clock.sleep(ramp.duration_s + abs(ramp.cutoff_c - ramp.start_c) / ramp.return_rate_c_per_s + SLACK_S)
        can = rig.capabilities
        sign = 1 if ramp.rising else -1
        furthest_c = max(sign * value_c for _, value_c in rig.path_since(began_s)) * sign
        beyond_c = sign * (furthest_c - ramp.cutoff_c)
        require(
            not can.ends_ramp_at_limit or beyond_c <= can.stated_overshoot + WOBBLE_C,
            f"with the host silent the plate went {beyond_c:.2f} °C beyond its cut-off",
            "program the cut-off into the device, or declare ends_ramp_at_limit=False",
        )
        returned = abs(rig.truth_c - ramp.start_c) <= BACK_C or self._at_rest(rig)
        require(
            returned == can.self_limiting,
            f"self_limiting={can.self_limiting}, but with the host silent for the whole ramp the plate is at "
            f"{rig.truth_c:.1f} °C",
            f"declare self_limiting={returned}"
            + ("" if returned else ": a guard will then own the link and end the stimulus when the host is gone"),
        )

    def test_acknowledgement_is_what_is_declared(self) -> None:
        """acknowledges: a start that the device did not hear is noticed at once, not by a plate that stays."""
        sound, rig = self.bench(), self.bench()
        sound.bring_to(Stage.READY)
        before = len(sound.link.written)
        sound.driver.begin()
        rig.bring_to(Stage.READY)
        rig.link.lose_write(after=len(sound.link.written) - before - 1)
        error = failure_of(rig.driver.begin, "begin() that nobody hears")
        if rig.capabilities.acknowledges:
            require(
                error is not None,
                "acknowledges=True, but begin() did not notice that nobody heard it",
                "wait for the acknowledgement, or declare acknowledges=False",
            )

    # --------------------------------------------------------------------------------------------------------- helpers

    def _require_end(self, rig: ThermodeRig, before: int, end: RampEnd, *, declared: bool) -> None:
        ends = [sample.ended for sample in rig.samples[before:]]
        told = next((one for one in ends if one is not None), None)
        require(
            (told is end) if declared else (told is not end),
            f"declared: {declared}; the device ended the ramp by {end.value}: {told is end} (told: {told})",
            f"report Sample.ended={end!s} when the device ended the ramp so, and declare whether it does",
        )
        if told is not None:
            kept = ends[ends.index(told) :]
            require(set(kept) == {told}, f"the end of the ramp changed: {_changes(rig.samples[before:])}", "keep it")

    def _at_rest(self, rig: ThermodeRig) -> bool:
        """At rest, or where it was before anybody connected: a plate that nothing has moved need not be moved."""
        untouched = abs(rig.truth_c - rig.truth_at(0.0)) <= WOBBLE_C
        return untouched or abs(rig.truth_c - self.subject.rest_c) <= self.subject.rest_within_c

    def _require_towards(self, rig: ThermodeRig, goal_c: float, since_s: float, what: str) -> None:
        """The plate never moved away from ``goal_c`` or beyond it."""
        away = [abs(value_c - goal_c) for _, value_c in rig.path_since(since_s)]
        nearest_c = away[0] if away else 0.0
        for (time_s, value_c), distance_c in zip(rig.path_since(since_s), away, strict=True):
            require(
                distance_c <= max(nearest_c, self._free_c(goal_c)) + self.subject.coasting_c,
                f"{what} moved the plate away from {goal_c:g} °C: {value_c:.2f} °C at {time_s:.2f} s",
                "send nothing that raises the stimulus on the way to safety",
            )
            nearest_c = min(nearest_c, distance_c)

    def _free_c(self, goal_c: float) -> float:
        """Around rest the plate may go where it likes; around the start of a ramp it may not."""
        return self.subject.rest_within_c if goal_c == self.subject.rest_c else 0.0

    def _require_safe(self, rig: ThermodeRig, began_s: float, what: str) -> None:
        rate = rig.ramp().return_rate_c_per_s
        rig.clock.sleep(abs(rig.truth_c - self.subject.rest_c) / rate + SLACK_S)
        self._require_towards(rig, self.subject.rest_c, began_s, what)
        require(
            self._at_rest(rig),
            f"after {what} the plate is at {rig.truth_c:.1f} °C, rest is {self.subject.rest_c:g} °C",
            "bring the plate to a temperature that nobody feels as a stimulus",
        )


def _changes(samples: Sequence[Sample]) -> str:
    told = [(None, samples[0].ended)] + [(a.ended, b.ended) for a, b in pairwise(samples) if a.ended is not b.ended]
    return " -> ".join(str(after) for _, after in told)
