"""Checks for every instrument: identity, refusals, order of life, and that the link is always given back."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from qst.errors import NotReadyError, RefusedError
from qst.instruments import Capabilities, Identity
from qst.testing.conformance.requirement import failure_of, require, require_failure, require_no_failure
from qst.testing.conformance.rig import Rig
from qst.testing.conformance.subject import Stage
from qst.testing.conformance.suite import Conformance

#: How long any single call may take on the clock when nobody answers, s.
LONGEST_CALL_S = 15.0


class LifeChecks(Conformance):
    """What holds for every instrument."""

    @classmethod
    def cases(cls) -> dict[str, Mapping[str, Any]]:
        """The ramps inside and outside the limits, besides the stages."""
        ramps = dict(enumerate(cls.subject.ramps))
        return super().cases() | {
            "ramp": {f"ramp{number}": ramp for number, ramp in ramps.items()},
            "limit": dict(cls.outside(cls.RIG(cls.subject).capabilities)),
        }

    @classmethod
    def outside(cls, can: Capabilities) -> Iterator[tuple[str, Any]]:
        """Ramps outside what the instrument says it can do."""
        raise NotImplementedError

    def test_building_and_checking_touch_no_link(self) -> None:
        """A plan is checked before anything is connected: nobody may notice that it was."""
        rig = self.bench()
        for ramp in self.subject.ramps:
            require_no_failure(partial(rig.driver.check, ramp), "check(ramp)", "accept the ramps you declared")
        require(
            not rig.link.opened and not rig.link.written,
            f"the link was opened {rig.link.opened} times and written to {len(rig.link.written)} times",
            "touch the link in connect() at the earliest",
        )

    def test_identity(self) -> None:
        """The log names the device that was used; a device that connects twice is the same device."""
        rig = self.bench()
        first = rig.driver.connect()
        rig.driver.close()
        second = rig.driver.connect()
        require(
            isinstance(first, Identity) and first.model.strip(),
            f"connect() returned {first!r}",
            "return an Identity whose model says what answered, or what the station file says of it",
        )
        require(first == second, f"{first} became {second}", "read the identity anew, or not at all")

    def test_declared_ramps_are_accepted(self, ramp: Any) -> None:  # noqa: ANN401 - of either kind
        """A ramp that check() takes must also be prepared: a visit relies on it after it has begun."""
        rig = self.bench()
        rig.bring_to(Stage.CONNECTED)
        for name in ("check", "prepare"):
            require_no_failure(
                partial(getattr(rig.driver, name), ramp), f"{name}({ramp})", "accept the ramps you declared"
            )

    def test_limits_are_refused_by_check(self, limit: Any) -> None:  # noqa: ANN401 - of either kind
        """A stimulus outside the limits is refused, never clamped: the person gets what was written, or nothing."""
        rig = self.bench()
        opened = rig.link.opened
        require_failure(
            lambda: rig.driver.check(limit),
            (RefusedError,),
            f"check({limit})",
            "raise RefusedError; do not clamp, round or ignore; or declare capabilities that say what is possible",
        )
        require(rig.link.opened == opened, "check() opened the link", "let check() touch no link")

    def test_limits_are_refused_by_prepare(self, limit: Any) -> None:  # noqa: ANN401 - of either kind
        """prepare() proves for itself, before a byte is written; and what was refused cannot be begun."""
        rig = self.bench()
        rig.bring_to(Stage.CONNECTED)
        written = len(rig.link.written)
        require_failure(
            lambda: rig.driver.prepare(limit),
            (RefusedError,),
            f"prepare({limit})",
            "raise RefusedError; do not clamp, round or ignore; or declare capabilities that say what is possible",
        )
        require(
            len(rig.link.written) == written,
            f"prepare() wrote {rig.link.written[written:]} before it refused",
            "prove the whole ramp before the first byte",
        )
        require_failure(rig.driver.begin, (NotReadyError,), "begin() after a refusal", "forget what was refused")

    def test_begin_before_prepare_is_refused(self) -> None:
        """Nothing may start that nobody has asked for."""
        rig = self.bench()
        rig.bring_to(Stage.CONNECTED)
        require_failure(rig.driver.begin, (NotReadyError,), "begin() before prepare()", "raise NotReadyError")

    def test_calls_out_of_order_do_no_harm(self) -> None:
        """A call that comes too early, or after close(), is refused in the suite's own words or does nothing."""
        for stage in (Stage.UNCONNECTED, Stage.CLOSED):
            rig = self.bench()
            rig.bring_to(stage)
            for name in ("poll", "begin", "adapt", "ready", "tare", "peak_kpa", "stop"):
                if hasattr(rig.driver, name):
                    failure_of(getattr(rig.driver, name), f"{name}() when {stage.value}")
            require(not rig.link.is_open, f"a call when {stage.value} left the link open", "open it in connect() only")

    def test_close_is_idempotent_from(self, any_stage: Stage) -> None:
        """close() is called whatever has happened, perhaps twice; afterwards the port is free for the next program."""
        rig = self.bench()
        rig.bring_to(any_stage)
        for _ in range(2):
            require_no_failure(rig.driver.close, f"close() when {any_stage.value}", "let close() raise nothing")
            require(not rig.link.is_open, f"close() when {any_stage.value} left the link open", "close the link")


def timed(rig: Rig, name: str) -> Exception | None:
    """Call a method of the driver; its error of the suite, if any. It must come back soon."""
    began_s = rig.now_s
    error = failure_of(getattr(rig.driver, name), f"{name}()")
    took_s = rig.now_s - began_s
    require(
        took_s <= LONGEST_CALL_S,
        f"{name}() took {took_s:.1f} s with nobody answering",
        f"give every wait a deadline, so that the whole call takes at most {LONGEST_CALL_S:g} s",
    )
    return error
