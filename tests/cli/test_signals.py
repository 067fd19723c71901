"""What the system says becomes an abort, each with its own cause; and a stuck screen holds up nobody."""

import os
import signal
import threading
from types import SimpleNamespace

import pytest
from rich.console import Console

from qst.abort import AbortCause, AbortSwitch
from qst.cli.live import LiveView
from qst.cli.signals import abort_on_signals, console_event
from qst.visit.operator import Measured, Remark

POSIX = [
    ("SIGINT", AbortCause.INTERRUPT),
    ("SIGQUIT", AbortCause.INTERRUPT),
    ("SIGTERM", AbortCause.TERMINATED),
    ("SIGHUP", AbortCause.TERMINAL_CLOSED),
]


@pytest.mark.parametrize(("name", "cause"), POSIX)
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals; its console events are tested below")
def test_a_signal_is_an_abort(name: str, cause: AbortCause) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    abort = AbortSwitch()
    with abort_on_signals(abort):
        signal.raise_signal(number)
        signal.raise_signal(signal.SIGTSTP)  # a suspended program would hear no stop key
    assert abort.standing == (cause,)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(
    ("event", "cause"),
    [
        (0, AbortCause.INTERRUPT),
        (1, AbortCause.INTERRUPT),
        (2, AbortCause.TERMINAL_CLOSED),
        (5, AbortCause.TERMINATED),
        (6, AbortCause.TERMINATED),
    ],
)
def test_a_console_event_of_windows_is_an_abort(event: int, cause: AbortCause) -> None:
    abort, over = AbortSwitch(), threading.Event()
    over.set()
    assert console_event(event, abort, over)
    assert abort.standing == (cause,)


def test_an_event_that_is_not_ours_is_left_to_others() -> None:
    abort = AbortSwitch()
    assert not console_event(3, abort, threading.Event())
    assert abort.cause is None


def test_a_closing_console_waits_until_the_instruments_are_safe() -> None:
    abort, over = AbortSwitch(), threading.Event()
    thread = threading.Thread(target=console_event, args=(2, abort, over), daemon=True)
    thread.start()
    while abort.cause is None:
        threading.Event().wait(0.001)
    assert thread.is_alive()
    over.set()
    thread.join(10.0)
    assert not thread.is_alive()


class StuckScreen:
    """A terminal that takes no byte until it is let go."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.go, self.reached, self.text = threading.Event(), threading.Event(), ""

    def write(self, text: str) -> int:
        self.reached.set()
        assert self.go.wait(10.0)
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_a_screen_that_takes_nothing_does_not_hold_up_who_tells_it_something() -> None:
    screen = StuckScreen()
    screen.go.set()
    with LiveView(Console(file=screen, force_terminal=True, width=80), "title", 3) as view:  # type: ignore[arg-type] # as much of a file as rich uses
        screen.go.clear()
        screen.reached.clear()
        view(Remark("first remark"))
        assert screen.reached.wait(10.0)
        for tick in range(5000):
            view(Measured(tick * 0.01, 32.0))
        view(Remark("last remark"))
        screen.go.set()
    assert "first remark" in screen.text
    assert "last remark" in screen.text
    assert view._events.qsize() <= 1000


def test_a_screen_that_is_gone_ends_the_picture_and_nothing_else() -> None:
    def gone(*_: object) -> int:
        raise OSError(5, "Input/output error")

    screen = SimpleNamespace(write=len, flush=lambda: None, isatty=lambda: True, encoding="utf-8")
    with LiveView(Console(file=screen, force_terminal=True, width=80), "title", 3) as view:  # type: ignore[arg-type] # as above
        screen.write = screen.flush = gone
        view(Remark("nobody reads this"))
