"""A folder in the Brain Imaging Data Structure: attempts as ``_beh.tsv``, traces as ``_physio.tsv.gz``, with sidecars.

``sub-<participant>/ses-<visit>/beh/sub-…_ses-…_task-<protocol>_beh.tsv``, and what each visit came to in
``sub-<participant>/sub-…_sessions.tsv``, also for a visit in which no attempt was begun. Instruments are polled at a
rhythm that follows the ramp, and BIDS knows a fixed sampling frequency only. So a trace is sampled and held on a grid
fine enough to show every sample: each line has the latest sample as it was reported and, in the column ``time``, when
that was. No value is interpolated, and the lines where ``time`` changes are the recorded samples, exactly.

Not in the folder: the scores (they are means of rows that are), the protocol's and the station's text, and the records
of a log that are about no attempt: states, failures and decisions one by one.
"""

import gzip
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import qst
from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import Column, Kind
from qst.analysis.columns import column as make_column
from qst.analysis.dataset import Dataset, Traces
from qst.analysis.export.bids_sessions import PLACE, columns_of, session_label, write_sessions
from qst.analysis.export.bids_tsv import MISSING, described, field, label, lines, units, write_json, write_tsv
from qst.analysis.export.cells import check, utc
from qst.analysis.export.dictionary import Entry, Missing, entry, meaning
from qst.analysis.export.whose import only_study, refuse_alike

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SUFFIXES: Final = ()
TITLE: Final = "BIDS folders"
DICTIONARY_FILE: Final = "dictionary.json"

BIDS_VERSION: Final = "1.10.0"

_EXTRA: Final = (
    make_column(
        "onset",
        Kind.NUMBER,
        "When the attempt began, since the first attempt of this file.",
        "s",
        derivation="difference of t_utc",
    ),
    make_column(
        "recording",
        Kind.TEXT,
        "Label of the file with the trace; n/a when there is none.",
        derivation="made of sequence_index and attempt",
    ),
)
_ENTITY: Final = {"participant": "sub", "protocol": "task"}
_FINEST_HZ: Final = 1000
_SLACK: Final = 1e-6  # of a tick, for times that are binary fractions
_QUANTITY: Final = {"Cel": ("temperature", "Temperature"), "kPa": ("pressure", "Pressure")}


class _Run(NamedTuple):
    """What one ``_beh.tsv`` holds: the rows of one log. ``stem`` is the files' name up to the suffix."""

    folder: str
    stem: str
    rows: Sequence[dict[str, Cell]]


def write(dataset: Dataset, table: Table, path: Path) -> dict[str, tuple[Table, tuple[Entry, ...]]]:
    """Write the folder; returns what stands in it, for the dictionary.

    Raises:
        InputError: visits of several studies, or two participants, or two protocols, that would get the same label.
    """
    del table
    trials, visits = dataset.trials, dataset.visits
    check(trials)
    check(visits)
    only_study(visits, "a BIDS folder")
    subjects = _labels("participant", trials, visits)
    tasks = _labels("protocol", trials)
    path.mkdir()
    _write_top(dataset, path, subjects)
    write_sessions(visits, path, subjects)
    for run in _runs(trials, subjects, tasks):
        _write_run(dataset, path / run.folder, run)
    columns = [*trials.columns, *_EXTRA]
    return {
        "beh/*_beh.tsv": (trials, tuple(map(_entry, columns))),
        PLACE: (visits, tuple(map(_entry, columns_of(visits)))),
    }


def _entry(column: Column) -> Entry:
    return entry(column, stored_as=column.kind.value, missing=[Missing(MISSING, meaning(column))])


def _labels(what: str, *tables: Table) -> dict[str, str]:
    """Label of each participant, or protocol: its name without ``-`` and ``_``, which BIDS has other uses for."""
    names = sorted({str(one) for table in tables for one in table.column(f"{what}_id")})
    labels = {name: label(name, what) for name in names}
    refuse_alike(labels, f"{what}s", _ENTITY[what] + "-{}")
    return labels


def _runs(trials: Table, subjects: Mapping[str, str], tasks: Mapping[str, str]) -> Iterator[_Run]:
    """One run a log; numbered when a participant has several of one protocol at one visit."""
    logs: dict[Cell, list[dict[str, Cell]]] = {}
    for row in trials.dicts():
        logs.setdefault(row["session_uuid"], []).append(row)
    names: dict[str, list[list[dict[str, Cell]]]] = {}
    for rows in sorted(logs.values(), key=lambda rows: (str(rows[0]["t_utc"]), str(rows[0]["session_uuid"]))):
        names.setdefault(_name(rows[0], subjects, tasks), []).append(rows)
    for name, several in sorted(names.items()):
        folder = "/".join((*name.split("_")[:2], "beh"))
        for number, rows in enumerate(several, 1):
            yield _Run(folder, f"{name}_run-{number}" if len(several) > 1 else name, rows)


def _name(row: Mapping[str, Cell], subjects: Mapping[str, str], tasks: Mapping[str, str]) -> str:
    subject, task = subjects[str(row["participant_id"])], tasks[str(row["protocol_id"])]
    return f"sub-{subject}_{session_label(row['visit'])}_task-{task}"


def _write_run(dataset: Dataset, folder: Path, run: _Run) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    began = min(utc(row["t_utc"]) for row in run.rows if row["t_utc"] is not None)
    table_rows: list[list[Cell]] = []
    for row in run.rows:
        onset = (utc(row["t_utc"]) - began).total_seconds()
        recording = _write_trace(dataset, folder / run.stem, row, onset)
        table_rows.append([onset, *row.values(), recording])
    onset_column, recording_column = _EXTRA
    columns = [onset_column, *dataset.trials.columns, recording_column]
    write_tsv(folder / f"{run.stem}_beh.tsv", [column.name for column in columns], table_rows)
    write_json(folder / f"{run.stem}_beh.json", _beh_sidecar(run.rows[0], columns))


