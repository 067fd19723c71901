"""Writing the visit log: append-only, hash-chained, one unbuffered write a record.

In real time a thread writes (:mod:`qst.record.disk`), so that no stimulus ever waits for a disk; on virtual time each
record is in the file when ``write`` returns. After a failed write the log is cut back to its last whole record and the
writer refuses everything else: the visit stops, the log stays intact.
"""

import contextlib
import io
import itertools
import os
import re
from pathlib import Path
from types import TracebackType
from typing import Self

from qst.clock import Clock
from qst.errors import InputError, LogDamagedError, LogWriteError
from qst.record.disk import Backlog, Disk, LogFile
from qst.record.lines import ZERO_HASH, UnwritableRecordError, compose, utc_text
from qst.record.locking import lock
from qst.record.reader import VisitLog, read_log
from qst.record.records import Header, Record, Resume

_SAFE_PARTICIPANT = re.compile(r"[A-Za-z0-9_-]{1,32}")
_SAFE_PROTOCOL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


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
        self.path = path
        self._clock = clock
        self._resuming = continued
        self._seq = continued.last_seq if continued else 0
        self._prev = continued.last_hash if continued else ZERO_HASH
        lines = LogFile(
            file,
            path,
            good_size=continued.intact_bytes if continued else 0,
            torn=continued.torn_bytes if continued else b"",
            sync=sync,
        )
        self._disk: Disk = Backlog(lines, path, clock) if clock.kind == "real" else lines

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
        """Append ``record`` and return its line's hash (64 hex digits). Never waits for the disk in real time.

        Raises:
            LogWriteError: it is not in the log. When the disk refused it, or an earlier one, neither will be anything
                after it.
        """
        self._disk.check()
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
        self._disk.append(line)
        self._seq, self._prev, self._resuming = seq, digest, None
        return digest

    def commit(self) -> None:
        """Return only when everything written is on the disk (fsync).

        Raises:
            LogWriteError: the disk could not promise it, or the file is no longer where it was.
            Aborted: somebody stops the visit; in real time this does not wait for the disk, which goes on writing.
        """
        self._disk.flush()

    def check(self) -> None:
        """Raise LogWriteError if the disk has failed or is too far behind; for who must not wait to write to know."""
        self._disk.check()

    def close(self) -> None:
        """Wait until everything is written, and close the file. Idempotent."""
        self._disk.close()

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
