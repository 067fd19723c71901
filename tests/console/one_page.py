"""A page without a browser: the screens' own elements on a hub whose engine is the test."""

import asyncio
import functools
import re
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast
from unittest import mock

from nicegui import Client, core, ui
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from qst.console.hub import Hub
from qst.console.messages import Alive, Asked, Command, Event, Ready, TrialCard
from qst.console.offer import make_offer
from qst.console.pages.finish import finish_screen
from qst.console.pages.page import Page
from qst.console.pages.run import run_screen
from qst.console.pages.start import start_screen
from qst.console.session_state import Phase, VisitState
from qst.rigs.job import ResumeRequest
from qst.visit.operator import Choice, PromptKind
from tests.console.engine import request

_SCREENS: dict[Phase, Callable[[Page], None]] = {
    Phase.START: start_screen,
    Phase.STARTING: run_screen,
    Phase.RUNNING: run_screen,
    Phase.ENDED: finish_screen,
}


def card(index: int, **changes: Any) -> TrialCard:
    """A trial at a tender point; ``changes`` make it another one."""
    return TrialCard(
        **{
            "sequence_index": index, "block": "b", "modality": "pressure", "site_code": "TRP", "site_name": "trapezius",
            "side": "R" if index % 2 else "L", "landmark": "midpoint", "posture": "seated", "repeat_index": 1,
            "is_practice": False, "start": 0.0, "cutoff": 588.0, "rate": 98.0, "rate_band": 0.25, "per_unit": 98.0665,
            "unit": "kg/cm²", "decimals": 1, "hand_held": True, "operator_read": False, "expected_end_s": 60.0 * index,
            **changes,
        }
    )  # fmt: skip


def ready(*cards: TrialCard, **changes: Any) -> Ready:
    """A visit of three trials."""
    return Ready(
        **{
            "title": "Test", "protocol_id": "test", "participant_id": "P01", "visit": 1, "operator_id": "op1",
            "station": "default", "simulated": True, "seed": 7, "log": "P01_visit-1_test.jsonl", "earlier_log": "",
            "button_key": "", "n_done": 0, "earlier": (), "trials": cards or (card(1), card(2), card(3, side="")), **changes,
        }
    )  # fmt: skip


def asked(kind: PromptKind, *choices: Choice, index: int | None = 1, **changes: Any) -> Asked:
    """A question as the engine asks it."""
    return Asked(
        **{
            "prompt_id": f"q-{kind.value}", "kind": kind, "text": "The text.", "read_aloud": "", "choices": choices,
            "suggested": choices[0], "sequence_index": index, "attempt": 1, **changes,
        }
    )  # fmt: skip


class _Engine:
    """Takes commands and gives them to the test."""

    def __init__(self, loop: object, heard: Callable[[Event], None], over: Callable[[int], None]) -> None:
        self.heard, self.over = heard, over
        self.sent: list[Command] = []
        self.signs_of_life = 0

    def send(self, command: Command) -> bool:
        if isinstance(command, Alive):
            self.signs_of_life += 1  # by the clock, whatever the test does
        else:
            self.sent.append(command)
        return True

    def hang_up(self) -> None:
        """Nobody is there."""

    def wait(self) -> bool:
        return True


