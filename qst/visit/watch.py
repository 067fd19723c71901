"""What the visit itself expects of the readings of a ramp, whoever wrote the driver.

Pure: fed readings and time, answers with the fault that ends the stimulus, or with nothing. The drivers keep stricter
watches of their own, which know their devices; this one knows only what :class:`qst.instruments.Capabilities` says. Its
numbers are engineering defaults, no standard; where a device's own behaviour differs, its capabilities say so.
"""

import math
from typing import Final

from qst.errors import (
    BeyondCutoffError,
    FrozenReadingError,
    InstrumentFaultError,
    OffRampError,
    RampRateError,
    ReadingClockError,
    ReadingJumpError,
    StaleReadingError,
)
from qst.instruments import Capabilities, ThermalRamp

#: Measured and commanded may differ by so much, °C, for so long, s.
OFF_C, OFF_S = 1.0, 0.5
#: A ramp may be so many times faster than it was commanded.
RATE_SHARE: Final = 1.5
#: The time over which a rate is taken lies between these, s: long enough for noise and steps not to count.
RATE_SHORTEST_S, RATE_LONGEST_S = 0.5, 5.0
#: Noise of two readings, °C, besides two steps of the instrument's resolution.
NOISE_C: Final = 0.15
#: Readings that are the same to the last digit for so long, s, while the ramp goes on by so many digits, and so many
#: in a row, are frozen.
FROZEN_S, FROZEN_DIGITS, FROZEN_READINGS = 0.5, 4, 4
#: Between neighbouring readings a plate moves by its rate, and no further than this besides, °C.
JUMP_C: Final = 1.0
#: So far beyond cut-off and stated overshoot a reading may lie, °C: the absolute accuracy of laboratory thermodes.
BEYOND_C: Final = 0.5
#: Readings stamped later than this ahead of the host's own clock, s, are stamped by a clock that is wrong.
AHEAD_S: Final = 0.05
#: Before the first reading of a ramp so much time may pass, s: beginning it takes several round trips.
FIRST_S: Final = 0.5

_REMEDY = "Lift the thermode. Repeat the trial; if it happens again, have instrument and cable checked."


class ClockWatch:
    """Whether readings come, and are stamped by a clock that goes on: for every instrument, during its stimulus.

    Args:
        gap_s: longest time between two readings, s.
        held_back_s: how much later than its own time a reading may come, s.
    """

    __slots__ = ("_begun_s", "_held_back_s", "blind_s", "last_s", "longest_s")

    def __init__(self, gap_s: float, held_back_s: float = 0.0) -> None:
        self.longest_s = gap_s  #: longest step that is an ordinary one, s
        self._held_back_s = held_back_s
        self._begun_s = math.nan
        self.last_s = math.nan  #: time of the last reading of this stimulus; not a number before the first
        self.blind_s = 0.0  #: time without readings, when it was too long: what the skin had then is not known

    def begin(self, now_s: float) -> None:
        """The stimulus begins."""
        self._begun_s, self.last_s = now_s, math.nan

    def see(self, time_s: float) -> InstrumentFaultError | None:
        """A reading."""
        step_s, self.last_s = time_s - self.last_s, time_s
        return self.judge(step_s)

    def judge(self, step_s: float) -> InstrumentFaultError | None:
        """A reading that is stamped ``step_s`` after the last one."""
        if step_s < 0:
            return ReadingClockError(f"a reading is stamped {-step_s:.3f} s before the one that came first")
        return self._late(step_s) if step_s > self.longest_s else None

    def tick(self, now_s: float) -> InstrumentFaultError | None:
        """Time has passed, whether or not a reading came."""
        silent_s = now_s - self.last_s
        if -AHEAD_S <= silent_s <= self.longest_s:
            return None
        if silent_s < 0:
            return ReadingClockError(f"a reading is stamped {-silent_s:.2f} s ahead of the computer's clock")
        if math.isnan(silent_s):
            silent_s = now_s - self._begun_s
            return self._late(silent_s) if silent_s > max(self.longest_s, FIRST_S) + self._held_back_s else None
        return self._late(silent_s) if silent_s > self.longest_s + self._held_back_s else None

    def _late(self, gap_s: float) -> StaleReadingError:
        self.blind_s = gap_s
        return StaleReadingError(f"no reading for {gap_s:.1f} s; where the ramp ended is not known", remedy=_REMEDY)


