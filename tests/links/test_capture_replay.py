"""What a recorder writes, and that a replay of it is the same conversation, or says where it is not."""

import io
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qst.abort import AbortSwitch
from qst.clock import VirtualClock
from qst.errors import InputError, LinkClosedError, LinkError, LinkOpenError, LinkTimeoutError, StationFileError
from qst_drivers.links import capture_links, open_link
from qst_drivers.links.capture import CaptureLink
from qst_drivers.links.replay import ReplayLink

Script = Sequence[tuple[float, bytes]]


class ScriptLink:
    """Answers by the clock: each (time, bytes) has arrived from that time on; b"" hangs up."""

    description = "script://"

    def __init__(self, clock: VirtualClock, answers: Script = ()) -> None:
        self._clock = clock
        self._answers = list(answers)
        self.written = b""
        self.fails: LinkError | None = None

    def open(self) -> None:
        if self.fails:
            raise self.fails

    def write(self, data: bytes) -> None:
        if self.fails:
            raise self.fails
        self.written += data

    def read(self, timeout_s: float) -> bytes:
        wait_s = self._answers[0][0] - self._clock.monotonic() if self._answers else timeout_s + 1
        self._clock.sleep(min(wait_s, timeout_s))
        if wait_s > timeout_s:
            raise LinkTimeoutError(f"no answer within {timeout_s:g} s", where=self.description)
        return self._answers.pop(0)[1]

    def read_available(self) -> bytes:
        if self.fails:
            raise self.fails
        if self._answers and self._answers[0][0] <= self._clock.monotonic():
            return self._answers.pop(0)[1]
        return b""

    def close(self) -> None:
        pass


def talk(link: Any, clock: VirtualClock) -> list[Any]:
    """A conversation with everything that can happen; what the host saw."""
    seen: list[Any] = []
    link.open()
    link.write(b"LIST\r\n")
    seen.append((link.read(1.0), clock.monotonic()))
    with pytest.raises(LinkTimeoutError) as silent:
        link.read(0.5)
    seen.append((silent.value.what, clock.monotonic()))
    for _ in range(12):
        clock.sleep(0.25)
        seen.append((link.read_available(), clock.monotonic()))
    link.write(b"AOUT0\r\n")
    seen.append((link.read(5.0), clock.monotonic()))
    link.close()
    return seen


ANSWERS: Script = [(0.0625, b"N;CUR\r\n"), (1.0, b"0.05 N\r\n"), (2.9, b"0.10 N\r\n"), (4.5, b"")]


def record(path: Path) -> list[Any]:
    clock = VirtualClock()
    link = CaptureLink(ScriptLink(clock, ANSWERS), path, clock)
    seen = talk(link, clock)
    link.finish()
    return seen


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_file(tmp_path: Path) -> None:
    record(tmp_path / "a.jsonl")
    assert lines(tmp_path / "a.jsonl") == [
        {"capture": 1, "link": "script://", "clock": "virtual", "utc": "2000-01-01T09:00:00+00:00"},
        {"t": 0.0, "do": "open"},
        {"t": 0.0, "do": "write", "hex": b"LIST\r\n".hex()},
        {"t": 0.0625, "do": "read", "hex": b"N;CUR\r\n".hex()},
        {"t": 0.5625, "do": "read", "code": "QST-220", "what": "no answer within 0.5 s"},
        {"t": 1.0625, "do": "arrived", "hex": b"0.05 N\r\n".hex()},
        {"t": 3.0625, "do": "arrived", "hex": b"0.10 N\r\n".hex()},
        {"t": 3.5625, "do": "write", "hex": b"AOUT0\r\n".hex()},
        {"t": 4.5, "do": "read"},
        {"t": 4.5, "do": "close"},
    ]


def test_a_replay_is_the_same_conversation_at_the_same_times(tmp_path: Path) -> None:
    seen = record(tmp_path / "a.jsonl")
    clock = VirtualClock()
    replay = ReplayLink(tmp_path / "a.jsonl", clock)
    assert talk(replay, clock) == seen
    assert replay.unplayed == ()


