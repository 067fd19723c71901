"""After a fault: it is heard, and nobody is touched before the instrument has proved itself anew."""

import msgspec

from qst.errors import LinkTimeoutError
from qst.instruments import Identity
from qst.record import records
from qst.record.records import VisitOutcome
from qst.visit.operator import Alarm, Choice, OperatorPrompt, PromptKind
from tests.visit.fakes import Visit
from tests.visit.plans import planned


def test_a_fault_rings_and_stands_in_large_letters() -> None:
    visit = Visit(planned(attempts_max=1))
    visit.thermode.fails_at_s = 20.0
    visit.run()
    alarms = [event for event in visit.operator.seen if isinstance(event, Alarm)]
    assert alarms == [Alarm("FAULT: no answer within 1 s", urgent=True, lasting=True)]


class UnpluggedVisit(Visit):
    """A cable that is pulled in mid-ramp, and plugged in again after so many tries to connect."""

    def __init__(self, tries: int) -> None:
        super().__init__(planned())
        self.thermode.fails_at_s = 20.0
        self.left = tries
        self.thermode.connect = self.connect  # type: ignore[method-assign]  # as said

    def connect(self) -> Identity:
        self.left -= 1
        if self.left > 0:
            raise LinkTimeoutError("no answer within 1 s", where="fake://thermode")
        self.thermode.fails_at_s = None
        self.button.presses_s = [self.clock.monotonic() + 20.0]
        return Identity(model="fake thermode")


def by_person(prompt: OperatorPrompt) -> OperatorPrompt:
    """Somebody who tries it once more, whatever is suggested."""
    return msgspec.structs.replace(prompt, suggested=Choice.REPEAT) if prompt.kind is PromptKind.FAULT else prompt


def test_an_instrument_that_does_not_connect_again_is_asked_about_and_ends_nothing() -> None:
    visit = UnpluggedVisit(3)
    present = visit.operator.present
    visit.operator.present = lambda prompt: present(by_person(prompt))  # type: ignore[method-assign]  # as said
    assert visit.run().outcome is VisitOutcome.COMPLETED
    questions = [prompt for prompt in visit.operator.prompts if prompt.kind is PromptKind.FAULT]
    assert all("Take it off the skin first: a repeat connects it anew" in prompt.text for prompt in questions)
    assert ["did not connect again" in prompt.text for prompt in questions] == [False, True, True]
    assert Choice.SKIP not in questions[1].choices, "nobody goes on with an instrument that has not proved itself"
    faults = [fault for fault in visit.log.of(records.Fault) if isinstance(fault, records.Fault)]
    assert [fault.did for fault in faults[1:]] == ["asked the operator whether to try once more"] * 2
    decisions = [d.decision for d in visit.log.of(records.Decision) if isinstance(d, records.Decision)]
    assert decisions == ["invalid", "accept"], "the repeat is decided once"


def test_without_a_person_what_does_not_connect_again_ends_the_visit() -> None:
    visit = UnpluggedVisit(3)
    result = visit.run()
    assert result.outcome is VisitOutcome.FAILED
    assert "did not connect again" in result.reason
    assert len(visit.log.of(records.TrialStart)) == 1
