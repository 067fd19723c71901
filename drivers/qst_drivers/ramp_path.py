"""Where a plate should be on its ramp, and what a reading beside that path means. For every thermode driver.

No input or output, no clock. A reading ahead of the path is believed at once: the skin may be hotter or colder than
anybody asked for. A reading behind it may be the beginning of a return that nobody announced, or a disturbance, and
gets a little time.
"""

from qst.errors import InstrumentFaultError
from qst.instruments import ThermalRamp

#: A reading may lie this far from its path, and this share of the way gone besides: rates are not exact. Engineering
#: defaults, no standard; a threshold that is reported is at most this wrong.
DEVIATION_C = 0.5
DEVIATION_SHARE = 0.03
#: How long a reading may lie behind its path by more than that.
BEHIND_S = 0.5
#: So far behind the furthest reading, one may belong to a return; and a return comes this much further.
MAY_TURN_C = 0.1
#: How long readings that may belong to a return are held back until it is decided.
HELD_BACK_LONGEST_S = 0.6

_REMEDY = "Lift the thermode. Repeat the trial; if it happens again, have the thermode checked."


class RampPath:
    """Follows one ramp. ``gone`` is the way from the start towards the cut-off in °C, times s on the host's clock.

    Args:
        ramp: what was begun.
        begun_s: when.
        lag_s: how long the device may take to begin, and how long its plate may lag behind its set-point.
        remedy: what to do when the plate is not where it should be.
    """

    __slots__ = (
        "_followed_s",
        "_lag_c",
        "_onset_s",
        "_ramp",
        "_rate_c_per_s",
        "_reach_c",
        "_remedy",
        "_turn_c",
        "doubtful",
        "turned",
    )

    def __init__(self, ramp: ThermalRamp, begun_s: float, *, lag_s: float = 0.0, remedy: str = _REMEDY) -> None:
        self._ramp = ramp
        self._reach_c = abs(ramp.cutoff_c - ramp.start_c)
        self._rate_c_per_s = ramp.rate_c_per_s
        self._lag_c = ramp.rate_c_per_s * lag_s
        self._onset_s = begun_s
        self._followed_s = begun_s
        self._remedy = remedy
        self._turn_c: float | None = None
        self.doubtful = False  #: the last reading lay off the path: a press now says nothing about the temperature
        self.turned = False  #: the readings have come back, one after the other: no single reading is a return

    def begins(self, onset_s: float, now_s: float) -> None:
        """The plate was first seen to move now: its ramp began at ``onset_s``, or when told, if later."""
        self._onset_s = max(self._onset_s, onset_s)
        self._followed_s = now_s

    def see(self, time_s: float, gone_c: float, behind_furthest_c: float) -> None:
        """Judge a reading of a ramp that has not been seen to end.

        Raises:
            InstrumentFaultError: the plate is ahead of its path.
        """
        # Once for every reading of every ramp: no calls, no copies.
        expected_c = (time_s - self._onset_s) * self._rate_c_per_s
        if expected_c > self._reach_c:  # noqa: PLR1730 - faster than min()
            expected_c = self._reach_c
        ahead_c = gone_c - expected_c
        allowed_c = DEVIATION_C + DEVIATION_SHARE * expected_c
        if ahead_c > allowed_c:
            raise self._fault(gone_c, expected_c)
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
            InstrumentFaultError: the plate has been behind its path for too long.
        """
        if self.doubtful and time_s - self._followed_s > BEHIND_S:
            raise self._fault(gone_c, self._expected_c(time_s))

    def _note_turn(self, gone_c: float, behind_furthest_c: float) -> None:
        if behind_furthest_c < MAY_TURN_C:
            self._turn_c = None
        elif self._turn_c is None:
            self._turn_c = gone_c
        self.turned = self._turn_c is not None and self._turn_c - gone_c >= MAY_TURN_C

    def require_trust(self) -> None:
        """The participant has pressed: the reading before must be one to rely on.

        Raises:
            InstrumentFaultError: it lay off the path.
        """
        if self.doubtful:
            raise InstrumentFaultError(
                "the button was pressed while the readings did not follow the ramp: no threshold can be told from them",
                did="The press ended the stimulus; its value was not used.",
                remedy="Repeat the trial. If it happens again, have the thermode checked.",
            )

    def _fault(self, gone_c: float, expected_c: float) -> InstrumentFaultError:
        ramp = self._ramp
        sign = 1.0 if ramp.rising else -1.0
        return InstrumentFaultError(
            f"the plate is at {ramp.start_c + sign * gone_c:.1f} °C where the ramp should be at "
            f"{ramp.start_c + sign * expected_c:.1f} °C",
            remedy=self._remedy,
        )
