"""The writer: what a line is, what it refuses, and what is left after the disk failed."""

import errno
import hashlib
import io
import json
import os
from pathlib import Path

import pytest

from qst.clock import VirtualClock
from qst.errors import InputError, LogDamagedError, LogWriteError
from qst.record.log import LogWriter, log_path
from qst.record.reader import read_log
from qst.record.records import AdverseEvent, Note, Resume
from tests.record.logs import header, resume, start, trial, write_visit


def begin(path: Path, clock: VirtualClock | None = None) -> LogWriter:
    writer = LogWriter.create(path, clock or VirtualClock())
    writer.write(header())
    return writer


def test_a_line_is_laid_out_as_documented(tmp_path: Path) -> None:
    clock = VirtualClock()
    writer = begin(tmp_path / "a.jsonl", clock)
    clock.sleep(1.2345674)
    digest = writer.write(Note(text="warm “°”", by="OP1"))
    writer.close()
    first, second, end = (tmp_path / "a.jsonl").read_bytes().split(b"\n")
    assert end == b""
    assert first.startswith(
        b'{"type":"header","seq":1,"utc":"2000-01-01T09:00:00.000Z","t":0.000000,"schema_version":1,'
    )
    assert second.startswith(
        '{"type":"note","seq":2,"utc":"2000-01-01T09:00:01.234Z","t":1.234567,"text":"warm “°”","by":"OP1","prev":"'.encode()
    )
    for line in (first, second):
        assert hashlib.sha256(line[: line.index(b',"hash":')]).hexdigest() == json.loads(line)["hash"]
    assert json.loads(first)["prev"] == "0" * 64
    assert json.loads(second)["prev"] == json.loads(first)["hash"]
    assert json.loads(second)["hash"] == digest


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    assert write_visit(tmp_path / "a.jsonl") == write_visit(tmp_path / "b.jsonl")
    assert write_visit(tmp_path / "c.jsonl", seed=8) != write_visit(tmp_path / "d.jsonl")


def test_a_log_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        LogWriter.create(path, VirtualClock())
    assert refused.value.remedy
    assert path.read_text(encoding="utf-8") == "precious"


def test_an_impossible_directory_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        LogWriter.create(tmp_path / "file" / "a.jsonl", VirtualClock())
    assert refused.value.remedy


def test_the_data_directory_is_made(tmp_path: Path) -> None:
    begin(tmp_path / "data" / "more" / "a.jsonl").close()
    assert read_log(tmp_path / "data" / "more" / "a.jsonl").header == header()


def test_file_names(tmp_path: Path) -> None:
    first = log_path(tmp_path, "P_01", 3, "fibromyalgia-visit")
    assert first.name == "P_01_visit-3_fibromyalgia-visit.jsonl"
    first.touch()
    second = log_path(tmp_path, "P_01", 3, "fibromyalgia-visit")
    assert second.name == "P_01_visit-3_fibromyalgia-visit_2.jsonl"
    second.touch()
    assert log_path(tmp_path, "P_01", 3, "fibromyalgia-visit").name.endswith("_3.jsonl")


@pytest.mark.parametrize("participant", ["", "../P", "P/1", "P 1", "P\\1", "ä", "P" * 33, "P\n", "P."])
def test_a_participant_id_that_no_file_can_have(tmp_path: Path, participant: str) -> None:
    with pytest.raises(InputError) as refused:
        log_path(tmp_path, participant, 1, "demo")
    assert refused.value.remedy


@pytest.mark.parametrize(("visit", "protocol"), [(0, "demo"), (1, "../demo"), (1, ".demo"), (1, ""), (1, "d" * 65)])
def test_a_visit_or_protocol_that_no_file_can_have(tmp_path: Path, visit: int, protocol: str) -> None:
    with pytest.raises(InputError):
        log_path(tmp_path, "P1", visit, protocol)


