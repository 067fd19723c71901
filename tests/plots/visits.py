"""Small datasets for pictures: a simulated visit, run once, and logs made by hand of the same records."""

import functools
import tempfile
from pathlib import Path

import qst
from qst.analysis.dataset import Dataset
from qst.testing.station import VirtualStation

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


def one_visit(folder: Path, protocol: str = "fibromyalgia-visit") -> Dataset:
    """The visit as a dataset; its log is ``folder/visit.jsonl``."""
    (folder / "visit.jsonl").write_bytes(visit_log(protocol))
    return qst.read(folder / "visit.jsonl")