def test_a_replay_may_begin_at_another_time(tmp_path: Path) -> None:
    seen = record(tmp_path / "a.jsonl")
    clock = VirtualClock()
    clock.sleep(64.0)
    shifted = [(what, time_s - 64.0) for what, time_s in talk(ReplayLink(tmp_path / "a.jsonl", clock), clock)]
    assert shifted == seen


def test_a_replay_by_its_address(tmp_path: Path) -> None:
    seen = record(tmp_path / "a.jsonl")
    clock = VirtualClock()
    assert talk(open_link(f"replay://{(tmp_path / 'a.jsonl').as_posix()}", clock, AbortSwitch()), clock) == seen


def test_without_a_clock_the_answers_come_at_once(tmp_path: Path) -> None:
    record(tmp_path / "a.jsonl")
    replay = ReplayLink(tmp_path / "a.jsonl")
    replay.open()
    replay.write(b"LIST\r\n")
    assert replay.read(0.0) == b"N;CUR\r\n"
    with pytest.raises(LinkTimeoutError):
        replay.read(0.0)
    assert replay.read_available() == b"0.05 N\r\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_how_the_writes_were_cut_does_not_matter(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "cut.jsonl"
    path.unlink(missing_ok=True)
    clock = VirtualClock()
    recorder = CaptureLink(ScriptLink(clock), path, clock)
    text = data.draw(st.binary(min_size=1, max_size=40))
    cuts = st.lists(st.integers(0, len(text)), max_size=5).map(sorted)
    recorder.open()
    for piece in _pieces(text, data.draw(cuts)):
        recorder.write(piece)
    recorder.finish()
    replay = ReplayLink(path)
    replay.open()
    for piece in _pieces(text, data.draw(cuts)):
        replay.write(piece)
    assert not any(event.hex for event in replay.unplayed)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_changed_byte_is_found_where_it_is(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "changed.jsonl"
    path.unlink(missing_ok=True)
    clock = VirtualClock()
    recorder = CaptureLink(ScriptLink(clock), path, clock)
    text = data.draw(st.binary(min_size=1, max_size=40))
    recorder.open()
    recorder.write(text)
    recorder.finish()
    at = data.draw(st.integers(0, len(text) - 1))
    changed = bytearray(text)
    changed[at] ^= data.draw(st.integers(1, 255))
    replay = ReplayLink(path)
    replay.open()
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=3).map(sorted))
    with pytest.raises(LinkError) as caught:
        _write_all(replay, _pieces(bytes(changed), cuts))
    assert f"byte {at} from host to device differs: recorded {text[at]:02x}" in caught.value.what
    assert f"written {changed[at]:02x}" in caught.value.what
    assert caught.value.where == f"{path}:3"


def _pieces(text: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *cuts, len(text)]
    return [text[a:b] for a, b in itertools.pairwise(edges)]


def _write_all(link: ReplayLink, pieces: list[bytes]) -> None:
    for piece in pieces:
        link.write(piece)


def _do(link: ReplayLink, uses: list[str]) -> None:
    for use in uses:
        match use.split(" ", 1):
            case ["open"]:
                link.open()
            case ["read"]:
                link.read(1.0)
            case [_, text]:
                link.write(text.encode())


@pytest.mark.parametrize(
    ("uses", "message"),
    [
        (["read"], "waits for bytes after 0 bytes from host to device, where the recording has 'write 4c 49 53 54"),
        (["open"], "opens after 0 bytes"),
        (
            ["write LIST\r\n", "write ?"],
            "writes 3f after 6 bytes from host to device, where the recording has 'read 4e",
        ),
        (["write LIST\r\n?"], "writes 3f after 6 bytes"),
    ],
)
def test_another_order_is_shown(uses: list[str], message: str, tmp_path: Path) -> None:
    record(tmp_path / "a.jsonl")
    replay = ReplayLink(tmp_path / "a.jsonl")
    replay.open()
    with pytest.raises(LinkError) as caught:
        _do(replay, uses)
    assert message in caught.value.what
    assert caught.value.remedy


