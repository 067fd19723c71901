"""The way out of the engine's process: a queue that never makes the engine wait, and a thread that empties it.

Readings for the live trace are gathered, and thinned when the page is slow; everything else is kept in its order.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from qst.console.messages import Event, Pacing, Resting, Samples, Ticked, frame

#: So many readings are gathered in one message; a page that is slower than this sees every second one.
MOST_READINGS = 512
#: So many events may wait. A server that takes none of them is lost.
MOST_EVENTS = 20_000


class Writer(Protocol):
    """A pipe to write to."""

    def write(self, data: bytes, /) -> int | None:
        """Write; may write less."""

    def flush(self) -> None:
        """Let it go."""


class Outbox:
    """Takes events from any thread; :meth:`pump` writes them.

    Args:
        lost: called once when nobody takes the events any more.
    """

    def __init__(self, lost: Callable[[], None]) -> None:
        self._lost = lost
        self._waiting: deque[Event] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, event: Event) -> None:
        """Hand over an event. Never waits for the pipe."""
        with self._changed:
            if (
                isinstance(event, Pacing | Resting | Ticked)
                and self._waiting
                and type(self._waiting[-1]) is type(event)
            ):
                self._waiting[-1] = event
            else:
                self._waiting.append(event)
            too_many = len(self._waiting) > MOST_EVENTS
            self._changed.notify()
        if too_many:
            self._lost()

    def reading(self, time_s: float, value: float) -> None:
        """Hand over a reading for the trace."""
        with self._changed:
            last = self._waiting[-1] if self._waiting else None
            if isinstance(last, Samples):
                if len(last.readings) >= MOST_READINGS:
                    del last.readings[1::2]
                last.readings.append((time_s, value))
            else:
                self._waiting.append(Samples(readings=[(time_s, value)]))
                self._changed.notify()

    def close(self) -> None:
        """No more events come; :meth:`pump` returns when the last one is written."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def pump(self, pipe: Writer) -> None:
        """Write events until closed. Runs in a thread of its own."""
        try:
            while True:
                event = self._next()
                if event is None:
                    return
                write_all(pipe, frame(event))
        except OSError:
            self._lost()

    def _next(self) -> Event | None:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting else None


def write_all(pipe: Writer, data: bytes) -> None:
    """Write every byte. Raises OSError when the other side is gone."""
    rest = memoryview(data)
    while rest:
        rest = rest[pipe.write(bytes(rest)) or 0 :]
    pipe.flush()
