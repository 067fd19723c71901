"""The Markdown pages of the project, and what stands in their fenced blocks."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

_FENCE = re.compile(
    r"(?:<!-- (?P<mark>\w+)(?: (?P<name>[\w.-]+))? -->\n)?^```[a-z]*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block: the page, the line it begins in, its mark and its file's name ("" without one), its text."""

    page: Path
    line: int
    mark: str
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match["mark"] or "", match["name"] or "", match["text"])
        for match in _FENCE.finditer(text)
    ]


def blocks(mark: str) -> list[Block]:
    return [block for page in PAGES for block in blocks_of(page) if block.mark == mark]


def prose(name: str) -> str:
    """A page's text with every run of white space as one space."""
    return " ".join((DOCS / name).read_text(encoding="utf-8").split())