def _beh_sidecar(row: Mapping[str, Cell], columns: Iterable[Column]) -> dict[str, Any]:
    protocol = f"{row['protocol_id']} {row['protocol_version']}"
    return {
        "TaskName": row["protocol_id"],
        "TaskDescription": f"Quantitative sensory testing after protocol {protocol}.",
        **{column.name: described(column) for column in columns},
    }


def _write_trace(dataset: Dataset, stem: Path, row: Mapping[str, Cell], onset_s: float) -> str | None:
    """The trace of one attempt, if it has at least two samples; returns the label of its recording.

    An attempt whose result was never recorded says nothing of its samples: only the log does.
    """
    traces = dataset.traces(row)
    if len(traces.time_s) < 2 or traces.time_s[-1] <= traces.time_s[0]:  # noqa: PLR2004 - no frequency of one sample
        return None
    recording = f"{int(str(row['sequence_index'])):03d}attempt{row['attempt']}"
    name = stem.with_name(f"{stem.name}_recording-{recording}_physio")
    frequency_hz, shown = hold(traces.time_s)
    pairs = zip(traces.value[shown].tolist(), traces.time_s[shown].tolist(), strict=True)
    text = "".join(lines(pairs))
    name.with_name(f"{name.name}.tsv.gz").write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
    sidecar = _trace_sidecar(traces, row)
    sidecar |= {"SamplingFrequency": frequency_hz, "StartTime": onset_s + float(traces.time_s[0])}
    sidecar["SamplesNotShown"] = len(traces.time_s) - len(set(shown.tolist()))
    write_json(name.with_name(f"{name.name}.json"), sidecar)
    return recording


def hold(time_s: "npt.NDArray[np.float64]") -> "tuple[int, npt.NDArray[np.intp]]":
    """A grid that shows every sample: its frequency in Hz, and for each of its ticks the latest sample's index.

    Args:
        time_s: when the samples were taken, ascending. Those closer than a thousandth of a second may hide each other.
    """
    import numpy as np  # noqa: PLC0415 - large; the traces were made with it

    gaps = np.diff(time_s)
    shortest = max(float(gaps[gaps > 0].min()), 1 / _FINEST_HZ)
    frequency_hz = math.ceil(1 / shortest - _SLACK)
    ticks = math.ceil((time_s[-1] - time_s[0]) * frequency_hz - _SLACK) + 1
    grid = time_s[0] + np.arange(ticks) / frequency_hz
    return frequency_hz, np.searchsorted(time_s, grid + _SLACK / frequency_hz, side="right") - 1


def _trace_sidecar(traces: Traces, row: Mapping[str, Cell]) -> dict[str, Any]:
    name, word = _QUANTITY[traces.unit]
    return {
        "TaskName": row["protocol_id"],
        "Columns": [name, "time"],
        "PhysioType": "generic",
        "Manufacturer": field(row["instrument"]),
        "ManufacturersModelName": field(row["device_model"]),
        "DeviceSerialNumber": field(row["device_serial"]),
        "time": {
            "Description": "When this sample was taken, since the attempt's start. The instrument was not polled at "
            "an even rhythm: a sample is repeated until the next, and where this column changes is a recorded sample.",
            **units("s"),
        },
        name: {"Description": f"{word} as the instrument reported it.", **units(traces.unit)},
    }


def _write_top(dataset: Dataset, path: Path, subjects: Mapping[str, str]) -> None:
    visits = dataset.visits
    studies = sorted({str(study) for study in visits.column("study_id") if study})
    name = " ".join(("Quantitative sensory testing", *studies))
    description = {
        "Name": name,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "qst-suite", "Version": qst.__version__}],
    }
    write_json(path / "dataset_description.json", description)
    people = [[f"sub-{made}", pseudonym] for pseudonym, made in subjects.items()]
    write_tsv(path / "participants.tsv", ["participant_id", "pseudonym"], people)
    write_json(path / "participants.json", _PARTICIPANTS)
    simulated = visits.column("is_simulated").count(True)
    (path / "README.md").write_text(
        _README.format(name=name, logs=len(visits), simulated=simulated), encoding="utf-8", newline="\n"
    )
    (path / ".bidsignore").write_text(f"{DICTIONARY_FILE}\n", encoding="utf-8", newline="\n")


_PARTICIPANTS: Final = {
    "participant_id": {"Description": "Label of the participant in this folder."},
    "pseudonym": {"Description": "Pseudonym of the participant as the visit logs have it."},
}

_README: Final = """\
# {name}

Pain thresholds by quantitative sensory testing: {logs} visit logs, {simulated} of them of simulated participants on
simulated instruments (column is_simulated).

Each `_sessions.tsv` has one row a visit: how complete it is, how it ended, deviations and adverse events. A visit in
which no attempt was begun stands there and nowhere else.

Each `_beh.tsv` has one row an attempt at a trial, valid or not: select `valid` and `censoring` before you average. Each
`_physio.tsv.gz` is the temperature or pressure during one attempt, sampled and held at an even frequency: nothing is
interpolated. Its column `time` says when a sample was really taken, since the attempt's start; the lines where it
changes are the recorded samples. Values have the unit that the column `unit_ucum` names. Tabs and line ends in free
text were replaced by blanks. `dictionary.json` describes every column.

Not here, and in the visit logs: scores (means of rows that are here), the text of protocol and station, and what was
recorded about no attempt, one by one.
"""
