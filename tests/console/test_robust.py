"""Reload, second tab, closed browser, blocked page, dead engine: none of them touches the stop path."""

import os
import signal
from typing import Any

import pytest

from qst.clock import RealClock
from qst.record.reader import read_log
from qst.record.records import Note, Pause, Stop, VisitOutcome
from qst.record.visit_log import VisitLog
from tests.console.conftest import Bench
from tests.console.pages import SPEED, begin, into_the_ramp, phase, place, to_the_end, to_the_placement, wait_for_text
from tests.console.running import PATIENCE_S, mortal_page

#: Keeps the page's JavaScript busy for so many seconds.
BLOCK = "(seconds) => { const until = performance.now() + 1000 * seconds; while (performance.now() < until); }"


def the_log(bench: Bench) -> VisitLog:
    (path,) = bench.console.logs()
    return read_log(path)


def until(found: Any) -> None:
    """Wait until something is true that no page shows."""
    clock = RealClock()
    while not found():
        assert clock.monotonic() < PATIENCE_S
        clock.sleep(0.1)


def stops(bench: Bench) -> list[str]:
    return [record.cause for record in the_log(bench).records if isinstance(record, Stop)]


def test_stop_by_button_and_by_key_asks_nothing_and_works_while_a_text_is_typed(bench: Bench) -> None:
    page = bench.open_page()
    begin(page, speed="10")
    into_the_ramp(page)
    page.click("#stopbar [data-stop=operator_stop]")
    wait_for_text(page, ".result", "operator stop")
    assert stops(bench) == ["operator_stop"]
    assert page.query_selector("button:has-text('Accept')") is None
    page.click("button:has-text('Not valid: repeat')")
    page.click("button:has-text('disturbed')")
    to_the_placement(page)
    place(page)
    page.wait_for_selector("body[data-state=ramp]")
    page.keyboard.press("n")
    page.wait_for_selector("input[name=reason]")
    page.keyboard.type("she said so")
    page.keyboard.press("Escape")
    wait_for_text(page, ".result", "operator stop")
    assert page.input_value("input[name=reason]") == "she said so"
    assert stops(bench) == ["operator_stop", "operator_stop"]


def test_a_visit_goes_on_after_an_emergency_stop_and_after_its_engine_died(bench: Bench) -> None:
    page = bench.open_page()
    begin(page, speed="10")
    into_the_ramp(page)
    page.keyboard.press("!")
    page.wait_for_selector("h2:has-text('It can be resumed')")
    assert stops(bench) == ["estop"]
    page.click("button:has-text('Resume this visit')")
    repeat_the_unfinished(page)
    into_the_ramp(page)
    os.kill(bench.console.engine_pid(), signal.SIGKILL)
    wait_for_text(page, ".finish", "Take the instruments off the participant")
    page.click("button:has-text('To the start screen')")
    page.wait_for_selector("h2:has-text('Interrupted visits')")
    page.check("input[value=simulated]")
    page.select_option("select[name=speed]", SPEED)
    page.fill("input[name=operator]", "op1")
    page.click("button:has-text('Resume'):not([disabled])")
    repeat_the_unfinished(page)
    to_the_end(page)
    assert the_log(bench).outcome is VisitOutcome.COMPLETED


def repeat_the_unfinished(page: Any) -> None:
    """Set up again, and decide to repeat the attempt that came to nothing."""
    page.wait_for_selector("body[data-phase=running]")
    page.click("button.main:has-text('Done')")
    page.wait_for_selector("button:has-text('Not valid: repeat')")
    page.keyboard.press("r")
    page.click("button:has-text('disturbed')")


def test_reload_in_a_ramp_changes_nothing(bench: Bench) -> None:
    page = bench.open_page()
    begin(page, speed="10")
    into_the_ramp(page)
    page.reload()
    page.wait_for_selector("button.main:has-text('Accept')")
    assert "this page decides" in page.text_content("header")
    assert stops(bench) == []
    (attempt,) = the_log(bench).attempts
    assert attempt.trial is not None
    assert attempt.trial.outcome == "response"


def test_a_second_tab_only_looks_on_until_it_takes_over(bench: Bench) -> None:
    first, second = bench.open_page(), bench.open_page()
    begin(first, speed="10")
    to_the_placement(first)
    second.wait_for_selector("button:has-text('Take over')")
    assert second.query_selector("button:has-text('Start')") is None
    second.click("button:has-text('Take over')")
    second.wait_for_selector("button:has-text('Start')")
    first.wait_for_selector("button:has-text('Take over')")
    assert first.query_selector("button:has-text('Start')") is None
    into_the_ramp(second)
    first.keyboard.press("Escape")  # whoever sees danger stops
    wait_for_text(second, ".result", "operator stop")


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "closed"])
def test_a_closed_browser_in_a_ramp_makes_safe_and_pauses_and_says_so(bench: Bench, browser: Any, killed: bool) -> None:
    """One whose page is closed says goodbye; one whose process is killed, or crashes, says nothing."""
    with mortal_page(browser, bench.console.new_link()) as (page, process):
        begin(page, speed="1")
        into_the_ramp(page)
        if killed:
            os.kill(process, signal.SIGKILL)
        else:
            page.close()
        until(lambda: stops(bench) == ["operator_stop"])
    page = bench.open_page()
    assert phase(page) in ("", "running")
    wait_for_text(page, "#unwatched", "The visit has made itself safe and pauses")
    page.click("button:has-text('Not valid: repeat')")
    page.click("button:has-text('disturbed')")
    wait_for_text(page, ".now", "The visit is paused")
    log = the_log(bench)
    assert [record.paused for record in log.records if isinstance(record, Pause)] == [True]
    assert any("the last page of the operator was closed" in r.text for r in log.records if isinstance(r, Note))


@pytest.mark.parametrize("seconds", [2.5, pytest.param(10.0, marks=pytest.mark.nightly)])
def test_a_page_that_is_blocked_touches_nothing(bench: Bench, seconds: float) -> None:
    """That ten seconds of it do not count as gone is proved without waiting in test_views."""
    page = bench.open_page()
    begin(page, speed="1" if seconds > 5 else "10")
    into_the_ramp(page)
    page.keyboard.press("n")
    page.wait_for_selector("input[name=reason]")
    page.keyboard.type("half a sentence")
    page.evaluate(BLOCK, seconds)
    wait_for_text(page, ".now", "Judge this attempt.")
    assert page.input_value("input[name=reason]") == "half a sentence"
    page.click("button:has-text('Back')")
    page.wait_for_selector("button.main:has-text('Accept')")
    assert stops(bench) == []
    assert page.text_content("#unwatched") == ""


def test_a_killed_console_leaves_a_visit_that_ended_safely(bench: Bench) -> None:
    page = bench.open_page()
    begin(page, speed="10")
    into_the_ramp(page)
    bench.console.kill()
    until(lambda: the_log(bench).ended)
    assert stops(bench) == ["console_lost"]
    assert the_log(bench).outcome is VisitOutcome.INTERRUPTED
    page.wait_for_selector("#line:has-text('No connection to the console')")
    line, banner, bar = (page.locator(one).bounding_box() for one in ("#line", "header.banner", "#stopbar"))
    assert banner["y"] + banner["height"] <= line["y"]
    assert line["y"] + line["height"] <= bar["y"]
    bench.complaints.clear()
