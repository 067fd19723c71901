"""The operator behind a page, and the queue to it: without a process, without a page."""

import io
import threading

import pytest

from qst.abort import AbortCause, AbortSwitch
from qst.clock import VirtualClock
from qst.console import messages
from qst.console.messages import Command, Event, Samples, decode_command, decode_event, frame, frames
from qst.console.operator import PageOperator
from qst.console.outbox import MOST_EVENTS, MOST_READINGS, Outbox
from qst.visit.button import KeyButton
from qst.visit.operator import (
    Alarm,
    Answered,
    Choice,
    Measured,
    NoteTaken,
    OperatorPrompt,
    Pace,
    PauseAsked,
    PromptKind,
    ReleaseNow,
    Remark,
    RestLeft,
    RestSkipped,
    StateEntered,
)


class Desk:
    """A page operator whose way out is read by the test."""

    def __init__(self) -> None:
        self.lost = 0
        self.abort = AbortSwitch()
        self.clock = VirtualClock(self.abort)
        self.outbox = Outbox(self._lose)
        self.button = KeyButton(self.clock)
        self.operator = PageOperator(self.outbox, self.clock, self.abort, self.button)

    def _lose(self) -> None:
        self.lost += 1

    def sent(self) -> list[Event]:
        """Everything that went out; the outbox is closed."""
        pipe = io.BytesIO()
        self.outbox.close()
        self.outbox.pump(pipe)
        return [decode_event(body) for body in frames(io.BytesIO(pipe.getvalue()))]


@pytest.fixture
def desk() -> Desk:
    return Desk()


PROMPT = OperatorPrompt(
    id="q1",
    kind=PromptKind.PLACE,
    text="Heat. Place it.\nRead aloud: It gets warmer.",
    choices=(Choice.OK,),
    suggested=Choice.OK,
)


@pytest.mark.parametrize(
    "cause", [AbortCause.OPERATOR_STOP, AbortCause.EMERGENCY_STOP, AbortCause.PARTICIPANT_WITHDREW]
)
def test_a_stop_is_thrown_by_the_thread_that_reads_it(desk: Desk, cause: AbortCause) -> None:
    desk.operator.take(messages.Stop(cause=cause))
    assert desk.abort.cause is cause
    assert desk.operator.poll() == ()
    assert desk.sent() == [messages.StopSeen(cause=cause)]


def test_commands_wait_until_the_engine_looks(desk: Desk) -> None:
    for command in (
        messages.PausePlease(),
        messages.SkipRest(reason="late"),
        messages.TakeNote(text="hm"),
        messages.TakeNote(text="dizzy", adverse=True),
    ):
        desk.operator.take(command)
    assert desk.operator.poll() == [
        PauseAsked(),
        RestSkipped(reason="late"),
        NoteTaken(text="hm"),
        NoteTaken(text="dizzy", adverse=True),
    ]
    assert desk.operator.poll() == ()


def test_the_participants_key_has_the_time_at_which_it_moved(desk: Desk) -> None:
    desk.clock.sleep(2.0)
    desk.operator.take(messages.MoveButton(pressed=True))
    desk.operator.take(messages.MoveButton(pressed=True))  # another page saw it, too
    assert desk.button.pressed()
    desk.clock.sleep(1.0)
    desk.operator.take(messages.MoveButton(pressed=False))
    desk.clock.sleep(1.0)
    assert not desk.button.pressed()
    assert [(edge.time_s, edge.pressed) for edge in desk.button.edges()] == [(2.0, True), (3.0, False)]


def test_a_key_that_cannot_be_seen_to_come_up_is_down_and_up_at_once(desk: Desk) -> None:
    desk.button.hit()
    assert not desk.button.pressed()
    assert [edge.pressed for edge in desk.button.edges()] == [True, False]


def test_the_text_to_read_aloud_stands_apart(desk: Desk) -> None:
    desk.operator.present(PROMPT)
    (asked,) = desk.sent()
    assert isinstance(asked, messages.Asked)
    assert (asked.text, asked.read_aloud) == ("Heat. Place it.", "It gets warmer.")


