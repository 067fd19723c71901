"""One browser for all tests of the page; every test has a window, and a console, of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.console.running import PATIENCE_S, Console, playwright_browser


class Bench(NamedTuple):
    """A console and somebody's browser on it."""

    console: Console
    open_page: Callable[..., Any]
    complaints: list[str]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with playwright_browser() as launched:
        yield launched


@pytest.fixture
def bench(browser: Any, tmp_path: Path) -> Iterator[Bench]:
    """A console; its pages share one browser profile, and nothing may complain in it."""
    complaints: list[str] = []
    with ExitStack() as closing:
        console = closing.enter_context(Console(tmp_path / "data"))
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        closing.callback(context.close)
        context.set_default_timeout(PATIENCE_S * 1000)
        links = [console.link]

        def open_page(path: str = "/") -> Any:
            page = context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
            page.goto(links.pop() if links else console.address + path)
            page.wait_for_selector("header.banner, .scene")
            return page

        yield Bench(console, open_page, complaints)
    assert "Traceback" not in console.errors, console.errors
