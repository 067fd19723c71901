"""The server's end of the engine: starts its process, sends commands, and hands events to the server's loop."""

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable

import msgspec

from qst.console.messages import Command, Event, Refused, decode_event, frame, frames
from qst.errors import QstError

#: How long an engine may take to make everything safe once its console is gone, s.
MAKE_SAFE_S = 30.0


class EngineClient:
    """One engine process.

    Args:
        loop: the server's loop; ``on_event`` is called there.
        on_event: takes each event.
        on_end: called in the loop once the process has ended, with whether it ended as it should.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_event: Callable[[Event], None], on_end: Callable[[int], None]
    ) -> None:
        self._loop = loop
        self._on_event = on_event
        self._on_end = on_end
        # Away from the terminal's Ctrl-C: the server hears that, and the engine then sees its pipe end.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "qst.console.engine_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=sys.platform != "win32",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._sending = threading.Lock()
        threading.Thread(target=self._read, name="engine events", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def send(self, command: Command) -> bool:
        """Write a command into the pipe, now. Returns whether there was anybody to write to."""
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            return False
        try:
            with self._sending:
                pipe.write(frame(command))
        except OSError:
            return False
        return True

    def hang_up(self) -> None:
        """Close the pipe: the engine makes everything safe and ends."""
        if self._process.stdin is not None:
            with self._sending, contextlib.suppress(OSError):
                self._process.stdin.close()

    def wait(self) -> bool:
        """Wait until the process has ended. Returns whether it did in time; it is not killed if it did not."""
        try:
            self._process.wait(MAKE_SAFE_S)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _read(self) -> None:
        pipe = self._process.stdout
        try:
            if pipe is not None:
                for body in frames(pipe):
                    self._tell(decode_event(body))
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            self._tell(Refused(code=QstError.code, what=f"the engine cannot be understood: {error}"))
        code = self._process.wait()
        self._in_loop(lambda: self._on_end(code))

    def _tell(self, event: Event) -> None:
        self._in_loop(lambda: self._on_event(event))

    def _in_loop(self, call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the server has gone before the engine
            self._loop.call_soon_threadsafe(call)
