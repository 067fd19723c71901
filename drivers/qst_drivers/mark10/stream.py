"""The stream of a Mark-10 gauge: lines with neither number nor time stamp become samples with both.

What a stream can show about the gauge is judged here: overload, a pull, another unit, silence.
"""

from collections.abc import Callable, Sequence
from typing import Final

from qst.clock import Clock
from qst.errors import FrozenReadingError, InstrumentFaultError, ReadingJumpError, StaleReadingError, WireError
from qst.instruments import Sample
from qst_drivers.gauge_settings import HandGauge
from qst_drivers.mark10.talk import Mark10Talk
from qst_drivers.wire import mark10 as wire
from qst_drivers.wire.mark10 import Command, Unit

_LINES_PER_S: Final = 50
#: Time between two lines, s.
PERIOD_S: Final = 1.0 / _LINES_PER_S
_STALE_S = 3.5 * PERIOD_S  # three periods without a line, and some time for the wire
_LOST_S = 1.5 * PERIOD_S  # so far behind, a line was lost
_PULLED_N = 1.0  # so much tension is no sticking tip: pulled, or the polarity was changed
_JUMP_N = 3.0  # no hand on skin rises by so much from one line to the next, 150 N/s; readings that do are no force
_CONTACT_N = 0.5  # below it nothing presses (a zero is within 0.3), and a gauge may show the same for ever
#: A hand that presses is never so steady for so long: readings within 3 digits, while the ramp makes 10 of them.
_STUCK_DIGITS, _STUCK_RISE_DIGITS, _STUCK_S = 3, 10, 0.2
_RESTING_N, _RESTING_S = 2.0, 1.0  # a tip may rest lightly on the skin before the press, and longer
_OVERLOAD = 1.10  # of capacity; a gauge that clips instead of saying OVER shows this much

_NEWTON: Final = wire.encode(Command("N"))
_STREAM: Final = wire.encode(Command("AOUT", _LINES_PER_S))


