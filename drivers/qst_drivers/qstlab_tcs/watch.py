"""What the driver expects of a plate on its ramp, and what it concludes when it sees something else."""

import math

from qst.errors import BeyondCutoffError, ReadingJumpError
from qst.instruments import RampEnd
from qst_drivers.qstlab_tcs.program import Program
from qst_drivers.ramp_path import MAY_TURN_C, RampPath

#: The device acts on ``Ol`` within a tick; the host's clock and the device's may differ a little.
_AFTER_DURATION_S = 0.005
#: A plate that has come back this far from its extreme has been told to return. Five times noise and display step.
_CAME_BACK_C = 0.3
_NEAR_CUTOFF_C = 0.2
#: The maker's absolute accuracy.
_ABSOLUTE_C = 0.5


class RampWatch:
    """Follows one ramp from its start.

    Args:
        program: what was commanded.
        began_s: host time at which the start was sent.
        overshoot_c: stated overshoot of the device.
        from_c: the reading with which it was started.
    """

    def __init__(self, program: Program, began_s: float, overshoot_c: float, from_c: float) -> None:
        ramp = program.ramp
        sign = 1.0 if ramp.rising else -1.0
        self.ended: RampEnd | None = None  #: what ended the ramp in the device
        self.inferred = False  #: the end was concluded from the plate's return alone: a short press between two polls
        self.turning = False  #: the last reading may belong to a return that is not certain yet
        self.rising = ramp.rising
        self._path = RampPath(ramp, began_s, short_c=sign * (ramp.start_c - from_c), remedy=_REMEDY)
        self._ends_s = began_s + program.duration_s + _AFTER_DURATION_S
        self._start_c = ramp.start_c
        self._sign = sign
        self._travel_c = abs(ramp.cutoff_c - ramp.start_c)
        self._most_beyond_c = overshoot_c + _ABSOLUTE_C
        self._peak_c = -math.inf  # the first reading may lie a little before the start

    def see(self, time_s: float, value_c: float, furthest_c: float, *, pressed: bool) -> None:
        """Take a reading into account; sets ``ended``.

        Args:
            time_s: host time of the reading.
            value_c: the mean of the zones.
            furthest_c: the zone that went furthest: none may pass the cut-off.
            pressed: whether the participant's button is down.

        Raises:
            InstrumentFaultError: the plate is beyond its cut-off or does not follow its ramp.
        """
        progress_c = self._sign * (value_c - self._start_c)
        beyond_c = self._sign * (furthest_c - self._start_c) - self._travel_c
        if beyond_c > self._most_beyond_c:
            kind = ReadingJumpError if self._path.jumped(time_s, progress_c) else BeyondCutoffError
            what = f"the plate is at {furthest_c:.1f} °C, {beyond_c:.1f} °C beyond its cut-off"
            raise kind(what, remedy=_REMEDY)
        if time_s >= self._ends_s:
            self._end(RampEnd.LIMIT)
        elif pressed:
            self._path.require_trust()
            self._end(RampEnd.BUTTON)
        else:
            self._follow(time_s, progress_c)

    def _follow(self, time_s: float, progress_c: float) -> None:
        behind_c = self._peak_c - progress_c
        self._path.see(time_s, progress_c, behind_c)
        self.turning = behind_c >= MAY_TURN_C
        if behind_c <= _CAME_BACK_C:
            if self._path.doubtful:
                self._path.require_following(time_s, progress_c)
            if behind_c < 0:
                self._peak_c = progress_c
        elif self._travel_c - self._peak_c < _NEAR_CUTOFF_C:
            self.inferred = True
            self._end(RampEnd.LIMIT)
        elif self._path.turned:
            self.inferred = True
            self._end(RampEnd.BUTTON)
        else:
            self._path.require_following(time_s, progress_c)

    def _end(self, ended: RampEnd) -> None:
        self.ended = ended
        self.turning = False


_REMEDY = "lift the thermode; a TCS on its charger does not stimulate; otherwise have the probe checked"
