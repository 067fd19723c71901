"""The operator at a terminal: one key for each choice, and stop keys that work at every moment.

Keys are read, and understood, in a thread of their own: nothing the visit does waits for a key, and no key waits for
the visit. A stop key throws the abort switch right there, also in the middle of typing a value; every other key becomes
a command that the visit asks for when it gets round to it.
"""

import queue
import threading
from collections.abc import Callable, Sequence

from qst.abort import AbortCause, AbortSwitch
from qst.cli.keys import ESCAPE
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

EMERGENCY = "!"
CTRL_C, CTRL_W = "\x03", "\x17"
ENTER = ("\r", "\n")
BACKSPACE = ("\x7f", "\x08")
#: These stop at every moment. (Ctrl-C is a key on Windows only; elsewhere it comes as a signal.)
STOP_KEYS = {
    ESCAPE: AbortCause.OPERATOR_STOP,
    EMERGENCY: AbortCause.EMERGENCY_STOP,
    CTRL_W: AbortCause.PARTICIPANT_WITHDREW,
    CTRL_C: AbortCause.INTERRUPT,
}
#: This one stops, too, where it is no letter of a text that is being typed.
WORD = "w"
#: What a terminal sends for keys with a name: on POSIX systems, and on Windows.
NAMED = {f"{ESCAPE}[6~": "PageDown", f"{ESCAPE}Q": "PageDown", f"{ESCAPE}[5~": "PageUp", f"{ESCAPE}I": "PageUp"}

_CHOICE_KEYS = {"r": Choice.REPEAT, "k": Choice.SKIP, "x": Choice.END}
_CHOICE_WORDS = {
    Choice.OK: "Enter = go on",
    Choice.ACCEPT: "Enter = accept",
    Choice.REPEAT: "r = not valid, repeat",
    Choice.SKIP: "k = not valid, go on",
    Choice.END: "x = end the visit",
}
#: Always available.
HELP = "Esc stop · ! emergency stop · w (Ctrl-W) participant's stop · p pause · n note · a adverse event · . skip rest"


class Keyboard:
    """Reads keys in a thread; a stop key has thrown the switch before anything else is done with it.

    Attributes:
        listener: given every key, in that thread.

    Args:
        abort: thrown by the stop keys, and when the terminal goes away.
        read_keys: waits for keys and returns them; raises EOFError or OSError when the terminal is gone.
    """

    def __init__(self, abort: AbortSwitch, read_keys: Callable[[], list[str]]) -> None:
        self.abort = abort
        self.listener: Callable[[str], None] = _ignore
        self._read_keys = read_keys

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._pump, name="keyboard", daemon=True).start()

    def _pump(self) -> None:
        try:
            while True:
                for key in self._read_keys():
                    self.press(key)
        except (EOFError, OSError):
            pass  # the terminal is gone
        finally:
            # Whatever ended this, be it a defect of ours: nobody hears the stop keys any more.
            self.abort.throw(AbortCause.CONSOLE_LOST)

    def press(self, key: str) -> None:
        """A key came."""
        cause = STOP_KEYS.get(key)
        if cause is not None:
            self.abort.throw(cause)
        self.listener(key)


def _ignore(key: str) -> None:
    """Before there is an operator, only stop keys mean anything."""


class _Typing:
    """A line being typed, and what it is for."""

    def __init__(self, label: str, finish: Callable[[str], OperatorCommand]) -> None:
        self.label = label
        self.finish = finish
        self.text = ""


