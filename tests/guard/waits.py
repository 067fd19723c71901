"""Real waiting, where processes are the subject."""

import threading
from collections.abc import Callable

from qst.clock import performance_seconds


def wait(seconds: float) -> None:
    """Let real time pass."""
    threading.Event().wait(seconds)


def until(condition: Callable[[], object], patience_s: float = 20.0) -> None:
    """Look again and again until ``condition`` holds; fail when it does not in good time."""
    deadline_s = performance_seconds() + patience_s
    while not condition():
        assert performance_seconds() < deadline_s, "it never came to be"
        wait(0.005)
