"""The engine's own process: ``python -m qst.console.engine_process``, started by the console's server.

Page, server and their garbage collection share nothing with it but two pipes. A thread reads commands, so that a stop
is taken at once whatever the engine does; another one writes events, so that no page makes the engine wait. When the
pipe of commands ends, or stays silent while something is on the skin, the console is gone: the visit is made safe and
ends, and can be resumed.
"""

import functools
import io
import queue
import signal
import sys
import threading
from types import FrameType

import msgspec

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.clock import RealClock, VirtualClock
from qst.console.cards import ready_card
from qst.console.heartbeat import SILENT_S, Heartbeat
from qst.console.messages import (
    Alive,
    Begin,
    Command,
    Continue,
    Finished,
    Probe,
    Probed,
    Reader,
    Refused,
    Stop,
    TakeNote,
    decode_command,
    frames,
)
from qst.console.operator import PageOperator
from qst.console.outbox import Outbox, Writer
from qst.errors import QstError
from qst.rigs.job import Job, conduct, prepare_resume, prepare_visit
from qst.rigs.probing import probe
from qst.rigs.simulated import find_station
from qst.visit.button import KeyButton

#: The longest time that a switch of threads takes, s. A stop that has arrived waits no longer for the engine's thread.
SWITCH_INTERVAL_S = 0.0005

#: What ends this process from outside, and what it counts as. Unheard, each would leave the plate as it is.
SIGNALS = {
    "SIGTERM": AbortCause.TERMINATED,
    "SIGHUP": AbortCause.TERMINAL_CLOSED,
    "SIGQUIT": AbortCause.INTERRUPT,
    "SIGBREAK": AbortCause.INTERRUPT,
}


class EngineProcess:
    """One visit, from its first command to its last event.

    Args:
        commands: pipe from the server.
        events: pipe to the server.
    """

    def __init__(self, commands: Reader, events: Writer) -> None:
        self._commands = commands
        self._events = events
        self.abort = AbortSwitch()
        self._outbox = Outbox(self._console_lost)
        self._first: queue.SimpleQueue[Begin | Continue | Probe | None] = queue.SimpleQueue()
        self._operator: PageOperator | None = None
        self._heartbeat = Heartbeat(self._on_skin, self._silent)
        self._attached = threading.Lock()  # taken when the console is lost, and never given back
        self.reader = threading.Thread(target=self._read, name="commands", daemon=True)

    def run(self) -> int:
        """Run the visit that the first command asks for. Returns the exit code."""
        writer = threading.Thread(target=self._outbox.pump, args=(self._events,), name="events")
        writer.start()
        self.reader.start()
        threading.Thread(target=self._heartbeat.watch, name="heartbeat", daemon=True).start()
        try:
            command = self._first.get()
            if command is None:
                return 1
            return self._probe(command) if isinstance(command, Probe) else self._visit(command)
        finally:
            self._heartbeat.end()
            self._outbox.close()
            writer.join()

    def _visit(self, command: Begin | Continue) -> int:
        try:
            job = self._prepare(command)
            with job.log:
                button = job.rig.button if isinstance(job.rig.button, KeyButton) else None
                self._operator = PageOperator(self._outbox, job.clock, self.abort, button)
                self._outbox.put(ready_card(job))
                result = conduct(job, self._operator)
        except QstError as error:
            self._refuse(error)
            return 1
        except Exception as error:
            # A defect of the suite: the instruments are safe by now, and the person at the page must learn of it.
            self._outbox.put(Refused(code=QstError.code, what=f"a defect of this program: {error!r}"))
            raise
        self._outbox.put(
            Finished(outcome=result.outcome, reason=result.reason, summary=result.summary, log=str(job.path))
        )
        return 0

    def _probe(self, command: Probe) -> int:
        try:
            station = find_station(command.station)
            clock = VirtualClock(self.abort) if station.station.in_process else RealClock(self.abort)
            self._outbox.put(Probed(rows=probe(station, clock, self.abort)))
        except QstError as error:
            self._refuse(error)
            return 1
        except Aborted:
            return 1  # the console has gone; the instruments are closed
        return 0

    def _prepare(self, command: Begin | Continue) -> Job:
        if isinstance(command, Begin):
            return prepare_visit(command.request, self.abort)
        return prepare_resume(command.request, self.abort)

    def _refuse(self, error: QstError) -> None:
        self._outbox.put(
            Refused(code=error.code, what=error.what, where=error.where, did=error.did, remedy=error.remedy)
        )

    # -- the thread that reads ------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            for body in frames(self._commands):
                self._heartbeat.heard()
                self._take(decode_command(body))
        except (OSError, ValueError, msgspec.MsgspecError):
            pass  # whoever wrote this is no console
        self._console_lost()

    def _take(self, command: Command) -> None:
        if isinstance(command, Alive):
            return
        if isinstance(command, Begin | Continue | Probe):
            self._first.put(command)
        elif self._operator is not None:
            self._operator.take(command)
        elif isinstance(command, Stop):
            self.abort.throw(command.cause)

    # -- the thread that looks for signs of life ------------------------------------------------------------------

    def _on_skin(self) -> bool:
        return self._operator is not None and self._operator.on_skin

    def _silent(self) -> None:
        """The server hangs: its pipes are open, and nothing comes."""
        self._console_lost()
        if self._operator is not None:
            self._operator.take(TakeNote(text=f"the console has given no sign of life for {SILENT_S:g} s"))

    # -- from every thread ----------------------------------------------------------------------------------------

    def _console_lost(self) -> None:
        """Its pipe of commands has ended, or its pipe of events, or it is silent: the same thing, said once."""
        if self._attached.acquire(blocking=False):
            self.abort.throw(AbortCause.CONSOLE_LOST)
            self._first.put(None)


def main() -> int:
    """Talk over the standard streams; whatever prints goes to the error stream."""
    # Below Python's buffers, whose locks a thread that reads would still hold when the process ends.
    commands = io.FileIO(sys.stdin.fileno(), "rb", closefd=False)
    events = io.FileIO(sys.stdout.fileno(), "wb", closefd=False)
    sys.stdout = sys.stderr
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    process = EngineProcess(commands, events)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server hears it and closes the pipe
    for name, cause in SIGNALS.items():
        number = getattr(signal, name, None)
        if number is not None:  # not every system has every one
            signal.signal(number, functools.partial(_end, process.abort, cause))
    return process.run()


def _end(abort: AbortSwitch, cause: AbortCause, number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
    abort.throw(cause)


if __name__ == "__main__":
    sys.exit(main())
