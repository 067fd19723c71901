"""The switch that ends everything: no stop is lost, none is taken twice, and only a stronger one breaks in."""

import threading
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from qst.abort import CAUSE_WORDS, STRENGTH, AbortCause, Aborted, AbortSwitch, ends_the_visit, strongest
from qst.visit.states import CAUSE_OUTCOME

ESC, CTRL_C, WORD, EMERGENCY = (
    AbortCause.OPERATOR_STOP,
    AbortCause.INTERRUPT,
    AbortCause.PARTICIPANT_WITHDREW,
    AbortCause.EMERGENCY_STOP,
)


@pytest.mark.parametrize("cause", AbortCause)
def test_every_cause_has_its_words_its_strength_and_its_outcome(cause: AbortCause) -> None:
    assert CAUSE_WORDS[cause]
    assert ends_the_visit(cause) is (cause is not ESC)
    assert STRENGTH[cause] >= 1
    assert cause in CAUSE_OUTCOME


def test_a_stop_raises_until_it_is_taken() -> None:
    abort = AbortSwitch()
    abort.check()
    abort.throw(ESC)
    for _ in range(2):
        with pytest.raises(Aborted):
            abort.check()
    assert abort.take() == (ESC,)
    abort.check()
    assert abort.take() == ()


def test_a_stronger_stop_breaks_in_and_a_weaker_one_waits_to_be_recorded() -> None:
    abort = AbortSwitch()
    abort.throw(CTRL_C)
    abort.take()
    abort.throw(AbortCause.TERMINATED)
    abort.throw(ESC)
    abort.check()
    abort.throw(EMERGENCY)
    with pytest.raises(Aborted) as broke_in:
        abort.check()
    assert broke_in.value.cause is EMERGENCY
    assert abort.take() == (AbortCause.TERMINATED, ESC, EMERGENCY)
    assert abort.obeyed is EMERGENCY


def test_a_stop_that_ended_a_trial_is_forgotten_and_a_later_one_is_not() -> None:
    abort = AbortSwitch()
    abort.throw(ESC)
    abort.take()
    abort.throw(ESC)  # between the two statements
    abort.clear()
    with pytest.raises(Aborted):
        abort.check()
    assert abort.take() == (ESC,)
    abort.clear()
    assert abort.cause is None
    abort.check()


def test_a_stop_that_nobody_took_cannot_be_cleared() -> None:
    abort = AbortSwitch()
    abort.throw(ESC)
    abort.clear()
    with pytest.raises(Aborted):
        abort.check()


@pytest.mark.parametrize("cause", [cause for cause in AbortCause if cause is not ESC])
def test_what_ends_the_visit_is_never_forgotten(cause: AbortCause) -> None:
    abort = AbortSwitch()
    abort.throw(cause)
    abort.take()
    abort.clear()
    assert abort.cause is cause
    abort.throw(ESC)
    abort.check()  # nothing weaker breaks into the end of the visit


def test_a_thrown_switch_wakes_a_wait_in_another_thread() -> None:
    abort = AbortSwitch()
    waiting, caught = threading.Event(), []

    def wait() -> None:
        waiting.set()
        try:
            abort.wait(60.0)
        except Aborted as aborted:
            caught.append(aborted.cause)

    thread = threading.Thread(target=wait)
    thread.start()
    waiting.wait(10.0)
    abort.throw(WORD)
    thread.join(10.0)
    assert caught == [WORD]


def test_a_stop_that_does_not_break_in_does_not_shorten_a_wait() -> None:
    abort = AbortSwitch()
    abort.throw(EMERGENCY)
    abort.take()
    woken: list[str] = []
    with abort.waking(lambda: woken.append("woken")):
        abort.throw(ESC)
        abort.throw(EMERGENCY)
    assert woken == []


class Interrupted(AbortSwitch):
    """A switch into which a signal handler throws another stop at every chance, in the middle of the first."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[AbortCause] = []

    def _due(self) -> AbortCause | None:
        if self.pending:
            self.throw(self.pending.pop())
        return super()._due()


def test_a_signal_handler_may_throw_in_the_middle_of_a_throw_and_of_a_wait() -> None:
    abort = Interrupted()
    abort.pending = [EMERGENCY]
    abort.throw(ESC)
    assert abort.take() == (ESC, EMERGENCY)
    abort = Interrupted()
    abort.pending = [CTRL_C]
    with pytest.raises(Aborted) as caught:
        abort.wait(60.0)
    assert caught.value.cause is CTRL_C


def raised_by(look: Callable[[], None]) -> AbortCause | None:
    try:
        look()
    except Aborted as aborted:
        return aborted.cause
    return None


class SwitchMachine(RuleBasedStateMachine):
    """Any order of throws, looks, takes, clears and shields, against a list that is kept by hand."""

    @initialize()
    def begin(self) -> None:
        self.abort = AbortSwitch()
        self.waiting: list[AbortCause] = []  # thrown, not taken
        self.obeyed: list[AbortCause] = []  # taken, not cleared
        self.shields: list[object] = []
        self.taken_ever: list[AbortCause] = []
        self.thrown_ever: list[AbortCause] = []

    @rule(cause=st.sampled_from(AbortCause), elsewhere=st.booleans())
    def throw(self, cause: AbortCause, elsewhere: bool) -> None:
        if elsewhere:
            thread = threading.Thread(target=self.abort.throw, args=(cause,))
            thread.start()
            thread.join()
        else:
            self.abort.throw(cause)
        self.waiting.append(cause)
        self.thrown_ever.append(cause)

    @rule()
    def take(self) -> None:
        taken = self.abort.take()
        assert list(taken) == self.waiting
        self.taken_ever += taken
        self.obeyed += self.waiting
        self.waiting = []

    @rule()
    def clear(self) -> None:
        self.abort.clear()
        if not any(map(ends_the_visit, self.obeyed)):
            self.obeyed = []

    @rule()
    def shield(self) -> None:
        block = self.abort.shielded()
        block.__enter__()
        self.shields.append(block)

    @precondition(lambda self: self.shields)
    @rule()
    def unshield(self) -> None:
        self.shields.pop().__exit__(None, None, None)  # type: ignore[attr-defined] # context managers of shielded()

    @invariant()
    def breaks_in_when_it_must(self) -> None:
        if not hasattr(self, "abort"):
            return
        most = max((STRENGTH[cause] for cause in self.waiting), default=0)
        due = most > max((STRENGTH[cause] for cause in self.obeyed), default=0) and not self.shields
        for look in (self.abort.check, lambda: self.abort.wait(0.0)):
            raised = raised_by(look)
            assert (raised is not None) is due
            assert raised is None or STRENGTH[raised] == most
        assert self.abort.cause == strongest((*self.obeyed, *self.waiting))
        assert self.thrown_ever == [*self.taken_ever, *self.waiting]  # none lost, none twice, in order


SwitchMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestSwitch = SwitchMachine.TestCase
