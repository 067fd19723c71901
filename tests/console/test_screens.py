"""What the screens show and hide, and what the accessibility rules say about each of them."""

import re
from typing import Any

from qst.record.reader import read_log
from tests.console.conftest import Bench
from tests.console.pages import (
    assert_accessible,
    assert_in_sight,
    assert_offers,
    begin,
    choose,
    into_the_ramp,
    next_question,
    phase,
    tab_to,
    to_the_placement,
    wait_for_text,
)

NUMBER = re.compile(r"[0-9]")


#: Every key that is neither a stop nor the end of the visit.
STRAY = [
    *"abcdefghijklmnoqrstuvyz0123456789.,;+-*/ ",
    "Enter",
    "ArrowUp",
    "ArrowDown",
    "PageUp",
    "PageDown",
    "Home",
    "F2",
]


def assert_no_single_key_begins(page: Any, bench: Bench) -> None:
    """One stray key, whichever: the participant's side alone, or Enter alone, begins nothing."""
    right = "r" if page.text_content(".where .side") == "RIGHT" else "l"
    for key in (key for key in STRAY if key != right):
        page.keyboard.press(key)
        if key in ("n", "a"):
            page.click("button:has-text('Back')")
            page.wait_for_selector("button:has-text('Back')", state="detached")
    assert_offers(page, "placing")
    page.keyboard.press(right)
    page.wait_for_selector("button.main:has-text('Start'):not([disabled])")
    (log,) = bench.console.logs()
    assert read_log(log).attempts == ()


def assert_nothing_covers_stop(page: Any) -> None:
    """On a bench computer and on a tablet."""
    for width, height in ((1024, 768), (768, 1024), (1366, 768)):
        page.set_viewport_size({"width": width, "height": height})
        for cause in ("operator_stop", "estop", "participant_withdrew"):
            on_top = page.evaluate(
                """cause => {
                    const button = document.querySelector(`[data-stop=${cause}]`);
                    const box = button.getBoundingClientRect();
                    const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
                    return button.contains(there) && box.bottom <= innerHeight && box.right <= innerWidth;
                }""",
                cause,
            )
            assert on_top, (cause, width, height)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


def assert_says_what_is_simulated(page: Any) -> None:
    """Wherever the page is scrolled to."""
    page.set_viewport_size({"width": 1024, "height": 768})
    assert page.evaluate("scrollTo(0, 1e6) ?? scrollY > 100")
    in_sight = """() => { const said = document.querySelector("header .what"), box = said.getBoundingClientRect();
      return document.querySelector("header").offsetHeight < 60 && said.textContent === "SIMULATED" && said.contains(document.elementFromPoint(box.x + 5, box.y + 5)); }"""
    assert page.evaluate(in_sight)
    assert page.text_content("header h1").startswith("PO1 · visit 1"), "whose visit, if the rest has no room"
    page.set_viewport_size({"width": 1366, "height": 768})


def looks_at_the_start(page: Any) -> None:
    page.wait_for_selector(".figures")
    assert_accessible(page, "start")
    page.click("button:has-text('Test the instruments')")
    page.wait_for_selector(".light")
    assert_accessible(page, "start, tested")
    choose(page, participant="PO1")
    page.fill("input[name=operator]", "")
    wait_for_text(page, ".begin", "Fill in participant and operator.")
    assert_in_sight(page, "start")


def looks_at_the_placement(page: Any, bench: Bench) -> None:
    next_question(page)
    assert_offers(page, "setting up")
    to_the_placement(page)
    assert_offers(page, "placing")
    assert_in_sight(page, "place")
    page.set_viewport_size({"width": 1366, "height": 768})
    above, below = (page.locator(one).bounding_box() for one in (".aloud", ".answers"))
    assert above["y"] + above["height"] <= below["y"], "a text to read aloud is seen to its end"
    assert_accessible(page, "place")
    assert_nothing_covers_stop(page)
    assert_says_what_is_simulated(page)
    assert_no_single_key_begins(page, bench)
    assert_offers(page, "placing, side named")
    page.keyboard.press("n")
    page.wait_for_selector("input[name=reason]")
    assert_offers(page, "writing a note")
    assert_in_sight(page, "note")
    assert_accessible(page, "note")
    page.click("button:has-text('Back')")
    page.wait_for_selector("button.main:has-text('Start')")