def test_only_an_answer_to_the_question_that_stands_counts(desk: Desk) -> None:
    desk.operator.present(PROMPT)
    desk.operator.take(messages.Answer(prompt_id="q0", choice=Choice.OK))
    desk.operator.take(messages.Answer(prompt_id="q1", choice=Choice.END))
    assert desk.operator.poll() == []
    desk.operator.take(messages.Answer(prompt_id="q1", choice=Choice.OK))
    desk.operator.take(messages.Answer(prompt_id="q1", choice=Choice.OK))
    assert desk.operator.poll() == [Answered(prompt_id="q1", choice=Choice.OK)]
    assert desk.sent()[1:] == [messages.Withdrawn(prompt_id="q1")]


def test_every_live_event_reaches_the_page(desk: Desk) -> None:
    desk.operator.tell(StateEntered("ramp"))
    desk.operator.tell(Measured(0.1, 33.0))
    desk.operator.tell(Measured(0.2, 33.1))
    desk.operator.tell(ReleaseNow())
    desk.operator.tell(Alarm("press more slowly", urgent=False))
    desk.operator.tell(Alarm("take it off", urgent=True, lasting=True))
    desk.operator.tell(Pace(1.0, "1.0 kg"))
    desk.operator.tell(RestLeft(4.0))
    desk.operator.tell(Remark("     noted: hm"))
    assert desk.sent() == [
        messages.Entered(state="ramp", time_s=0.0),
        Samples(readings=[(0.1, 33.0), (0.2, 33.1)]),
        messages.ReleaseNow(),
        messages.Alarmed(text="press more slowly", urgent=False),
        messages.Alarmed(text="take it off", urgent=True, lasting=True),
        messages.Pacing(elapsed_s=1.0, expected="1.0 kg"),
        messages.Resting(left_s=4.0),
        messages.Remarked(text="noted: hm"),
    ]


def test_readings_are_thinned_and_nothing_else_is(desk: Desk) -> None:
    for count in range(MOST_READINGS * 3):
        desk.outbox.reading(count / 100, 33.0)
    desk.outbox.put(messages.Remarked(text="all else is kept"))
    samples, remark = desk.sent()
    assert isinstance(samples, Samples)
    assert len(samples.readings) <= MOST_READINGS
    assert samples.readings[0][0] == 0.0
    assert samples.readings[-1][0] == (MOST_READINGS * 3 - 1) / 100
    assert remark == messages.Remarked(text="all else is kept")


def test_a_server_that_takes_nothing_is_lost(desk: Desk) -> None:
    for _ in range(MOST_EVENTS + 1):
        desk.outbox.put(messages.Remarked(text="anybody there?"))
    assert desk.lost >= 1


def test_a_pipe_that_breaks_is_a_lost_console(desk: Desk) -> None:
    class Broken(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise BrokenPipeError

    desk.outbox.put(messages.ReleaseNow())
    desk.outbox.pump(Broken())
    assert desk.lost == 1


def test_the_engine_never_waits_for_the_pipe(desk: Desk) -> None:
    stuck = threading.Event()

    class Stuck(io.BytesIO):
        def write(self, data: bytes, /) -> int:  # type: ignore[override]  # the one kind of data that comes
            stuck.wait(60.0)
            return len(data)

    pump = threading.Thread(target=desk.outbox.pump, args=(Stuck(),))
    pump.start()
    for count in range(1000):
        desk.outbox.put(messages.Resting(left_s=float(count)))  # returns although nobody takes anything
    stuck.set()
    desk.outbox.close()
    pump.join(60.0)
    assert not pump.is_alive()


def test_frames_survive_any_cut_and_nothing_else_decodes() -> None:
    sent: list[Command] = [
        messages.Stop(cause=AbortCause.EMERGENCY_STOP),
        messages.TakeNote(text="ü" * 500),
        messages.PausePlease(),
    ]
    stream = b"".join(frame(command) for command in sent)

    class OneByOne(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(1, size or 0))

    assert [decode_command(body) for body in frames(OneByOne(stream))] == sent
    assert [decode_command(body) for body in frames(io.BytesIO(stream[:-1]))] == sent[:-1]
    with pytest.raises(ValueError, match="something else writes"):
        list(frames(io.BytesIO(b"\xff\xff\xff\xff")))
