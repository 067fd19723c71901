"""What can be taken along from the finish screen: the visit's table and its log."""

from pathlib import Path

import msgspec

from qst.analysis.dataset import read
from qst.analysis.export.csv_format import lines
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


def trials_csv(log: Path) -> str:
    """One row an attempt, with units in the names of the columns: as ``qst thresholds`` prints it."""
    return "".join(lines(read([log], simulated="both", helpers=0).trials))