class _Loop:
    """A loop in a thread of its own: in the test's thread a browser's may be running already."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._runner = self._thread.submit(asyncio.Runner).result()

    def run(self, deed: Coroutine[Any, Any, object]) -> None:
        self._thread.submit(self._runner.run, deed).result()

    def close(self) -> None:
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


class OnePage:
    """A page, and a second one that can be opened; everything is done in the server's loop."""

    def __init__(self, folder: Path, loop: _Loop) -> None:
        self._loop = loop
        self._within(lambda: setattr(core, "loop", asyncio.get_running_loop()))
        self.hub = Hub(folder, make_offer((), (), "op1"))
        self._within(lambda: self.hub.begin(request(folder)))
        self.engine = self.newest
        self.client = self.open("first")
        self.engine.sent.clear()

    def _within(self, deed: Callable[[], object]) -> None:
        async def do() -> None:
            deed()

        self._loop.run(do())

    def resume(self, request: ResumeRequest) -> Self:
        """As whoever calls the hub."""
        self._within(lambda: self.hub.go_on(request))
        return self

    def lives_for(self, seconds: float) -> Self:
        """Its loop runs."""
        self._loop.run(asyncio.sleep(seconds))
        return self

    def open(self, key: str) -> Client:
        """Another page."""
        client = Client(ui.page("/"))
        self.hub.views.attach(key, client.id)

        def build() -> None:
            with client:
                Page(self.hub, client).build(_SCREENS)

        self._within(build)
        return client

    @property
    def visit(self) -> VisitState:
        assert self.hub.visit is not None
        return self.hub.visit

    @property
    def newest(self) -> "_Engine":
        """The engine that was started last."""
        return cast("_Engine", self.hub._engine)

    @property
    def sent(self) -> list[Command]:
        """What the engine was told."""
        return self.engine.sent

    def hear(self, *events: Event) -> Self:
        """The engine says something."""
        for event in events:
            self._within(functools.partial(self.engine.heard, event))
        return self

    def newest_says(self, *events: Event) -> Self:
        """The engine that was started last says something."""
        for event in events:
            self._within(functools.partial(self.newest.heard, event))
        return self

    def engine_dies(self) -> Self:
        """Its process ends."""
        self._within(lambda: self.engine.over(-9))
        return self

    # -- what is on the page --------------------------------------------------------------------------------------

    def controls(self, client: Client | None = None) -> dict[str, Element]:
        """Buttons by their label."""
        found = [one for one in (client or self.client).elements.values() if one.tag == "button"]
        return {_label(one): one for one in found}

    def windows(self) -> dict[str, str]:
        """What opens in a window of its own: label and address."""
        found = [one for one in self.client.elements.values() if one.tag == "a" and one.props.get("target") == "_blank"]
        return {str(getattr(one, "text", "")): one.props["href"] for one in found}

    def enter(self, name: str, text: str) -> Self:
        """Type a text into the line of this name, or choose it there."""
        (line,) = [one for one in self.client.elements.values() if one.props.get("name") == name]
        return self._fire(line, "change" if line.tag == "select" else "input", text)

    def choose(self, name: str, value: str) -> Self:
        """Tick one of several."""
        marks = [one for one in self.client.elements.values() if one.props.get("name") == name]
        (mark,) = [one for one in marks if one.props.get("value") == value]
        return self._fire(mark, "change", None)

    def lines(self) -> list[Element]:
        """What can be typed into."""
        return [one for one in self.client.elements.values() if one.tag == "input"]

    def shown(self, client: Client | None = None) -> dict[str, bool]:
        """Label of each button, and whether it can be used."""
        return {label: not one.props.get("disabled") for label, one in self.controls(client).items()}

    def words(self) -> str:
        """All texts."""
        texts = (getattr(one, "text", "") for one in self.client.elements.values())
        return "\n".join(text for text in texts if text)

    def keys(self) -> dict[str, str]:
        """Label of each button by its key."""
        return {one.props["data-key"]: label for label, one in self.controls().items() if "data-key" in one.props}

    # -- what somebody does ---------------------------------------------------------------------------------------

    def click(self, label: str, client: Client | None = None) -> Self:
        """Press a button; one that is disabled is not pressed."""
        button = self.controls(client)[label]
        if not button.props.get("disabled"):
            self._fire(button, "click", {})
        return self

    def fill(self, line: Element, text: str) -> Self:
        """Type a text into a line, and Enter."""
        self._fire(line, "input", text)
        return self._fire(line, "keydown", text)

    def _fire(self, element: Element, kind: str, argument: object) -> Self:
        for listener in list(element._event_listeners.values()):
            handler = listener.handler
            if listener.type == kind and handler is not None:
                event = GenericEventArguments(sender=element, client=element.client, args=argument)
                self._within(functools.partial(handler, event))
        return self


def _label(button: Element) -> str:
    return next((str(getattr(one, "text", "")) for one in button.default_slot.children), "")


@contextmanager
def one_page(folder: Path) -> Iterator[OnePage]:
    """A page in a loop of its own."""
    before, loop = core.loop, _Loop()
    try:
        with mock.patch("qst.console.hub.EngineClient", _Engine):
            yield OnePage(folder, loop)
    finally:
        loop.close()
        core.loop = before


def documented() -> dict[str, tuple[str, ...]]:
    """The table of docs/console.md: what each state offers."""
    text = (Path(__file__).parents[2] / "docs" / "console.md").read_text(encoding="utf-8")
    section = text.partition("### What can be done when")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \|(.*)\|$", section, re.MULTILINE)
    offered = {state: tuple(one.strip() for one in cell.split(",") if one.strip()) for state, cell in rows}
    offered.pop("state")
    return offered
