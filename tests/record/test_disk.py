"""The log in real time: a slow or failing disk never holds anybody up, and never leaves anything but a whole log."""

import contextlib
import errno
import io
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.clock import RealClock, VirtualClock
from qst.errors import LogWriteError
from qst.record import disk
from qst.record.log import LogWriter
from qst.record.reader import read_log
from qst.record.records import Note
from tests.record.logs import header

LONG_S = 10.0


class Gate(io.FileIO):
    """A file that takes nothing while its gate is shut, and that can grow to ``limit`` bytes."""

    limit = 10**9

    def __init__(self, path: Path) -> None:
        super().__init__(path, "xb")
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()

    def write(self, data: bytes) -> int:  # type: ignore[override] # a buffer of bytes is all it is given
        self.reached.set()
        assert self.open.wait(LONG_S)
        room = self.limit - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data[:room]) or 0


class SlowSync:
    """fsync that returns when it is allowed to."""

    def __init__(self) -> None:
        self.allowed = threading.Event()
        self.reached = threading.Event()
        self.calls = 0

    def __call__(self, descriptor: int) -> None:
        self.calls += 1
        self.reached.set()
        assert self.allowed.wait(LONG_S)


@pytest.fixture
def sync(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowSync]:
    slow = SlowSync()
    monkeypatch.setattr(os, "fsync", slow)
    yield slow
    slow.allowed.set()


