"""A recorder around any link: every open, close, write and read with its time, in a JSON-Lines file.

The first line says what was recorded (:class:`CaptureHeader`), each other line is one event (:class:`CaptureEvent`).
Bytes are hexadecimal. Such a file can be read by a person, sent along with a question, and served to a driver in place
of the device (:mod:`qst_drivers.links.replay`).

A recorder never stands in the way of what it records: when the file cannot be written any more (a full disk), the
recording ends, :attr:`CaptureLink.problem` says why, and the link goes on.
"""

import weakref
from pathlib import Path
from typing import Final, Literal

import msgspec

from qst.clock import Clock
from qst.errors import InputError, LinkError
from qst.instruments import Guard, Link, guard_of

VERSION: Final = 1
#: ``read`` came from a wait for bytes, ``arrived`` from a look at what was there.
Action = Literal["open", "write", "read", "arrived", "close"]


class CaptureHeader(msgspec.Struct, frozen=True, kw_only=True):
    """First line: version of the format, the link's description, the clock's kind, and when (UTC, ISO 8601)."""

    capture: int
    link: str
    clock: str
    utc: str


class CaptureEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event.

    ``t`` seconds on the visit's clock when it was over; ``hex`` the bytes; a ``read`` without bytes and without
    ``code``: the other side had hung up. ``code`` and ``what``: it failed with this error.
    """

    t: float
    do: Action
    hex: str = ""
    code: str = ""
    what: str = ""


class CaptureLink:
    """Passes everything on to another link, and records it.

    Args:
        link: the link to record.
        path: the file; must not exist.
        clock: the visit's clock.

    Raises:
        InputError: the file exists or cannot be written.
    """

    def __init__(self, link: Link, path: Path, clock: Clock) -> None:
        self._link = link
        self._now = clock.monotonic
        self._encode = msgspec.json.Encoder().encode
        self.path = path
        self.problem = ""  #: why the recording has ended; empty while it goes on
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise InputError(
                f"the capture cannot be written: {error.strerror}",
                where=str(path),
                remedy="name a folder in which you may write and that has no capture of this name",
            ) from error
        weakref.finalize(self, self._file.close)  # who forgets finish() loses nothing: there is no buffer
        self._line(CaptureHeader(capture=VERSION, link=link.description, clock=clock.kind, utc=clock.utc().isoformat()))

    @property
    def description(self) -> str:
        """Of the recorded link."""
        return self._link.description

    @property
    def guard(self) -> Guard | None:
        """Of the recorded link."""
        return guard_of(self._link)

    def open(self) -> None:
        """As the recorded link."""
        try:
            self._link.open()
        except LinkError as failed:
            self._failed("open", failed)
            raise
        self._record("open")

    def write(self, data: bytes) -> None:
        """As the recorded link."""
        try:
            self._link.write(data)
        except LinkError as failed:
            self._failed("write", failed)
            raise
        self._record("write", data)

    def read(self, timeout_s: float) -> bytes:
        """As the recorded link."""
        try:
            data = self._link.read(timeout_s)
        except LinkError as failed:
            self._failed("read", failed)
            raise
        self._record("read", data)
        return data

    def read_available(self) -> bytes:
        """As the recorded link; that nothing was there is not recorded."""
        try:
            data = self._link.read_available()
        except LinkError as failed:
            self._failed("arrived", failed)
            raise
        if data:
            self._record("arrived", data)
        return data

    def close(self) -> None:
        """As the recorded link. The file stays open: links are opened again."""
        self._link.close()
        self._record("close")

    def finish(self) -> None:
        """Close the file. Idempotent; nothing is recorded afterwards."""
        self._file.close()

    def _record(self, action: Action, data: bytes = b"") -> None:
        self._line(CaptureEvent(t=self._now(), do=action, hex=data.hex()))

    def _failed(self, action: Action, failed: LinkError) -> None:
        self._line(CaptureEvent(t=self._now(), do=action, code=failed.code, what=failed.what))

    def _line(self, line: CaptureHeader | CaptureEvent) -> None:
        if self._file.closed:
            return
        try:
            self._file.write(self._encode(line) + b"\n")
        except OSError as full:
            self.problem = f"the recording ended early: {full.strerror}"
            self._file.close()


def capture_links(link: Link, role: str, directory: Path, clock: Clock) -> CaptureLink:
    """Record one instrument's link in ``directory``, as ``ROLE.jsonl``, or ``ROLE-2.jsonl`` and so on if that exists.

    Raises:
        InputError: the folder cannot be made or written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the folder for captures cannot be made: {error.strerror}",
            where=str(directory),
            remedy="name a folder in which you may write",
        ) from error
    path, number = directory / f"{role}.jsonl", 1
    while path.exists():
        number += 1
        path = directory / f"{role}-{number}.jsonl"
    return CaptureLink(link, path, clock)