def test_the_header_comes_first_and_once(tmp_path: Path) -> None:
    writer = LogWriter.create(tmp_path / "a.jsonl", VirtualClock())
    with pytest.raises(LogWriteError, match="out of turn"):
        writer.write(Note(text="too early"))
    writer.write(header())
    with pytest.raises(LogWriteError, match="out of turn"):
        writer.write(header())
    writer.write(Note(text="in turn"))
    writer.close()
    assert not read_log(tmp_path / "a.jsonl").damage


@pytest.mark.parametrize(
    "record",
    [
        trial(1, value_peak=float("nan")),
        trial(1, value_reported=float("inf")),
        trial(1, outcome="somehow"),
        start(1, side=3),
        Note(text="lone \ud800 surrogate"),
    ],
)
def test_what_would_not_read_back_is_refused_and_harms_nothing(tmp_path: Path, record: Note) -> None:
    path = tmp_path / "a.jsonl"
    writer = begin(path)
    before = path.read_bytes()
    with pytest.raises(LogWriteError) as refused:
        writer.write(record)
    assert refused.value.remedy
    assert path.read_bytes() == before
    writer.write(Note(text="still writable"))
    writer.close()
    assert not read_log(path).damage


class FullDisk(io.FileIO):
    """A file on a disk on which it can grow to ``limit`` bytes, part of the last write included."""

    limit = 10**9

    def write(self, data: bytes) -> int:  # type: ignore[override]
        room = self.limit - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data[:room]) or 0


def on_full_disk(path: Path) -> tuple[LogWriter, FullDisk]:
    file = FullDisk(path, "xb")
    return LogWriter(file, path, VirtualClock()), file


@pytest.mark.parametrize("room", [0, 1, 50, 250])
def test_a_full_disk_leaves_an_intact_log_and_a_writer_that_refuses(tmp_path: Path, room: int) -> None:
    path = tmp_path / "a.jsonl"
    writer, file = on_full_disk(path)
    writer.write(header())
    whole = path.read_bytes()
    file.limit = len(whole) + room
    with pytest.raises(LogWriteError) as failed:
        writer.write(Note(text="x" * 300))
    assert "Free space" in failed.value.remedy
    assert path.read_bytes() == whole
    file.limit = 10**9
    with pytest.raises(LogWriteError):
        writer.write(Note(text="later"))
    with pytest.raises(LogWriteError):
        writer.commit()
    writer.close()
    log = read_log(path)
    assert not log.damage
    assert log.torn is None
    assert path.read_bytes() == whole


def test_short_writes_are_continued(tmp_path: Path) -> None:
    class Dribble(io.FileIO):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            return super().write(data[:7]) or 0

    path = tmp_path / "a.jsonl"
    writer = LogWriter(Dribble(path, "xb"), path, VirtualClock())
    writer.write(header())
    writer.close()
    assert read_log(path).header == header()


def test_a_disk_that_takes_nothing_does_not_hang_the_visit(tmp_path: Path) -> None:
    class Nothing(io.FileIO):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            return 0

    writer = LogWriter(Nothing(tmp_path / "a.jsonl", "xb"), tmp_path / "a.jsonl", VirtualClock())
    with pytest.raises(LogWriteError):
        writer.write(header())
    writer.close()


def test_when_nothing_can_be_put_back_the_torn_end_is_owned_up_to(tmp_path: Path) -> None:
    class Stubborn(FullDisk):
        def truncate(self, size: int | None = None) -> int:
            raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "a.jsonl"
    file = Stubborn(path, "xb")
    writer = LogWriter(file, path, VirtualClock())
    writer.write(header())
    file.limit = path.stat().st_size + 40
    with pytest.raises(LogWriteError) as failed:
        writer.write(Note(text="lost"))
    writer.close()
    assert "torn" in failed.value.did
    log = read_log(path)
    assert log.torn is not None
    assert log.torn.n_bytes == 40
    assert not log.damage


def test_another_writer_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writer = begin(path)
    with path.open("ab") as other:
        other.write(b"something else\n")
    with pytest.raises(LogWriteError, match="another program"):
        writer.write(Note(text="mine"))
    writer.close()
    assert path.read_bytes().endswith(b"something else\n")


