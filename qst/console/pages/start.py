"""The start screen: choose a visit, see the checked plan, begin it, or go on with one that was interrupted."""

import functools
import re
from collections.abc import Callable, Hashable
from pathlib import Path

from nicegui import background_tasks, run

from qst.console.checking import Checked, check_choice
from qst.console.folder import OpenVisit, has_log, known_participants, lookalikes, next_visit, open_visits
from qst.console.pages.page import Page
from qst.console.pages.parts.elements import action, box, choice, field, text
from qst.console.pages.parts.lights import lights
from qst.console.pages.parts.plan import plan
from qst.rigs.earlier import begun_already
from qst.rigs.job import IDENTIFIER, INTENDED_USE, Manner, ResumeRequest, VisitRequest

#: As file names and logs have it.
SAFE_PARTICIPANT = re.compile(r"[A-Za-z0-9_-]{1,32}")
#: What stands in the form, by name, as the page shows it.
_SHOWN = (
    "Object.fromEntries([...document.querySelectorAll('.start :is(input, select)[name]')]"
    ".filter((one) => one.type !== 'radio' || one.checked).filter((one) => one.type !== 'checkbox')"
    ".map((one) => [one.name, one.value]))"
)
SPEEDS = {"1": "as in reality", "10": "10 times as fast", "60": "60 times as fast", "100": "100 times as fast"}


