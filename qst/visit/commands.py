"""The commands of an attempt: what the trial machine decides, carried out on the instrument and the hand.

A stop may break into any command but making safe. Then nobody knows what the instrument has heard, and ``cut_short``
says so: whoever obeys the stop makes the instrument safe, whatever state the trial is in.
"""

import contextlib
from collections.abc import Iterable, Sequence

from qst.abort import AbortSwitch
from qst.errors import InstrumentError, LinkError, QstError, WireError
from qst.instruments import Instrument, Modality, PressureRamp
from qst.record.records import Outcome
from qst.visit.bench import Bench
from qst.visit.defects import unforeseen
from qst.visit.desk import Desk
from qst.visit.operator import Alarm, Operator, ReleaseNow, Remark
from qst.visit.states import Action
from qst.visit.trial import LimitsTrial

#: An instrument that failed; everything else is a defect (:mod:`qst.visit.defects`).
INSTRUMENT_FAILURES = (InstrumentError, LinkError, WireError)
#: What the operator reads when an instrument cannot be reached any more.
UNSAFE = "The instrument does not answer. Take it off the participant now and press its own stop."

#: Why the hand on a gauge is to let go, where the reason is more than that the stimulus is over.
_RELEASE_WORDS: dict[Outcome | None, str] = {
    Outcome.RESPONSE: "Let go: the participant has responded.",
    Outcome.CUTOFF: "LET GO: the cut-off is reached",
    Outcome.DEVICE_FAULT: "LET GO: the gauge cannot be relied on",
}
_RELEASE_AT_ONCE = (Outcome.CUTOFF, Outcome.DEVICE_FAULT, Outcome.ESTOP, Outcome.PARTICIPANT_WITHDREW)


def make_safe(instruments: Iterable[Instrument], abort: AbortSwitch) -> list[QstError]:
    """Make every instrument safe, in this order, whatever any of them raises; nothing breaks into it.

    Returns:
        What failed, for the caller to record: nothing is written before the last instrument was told.
    """
    failures: list[QstError] = []

    def one(instrument: Instrument) -> None:
        try:
            instrument.make_safe()
        except INSTRUMENT_FAILURES as error:
            failures.append(error)
        except Exception as error:  # noqa: BLE001 - the next instrument may lie on the skin, whatever this one's driver does
            failures.append(unforeseen(error))

    # The stack calls the last one first, and each of them even if one raises what is no error at all.
    with abort.shielded(), contextlib.ExitStack() as all_of_them:
        for instrument in reversed(tuple(instruments)):
            all_of_them.callback(one, instrument)
    return failures


def tell_unsafe(desk: Desk | Operator) -> None:
    """An instrument cannot be made safe: large and loud, because only hands can do something now."""
    desk.tell(Remark(UNSAFE))
    desk.tell(Alarm(UNSAFE, urgent=True, lasting=True))


def tell_fault(desk: Desk, error: QstError) -> None:
    """Something failed: who looks at the participant hears it, and finds it in large letters."""
    desk.tell(Remark(f"{error}. {error.remedy}".strip()))
    desk.tell(Alarm(f"FAULT: {error.what}", urgent=True, lasting=True))


def release_call(outcome: Outcome | None) -> Alarm:
    """What the hand on a gauge is told when the stimulus is over; urgent wherever more pressure would be too much."""
    return Alarm(_RELEASE_WORDS.get(outcome, "Let go."), urgent=outcome in _RELEASE_AT_ONCE)


class Commands:
    """Carries out actions.

    Args:
        trial: decides.
        instrument: what applies or measures it.
        bench: hands, and the thermode that adapts.
        desk: told when the hand must let go.
        abort: the switch that ends everything.

    Attributes:
        cut_short: something broke into a command.
        failure: the instrument could not be made safe.
    """

    def __init__(
        self, trial: LimitsTrial, instrument: Instrument, bench: Bench, desk: Desk, abort: AbortSwitch
    ) -> None:
        self._trial = trial
        self._instrument = instrument
        self._bench = bench
        self._desk = desk
        self._abort = abort
        self.cut_short = False
        self.failure: QstError | None = None

    def do(self, actions: Sequence[Action]) -> None:
        """Carry out what the state machine decided, in its order."""
        for action in actions:
            self.cut_short = True
            match action:
                case Action.STOP:
                    self._instrument.stop()
                case Action.MAKE_SAFE:
                    self.make_safe()
                case Action.ADAPT:
                    if self._bench.thermode is not None:
                        self._bench.thermode.adapt()
                case Action.BEGIN:
                    self._begin()
                case Action.RELEASE:
                    self._release()
                case Action.ALARM:
                    self._alarm()
            self.cut_short = False

    def make_safe(self) -> None:
        """Bring the instrument to safety; a failure is kept, and told: only the operator's hands can do more."""
        for error in make_safe((self._instrument,), self._abort):
            self.failure = self.failure or error
            tell_unsafe(self._desk)

    def _begin(self) -> None:
        self._instrument.begin()
        ramp = self._trial.planned.ramp
        if isinstance(ramp, PressureRamp) and self._bench.hands is not None:
            self._bench.hands.press(rate_kpa_per_s=ramp.rate_kpa_per_s)

    def _release(self) -> None:
        if self._bench.hands is not None:
            self._bench.hands.release()
        self._desk.tell(ReleaseNow())
        if self._trial.planned.modality is Modality.PRESSURE:
            # Who looks at the gauge and the participant hears it.
            self._desk.tell(release_call(self._trial.outcome))

    def _alarm(self) -> None:
        alarm = self._trial.alarm
        if alarm is not None:
            self._desk.tell(Alarm(alarm.text, urgent=alarm.urgent))
