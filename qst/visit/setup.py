"""What an instrument needs once by the operator's hand before the first trial."""

from qst.clock import Clock
from qst.errors import NotReadyError
from qst.instruments import NeedsSetup, SetupStep
from qst.record import records
from qst.visit.bench import Bench
from qst.visit.desk import Desk, LogSink
from qst.visit.operator import Choice, PromptKind

#: How long a step is watched after the operator confirmed it, s, and how often it may fail.
WATCH_S = 1.5
ATTEMPTS = 5


def set_up(bench: Bench, desk: Desk, log: LogSink, clock: Clock) -> bool:
    """Do every set-up step of every instrument. Returns False when the operator gave up.

    Raises:
        InstrumentError, LinkError, WireError: an instrument failed.
        Aborted: a stop came.
    """
    instruments: tuple[object, ...] = (bench.thermode, bench.algometer)
    steps = [(one, step) for one in instruments if isinstance(one, NeedsSetup) for step in one.setup_steps()]
    return all(_do(instrument, step, bench, desk, log, clock) for instrument, step in steps)


def _do(instrument: NeedsSetup, step: SetupStep, bench: Bench, desk: Desk, log: LogSink, clock: Clock) -> bool:
    text = step.text
    for attempt in range(1, ATTEMPTS + 1):
        instrument.begin_setup(step.id)
        answer = desk.ask(PromptKind.SET_UP, text, (Choice.OK, Choice.END), attempt=attempt)
        if answer.choice is Choice.END:
            return False
        if bench.hands is not None:
            bench.hands.press_on_table()
        desk.rest(clock.monotonic() + WATCH_S)
        try:
            log.write(records.Note(text=f"set-up {step.id}: {instrument.finish_setup(step.id)}"))
        except NotReadyError as error:
            text = f"{error}. {error.remedy} {step.text}"
        else:
            return True
    return False
