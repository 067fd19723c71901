"""One open page: its banner, its screen, and the pieces that follow the visit."""

from collections.abc import Callable, Hashable, Mapping

from nicegui import Client
from nicegui.element import Element

from qst.console import messages
from qst.console.hub import Hub
from qst.console.messages import Event
from qst.console.pages.parts.elements import action, box, text
from qst.console.pages.parts.part import Part
from qst.console.session_state import Phase

#: What changes many times a second goes by the live socket and builds nothing.
_RUNNING = (messages.Samples, messages.Pacing)


class Page:
    """A page of an operator.

    Args:
        hub: the console.
        client: NiceGUI's side of this page.
    """

    def __init__(self, hub: Hub, client: Client) -> None:
        self.hub = hub
        self.client = client
        self._parts: list[Part] = []
        self._screen: list[Part] = []
        self.chosen_simulated: bool | None = None  # the station that is chosen on the start screen; None: not checked

    @property
    def controls(self) -> bool:
        """Whether the person at this page decides."""
        return self.hub.views.controls(self.client.id)

    def build(self, screens: Mapping[Phase, Callable[["Page"], None]]) -> None:
        """Make the page; from now on it follows the hub."""
        self._head = box("header", "banner")
        self._parts.append(Part(self._head, self._banner_key, self._banner))
        frame = box("main")

        def screen() -> None:
            self._screen.clear()
            screens[self.hub.phase](self)

        self._parts.append(Part(frame, lambda: screens[self.hub.phase], screen))
        leave = self.hub.listen(self._heard)
        self.client.on_delete(leave)

    def part(self, holder: Element, key: Callable[[], Hashable], build: Callable[[], None]) -> None:
        """A piece of the present screen."""
        self._screen.append(Part(holder, key, build))

    def refresh(self) -> None:
        """Look at every piece again."""
        for part in self._parts:
            part.update()
        for part in tuple(self._screen):  # as it is now: another screen has other pieces
            part.update()

    def _heard(self, event: Event | None) -> None:
        if not isinstance(event, _RUNNING) and not self.client.is_deleted:
            self.refresh()

    # -- banner ---------------------------------------------------------------------------------------------------

    def _simulated(self) -> bool | None:
        """Whether simulators stand behind this page; None while nobody knows."""
        if self.hub.phase is Phase.START:
            return self.chosen_simulated
        return None if self.hub.visit is None else self.hub.visit.simulated

    def _banner_key(self) -> Hashable:
        visit = self.hub.visit
        ready = None if visit is None else visit.ready
        return (self.hub.phase, ready, self._simulated(), self.controls, self.hub.views.others())

    def _banner(self) -> None:
        visit, simulated = self.hub.visit, self._simulated()
        ready = None if visit is None else visit.ready
        self._head.classes(remove="simulated real")
        if simulated is not None:
            self._head.classes(add="simulated" if simulated else "real")
            text("span", "SIMULATED" if simulated else "REAL INSTRUMENTS", "what")
        title = "QST console" if ready is None else f"{ready.participant_id} · visit {ready.visit} · {ready.title}"
        text("h1", title)
        box("span", "space")
        if self.hub.phase is not Phase.ENDED:
            text("a", "Participant's window", "act small", href="/participant", target="_blank", rel="noopener")
        others = self.hub.views.others()
        if others:
            text("span", f"{others} further page{'s' if others > 1 else ''}")
        if self.controls:
            text("span", "this page decides")
        else:
            text("span", "this page only looks on; Stop works", "what")
            action("Take over", self._take_over, kind="small")

    def _take_over(self) -> None:
        self.hub.views.take_over(self.client.id)
        self.hub.changed()
