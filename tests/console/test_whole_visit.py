"""Whole visits on the page in a real browser: by mouse, and by keyboard alone."""

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from qst.console.hub import NOT_READ_ALOUD
from qst.record.reader import read_log
from qst.record.records import Answer, Decision, VisitOutcome
from tests.bench.test_begun_again import PROTOCOL, STATION
from tests.bench.test_begun_again import begin as begin_a_real_visit
from tests.console.conftest import Bench
from tests.console.pages import SPEED, begin, next_question, tab_to, to_the_end
from tests.console.running import PATIENCE_S, Console


def assert_complete(bench: Bench, page: Any) -> None:
    page.wait_for_selector("h2:has-text('The visit is complete.')")
    assert "Heat pain threshold" in page.text_content("table")
    assert bench.complaints == []
    (path,) = bench.console.logs()
    log = read_log(path)
    assert log.verified
    assert log.outcome is VisitOutcome.COMPLETED
    assert log.header is not None
    assert (log.header.participant_id, log.header.operator_id, log.header.simulated) == ("P01", "op1", True)
    assert [record.decision for record in log.records if isinstance(record, Decision)] == ["accept"] * 4


def assert_hands_out(bench: Bench, page: Any) -> None:
    """Report, tables and log, on the spot."""
    page.wait_for_selector("h2:has-text('In the log')")
    contents = {}
    for name in ("Report as a file", "Table of all attempts", "Tables (Excel)", "The log itself"):
        with page.expect_download() as waiting:
            page.click(f"a:has-text('{name}')")
        contents[waiting.value.suggested_filename] = Path(waiting.value.path()).read_bytes()
    stem = "P01_visit-1_demo-quick"
    assert set(contents) == {f"{stem}.html", f"{stem}_trials.csv", f"{stem}_trials.xlsx", f"{stem}.jsonl"}
    (log,) = bench.console.logs()
    assert contents[f"{stem}.jsonl"] == log.read_bytes()
    assert contents[f"{stem}_trials.csv"].decode("utf-8").count("\n") == 5
    workbook = openpyxl.load_workbook(io.BytesIO(contents[f"{stem}_trials.xlsx"]), read_only=True)
    assert next(workbook["trials"].iter_rows())[0].value == "schema_version"
    with page.context.expect_page() as waiting:
        page.click("a:text-is('Report')")
    report = waiting.value
    report.wait_for_selector("body")
    assert "SIMULATED" in report.inner_text("body")
    assert "Pressure pain threshold of 2 points" in report.inner_text("body")
    assert report.evaluate("[...document.images].every((one) => one.naturalWidth > 0)")
    assert page.request.get(f"{bench.console.address}/report/anything.html").status == 404


def test_a_visit_by_mouse_from_pick_to_finish(bench: Bench) -> None:
    page = bench.open_page()
    begin(page)
    assert page.text_content("header .what") == "SIMULATED"
    pressed = to_the_end(page)
    assert pressed.count("Start") == 4
    assert pressed.count("Accept") == 4
    assert_complete(bench, page)
    assert_hands_out(bench, page)
    assert bench.console.end() == 0


@pytest.mark.nightly
def test_the_fibromyalgia_visit_by_mouse(bench: Bench) -> None:
    """Practice, three heat and three cold trials in alternation, eighteen tender points."""
    page = bench.open_page()
    begin(page, protocol="fibromyalgia-visit", speed="100")
    pressed = to_the_end(page)
    assert pressed.count("Start") == 27
    page.wait_for_selector("h2:has-text('In the log')")
    assert "The log is whole and verifies." in page.text_content(".finish")
    table = page.text_content("table")
    for score in ("Heat pain threshold", "Cold pain threshold", "18 of 18"):
        assert score in table
    assert bench.complaints == []
    (path,) = bench.console.logs()
    log = read_log(path)
    assert log.outcome is VisitOutcome.COMPLETED
    assert len({trial.sequence_index for trial in log.trials}) == 27
    aloud = [record.reason for record in log.records if isinstance(record, Answer) and record.reason]
    assert aloud.count(NOT_READ_ALOUD) == 3


def test_a_visit_by_keyboard_alone(bench: Bench) -> None:
    page = bench.open_page()
    keys = page.keyboard
    tab_to(page, "select[name=protocol]")
    keys.type("demo")
    tab_to(page, "input[name=participant]")
    keys.type("P01")
    tab_to(page, "input[name=operator]")
    keys.type("op1")
    tab_to(page, "input[name=nature]")
    keys.press("ArrowDown")
    tab_to(page, "select[name=speed]")
    keys.type(SPEED)
    tab_to(page, "button.main:not([disabled])")
    keys.press("Enter")
    page.wait_for_selector("body[data-phase=running]")
    while (label := next_question(page)) != "ended":
        if label == "Start":
            keys.press("r" if page.text_content(".where .side") == "RIGHT" else "l")
            page.wait_for_selector("button.main:has-text('Start'):not([disabled])")
        keys.press("Enter")
        page.wait_for_function(
            "label => document.querySelector('section button.act.main > span')?.textContent !== label", arg=label
        )
    assert_complete(bench, page)


# -- beginning anew ----------------------------------------------------------------------------------------------------


def test_the_start_screen_does_not_begin_a_real_visit_anew_and_offers_to_resume(browser: Any, tmp_path: Path) -> None:
    station = tmp_path / "room.yaml"
    station.write_text(STATION, encoding="utf-8")
    path = begin_a_real_visit(tmp_path)
    with Console(tmp_path / "data", "--station", str(station), "--protocol", str(PROTOCOL)) as console:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        page.goto(console.link)
        page.wait_for_selector("header.banner")
        page.fill("input[name=operator]", "op")
        page.check("input[value=real]")
        page.fill("input[name=participant]", "P02")
        page.wait_for_selector("button.main:has-text('Begin the REAL visit'):not([disabled])")
        page.fill("input[name=participant]", "P01")
        page.wait_for_selector(f"p.hint:has-text('This visit was begun already'):has-text('{path.name}')")
        assert page.is_disabled("button.main:has-text('Begin the REAL visit')")
        assert page.is_enabled("button:has-text('Resume this visit')")
        page.fill("input[name=visit]", "2")
        page.wait_for_selector("button.main:has-text('Begin the REAL visit'):not([disabled])")
        assert not page.is_visible("button:has-text('Resume this visit')")
        page.close()
