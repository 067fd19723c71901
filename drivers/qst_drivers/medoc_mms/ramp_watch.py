"""How did the device end the ramp? MMS does not say; this judges from temperature, state and the Yes flag.

No input or output, no clock: fed one reading after another, so that it can be tested exhaustively.
"""

from qst.errors import BeyondCutoffError, InstrumentFaultError, ReadingJumpError
from qst.instruments import RampEnd, ThermalRamp
from qst_drivers.ramp_path import MAY_TURN_C, RampPath
from qst_drivers.wire.mms import ReturnCode, SystemState, TestState

#: A reading this far behind the furthest one is a return, not noise; so is one this far from the start a movement. The
#: noise of MMS readings is not published; laboratories accept ±0.4 to ±0.5 °C as "reached".
TURNED_BACK_C = 0.25

#: Further beyond its cut-off, or beyond its own end, than this a device does not do as it was told.
BEYOND_C = 0.5

#: A reading this close to the cut-off is at it, within the noise: a press then cannot be told from the cut-off itself.
AT_CUTOFF_C = 0.05

#: Plain integers: members of an enumeration are slow to fetch, and this is judged with every reading.
_SAFETY_ERROR = int(ReturnCode.SAFETY_ERROR)
_PAUSED, _RUNNING, _TEST = int(TestState.PAUSED), int(TestState.RUNNING), int(SystemState.TEST)

#: How long a plate may lag behind its set-point. unverified: no time constant is published.
LAG_S = 0.3


