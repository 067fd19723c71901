"""The file of a visit log: whole lines only, and after a failure nothing more.

:class:`LogFile` writes where it is called. :class:`Backlog` does the same in a thread of its own, for visits in real
time: who stops a stimulus must never wait for a disk.
"""

import contextlib
import errno
import io
import os
import threading
from collections import deque
from pathlib import Path
from typing import Final, Protocol

from qst.clock import Clock, performance_seconds
from qst.errors import LogWriteError

#: A disk that is further behind than this, in bytes or in (real) seconds, counts as failed: our choice. A whole visit
#: is one or two megabytes; a slow but sound disk flushes within half a second.
MOST_BEHIND_BYTES: Final = 4_000_000
LONGEST_BEHIND_S: Final = 5.0
#: How often a commit looks whether the disk has done it, s.
LOOK_S: Final = 0.001

_DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class Disk(Protocol):
    """Where the lines of a log go. Every method but ``close`` raises LogWriteError once the disk has failed."""

    def append(self, line: bytes) -> None:
        """Write a whole line behind all others."""

    def flush(self) -> None:
        """Return only when every line is on the disk (fsync)."""

    def check(self) -> None:
        """Raise LogWriteError if the disk has failed. Costs next to nothing."""

    def close(self) -> None:
        """Write what is left and close the file. Idempotent."""


class LogFile:
    """The open file. Used by one thread at a time.

    Args:
        file: unbuffered, open for writing, at the end of its last whole line.
        path: where it is, for messages.
        good_size: bytes up to the end of its last whole line.
        torn: what stands behind that line until the first one is appended.
        sync: whether ``flush`` waits for the disk.
    """

    def __init__(self, file: io.RawIOBase, path: Path, *, good_size: int, torn: bytes, sync: bool) -> None:
        self._file = file
        self._path = path
        self._good_size = good_size
        self._torn = torn
        self._sync = sync
        self._failure: LogWriteError | None = None

    def check(self) -> None:
        """Raise LogWriteError if something has failed before."""
        if self._failure is not None:
            raise self._failure

    def append(self, line: bytes) -> None:
        """Write a line; when the disk refuses, cut the file back to its last whole one."""
        self.check()
        try:
            self._check_alone()
            self._write_all(line)
        except OSError as error:
            raise self._give_up(error) from error
        self._good_size += len(line)
        # A resume record holds the torn text and more, so it always reaches beyond the torn line that it replaces.
        self._torn = b""

    def flush(self) -> None:
        """Everything is on the disk when this returns, and the file still has its name."""
        self.check()
        if not self._sync:
            return
        try:
            os.fsync(self._file.fileno())
            self._path.stat()
        except OSError as error:
            raise self._give_up(error) from error

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()

    def _write_all(self, data: bytes) -> None:
        while data:
            written = self._file.write(data)
            if not written:
                raise OSError(errno.EIO, "the disk took nothing")
            data = data[written:]

    def _check_alone(self) -> None:
        """Nobody else may have changed the file since our last write."""
        if os.fstat(self._file.fileno()).st_size != self._good_size + len(self._torn):
            raise OSError(errno.EBUSY, "another program changed the file")

    def _give_up(self, error: OSError) -> LogWriteError:
        """Put the file back to its last whole line and refuse everything from now on."""
        restored = False
        if error.errno != errno.EBUSY:
            with contextlib.suppress(OSError):  # the disk already fails; the error that counts is on its way
                self._put_back()
                restored = True
        self._failure = LogWriteError(
            f"the visit log cannot be written: {error.strerror or error}",
            where=str(self._path),
            did="kept every whole record" + ("" if restored else "; the file's end may be torn"),
            remedy=(
                "Free space on the disk, then resume the visit."
                if error.errno in _DISK_FULL
                else "Check the disk and who else uses the file, then resume the visit."
            ),
        )
        return self._failure

    def _put_back(self) -> None:
        self._file.seek(self._good_size)
        if self._torn:
            self._file.write(self._torn)
        self._file.truncate(self._good_size + len(self._torn))


class Backlog:
    """Appends and flushes in a thread, in the order in which it is told; ``append`` never waits for the disk.

    A failure in the thread is raised at the next call, whatever that is; what was handed over behind the line that
    failed is never written. ``flush`` waits, but an abort ends its wait (the lines are written all the same).

    Args:
        file: from now on used by the thread alone.
        path: where it is, for messages.
        clock: whose sleep an abort ends.
    """

    def __init__(self, file: LogFile, path: Path, clock: Clock) -> None:
        self._file = file
        self._path = path
        self._clock = clock
        # Each job with the moment at which it was handed over; it leaves the queue when it is done.
        self._jobs: deque[tuple[float, bytes | threading.Event | None]] = deque()
        self._more = threading.Semaphore(0)
        self._failure: LogWriteError | None = None
        self._handed_bytes = 0  # counted by the caller
        self._done_bytes = 0  # counted by the thread
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="visit log", daemon=True)
        self._thread.start()

    # -- the caller's side ----------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise LogWriteError if the disk has failed, or is too far behind."""
        if self._failure is None:
            behind_s, behind_bytes = self._behind_s(), self._handed_bytes - self._done_bytes
            if behind_s <= LONGEST_BEHIND_S and behind_bytes <= MOST_BEHIND_BYTES:
                return
            self._failure = LogWriteError(
                f"the disk of the visit log is too slow: it is {behind_s:.1f} s and {behind_bytes} bytes behind",
                where=str(self._path),
                did="took no further records; those that the disk has yet to write stay whole, or are not there",
                remedy="Use a disk of this computer that works and has space, then resume the visit.",
            )
        raise self._failure

    def append(self, line: bytes) -> None:
        """Hand a line over."""
        self._require_open()
        self.check()
        self._handed_bytes += len(line)
        self._hand_over(line)

    def flush(self) -> None:
        """Wait until everything handed over so far is on the disk. Raises LogWriteError, Aborted."""
        self._require_open()
        self.check()
        done = threading.Event()
        self._hand_over(done)
        while not done.is_set():
            self.check()
            self._clock.sleep(LOOK_S)
        self.check()

    def close(self) -> None:
        """Wait until everything is written, and close the file; a disk that hangs is left to its thread. Idempotent."""
        if not self._closed:
            self._closed = True
            self._hand_over(None)
        self._thread.join(LONGEST_BEHIND_S)

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError("the visit log is closed")

    def _hand_over(self, job: bytes | threading.Event | None) -> None:
        self._jobs.append((performance_seconds(), job))
        self._more.release()

    def _behind_s(self) -> float:
        try:
            since_s, _ = self._jobs[0]
        except IndexError:
            return 0.0
        return performance_seconds() - since_s

    # -- the thread's side ----------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            self._more.acquire()
            _, job = self._jobs[0]
            if job is None:
                self._file.close()
                self._jobs.popleft()
                return
            self._do(job)
            self._jobs.popleft()

    def _do(self, job: bytes | threading.Event) -> None:
        try:
            if isinstance(job, bytes):
                self._file.append(job)
            else:
                self._file.flush()
        except LogWriteError as failed:  # raised in the caller's thread; the file refuses whatever follows
            self._failure = failed
        if isinstance(job, bytes):
            self._done_bytes += len(job)
        else:
            job.set()
