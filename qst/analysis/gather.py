"""Reading many logs at once: this process begins with the first file, helpers on other cores with the last ones.

A helper is a plain ``python -m qst.analysis.gather`` that is told its files on standard input. It is no
``multiprocessing``: that would import an analyst's own script again on Windows, and fork a program that may have
threads. It writes a byte for each file that it has read, so that this process knows where the two have met, and all
answers at the end, when this process has nothing else to do. A helper that fails costs time and nothing else: its files
are then read here.
"""

import gc
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import msgspec

from qst.analysis.log_rows import LogRows
from qst.analysis.quick_rows import read_rows

#: A helper is worth its start only with this much to read, bytes.
WORTH_A_HELPER: Final = 40_000_000
MOST_HELPERS: Final = 7

#: What a helper writes: for each file that it has read, and in front of its answers.
_READ: Final = b"."
_ANSWERS: Final = b"!"


class Job(msgspec.Struct, frozen=True):
    """What a helper is asked for: files, in the order in which it is to read them."""

    paths: tuple[str, ...]
    verify: bool


_ANSWER: Final = msgspec.msgpack.Decoder(LogRows)
#: In front of each message there is its length.
_N_LENGTH: Final = 8


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(_N_LENGTH, "big") + message


def _messages(data: bytes) -> Iterator[memoryview]:
    """What was framed, one after the other."""
    view, begin = memoryview(data), 0
    while begin < len(data):
        end = begin + _N_LENGTH + int.from_bytes(view[begin : begin + _N_LENGTH], "big")
        yield view[begin + _N_LENGTH : end]
        begin = end


def gather(paths: Sequence[str], *, verify: bool, helpers: int | None = None) -> list[LogRows]:
    """All logs as columns, in the order of ``paths``.

    Args:
        paths: the files.
        verify: check every line's hash.
        helpers: how many processes to start besides this one; None decides by the size of the files.
    """
    if helpers is None:
        helpers = min((os.cpu_count() or 1) - 1, sum(map(_size, paths)) // WORTH_A_HELPER, MOST_HELPERS)
    backwards = [paths[last::-helpers] for last in range(len(paths) - 1, len(paths) - 1 - helpers, -1) if last >= 0]
    team = [_Helper(Job(tuple(share), verify)) for share in backwards]
    try:
        return _read_together(paths, team, verify=verify)
    finally:
        for helper in team:
            helper.kill()


def _read_together(paths: Sequence[str], team: Sequence["_Helper"], *, verify: bool) -> list[LogRows]:
    found = {}
    for path in paths:
        if not any(helper.has_read(path) for helper in team):
            found[path] = read_rows(path, verify=verify)
    for helper in team:
        for log in helper.answers():
            found.setdefault(log.path, log)
    return [found[path] if path in found else read_rows(path, verify=verify) for path in paths]


@contextmanager
def no_garbage() -> Iterator[None]:
    """Rows are plain values without cycles: looking through millions of them for cycles only costs time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0  # reading it will say what is wrong with it


class _Helper:
    """A helper at work, and a thread that takes what it says.

    Args:
        job: what it is to do.
    """

    def __init__(self, job: Job) -> None:
        self._place_of = {path: place for place, path in enumerate(job.paths)}
        self._n_read = 0
        self._answers = b""
        self._process = self._start(job)
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    @staticmethod
    def _start(job: Job) -> subprocess.Popen[bytes] | None:
        """The process; None when it cannot be started."""
        # -P: no file in the folder in which the analyst works is taken for a module.
        command = [sys.executable, "-P", "-m", "qst.analysis.gather"]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        try:
            process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere)  # noqa: S603 - ourselves
        except OSError:
            return None
        with suppress(OSError):  # one that died at once is noticed by its missing answers
            _stream(process.stdin).write(_framed(msgspec.msgpack.encode(job)))
            _stream(process.stdin).flush()
        return process

    def _listen(self) -> None:
        if self._process is None:
            return
        out = _stream(self._process.stdout)
        while (said := out.read(1)) == _READ:
            self._n_read += 1
        if said == _ANSWERS:
            self._answers = out.read()

    def has_read(self, path: str) -> bool:
        """Whether it says that it has read this file."""
        return self._place_of.get(path, self._n_read) < self._n_read

    def answers(self) -> list[LogRows]:
        """What it has read so far, after which it ends; nothing when it failed."""
        if self._process is None:
            return []
        with suppress(OSError):
            _stream(self._process.stdin).close()  # the sign that it is enough
        self._listening.join()
        try:
            return list(map(_ANSWER.decode, _messages(self._answers))) if self._process.wait() == 0 else []
        except msgspec.DecodeError:
            return []  # its end was cut off

    def kill(self) -> None:
        """End it, if it has not ended by itself."""
        if self._process is not None:
            with self._process:  # which closes its pipes, and waits for it
                self._process.kill()
                self._listening.join()


def _stream(pipe: IO[bytes] | None) -> IO[bytes]:
    """A pipe of a process that was started with one."""
    if pipe is None:
        raise ValueError("this process has no such pipe")
    return pipe


def main() -> None:
    """A helper: read one file after the other until there is none left, or somebody says that it is enough."""
    told, out = sys.stdin.buffer, sys.stdout.buffer
    job = msgspec.msgpack.decode(told.read(int.from_bytes(told.read(_N_LENGTH), "big")), type=Job)
    enough = threading.Event()

    def wait() -> None:
        told.read()
        enough.set()

    threading.Thread(target=wait, daemon=True).start()
    answers = []
    with no_garbage():
        for path in job.paths:
            if enough.is_set():
                break
            answers.append(_framed(msgspec.msgpack.encode(read_rows(path, verify=job.verify))))
            out.write(_READ)
            out.flush()
        out.write(_ANSWERS)
        out.writelines(answers)
        out.flush()
    os._exit(0)  # what is left to be freed is the system's


if __name__ == "__main__":
    main()
