"""Repeating after a fault: the instrument proves itself anew before anybody is touched, as often as it takes."""

from qst.protocol.plan import PlannedTrial
from qst.visit.bench import Bench
from qst.visit.commands import INSTRUMENT_FAILURES
from qst.visit.desk import Desk, LogSink
from qst.visit.ending import write_fault
from qst.visit.operator import Answered, Choice, PromptKind

#: What the operator is told before a repeat after a fault.
CONNECTS_ANEW = "Take it off the skin first: a repeat connects it anew"


def connect_again(
    planned: PlannedTrial, attempt: int, answer: Answered, *, bench: Bench, desk: Desk, log: LogSink
) -> tuple[Answered, str]:
    """What the answer to a fault comes to, once the instrument of a repeat is connected, and why it is not.

    While it does not connect the operator is asked: once more, or the end. Going on without would leave an instrument
    on the bench that nobody has proved.

    Raises:
        Aborted: a stop came.
    """
    failure = ""
    while answer.choice is Choice.REPEAT:
        try:
            bench.connect_again(planned.modality)
        except INSTRUMENT_FAILURES as error:
            did = error.did or "asked the operator whether to try once more"
            write_fault(log, error, did=did, sequence_index=planned.sequence_index)
            failure = f"an instrument, or the button, did not connect again: {error}"
            answer = desk.ask(
                PromptKind.FAULT,
                f"It did not connect again: {error}. {CONNECTS_ANEW}",
                (Choice.REPEAT, Choice.END),
                suggested=Choice.END,  # nobody but a person can do something about it
                planned=planned,
                attempt=attempt,
            )
        else:
            return answer, ""
    return answer, failure