class RampWatch:
    """Follows one ramp from its onset. Temperatures °C, times s on the host's clock.

    The rules, in this order; the first that applies stays:

    * a safety error, or PAUSE at MMS: ``FAULT``;
    * the Yes flag, unless it was up at the onset and has not been down since: ``BUTTON``; but ``LIMIT`` when the
      cut-off had been read before or with it: then the device may have turned back by itself (censoring errs to the
      careful side);
    * the temperature turned back, or the test is over and it is back at the start: ``LIMIT`` when it can have reached
      the cut-off between two readings, otherwise ``BUTTON``: a press shorter than the time between two polls, which
      only the turn-around shows; a single reading is no turn-around;
    * the test is over although the temperature is not back, or never moved: ``FAULT``: somebody ended it at MMS;
    * the temperature is on the other side of the start: ``FAULT``.

    Args:
        ramp: what was begun.
        begun_s: when.
        obeyed_within_s: a device that has not moved for so long, and the time of the movement itself, was not told.
        yes_at_onset: the Yes flag of the reply to the trigger.
    """

    __slots__ = (
        *("_armed", "_began_s", "_ended_at_c", "_furthest_c", "_furthest_s", "_gap_end_s", "_lost_after_s", "_moved"),
        *("_path", "_rate", "_reach_c", "_sign", "_start_c", "end", "turning"),
    )

    def __init__(self, ramp: ThermalRamp, begun_s: float, *, obeyed_within_s: float, yes_at_onset: bool) -> None:
        self._sign = 1.0 if ramp.rising else -1.0
        self._start_c = ramp.start_c
        self._reach_c = abs(ramp.cutoff_c - ramp.start_c)
        self._rate = ramp.rate_c_per_s
        self._began_s = begun_s
        self._path = RampPath(ramp, begun_s, lag_s=LAG_S)
        self._lost_after_s = obeyed_within_s + TURNED_BACK_C / ramp.rate_c_per_s
        self._armed = not yes_at_onset
        self._furthest_c = 0.0  # from the start, towards the cut-off
        self._furthest_s = begun_s
        self._gap_end_s = begun_s  # the first reading after the furthest one
        self._moved = False
        self._ended_at_c = 0.0
        self.end: RampEnd | None = None
        self.turning = False  # the last reading may belong to a return that is not certain yet

    def see(self, time_s: float, value_c: float, *, yes: bool, system: int, test: int, code: int) -> RampEnd | None:
        """Judge one reading; what it answers once, it answers ever after.

        Raises:
            InstrumentFaultError: the trigger was lost, or the device goes on where it must not.
        """
        gone_c = (value_c - self._start_c) * self._sign
        if self.end is not None:
            self._check_it_stopped(gone_c)
            return self.end
        if gone_c > self._reach_c + BEYOND_C:
            kind = ReadingJumpError if self._path.jumped(time_s, gone_c) else BeyondCutoffError
            raise kind(
                f"the thermode is at {value_c:.2f} °C, beyond the cut-off of its program",
                remedy="Take the thermode off the skin and check the program in MMS against the station file.",
            )
        pressed = yes and self._armed
        behind_c = self._note(time_s, gone_c)
        self.turning = behind_c >= MAY_TURN_C
        if not pressed:
            self._path.see(time_s, gone_c, behind_c)
            running = test == _RUNNING and system == _TEST and not (yes or code)
            if running and behind_c < MAY_TURN_C and self._moved and not self._path.doubtful:
                self._armed = True
                return None  # as nearly every reading: the plate is where it should be, and nothing has happened
        self.end = self._judge(gone_c, yes=yes, system=system, test=test, code=code)
        if self.end is not None:
            self._ended_at_c = gone_c
        elif not self._moved:
            self._check_it_moves(time_s)
        elif self._path.doubtful:
            self._path.require_following(time_s, gone_c)
        if pressed:
            self._path.require_trust()
        return self.end

    def _note(self, time_s: float, gone_c: float) -> float:
        """Keep the furthest reading. Returns how far this one lies behind it, in °C."""
        if gone_c >= self._furthest_c:
            self._furthest_c = gone_c
            self._furthest_s = self._gap_end_s = time_s
            if not self._moved and gone_c >= TURNED_BACK_C:
                self._moved = True
                self._path.begins(time_s - gone_c / self._rate, time_s)
            return 0.0
        if self._gap_end_s == self._furthest_s:
            self._gap_end_s = time_s
        return self._furthest_c - gone_c

    def _judge(self, gone_c: float, *, yes: bool, system: int, test: int, code: int) -> RampEnd | None:
        if code == _SAFETY_ERROR or test == _PAUSED:
            return RampEnd.FAULT
        if yes and self._armed:
            return RampEnd.LIMIT if self._furthest_c >= self._reach_c - AT_CUTOFF_C else RampEnd.BUTTON
        self._armed = self._armed or not yes
        if gone_c <= -TURNED_BACK_C:
            return RampEnd.FAULT
        if system == _TEST and test == _RUNNING:
            if not (self._moved and self._furthest_c - gone_c >= TURNED_BACK_C):
                return None
            # A single reading far behind is a disturbance as often as a return: the next one tells.
            return self._limit_or(RampEnd.BUTTON if self._path.turned else None)
        back_at_start = self._moved and gone_c < TURNED_BACK_C
        return self._limit_or(RampEnd.BUTTON if back_at_start else RampEnd.FAULT)

    def _limit_or(self, otherwise: RampEnd | None) -> RampEnd | None:
        return RampEnd.LIMIT if self._can_have_reached_cutoff() else otherwise

    def _can_have_reached_cutoff(self) -> bool:
        """Whether the ramp, unseen between two readings, or the plate's lag behind it, covers what was missing."""
        unseen_s = self._gap_end_s - self._furthest_s
        return self._furthest_c + self._rate * (unseen_s + LAG_S) + TURNED_BACK_C / 2 >= self._reach_c

    def _check_it_moves(self, time_s: float) -> None:
        if not self._moved and time_s - self._began_s > self._lost_after_s:
            raise InstrumentFaultError(
                f"the trigger was lost: the temperature has not moved for {time_s - self._began_s:.1f} s",
                did="Nothing was triggered again.",
                remedy="Repeat the trial. If it happens again, set a longer pretest in the station file.",
            )

    def _check_it_stopped(self, gone_c: float) -> None:
        if self.end is RampEnd.BUTTON and gone_c > self._ended_at_c + BEYOND_C + self._rate * LAG_S:
            raise InstrumentFaultError(
                "the participant has pressed the button and the temperature goes on towards the cut-off",
                remedy="Take the thermode off the skin. Check in MMS that the program's method is Limits.",
            )
