"""Pictures of every screen for the documents: ``python -m tests.console.screenshots [--to FOLDER] [--only NAME …]``.

A real console on simulators, a real Chromium, light and dark, on a bench computer's screen and on two tablets. Look at
what comes out before you commit it: no program can say whether it can be read from two metres.
"""

import argparse
import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.console.pages import begin, choose, next_question, place, to_the_end, to_the_placement, wait_for_text
from tests.console.running import PATIENCE_S, Console, playwright_browser

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"
#: A file of a document, not of a photographer.
MOST_BYTES: Final = 150_000
_TESTED: Final = "button:has-text('Test the instruments'):not([disabled])"
BENCH, TABLET, WIDE_TABLET = (1366, 768), (1024, 768), (1280, 800)

_REAL: Final = """\
station: bench-2
title: Bench 2, Pathway and Commander
instruments:
  thermode:
    driver: medoc-mms
    link: tcp://127.0.0.1:9
    settings:
      programs:
        - { word: 100, baseline: 32 °C, rate: 0.3 °C/s, cutoff: 48 °C, return_rate: 8 °C/s }
        - { word: 101, baseline: 20 °C, rate: 0.3 °C/s, cutoff: 0 °C, return_rate: 8 °C/s }
  algometer:
    driver: jtech-commander
    link: 'operator:'
    settings: { tip_area: 1 cm² }
"""
_POINTS: Final = """\
language: 1
id: tender-points
version: 1.0.0
title: Tender points
citation: none; for a picture
description: The 18 tender points by hand.
scripts:
  always: You may stop at any time, with the button or by saying stop.
  pressure: I press slowly on one spot. Press the button at the first moment at which it hurts.
blocks:
  - id: pressure
    rests: { between_trials: 5 s }
    stimuli:
      - id: pressure
        modality: pressure
        sites: tender-points
        side: both
        order: mtps
        rate: 0.3 kg/cm²/s
        cutoff: 6 kg/cm²
        rate_band: 25 %
        scoring: { id: PPT, label: Pressure pain threshold of 18 points }
"""


class Camera:
    """Takes pictures of pages.

    Args:
        folder: where they go.
        only: names of the wanted ones; empty for all.
    """

    def __init__(self, folder: Path, only: tuple[str, ...]) -> None:
        self._folder = folder
        self._only = only

    def wants(self, *names: str) -> bool:
        """Whether any of these is wanted."""
        return not self._only or any(name in self._only for name in names)

    def take(self, page: Any, name: str, size: tuple[int, int] = BENCH, *, dark: bool = False) -> None:
        """One picture, as a palette: ``console-NAME.png``."""
        if not self.wants(name):
            return
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.wait_for_function("dark => document.body.classList.contains('body--dark') === dark", arg=dark)
        page.evaluate("scrollTo(0, 0)")  # a click may have scrolled
        # Two frames: the trace is drawn anew in its colours.
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        path = self._folder / f"console-{name}.png"
        path.write_bytes(palette(page.screenshot()))
        size_kb = path.stat().st_size / 1000
        print(f"{path} {size_kb:.0f} kB")  # noqa: T201 - a command that says what it made
        if path.stat().st_size > MOST_BYTES:
            raise RuntimeError(f"{path.name} has {size_kb:.0f} kB; at most {MOST_BYTES / 1000:.0f} are wanted")


