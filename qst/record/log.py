"""Writing the visit log: append-only, hash-chained, one unbuffered write a record.

A process that is killed loses at most the end of the line it was writing. After a failed write the log is cut back to
its last whole record and the writer refuses everything else: the visit stops, the log stays intact.
"""

import contextlib
import errno
import io
import itertools
import os
import re
from pathlib import Path
from types import TracebackType
from typing import Self

from qst.clock import Clock
from qst.errors import InputError, LogDamagedError, LogWriteError
from qst.record.lines import ZERO_HASH, UnwritableRecordError, compose, utc_text
from qst.record.locking import lock
from qst.record.reader import VisitLog, read_log
from qst.record.records import Header, Record, Resume

_SAFE_PARTICIPANT = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SAFE_PROTOCOL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


def log_path(data_dir: Path, participant: str, visit: int, protocol_id: str) -> Path:
    """Where a new visit's log goes: ``<participant>_visit-<visit>_<protocol>.jsonl``, with ``_2``, … when taken.

    The name helps a person to find the file; what counts stands inside.

    Raises:
        InputError: a name has characters that some file system refuses or that lead elsewhere.
    """
    if not _SAFE_PARTICIPANT.fullmatch(participant):
        raise InputError(
            f"{participant!r} cannot be a participant id",
            remedy="Use 1 to 32 letters, digits, '_' or '-' (A-Z, a-z, 0-9).",
        )
    if not _SAFE_PROTOCOL.fullmatch(protocol_id) or visit < 1:
        raise InputError(
            f"visit {visit} of protocol {protocol_id!r} cannot name a file",
            remedy="Number visits from 1; use letters, digits, '.', '_' or '-' in a protocol's id, at most 64.",
        )
    stem = f"{participant}_visit-{visit}_{protocol_id}"
    for count in itertools.count(1):
        path = data_dir / (f"{stem}.jsonl" if count == 1 else f"{stem}_{count}.jsonl")
        if not path.exists():
            break
    return path


