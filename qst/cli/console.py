"""``qst console``: the technician's page."""

import os
import tempfile
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import click

from qst.console.offer import make_offer
from qst.errors import InputError


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), default=Path("qst-data"), show_default=True, help="Folder for logs."
)
@click.option(
    "--protocol", "protocols", multiple=True, metavar="FILE|NAME", help="Offer this protocol first; repeatable."
)
@click.option("--station", "stations", multiple=True, metavar="FILE|NAME", help="Offer this station first; repeatable.")
@click.option("--operator", default="", metavar="ID", help="Who runs the visits.")
@click.option("--capture", type=click.Path(path_type=Path), metavar="DIR", help="Folder for every byte on the wires.")
@click.option("--port", type=click.IntRange(0, 65535), default=8317, show_default=True, help="0: any free port.")
@click.option("--no-browser", is_flag=True, help="Print the link only.")
def console(
    data: Path,
    protocols: tuple[str, ...],
    stations: tuple[str, ...],
    operator: str,
    capture: Path | None,
    port: int,
    no_browser: bool,
) -> int:
    """Run visits from a page in the browser, on this computer.

    The link works once. Press Enter here for another one, for a second window or after the browser was closed.
    """
    try:
        from qst.console import server  # noqa: PLC0415 - its libraries are an extra
        from qst.console.hub import Hub  # noqa: PLC0415 - likewise
        from qst.console.security import Keys  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise InputError(
            f"the console's libraries are not installed: {error}", remedy="pip install 'qst-suite[console]'"
        ) from error
    listener = server.bind(server.LOOPBACK[0], port)
    port = listener.getsockname()[1]
    keys = Keys()
    hub = Hub(data, make_offer(protocols, stations, operator), capture)
    app = server.make_app(hub, keys, tuple(f"{name}:{port}" for name in server.LOOPBACK))

    def link() -> str:
        return f"http://{server.LOOPBACK[0]}:{port}/?token={keys.new_token()}"

    click.echo(f"The console: {link()}\nThe link works once. Enter: a new link. Ctrl-C: end.")
    if not no_browser:
        _open(link())
    threading.Thread(target=_more_links, args=(link,), daemon=True).start()
    server.serve(app, listener)
    click.echo("making everything safe …")
    if not hub.close():
        click.echo("The engine has not ended. Take the instruments off the participant.", err=True)
        return 1
    return 0


def _open(link: str) -> None:
    """Open the browser by way of a file of the user's own: a command line can be read by everybody on this computer."""
    handle, name = tempfile.mkstemp(suffix=".html", prefix="qst-console-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={link}">')
    webbrowser.open(Path(name).as_uri())


def _more_links(link: Callable[[], str]) -> None:
    """A new link for every Enter. Read below Python's own buffers, which a program that ends must not find in use."""
    while data := os.read(0, 1024):
        for _ in range(data.count(b"\n")):
            click.echo(link())
