"""A simulated thermode in a process of its own, and the visits that are killed on it."""

import contextlib
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

from qst.clock import performance_seconds
from tests.guard import session
from tests.servers.rig import Control, host_and_port

#: A test that fails may take this long.
PATIENCE_S = 30.0
BASELINE_C = 32.0


class Kind(NamedTuple):
    """How one driver is put to the test. Temperatures °C, rates °C/s."""

    rate: str
    rate_c_per_s: float
    settings: str
    simulator: str
    guarded: bool


PROGRAMS = """
programs:
  - {word: 100, baseline: 32 °C, rate: 1.6 °C/s, cutoff: 36 °C, return_rate: 1.6 °C/s}
  - {word: 101, baseline: 30 °C, rate: 1.6 °C/s, cutoff: 26 °C, return_rate: 1.6 °C/s}
"""
KINDS: Mapping[str, Kind] = {
    "arroyo-5300": Kind("1.6 °C/s", 1.6, "max_rate: 1.6 °C/s", "start_c: 32.0", guarded=True),
    "medoc-mms": Kind("1.6 °C/s", 1.6, "model: Pathway ATS" + PROGRAMS, "model: Pathway ATS" + PROGRAMS, guarded=False),
    "qstlab-tcs": Kind("1.6 °C/s", 1.6, "{}", "{}", guarded=False),
}


class Ramp(NamedTuple):
    """One way from a baseline to a cut-off, °C."""

    modality: str
    start_c: float
    cutoff_c: float


HEAT, COLD = Ramp("heat", 32.0, 36.0), Ramp("cold", 30.0, 26.0)


def protocol_text(kind: Kind, ramp: Ramp) -> str:
    """One short ramp; an attempt that failed is not repeated."""
    return f"""language: 1
id: dead-host
version: 1.0.0
title: One short ramp
citation: none; a test of the suite
blocks:
  - id: thermal
    rests: {{ between_trials: 1 s }}
    stimuli:
      - id: ramp
        modality: {ramp.modality}
        site: thenar
        side: right
        start: {ramp.start_c:g} °C
        rate: {kind.rate}
        cutoff: {ramp.cutoff_c:g} °C
        return_rate: {kind.rate}
        attempts_max: 1
        settle: {{ within: 0.5 °C, for: 0.2 s }}
        scoring: {{ id: T, label: Threshold }}
"""


def station_text(driver: str, link: str) -> str:
    settings = KINDS[driver].settings.strip().replace("\n", "\n      ")
    return f"""station: dead-host
simulated: true
instruments:
  thermode:
    driver: {driver}
    link: {link}
    settings:
      {settings}
"""


class Served:
    """``qst simulate`` as a process, with the way to its truth."""

    def __init__(self, process: "subprocess.Popen[str]", told: Mapping[str, Any]) -> None:
        self.process = process
        self.link: str = told["devices"][0]["address"]
        self.control = Control(host_and_port(told["control"]))

    def temperature_c(self) -> float:
        """The true temperature of the plate."""
        return float(self.control.do("state")["devices"]["thermode"]["temperature_c"])


@contextlib.contextmanager
def served(driver: str, folder: Path) -> Iterator[Served]:
    """A simulated device, until the end of the block."""
    settings = folder / f"{driver}-simulator.yaml"
    settings.write_text(KINDS[driver].simulator, encoding="utf-8")
    program = "from qst.cli.simulate import simulate; raise SystemExit(simulate(standalone_mode=False))"
    arguments = [f"{driver}={settings}", "--listen", "tcp://127.0.0.1:0", "--json"]
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        try:
            bench = Served(process, msgspec.json.decode(process.stdout.readline()))
            with bench.control:
                yield bench
        finally:
            process.kill()


class EndedEarlyError(Exception):
    """The visit was over before what was waited for: on a busy computer an instrument may fail by itself."""


#: Processes that begin with everything imported; on Windows each imports anew.
PROCESSES: Any = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
if sys.platform != "win32":
    PROCESSES.set_forkserver_preload(["tests.guard.session"])


class Visit:
    """A session in a process of its own."""

    def __init__(self, *arguments: str) -> None:
        self._pipe, told = PROCESSES.Pipe(duplex=False)
        self.process = PROCESSES.Process(target=session.run, args=(told, arguments))
        self.process.start()
        told.close()
        self.said: list[str] = []

    def await_word(self, word: str) -> str:
        """The first thing said that begins with ``word``. Raises EndedEarlyError when the session ends without it."""
        deadline_s = performance_seconds() + PATIENCE_S
        while True:
            found = next((text for text in self.said if text.startswith(word)), None)
            if found is not None:
                return found
            if not self._pipe.poll(max(deadline_s - performance_seconds(), 0.0)):
                raise AssertionError(f"the session never said {word!r}: {self.said}")
            try:
                self.said.append(self._pipe.recv())
            except EOFError as ended:
                raise EndedEarlyError(f"the session ended without {word!r}: {self.said}") from ended

    @property
    def state(self) -> str:
        """The state of its trial, as far as it has said."""
        while self._pipe.poll():
            try:
                self.said.append(self._pipe.recv())
            except EOFError:
                break
        return next((text.split()[1] for text in reversed(self.said) if text.startswith("state ")), "")

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    @property
    def guard_pid(self) -> int:
        return int(self.await_word("guard ").split()[1])

    def kill(self) -> None:
        """Kill it, in whatever state, and wait until it is gone."""
        self.process.kill()
        self.process.join(PATIENCE_S)

    def end(self) -> None:
        """Wait until it has ended by itself."""
        self.process.join(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        self._pipe.close()
