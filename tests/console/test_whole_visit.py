"""A whole visit on the page, by mouse, in a real browser."""

from pathlib import Path

from qst.record.reader import read_log
from qst.record.records import Decision, VisitOutcome
from tests.console.pages import begin, to_the_end
from tests.console.running import Console, chromium


def test_a_visit_by_mouse_from_pick_to_finish(tmp_path: Path) -> None:
    with Console(tmp_path / "data") as console, chromium(tmp_path / "profile") as browser:
        complaints: list[str] = []
        page = browser.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.goto(console.link)
        begin(page)
        assert page.text_content("header .what") == "SIMULATED"
        pressed = to_the_end(page)
        assert pressed.count("Start") == 4
        assert pressed.count("Accept") == 4
        page.wait_for_selector("h2:has-text('The visit is complete.')")
        assert "Heat pain threshold" in page.text_content("table")
        assert complaints == []
        (path,) = console.logs()
        log = read_log(path)
        assert log.verified
        assert log.outcome is VisitOutcome.COMPLETED
        assert log.header is not None
        assert (log.header.participant_id, log.header.operator_id, log.header.simulated) == ("P01", "op1", True)
        assert [record.decision for record in log.records if isinstance(record, Decision)] == ["accept"] * 4
        assert console.end() == 0
        assert "Traceback" not in console.errors
