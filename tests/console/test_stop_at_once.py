"""A stop does not wait until the finger is lifted, and is the next thing that goes over the wire."""

from pathlib import Path
from typing import Any

import msgspec

from qst_drivers.links.capture import CaptureEvent
from tests.console.conftest import Bench
from tests.console.pages import begin, into_the_ramp, phase, to_the_placement, wait_for_text
from tests.console.running import PATIENCE_S, Console
from tests.console.test_robust import stops


def test_a_stop_counts_when_the_mouse_goes_down_and_only_once(bench: Bench) -> None:
    page = bench.open_page()
    begin(page, speed="10")
    into_the_ramp(page)
    page.hover("#stopbar [data-stop=operator_stop]")
    page.mouse.down()
    wait_for_text(page, ".result", "operator stop")
    assert stops(bench) == ["operator_stop"]
    page.mouse.up()  # the click that follows is no second stop: at a question it would end the visit
    page.keyboard.press("r")
    page.wait_for_selector("button:has-text('disturbed')")
    page.keyboard.press("5")
    to_the_placement(page)
    assert (phase(page), stops(bench)) == ("running", ["operator_stop"])


#: On the wire of a TCS: the ramp begins, a look at buttons and plate, the end of the stimulus (sent three times at once).
BEGIN, LOOK, STOP = b"Ol", b"KE", b"AAA"


def written(folder: Path) -> list[bytes]:
    """Everything that was written to the thermode, in order."""
    lines = (folder / "thermode.jsonl").read_bytes().splitlines()[1:]
    events = [msgspec.json.decode(line, type=CaptureEvent) for line in lines]
    return [bytes.fromhex(event.hex) for event in events if event.do == "write"]


def test_a_stop_pressed_on_the_page_is_the_next_thing_on_the_wire_of_the_thermode(browser: Any, tmp_path: Path) -> None:
    with Console(tmp_path / "data", "--capture", str(tmp_path / "wires")) as console:
        page = browser.new_context().new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.goto(console.link)
        page.wait_for_selector("header.banner")
        begin(page, station="tcs", speed="10")
        into_the_ramp(page)
        page.click("#stopbar [data-stop=operator_stop]")
        wait_for_text(page, ".result", "operator stop")
        page.context.close()
    wire = written(tmp_path / "wires")
    ramp = wire[wire.index(BEGIN) + 1 :]
    until_stop = ramp[: ramp.index(STOP)]
    assert until_stop
    assert set(until_stop) == {LOOK}, "nothing between the last look and the stop"
    assert ramp[len(until_stop) + 1] == LOOK, "and then its way back is watched"