def test_more_than_was_recorded_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    clock = VirtualClock()
    with_one = CaptureLink(ScriptLink(clock), path, clock)
    with_one.open()
    with_one.finish()
    replay = ReplayLink(path)
    replay.open()
    with pytest.raises(LinkError, match="the recording is over"):
        replay.write(b"?")


def test_less_than_was_recorded_can_be_seen(tmp_path: Path) -> None:
    record(tmp_path / "a.jsonl")
    replay = ReplayLink(tmp_path / "a.jsonl")
    replay.open()
    replay.close()
    assert [event.do for event in replay.unplayed] == ["write", "read", "read", "arrived", "arrived", "write", "read"]
    with pytest.raises(LinkClosedError):
        replay.write(b"LIST\r\n")


def test_an_answer_that_was_later_than_this_deadline_is_waited_for_again(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.jsonl", VirtualClock()
    recorder = CaptureLink(ScriptLink(clock, [(1.0, b"late")]), path, clock)
    recorder.open()
    recorder.read(2.0)
    recorder.finish()
    clock = VirtualClock()
    replay = ReplayLink(path, clock)
    replay.open()
    with pytest.raises(LinkTimeoutError):
        replay.read(0.25)
    assert (replay.read_available(), clock.monotonic()) == (b"", 0.25)
    assert (replay.read(2.0), clock.monotonic()) == (b"late", 1.0)


@pytest.mark.parametrize("kind", [LinkOpenError, LinkClosedError, LinkTimeoutError])
@pytest.mark.parametrize("use", ["open", "write", "arrived"])
def test_failures_are_recorded_and_happen_again(kind: type[LinkError], use: str, tmp_path: Path) -> None:
    path, clock = tmp_path / "a.jsonl", VirtualClock()
    failing = ScriptLink(clock)
    recorder = CaptureLink(failing, path, clock)

    def conversation(link: Any) -> None:
        if use != "open":
            link.open()
            failing.fails = failure
        {"open": link.open, "write": lambda: link.write(b"?"), "arrived": link.read_available}[use]()

    failure = kind("it broke", where="x")
    failing.fails = failure if use == "open" else None
    with pytest.raises(kind, match="it broke"):
        conversation(recorder)
    recorder.finish()
    assert lines(path)[-1] == {"t": 0.0, "do": use, "code": kind.code, "what": "it broke"}
    with pytest.raises(kind, match="it broke"):
        conversation(ReplayLink(path))


def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    clock = VirtualClock()
    link = ScriptLink(clock)
    recorder = CaptureLink(link, tmp_path / "a.jsonl", clock)

    class Full(io.RawIOBase):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    recorder._file.close()
    recorder._file = Full()  # type: ignore[assignment]  # a file that cannot be written
    recorder.open()
    recorder.write(b"A")
    assert link.written == b"A"
    assert "No space left" in recorder.problem
    recorder.close()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    clock = VirtualClock()
    links = [capture_links(ScriptLink(clock), "thermode", tmp_path / "new" / "folder", clock) for _ in range(3)]
    for link in links:
        link.finish()
    assert [link.path.name for link in links] == ["thermode.jsonl", "thermode-2.jsonl", "thermode-3.jsonl"]
    with pytest.raises(InputError, match="cannot be written"):
        CaptureLink(ScriptLink(clock), links[0].path, clock)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be made"):
        capture_links(ScriptLink(clock), "thermode", tmp_path / "file", clock)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", 1),
        ("hello\n", 1),
        ('{"capture":2,"link":"","clock":"","utc":""}\n', 1),
        ('{"capture":1,"link":"","clock":"","utc":""}\n{"t":0,"do":"open"}\n{"t":0,"do":"dance"}\n', 3),
        ('{"capture":1,"link":"","clock":"","utc":""}\n{"t":0,"do":"write","hex":"0g"}\n', 2),
    ],
)
def test_what_is_no_capture(text: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="this is no capture") as caught:
        ReplayLink(path)
    assert caught.value.where == f"{path}:{line}"
    with pytest.raises(StationFileError):
        open_link(f"replay://{path.as_posix()}", VirtualClock(), AbortSwitch())
