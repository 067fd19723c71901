"""The run screen: what to do now, where, what was measured, and what is to become of it."""

import functools
from collections.abc import Hashable

from nicegui import ui

from qst.console.messages import Asked
from qst.console.pages.page import Page
from qst.console.pages.parts.bodymap import LEGEND, body_map, points
from qst.console.pages.parts.drafts import CHECKLIST, REASONS, REST_REASONS, SKIN, Draft, ask
from qst.console.pages.parts.elements import action, box, text, typed
from qst.console.pages.parts.now import SIDE_WORDS, instruction, side_words, trial_name
from qst.console.session_state import Mark, Phase, VisitState
from qst.visit.operator import Choice, PromptKind


class RunScreen:
    """Everything between the first and the last trial.

    Args:
        page: the page that it is on.
        visit: the visit that runs.
    """

    def __init__(self, page: Page, visit: VisitState) -> None:
        self._page = page
        self._hub = page.hub
        self._visit = visit
        self._draft: Draft | None = None
        self._wrong_side = ""
        self._values_shown = False

    def build(self) -> None:
        """Make the screen."""
        page = self._page
        with box("div", "run"):
            with box("section", "card do", aria_label="What to do now"):
                page.part(box("div", aria_live="polite"), self._where_key, self._where)
                text("p", "", "alarm", id="alarm", role="alert")
                text("p", "", "warned", id="stop-seen", role="status")
                text("p", "", "problem", id="unwatched", role="alert")
                page.part(box("div", "answers"), self._draft_key, self._question)
            with box("section", "card measured", aria_label="Measured now"):
                self._measured()
                page.part(box(), self._remarks_key, self._remarks)
            with box("section", "card map", aria_label="Body map and progress"):
                page.part(box(), self._times_key, self._times)
                page.part(box(), self._map_key, self._map)

    # -- left: where we are ---------------------------------------------------------------------------------------

    def _marks(self) -> tuple[Mark, ...]:
        ready = self._visit.ready
        return () if ready is None else tuple(self._visit.mark(card) for card in ready.trials)

    def _map_key(self) -> Hashable:
        return (self._marks(), self._values_shown)

    def _map(self) -> None:
        visit, marks = self._visit, self._marks()
        if visit.ready is None:
            return
        settled = sum(mark not in (Mark.OPEN, Mark.CURRENT) for mark in marks)
        text("p", f"{settled} of {visit.n_trials} trials done", "progress")
        ui.html(body_map(points(visit.ready.trials, marks)), sanitize=False)
        text("p", LEGEND, "key")
        action(
            "Hide earlier values" if self._values_shown else "Show earlier values",
            self._toggle_values,
            kind="small",
            pressed=self._values_shown,
        )
        if self._values_shown:
            self._values()

    def _times_key(self) -> Hashable:
        return (int(self._visit.elapsed_s // 60), round(self._visit.left_s / 60))

    def _times(self) -> None:
        visit, budget = self._visit, self._hub.budget_min
        elapsed, left = int(visit.elapsed_s // 60), round(visit.left_s / 60)
        text("p", f"{elapsed} of {budget} min, about {left} min left", "faint")
        over = visit.elapsed_s / 60 + visit.left_s / 60 - budget
        if over >= 1:
            text("p", f"That is about {over:.0f} min too long.", "warned")

    def _toggle_values(self) -> None:
        self._values_shown = not self._values_shown
        self._page.refresh()

    def _values(self) -> None:
        with box("table", "plain"), box("tbody"):
            for index, result in self._visit.results.items():
                card = self._visit.card(index)
                if card is not None:
                    with box("tr"):
                        text("td", f"{card.site_name} {card.side}")
                        text("td", result.text)

    # -- middle: what to do ---------------------------------------------------------------------------------------

    def _where_key(self) -> Hashable:
        visit = self._visit
        return (instruction(visit), visit.current, visit.prompt, visit.last, visit.attempt_runs)

    def _where(self) -> None:
        visit = self._visit
        text("p", instruction(visit), "now")
        card = visit.current
        if card is not None:
            with box("div", "where detail"):
                with box("span"):
                    if card.side:
                        text("span", "participant's ", "whose")
                    text("span", SIDE_WORDS.get(card.side, "in the middle"), "side")
                text("span", card.site_name, "site")
            text("p", "; ".join(filter(None, (card.landmark, card.posture))), "faint detail")
            again = f", attempt {visit.attempt}" if visit.attempt > 1 and visit.attempt_runs else ""
            text("p", f"{trial_name(card)}{again}", "faint detail")
        if visit.prompt is not None:
            self._prompt_text(visit.prompt)

    def _prompt_text(self, prompt: Asked) -> None:
        if prompt.read_aloud:
            with box("div", "aloud detail"):
                first, *more = prompt.read_aloud.split("\n\n")
                with box("p"):
                    text("b", "Read aloud: ")
                    text("span", first)
                for paragraph in more:
                    text("p", paragraph)
        if prompt.kind in (PromptKind.JUDGE, PromptKind.FAULT):
            text("p", prompt.text, "result warned" if self._flagged(prompt) else "result")
            if prompt.sequence_index == self._visit.n_trials:
                text("p", "The last trial. Look at the skin before you go on, and note any mark.")
        elif prompt.kind in (PromptKind.SET_UP, PromptKind.ENTER_VALUE, PromptKind.UNFINISHED):
            text("p", prompt.text)

    def _flagged(self, prompt: Asked) -> bool:
        """Whether the ramp that is asked about was too fast or too slow; the text says so."""
        last = self._visit.last
        if last is None or (last.sequence_index, last.attempt) != (prompt.sequence_index, prompt.attempt):
            return False
        return last.rate_flag != ""

    # -- middle: what can be answered -----------------------------------------------------------------------------

    def _draft_key(self) -> Hashable:
        visit, draft = self._visit, self._draft
        resting = visit.rest_left_s > 0
        if draft is not None and (draft.prompt_id not in ("", self._prompt_id) or (draft.of_rest and not resting)):
            self._draft = None  # what it was to answer is no question any more
        if self._draft is not None:
            return (self._draft, self._page.controls)  # what is being typed outlives whatever else happens
        return (
            visit.prompt, visit.answering, visit.side_confirmed, self._wrong_side, self._draft, self._page.controls,
            resting, visit.phase, visit.read_aloud,
        )  # fmt: skip

    def _question(self) -> None:
        if not self._page.controls:
            text("p", "Another page decides. Take over to answer from here.", "faint")
        elif self._draft is not None:
            ask(self._draft, self._drafted, self._undraft)
        elif self._visit.prompt is not None and not self._visit.answering:
            self._answers(self._visit.prompt)
        elif self._visit.rest_left_s > 0:
            action("Shorten this rest", self._shorten, key=".", kind="small", opens=True)

    def _answers(self, prompt: Asked) -> None:
        with box("div", "row"):
            match prompt.kind:
                case PromptKind.PLACE:
                    self._placing()
                case PromptKind.ENTER_VALUE:
                    typed("Value on the gauge, with its unit", self._entered, name="value", hint="such as 4.2 kg")
                    action("No value", lambda: self._with_reason(Choice.SKIP, "no value"), kind="small", opens=True)
                case _:
                    self._choices(prompt)

    def _placing(self) -> None:
        visit = self._visit
        if visit.current is None:
            return
        if visit.prompt is not None and visit.prompt.read_aloud:
            sign = "✓ " if visit.read_aloud else ""
            action(f"{sign}Text read aloud", self._tick, key="t", pressed=visit.read_aloud)
        if visit.current.side:
            for side, key in (("R", "r"), ("L", "l")):
                chosen = visit.side_confirmed and side == visit.current.side
                action(
                    f"It is on the {SIDE_WORDS[side]}",
                    functools.partial(self._side, side),
                    key=key,
                    kind="chosen" if chosen else "",
                    pressed=chosen,
                )
        else:
            action("It is in place", lambda: self._side(""), key="m", kind="chosen" if visit.side_confirmed else "")
        action("Start", lambda: self._answer(Choice.OK), key="Enter", kind="main", enabled=visit.side_confirmed)
        if self._wrong_side:
            text("p", self._wrong_side, "problem", role="alert")

    def _choices(self, prompt: Asked) -> None:
        for choice in prompt.choices:
            match choice:
                case Choice.OK:
                    label = "Go on" if prompt.kind is PromptKind.PAUSED else "Done"
                    action(label, lambda: self._answer(Choice.OK), key="Enter", kind="main")
                case Choice.ACCEPT:
                    action("Accept", lambda: self._answer(Choice.ACCEPT), key="Enter", kind="main")
                case Choice.REPEAT:
                    action("Not valid: repeat", lambda: self._with_reason(Choice.REPEAT, "repeat"), key="r", opens=True)
                case Choice.SKIP:
                    action(
                        "Not valid: go on without",
                        lambda: self._with_reason(Choice.SKIP, "go on without"),
                        key="k",
                        opens=True,
                    )
                case Choice.END:
                    action("End the visit", self._end, key="x")

    # -- texts ----------------------------------------------------------------------------------------------------

    def _drafted(self, what: str) -> None:
        draft, self._draft = self._draft, None
        if draft is not None and self._page.controls:
            draft.done(what)
        self._page.refresh()

    def _undraft(self) -> None:
        self._draft = None
        self._page.refresh()

    def _ask(self, draft: Draft) -> None:
        if self._page.controls:
            self._draft = draft
            self._page.refresh()

    @property
    def _prompt_id(self) -> str:
        return "" if self._visit.prompt is None else self._visit.prompt.prompt_id

    # -- deeds ----------------------------------------------------------------------------------------------------

    def _side(self, side: str) -> None:
        if not self._page.controls:
            return
        right = self._hub.confirm_side(side)
        card = self._visit.current
        self._wrong_side = "" if right or card is None else f"This trial is on the {side_words(card)}."
        self._page.refresh()

    def _tick(self) -> None:
        if self._page.controls:
            self._hub.tick_read_aloud()

    def _answer(self, choice: Choice, *, typed_text: str = "", reason: str = "") -> None:
        if self._page.controls:
            self._wrong_side = ""
            self._hub.answer(choice, text=typed_text, reason=reason)

    def _entered(self, value: str) -> None:
        self._answer(Choice.OK, typed_text=value)

    def _with_reason(self, choice: Choice, what: str) -> None:
        label = f"Reason ({what}):"
        self._ask(Draft(label, REASONS, lambda reason: self._answer(choice, reason=reason), self._prompt_id))

    def _end(self) -> None:
        label = "End the visit here? It can be resumed later."
        self._ask(Draft(label, ("yes",), lambda _: self._answer(Choice.END), self._prompt_id, only_presets=True))

    def _shorten(self) -> None:
        self._ask(Draft("Reason for a shorter rest:", REST_REASONS, self._hub.skip_rest, of_rest=True))

    def _note(self, label: str, presets: tuple[str, ...] = (), prefix: str = "", lines: tuple[str, ...] = ()) -> None:
        self._ask(Draft(label, presets, lambda what: self._hub.note(f"{prefix}{what}", adverse=False), lines=lines))

    def _adverse(self) -> None:
        self._ask(Draft("Adverse event:", (), lambda what: self._hub.note(what, adverse=True)))

    # -- right: what is measured ----------------------------------------------------------------------------------

    def _measured(self) -> None:
        text("p", "", "faint", id="state")
        text("p", "", "value", id="value", role="group", aria_label="Value now")
        box("canvas", id="trace", role="img", aria_label="Trace with cut-off, target and response")
        with box("div", id="rest").props("hidden"):
            text("span", "Rest: still")
            text("span", "", id="rest-left")
        with box("div", id="rate").props("hidden"):
            with box("div", "ratebar", aria_hidden="true"):
                box("span", id="rate-band")
                box("span", id="rate-needle")
            text("p", "", id="rate-word", role="status")
        with box("div", id="pace").props("hidden"):
            text("span", "After ")
            text("span", "", id="pace-elapsed")
            text("span", " the gauge should show")
            text("p", "", id="pace-expected")
        with box("div", "row"):
            self._page.part(box("div", "row"), self._writing_key, self._writing)
            with box("button", "act small", type="button", id="sound"):
                text("span", "Sound")

    def _writing_key(self) -> bool:
        return self._page.controls and self._visit.phase is Phase.RUNNING

    def _writing(self) -> None:
        if self._writing_key():
            action("Note", lambda: self._note("Note:"), key="n", kind="small", opens=True)
            action("Adverse event", self._adverse, key="a", kind="small", opens=True)
            action("Skin check", lambda: self._note("Skin check:", SKIN, "skin check: "), kind="small", opens=True)
            action(
                "Checklist",
                lambda: self._note("Before the visit:", (), "checklist: ", CHECKLIST),
                kind="small",
                opens=True,
            )

    def _remarks_key(self) -> Hashable:
        return tuple(self._visit.remarks)

    def _remarks(self) -> None:
        if self._visit.remarks:
            with box("ul", "remarks", aria_label="Remarks"):
                for remark in reversed(self._visit.remarks):
                    text("li", remark)


def run_screen(page: Page) -> None:
    """Build the run screen of the visit that runs."""
    if page.hub.visit is not None and page.hub.phase in (Phase.STARTING, Phase.RUNNING):
        RunScreen(page, page.hub.visit).build()
