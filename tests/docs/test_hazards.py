"""Every hazard has a control, every control a test, and every test that is named exists."""

import ast
import functools
import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

TEST_ID = re.compile(r"`([^`\s]+\.py)::([^`\s]+)`")
HEADING = re.compile(r"^## (H-\d\d) ", re.MULTILINE)


def page() -> str:
    return (DOCS / "hazards.md").read_text(encoding="utf-8")


def hazards(text: str) -> dict[str, str]:
    """Each hazard's part of the page by its number."""
    parts = HEADING.split(text)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def controls(part: str) -> list[list[str]]:
    """Rows of a hazard's table: [control, tests]."""
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


@functools.cache
def node_ids(file: Path) -> frozenset[str]:
    """Node ids below a file: functions, and methods as ``Class::method``."""
    found = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
            found.add(node.name)
    return frozenset(found)


def problems(text: str) -> list[str]:
    """What is wrong with a page of hazards."""
    wrong = []
    for number, part in hazards(text).items():
        rows = controls(part)
        if not rows:
            wrong.append(f"{number} has no control")
        if "*Causes:*" not in part or "*Remains:*" not in part:
            wrong.append(f"{number} does not say what causes it, or what remains")
        wrong += [f"{number}: no test proves '{row[0]}'" for row in rows if not TEST_ID.search(row[1])]
        wrong += [
            f"{number}: there is no {file}::{name}" for file, name in TEST_ID.findall(part) if not exists(file, name)
        ]
    return wrong


def exists(file: str, name: str) -> bool:
    """Whether there is such a test."""
    path = ROOT / file
    return path.is_file() and name in node_ids(path)


def test_every_hazard_has_controls_and_every_control_a_test_that_exists() -> None:
    assert problems(page()) == []


def test_hazards_are_numbered_without_a_gap() -> None:
    numbers = list(hazards(page()))
    assert numbers == [f"H-{index:02}" for index in range(1, len(numbers) + 1)]
    assert len(numbers) >= 15


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda text: text.replace("test_any_visit`", "test_no_visit`"), "there is no tests/visits/test_any_visit.py"),
        (
            lambda text: text.replace("tests/guard/test_link.py", "tests/guard/gone.py"),
            "there is no tests/guard/gone.py",
        ),
        (
            lambda text: re.sub(r"^\| cut-off called.*\n", "| cut-off called | by hand |\n", text, flags=re.MULTILINE),
            "no test",
        ),
        (lambda text: text + "\n## H-18 Another\n\n*Causes:* x\n\n*Remains:* y\n", "H-18 has no control"),
        (lambda text: text.replace("*Remains:* what the operator decides.", ""), "H-11 does not say"),
    ],
)
def test_the_check_sees_what_is_missing(change: object, found: str) -> None:
    assert any(found in problem for problem in problems(change(page())))  # type: ignore[operator]  # a function of the text