class TerminalOperator:
    """Turns keys into commands, in the keyboard's thread. The visit's thread shows questions and fetches commands.

    Attributes:
        follows_samples: the live picture shows the trace.

    Args:
        keyboard: where keys come from.
        show: shows a line of text to the operator: the question, or what is being typed.
        watch: told every live event.
        button: the participant's button, when a key is it. One with a name counts also while a text is typed.
    """

    def __init__(
        self,
        keyboard: Keyboard,
        show: Callable[[str], None],
        watch: Callable[[LiveEvent], None],
        button: KeyButton | None = None,
    ) -> None:
        self.follows_samples = True
        self._keyboard = keyboard
        self._show = show
        self._watch = watch
        self._button = button
        self._prompt: OperatorPrompt | None = None
        self._typing: _Typing | None = None
        # Guards the question and what is being typed; nobody waits for anything while holding it.
        self._lock = threading.Lock()
        self._commands: queue.SimpleQueue[OperatorCommand] = queue.SimpleQueue()
        keyboard.listener = self.press

    def present(self, prompt: OperatorPrompt) -> None:
        """Show a question; a value is typed at once."""
        with self._lock:
            self._prompt = prompt
            if prompt.kind is PromptKind.ENTER_VALUE:
                self._ask_value(prompt)
            self._refresh()

    def _ask_value(self, prompt: OperatorPrompt) -> None:
        self._type("value", lambda text: Answered(prompt_id=prompt.id, choice=Choice.OK, text=text))

    def retract(self) -> None:
        """Take the question away."""
        with self._lock:
            self._prompt = self._typing = None
            self._show("")

    def tell(self, event: LiveEvent) -> None:
        """Pass on to the view."""
        self._watch(event)

    def poll(self) -> Sequence[OperatorCommand]:
        """Commands from the keys pressed since the last call."""
        return [self._commands.get_nowait() for _ in range(self._commands.qsize())]

    # -- keys -----------------------------------------------------------------------------------------------------

    def press(self, key: str) -> None:
        """A key came. Stop keys have thrown the switch already, all but the participant's word."""
        if self._typing is None and key.lower() == WORD:
            self._keyboard.abort.throw(AbortCause.PARTICIPANT_WITHDREW)
            return
        with self._lock:
            command = self._key(key)
        if command is not None:
            self._commands.put(command)

    def _key(self, key: str) -> OperatorCommand | None:
        if key in STOP_KEYS:
            if key == ESCAPE:
                self._typing = None
                self._refresh()
            return None
        if self._button is not None and self._is_button(key, self._button):
            self._button.hit()
            return None
        if self._typing is not None:
            return self._typed(self._typing, key)
        return self._command(key.lower()) or self._answer(key)

    def _is_button(self, key: str, button: KeyButton) -> bool:
        """Whether this key is the participant's; a letter is none while a text is typed."""
        return NAMED.get(key, key.lower()) == button.key and (self._typing is None or key in NAMED)

    def _command(self, key: str) -> OperatorCommand | None:
        match key:
            case "p":
                return PauseAsked()
            case "n":
                self._type("note", lambda text: NoteTaken(text=text))
            case "a":
                self._type("adverse event", lambda text: NoteTaken(text=text, adverse=True))
            case ".":
                self._type("reason for a shorter rest", lambda text: RestSkipped(reason=text))
        return None

    def _answer(self, key: str) -> OperatorCommand | None:
        prompt = self._prompt
        if prompt is None:
            return None
        if key in ENTER and prompt.kind is PromptKind.ENTER_VALUE:
            self._ask_value(prompt)
            return None
        if key in ENTER and prompt.choices[0] in (Choice.OK, Choice.ACCEPT):
            return self._answered(prompt, prompt.choices[0], "")
        choice = _CHOICE_KEYS.get(key.lower())
        if choice is None or choice not in prompt.choices:
            return None
        if choice is Choice.END:
            return self._answered(prompt, choice, "")
        self._type("reason", lambda text: self._answered(prompt, choice, text))
        return None

    def _answered(self, prompt: OperatorPrompt, choice: Choice, reason: str) -> Answered:
        self._prompt = None
        self._show("")
        return Answered(prompt_id=prompt.id, choice=choice, reason=reason)

    # -- typing ---------------------------------------------------------------------------------------------------

    def _type(self, label: str, finish: Callable[[str], OperatorCommand]) -> None:
        self._typing = _Typing(label, finish)
        self._refresh()

    def _typed(self, typing: _Typing, key: str) -> OperatorCommand | None:
        if key in ENTER:
            text = typing.text.strip()
            if not text:
                return None
            self._typing = None
            command = typing.finish(text)
            self._refresh()
            return command
        if key in BACKSPACE and not typing.text:
            self._typing = None  # typed by accident
        elif key in BACKSPACE:
            typing.text = typing.text[:-1]
        elif key.isprintable():
            typing.text += key
        self._refresh()
        return None

    def _refresh(self) -> None:
        lines = []
        if self._prompt is not None:
            lines.append(self._prompt.text)
            if self._typing is None:
                lines.append("  ".join(_CHOICE_WORDS[choice] for choice in self._prompt.choices))
        if self._typing is not None:
            lines.append(f"{self._typing.label}: {self._typing.text}_   (Enter when done, Backspace to leave)")
        self._show("\n".join(lines))