class Mark10Stream:
    """Readings as they come, in kPa, push positive, stamped with the host's time of arrival.

    Args:
        talk: the conversation with the gauge.
        gauge: its tip, capacity and digit.
        clock: the visit's clock.
    """

    def __init__(self, talk: Mark10Talk, gauge: HandGauge, clock: Clock) -> None:
        self._talk = talk
        self._now: Callable[[], float] = clock.monotonic
        self._overload_n = _OVERLOAD * gauge.capacity_n - gauge.digit_n / 2
        self._pulled_kpa = -_PULLED_N * gauge.kpa_per_n
        self._digit_n = gauge.digit_n
        self._steady_longest_s = _STUCK_S
        self._steady_since_s: float | None = None
        self._steady_n = 0.0
        self._before_n: float | None = None  # the last reading
        self.kpa_per_n = gauge.kpa_per_n  # negative where a push reads negative
        self.running = False
        self._last_line_s = 0.0  # when a line last came
        self._stamp_s = 0.0  # time stamp of the last line
        self._unit_reset_s: float | None = None  # when the unit had to be set back
        self._waiting_fault: InstrumentFaultError | WireError | None = None

    def begin(self, rate_kpa_per_s: float) -> None:
        """Let the gauge send; ``rate_kpa_per_s`` is the ramp to be expected. Raises LinkError."""
        rise_s = _STUCK_RISE_DIGITS * self._digit_n * abs(self.kpa_per_n) / rate_kpa_per_s
        self._steady_longest_s = max(_STUCK_S, rise_s)
        self._steady_since_s = self._before_n = None
        self._talk.begin_stream(_STREAM)
        self._unit_reset_s = None
        self._waiting_fault = None
        self._last_line_s = self._stamp_s = self._now()
        self.running = True

    def end(self) -> None:
        """Let the gauge fall silent, and see that it has. Idempotent. Raises LinkError, RemoteProtocolError."""
        if self.running:
            self.running = False
            self._talk.end_stream()

    def silence(self) -> None:
        """Tell the gauge to fall silent without waiting for it. Raises LinkError."""
        self.running = False
        self._talk.silence()

    def poll(self) -> Sequence[Sample]:
        """What has arrived. Never waits.

        Raises:
            InstrumentFaultError: overload, a pull, a wrong unit twice, or no line for three periods.
            RemoteProtocolError: something that is no reading.
            LinkError.
        """
        if not self.running:
            return ()
        if self._waiting_fault is not None:
            fault, self._waiting_fault = self._waiting_fault, None
            raise fault
        replies = self._talk.arrived()
        now_s = self._now()
        if not replies:
            if now_s - self._last_line_s > _STALE_S:
                raise self._stale(now_s - self._last_line_s)
            return ()
        self._last_line_s = now_s
        return self._samples(replies, now_s)

    def _samples(self, replies: Sequence[wire.Reply], now_s: float) -> list[Sample]:
        """Readings up to the first one that shows a fault; that fault is raised now, or after they were delivered."""
        stamp_s, step_s = self._stamps(len(replies), now_s)
        samples: list[Sample] = []
        fault: InstrumentFaultError | WireError | None
        for reply in replies:
            if type(reply) is wire.Reading and reply.unit is Unit.N:
                value_kpa = reply.value * self.kpa_per_n
                fault = self._implausible(reply, value_kpa, stamp_s)
                if fault is None:
                    samples.append(Sample(stamp_s, value_kpa))
            else:
                fault = self._not_newton(reply, now_s)
            if fault is not None:
                return self._after(samples, fault)
            self._stamp_s = stamp_s
            stamp_s += step_s
        return samples

    def _implausible(self, reply: wire.Reading, value_kpa: float, stamp_s: float) -> InstrumentFaultError | None:
        if abs(reply.value) >= self._overload_n:
            return self._talk.overloaded(reply.text)
        if value_kpa < self._pulled_kpa:
            return self._talk.fault(
                f"the gauge shows a pull where a push was expected: '{reply.text}'",
                remedy="Repeat the trial; if it comes again, connect anew so that the polarity is probed again.",
            )
        push_n = value_kpa / abs(self.kpa_per_n)
        before_n, self._before_n = self._before_n, push_n
        if before_n is not None and push_n - before_n > _JUMP_N * max((stamp_s - self._stamp_s) / PERIOD_S, 1.0):
            return self._talk.fault(
                f"the reading jumped from {before_n:.2f} N to {push_n:.2f} N: no hand does that",
                remedy="Repeat the trial; if it happens again, check cable and gauge with a known weight.",
                kind=ReadingJumpError,
            )
        return self._stuck(push_n, stamp_s)

    def _stuck(self, push_n: float, stamp_s: float) -> InstrumentFaultError | None:
        """A gauge that is pressed and shows the same all the time."""
        if push_n < _CONTACT_N:
            self._steady_since_s = None
        elif self._steady_since_s is None or abs(push_n - self._steady_n) > _STUCK_DIGITS * self._digit_n:
            self._steady_since_s, self._steady_n = stamp_s, push_n
        elif stamp_s - self._steady_since_s > self._steady_s(push_n):
            return self._talk.fault(
                f"the reading has stayed at {push_n:.2f} N for {stamp_s - self._steady_since_s:.1f} s under a press",
                remedy="Release. Check the gauge with a known weight before it is used again.",
                kind=FrozenReadingError,
            )
        return None

    def _steady_s(self, push_n: float) -> float:
        return self._steady_longest_s if push_n >= _RESTING_N else max(_RESTING_S, self._steady_longest_s)

    def _stamps(self, count: int, now_s: float) -> tuple[float, float]:
        """The time of the first of ``count`` lines read together, and from each to the next.

        Lines come every 20 ms; looking at the link at odd moments must not shift them. So each is one period after
        the one before, unless it would then lie ahead of its arrival (the clock was late before), or so far behind
        that lines were lost (the count starts anew from now). Lines that catch up after a delay are more than there
        is room for between the last one and now: none may be stamped before the other, or ahead of the clock.
        """
        latest_s = now_s - (count - 1) * PERIOD_S
        expected_s = self._stamp_s + PERIOD_S
        if expected_s < latest_s - _LOST_S:
            expected_s = latest_s
        first_s = min(expected_s, latest_s)
        if first_s > self._stamp_s:
            return first_s, PERIOD_S
        step_s = max((now_s - self._stamp_s) / count, 1e-6)
        return self._stamp_s + step_s, step_s

    def _after(self, samples: list[Sample], fault: InstrumentFaultError | WireError) -> list[Sample]:
        """Good samples are never lost to a fault that came behind them."""
        if not samples:
            raise fault
        self._waiting_fault = fault
        return samples

    def _not_newton(self, reply: wire.Reply, now_s: float) -> InstrumentFaultError | WireError | None:
        """What is wrong with a reply that is no reading in N; None when it was put right and is only dropped."""
        if isinstance(reply, wire.Reading):
            if self._unit_reset_s is None:
                self._unit_reset_s = now_s
                self._talk.send(_NEWTON)
            if now_s - self._unit_reset_s <= 3 * PERIOD_S:
                return None  # measured before the gauge was told
        return self._talk.not_a_reading(reply)

    def _stale(self, silent_s: float) -> InstrumentFaultError:
        return self._talk.fault(
            f"stale stream: no reading for {silent_s * 1000:.0f} ms",
            did="The trial was ended.",
            remedy="Check the cable, and that no menu of the gauge is open. If it switched itself off, press its key.",
            kind=StaleReadingError,
        )