class StartScreen:
    """What the person has chosen so far.

    Args:
        page: the page that it is on.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._hub = page.hub
        offer = page.hub.offer
        self.protocol = offer.protocols[0]
        self.station = offer.stations[0]
        self.participant = ""
        self.visit = "1"
        self._visit_typed = False  # by hand; until then it is the one that comes next
        self.operator = offer.operator
        self.study = ""
        self.nature = ""  # "real" | "simulated": what the person says about this visit
        self.speed = "1"
        self._late = False  # whether something on the form had not arrived here when Begin was pressed
        self._another: tuple[str, str, str] | None = None  # participant, visit, protocol: a second log of it is meant
        if page.hub.refused is not None:
            self._fill_in(page.hub.refused)
        self._checked: Checked | None = None
        self._known: tuple[str, ...] = ()
        self._open: tuple[OpenVisit, ...] = ()

    def _fill_in(self, request: VisitRequest) -> None:
        """With what was chosen before."""
        self.protocol, self.station, self.study = request.protocol, request.station, request.study
        self.participant, self.operator = request.participant or "", request.operator or ""
        self.visit, self._visit_typed = str(request.visit), True
        self.nature, self.speed = "simulated" if request.simulated else "real", request.manner.speed

    def build(self) -> None:
        """Make the screen."""
        page = self._page
        self._take(None)
        with box("div", "start"):
            with box("section", "card", aria_label="The visit"):
                text("h2", "New visit")
                with box("div", "fields"):
                    self._fields()
                page.part(box("div", "begin"), self._begin_key, self._begin)
            with box("div"):
                page.part(box(), self._resumable_key, self._resumable)
                page.part(box(), self._lights_key, self._lights)
                page.part(box(), lambda: self._checked, lambda: plan(self._checked))
                text("p", INTENDED_USE, "faint")
        background_tasks.create(self._look())

    def _fields(self) -> None:
        page, offer = self._page, self._hub.offer
        choice("Protocol", offer.protocol_names(), self.protocol, self._set("protocol"), name="protocol")
        choice("Station", offer.station_names(), self.station, self._set("station"), name="station")
        hint = "letters, digits, - _"
        field("Participant (pseudonym)", self.participant, self._set("participant"), name="participant", hint=hint)
        page.part(box(), self._participant_key, self._participant_hints)
        page.part(box(), lambda: "" if self._visit_typed else self.visit, self._visit_number)
        page.part(box(), self._again_key, self._again)
        field("Operator", self.operator, self._set("operator"), name="operator")
        field("Study (optional)", self.study, self._set("study"), name="study")
        self._natures()
        page.part(box(), lambda: self.nature, self._speeds)

    def _set(self, name: str) -> Callable[[str], None]:
        def changed(value: str) -> None:
            setattr(self, name, value.strip())
            self._visit_typed = self._visit_typed or name == "visit"
            if name == "participant":
                self._propose()
            if name in ("protocol", "station"):
                self._hub.probes.forget()
                self._take(None)
                background_tasks.create(self._check())
            self._page.refresh()

        return changed

    async def _look(self) -> None:
        """What the data folder and the chosen files say, without holding the server up."""
        self._known = await run.io_bound(known_participants, self._hub.data) or ()
        await self._check()
        self._open = await run.io_bound(open_visits, self._hub.data) or ()
        self._propose()
        self._page.refresh()

    async def _check(self) -> None:
        wanted = (self.protocol, self.station)
        checked = await run.io_bound(check_choice, *wanted)
        if wanted == (self.protocol, self.station):
            self._take(checked)
            self._page.refresh()

    def _take(self, checked: Checked | None) -> None:
        self._checked = checked
        self._page.chosen_simulated = None if checked is None or checked.error else checked.simulated

    # -- who ------------------------------------------------------------------------------------------------------

    def _participant_key(self) -> Hashable:
        return (self.participant, self._known)

    def _participant_hints(self) -> None:
        similar = lookalikes(self.participant, self._known) if self.participant else ()
        if similar:
            text("p", f"Not known yet. Did you mean {', '.join(similar)}?", "hint", role="status")
        elif self.participant in self._known:
            number = next_visit(self._hub.data, self.participant)
            text("p", f"Known. The next visit would be number {number}.", "hint", role="status")

    def _propose(self) -> None:
        """The visit that is to go on, or the one that comes next, as long as nobody has typed another one."""
        if self._visit_typed:
            return
        begun = [one.visit for one in self._open if one.participant_id == self.participant and not one.simulated]
        following = next_visit(self._hub.data, self.participant) if self.participant in self._known else 1
        self.visit = str(begun[0] if begun else following)

    def _visit_number(self) -> None:
        field("Visit number", self.visit, self._set("visit"), name="visit")

    def _same(self) -> tuple[str, str, str] | None:
        """The visit that is chosen, if it has a log already and may be begun another time."""
        checked = self._checked
        if checked is None or self._who_wrong() or self._unfinished() is not None:
            return None
        same = self.participant, self.visit, checked.protocol_id
        return same if has_log(self._hub.data, self.participant, int(self.visit), checked.protocol_id) else None

    def _again_key(self) -> Hashable:
        return (self._same(), self._another)

    def _again(self) -> None:
        same = self._same()
        if same is not None:
            text("p", f"Visit {self.visit} of {self.participant} has a log already.", "hint", role="status")
            chosen = self._another == same
            action(f"{'✓ ' if chosen else ''}Begin another one", self._mean_another, kind="small", pressed=chosen)

    def _mean_another(self) -> None:
        same = self._same()
        self._another = None if self._another == same else same
        self._page.refresh()

    # -- real or simulated ----------------------------------------------------------------------------------------

    def _natures(self) -> None:
        with box("fieldset"):
            text("legend", "This visit is")
            for value, label in (("real", "real, with a participant"), ("simulated", "a simulation")):
                with box("label"):
                    one = box("input", type="radio", name="nature", value=value)
                    if value == self.nature:
                        one.props["checked"] = True
                    one.on("change", lambda _, value=value: self._set("nature")(value))
                    text("span", label)

    def _speeds(self) -> None:
        if self.nature == "simulated":
            choice("Time runs", SPEEDS, self.speed, self._set("speed"), name="speed")

    # -- begin ----------------------------------------------------------------------------------------------------

    def _missing(self) -> str:
        """What is still wrong, the first thing first; empty when the visit may begin."""
        checked = self._checked
        if checked is None:
            return "The plan is being checked."
        if not checked.ok:
            return "The plan cannot be run like this; see its problems."
        return self._nature_missing(checked) or self._who_missing()

    def _nature_missing(self, checked: Checked) -> str:
        if not self.nature:
            return "Say whether this visit is real or a simulation."
        if (self.nature == "simulated") != checked.simulated:
            kind = "simulated" if checked.simulated else "real"
            return f"This station is {kind}, and you said that the visit is {self.nature}. Choose what you mean."
        return ""

    def _who_missing(self) -> str:
        wrong, same = self._who_wrong() or self._begun_already(), self._same()
        if not wrong and same is not None and same != self._another:
            return (
                f"Visit {self.visit} of {self.participant} has a log already: resume it, or say that you begin another."
            )
        return wrong

    def _who_wrong(self) -> str:
        if not self.participant or not self.operator:
            return "Fill in participant and operator."
        if not SAFE_PARTICIPANT.fullmatch(self.participant) or not SAFE_PARTICIPANT.fullmatch(self.operator):
            return "Participant and operator are pseudonyms: 1 to 32 letters, digits, - or _ (A-Z, a-z, 0-9)."
        if not self.visit.isdecimal() or not 0 < int(self.visit) < 10_000:  # noqa: PLR2004 - as on the command line
            return "The visit number is a whole number from 1 on."
        if self.study and not IDENTIFIER.fullmatch(self.study):
            return "The study is an identifier, too: 1 to 32 letters, digits, - or _ (A-Z, a-z, 0-9)."
        return ""

    def _unfinished(self) -> OpenVisit | None:
        """The real visit of this number that did not come to its end; a simulated one may begin anew."""
        if self.nature != "real" or not self.visit.isdecimal():
            return None
        asked = (self.participant, int(self.visit))
        mine = (one for one in self._open if not one.simulated and (one.participant_id, one.visit) == asked)
        return next(mine, None)

    def _begun_already(self) -> str:
        visit = self._unfinished()
        if visit is None:
            return ""
        what = begun_already(Path(visit.log).name, visit.n_trials, visit.n_planned)
        return f"{what[0].upper()}{what[1:]}. Resume it, or give the visit another number."

    def _begin_key(self) -> Hashable:
        return (self._missing(), self._page.controls, self._late, self._may_resume())

    def _begin(self) -> None:
        missing = self._missing()
        if missing or self._late:
            text("p", missing or "The form has just changed. Look at it, and begin again.", "hint", role="status")
        visit = self._unfinished()
        if visit is not None and missing == self._begun_already():
            resume = functools.partial(self._resume, visit)
            action("Resume this visit", resume, kind="small", enabled=self._may_resume())
        label = "Begin the REAL visit" if self.nature == "real" else "Begin the simulated visit"
        action(
            label if self.nature else "Begin",
            self._go,
            key="Enter",
            kind="main",
            enabled=not missing and self._page.controls,
            gives=_SHOWN,
        )

    def _go(self, shown: dict[str, str]) -> None:
        """Begin, if what the page shows is what is known here: a lost stroke must not make somebody another person."""
        if not self._page.controls:
            return
        late = [name for name, value in shown.items() if value.strip() != getattr(self, name)]
        self._late = bool(late)
        for name in late:
            self._set(name)(shown[name])
        if late or self._missing():
            self._page.refresh()
            return
        self._hub.begin(
            VisitRequest(
                protocol=self.protocol,
                station=self.station,
                participant=self.participant,
                visit=int(self.visit),
                operator=self.operator,
                study=self.study,
                seed=self._hub.offer.seed if self.nature == "simulated" else None,
                data=str(self._hub.data),
                capture=self._hub.capture,
                manner=Manner(speed=self.speed if self.nature == "simulated" else "1"),
                simulated=self.nature == "simulated",
            )
        )

    # -- the instruments ------------------------------------------------------------------------------------------

    def _lights_key(self) -> Hashable:
        probes = self._hub.probes
        return (probes.running, probes.rows, probes.problem, self._page.controls)

    def _lights(self) -> None:
        probes = self._hub.probes
        with box("section", "card", aria_label="The instruments"):
            text("h2", "The instruments")
            lights(probes)
            ready = self._page.controls and not probes.running
            action("Test the instruments", self._probe, key="t", kind="small", enabled=ready)

    def _probe(self) -> None:
        if self._page.controls:
            self._hub.probes.start(self.station)

    # -- resuming -------------------------------------------------------------------------------------------------

    def _resumable_key(self) -> Hashable:
        return (self._open, self._may_resume())

    def _may_resume(self) -> bool:
        return self._page.controls and bool(IDENTIFIER.fullmatch(self.operator))

    def _resumable(self) -> None:
        if not self._open:
            return
        may = self._may_resume()
        with box("section", "card", aria_label="Interrupted visits"):
            text("h2", "Interrupted visits")
            if not may and self._page.controls:
                text("p", "Fill in the operator: who resumes a visit signs what follows.", "hint", role="status")
            for visit in self._open:
                with box("div", "row"):
                    text("span", _describe(visit))
                    action("Resume", functools.partial(self._resume, visit), kind="small", enabled=may)

    def _resume(self, visit: OpenVisit) -> None:
        if self._may_resume():
            speed = self.speed if visit.simulated else "1"
            self._hub.go_on(
                ResumeRequest(
                    log=visit.log,
                    operator=self.operator,
                    capture=self._hub.capture,
                    manner=Manner(speed=speed),
                )
            )


def _describe(visit: OpenVisit) -> str:
    kind = "simulated, " if visit.simulated else ""
    name = f"{visit.participant_id} · visit {visit.visit} · {visit.protocol_id}"
    return f"{name} ({kind}{visit.n_trials} of {visit.n_planned} trials)"


def start_screen(page: Page) -> None:
    """Build the start screen."""
    StartScreen(page).build()
