"""A console that really runs, and a browser that really looks at it."""

import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

#: For everything that a loaded computer may take long over, s.
PATIENCE_S = 60.0
#: A participant who presses neither by mistake nor before there is something to look at.
SEED = 9
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_START = "from qst.cli import main; main()"


def browser_path() -> str:
    """The browser; skips the test where there is none, unless this machine must have one."""
    for name in _BROWSERS:
        found = shutil.which(name)
        if found:
            return found
    if os.environ.get("QST_REQUIRE_BROWSER") == "1":
        pytest.fail("QST_REQUIRE_BROWSER is set and there is no Chromium")
    pytest.skip("no Chromium on this machine; the page's tests need one")


class Console:
    """``qst console`` in a process of its own; its simulated participants are the same in every run."""

    def __init__(self, data: Path, *options: str, seed: int = SEED) -> None:
        self.data = data
        options = ("--seed", str(seed), *options)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, "console", "--data", str(data), "--port", "0", "--no-browser", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.errors = ""
        threading.Thread(target=self._read_lines, daemon=True).start()
        self._errors = threading.Thread(target=self._read_errors, daemon=True)
        self._errors.start()
        self.link = self._next_link()
        self.address = self.link.partition("/?")[0]

    def _read_lines(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line)

    def _read_errors(self) -> None:
        for line in self._process.stderr or ():
            self.errors += line

    def _next_link(self) -> str:
        while True:
            found = re.search(r"http\S+", self._lines.get(timeout=PATIENCE_S))
            if found:
                return found[0]

    def new_link(self) -> str:
        """As a person gets one: Enter."""
        if self._process.stdin is None:
            raise RuntimeError("no standard input")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._next_link()

    def engine_pid(self) -> int:
        """The process of the engine that runs a visit."""
        children = Path(f"/proc/{self._process.pid}/task")
        if not children.is_dir():
            pytest.skip("this system does not tell whose child a process is")
        (pid,) = {pid for task in children.iterdir() for pid in (task / "children").read_text().split()}
        return int(pid)

    def logs(self) -> list[Path]:
        """The visit logs in its folder."""
        return sorted(self.data.glob("*.jsonl"))

    def end(self) -> int:
        """As a person ends it."""
        self._process.terminate()
        code = self._process.wait(PATIENCE_S)
        self._errors.join(PATIENCE_S)
        return code

    def kill(self) -> None:
        """As no person should."""
        self._process.kill()
        self._process.wait(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.end()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


@contextmanager
def mortal_page(browser: Any, link: str) -> Iterator[tuple[Any, int]]:
    """A page in a browser of its own, and the process of that browser, which a test may kill."""
    launched = browser.browser_type.launch(executable_path=browser_path(), headless=True, args=list(_FLAGS))
    try:
        found = launched.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        page = launched.new_page(viewport={"width": 1366, "height": 768})
        page.set_default_timeout(PATIENCE_S * 1000)
        page.goto(link)
        page.wait_for_selector("header.banner")
        yield page, next(int(process["id"]) for process in found if process["type"] == "browser")
    finally:
        launched.close()


@contextmanager
def playwright_browser() -> Iterator[Any]:
    """A headless Chromium with a profile that nobody used before."""
    path = browser_path()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, headless=True, args=list(_FLAGS))
        try:
            yield launched
        finally:
            launched.close()
