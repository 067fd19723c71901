"""Stop pressed in a real browser, to its bytes at the device's end of the wire; and the engine's rhythm.

Run from the checkout: ``python -m benchmarks.page_stop [--stops N] [--ramps N]``. With ``--look-on`` it measures
nothing and keeps a page busy until it is ended, for ``benchmarks.abort_latency --page``.

Everything is real: ``qst console``, its engine's process, Chromium with the page that draws a trace of 100 readings a
second, and a simulated TCS behind a pseudo-terminal in a process of its own, which notes when bytes arrive. Stops are
pressed by key and by mouse, in turn, at a random moment of a ramp. The latency counts from the event's own time in the
browser; what the remote control of the browser takes before that is printed beside it.

The engine's rhythm is seen from outside, too: when its questions arrive at the device during whole ramps, with the
console and its page, and with the engine's process alone, in turn.
"""

import argparse
import contextlib
import itertools
import json
import queue
import random
import signal
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.abort_latency import Served
from benchmarks.figures import Figure, show, show_machine
from qst.clock import RealClock, performance_seconds
from qst.console.messages import Begin, Entered
from qst.rigs.job import Manner, VisitRequest
from qst_simulators.bench import find_simulator
from qst_simulators.server import SimulatorServer
from tests.console.engine import Engine
from tests.console.pages import begin, place, to_the_placement
from tests.console.running import PATIENCE_S, Console, playwright_browser

MEDIAN_MS: Final = 50.0
WORST_MS: Final = 150.0
STOPS: Final = 200
RAMPS: Final = 4
#: Time between two looks at the plate: 0.009 °C of the ramp, so 100 a second.
PERIOD_S: Final = 0.01
#: A stop is pressed so long after the ramp began, s.
_EARLIEST_S, _LATEST_S = 0.3, 1.3
_RATE_C_PER_S, _CUTOFF_C = 1.0, 48.0
#: Of a ramp, its beginning and end are left out of the rhythm, s.
_EDGE_S: Final = 1.0
_PROTOCOL: Final = f"""\
language: 1
id: page-stop
version: 1.0.0
title: Many heat trials
citation: none
description: Heat trials that are stopped and repeated.
scripts: {{ always: You may stop at any time. }}
blocks:
  - id: heat
    rests: {{ between_trials: 0 s }}
    stimuli:
      - id: heat
        modality: heat
        site: thenar
        side: right
        start: 32 °C
        rate: {_RATE_C_PER_S} °C/s
        cutoff: {_CUTOFF_C} °C
        return_rate: 8 °C/s
        settle: {{ within: 1 °C, for: 0.5 s }}
        repeats: {RAMPS}
        scoring: {{ id: HPT, label: Heat pain threshold }}
"""
_STATION: Final = """\
station: page-stop
simulated: true
instruments:
  thermode:
    driver: qstlab-tcs
    link: {link}
"""
#: Remembers when a stop was pressed, by the browser's own clock: ms since 1970.
_WATCH: Final = """() => {
    window.pressed = [];
    const note = (event) => window.pressed.push(performance.timeOrigin + event.timeStamp);
    document.addEventListener("keydown", (event) => event.key === "Escape" && note(event), true);
    document.addEventListener("pointerdown", (event) => event.target.closest("[data-stop]") && note(event), true);
}"""


# -- the device's end ---------------------------------------------------------------------------------------------


def serve(listen: str) -> None:
    """In a process of its own: print when a stop arrives; on a line of input, when questions did since the last one."""
    kind: Any = find_simulator("qstlab-tcs")
    receive = kind.receive
    polls: list[float] = []

    def noted(self: object, data: bytes, now_s: float) -> None:
        arrived_s = performance_seconds()
        receive(self, data, now_s)
        if b"K" in data:
            polls.append(arrived_s)
        if b"A" in data:
            _tell(str(arrived_s))

    kind.receive = noted
    with SimulatorServer([("qstlab-tcs", {})], listen=[listen]) as server:
        print(next(iter(server.links.values())), flush=True)
        for _ in sys.stdin:
            _tell(f"polls {json.dumps(polls).replace(' ', '')}")
            polls.clear()


def _tell(line: str) -> None:
    """In one piece: two threads tell."""
    print(f"{line}\n", end="", flush=True)


class ServedTcs(Served):
    """The served device; also tells when it was asked."""

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[str] = queue.SimpleQueue()
        super().__init__("", "", program="from benchmarks.page_stop import serve; serve('pty:')")

    def _read(self) -> None:
        for line in self._out:
            kind, _, what = line.rpartition(" ")
            if kind:
                self._told.put(what)
            else:
                self._arrivals.put(float(what))

    def polls(self) -> list[float]:
        """When questions arrived since the last call, s."""
        self._in.write("polls\n")
        self._in.flush()
        found: list[float] = json.loads(self._told.get(timeout=PATIENCE_S))
        return found


