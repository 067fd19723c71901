"""The how-to leads to green: its files, put into a folder and installed, pass the tests that it shows."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks_of

NAMES = ("add-a-driver", "write-a-driver", "write-a-simulator", "test-without-hardware")
PAGES = [DOCS / "how-to" / f"{name}.md" for name in NAMES]
#: The first line of a block that is a file names it, in the comment of its language.
NAMED = re.compile(r"(?:#|//) ([\w./]+\.\w+)\n")
FILES = {
    "example_gauge/wire.py",
    "example_gauge/driver.py",
    "example_gauge/simulator.py",
    "tests/vectors.json",
    "tests/test_example_gauge.py",
    "tests/test_my_analysis.py",
    "pyproject.toml",
    "station.yaml",
}


def files() -> dict[str, str]:
    """Name -> text of every file that the pages show."""
    found = {}
    for page in PAGES:
        for block in blocks_of(page):
            if match := NAMED.match(block.text):
                found[match[1]] = block.text[match.end() :]
    return found


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files in a folder, with the metadata that an installer would write."""
    folder = tmp_path_factory.mktemp("example")
    for name, text in (files() | {"example_gauge/__init__.py": ""}).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    declared = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = folder / f"example_gauge-{declared['version']}.dist-info"
    metadata.mkdir()
    head = f"Metadata-Version: 2.1\nName: {declared['name']}\nVersion: {declared['version']}\n"
    (metadata / "METADATA").write_text(head, encoding="utf-8")
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
        for group, entries in declared["entry-points"].items()
    )
    (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
    return folder


def call(project: Path, *line: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, *line], capture_output=True, encoding="utf-8", cwd=project, env=environment, check=False
    )


def test_every_file_is_shown() -> None:
    assert set(files()) == FILES


def test_the_example_is_green(project: Path) -> None:
    done = call(project, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "tests")
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 100


def test_the_example_is_listed(project: Path) -> None:
    done = call(project, "-c", "from qst.cli import main; main(['devices'])")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "example-gauge" in done.stdout
