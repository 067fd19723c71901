"""What guards did, in a file: for the session after the one that did not live to hear of it."""

import os
from pathlib import Path

import msgspec

from qst_drivers.guard.messages import Report, line

_DECODER = msgspec.json.Decoder(Report)


def append_report(path: Path, report: Report) -> None:
    """Add one line, and wait until it is on the disk. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        file.write(line(report))
        os.fsync(file.fileno())


def read_reports(path: Path) -> tuple[list[Report], int]:
    """The reports in a file, oldest first, and how many lines are none (a guard that was killed while writing).

    Raises:
        OSError: the file is there and cannot be read.
    """
    if not path.exists():
        return [], 0
    reports, unreadable = [], 0
    for text in path.read_bytes().splitlines():
        try:
            reports.append(_DECODER.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError):
            unreadable += 1
    return reports, unreadable