# -- the page -----------------------------------------------------------------------------------------------------


class Files:
    """The protocol and the station, as files."""

    def __init__(self, folder: Path, link: str) -> None:
        self.protocol, self.station = folder / "page-stop.yaml", folder / "page-stop-station.yaml"
        self.protocol.write_text(_PROTOCOL, encoding="utf-8")
        self.station.write_text(_STATION.format(link=link), encoding="utf-8")
        self.data = Path(tempfile.mkdtemp(dir=folder))


@contextlib.contextmanager
def running_page(browser: Any, files: Files) -> Iterator[Any]:  # noqa: ANN401 - Playwright's types are not installed everywhere
    """A console, and a page on which a visit waits for its first placement."""
    options = ("--protocol", str(files.protocol), "--station", str(files.station))
    with Console(files.data, *options) as console:
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        context.set_default_timeout(PATIENCE_S * 1000)
        page = context.new_page()
        page.goto(console.link)
        page.wait_for_selector(".figures")
        begin(page, protocol=str(files.protocol), station=str(files.station), speed="1")
        to_the_placement(page)
        yield page
        context.close()


def into_ramp(page: Any) -> None:  # noqa: ANN401 - as above
    """Start the trial that waits, and wait for its ramp."""
    place(page)
    page.wait_for_selector("body[data-state=ramp]")


def repeat(page: Any) -> None:  # noqa: ANN401 - as above
    """After a stop: not valid, and the same trial again."""
    page.wait_for_selector("button:has-text('Not valid: repeat')")
    page.keyboard.press("r")
    page.wait_for_selector("button:has-text('disturbed')")
    page.keyboard.press("5")
    to_the_placement(page)


def press(page: Any, how: str) -> None:  # noqa: ANN401 - as above
    """Stop, by key or by mouse."""
    if how == "key":
        page.keyboard.press("Escape")
    else:
        page.mouse.down()
        page.mouse.up()


# -- stops --------------------------------------------------------------------------------------------------------


def measure_stops(page: Any, served: Served, stops: int) -> dict[str, list[float]]:  # noqa: ANN401 - as above
    """Latencies, ms, by what was measured."""
    rng, wait = random.Random(f"page {stops}"), threading.Event().wait
    found: dict[str, list[float]] = {"key": [], "mouse": [], "before": [], "readings": []}
    page.evaluate(_WATCH)
    to_stopwatch_s = performance_seconds() - RealClock().utc().timestamp()
    for number in range(stops):
        how = ("key", "mouse")[number % 2]
        into_ramp(page)
        page.hover("#stopbar [data-stop=operator_stop]")
        wait(rng.uniform(_EARLIEST_S, _LATEST_S))
        found["readings"].append(reading_rate(page))
        asked_s = performance_seconds()
        press(page, how)
        pressed_s = page.evaluate("window.pressed.at(-1)") / 1000.0 + to_stopwatch_s
        found["before"].append((pressed_s - asked_s) * 1000.0)
        found[how].append((served.first_after(pressed_s) - pressed_s) * 1000.0)
        repeat(page)
    return found


def reading_rate(page: Any) -> float:  # noqa: ANN401 - as above
    """Readings a second that the page has had of its ramp, over the last 0.2 s and more."""
    first, last, count = page.evaluate(
        "(() => { const r = QST.readings.slice(-25); return [r[0][0], r.at(-1)[0], r.length]; })()"
    )
    return float((count - 1) / (last - first))


def report_stops(found: dict[str, list[float]]) -> None:
    """Print median and worst."""
    everything = sorted(found["key"] + found["mouse"])
    name = f"Stop on the page to its bytes on the wire, {len(everything)}"
    show(Figure(f"{name}: median", statistics.median(everything), "ms", at_most=MEDIAN_MS))
    show(Figure(f"{name}: 99 %", everything[int(0.99 * (len(everything) - 1))], "ms"))
    show(Figure(f"{name}: worst", everything[-1], "ms", at_most=WORST_MS))
    for how in ("key", "mouse"):
        if found[how]:
            show(Figure(f"    by {how}: median of {len(found[how])}", statistics.median(found[how]), "ms"))
            show(Figure(f"    by {how}: worst", max(found[how]), "ms"))
    show(Figure("    remote control, before the event: median", statistics.median(found["before"]), "ms"))
    show(Figure("    readings on the page: median", statistics.median(found["readings"]), "/s"))