class LogWriter:
    """Appends records to one visit's log. Make one with :meth:`create` or :meth:`resume`.

    Args:
        file: unbuffered file, open for writing.
        path: where it is, for messages.
        clock: stamps the lines.
        continued: the log so far, when an earlier process wrote it.
        sync: whether :meth:`commit` waits for the disk. Only a simulated visit, which can be repeated, may do without.
    """

    def __init__(
        self, file: io.RawIOBase, path: Path, clock: Clock, *, continued: VisitLog | None = None, sync: bool = True
    ) -> None:
        self._file = file
        self.path = path
        self._clock = clock
        self._sync = sync
        self._broken: LogWriteError | None = None
        self._resuming = continued
        self._seq = continued.last_seq if continued else 0
        self._prev = continued.last_hash if continued else ZERO_HASH
        self._good_size = continued.intact_bytes if continued else 0
        self._size = continued.n_bytes if continued else 0

    @classmethod
    def create(cls, path: Path, clock: Clock, *, sync: bool = True) -> Self:
        """Begin a new log; its first record must be the header.

        Raises:
            InputError: the file exists (a log is never overwritten) or cannot be created.
        """
        _make_folder(path.parent)
        try:
            file = path.open("xb", buffering=0)
        except FileExistsError as error:
            raise InputError(
                "there is already a file of this name",
                where=str(path),
                did="left it as it is",
                remedy="Choose another name or data directory; to go on with an interrupted visit, resume it.",
            ) from error
        except OSError as error:
            raise InputError(
                f"the visit log cannot be created: {error.strerror}",
                where=str(path),
                did="connected nothing",
                remedy="Choose a data directory that you may write to.",
            ) from error
        lock(file)
        if sync:
            _sync_directory(path.parent)
        return cls(file, path, clock, sync=sync)

    @classmethod
    def resume(cls, path: Path, clock: Clock, *, sync: bool = True) -> tuple[Self, VisitLog]:
        """Go on with an interrupted log. The first record must be a ``Resume`` that keeps the torn text, if any.

        Nothing changes in the file before that record is written; it takes the place of the torn line.

        Returns:
            The writer, and what the log holds so far.

        Raises:
            LogDamagedError: the log does not verify up to its (possibly torn) last line, or has no header.
            InputError: it cannot be read, or not opened for writing.
        """
        file = _open_locked(path)
        try:
            log = _continuable(path)
            file.seek(log.intact_bytes)
        except BaseException:
            file.close()
            raise
        return cls(file, path, clock, continued=log, sync=sync), log

    def write(self, record: Record) -> str:
        """Append ``record`` and return its line's hash (64 hex digits).

        Raises:
            LogWriteError: it is not in the log. When the disk refused it, neither will be anything after it.
        """
        if self._broken is not None:
            raise self._broken
        self._check_turn(record)
        seq = self._seq + 1
        try:
            line, digest = compose(
                record, seq=seq, utc=utc_text(self._clock.utc()), t_s=self._clock.monotonic(), prev=self._prev
            )
        except UnwritableRecordError as error:
            raise LogWriteError(
                str(error), where=str(self.path), did="wrote nothing; the log is intact", remedy="Report this defect."
            ) from error
        if self._resuming is not None:
            line = self._resuming.missing_end + line
        self._append(line)
        self._seq, self._prev, self._resuming = seq, digest, None
        return digest

    def commit(self) -> None:
        """Return only when everything written is on the disk (fsync).

        Raises:
            LogWriteError: the disk could not promise it, or the file is no longer where it was.
        """
        if self._broken is not None:
            raise self._broken
        if not self._sync:
            return
        try:
            os.fsync(self._file.fileno())
            self.path.stat()
        except OSError as error:
            raise self._give_up(error) from error

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_turn(self, record: Record) -> None:
        """A log begins with its header; a resumed one goes on with the record that keeps the torn text."""
        if self._resuming is not None:
            in_turn = isinstance(record, Resume) and record.torn == self._resuming.torn_text
        else:
            in_turn = isinstance(record, Header) == (self._seq == 0)
        if not in_turn:
            raise LogWriteError(
                "this record is out of turn: a log begins with its header, and goes on after an interruption with a "
                "resume record that keeps the torn text",
                where=str(self.path),
                did="wrote nothing; the log is intact",
                remedy="Report this defect.",
            )

    def _append(self, line: bytes) -> None:
        try:
            self._check_alone()
            self._write_all(line)
        except OSError as error:
            raise self._give_up(error) from error
        self._good_size += len(line)
        # A resume record holds the torn text and more, so it always reaches beyond the torn line that it replaces.
        self._size = self._good_size

    def _write_all(self, data: bytes) -> None:
        while data:
            written = self._file.write(data)
            if not written:
                raise OSError(errno.EIO, "the disk took nothing")
            data = data[written:]

    def _check_alone(self) -> None:
        """Nobody else may have changed the file since our last write."""
        if os.fstat(self._file.fileno()).st_size != self._size:
            raise OSError(errno.EBUSY, "another program changed the file")

    def _give_up(self, error: OSError) -> LogWriteError:
        """Put the file back to its last whole record and refuse everything from now on."""
        restored = False
        if error.errno != errno.EBUSY:
            with contextlib.suppress(OSError):  # the disk already fails; the error that counts is on its way
                self._put_back()
                restored = True
        self._broken = LogWriteError(
            f"the visit log cannot be written: {error.strerror or error}",
            where=str(self.path),
            did="kept every whole record" + ("" if restored else "; the file's end may be torn"),
            remedy=(
                "Free space on the disk, then resume the visit."
                if error.errno in _DISK_FULL
                else "Check the disk and who else uses the file, then resume the visit."
            ),
        )
        return self._broken

    def _put_back(self) -> None:
        self._file.seek(self._good_size)
        torn = self._resuming.torn_bytes if self._resuming is not None else b""
        if torn:
            self._file.write(torn)
        self._file.truncate(self._good_size + len(torn))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder for visit logs cannot be created: {error.strerror}",
            where=str(folder),
            did="connected nothing",
            remedy="Choose a folder that you may write to.",
        ) from error


def _open_locked(path: Path) -> io.RawIOBase:
    """The log, open for writing, for this process alone."""
    try:
        file = path.open("r+b", buffering=0)
    except OSError as error:
        raise InputError(
            f"the visit log cannot be opened for writing: {error.strerror}",
            where=str(path),
            remedy="Close other programs that use the file and check that you may write to it.",
        ) from error
    if not lock(file):
        file.close()
        raise InputError(
            "this visit log is in use: its visit is still running",
            where=str(path),
            did="changed nothing",
            remedy="End the program that runs the visit first.",
        )
    return file


def _continuable(path: Path) -> VisitLog:
    """The log so far. Raises LogDamagedError when it may not be continued."""
    log = read_log(path, verify=True)
    if log.damage or log.header is None:
        what = log.damage[0].what if log.damage else "the file ends inside its first record"
        raise LogDamagedError(
            f"this log cannot be continued: {what}",
            where=str(path),
            did="changed nothing",
            remedy="'qst verify' tells more. Keep the file as it is; if it cannot be mended, begin a new visit log.",
        )
    return log


def _sync_directory(directory: Path) -> None:
    """Put the new file's name on the disk as well, where the system lets a directory be opened for that."""
    with contextlib.suppress(OSError):  # Windows opens no directory; it writes the name with the file
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
