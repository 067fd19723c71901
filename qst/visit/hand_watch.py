"""A hand on a gauge: software cannot stop it, only warn, sound an alarm and write down how long it pressed on.

Pure: fed readings, answers with alarms. The numbers are engineering defaults; the investigator owns them.
"""

from typing import Final

from qst.instruments import PressureRamp
from qst.visit.watch import ClockWatch

#: A hand that presses so many times faster than asked is told; over this time, s, and this much besides, kPa.
PACE_SHARE, PACE_OVER_S, PACE_KPA = 1.5, 0.5, 20.0
#: Pressing on after the release was called: so long is a remark, so long an alarm, s.
HELD_WARN_S, HELD_ALARM_S = 0.5, 1.0
#: So long above the cut-off, s, and the trial does not count.
OVER_CUTOFF_INVALID_S: Final = 2.0


class HandAlarm:
    """What a hand on a gauge is told. ``urgent``: now, not soon."""

    __slots__ = ("text", "urgent")

    def __init__(self, text: str, *, urgent: bool) -> None:
        self.text = text
        self.urgent = urgent


class HandWatch:
    """Follows a hand on a gauge: software cannot stop it, only warn and write down.

    Args:
        ramp: what the hand was asked for.
        gap_s: longest time between two readings, s.
    """

    __slots__ = ("_anchor", "_crossed", "_cutoff_kpa", "_last", "_rate", "_told", "clock", "held_s", "over_s")

    def __init__(self, ramp: PressureRamp, gap_s: float) -> None:
        self.clock = ClockWatch(gap_s)
        self._cutoff_kpa, self._rate = ramp.cutoff_kpa, ramp.rate_kpa_per_s
        self._anchor: tuple[float, float] | None = None
        self._last: tuple[float, float] | None = None
        self._told = 0
        self._crossed = False
        self.held_s = 0.0  #: time for which the hand pressed on after the release was called
        self.over_s = 0.0  #: time above the cut-off

    def press(self, time_s: float, value_kpa: float) -> HandAlarm | None:
        """A reading on the way up."""
        last, self._anchor = self._anchor, self._anchor or (time_s, value_kpa)
        if last is None or time_s - last[0] < PACE_OVER_S:
            return None
        over_s, moved_kpa = time_s - last[0], value_kpa - last[1]
        self._anchor = (time_s, value_kpa)
        if moved_kpa <= PACE_SHARE * self._rate * over_s + PACE_KPA:
            return None
        return HandAlarm(f"slower: {moved_kpa / over_s:.0f} kPa/s, {self._rate:.0f} are asked for", urgent=False)

    def let_go(self, now_s: float, *, at_cutoff: bool) -> None:
        """The release was called; ``at_cutoff``: because of the cut-off, so that the operator knows of that already."""
        self._last = (now_s, 0.0)
        self._crossed = at_cutoff

    def release(self, time_s: float, value_kpa: float, contact_kpa: float) -> HandAlarm | None:
        """A reading after the release was called."""
        last, self._last = self._last, (time_s, value_kpa)
        if last is None or value_kpa < contact_kpa:
            return None
        step_s = max(time_s - last[0], 0.0)
        self.held_s += step_s
        over = value_kpa >= self._cutoff_kpa
        if over:
            self.over_s += step_s
        return self._raise(over=over)

    def _raise(self, *, over: bool) -> HandAlarm | None:
        """Each step of the alarm once; the first one over the cut-off does not wait for any time to pass."""
        crosses, self._crossed = over and not self._crossed, self._crossed or over
        level = sum(self.held_s >= limit_s for limit_s in (HELD_WARN_S, HELD_ALARM_S))
        level += self.over_s >= OVER_CUTOFF_INVALID_S
        if level <= self._told:
            return HandAlarm("LET GO: above the cut-off", urgent=True) if crosses else None
        self._told = level
        where = "above the cut-off" if over else "pressing on"
        seconds = self.over_s if over else self.held_s
        return HandAlarm(f"LET GO: {where} for {seconds:.1f} s", urgent=over or level > 1)

    @property
    def invalid_reason(self) -> str:
        """Why the trial does not count; empty when it may."""
        if self.over_s < OVER_CUTOFF_INVALID_S:
            return ""
        return f"held above the cut-off for {self.over_s:.1f} s"

    @property
    def note(self) -> str:
        """What is written down of it; empty when the hand let go in time."""
        if self.held_s < HELD_ALARM_S and self.over_s < HELD_WARN_S:
            return ""
        over = f", {self.over_s:.2f} s of it above the cut-off" if self.over_s else ""
        return f"pressed on for {self.held_s:.2f} s after the release was called{over}"