class RampWatch:
    """Follows a plate on its ramp. Temperatures °C, times s on the host's clock.

    Args:
        ramp: what was commanded.
        can: what the instrument says of itself.
    """

    __slots__ = (
        *("_anchor_c", "_anchor_s", "_begun_s", "_jump_rate", "_lag_c", "_last_c", "_most_c", "_moving_until_s"),
        *(
            "_off_since_s",
            "_ramp",
            "_rate",
            "_rate_margin_c",
            "_rate_due_s",
            "_rate_over_s",
            "_reach_c",
            "_same",
            "_same_since_s",
            "_sign",
        ),
        *("_start_c", "_still_s", "_lag_s", "clock", "overshoot_c"),
    )

    def __init__(self, ramp: ThermalRamp, can: Capabilities) -> None:
        self._ramp = ramp
        self.clock = ClockWatch(can.reading_gap_s, can.held_back_s)
        self._sign = 1.0 if ramp.rising else -1.0
        self._start_c, self._rate = ramp.start_c, ramp.rate_c_per_s
        self._reach_c = abs(ramp.cutoff_c - ramp.start_c)
        self.overshoot_c = can.stated_overshoot  #: by the device's own statement, °C
        self._most_c = self._reach_c + self.overshoot_c + BEYOND_C
        self._lag_s = can.ramp_lag_s
        self._lag_c = OFF_C + self._rate * can.ramp_lag_s
        self._jump_rate = RATE_SHARE * max(ramp.rate_c_per_s, ramp.return_rate_c_per_s)
        self._still_s = max(FROZEN_S, FROZEN_DIGITS * can.resolution / self._rate)
        self._rate_margin_c = NOISE_C + 2 * can.resolution
        self._rate_over_s = min(max(4 * self._rate_margin_c / self._rate, RATE_SHORTEST_S), RATE_LONGEST_S)
        self._off_since_s: float | None = None

    def begin(self, now_s: float, value_c: float) -> None:
        """The ramp was begun, when the plate read ``value_c``."""
        self.clock.begin(now_s)
        self._begun_s = self._anchor_s = now_s
        self._last_c = self._anchor_c = value_c
        self._rate_due_s = now_s + self._rate_over_s
        self._same_since_s = now_s + self._lag_s
        self._same = 0
        self._moving_until_s = now_s + self._reach_c / self._rate

    @property
    def start_c(self) -> float:
        """Where the ramp starts, °C."""
        return self._start_c

    @property
    def doubtful(self) -> bool:
        """Whether the last readings were off the ramp, not yet for long enough: a press now tells no threshold."""
        return self._off_since_s is not None

    def see(self, time_s: float, value_c: float) -> InstrumentFaultError | None:
        """A reading of a ramp that has not ended."""
        # Once for every reading of every ramp: an ordinary one takes the shortest way through.
        clock = self.clock
        step_s, moved_c = time_s - clock.last_s, value_c - self._last_c
        clock.last_s, self._last_c = time_s, value_c
        gone_c = (value_c - self._start_c) * self._sign
        expected_c = (time_s - self._begun_s) * self._rate
        if expected_c > self._reach_c:  # noqa: PLR1730 - faster than min()
            expected_c = self._reach_c
        ahead_c = gone_c - expected_c
        if (
            0.0 <= step_s <= clock.longest_s  # not so for the first reading: it has no step
            and (0.0 < moved_c <= JUMP_C or -JUMP_C <= moved_c < 0.0)
            and -self._lag_c <= ahead_c <= OFF_C
            and gone_c <= self._most_c
            and time_s < self._rate_due_s
            and self._off_since_s is None
        ):
            if time_s > self._same_since_s:  # noqa: PLR1730 - faster than max()
                self._same_since_s = time_s
            self._same = 0
            return None
        return (
            clock.judge(step_s)
            or self._judge_step(time_s, value_c, moved_c, step_s)
            or self._judge_place(time_s, value_c, ahead_c, expected_c)
            or self.beyond(value_c)
            or self._judge_rate(time_s, value_c)
        )

    def _judge_step(self, time_s: float, value_c: float, moved_c: float, step_s: float) -> InstrumentFaultError | None:
        if moved_c:
            self._same_since_s, self._same = max(self._same_since_s, time_s), 0
            if not abs(moved_c) > JUMP_C + self._jump_rate * step_s:  # the first reading has no step
                return None
            before_c = value_c - moved_c
            return ReadingJumpError(
                f"a reading jumped from {before_c:.2f} °C to {value_c:.2f} °C within {step_s:.2f} s", remedy=_REMEDY
            )
        still_s = time_s - self._same_since_s
        self._same += 1
        if still_s <= self._still_s or self._same < FROZEN_READINGS or time_s >= self._moving_until_s:
            return None
        return FrozenReadingError(f"the reading has stayed at {value_c:.2f} °C for {still_s:.1f} s", remedy=_REMEDY)

    def _judge_place(self, time_s: float, value_c: float, ahead_c: float, expected_c: float) -> OffRampError | None:
        if -self._lag_c <= ahead_c <= OFF_C:
            self._off_since_s = None
            return None
        if self._off_since_s is None:
            self._off_since_s = time_s
        if time_s - self._off_since_s <= OFF_S:
            return None
        should_c = self._start_c + self._sign * expected_c
        return OffRampError(
            f"the plate is at {value_c:.1f} °C where the ramp should be at {should_c:.1f} °C", remedy=_REMEDY
        )

    def beyond(self, value_c: float) -> BeyondCutoffError | None:
        """Whether the plate is beyond its cut-off by more than it may be: on its ramp, and on its way back."""
        beyond_c = (value_c - self._ramp.cutoff_c) * self._sign
        if beyond_c <= self._most_c - self._reach_c:
            return None
        return BeyondCutoffError(
            f"the plate is at {value_c:.1f} °C, {beyond_c:.1f} °C beyond its cut-off", remedy=_REMEDY
        )

    def _judge_rate(self, time_s: float, value_c: float) -> RampRateError | None:
        if time_s < self._rate_due_s:
            return None
        over_s, moved_c = time_s - self._anchor_s, (value_c - self._anchor_c) * self._sign
        self._anchor_s, self._anchor_c, self._rate_due_s = time_s, value_c, time_s + self._rate_over_s
        if moved_c <= RATE_SHARE * self._rate * over_s + self._rate_margin_c:
            return None
        return RampRateError(
            f"the plate moved at {moved_c / over_s:.2f} °C/s where {self._rate:g} °C/s were commanded", remedy=_REMEDY
        )
