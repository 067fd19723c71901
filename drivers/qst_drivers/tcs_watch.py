"""What the driver expects of a plate on its ramp, and what it concludes when it sees something else."""

import math

from qst.errors import InstrumentFaultError
from qst.instruments import RampEnd
from qst_drivers.tcs_program import Program

#: The device acts on ``Ol`` within a tick; the host's clock and the device's may differ a little.
_AFTER_DURATION_S = 0.005
#: A plate that has come back this far from its extreme has been told to return. Five times noise and display step.
_CAME_BACK_C = 0.3
_NEAR_CUTOFF_C = 0.2
#: Deviation from the commanded path that counts as a fault, and for how long. Engineering defaults, no standard.
_DEVIATION_C = 1.0
_DEVIATION_S = 0.5
#: The maker's absolute accuracy.
_ABSOLUTE_C = 0.5


class RampWatch:
    """Follows one ramp from its start.

    Args:
        program: what was commanded.
        began_s: host time at which the start was sent.
        overshoot_c: stated overshoot of the device.
    """

    def __init__(self, program: Program, began_s: float, overshoot_c: float) -> None:
        ramp = program.ramp
        self.ended: RampEnd | None = None  #: what ended the ramp in the device
        self.inferred = False  #: the end was concluded from the plate's return alone: a short press between two polls
        self._began_s = began_s
        self._ends_s = began_s + program.duration_s + _AFTER_DURATION_S
        self._start_c = ramp.start_c
        self._sign = 1.0 if ramp.rising else -1.0
        self._rate = ramp.rate_c_per_s
        self._travel_c = abs(ramp.cutoff_c - ramp.start_c)
        self._most_c = self._travel_c + overshoot_c + _ABSOLUTE_C
        self._peak_c = -math.inf  # the first reading may lie a little before the start
        self._followed_s = began_s  # when the plate last was where it should be

    def see(self, time_s: float, value_c: float, *, pressed: bool) -> None:
        """Take a reading into account; sets ``ended``.

        Raises:
            InstrumentFaultError: the plate is beyond its cut-off or does not follow its ramp.
        """
        progress_c = self._sign * (value_c - self._start_c)
        if progress_c > self._most_c:
            raise _fault(f"the plate is at {value_c:.1f} °C, {progress_c - self._travel_c:.1f} °C beyond its cut-off")
        if time_s >= self._ends_s:
            self.ended = RampEnd.LIMIT
        elif pressed:
            self.ended = RampEnd.BUTTON
        elif self._peak_c - progress_c > _CAME_BACK_C:
            near = self._travel_c - self._peak_c < _NEAR_CUTOFF_C
            self.ended = RampEnd.LIMIT if near else RampEnd.BUTTON
            self.inferred = True
        else:
            self._check_following(time_s, value_c, progress_c)
            self._peak_c = max(self._peak_c, progress_c)

    def _check_following(self, time_s: float, value_c: float, progress_c: float) -> None:
        expected_c = min(self._rate * (time_s - self._began_s), self._travel_c)
        if abs(expected_c - progress_c) <= _DEVIATION_C:
            self._followed_s = time_s
        elif time_s - self._followed_s > _DEVIATION_S:
            wanted_c = self._start_c + self._sign * expected_c
            raise _fault(f"the plate is at {value_c:.1f} °C where the ramp should be at {wanted_c:.1f} °C")


def _fault(what: str) -> InstrumentFaultError:
    return InstrumentFaultError(
        what,
        did="the stimulus was ended (A sent)",
        remedy="lift the thermode; a TCS on its charger does not stimulate; otherwise have the probe checked",
    )
