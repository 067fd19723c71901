"""Where a plate should be on its ramp, and what a reading beside that path means. For every thermode driver.

No input or output, no clock. A reading ahead of the path is believed at once: the skin may be hotter or colder than
anybody asked for. A reading behind it may be the beginning of a return that nobody announced, or a disturbance, and
gets a little time. Each cause has its own error, the one that the visit's own watch has for it.
"""

import math

from qst.errors import FrozenReadingError, InstrumentFaultError, OffRampError, ReadingJumpError
from qst.instruments import ThermalRamp

#: A reading may lie this far from its path, and this share of the way gone besides: rates are not exact. Engineering
#: defaults, no standard; a threshold that is reported is at most this wrong.
DEVIATION_C = 0.5
DEVIATION_SHARE = 0.03
#: How long a reading may lie behind its path by more than that.
BEHIND_S = 0.5
#: So far behind the furthest reading, one may belong to a return; and a return comes this much further.
MAY_TURN_C = 0.1
#: From one reading to the next a plate moves by so many times its rate and by this, °C, and no further.
JUMP_C, JUMP_SHARE = 1.0, 1.5
#: A plate that has moved by no more than this, where its ramp has gone more than so many times as far, stands still.
#: The noise of a mean of zones is half of it. Engineering defaults.
STILL_C, STILL_STEPS = 0.1, 4.0
#: How long readings that may belong to a return are held back until it is decided.
HELD_BACK_LONGEST_S = 0.6

_REMEDY = "Lift the thermode. Repeat the trial; if it happens again, have the thermode checked."


class RampPath:
    """Follows one ramp. ``gone`` is the way from the start towards the cut-off in °C, times s on the host's clock.

    Args:
        ramp: what was begun.
        begun_s: when.
        lag_s: how long the device may take to begin, and how long its plate may lag behind its set-point.
        short_c: how far short of its start the plate was read when the ramp began: it stays behind by so much.
        remedy: what to do when the plate is not where it should be.
    """

    __slots__ = (
        "_followed_s",
        "_lag_c",
        "_last_c",
        "_last_s",
        "_onset_s",
        "_ramp",
        "_rate_c_per_s",
        "_reach_c",
        "_remedy",
        "_still_c",
        "_still_since_s",
        "_turn_c",
        "doubtful",
        "turned",
    )

    def __init__(
        self, ramp: ThermalRamp, begun_s: float, *, lag_s: float = 0.0, short_c: float = 0.0, remedy: str = _REMEDY
    ) -> None:
        self._ramp = ramp
        self._reach_c = abs(ramp.cutoff_c - ramp.start_c)
        self._rate_c_per_s = ramp.rate_c_per_s
        self._lag_c = ramp.rate_c_per_s * lag_s + max(short_c, 0.0)
        self._onset_s = begun_s
        self._followed_s = begun_s
        self._remedy = remedy
        self._last_s = self._last_c = math.nan
        self._still_c, self._still_since_s = 0.0, begun_s
        self._turn_c: float | None = None
        self.doubtful = False  #: the last reading lay off the path: a press now says nothing about the temperature
        self.turned = False  #: the readings have come back, one after the other: no single reading is a return

    def begins(self, onset_s: float, now_s: float) -> None:
        """The plate was first seen to move now: its ramp began at ``onset_s``, or when told, if later."""
        self._onset_s = max(self._onset_s, onset_s)
        self._followed_s = self._still_since_s = now_s

    def jumped(self, time_s: float, gone_c: float) -> bool:
        """Whether this reading lies further ahead of the last one than any plate on this ramp moves between them."""
        return gone_c - self._last_c > JUMP_C + JUMP_SHARE * self._rate_c_per_s * (time_s - self._last_s)

    def see(self, time_s: float, gone_c: float, behind_furthest_c: float) -> None:
        """Judge a reading of a ramp that has not been seen to end.

        Raises:
            ReadingJumpError, OffRampError: the plate is ahead of its path, by a jump or not.
        """
        # Once for every reading of every ramp: no calls, no copies.
        expected_c = (time_s - self._onset_s) * self._rate_c_per_s
        if expected_c > self._reach_c:  # noqa: PLR1730 - faster than min()
            expected_c = self._reach_c
        ahead_c = gone_c - expected_c
        allowed_c = DEVIATION_C + DEVIATION_SHARE * expected_c
        if ahead_c > allowed_c:
            raise self._ahead(time_s, gone_c, expected_c)
        self._last_s, self._last_c = time_s, gone_c
        if not -STILL_C <= gone_c - self._still_c <= STILL_C:
            self._still_c, self._still_since_s = gone_c, time_s
        self.doubtful = -ahead_c > allowed_c + self._lag_c
        if not self.doubtful:
            self._followed_s = time_s
        if self._turn_c is not None or behind_furthest_c >= MAY_TURN_C:
            self._note_turn(gone_c, behind_furthest_c)

    def _expected_c(self, time_s: float) -> float:
        return min(self._rate_c_per_s * (time_s - self._onset_s), self._reach_c)

    def require_following(self, time_s: float, gone_c: float) -> None:
        """The last reading told of no end of the ramp.

        Raises:
            FrozenReadingError, OffRampError: the plate has been behind its path for too long, standing still or not.
        """
        if self.doubtful and time_s - self._followed_s > BEHIND_S:
            raise self._behind(time_s, gone_c)

    def _note_turn(self, gone_c: float, behind_furthest_c: float) -> None:
        if behind_furthest_c < MAY_TURN_C:
            self._turn_c = None
        elif self._turn_c is None:
            self._turn_c = gone_c
        self.turned = self._turn_c is not None and self._turn_c - gone_c >= MAY_TURN_C

    def require_trust(self) -> None:
        """The participant has pressed: the reading before must be one to rely on.

        Raises:
            OffRampError: it lay off the path.
        """
        if self.doubtful:
            raise OffRampError(
                "the button was pressed while the readings did not follow the ramp: no threshold can be told from them",
                did="The press ended the stimulus; its value was not used.",
                remedy="Repeat the trial. If it happens again, have the thermode checked.",
            )

    def _ahead(self, time_s: float, gone_c: float, expected_c: float) -> InstrumentFaultError:
        if self.jumped(time_s, gone_c):
            return ReadingJumpError(
                f"a reading jumped from {self._at(self._last_c)} to {self._at(gone_c)}", remedy=self._remedy
            )
        return self._off(gone_c, expected_c)

    def _behind(self, time_s: float, gone_c: float) -> InstrumentFaultError:
        expected_c, still_s = self._expected_c(time_s), time_s - self._still_since_s
        if self._rate_c_per_s * still_s <= STILL_STEPS * STILL_C:
            return self._off(gone_c, expected_c)
        return FrozenReadingError(
            f"the reading has stayed at {self._at(gone_c)} for {still_s:.1f} s where the ramp should be at "
            f"{self._at(expected_c)}",
            remedy=self._remedy,
        )

    def _off(self, gone_c: float, expected_c: float) -> OffRampError:
        return OffRampError(
            f"the plate is at {self._at(gone_c)} where the ramp should be at {self._at(expected_c)}",
            remedy=self._remedy,
        )

    def _at(self, gone_c: float) -> str:
        return f"{self._ramp.start_c + (gone_c if self._ramp.rising else -gone_c):.1f} °C"
