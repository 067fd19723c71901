import threading
from collections.abc import Callable, Iterator

import pytest

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.cli.keys import split_keys
from qst.cli.terminal import Keyboard, TerminalOperator
from qst.clock import VirtualClock
from qst.visit.button import KeyButton
from qst.visit.operator import (
    Answered,
    Choice,
    LiveEvent,
    NoteTaken,
    OperatorCommand,
    OperatorPrompt,
    PauseAsked,
    PromptKind,
    RestSkipped,
)


class Terminal:
    def __init__(self) -> None:
        self.abort = AbortSwitch()
        self.keys = Keyboard(self.abort, list)
        self.shown = ""
        self.events: list[LiveEvent] = []
        self.button = KeyButton(VirtualClock())
        self.operator = TerminalOperator(self.keys, self.show, self.events.append, self.button)

    def show(self, text: str) -> None:
        self.shown = text

    def type(self, *keys: str) -> list[OperatorCommand]:
        """Keys as the keyboard's thread hands them over, and the commands that the visit finds afterwards."""
        for key in keys:
            self.keys.press(key)
        return list(self.operator.poll())


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def prompt(kind: PromptKind, *choices: Choice) -> OperatorPrompt:
    return OperatorPrompt(id="q1", kind=kind, text="Question?", choices=choices, suggested=choices[0])


JUDGE = prompt(PromptKind.JUDGE, Choice.ACCEPT, Choice.REPEAT, Choice.SKIP, Choice.END)


def test_enter_gives_the_first_answer(terminal: Terminal) -> None:
    terminal.operator.present(JUDGE)
    assert "Question?" in terminal.shown
    assert "Enter = accept" in terminal.shown
    assert terminal.type("\r") == [Answered(prompt_id="q1", choice=Choice.ACCEPT)]
    assert terminal.shown == ""
    assert terminal.type("\r") == []  # a second Enter answers nothing


@pytest.mark.parametrize(("key", "choice"), [("r", Choice.REPEAT), ("k", Choice.SKIP)])
def test_repeat_and_skip_need_a_reason(terminal: Terminal, key: str, choice: Choice) -> None:
    terminal.operator.present(JUDGE)
    assert terminal.type(key, "\r") == []
    assert terminal.type(*"slipx", "\x7f", "\r") == [Answered(prompt_id="q1", choice=choice, reason="slip")]


def test_enter_does_not_accept_what_is_not_valid(terminal: Terminal) -> None:
    terminal.operator.present(prompt(PromptKind.JUDGE, Choice.REPEAT, Choice.SKIP, Choice.END))
    assert terminal.type("\r") == []
    assert terminal.type("x") == [Answered(prompt_id="q1", choice=Choice.END)]


def test_a_value_is_typed_at_once(terminal: Terminal) -> None:
    terminal.operator.present(prompt(PromptKind.ENTER_VALUE, Choice.OK, Choice.SKIP))
    assert terminal.type(*"7.1 lbf") == []
    assert "7.1 lbf_" in terminal.shown
    assert terminal.type("\r") == [Answered(prompt_id="q1", choice=Choice.OK, text="7.1 lbf")]


def test_a_value_may_be_missing_for_a_reason(terminal: Terminal) -> None:
    terminal.operator.present(prompt(PromptKind.ENTER_VALUE, Choice.OK, Choice.SKIP))
    assert terminal.type("\x7f", "k", *"display dark", "\r") == [
        Answered(prompt_id="q1", choice=Choice.SKIP, reason="display dark")
    ]
    terminal.operator.present(prompt(PromptKind.ENTER_VALUE, Choice.OK, Choice.SKIP))
    assert terminal.type("\x7f", "\r", "5", "\r") == [Answered(prompt_id="q1", choice=Choice.OK, text="5")]


def test_typing_begun_by_accident_can_be_left(terminal: Terminal) -> None:
    terminal.operator.present(JUDGE)
    assert terminal.type("n", "\x7f", "\r") == [Answered(prompt_id="q1", choice=Choice.ACCEPT)]


STOPS = {
    "\x1b": AbortCause.OPERATOR_STOP,
    "!": AbortCause.EMERGENCY_STOP,
    "\x17": AbortCause.PARTICIPANT_WITHDREW,
    "\x03": AbortCause.INTERRUPT,
}


@pytest.mark.parametrize("key", STOPS)
def test_stop_keys_work_while_something_is_typed(terminal: Terminal, key: str) -> None:
    terminal.operator.present(prompt(PromptKind.ENTER_VALUE, Choice.OK, Choice.SKIP))
    assert terminal.type(*"7.", key) == []
    assert terminal.abort.take() == (STOPS[key],)
    assert ("7._" in terminal.shown) is (key != "\x1b")  # Esc throws the text away, too


@pytest.mark.parametrize("key", ["w", "W"])
def test_the_participants_word_stops_and_is_a_letter_while_something_is_typed(terminal: Terminal, key: str) -> None:
    assert terminal.type(key) == []
    assert terminal.abort.take() == (AbortCause.PARTICIPANT_WITHDREW,)
    assert terminal.type("n", key, "\r") == [NoteTaken(text=key)]
    assert terminal.abort.take() == ()


def test_a_letter_of_a_note_is_no_stop_however_fast_it_is_typed(terminal: Terminal) -> None:
    """The visit may ask for commands ten times a second only; what a key means must not depend on that."""
    assert terminal.type(*"nwarm skin\r", *"awarm\r") == [
        NoteTaken(text="warm skin"),
        NoteTaken(text="warm", adverse=True),
    ]
    assert terminal.abort.cause is None


