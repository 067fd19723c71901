"""From a stop to its bytes at the device's end of the wire, while the log's disk is slow.

Run from the checkout: ``python -m benchmarks.abort_latency [--aborts N] [--fsync MS] [--write MS] [--page COMMAND]``.

The whole visit is real: session, engine, attempts, log writer, driver and link, on the real clock. The simulated device
is served by a process of its own, which notes when bytes of a stop arrive (``perf_counter`` counts the same in all
processes of Linux, and of Windows). Every visit is stopped twice: during its first trial by the operator's key, pressed
in the keyboard's thread, which ends that trial; and once more, by an emergency stop from another thread, in its second
trial or in the rest before it, which ends the visit. Every fsync of the log takes ``--fsync`` milliseconds, every write
``--write``; ``--page`` starts a command that looks on, such as ``python -m benchmarks.page_stop --look-on``.

After every stop the same way is gone without the suite: a thread wakes another, which writes a line to the same
process. What that takes is the machine's own share: on a busy one it is most of the worst case.
"""

import argparse
import contextlib
import functools
import os
import queue
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from benchmarks.figures import Figure, show, show_machine
from qst.abort import AbortCause, AbortSwitch
from qst.analysis.scores import score_all
from qst.cli.terminal import Keyboard
from qst.clock import RealClock, performance_seconds
from qst.protocol.loader import load_bytes
from qst.record.log import LogWriter
from qst.record.reader import read_log
from qst.record.records import Stop
from qst.rigs.guards import station_link
from qst.station import load_station_bytes
from qst.visit.operator import (
    Answered,
    AutomaticOperator,
    Choice,
    LiveEvent,
    OperatorPrompt,
    RestLeft,
    StateEntered,
    TrialNext,
)
from qst.visit.session import Rig, Who, build_instruments, checked_plan, header, run_session
from qst_simulators.bench import find_simulator
from qst_simulators.server import SimulatorServer

#: Budget of the design, ms.
LIMIT_MS: Final = 5.0
ABORTS: Final = 1000
#: A stop is thrown at random within so much time after its state was entered, s: anywhere between two looks.
SPREAD_S: Final = 0.1
ARRIVAL_S: Final = 10.0
_RAMP: Final = {"baseline": "32 °C", "rate": "0.3 °C/s", "cutoff": "48 °C", "return_rate": "1.6 °C/s"}


class Device(NamedTuple):
    """One device and its wire.

    Attributes:
        wire: for people.
        listen: where its simulator is served.
        settings: of its driver.
        switches: of its simulator.
        speed: seconds of the visit, and of the device, in one real second: at 10 a trial gets to its ramp in half a
            second. A guard counts real ones.
    """

    wire: str
    listen: str
    settings: dict[str, Any]
    switches: dict[str, Any]
    speed: float


DEVICES: Final = {
    "medoc-mms": Device(
        "TCP",
        "tcp://127.0.0.1:0",
        {"programs": [{"word": 100, **_RAMP}], "pretest": "2 s"},
        {"programs": [{"word": 100, **_RAMP}]},
        10.0,
    ),
    "qstlab-tcs": Device("pseudo-terminal", "pty:", {}, {}, 10.0),
    "arroyo-5300": Device("TCP, behind a guard", "tcp://127.0.0.1:0", {"max_rate": "1.6 °C/s"}, {"start_c": 32.0}, 1.0),
}
_PROTOCOL: Final = """\
language: 1
id: abort-latency
version: 1.0.0
title: Two heat trials
citation: none
description: Two heat trials with a long rest between them.
scripts: { always: You may stop at any time. }
blocks:
  - id: heat
    rests: { between_trials: 5 s }
    stimuli:
      - id: heat
        modality: heat
        site: thenar
        side: right
        start: 32 °C
        rate: 0.3 °C/s
        cutoff: 48 °C
        return_rate: 1.6 °C/s
        settle: { within: 1 °C, for: 2 s }
        repeats: 2
        scoring: { id: HPT, label: Heat pain threshold }
"""
#: States in which a visit is stopped: first by the key, then by the emergency stop.
_FIRST: Final = ("adapt", "settle", "ramp")
_OVER: Final = ("return", "done")
_SECOND: Final = ("rest", "adapt", "settle", "ramp")


# -- the device's end ---------------------------------------------------------------------------------------------


def _is_stop(device: str, data: bytes) -> bool:
    """Whether these bytes end a stimulus: STOP or ABORT in MMS's frame, the TCS's ``A``, a set-point of 32 °C."""
    if device == "medoc-mms":
        return len(data) > 8 and data[8] in (5, 6)
    return (b"A" if device == "qstlab-tcs" else b"TEC:T 32") in data


def serve(device: str, listen: str) -> None:
    """In a process of its own: serve the device, and print when a stop arrived."""
    kind: Any = find_simulator(device)
    receive = kind.receive

    def noted(self: object, data: bytes, now_s: float) -> None:
        arrived_s = performance_seconds()
        receive(self, data, now_s)
        if _is_stop(device, data):
            print(arrived_s, flush=True)

    kind.receive = noted
    with SimulatorServer([(device, DEVICES[device].switches)], listen=[listen], speed=DEVICES[device].speed) as server:
        print(next(iter(server.links.values())), flush=True)
        for _ in sys.stdin:  # until the other side is gone
            print(f"bare {performance_seconds()}", flush=True)


