"""Reading many logs at once: the files are shared out between this process and helpers on the machine's other cores.

A helper is a plain ``python -m qst.analysis.gather`` that is told its files on standard input and answers on standard
output. It is no ``multiprocessing``: that would import an analyst's own script again on Windows, and fork a program
that may have threads. A helper that fails costs time and nothing else: its files are then read here.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from qst.analysis.log_rows import LogRows
from qst.analysis.quick_rows import read_rows

#: A helper is worth its start only with this much to read, bytes.
WORTH_A_HELPER: Final = 40_000_000
#: What this process reads while a helper starts, bytes.
WHILE_ONE_STARTS: Final = 25_000_000
MOST_HELPERS: Final = 7


class Job(msgspec.Struct, frozen=True):
    """What a helper is asked for."""

    paths: tuple[str, ...]
    verify: bool


_ANSWER: Final = msgspec.msgpack.Decoder(list[LogRows])


def gather(paths: Sequence[str], *, verify: bool, helpers: int | None = None) -> Iterator[LogRows]:
    """All logs as rows, in the order of ``paths``.

    Args:
        paths: the files.
        verify: check every line's hash.
        helpers: how many processes to start besides this one; None decides by the size of the files.
    """
    shares = _share_out(paths, helpers)
    running = [(share, _start(Job(share, verify))) for share in shares[1:]]
    try:
        with _no_garbage():
            yield from _read_all(shares[0], verify=verify)
            for share, process in running:
                yield from _answer(process) or _read_all(share, verify=verify)
    finally:
        for _, process in running:
            if process is not None:
                process.kill()


def _read_all(paths: Iterable[str], *, verify: bool) -> Iterator[LogRows]:
    return (read_rows(path, verify=verify) for path in paths)


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Rows are plain values without cycles: looking through millions of them for cycles only costs time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _share_out(paths: Sequence[str], helpers: int | None) -> list[tuple[str, ...]]:
    """Runs of about equally many bytes; the first one, for this process, is longer: helpers have to start first."""
    sizes = [_size(path) for path in paths]
    total = sum(sizes)
    if helpers is None:
        helpers = min((os.cpu_count() or 1) - 1, total // WORTH_A_HELPER, MOST_HELPERS)
    share = max(0, total - WHILE_ONE_STARTS) / (helpers + 1)
    shares: list[list[str]] = [[] for _ in range(helpers + 1)]
    limit, done, at = share + WHILE_ONE_STARTS, 0, 0
    for path, size in zip(paths, sizes, strict=True):
        if done >= limit and at < helpers:
            at += 1
            limit += share
        shares[at].append(path)
        done += size
    return [tuple(share) for share in shares]


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0  # reading it will say what is wrong with it


def _start(job: Job) -> subprocess.Popen[bytes] | None:
    """A helper at work; None when it cannot be started."""
    # -P: no file in the folder in which the analyst works is taken for a module.
    command = [sys.executable, "-P", "-m", "qst.analysis.gather"]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere)  # noqa: S603 - ourselves
    except OSError:
        return None
    if process.stdin is not None:
        with suppress(OSError), process.stdin as pipe_in:  # one that died at once is noticed by its missing answer
            pipe_in.write(msgspec.msgpack.encode(job))
    return process


def _answer(process: subprocess.Popen[bytes] | None) -> list[LogRows] | None:
    """What a helper found; None when it failed."""
    if process is None:
        return None
    with process:
        answer = process.stdout.read() if process.stdout is not None else b""
    return _ANSWER.decode(answer) if process.returncode == 0 else None


def main() -> None:
    """A helper: one job in, its answer out."""
    job = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Job)
    with _no_garbage():
        sys.stdout.buffer.write(msgspec.msgpack.encode(list(_read_all(job.paths, verify=job.verify))))


if __name__ == "__main__":
    main()