class Visit:
    """A writer in real time on a file whose gate a test opens and shuts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.abort = AbortSwitch()
        self.file = Gate(path)
        self.log = LogWriter(self.file, path, RealClock(self.abort))
        self.log.write(header())

    def notes(self) -> list[str]:
        return [record.text for record in read_log(self.path).records if isinstance(record, Note)]


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Visit]:
    visit = Visit(tmp_path / "a.jsonl")
    yield visit
    visit.file.open.set()
    visit.log.close()


def until(condition: Callable[[], bool]) -> None:
    for _ in range(int(LONG_S / 0.001)):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it did not happen")


def failed(log: LogWriter) -> bool:
    try:
        log.check()
    except LogWriteError:
        return True
    return False


def test_writing_does_not_wait_for_a_disk_that_takes_nothing(visit: Visit) -> None:
    visit.file.open.clear()
    for number in range(50):
        visit.log.write(Note(text=f"{number}"))
    visit.log.check()
    visit.file.open.set()
    visit.log.close()
    assert visit.notes() == [str(number) for number in range(50)]
    assert not read_log(visit.path).damage


def test_a_commit_returns_when_the_disk_has_everything_and_not_before(visit: Visit, sync: SlowSync) -> None:
    done = threading.Event()
    visit.log.write(Note(text="result"))

    def commit() -> None:
        visit.log.commit()
        done.set()

    thread = threading.Thread(target=commit)
    thread.start()
    assert sync.reached.wait(LONG_S)
    assert visit.notes() == ["result"]  # written before it is synced
    assert not done.is_set()
    sync.allowed.set()
    assert done.wait(LONG_S)
    thread.join()
    assert sync.calls == 1


def test_an_abort_ends_the_wait_for_the_disk_and_the_records_are_written_all_the_same(
    visit: Visit, sync: SlowSync
) -> None:
    visit.log.write(Note(text="before"))

    def stop() -> None:
        assert sync.reached.wait(LONG_S)
        visit.abort.throw(AbortCause.EMERGENCY_STOP)

    thrower = threading.Thread(target=stop)
    thrower.start()
    with pytest.raises(Aborted):
        visit.log.commit()
    thrower.join()
    visit.abort.take()
    visit.log.write(Note(text="stopped"))  # does not wait either
    sync.allowed.set()
    visit.log.commit()
    visit.log.close()
    assert visit.notes() == ["before", "stopped"]


@pytest.mark.parametrize("room", [0, 30])
def test_a_failed_write_is_raised_at_the_next_look_and_nothing_follows_it(visit: Visit, room: int) -> None:
    visit.log.commit()
    whole = visit.path.read_bytes()
    visit.file.limit = len(whole) + room
    visit.log.write(Note(text="lost"))
    until(lambda: failed(visit.log))
    visit.file.limit = 10**9  # space again: the log stays as it is
    for again in (visit.log.check, visit.log.commit, lambda: visit.log.write(Note(text="later"))):
        with pytest.raises(LogWriteError, match="No space left") as caught:
            again()
        assert "Free space" in caught.value.remedy
    visit.log.close()
    assert visit.path.read_bytes() == whole


def test_what_is_handed_over_behind_a_line_that_fails_is_never_written(visit: Visit) -> None:
    visit.log.commit()
    whole = visit.path.read_bytes()
    visit.file.open.clear()
    visit.file.limit = len(whole) + 10
    visit.log.write(Note(text="lost"))
    visit.log.write(Note(text="behind it"))
    visit.file.open.set()
    with pytest.raises(LogWriteError):
        visit.log.commit()
    visit.log.close()
    assert visit.path.read_bytes() == whole


def test_a_commit_that_fails_says_so(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(LogWriteError, match="Input/output error"):
        visit.log.commit()


def test_a_disk_that_hangs_is_a_failure_and_not_a_wait(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    visit.file.open.clear()
    visit.file.reached.clear()
    visit.log.write(Note(text="behind"))
    assert visit.file.reached.wait(LONG_S)
    monkeypatch.setattr(disk, "LONGEST_BEHIND_S", 0.0)
    for look in (visit.log.check, visit.log.commit):
        with pytest.raises(LogWriteError, match="too slow") as caught:
            look()
        assert caught.value.remedy
    visit.log.close()  # does not wait for ever either
    visit.file.open.set()


def test_more_than_the_bound_is_not_kept_waiting(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "MOST_BEHIND_BYTES", 2000)
    visit.log.commit()
    visit.file.open.clear()

    def write_on() -> None:
        for _ in range(100):
            visit.log.write(Note(text="x" * 200))

    with pytest.raises(LogWriteError, match="bytes behind"):
        write_on()
    visit.file.open.set()
    visit.log.close()
    assert not read_log(visit.path).damage
    assert 3 < len(visit.notes()) < 15


def test_a_closed_log_takes_nothing(visit: Visit) -> None:
    visit.log.close()
    visit.log.close()
    for late in (lambda: visit.log.write(Note(text="late")), visit.log.commit):
        with pytest.raises(ValueError, match="closed"):
            late()


def test_on_virtual_time_there_is_no_thread_and_a_record_is_in_the_file_at_once(tmp_path: Path) -> None:
    before = threading.active_count()
    with LogWriter.create(tmp_path / "a.jsonl", VirtualClock()) as log:
        log.write(header())
        assert threading.active_count() == before
        assert read_log(tmp_path / "a.jsonl").header == header()


class WriterMachine(RuleBasedStateMachine):
    """Any order of writes, commits, waits and failures leaves a verified log that holds at least what was committed."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.visit = Visit(Path(self.folder.name) / "a.jsonl")
        self.visit.log.commit()
        self.handed: list[str] = []
        self.committed = 0
        self.failing = False

    @rule(length=st.integers(0, 300))
    def write(self, length: int) -> None:
        text = f"{len(self.handed)} {'x' * length}"
        with self.may_fail():
            self.visit.log.write(Note(text=text))
            self.handed.append(text)

    @rule()
    def commit(self) -> None:
        if not self.visit.file.open.is_set():
            return
        with self.may_fail():
            self.visit.log.commit()
            self.committed = len(self.handed)

    @rule()
    def look(self) -> None:
        with self.may_fail():
            self.visit.log.check()

    @rule()
    def stall(self) -> None:
        self.visit.file.open.clear()

    @rule()
    def go_on(self) -> None:
        self.visit.file.open.set()

    @rule(room=st.integers(0, 600))
    def fill_the_disk(self, room: int) -> None:
        self.failing = True
        self.visit.file.limit = min(self.visit.file.limit, self.visit.path.stat().st_size + room)

    @rule()
    def stop_while_waiting(self) -> None:
        abort = self.visit.abort
        abort.throw(AbortCause.OPERATOR_STOP)
        with self.may_fail(), contextlib.suppress(Aborted):
            self.visit.log.commit()
        abort.take()
        abort.clear()

    @contextlib.contextmanager
    def may_fail(self) -> Iterator[None]:
        try:
            yield
        except LogWriteError:
            assert self.failing

    def teardown(self) -> None:
        if not hasattr(self, "visit"):
            return
        self.visit.file.open.set()
        self.visit.log.close()
        log = read_log(self.visit.path, verify=True)
        assert not log.damage
        assert log.torn is None
        notes = self.visit.notes() if log.header is not None else []
        assert notes == self.handed[: len(notes)]
        assert len(notes) >= self.committed
        if not self.failing:
            assert notes == self.handed
        self.folder.cleanup()


WriterMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestWriter = WriterMachine.TestCase
