"""A simulated thermode in a process of its own, and the visits that are killed on it."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec

from qst.clock import performance_seconds
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
    "arroyo-5300": Kind("1.6 °C/s", 1.6, "max_rate: 1.6 °C/s", "{}", guarded=True),
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


class Visit:
    """A session in a process of its own; what it says is read by a thread, so that it never has to wait."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.guard.session", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self.said: list[str] = []
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            with self._news:
                self.said.append(text.strip())
                self._news.notify_all()
        with self._news:
            self.said.append("(end)")
            self._news.notify_all()

    def await_word(self, word: str) -> str:
        """The first thing said that begins with ``word``. Fails when the session ends without it."""
        deadline_s = performance_seconds() + PATIENCE_S

        def found() -> str | None:
            return next((text for text in self.said if text.startswith((word, "(end)"))), None)

        with self._news:
            assert self._news.wait_for(lambda: found() is not None, deadline_s - performance_seconds()), self.said
            text = found()
        if text is None or not text.startswith(word):
            _, complaint = self.process.communicate()
            raise AssertionError(f"the session ended without {word!r}: {self.said} {complaint}")
        return text

    @property
    def guard_pid(self) -> int:
        return int(self.await_word("guard ").split()[1])

    def end(self) -> int:
        """Wait for its end; its exit code."""
        code = self.process.wait(PATIENCE_S)
        self._close()
        return code

    def kill(self) -> None:
        """Kill it, in whatever state."""
        self.process.kill()
        self.process.wait()

    def _close(self) -> None:
        self._reader.join(PATIENCE_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()
        self._close()
