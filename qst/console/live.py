"""The live socket of a page: stops and signs of life come in, the running picture goes out.

It is a socket of its own, beside NiceGUI's, so that a stop never stands in a queue of page updates. A page that is slow
to take what is sent never makes anybody wait: it gets the newest state, and of the trace every second reading.
"""

import asyncio
import contextlib
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from qst.abort import AbortCause
from qst.console import messages
from qst.console.downloads import hand_out
from qst.console.hub import Hub
from qst.console.messages import Event
from qst.console.picture import operator_picture, participant_picture
from qst.console.session_state import Phase
from qst.errors import QstError

#: At most so many pictures a second go to a page.
PICTURES_PER_S = 30
#: How often a page is asked for a sign of life, s.
BEAT_S = 1.0
#: So many readings may wait for a slow page.
MOST_READINGS = 1000

_encode = msgspec.json.Encoder().encode


class Said(msgspec.Struct, frozen=True):
    """What a page says. ``kind``: ``stop`` (with ``cause``), ``pause``, ``button-down``, ``button-up``, ``alive``."""

    kind: str
    cause: str = ""


_decode = msgspec.json.Decoder(Said).decode
#: The stops that a page may ask for.
STOPS = frozenset({AbortCause.OPERATOR_STOP, AbortCause.EMERGENCY_STOP, AbortCause.PARTICIPANT_WITHDREW})


class LiveSocket:
    """One connected page.

    Args:
        hub: the console.
        socket: accepted.
        participant: whether this is the participant's view, which shows no numbers and counts for nothing.
    """

    def __init__(self, hub: Hub, socket: WebSocket, *, participant: bool) -> None:
        self._hub = hub
        self._socket = socket
        self._participant = participant
        self._readings: list[tuple[float, float]] = []
        self._restart = True  # the trace begins anew
        self._news = asyncio.Event()
        self._holds_button = False  # the participant's key went down on this page and has not come up

    async def run(self, key: str, page: str) -> None:
        """Serve the page until it goes."""
        hub = self._hub
        leave = hub.listen(self._heard)
        view = None if self._participant else hub.views.attach(key, page)
        if view is not None:
            if hub.visit is not None:
                self._readings = list(hub.visit.readings)[-MOST_READINGS:]
            hub.changed()
        sending = asyncio.create_task(self._send())
        try:
            while True:
                said = _decode(await self._socket.receive_text())
                if view is not None:
                    hub.views.heard(view)
                    self._obey(said)
        except (WebSocketDisconnect, msgspec.MsgspecError, KeyError):
            pass
        finally:
            leave()
            sending.cancel()
            if self._holds_button:
                self._hub.move_button(pressed=False)  # nobody will see it come up any more
            if view is not None:
                hub.views.detach(view)
            with contextlib.suppress(asyncio.CancelledError):
                await sending

    def _obey(self, said: Said) -> None:
        if said.kind == "stop" and said.cause in STOPS:
            self._hub.stop(AbortCause(said.cause))
        elif said.kind == "pause":
            self._hub.pause()
        elif said.kind in ("button-down", "button-up"):
            self._holds_button = said.kind == "button-down"
            self._hub.move_button(pressed=self._holds_button)

    def _heard(self, event: Event | None) -> None:
        match event:
            case messages.Samples(readings=readings) if not self._participant:
                self._readings += readings
                while len(self._readings) > MOST_READINGS:
                    del self._readings[1::2]
            case messages.Next() | messages.Began():
                self._readings, self._restart = [], True
            case messages.Entered(state="ramp"):
                self._readings, self._restart = [], True
        self._news.set()

    async def _send(self) -> None:
        """Send the picture when there is news, and ask for a sign of life every so often."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the page goes while something is sent
            while True:
                await self._socket.send_text(_encode(self._picture()).decode("utf-8"))
                self._news.clear()
                await asyncio.sleep(1 / PICTURES_PER_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), BEAT_S)

    def _picture(self) -> dict[str, Any]:
        if self._participant:
            return participant_picture(self._hub)
        picture = operator_picture(self._hub)
        picture["readings"], self._readings = self._readings, []
        picture["restart"], self._restart = self._restart, False
        return picture


async def live(hub: Hub, socket: WebSocket) -> None:
    """The endpoint ``/live``."""
    await socket.accept()
    query = socket.query_params
    page = LiveSocket(hub, socket, participant=query.get("view") == "participant")
    await page.run(query.get("key", "")[:64], query.get("page", "")[:64])


async def report(hub: Hub, name: str) -> Response:
    """The endpoints ``/report/…``: report, table and log of the visit that has ended."""
    log = None if hub.visit is None or hub.phase is not Phase.ENDED else hub.visit.log
    found = hand_out(name)
    if log is None or found is None:
        return Response(status_code=404)
    headers = {"Cache-Control": "no-store"}
    if not found.shown:
        headers["Content-Disposition"] = f'attachment; filename="{log.stem}{found.ending}"'
    try:
        content = await asyncio.to_thread(found.make, log)
    except QstError as error:
        return Response(error.report(), status_code=500, media_type="text/plain; charset=utf-8")
    return Response(content, media_type=found.media_type, headers=headers)


async def stop(hub: Hub, request: Request) -> Response:
    """The endpoint ``/stop``: the way for a page whose socket is not there. The body names the cause."""
    cause = (await request.body()).decode("ascii", errors="replace")
    if cause not in STOPS:
        return Response(status_code=400)
    return Response(status_code=204 if hub.stop(AbortCause(cause)) else 409)