def looks_at_a_stopped_ramp(page: Any, bench: Bench) -> None:
    page.keyboard.press("Enter")
    page.wait_for_selector("body[data-state=ramp]")
    assert_offers(page, "ramp")
    assert_accessible(page, "ramp")
    looks_on = bench.open_page()
    looks_on.wait_for_selector("button:has-text('Take over')")
    assert_accessible(looks_on, "looks on")
    looks_on.close()
    page.keyboard.press("Escape")
    page.wait_for_selector("button:has-text('Not valid: repeat')")
    assert_offers(page, "judging, not valid")
    assert_in_sight(page, "judge")
    assert_accessible(page, "judge")
    page.click("button:has-text('Checklist')")
    page.wait_for_selector("input[name=line-1]")
    assert_in_sight(page, "checklist")
    assert_accessible(page, "checklist")
    page.keyboard.press("Backspace")
    page.wait_for_selector("button:has-text('Not valid: go on without')")


def test_every_screen_is_accessible_and_offers_what_its_state_does(bench: Bench) -> None:
    page = bench.open_page()
    looks_at_the_start(page)
    begin(
        page, participant="PO1", protocol="fibromyalgia-visit", speed="1"
    )  # a ramp that lasts longer than any of this takes
    looks_at_the_placement(page, bench)
    looks_at_a_stopped_ramp(page, bench)
    page.keyboard.press("k")
    page.wait_for_selector("button:has-text('tip slipped')")
    assert_offers(page, "giving a reason")
    assert_in_sight(page, "reason")
    assert_accessible(page, "reason")
    page.keyboard.press("1")
    page.wait_for_selector("button:has-text('tip slipped')", state="detached")
    page.keyboard.press("p")
    page.wait_for_selector("button:has-text('Go on')")
    assert_offers(page, "paused")
    assert_in_sight(page, "paused")
    assert_accessible(page, "paused")
    page.keyboard.press("Enter")
    page.wait_for_selector("button:has-text('Shorten this rest')")
    assert_offers(page, "resting")
    assert_in_sight(page, "resting")
    assert_accessible(page, "resting")
    page.keyboard.press("!")
    page.wait_for_selector("h2:has-text('In the log')")
    assert_offers(page, "interrupted")
    assert_accessible(page, "finish")


def test_the_participant_sees_words_and_no_number(bench: Bench) -> None:
    page = bench.open_page()
    tab_to(page, "a[href='/participant']")
    with page.context.expect_page() as waiting:
        page.keyboard.press("Enter")
    view = waiting.value
    view.wait_for_selector(".scene")
    assert not NUMBER.search(view.inner_text("body"))
    assert_accessible(view, "participant")
    begin(page, speed="10")
    to_the_placement(page)
    page.wait_for_selector("header a[href='/participant'][target=_blank]")
    into_the_ramp(page)
    wait_for_text(view, "#scene-title", "Press the button")
    assert not NUMBER.search(view.inner_text("body"))
    page.wait_for_selector("button:has-text('Accept')")
    assert not NUMBER.search(view.inner_text("body"))
    view.keyboard.press("Escape")  # this window is no operator's: it stops nothing and counts for nothing
    assert phase(page) == "running"


def test_a_wrong_choice_begins_nothing_and_is_said_in_words(bench: Bench) -> None:
    page = bench.open_page()
    choose(page)
    page.wait_for_selector("button.main:not([disabled]):has-text('simulated')")
    assert page.text_content("header.simulated .what") == "SIMULATED"
    page.check("input[value=real]")
    wait_for_text(page, ".start", "This station is simulated, and you said that the visit is real")
    page.wait_for_selector("button.main[disabled]:has-text('REAL')")
    page.check("input[value=simulated]")
    for wrong in ("../P1", "Anna Müller", "P" * 33, "P01; DROP"):
        page.fill("input[name=participant]", "P01")
        page.wait_for_selector("button.main:not([disabled])")
        page.fill("input[name=participant]", wrong)
        wait_for_text(page, ".start", "letters, digits")
        page.wait_for_selector("button.main[disabled]")
    page.keyboard.press("Enter")
    assert phase(page) == "start"
    assert not bench.console.data.exists()

    # A stroke that never arrived: what the page shows is what counts, and a person has seen it.
    page.fill("input[name=participant]", "P0")
    page.wait_for_selector("button.main:not([disabled])")
    page.evaluate("document.querySelector('input[name=participant]').value = 'P07'")
    page.click("button.main:has-text('Begin the simulated visit')")
    wait_for_text(page, ".begin", "The form has just changed")
    assert not bench.console.data.exists()
    page.click("button.main:has-text('Begin the simulated visit')")
    page.wait_for_selector("body[data-phase=running]")
    (log,) = bench.console.logs()
    assert log.name.startswith("P07_")
