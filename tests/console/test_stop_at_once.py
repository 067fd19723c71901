"""A stop does not wait until the finger is lifted."""

from tests.console.conftest import Bench
from tests.console.pages import begin, into_the_ramp, phase, to_the_placement, wait_for_text
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
