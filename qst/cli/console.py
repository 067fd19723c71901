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

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


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
@click.option(
    "--budget",
    type=click.IntRange(1, 600),
    default=45,
    show_default=True,
    metavar="MIN",
    help="How long a visit should take.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), help="Of simulated visits: everything random follows from it."
)
@click.option("--port", type=click.IntRange(0, 65535), default=8317, show_default=True, help="0: any free port.")
@click.option("--no-browser", is_flag=True, help="Print the link only.")
@click.option("--lan", metavar="ADDRESS", help="Serve other computers, too, under this address of this one; encrypted.")
@click.option("--certificate", type=_FILE, help="With --lan: certificate (PEM) of that address.")
@click.option("--key", type=_FILE, help="With --lan: the certificate's private key (PEM).")
def console(
    data: Path,
    protocols: tuple[str, ...],
    stations: tuple[str, ...],
    operator: str,
    capture: Path | None,
    budget: int,
    seed: int | None,
    port: int,
    no_browser: bool,
    lan: str | None,
    certificate: Path | None,
    key: Path | None,
) -> int:
    """Run visits from a page in the browser, on this computer.

    The link works once. Press Enter here for another one, for a second window or after the browser was closed.
    """
    _refuse_plain_lan(lan, certificate, key)
    try:
        from qst.console import server  # noqa: PLC0415 - its libraries are an extra
        from qst.console.hub import Hub  # noqa: PLC0415 - likewise
        from qst.console.security import Keys  # noqa: PLC0415 - likewise
    except ImportError as error:
        raise InputError(
            f"the console's libraries are not installed: {error}", remedy="pip install 'qst-suite[console]'"
        ) from error
    names, scheme = (server.LOOPBACK, "http") if lan is None else ((lan,), "https")
    listener = server.bind(names[0], port)
    port = listener.getsockname()[1]
    keys = Keys()
    hub = Hub(data, make_offer(protocols, stations, operator, seed), capture, budget_min=budget)
    app = server.make_app(hub, keys, tuple(f"{name}:{port}" for name in names), scheme)

    def link() -> str:
        return f"{scheme}://{names[0]}:{port}/?token={keys.new_token()}"

    click.echo(f"The console: {link()}\nThe link works once. Enter: a new link. Ctrl-C: end.")
    opened = None if no_browser else _open(link())
    threading.Thread(target=_more_links, args=(link,), daemon=True).start()
    server.serve(app, listener, certificate, key)
    click.echo("making everything safe …")
    if opened is not None:
        opened.unlink(missing_ok=True)
    if not hub.close():
        click.echo("The engine has not ended. Take the instruments off the participant.", err=True)
        return 1
    return 0


def _refuse_plain_lan(lan: str | None, certificate: Path | None, key: Path | None) -> None:
    """On a network everybody reads along: a link and a cookie are worth something only if they are encrypted."""
    if lan is not None and (certificate is None or key is None):
        raise InputError(
            "--lan needs --certificate and --key",
            did="listened to nobody",
            remedy="have a certificate made for this computer's address; without --lan this computer alone is served",
        )
    if lan is None and (certificate is not None or key is not None):
        raise InputError("--certificate and --key belong to --lan", remedy="add --lan ADDRESS, or leave them out")


def _open(link: str) -> Path:
    """Open the browser by way of a file of the user's own: a command line can be read by everybody on this computer."""
    handle, name = tempfile.mkstemp(suffix=".html", prefix="qst-console-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={link}">')
    path = Path(name)
    webbrowser.open(path.as_uri())
    return path


def _more_links(link: Callable[[], str]) -> None:
    """A new link for every Enter. Read below Python's own buffers, which a program that ends must not find in use."""
    while data := os.read(0, 1024):
        for _ in range(data.count(b"\n")):
            click.echo(link())
