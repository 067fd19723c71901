"""What can be taken along from the finish screen: the report, the table and the log of the visit."""

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from qst.analysis.dataset import read
from qst.analysis.export import export
from qst.analysis.export.csv_format import lines
from qst.analysis.report import report_html
from qst.record.reader import read_log
from qst.record.records import AdverseEvent, Deviation, Note


class Aftermath(msgspec.Struct, frozen=True, kw_only=True):
    """What the log of a visit says besides its values."""

    verified: bool
    deviations: tuple[str, ...]
    adverse_events: tuple[str, ...]
    notes: tuple[str, ...]


def aftermath(log: Path) -> Aftermath:
    """Read it from the log itself, not from what the page remembers."""
    visit = read_log(log)
    return Aftermath(
        verified=visit.verified,
        deviations=tuple(f"{_trial(one)}{one.kind}: {one.text}" for one in visit.records if isinstance(one, Deviation)),
        adverse_events=tuple(f"{_trial(one)}{one.text}" for one in visit.records if isinstance(one, AdverseEvent)),
        notes=tuple(f"{_trial(one)}{one.text}" for one in visit.records if isinstance(one, Note)),
    )


def _trial(record: Deviation | AdverseEvent | Note) -> str:
    return "" if record.sequence_index is None else f"trial {record.sequence_index}: "


def trials_csv(log: Path) -> bytes:
    """One row an attempt, with units in the names of the columns: as ``qst thresholds`` prints it."""
    return "".join(lines(read([log], simulated="both", helpers=0).trials)).encode("utf-8")


def workbook(log: Path) -> bytes:
    """The tables of the visit as ``qst thresholds --out ….xlsx`` writes them. Raises InputError."""
    with tempfile.TemporaryDirectory(prefix="qst-") as folder:
        path = Path(folder) / "trials.xlsx"
        export(read([log], simulated="both", helpers=0), path)
        return path.read_bytes()


def report_page(log: Path) -> bytes:
    """The report for the study file. Raises InputError."""
    return report_html(log).encode("utf-8")


class HandOut(NamedTuple):
    """Something to take along.

    ``name``: in its address; ``ending``: after the log's name, in the browser's folder for downloads; ``needs``:
    libraries without which it is not offered; ``shown``: in a window of its own instead of being put into that folder.
    """

    name: str
    title: str
    ending: str
    media_type: str
    make: Callable[[Path], bytes]
    needs: tuple[str, ...] = ()
    shown: bool = False

    @property
    def available(self) -> bool:
        """Whether its libraries are installed."""
        return all(importlib.util.find_spec(library) is not None for library in self.needs)


HAND_OUTS: Final = (
    HandOut("report.html", "Report", ".html", "text/html; charset=utf-8", report_page, ("jinja2", "matplotlib"), True),
    HandOut("report-file.html", "Report as a file", ".html", "text/html; charset=utf-8", report_page,
            ("jinja2", "matplotlib")),
    HandOut("trials.csv", "Table of all attempts (CSV)", "_trials.csv", "text/csv; charset=utf-8", trials_csv),
    HandOut("trials.xlsx", "Tables (Excel)", "_trials.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", workbook, ("openpyxl",)),
    HandOut("log.jsonl", "The log itself", ".jsonl", "application/jsonl", Path.read_bytes),
)  # fmt: skip


def hand_out(name: str) -> HandOut | None:
    """What is offered under this name."""
    return next((one for one in HAND_OUTS if one.name == name and one.available), None)