def test_commit_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    writer = begin(tmp_path / "a.jsonl")
    names = len(synced)
    writer.commit()
    assert len(synced) == names + 1
    writer.close()
    simulated = LogWriter.create(tmp_path / "b.jsonl", VirtualClock(), sync=False)
    simulated.commit()
    simulated.close()
    assert len(synced) == names + 1


def test_a_failing_commit_ends_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "a.jsonl"
    writer = begin(path)
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(LogWriteError, match="Input/output error"):
        writer.commit()
    with pytest.raises(LogWriteError):
        writer.write(Note(text="later"))
    writer.close()
    assert not read_log(path).damage


@pytest.mark.skipif(os.name == "nt", reason="Windows does not let an open file be removed")
def test_a_log_that_was_removed_during_the_visit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writer = begin(path)
    path.unlink()
    with pytest.raises(LogWriteError):
        writer.commit()
    writer.close()


def test_closing_twice_is_fine(tmp_path: Path) -> None:
    writer = begin(tmp_path / "a.jsonl")
    writer.close()
    writer.close()


# -- resume ------------------------------------------------------------------------------------------------------------


def test_resume_takes_the_place_of_the_torn_line_and_keeps_its_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with begin(path) as writer:
        writer.write(AdverseEvent(text="dizzy “°”"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    torn_line = whole[:-3].split(b"\n")[-1]
    writer, log = LogWriter.resume(path, VirtualClock())
    assert path.read_bytes() == whole[:-3]  # nothing changes before the record that explains the change
    writer.write(resume(torn=log.torn_text))
    writer.write(Note(text="on we go"))
    writer.close()
    again = read_log(path)
    assert not again.damage
    assert again.torn is None
    assert [type(record).__name__ for record in again.records] == ["Header", "Resume", "Note"]
    kept = again.records[1]
    assert isinstance(kept, Resume)
    assert kept.torn.encode() == torn_line
    assert len(again.sessions) == 2


def test_a_cut_inside_a_character_is_kept_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with begin(path) as writer:
        writer.write(Note(text="°"))
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex("°".encode()) + 1])
    writer, log = LogWriter.resume(path, VirtualClock())
    assert log.torn_text.endswith("\\xc2")
    writer.write(resume(torn=log.torn_text))
    writer.close()
    assert not read_log(path).damage


def test_resume_must_be_told_and_must_keep_the_torn_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with begin(path) as writer:
        writer.write(Note(text="lost"))
    cut = path.read_bytes()[:-9]
    path.write_bytes(cut)
    writer, _ = LogWriter.resume(path, VirtualClock())
    for record in (Note(text="as if nothing had been"), resume(torn=""), header()):
        with pytest.raises(LogWriteError, match="out of turn"):
            writer.write(record)
    writer.close()
    assert path.read_bytes() == cut


def test_a_disk_that_fills_up_during_resume_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    with begin(path) as writer:
        writer.write(Note(text="lost"))
    cut = path.read_bytes()[:-9]
    path.write_bytes(cut)
    real_open = Path.open

    def full(self: Path, mode: str = "r", buffering: int = -1) -> FullDisk:
        file = FullDisk(self, mode)
        file.limit = len(cut) + 30
        return file

    monkeypatch.setattr(Path, "open", full)
    writer, log = LogWriter.resume(path, VirtualClock())
    monkeypatch.setattr(Path, "open", real_open)
    with pytest.raises(LogWriteError):
        writer.write(resume(torn=log.torn_text))
    writer.close()
    assert path.read_bytes() == cut


def test_a_damaged_log_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    data = write_visit(path).replace(b"37.9", b"38.9", 1)
    path.write_bytes(data)
    with pytest.raises(LogDamagedError) as refused:
        LogWriter.resume(path, VirtualClock())
    assert refused.value.remedy
    assert path.read_bytes() == data


@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_log_without_a_header_is_not_continued(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.jsonl"
    begin(path).close()
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(LogDamagedError):
        LogWriter.resume(path, VirtualClock())


def test_resuming_what_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        LogWriter.resume(tmp_path / "none.jsonl", VirtualClock())
