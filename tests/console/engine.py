"""The engine's process without a server: a test sends its commands and reads its events."""

import io
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

from qst.console.engine_process import EngineProcess
from qst.console.heartbeat import SIGN_S
from qst.console.messages import Alive, Answer, Asked, Begin, Command, Event, decode_event, frame, frames
from qst.rigs.job import Manner, VisitRequest
from qst.visit.operator import Choice, PromptKind
from tests.console.running import PATIENCE_S

EventT = TypeVar("EventT", bound=Event)


def request(folder: Path, *, speed: str = "60", protocol: str = "demo-quick", station: str = "default") -> VisitRequest:
    """A simulated visit with an operator."""
    return VisitRequest(
        protocol=protocol,
        station=station,
        participant="P01",
        operator="op1",
        seed=7,
        data=str(folder),
        manner=Manner(speed=speed),
        simulated=True,
    )


class Engine:
    """One engine: in this process and soon there, or in one of its own as the console has it."""

    def __init__(self, first: Command, *, own_process: bool = False) -> None:
        self.pid = 0  # of its own process
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._writing = threading.Lock()
        self.seen: list[Event] = []
        self._join: Callable[[], int] = self._start_process() if own_process else self._start_thread()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.send(first)
        self._silent = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)
        self._beating.start()

    def _start_process(self) -> Callable[[], int]:
        process = subprocess.Popen(
            [sys.executable, "-m", "qst.console.engine_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        self.pid = process.pid
        self.commands: IO[bytes] | io.FileIO = process.stdin
        self._out: IO[bytes] | io.FileIO = process.stdout
        return lambda: process.wait(PATIENCE_S)

    def _start_thread(self) -> Callable[[], int]:
        (read_commands, write_commands), (read_events, write_events) = os.pipe(), os.pipe()
        self.commands, self._out = io.FileIO(write_commands, "wb"), io.FileIO(read_events, "rb")
        codes: list[int] = []

        def run() -> None:
            with io.FileIO(read_commands, "rb") as commands, io.FileIO(write_events, "wb") as events:
                engine = EngineProcess(commands, events)
                codes.append(engine.run())
                self._close()
                engine.reader.join(PATIENCE_S)

        thread = threading.Thread(target=run)
        thread.start()

        def join() -> int:
            thread.join(PATIENCE_S)
            return codes[0]

        return join

    def _read(self) -> None:
        for body in frames(self._out):
            self._events.put(decode_event(body))
        self._events.put(None)

    def _beat(self) -> None:
        """A server that runs."""
        while not self._silent.wait(SIGN_S):
            try:
                self.send(Alive())
            except (OSError, ValueError):
                return  # it has ended

    def fall_silent(self) -> None:
        """As a server that hangs: the pipe stays open."""
        self._silent.set()
        self._beating.join(PATIENCE_S)

    def send(self, command: Command) -> None:
        """As the server sends it."""
        with self._writing:
            self.commands.write(frame(command))

    def hang_up(self) -> None:
        """As a console that is gone."""
        self._silent.set()
        self._close()

    def _close(self) -> None:
        with self._writing:
            self.commands.close()

    def wait_for(self, kind: type[EventT], matching: Callable[[EventT], bool] = lambda _: True) -> EventT:
        """The next event of this kind; answers every question before it as suggested."""
        while True:
            event = self._events.get(timeout=PATIENCE_S)
            if event is None:
                raise AssertionError(f"the engine ended without {kind.__name__}; it said {self.seen[-5:]}")
            self.seen.append(event)
            if isinstance(event, kind) and matching(event):
                return event
            if isinstance(event, Asked):
                self.answer(event)

    def answer(self, asked: Asked, choice: Choice | None = None, *, reason: str = "") -> None:
        """Answer a question, as suggested unless said otherwise."""
        text = "1 kg" if asked.kind is PromptKind.ENTER_VALUE else ""
        self.send(Answer(prompt_id=asked.prompt_id, choice=choice or asked.suggested, text=text, reason=reason))

    def end(self) -> int:
        """Wait until it has ended by itself."""
        return self._join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        self._join()
        self._reader.join(PATIENCE_S)
        self._out.close()


def begun(folder: Path, *, own_process: bool = False, **chosen: str) -> Engine:
    """An engine on a new simulated visit."""
    return Engine(Begin(request=request(folder, **chosen)), own_process=own_process)
