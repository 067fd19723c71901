"""Whatever is done to logs: ``qst.read`` never fails, never makes a wrong row, and names every damage."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qst
from qst.analysis.columnar import Cell
from tests.record.test_fuzz import Change, change, changes, originals

Rows = tuple[tuple[Cell, ...], ...]


def read(folder: Path, **files: bytes) -> qst.Dataset:
    for name, data in files.items():
        (folder / f"{name}.jsonl").write_bytes(data)
    return qst.read(folder, simulated="both", helpers=0)


def rows_of(data: qst.Dataset) -> Rows:
    """All cells but the file's name, which differs between copies."""
    at = data.trials.names.index("trace_file")
    return tuple((*row[:at], *row[at + 1 :]) for row in data.trials.rows())


@cache
def beginnings() -> dict[bytes, Rows]:
    """The rows of every log that a process could have left behind: both originals, up to the end of any line."""
    found = {}
    with TemporaryDirectory() as name:
        for original in originals():
            lines = original.splitlines(keepends=True)
            for count in range(1, len(lines) + 1):
                beginning = b"".join(lines[:count])
                found[beginning] = rows_of(read(Path(name), log=beginning))
    return found


def check(folder: Path, what: list[Change], with_copy: bool) -> None:
    original = originals()[0]
    data = original
    for one in what:
        data = change(data, one)
    files = {"a": data} | ({"b": original} if with_copy else {})
    found = read(folder, **files)
    reasons = {Path(one.path).stem: one.reason for one in found.left_out}
    if with_copy and data not in beginnings() and reasons.get("a") == "diverging":
        raise AssertionError("a damaged log is no copy that went on differently")
    if with_copy and data.startswith(original[: original.index(b"\n")]) and data in beginnings():
        # The untouched copy counts, and the other one is named.
        assert reasons["b" if data == original else "a"] in ("duplicate", "half_copied")
        assert rows_of(found) == beginnings()[original]
    elif with_copy:
        assert reasons["a"]
        assert beginnings()[original] in (rows_of(found), rows_of(found)[-len(beginnings()[original]) :])
    elif data in beginnings():
        assert not reasons
        assert rows_of(found) == beginnings()[data]
    else:
        # Whatever rows are left are those of what is whole, and the damage is named.
        assert reasons["a"]
        whole = data[: data.rfind(b"\n") + 1]
        kept = beginnings().get(whole) or beginnings().get(data + b"\n") or ()
        assert rows_of(found) in ((), kept)


def run(folder: Path, n_cases: int) -> None:
    def case(what: list[Change], with_copy: bool) -> None:
        (folder / "b.jsonl").unlink(missing_ok=True)
        check(folder, what, with_copy)

    cases = given(st.lists(changes, min_size=1, max_size=6), st.booleans())
    settings(max_examples=n_cases, deadline=None)(cases(case))()


def test_changed_logs(tmp_path: Path) -> None:
    run(tmp_path, 300)


@pytest.mark.nightly
def test_many_changed_logs(tmp_path: Path) -> None:
    run(tmp_path, 100_000)