def test_a_stop_key_stops_before_anybody_polls(terminal: Terminal) -> None:
    terminal.keys.press("!")
    with pytest.raises(Aborted):
        terminal.abort.check()


def test_a_stop_key_waits_for_nobody_who_shows_a_question(terminal: Terminal) -> None:
    stopped = threading.Event()

    def slow_screen(text: str) -> None:
        terminal.operator._show = lambda _: None

        def press() -> None:
            terminal.keys.press("!")
            stopped.set()

        threading.Thread(target=press).start()
        while terminal.abort.cause is None:  # thrown while the question is still being shown
            threading.Event().wait(0.001)

    terminal.operator._show = slow_screen
    terminal.operator.present(JUDGE)
    assert stopped.wait(10.0)
    assert terminal.abort.take() == (AbortCause.EMERGENCY_STOP,)


@pytest.mark.parametrize(
    ("keys", "command"),
    [
        ("p", PauseAsked()),
        ("nred skin\r", NoteTaken(text="red skin")),
        ("afainted\r", NoteTaken(text="fainted", adverse=True)),
        (".in a hurry\r", RestSkipped(reason="in a hurry")),
    ],
)
def test_every_wish_has_a_key(terminal: Terminal, keys: str, command: OperatorCommand) -> None:
    assert terminal.type(*keys) == [command]


def test_the_space_bar_is_the_participants_button(terminal: Terminal) -> None:
    assert terminal.type(" ") == []
    down, up = terminal.button.edges()
    assert (down.pressed, up.pressed) == (True, False)
    assert terminal.button.edges() == []
    terminal.operator.present(prompt(PromptKind.ENTER_VALUE, Choice.OK))
    terminal.type("1", " ", "2")  # while typing it is a blank
    assert terminal.button.edges() == []


@pytest.mark.parametrize(("key", "sent"), [("b", "b"), ("b", "B"), ("PageDown", "\x1b[6~"), ("PageDown", "\x1bQ")])
def test_a_pedal_may_send_another_key_and_the_space_bar_is_none_then(terminal: Terminal, key: str, sent: str) -> None:
    terminal.button.key = key
    assert terminal.type(" ") == []
    assert terminal.button.edges() == []
    terminal.type(sent)
    assert [edge.pressed for edge in terminal.button.edges()] == [True, False]


@pytest.mark.parametrize(("key", "sent", "typed", "presses"), [("b", "b", "1b", 0), ("PageUp", "\x1b[5~", "1", 1)])
def test_a_key_with_a_name_is_the_button_also_while_a_text_is_typed(
    terminal: Terminal, key: str, sent: str, typed: str, presses: int
) -> None:
    terminal.button.key = key
    terminal.operator.present(prompt(PromptKind.ENTER_VALUE, Choice.OK))
    terminal.type("1", sent)
    assert f"value: {typed}_" in terminal.shown
    assert sum(edge.pressed for edge in terminal.button.edges()) == presses


def test_keys_that_mean_nothing_do_nothing(terminal: Terminal) -> None:
    terminal.operator.present(JUDGE)
    assert terminal.type("q", "\x1b[A", "1") == []


def reader(keys: list[str], end: BaseException) -> Callable[[], list[str]]:
    left: Iterator[str] = iter(keys)

    def read() -> list[str]:
        for key in left:
            return [key]
        raise end

    return read


@pytest.mark.parametrize(
    ("keys", "end", "cause"),
    [
        ([], EOFError(), AbortCause.CONSOLE_LOST),
        (["a"], OSError(), AbortCause.CONSOLE_LOST),
        (["a", "\x03"], EOFError(), AbortCause.INTERRUPT),
    ],
)
def test_ctrl_c_and_a_lost_terminal_throw_the_switch(keys: list[str], end: BaseException, cause: AbortCause) -> None:
    abort = AbortSwitch()
    heard: list[str] = []
    keyboard = Keyboard(abort, reader(keys, end))
    keyboard.listener = heard.append
    keyboard.start()
    for _ in range(1000):
        if AbortCause.CONSOLE_LOST in abort.standing:
            break
        threading.Event().wait(0.01)
    assert abort.standing[0] is cause
    assert heard == keys


def test_a_defect_behind_the_keys_ends_the_visit_and_does_not_leave_it_deaf() -> None:
    """The thread that reads the keys ends with it: from then on no stop key would be heard."""
    abort = AbortSwitch()
    keyboard = Keyboard(abort, reader(["n"], EOFError()))

    def broken(key: str) -> None:
        raise ValueError(key)

    keyboard.listener = broken
    with pytest.raises(ValueError, match="n"):
        keyboard._pump()
    assert abort.standing == (AbortCause.CONSOLE_LOST,)


def test_an_arrow_key_is_one_key_and_pasted_text_is_many() -> None:
    assert split_keys("\x1b[A") == ["\x1b[A"]
    assert split_keys("\x1b") == ["\x1b"]
    assert split_keys("\x1b\x1b") == ["\x1b", "\x1b"]  # Esc twice in a hurry still stops
    assert split_keys("7\x1b") == ["7", "\x1b"]
    assert split_keys("\x1b[15~!") == ["\x1b[15~", "!"]
    assert split_keys("7.1\r") == ["7", ".", "1", "\r"]
