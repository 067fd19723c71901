"""Whatever is done to a log's bytes: no crash, no record that was never written, and every change is reported."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qst.record.reader import parse_log
from tests.record.logs import write_visit

OTHER = "00000000-0000-4000-8000-000000000002"
Change = tuple[str, float, float, bytes]


@cache
def originals() -> tuple[bytes, bytes]:
    with TemporaryDirectory() as folder:
        return (
            write_visit(Path(folder) / "a.jsonl", n_trials=2),
            write_visit(Path(folder) / "b.jsonl", n_trials=2, participant_id="P02", session_uuid=OTHER),
        )


changes = st.tuples(
    st.sampled_from(["flip", "insert", "delete", "cut", "swap", "repeat", "drop", "append", "prepend", "splice"]),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1, exclude_max=True),
    st.binary(min_size=1, max_size=8),
)


def change(data: bytes, what: Change) -> bytes:
    kind, here, there, junk = what
    a, b = sorted((int(here * len(data)), int(there * len(data))))
    lines = data.splitlines(keepends=True) or [b""]
    i, j = int(here * len(lines)), int(there * len(lines))
    if kind in ("swap", "repeat", "drop"):
        if kind == "swap":
            lines[i], lines[j] = lines[j], lines[i]
        elif kind == "repeat":
            lines.insert(j, lines[i])
        else:
            del lines[i]
        return b"".join(lines)
    other = originals()[1]
    return {
        "flip": data[:a] + bytes(x ^ y for x, y in zip(data[a:], junk, strict=False)) + data[a + len(junk) :],
        "insert": data[:a] + junk + data[a:],
        "delete": data[:a] + data[min(b, a + len(junk)) :],
        "cut": data[:a],
        "append": data + other[: int(there * len(other)) + 1],
        "prepend": other[: int(there * len(other)) + 1] + data,
        "splice": data[:a] + other[int(there * len(other)) :],
    }[kind]


def check(what: list[Change], verify: bool) -> None:
    original = originals()[0]
    data = original
    for one in what:
        data = change(data, one)
    log = parse_log(data, verify=verify, traces=True)
    if not verify:
        return  # without verification the only promise is not to fail
    written = [
        {(entry.seq, entry.hash): entry.record for entry in parse_log(one, traces=True).entries} for one in originals()
    ]
    # Every record that is read was written, and all come from one log. (Two logs joined inside a line's hash cannot be
    # told from one whose line was edited; that line is reported in either case.)
    both = written[0] | written[1]
    sources = [both] if any(one[0] == "splice" for one in what) else written
    assert any(all(of.get((e.seq, e.hash)) == e.record for e in log.entries) for of in sources)
    if any(one.startswith(data) for one in originals()):
        assert not log.damage or not data
    else:
        assert log.damage or log.torn is not None


def run(n_cases: int) -> None:
    cases = given(st.lists(changes, min_size=1, max_size=6), st.booleans())
    settings(max_examples=n_cases, deadline=None)(cases(check))()


def test_changed_logs() -> None:
    run(400)


@pytest.mark.nightly
def test_many_changed_logs() -> None:
    run(100_000)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_at_all(data: bytes) -> None:
    log = parse_log(data)
    assert log.entries == ()
    assert log.damage or log.torn is not None


@given(st.binary(max_size=60), st.floats(0, 1, exclude_max=True))
@settings(max_examples=200, deadline=None)
def test_anything_behind_a_whole_log_is_named(junk: bytes, where: float) -> None:
    original = originals()[0]
    lines = original.splitlines(keepends=True)
    kept = b"".join(lines[: max(1, int(where * len(lines)))])
    log = parse_log(kept + junk, traces=True)
    assert len(log.entries) == kept.count(b"\n")
    assert bool(junk) == bool(log.damage or log.torn)
