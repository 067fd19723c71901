"""What the documentation shows works: files are accepted, commands succeed, outputs are those that come."""

import ast
import contextlib
import io
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from qst.cli import qst
from tests.docs.pages import PAGES, Block, blocks, blocks_of

MARKS = ("", "check", "file", "run", "python", "output")
ELISION = "…"


def call(line: str) -> tuple[int, str]:
    """Exit code and output of a command line that begins with ``qst``."""
    result = CliRunner().invoke(qst, shlex.split(line, comments=True)[1:], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value or 0, result.output


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")


@pytest.mark.parametrize("block", blocks("check"), ids=str)
def test_a_shown_file_is_accepted(block: Block) -> None:
    file = Path("shown.yaml")
    file.write_text(block.text, encoding="utf-8")
    station = block.text.startswith("station:")
    line = f"qst check demo-quick --station {file}" if station else f"qst check {file}"
    code, output = call(line)
    assert code == 0, output


def _sessions() -> list[list[Block]]:
    """The blocks that are run, page by page: later ones see what earlier ones left behind."""
    marks = ("run", "python", "output")
    pages = [[block for block in blocks_of(page) if block.mark in marks or block.name] for page in PAGES]
    return [page for page in pages if any(block.mark in ("run", "python") for block in page)]


@pytest.mark.parametrize("session", _sessions(), ids=lambda session: session[0].page.name)
def test_shown_commands_succeed_and_print_what_is_shown(session: list[Block]) -> None:
    printed = ""
    names: dict[str, Any] = {}
    for block in session:
        if block.mark == "python":
            printed = cell(block, names)
            continue
        if block.name:
            Path(block.name).write_text(block.text, encoding="utf-8")
            continue
        if block.mark == "output":
            assert not (missing := _missing(block, printed)), f"{block}: not printed: {missing!r}; printed:\n{printed}"
            continue
        lines = [line for line in block.text.splitlines() if line.startswith("qst ")]
        assert lines, f"{block} runs nothing"
        printed = ""
        for line in lines:
            code, output = call(line)
            assert code == 0, f"{block}: {line}\n{output}"
            printed += output


def cell(block: Block, names: dict[str, Any]) -> str:
    """Run a block as a cell of a notebook: later ones see its names, and the value of a last expression is shown."""
    *body, last = ast.parse(block.text).body
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if not isinstance(last, ast.Expr):
            body.append(last)
        exec(compile(ast.Module(body, []), str(block), "exec"), names)  # noqa: S102 - the page's own example
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), str(block), "eval"), names)  # noqa: S307 - likewise
            if value is not None:
                print(value)  # noqa: T201 - as a notebook does
    return printed.getvalue()


def _missing(block: Block, printed: str) -> str:
    """The first shown line that was not printed behind those shown before it; an elision stands for whatever comes."""
    lines = iter([_plain(line) for line in printed.splitlines()])
    for shown in map(_plain, block.text.splitlines()):
        if shown and shown != ELISION and not any(_is_shown(shown, line) for line in lines):
            return shown
    return ""


def _is_shown(shown: str, line: str) -> bool:
    return line.startswith(shown.removesuffix(ELISION)) if shown.endswith(ELISION) else line == shown


def _plain(line: str) -> str:
    return " ".join(line.replace("\\", "/").split())


def test_no_block_has_a_mark_that_nobody_knows() -> None:
    assert {block.mark for page in PAGES for block in blocks_of(page)} <= set(MARKS)