def palette(png: bytes) -> bytes:
    """The same picture in its 256 most frequent colours, exactly as they are; what is between them goes to the nearest."""
    from PIL import Image  # noqa: PLC0415 - comes with the extra 'analysis'

    with Image.open(io.BytesIO(png)) as opened_image, io.BytesIO() as small:
        image = opened_image.convert("RGB")
        frequent = sorted(image.getcolors(image.width * image.height) or (), reverse=True)[:256]
        colours = Image.new("P", (1, 1))
        colours.putpalette([part for _, colour in frequent for part in (colour if isinstance(colour, tuple) else ())])
        image.quantize(palette=colours, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        return small.getvalue()


@contextlib.contextmanager
def opened(browser: Any, folder: Path, *options: str) -> Iterator[tuple[Any, Console]]:
    """A console with an empty data folder, and a page on it."""
    # What the page says of its folder is in the pictures: it is called as anywhere else.
    with contextlib.chdir(tempfile.mkdtemp(dir=folder)), Console(Path("qst-data"), *options) as console:
        context = browser.new_context()
        context.set_default_timeout(PATIENCE_S * 1000)
        page = context.new_page()
        page.goto(console.link)
        page.wait_for_selector(".figures")
        yield page, console
        context.close()


def ramp_to(page: Any, value: float) -> None:
    """Start, and wait until the ramp has come so far, °C or kPa; again when the participant responds before that."""
    while True:
        place(page)
        page.wait_for_function(
            """value => document.querySelector('.result')
                || (document.body.dataset.state === 'ramp' && QST.readings.length && QST.readings.at(-1)[1] > value)""",
            arg=value,
        )
        if page.query_selector(".result") is None:
            return
        page.click("button:has-text('Not valid: repeat')")
        page.click("button:has-text('pressed too early')")
        page.wait_for_selector("button.main:has-text('Start')")


def start(camera: Camera, browser: Any, folder: Path) -> None:
    """The start screen: a checked plan with tested instruments; a real station that was mistaken for a simulated one."""
    station = folder / "bench-2.yaml"
    station.write_text(_REAL, encoding="utf-8")
    with opened(browser, folder, "--station", str(station), "--protocol", "fibromyalgia-visit") as (page, _):
        page.set_viewport_size({"width": BENCH[0], "height": BENCH[1]})
        choose(page, participant="FM017", protocol="fibromyalgia-visit", station=str(station))
        page.wait_for_selector(".figures")
        page.click("button:has-text('Test the instruments')")
        page.wait_for_selector(".light.fail")
        page.wait_for_selector(_TESTED)
        wait_for_text(page, ".start", "This station is real")
        camera.take(page, "start-real", WIDE_TABLET, dark=True)
        choose(page, participant="FM017", protocol="fibromyalgia-visit", speed="10")
        page.click("button:has-text('Test the instruments')")
        page.wait_for_selector(".light.ok")
        page.wait_for_selector(_TESTED)
        page.wait_for_selector("button.main:has-text('Begin the simulated visit'):not([disabled])")
        camera.take(page, "start")


def running(camera: Camera, browser: Any, folder: Path) -> None:
    """A heat trial as it is: placed, running, and what the participant sees of it."""
    with opened(browser, folder) as (page, console):
        begin(page, participant="FM017", protocol="fibromyalgia-visit", speed="1")
        view = page.context.new_page()
        view.goto(f"{console.address}/participant")
        to_the_placement(page)
        camera.take(page, "place")
        ramp_to(page, 35.0)
        camera.take(page, "ramp")
        camera.take(page, "ramp-tablet", TABLET, dark=True)
        camera.take(view, "participant", TABLET, dark=True)


def between(camera: Camera, browser: Any, folder: Path) -> None:
    """What comes between heat trials: rest, pause, judgement, and a stop."""
    with opened(browser, folder) as (page, _):
        begin(page, participant="FM017", protocol="fibromyalgia-visit", speed="10")
        to_the_placement(page)
        place(page)
        page.click("button.main:has-text('Accept')")
        page.wait_for_selector("#rest:not([hidden])")
        camera.take(page, "rest", WIDE_TABLET)
        page.keyboard.press("p")
        wait_for_text(page, ".now", "The visit is paused")
        camera.take(page, "paused", dark=True)
        page.click("button.main:has-text('Go on')")
        page.wait_for_selector("button.main:has-text('Go on')", state="detached")
        to_the_placement(page)
        place(page)
        page.wait_for_selector("button:has-text('Not valid: repeat')")
        page.keyboard.press("r")
        page.wait_for_selector("button:has-text('tip slipped')")
        camera.take(page, "judge")
        page.click("button:has-text('tip slipped')")
        page.wait_for_selector("button.main:has-text('Start')")
        place(page)
        page.wait_for_selector("body[data-state=ramp]")
        page.keyboard.press("Escape")
        wait_for_text(page, ".result", "operator stop")
        camera.take(page, "stopped")


def pressure(camera: Camera, browser: Any, folder: Path) -> None:
    """A gauge pressed by hand with its rate bar, and one that the operator reads, with the value to expect."""
    protocol = folder / "tender-points.yaml"
    protocol.write_text(_POINTS, encoding="utf-8")
    for station, name in (("default", "pressure"), ("paper", "pace")):
        if camera.wants(name):
            with opened(browser, folder, "--protocol", str(protocol)) as (page, _):
                begin(page, participant="FM017", protocol=str(protocol), station=station, speed="1")
                to_the_placement(page)
                page.wait_for_timeout(3000)  # the simulated hand is still on the table
                if name == "pressure":
                    ramp_to(page, 60.0)
                else:
                    place(page)
                    page.wait_for_selector("#pace:not([hidden])")
                    page.wait_for_function("parseFloat(document.querySelector('#pace-elapsed').textContent) >= 0.6")
                camera.take(page, name, WIDE_TABLET)


def finish(camera: Camera, browser: Any, folder: Path) -> None:
    """A short visit that is complete, with a note and a trial that was repeated."""
    with opened(browser, folder) as (page, _):
        begin(page, participant="FM017", speed="60")
        to_the_placement(page)
        page.keyboard.press("n")
        page.wait_for_selector("input[name=reason]")
        page.keyboard.type("left hand cold to the touch")
        page.keyboard.press("Enter")
        page.wait_for_selector("input[name=reason]", state="detached")
        place(page)
        while next_question(page) != "Accept":
            pass
        page.click("button:has-text('Not valid: repeat')")
        page.click("button:has-text('participant talked')")
        to_the_end(page)
        page.wait_for_selector("h2:has-text('In the log')")
        camera.take(page, "finish")


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=FOLDER, metavar="FOLDER", help="where the pictures go")
    parser.add_argument("--only", nargs="*", default=(), metavar="NAME", help="such as ramp or place")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    camera = Camera(options.to.resolve(), tuple(options.only))
    with tempfile.TemporaryDirectory() as scratch, playwright_browser() as browser:
        folder = Path(scratch)
        if camera.wants("start", "start-real"):
            start(camera, browser, folder)
        if camera.wants("place", "ramp", "ramp-tablet", "participant"):
            running(camera, browser, folder)
        if camera.wants("rest", "paused", "judge", "stopped"):
            between(camera, browser, folder)
        pressure(camera, browser, folder)
        if camera.wants("finish"):
            finish(camera, browser, folder)


if __name__ == "__main__":
    main()
