"""The middle of the console: one visit, one engine, the views that look on, and who of them decides.

The hub lives in the server's loop. Pages attach and go; the hub keeps the last state for whoever comes. Every operator
view may stop; only the one that controls may do anything else. When the last operator view is gone the engine is told:
it ends what runs on the skin, and the visit waits.
"""

import asyncio
import functools
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from qst.abort import AbortCause
from qst.clock import RealClock
from qst.console import messages
from qst.console.engine_client import EngineClient
from qst.console.heartbeat import SIGN_S
from qst.console.messages import Command, Event
from qst.console.offer import Offer
from qst.console.probes import Probes
from qst.console.session_state import Phase, VisitState
from qst.console.views import Views
from qst.errors import QstError
from qst.rigs.job import Manner, ResumeRequest, VisitRequest
from qst.visit.operator import Choice, PromptKind

_log = logging.getLogger(__name__)
#: How long a visit should take, minutes, unless somebody says otherwise: an estimate for the reference study's testing.
BUDGET_MIN = 45
#: What the log says of a text for the participant, beside the answer to the placement that it belongs to.
READ_ALOUD, NOT_READ_ALOUD = "ticked: text read aloud", "not ticked: text read aloud"


class Hub:
    """Everything that the pages share.

    Args:
        data: folder of the visit logs.
        offer: protocols and stations to choose from.
        capture: folder for files with every byte on the wires; None keeps none.
        budget_min: how long a visit should take, minutes.
        clock: for the age of views' signs of life; never for a visit.
    """

    def __init__(
        self,
        data: Path,
        offer: Offer,
        capture: Path | None = None,
        *,
        budget_min: int = BUDGET_MIN,
        clock: RealClock | None = None,
    ) -> None:
        self.data = data
        self.budget_min = budget_min
        self.offer = offer
        self.capture = None if capture is None else str(capture)
        self.visit: VisitState | None = None
        self._clock = clock or RealClock()
        self.views = Views(self._clock)
        self.probes = Probes(self.changed)
        self.manner = Manner()  # how the last visit was run
        self.refused: VisitRequest | None = None  # what was chosen for a visit that could not begin
        self._chosen: VisitRequest | None = None
        self.unwatched = ""  # why the visit waits for somebody to look at it
        self._engine: EngineClient | None = None
        self._listeners: list[Callable[[Event | None], None]] = []
        self._watching: asyncio.Task[None] | None = None

    # -- for pages ------------------------------------------------------------------------------------------------

    @property
    def phase(self) -> Phase:
        """Where the console is."""
        return Phase.START if self.visit is None else self.visit.phase

    def listen(self, listener: Callable[[Event | None], None]) -> Callable[[], None]:
        """Call ``listener`` after every event (None: something else changed). Returns how to end that."""
        self._listeners.append(listener)

        def leave() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return leave

    def changed(self, event: Event | None = None) -> None:
        """Let every page look again."""
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - whatever a page or its library raises, as said below
                # One page that cannot show something must not keep it from the others, nor from who watches over them.
                _log.exception("a page could not be updated")

    # -- a visit --------------------------------------------------------------------------------------------------

    def begin(self, request: VisitRequest) -> None:
        """Start an engine on a new visit."""
        self.manner, self._chosen = request.manner, request
        self._start(messages.Begin(request=request))

    def go_on(self, request: ResumeRequest) -> None:
        """Start an engine on the rest of an interrupted visit."""
        self.manner, self._chosen = request.manner or Manner(), None
        # What the offered stations limit by now holds for the rest of the visit, too.
        request = msgspec.structs.replace(request, stations=self.offer.stations)
        self._start(messages.Continue(request=request))

    def leave(self) -> None:
        """Put the ended visit away: the start screen again, with what was chosen when it could not begin."""
        if self.visit is not None and self.phase is Phase.ENDED:
            self.refused = self._chosen if self.visit.ready is None else None
            self.visit = None
            self.changed()

    def _start(self, command: messages.Begin | messages.Continue) -> None:
        if self.phase in (Phase.STARTING, Phase.RUNNING):
            return
        loop = asyncio.get_running_loop()
        visit = VisitState()
        self.visit, self.unwatched = visit, ""
        self._engine = EngineClient(loop, functools.partial(self._heard, visit), functools.partial(self._over, visit))
        self._engine.send(command)
        if self._watching is None:
            self._watching = loop.create_task(self._watch())
        self.changed()

    def _heard(self, visit: VisitState, event: Event) -> None:
        if self.visit is visit:  # and not a later one
            visit.apply(event)
            self.changed(event)

    def _over(self, visit: VisitState, code: int) -> None:
        """The engine's process has ended; a visit that it did not finish was cut off."""
        if visit.phase is not Phase.ENDED:
            self._heard(
                visit,
                messages.Refused(
                    code=QstError.code,
                    what=f"the process that ran the visit has ended unexpectedly (exit code {code})",
                    did="the log keeps everything up to this moment",
                    remedy="Take the instruments off the participant. The visit can be resumed from the start screen.",
                ),
            )

    # -- what views say -------------------------------------------------------------------------------------------

    def stop(self, cause: AbortCause) -> bool:
        """Stop, for whichever view asks. Straight into the engine's pipe. Returns whether there is an engine."""
        return self._engine is not None and self._engine.send(messages.Stop(cause=cause))

    def move_button(self, *, pressed: bool) -> None:
        """The participant's button, where a key is it."""
        self._send(messages.MoveButton(pressed=pressed))

    def pause(self) -> None:
        """Pause when no stimulus runs."""
        if self.visit is not None and self.phase is Phase.RUNNING:
            prompt = self.visit.prompt
            paused = prompt is not None and prompt.kind is PromptKind.PAUSED and not self.visit.answering
            self.visit.pause_asked = not paused
            self._send(messages.PausePlease())
            self.changed()

    def confirm_side(self, side: str) -> bool:
        """The operator names the side on which the instrument is. Returns whether it is the trial's."""
        visit = self.visit
        if visit is None or visit.prompt is None or visit.prompt.kind is not PromptKind.PLACE or visit.current is None:
            return False
        visit.side_confirmed = side == visit.current.side
        self.changed()
        return visit.side_confirmed

    def tick_read_aloud(self) -> None:
        """The operator has, or has not, read the text of the question to the participant."""
        if self.visit is not None and self.visit.prompt is not None and self.visit.prompt.read_aloud:
            self.visit.read_aloud = not self.visit.read_aloud
            self.changed()

    def answer(self, choice: Choice, *, text: str = "", reason: str = "") -> bool:
        """Answer the question that stands. A placement counts only after its side was named: two acts, never one."""
        visit = self.visit
        if visit is None or visit.prompt is None or visit.answering or choice not in visit.prompt.choices:
            return False
        if visit.prompt.kind is PromptKind.PLACE and not visit.side_confirmed:
            return False
        if visit.prompt.read_aloud:
            reason = READ_ALOUD if visit.read_aloud else NOT_READ_ALOUD
        visit.answering = True
        self.unwatched = ""
        self._send(messages.Answer(prompt_id=visit.prompt.prompt_id, choice=choice, text=text, reason=reason))
        self.changed()
        return True

    def note(self, text: str, *, adverse: bool) -> None:
        """A remark or an adverse event."""
        self._send(messages.TakeNote(text=text, adverse=adverse))

    def skip_rest(self, reason: str) -> None:
        """Cut the present rest short."""
        self._send(messages.SkipRest(reason=reason))

    def _send(self, command: Command) -> None:
        if self._engine is not None:
            self._engine.send(command)

    # -- who looks on ---------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Let the engine know that this loop runs; look at the views, and tell it once when the last one is gone."""
        told = False
        while True:
            await asyncio.sleep(SIGN_S)
            self._send(messages.Alive())
            if self.views.sweep():
                self.changed()
            gone = self.views.none_looks_on()
            if not gone:
                told = False
            elif not told and self.phase is Phase.RUNNING:
                told = True
                self.unwatched = gone
                self._send(messages.ViewsLost(why=gone))
                self.changed()

    def close(self) -> bool:
        """The console goes: the engine makes everything safe. Returns whether it has ended."""
        if self._watching is not None:
            self._watching.cancel()
        if self._engine is not None:
            self._engine.hang_up()
        probed = self.probes.close()
        return probed and (self._engine is None or self._engine.wait())
