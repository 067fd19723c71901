"""Small datasets for pictures: a simulated visit, run once, and logs made by hand of the same records."""

import functools
import re
import tempfile
from pathlib import Path

import qst
from qst.analysis.dataset import Dataset
from qst.testing.station import VirtualStation
from tests.record.logs import forge

#: The shortest protocol.
DEMO = "demo-quick"


@functools.cache
def visit_log(protocol: str) -> bytes:
    """The log of a simulated visit in which nothing went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        station = VirtualStation("default", folder=Path(folder), seed=3, protocol=protocol)
        path = Path(folder) / "visit.jsonl"
        station.run(path=path)
        return path.read_bytes()


def other_order(log: bytes) -> bytes:
    """The log of the demo as if its two points had been pressed in the other order than its plan has them in."""
    found = re.compile(rb'("step_id":"pressure\.TRP\.)([LR])(\.1".*?"side":")[LR]"')
    return forge(found.sub(lambda one: one[1] + _SIDES[one[2]] + one[3] + _SIDES[one[2]] + b'"', log), b"", b"")


_SIDES = {b"L": b"R", b"R": b"L"}


def one_visit(folder: Path, protocol: str = "fibromyalgia-visit") -> Dataset:
    """The visit as a dataset; its log is ``folder/visit.jsonl``."""
    (folder / "visit.jsonl").write_bytes(visit_log(protocol))
    return qst.read(folder / "visit.jsonl")
