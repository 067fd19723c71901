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
    found = read(folder, **({"a": data} | ({"b": original} if with_copy else {})))
    reasons = {Path(one.path).stem: one.reason for one in found.left_out}
    untouched = next((whole for whole in (data, data + b"\n") if whole in beginnings()), None)
    if untouched is None:
        # Something was changed: it is named, and what rows are left are those of the whole lines before a torn one.
        assert reasons["a"] not in ("duplicate", "diverging")
        possible = {(), beginnings().get(data[: data.rfind(b"\n") + 1], ())}
    else:
        possible = {beginnings()[untouched]}
    if not with_copy:
        assert set(reasons) <= ({"a"} if untouched is None else set())
        assert rows_of(found) in possible
    elif original.startswith(untouched or data[: data.rfind(b"\n") + 1] or b"x"):
        # The untouched copy of the same visit counts, once, and the other one is named.
        assert reasons == {"b": "duplicate"} if untouched == original else "a" in reasons
        assert rows_of(found) == beginnings()[original]
    else:
        assert rows_of(found) in {rows + beginnings()[original] for rows in possible}


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
