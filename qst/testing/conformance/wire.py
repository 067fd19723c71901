"""Checks for every instrument with a wire: faults are told, no sample is ever wrong, the link is given back."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

from qst.abort import AbortCause, Aborted
from qst.errors import InstrumentError, LinkError, LinkOpenError, QstError
from qst.instruments import Identity
from qst.testing.conformance.faults import DELAYS_S, HICCUPS, LATE_REPLIES, WIRE_FAULTS, WireFault, once, turn_a_bit
from qst.testing.conformance.life import LifeChecks, timed
from qst.testing.conformance.requirement import (
    NonconformanceError,
    failure_of,
    require,
    require_failure,
    require_helpful,
    require_no_failure,
)
from qst.testing.conformance.rig import Rig
from qst.testing.conformance.subject import Stage

#: A fault on the wire must be told within this much polling, s.
NOTICED_WITHIN_S = 5.0
#: Later than any deadline for one answer, s.
LATE_S = 3.0
#: After a reply that came too late the driver is watched for so much longer; in between, it is left alone, s.
AFTERMATH_S = 0.5
UNWATCHED_S = 1.5
#: So many bytes from the end of a reply have a bit turned over, one after the other.
BITS_TURNED = 24
#: The stimulus goes on for so long after a hiccup, s.
HICCUP_S = 1.5
#: Virtual time has no delays of its own; anything above this is a wait that the switch did not end.
ABORT_WITHIN_S = 1e-6


class WireChecks(LifeChecks):
    """What holds for every instrument that talks over a link."""

    @classmethod
    def cases(cls) -> dict[str, Mapping[str, Any]]:
        """Faults, delays and hiccups, besides the rest."""
        pauses = [stage for stage in cls.stages() if stage not in (Stage.UNCONNECTED, Stage.CLOSED, Stage.RAMPING)]
        return super().cases() | {
            "fault": WIRE_FAULTS,
            "hiccup": HICCUPS,
            "delay_s": {f"{delay_s:g}s": delay_s for delay_s in DELAYS_S},
            "late_reply": {f"reply{number}": number for number in LATE_REPLIES},
            "pause": {stage.value: stage for stage in pauses},
        }

    # ------------------------------------------------------------------------------------------------------ readings

    def test_samples_are_true_and_in_order(self) -> None:
        """Times rise and never lie ahead of the clock; values are those of the device at that time."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        require(rig.samples, "a whole piece of ramp gave no sample", "let poll() return what was read")
        for before, sample in pairwise(rig.samples):
            require(
                sample.time_s > before.time_s,
                f"a sample of {sample.time_s} s came after one of {before.time_s} s",
                "give each sample a later time than the one before, on the host's clock",
            )
        for sample, seen_s in zip(rig.samples, rig.seen_s, strict=True):
            require(
                sample.time_s <= seen_s,
                f"a sample seen at {seen_s} s says {sample.time_s} s",
                "stamp a sample with a time at which it can have been measured, never a later one",
            )
        rig.require_true()

    def test_resolution_is_no_finer_than_declared(self) -> None:
        """The resolution decides how a threshold is reported: readings in coarser steps would pretend to be exact."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING, min(self.subject.ramps, key=rig.pace))
        before = len(rig.samples)
        rig.read_slowly()
        values = sorted({sample.value for sample in rig.samples[before:]})
        steps = [high - low for low, high in pairwise(values)]
        resolution = rig.capabilities.resolution
        require(
            steps and min(steps) <= resolution * 1.001,
            f"no two readings are closer than {min(steps, default=float('inf')):g}; declared is {resolution:g}",
            "declare the resolution that readings have",
        )

    def test_checksums_are_what_is_declared(self) -> None:
        """checksums: no single bit that turns over on the wire becomes another reading."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        seen = len(rig.samples)
        for position in range(BITS_TURNED):
            once(rig.link, partial(turn_a_bit, position))
            rig.follow_through(rig.subject.period_s)
        if rig.capabilities.checksums:
            rig.require_true(seen)

    # -------------------------------------------------------------------------------------------------------- faults

    def test_link_that_cannot_be_opened(self) -> None:
        """A port that is busy or gone is told as what it is."""
        rig = self.bench()
        rig.link.refuses = True
        require_failure(
            rig.driver.connect,
            (LinkOpenError,),
            "connect() over a link that cannot be opened",
            "let LinkOpenError pass",
        )
        require_no_failure(rig.driver.close, "close() after connect() failed", "let close() raise nothing")
        require(not rig.link.is_open, "the link stayed open", "close the link")

    def test_fault_while_connecting(self, fault: WireFault) -> None:
        """connect() tells a fault so that a technician can act on it, and closes the link that it opened."""
        rig = self.bench()
        fault.strike(rig.link)
        error = require_failure(rig.driver.connect, fault.told_as, "connect()", "tell the fault for what it is")
        require_helpful(error, "connect()")
        require(
            not rig.link.is_open,
            "connect() failed and left the link open: the next try, or another program, finds the port busy",
            "close the link before the error leaves connect()",
        )
        require_no_failure(rig.driver.close, "close() after connect() failed", "let close() raise nothing")

    def test_fault_in_the_ramp(self, fault: WireFault) -> None:
        """Nothing that happens on the wire in a ramp goes unnoticed, and nothing of it becomes a sample."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        seen = len(rig.samples)
        fault.strike(rig.link)
        error = self._told(rig, fault)
        require_helpful(error, "poll()")
        rig.require_true(seen)

    def test_after_a_fault_it_is_left_and_taken_up_again(self, fault: WireFault) -> None:
        """make_safe() and close() end soon although nobody answers; on a sound link the instrument connects anew."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        fault.strike(rig.link)
        error = timed(rig, "make_safe")
        require(
            error is None or isinstance(error, InstrumentError | LinkError),
            f"make_safe() raised {type(error).__name__}",
            "raise an InstrumentError or a LinkError from make_safe(): the visit prints it in large letters",
        )
        require(timed(rig, "close") is None, "close() raised although the link is broken", "let close() raise nothing")
        require(not rig.link.is_open, "close() on a broken link left it open", "close the link whatever happens")
        rig.link.heal()
        self.let_go(rig)
        require_no_failure(rig.driver.make_safe, "make_safe() when the link is sound again", "work from every state")
        rig.driver.close()
        rig.clock.sleep(NOTICED_WITHIN_S)
        seen = len(rig.samples)
        require_no_failure(
            lambda: rig.bring_to(Stage.RAMPING), "a new ramp after a fault", "let connect() begin from nothing"
        )
        rig.require_true(seen)

    def test_hiccup_gives_no_wrong_sample(self, hiccup: Callable[[bytes], bytes]) -> None:
        """One reply that is damaged, doubled or lost may be told or overcome, but never read as something else."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        seen = len(rig.samples)
        once(rig.link, hiccup)
        rig.follow_through(HICCUP_S)
        rig.require_true(seen)

    def test_disconnect(self, any_stage: Stage) -> None:
        """A cable pulled in any state: stop() and make_safe() tell it or have nothing to do, close() is silent."""
        rig = self.bench()
        rig.bring_to(any_stage)
        rig.link.hang_up()
        for name in ("stop", "make_safe"):
            error = timed(rig, name)
            require(
                error is None or isinstance(error, InstrumentError | LinkError),
                f"{name}() on a broken link raised {type(error).__name__}",
                "raise a LinkError or an InstrumentError",
            )
        require(timed(rig, "close") is None, "close() raised although the link is broken", "let close() raise nothing")
        require(not rig.link.is_open, "the link stayed open", "close the link whatever happens")

    # --------------------------------------------------------------------------------------------------- late replies

    def test_late_reply_is_never_an_answer(self, delay_s: float) -> None:
        """A reply that comes after its time-out must not be taken for the answer to the next question."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        seen = len(rig.samples)
        rig.link.hold_back(delay_s)
        rig.follow_through(delay_s + AFTERMATH_S)
        rig.require_true(seen)

    def test_late_reply_in_a_pause_is_thrown_away(self) -> None:
        """The same when the reply comes while nobody asks: from then on every answer would be the one before."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        seen = len(rig.samples)
        due_s = rig.now_s + LATE_S
        rig.link.hold_back(LATE_S)
        failure_of(lambda: rig.follow(LATE_S), "poll() without an answer")
        rig.clock.sleep(due_s - rig.now_s + UNWATCHED_S)
        for _ in range(3):
            rig.follow_through(AFTERMATH_S)
            rig.clock.sleep(UNWATCHED_S)
        rig.require_true(seen)

    def test_late_reply_while_connecting(self, late_reply: int) -> None:
        """The same for who answers: a serial number must not be the late answer to another question."""
        rig = self.bench()
        identity = rig.driver.connect()
        rig.driver.close()
        rig.clock.sleep(1.0)
        rig.link.hold_back(NOTICED_WITHIN_S, after=late_reply)
        for _ in range(3):
            found, error = self._connected(rig)
            require(
                error is not None or found == identity,
                f"after a late reply the device is taken for {found}; it is {identity}",
                "after a time-out throw away what comes, and ask anew",
            )
            rig.driver.close()
            rig.clock.sleep(1.0)

    # -------------------------------------------------------------------------------------------------------- aborts

    def test_abort_ends_a_wait_while_connecting(self) -> None:
        """An abort is obeyed at once, also in the middle of a read, and the link is given back."""
        rig = self.bench()
        rig.link.silent = True
        self._abort_in(rig, rig.driver.connect)
        require(not rig.link.is_open, "an abort in connect() left the link open", "close the link on BaseException")

    def test_abort_ends_a_wait_in_the_ramp(self) -> None:
        """The same in a ramp; and the way to safety afterwards is not interrupted by the switch that was thrown."""
        rig = self.bench()
        rig.bring_to(Stage.RAMPING)
        rig.link.silent = True
        self._abort_in(rig, lambda: self._poll_on(rig))
        rig.link.silent = False
        self.abandon(rig, "an abort in the ramp")

    def test_abort_while_paused(self, pause: Stage) -> None:
        """A paused visit that is aborted goes to safety from where it is: it is never resumed on the way."""
        rig = self.bench()
        rig.bring_to(pause)
        self.let_go(rig)
        rig.clock.sleep(2.0)
        rig.abort.throw(AbortCause.EMERGENCY_STOP)
        self.abandon(rig, f"an abort while {pause.value}")

    def abandon(self, rig: Any, after: str) -> None:  # noqa: ANN401 - the suites narrow it
        """Make safe and close under the thrown switch, as a visit does."""
        with rig.abort.shielded():
            require_no_failure(rig.driver.make_safe, f"make_safe() after {after}", "work from every state")
            require_no_failure(rig.driver.close, f"close() after {after}", "let close() raise nothing")
        require(not rig.link.is_open, f"{after} left the link open", "close the link")

    def let_go(self, rig: Any) -> None:  # noqa: ANN401 - the suites narrow it
        """Whoever works a gauge by hand takes it away; a thermode needs nobody."""

    def _connected(self, rig: Rig) -> tuple[Identity | None, QstError | None]:
        """Who answers, or why nobody does."""
        found: list[Identity] = []
        error = failure_of(lambda: found.append(rig.driver.connect()), "connect()")
        return (found[0] if found else None), error

    def _poll_on(self, rig: Rig) -> None:
        """Poll as a visit does, until the switch that was thrown comes through."""
        while rig.abort.cause is None:
            rig.poll()
            require(rig.abort.cause is None, "poll() swallowed an abort", "never catch BaseException for good")
            rig.clock.sleep(rig.subject.period_s)

    def _abort_in(self, rig: Rig, action: Callable[[], object]) -> None:
        thrown_s = rig.now_s + 0.013
        rig.clock.at(thrown_s, lambda: rig.abort.throw(AbortCause.EMERGENCY_STOP))
        try:
            failure_of(action, "the call that the abort should end")
        except Aborted:
            took_s = rig.now_s - thrown_s
            require(
                took_s <= ABORT_WITHIN_S,
                f"an abort was obeyed after {took_s:.3f} s",
                "let Aborted pass, do nothing first",
            )
            return
        raise NonconformanceError("the abort was swallowed", "never catch BaseException for good")

    def _told(self, rig: Rig, fault: WireFault) -> QstError:
        return require_failure(
            lambda: rig.follow(NOTICED_WITHIN_S),
            fault.told_as,
            f"{NOTICED_WITHIN_S:g} s of polling over the broken link",
            "tell the fault for what it is: LinkError for the cable, RemoteProtocolError for bytes that mean nothing, "
            "InstrumentFaultError for readings that stay away",
        )
