"""Anything in any order: whatever the host, the participant and a person at MMS do, the plate keeps to its program."""

import math
from contextlib import suppress

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from qst.errors import InstrumentError, QstError
from qst_drivers.wire.mms import Command, SystemState
from qst_simulators.medoc_mms.main_station import STATE_TABLE, State
from tests.medoc_mms.rig import COLD, HEAT, Rig

SAFE = (State.LISTENING, State.NOT_LISTENING, State.SAFE_MODE)
#: Commands that a person at MMS may give past the driver, without beginning a stimulus.
AT_MMS = [command for command in Command if command not in (Command.SELECT_TP, Command.START, Command.TRIGGER)]
PARAMETERS = {Command.VAS: 4, Command.T_UP: 50, Command.T_DOWN: 50}
SLACK_C = 1e-9


class AnyOrder(RuleBasedStateMachine):
    """The device's own path is sampled densely whenever time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig({"noise_c": 0.02, "state_change_deafness_s": 0.2})
        self.connected = False
        self.safe_since: float | None = None  # true temperature when make_safe returned; None once something moved it

    def pass_time(self, seconds: float) -> None:
        rig = self.rig
        rig.world.advance(rig.clock.monotonic())
        end_s = rig.clock.monotonic() + seconds
        before_c = rig.true_c
        while (now_s := rig.clock.monotonic()) < end_s:
            rig.clock.sleep(min(0.25, end_s - now_s) + 1e-9)
            true_c = rig.true_c
            assert 0.0 - SLACK_C <= true_c <= 48.0 + SLACK_C
            if self.safe_since is not None:
                target_c = rig.mms.surface.target_c
                assert target_c in (32.0, 20.0)
                assert abs(true_c - target_c) <= abs(before_c - target_c) + SLACK_C
                assert math.copysign(1.0, true_c - target_c) == math.copysign(1.0, before_c - target_c) or (
                    abs(true_c - target_c) < SLACK_C
                )
                if self.safe_since >= 32.0:
                    assert true_c <= self.safe_since + SLACK_C
            before_c = true_c

    @rule(seconds=st.sampled_from([0.001, 0.05, 0.4, 1.0, 3.0, 7.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule()
    def press(self) -> None:
        self.rig.world.advance(self.rig.clock.monotonic())
        self.rig.button.set(pressed=not self.rig.button.pressed)

    @rule(command=st.sampled_from(AT_MMS))
    def person_at_mms(self, command: Command) -> None:
        self.rig.ask(command, PARAMETERS.get(command))
        self.safe_since = None

    @rule()
    def connect(self) -> None:
        with suppress(InstrumentError):
            self.rig.driver.connect()
            self.connected = True

    @precondition(lambda self: self.connected)
    @rule(ramp=st.sampled_from([HEAT, COLD]), polls=st.integers(0, 80))
    def adapt(self, ramp: object, polls: int) -> None:
        self.safe_since = None
        with suppress(InstrumentError):
            self.rig.driver.prepare(HEAT if ramp is HEAT else COLD)
            self.rig.driver.adapt()
            for _ in range(polls):
                self.rig.driver.poll()
                self.pass_time(0.1)

    @precondition(lambda self: self.connected)
    @rule(polls=st.integers(0, 100))
    def begin(self, polls: int) -> None:
        self.safe_since = None
        triggers = self.rig.link.commands().count(Command.TRIGGER)
        with suppress(InstrumentError):
            self.rig.driver.begin()
            for _ in range(polls):
                self.rig.driver.poll()
                self.pass_time(0.5)
        assert self.rig.link.commands().count(Command.TRIGGER) <= triggers + 1

    @rule()
    def stop(self) -> None:
        self.rig.driver.stop()
        self.safe_since = None
        self.rig.world.advance(self.rig.clock.monotonic())
        row = STATE_TABLE[self.rig.state()]
        assert row.system != SystemState.TEST or self.rig.state() is State.FINALISING

    @rule()
    def make_safe(self) -> None:
        count = len(self.rig.link.commands())
        self.rig.driver.make_safe()
        assert set(self.rig.link.commands()[count:]) == {Command.ABORT}
        assert self.rig.state() in SAFE
        self.safe_since = self.rig.true_c

    @rule()
    def close(self) -> None:
        self.rig.driver.close()
        self.connected = False

    @invariant()
    def the_log_of_samples_is_never_silent_about_a_fault(self) -> None:
        """Every poll answers or raises an error of the suite."""
        if self.connected:
            with suppress(QstError):
                for sample in self.rig.driver.poll():
                    assert 0.0 - 0.2 <= sample.value <= 48.0 + 0.2


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = hypothesis_settings(max_examples=60, stateful_step_count=25, deadline=None)
