"""Whether the plate goes where its set-point goes.

A loop whose sensor tells the same whatever the plate does ends at full power, and the only sign of it on the wire is
that the reading does not follow. So every way (to the start, along the ramp, back) is watched from its beginning: for
a reading that is beside the way, and, much sooner, for one that stands still while the set-point moves.
"""

from typing import Final

from qst.errors import FrozenReadingError, OffRampError

#: How far a plate may be behind its set-point, or beyond its target once the set-point is there: so many seconds of its
#: rate, and noise and skin besides. The lag of a laboratory-built plate at 1 °C/s is estimated at 0.5 to 1.5 °C; a skin
#: that touches it moves it by 0.2 to 1 °C.
LAG_S: Final = 1.5
SLACK_C: Final = 0.3
#: How far it may be ahead of a set-point that still moves.
AHEAD_C: Final = 0.5
#: From one reading to the next it moves by so many times its rate and by this, °C, and no further.
JUMP_C, JUMP_SHARE = 1.0, 1.5
#: For so long, so that one wrong reading is no fault.
PATIENCE_S: Final = 0.3
#: A reading within so much of an earlier one has stood still since; noise is a tenth of it. Engineering default.
STILL_C: Final = 0.04
#: So much longer than its set-point needs for that step, and at least so long, no plate under way stands still.
STILL_STEPS: Final = 4.0
STILL_S: Final = 0.4
#: A plate at full power has moved after so long, dead time and sensor included.
FULL_POWER_S: Final = 0.5

_DID: Final = "the output was switched off: a loop that does not follow may be heating or cooling at full power"
_REMEDY: Final = "lift the thermode off the skin now, then check its sensor, its module and its water or fan"


class PathWatch:
    """One straight way of the set-point. Temperatures °C, rates °C/s, times s on the host's clock.

    Args:
        from_c: where the plate was when it was told.
        to_c: where it was told to go.
        rate: how fast.
        began_s: when.
    """

    __slots__ = (
        *("_began_s", "_from_c", "_lag_s", "_off_since_s", "_rate", "_still_c", "_still_longest_s", "_still_since_s"),
        *("_last_c", "_last_s", "_to_c", "_tolerance_c", "arrives_s", "jumped"),
    )

    def __init__(self, from_c: float, to_c: float, rate: float, began_s: float) -> None:
        self._from_c, self._to_c = from_c, to_c
        self._rate = rate if to_c > from_c else -rate
        self._began_s = began_s
        self._off_since_s: float | None = None  # the first of the readings that were off, without one between
        self._tolerance_c = rate * LAG_S + SLACK_C
        self._still_c, self._still_since_s = from_c, began_s
        self._last_c, self._last_s = from_c, began_s
        self.jumped = False  #: the last reading lies further from the one before than any plate moves
        self._lag_s = LAG_S  # until it is first seen to move there; a plate that turns round stands still on its way
        self._still_longest_s = max(STILL_S, STILL_STEPS * STILL_C / rate)
        self.arrives_s = began_s + abs(to_c - from_c) / rate  #: when the set-point is there

    def see(self, time_s: float, value_c: float) -> bool:
        """Whether the plate is on its way, by this reading.

        Raises:
            OffRampError, FrozenReadingError: it has been off its way, or its reading has stood still, for too long.
        """
        self.jumped = abs(value_c - self._last_c) > JUMP_C + JUMP_SHARE * abs(self._rate) * (time_s - self._last_s)
        self._last_c, self._last_s = value_c, time_s
        under_way = time_s < self.arrives_s
        expected_c = self._from_c + self._rate * (time_s - self._began_s) if under_way else self._to_c
        beside_c = value_c - expected_c
        if under_way:
            moved_c = value_c - self._still_c
            if abs(moved_c) > STILL_C:
                self._still_c, self._still_since_s = value_c, time_s
                if moved_c * self._rate > 0:
                    self._lag_s = 0.0
            elif time_s - self._still_since_s > self._still_longest_s + self._lag_s:
                raise self._stuck(time_s, value_c, expected_c)
        ahead = under_way and beside_c * self._rate > 0
        if abs(beside_c) <= (AHEAD_C if ahead else self._tolerance_c):
            self._off_since_s = None
            return True
        if self._off_since_s is None:
            self._off_since_s = time_s
        elif time_s - self._off_since_s > PATIENCE_S:
            raise OffRampError(
                f"the plate reads {value_c:.2f} °C where it should be at {expected_c:.2f} °C", did=_DID, remedy=_REMEDY
            )
        return False

    def setting_out(self, time_s: float) -> bool:
        """Whether the plate may still lag so much that nothing is seen of its way."""
        return time_s - self._began_s <= LAG_S

    def see_full_power(self, time_s: float, value_c: float) -> None:
        """The controller says that it is at its current limit, so the plate must move.

        Raises:
            FrozenReadingError: its reading has stood still for too long.
        """
        still_s = time_s - self._still_since_s
        if time_s < self.arrives_s and still_s > FULL_POWER_S and abs(value_c - self._still_c) <= STILL_C:
            raise self._stuck(time_s, value_c, self._from_c + self._rate * (time_s - self._began_s))

    def _stuck(self, time_s: float, value_c: float, expected_c: float) -> FrozenReadingError:
        return FrozenReadingError(
            f"the plate has read {value_c:.2f} °C for {time_s - self._still_since_s:.1f} s where it should be at "
            f"{expected_c:.2f} °C by now: its sensor may be stuck",
            did=_DID,
            remedy=_REMEDY,
        )
