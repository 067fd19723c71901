"""The finish screen: how the visit ended, what it found, and what is missing."""

from pathlib import Path

from nicegui import background_tasks, run

from qst.console.downloads import HAND_OUTS, Aftermath, aftermath
from qst.console.messages import Finished, Ready, Refused
from qst.console.pages.page import Page
from qst.console.pages.parts.elements import action, box, text
from qst.console.pages.parts.now import trial_name
from qst.console.session_state import Mark, VisitState
from qst.record.records import Score, VisitOutcome
from qst.rigs.job import ResumeRequest
from qst.units import format_display

_LABELS = {
    Mark.DONE: "done",
    Mark.CENSORED: "at the cut-off",
    Mark.INVALID: "without a valid value",
    Mark.OPEN: "not done",
}
_ENDINGS = {
    VisitOutcome.COMPLETED: "The visit is complete.",
    VisitOutcome.INTERRUPTED: "The visit was interrupted. It can be resumed.",
    VisitOutcome.WITHDRAWN: "The participant has ended the visit.",
    VisitOutcome.FAILED: "The visit was ended by a failure. It can be resumed.",
}


class FinishScreen:
    """The end of a visit.

    Args:
        page: the page that it is on.
        visit: the visit that has ended.
    """

    def __init__(self, page: Page, visit: VisitState) -> None:
        self._page = page
        self._visit = visit
        self._aftermath: Aftermath | None = None

    def build(self) -> None:
        """Make the screen; what stands in the log follows."""
        visit = self._visit
        with box("div", "finish"):
            if visit.alarm is not None and visit.alarm.lasting:
                text("p", visit.alarm.text, "alarm", role="alert")  # an instrument may still be on the skin
            if visit.refused is not None:
                _refused(visit.refused)
            if visit.finished is not None:
                _finished(visit.finished)
            if visit.ready is not None:
                _completeness(visit, visit.ready)
            self._page.part(box(), lambda: self._aftermath, self._told)
            self._page.part(box(), lambda: self._page.controls, lambda: _leave(self._page, visit))
        if visit.log is not None:
            background_tasks.create(self._look(visit.log))

    async def _look(self, log: Path) -> None:
        self._aftermath = await run.io_bound(aftermath, log)
        self._page.refresh()

    def _told(self) -> None:
        found = self._aftermath
        if found is None:
            return
        with box("section", "card"):
            text("h2", "In the log")
            text("p", "The log is whole and verifies." if found.verified else "The log does not verify.")
            for title, lines in (
                ("Deviations from the protocol", found.deviations),
                ("Adverse events", found.adverse_events),
                ("Notes", found.notes),
            ):
                text("p", f"{title}: {len(lines) or 'none'}")
                if lines:
                    with box("ul", "remarks"):
                        for line in lines:
                            text("li", line)
            with box("div", "row"):
                for one in HAND_OUTS:
                    if one.available:
                        how = {"target": "_blank", "rel": "noopener"} if one.shown else {"download": ""}
                        text("a", one.title, "act small", href=f"/report/{one.name}", **how)


def finish_screen(page: Page) -> None:
    """Build the finish screen of the visit that has ended."""
    if page.hub.visit is not None:
        FinishScreen(page, page.hub.visit).build()


def _refused(refused: Refused) -> None:
    with box("section", "card"):
        text("h2", "The visit could not go on")
        text("p", f"{refused.code}: {refused.where + ': ' if refused.where else ''}{refused.what}", "problem")
        if refused.did:
            text("p", f"Done: {refused.did}")
        if refused.remedy:
            text("p", f"To do: {refused.remedy}")


def _finished(finished: Finished) -> None:
    with box("section", "card"):
        text("h2", _ENDINGS[finished.outcome])
        if finished.reason:
            text("p", finished.reason)
        with box("table", "plain"):
            with box("thead"), box("tr"):
                for title in ("summary value", "mean", "trials"):
                    text("th", title, scope="col")
            with box("tbody"):
                for score in finished.summary:
                    _score(score)
        text("p", f"Log: {finished.log}", "faint")


def _score(score: Score) -> None:
    mean = "no value" if score.mean_display is None else format_display(score.mean_display, score.display_unit)
    censored = f", {score.n_censored} at the cut-off and left out" if score.n_censored else ""
    with box("tr"):
        text("td", score.label)
        text("td", mean, "number")
        text("td", f"{score.n_valid} of {score.n_planned}{censored}")


def _completeness(visit: VisitState, ready: Ready) -> None:
    marked = {mark: [card for card in ready.trials if visit.mark(card) is mark] for mark in _LABELS}
    with box("section", "card"):
        text("h2", "Completeness")
        with box("div", "figures"):
            for mark, label in _LABELS.items():
                with box("div"):
                    text("b", str(len(marked[mark])))
                    text("span", label)
        for mark, cards in marked.items():
            if cards and mark is not Mark.DONE:
                places = ", ".join(f"{card.site_name} {card.side}".strip() + f" ({trial_name(card)})" for card in cards)
                text("p", f"{_LABELS[mark].capitalize()}: {places}.")


def _leave(page: Page, visit: VisitState) -> None:
    log = visit.ready.log if visit.ready is not None else ""
    if not page.controls:
        return
    resumable = bool(log) and (visit.finished is None or visit.finished.outcome in _RESUMABLE)
    with box("div", "row"):
        if resumable:
            action("Resume this visit", lambda: _resume(page, visit.ready), key="r")
        action("To the start screen", lambda: _start(page), key="Enter", kind="main")


_RESUMABLE = (VisitOutcome.INTERRUPTED, VisitOutcome.FAILED)


def _resume(page: Page, ready: Ready | None) -> None:
    if page.controls and ready is not None:
        # Whoever ran this part goes on signing, and not who began the visit once.
        operator, hub = ready.operator_id, page.hub
        hub.go_on(ResumeRequest(log=ready.log, operator=operator, capture=hub.capture, manner=hub.manner))


def _start(page: Page) -> None:
    if page.controls:
        page.hub.leave()
