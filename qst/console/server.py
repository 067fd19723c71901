"""The console's server: NiceGUI's pages, the live socket and the guard around all of it, on one address."""

import contextlib
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from qst.console.hub import Hub
from qst.console.live import live, report, stop
from qst.console.security import App, Guard, Keys
from qst.errors import InputError

STATIC: Final = Path(__file__).with_name("static")
#: So long NiceGUI keeps a page whose socket is silent, s. One that is busy for less is not reloaded, and keeps what is
#: being typed on it. (Who looks on is decided elsewhere, and much sooner.)
KEEP_PAGE_S: Final = 30.0
LOOPBACK: Final = ("127.0.0.1", "localhost")

#: Outside of NiceGUI's application, so that it works whatever happens there; and above everything.
_STOP_BAR: Final = """
<div id="line" role="alert">No connection to the console. Stop still tries to reach it; otherwise take the instrument
off and use its own stop.</div>
<div id="stopbar" role="region" aria-label="Stop">
  <button type="button" class="emergency" data-stop="estop" aria-keyshortcuts="!">EMERGENCY STOP <kbd>!</kbd></button>
  <button type="button" class="stop" data-stop="operator_stop" aria-keyshortcuts="Escape">STOP <kbd>Esc</kbd></button>
  <button type="button" class="pause" data-say="pause" aria-keyshortcuts="p">Pause <kbd>p</kbd></button>
  <button type="button" class="withdrew" data-stop="participant_withdrew" aria-keyshortcuts="w">Participant wants to
  stop <kbd>w</kbd></button>
</div>
"""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises InputError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InputError(
            f"cannot listen on {host} port {port}: {error.strerror}",
            remedy="choose another --port; perhaps a console runs already",
        ) from error
    listener.listen(64)
    return listener


def make_app(hub: Hub, keys: Keys, hosts: tuple[str, ...], scheme: str = "http") -> App:
    """The whole application, guarded."""
    from fastapi import FastAPI, Request, Response, WebSocket  # noqa: PLC0415 - the console's libraries load with it
    from fastapi.staticfiles import StaticFiles  # noqa: PLC0415 - likewise
    from nicegui import app as nicegui_app  # noqa: PLC0415 - likewise
    from nicegui import ui  # noqa: PLC0415 - likewise

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.websocket("/live")
    async def _live(websocket: WebSocket) -> None:
        await live(hub, websocket)

    @app.post("/stop")
    async def _stop(request: Request) -> Response:
        return await stop(hub, request)

    @app.get("/report/{name}")
    async def _report(name: str) -> Response:
        return await report(hub, name)

    app.mount("/assets", StaticFiles(directory=STATIC), name="assets")
    _pages(hub)
    ui.run_with(
        app,
        title="QST console",
        dark=None,
        language="en-US",
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=KEEP_PAGE_S,
    )
    # One socket and nothing else: a long poll that ends with the page would leave errors in the window.
    nicegui_app.config.socket_io_js_transports = ["websocket"]
    return Guard(app, keys, hosts, scheme)


def _pages(hub: Hub) -> None:
    from nicegui import Client, ui  # noqa: PLC0415 - likewise

    from qst.console.pages.finish import finish_screen  # noqa: PLC0415 - likewise
    from qst.console.pages.page import Page  # noqa: PLC0415 - likewise
    from qst.console.pages.participant import participant_page  # noqa: PLC0415 - likewise
    from qst.console.pages.run import run_screen  # noqa: PLC0415 - likewise
    from qst.console.pages.start import start_screen  # noqa: PLC0415 - likewise
    from qst.console.session_state import Phase  # noqa: PLC0415 - likewise

    screens: dict[Phase, Callable[[Page], None]] = {
        Phase.START: start_screen,
        Phase.STARTING: run_screen,
        Phase.RUNNING: run_screen,
        Phase.ENDED: finish_screen,
    }

    @ui.page("/")
    def _operator(client: Client) -> None:
        ui.add_head_html(_head(client.id, "operator", "live.js", "draw.js"))
        ui.add_body_html(_STOP_BAR)
        Page(hub, client).build(screens)

    @ui.page("/participant", title="QST")
    def _participant(client: Client) -> None:
        ui.add_head_html(_head(client.id, "participant", "live.js", "participant.js"))
        participant_page()


def _head(page: str, view: str, *scripts: str) -> str:
    lines = [
        '<link rel="stylesheet" href="/assets/console.css">',
        f'<script>Object.assign(document.documentElement.dataset, {{page: "{page}", view: "{view}"}});</script>',
    ]
    lines += [f'<script src="/assets/{script}" defer></script>' for script in scripts]
    return "\n".join(lines)


def serve(app: App, listener: socket.socket, certificate: Path | None = None, key: Path | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM; encrypted when there is a certificate and its key."""
    import uvicorn  # noqa: PLC0415 - likewise

    config = uvicorn.Config(
        app,
        log_level="warning",
        timeout_graceful_shutdown=1,
        server_header=False,
        proxy_headers=False,
        ws="websockets-sansio",
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    # The server passes on what it was ended by; we go on from here, to the instruments' safety.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