# -- the engine's rhythm ------------------------------------------------------------------------------------------


def lateness_ms(polls: list[float], begun_s: float, ended_s: float) -> list[float]:
    """How much longer than its period each step between two questions of a ramp took; less than none is none."""
    inside = [at_s for at_s in polls if begun_s + _EDGE_S <= at_s <= ended_s - _EDGE_S]
    return [max(later - earlier - PERIOD_S, 0.0) * 1000.0 for earlier, later in itertools.pairwise(inside)]


def ramp_with_page(page: Any, served: ServedTcs) -> list[float]:  # noqa: ANN401 - as above
    """One whole ramp of a visit with the console and its page."""
    served.polls()
    into_ramp(page)
    begun_s = performance_seconds()
    page.wait_for_selector("button:has-text('Not valid: repeat')")
    found = lateness_ms(served.polls(), begun_s, begun_s + (_CUTOFF_C - 32.0) / _RATE_C_PER_S)
    page.click("button.main:has-text('Accept')")
    page.wait_for_selector("button.main:has-text('Accept')", state="detached")
    return found


def ramps_alone(files: Files, served: ServedTcs, ramps: int) -> list[float]:
    """Whole ramps of a visit by the engine's process; its events are read and thrown away."""
    request = VisitRequest(
        protocol=str(files.protocol),
        station=str(files.station),
        participant="P02",
        operator="op1",
        data=str(files.data),
        manner=Manner(),
        simulated=True,
    )
    found: list[float] = []
    with Engine(Begin(request=request), own_process=True) as engine:
        for _ in range(ramps):
            served.polls()
            engine.wait_for(Entered, lambda event: event.state == "ramp")
            begun_s = performance_seconds()
            engine.wait_for(Entered, lambda event: event.state == "return")
            found += lateness_ms(served.polls(), begun_s, performance_seconds())
    return found


def report_rhythm(name: str, late_ms: list[float]) -> None:
    """Print how late the looks of a ramp were."""
    late_ms = sorted(late_ms)
    name = f"looks in a ramp, {name}, {len(late_ms)}"
    show(Figure(f"{name}: late by, median", statistics.median(late_ms), "ms"))
    show(Figure(f"{name}: 99 %", late_ms[int(0.99 * (len(late_ms) - 1))], "ms"))
    show(Figure(f"{name}: worst", late_ms[-1], "ms"))


def measure_rhythm(browser: Any, folder: Path, ramps: int) -> tuple[list[float], list[float]]:  # noqa: ANN401 - as above
    """Lateness, ms, with a page and alone, in turn, so that both have the same machine."""
    with_page: list[float] = []
    alone: list[float] = []
    for _ in range(max(ramps // 2, 1)):
        for_page = ServedTcs()
        try:
            with running_page(browser, Files(folder, for_page.link)) as page:
                for number in range(2):
                    if number:
                        to_the_placement(page)
                    with_page += ramp_with_page(page, for_page)
        finally:
            for_page.close()
        for_engine = ServedTcs()
        try:
            alone += ramps_alone(Files(folder, for_engine.link), for_engine, 2)
        finally:
            for_engine.close()
    return with_page, alone


# -- the command --------------------------------------------------------------------------------------------------


def look_on(browser: Any, folder: Path) -> None:  # noqa: ANN401 - as above
    """Keep a page busy with ramp after ramp, until somebody ends this program."""
    served = ServedTcs()
    try:
        with running_page(browser, Files(folder, served.link)) as page:
            print("a page looks on", flush=True)
            while True:
                into_ramp(page)
                page.wait_for_selector("button:has-text('Not valid: repeat')")
                repeat(page)
    finally:
        served.close()


def _end(*_: object) -> None:
    """Ended from outside: browser and console end as well."""
    raise SystemExit


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stops", type=int, default=STOPS, help="how many stops")
    parser.add_argument("--ramps", type=int, default=RAMPS, help="how many whole ramps with, and without, a page")
    parser.add_argument("--look-on", action="store_true", help="keep a page busy and measure nothing")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory() as scratch, playwright_browser() as browser:
        folder = Path(scratch)
        if options.look_on:
            look_on(browser, folder)
        show_machine()
        if options.stops:
            served = ServedTcs()
            try:
                with running_page(browser, Files(folder, served.link)) as page:
                    found = measure_stops(page, served, options.stops)
            finally:
                served.close()
            report_stops(found)
        if options.ramps:
            with_page, alone = measure_rhythm(browser, folder, options.ramps)
            report_rhythm("console and page", with_page)
            report_rhythm("engine alone", alone)
        show_machine()


if __name__ == "__main__":
    main()