class Served:
    """The served device, and when stops arrived there.

    Args:
        device: name of the simulator.
        listen: where it listens.
        program: another program that serves it.
    """

    def __init__(self, device: str, listen: str, *, program: str = "") -> None:
        program = program or f"from benchmarks.abort_latency import serve; serve({device!r}, {listen!r})"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        if self._process.stdout is None or self._process.stdin is None:
            raise RuntimeError("the server has no pipes")
        self._out, self._in = self._process.stdout, self._process.stdin
        self.link = self._out.readline().strip()
        self._arrivals: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._bare: queue.SimpleQueue[float] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._out:
            kind, _, arrived_s = line.rpartition(" ")
            (self._bare if kind else self._arrivals).put(float(arrived_s))

    def first_after(self, thrown_s: float) -> float:
        """When the first stop after ``thrown_s`` arrived. Raises queue.Empty when none does."""
        while True:
            arrived_s = self._arrivals.get(timeout=ARRIVAL_S)
            if arrived_s >= thrown_s:
                return arrived_s

    def bare_ms(self) -> float:
        """How long it takes to wake a thread that writes a line to the process, without anything of the suite."""
        bell = threading.Lock()
        bell.acquire()
        thrown_s: list[float] = []

        def ring() -> None:
            threading.Event().wait(0.01)
            thrown_s.append(performance_seconds())
            bell.release()

        ringer = threading.Thread(target=ring)
        ringer.start()
        bell.acquire()
        self._in.write("\n")
        self._in.flush()
        arrived_s = self._bare.get(timeout=ARRIVAL_S)
        ringer.join()
        return (arrived_s - thrown_s[0]) * 1000.0

    def close(self) -> None:
        """End the process."""
        self._in.close()
        self._process.wait()
        self._out.close()


# -- the visit ----------------------------------------------------------------------------------------------------


class Stopper(AutomaticOperator):
    """Sees the visit come to the states in which it is to be stopped, and has a thread stop it there.

    Args:
        clock: the visit's clock.
        abort: the switch.
        first: state of the first trial, stopped by the key.
        second: state after it, stopped by the switch.
        delay: random waits, s.
    """

    def __init__(
        self, clock: RealClock, abort: AbortSwitch, first: str, second: str, delay: Callable[[], float]
    ) -> None:
        super().__init__(clock, watch=self._saw)
        self._keyboard = Keyboard(abort, list)
        self._abort, self._delay = abort, delay
        self._wanted = {1: (first, self._press), 2: (second, self._throw)}
        self._trial = 0
        self.thrown: list[tuple[str, str, float]] = []
        self.threads: list[threading.Thread] = []

    def _answer(self, prompt: OperatorPrompt) -> Answered:
        if Choice.SKIP in prompt.choices:
            return Answered(prompt_id=prompt.id, choice=Choice.SKIP, reason="stopped")
        return super()._answer(prompt)

    def _saw(self, event: LiveEvent) -> None:
        if isinstance(event, TrialNext):
            self._trial = event.planned.sequence_index
        state = event.state if isinstance(event, StateEntered) else "rest" if isinstance(event, RestLeft) else ""
        wanted, stop = self._wanted.get(self._trial, ("", self._throw))
        if state and state == wanted:
            del self._wanted[self._trial]
            self.threads.append(threading.Thread(target=self._stop, args=(state, stop)))
            self.threads[-1].start()

    def _stop(self, state: str, stop: Callable[[], str]) -> None:
        threading.Event().wait(self._delay())
        thrown_s = performance_seconds()
        self.thrown.append((state, stop(), thrown_s))

    def _press(self) -> str:
        self._keyboard.press("\x1b")
        return "operator's key"

    def _throw(self) -> str:
        self._abort.throw(AbortCause.EMERGENCY_STOP)
        return "emergency stop"


def stop_twice(device: str, served: Served, folder: Path, number: int, rng: random.Random) -> list[tuple[str, float]]:
    """One visit, stopped twice. Returns what was stopped how, and the latency of each in ms.

    Nothing for a visit that went on to another state, or ended by itself, before it was stopped as intended.
    """
    abort = AbortSwitch()
    clock = RealClock(abort, speed=DEVICES[device].speed)
    settings = DEVICES[device].settings
    instruments = {"thermode": {"driver": device, "link": served.link, "settings": settings}}
    text = {"station": "latency", "simulated": True, "button": "keyboard", "instruments": instruments}
    station = load_station_bytes(msgspec.json.encode(text), "latency.yaml")
    drivers = build_instruments(station, lambda _, spec: station_link(spec, clock, abort, None), clock)
    rig = Rig(station=station, instruments=drivers, button=None, hands=None)
    loaded = load_bytes(_PROTOCOL.encode("utf-8"), "abort-latency.yaml")
    plan = checked_plan(loaded, number, rig)
    stopper = Stopper(clock, abort, rng.choice(_FIRST), rng.choice(_SECOND), lambda: rng.uniform(0.0, SPREAD_S))
    who = Who(participant_id="P", visit=number, operator_id="op")
    with LogWriter.create(folder / f"{number}.jsonl", clock) as log:
        log.write(header(who, loaded, plan, rig, clock, seed=number))
        scorer = functools.partial(score_all, plan)
        result = run_session(rig, plan, stopper, log, clock, abort, scorer, operator_id="op")
    for thread in stopper.threads:
        thread.join()
    stops = [record for record in read_log(folder / f"{number}.jsonl").records if isinstance(record, Stop)]
    if len(stops) > len(stopper.thrown) or (len(stops) < len(stopper.thrown) and result.outcome != "completed"):
        raise RuntimeError(f"stops of visit {number} were lost: {stopper.thrown}, {stops}")
    if len(stops) != 2:
        return []
    if any(stop.state in _OVER for stop in stops):
        return []  # the trial had ended by itself in the same moment; nothing was left to be stopped
    return [
        (f"{state}, {how}", (served.first_after(thrown_s) - thrown_s) * 1000.0)
        for state, how, thrown_s in stopper.thrown
    ]


# -- the disk -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def slow_disk(fsync_ms: float, write_ms: float) -> Iterator[None]:
    """Within this block the log's fsync, and each of its writes, take so much longer."""
    fsync, fstat, pause = os.fsync, os.fstat, threading.Event()

    def slow_fsync(descriptor: int) -> None:
        pause.wait(fsync_ms / 1000.0)
        fsync(descriptor)

    def slow_fstat(descriptor: int) -> os.stat_result:
        """The log looks at its file before every write."""
        pause.wait(write_ms / 1000.0)
        return fstat(descriptor)

    os.fsync = slow_fsync  # type: ignore[assignment]  # the log gives it a number
    if write_ms:
        os.fstat = slow_fstat  # type: ignore[assignment]  # as much of it as the log uses
    try:
        yield
    finally:
        os.fsync, os.fstat = fsync, fstat


def measure(device: str, aborts: int, fsync_ms: float, write_ms: float) -> tuple[dict[str, list[float]], list[float]]:
    """Latencies in ms by what was stopped how, and those of the machine alone."""
    rng = random.Random(f"{device} {aborts}")
    found: dict[str, list[float]] = defaultdict(list)
    bare: list[float] = []
    served = Served(device, DEVICES[device].listen)
    try:
        with tempfile.TemporaryDirectory() as folder, slow_disk(fsync_ms, write_ms):
            number = left_out = 0
            while sum(map(len, found.values())) < aborts:
                number += 1
                stopped = stop_twice(device, served, Path(folder), number, rng)
                left_out += not stopped
                for what, latency_ms in stopped:
                    found[what].append(latency_ms)
                    bare.append(served.bare_ms())
    finally:
        served.close()
    print(f"{device}: {number} visits; {left_out} went on by themselves before a stop and are left out", flush=True)
    return found, bare


def report(device: str, found: dict[str, list[float]], bare: list[float]) -> None:
    """Print median, p99 and worst of all, and the worst of each state."""
    everything = sorted(latency_ms for latencies in found.values() for latency_ms in latencies)
    name = f"{device} ({DEVICES[device].wire}), {len(everything)} stops"
    for whose, latencies in ((name, everything), ("    the machine alone", sorted(bare))):
        show(Figure(f"{whose}: median", statistics.median(latencies), "ms"))
        show(Figure(f"{whose}: 99 %", latencies[int(0.99 * (len(latencies) - 1))], "ms", at_most=LIMIT_MS))
        show(Figure(f"{whose}: worst", latencies[-1], "ms", at_most=LIMIT_MS))
        show(Figure(f"{whose}: beyond {LIMIT_MS:g} ms", sum(each > LIMIT_MS for each in latencies), ""))
    for what in sorted(found):
        show(Figure(f"    {what}: worst of {len(found[what])}", max(found[what]), "ms", at_most=LIMIT_MS))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--aborts", type=int, default=ABORTS, help="stops of each device")
    parser.add_argument("--fsync", type=float, default=500.0, metavar="MS", help="how long each fsync takes")
    parser.add_argument("--write", type=float, default=0.0, metavar="MS", help="how long each write takes")
    parser.add_argument("--page", metavar="COMMAND", help="started first, ended last; says when it looks on")
    parser.add_argument("--device", choices=DEVICES, action="append", help="only this one")
    options = parser.parse_args()
    show_machine()
    print(f"each fsync of the log takes {options.fsync:g} ms, each write {options.write:g} ms", flush=True)
    page = None
    if options.page:
        page = subprocess.Popen(shlex.split(options.page), stdout=subprocess.PIPE, encoding="utf-8")
        print((page.stdout.readline() if page.stdout is not None else "").strip(), flush=True)
    try:
        for device in options.device or DEVICES:
            report(device, *measure(device, options.aborts, options.fsync, options.write))
    finally:
        if page is not None:
            page.terminate()
            page.wait()


if __name__ == "__main__":
    main()
