"""A folder in the Brain Imaging Data Structure, checked by its own validator where that is installed."""

import csv
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qst
from qst.analysis.columnar import Cell
from qst.analysis.dataset import Dataset
from qst.analysis.export import export
from qst.analysis.export.bids import hold
from qst.errors import InputError
from tests.export.tables import OF, dataset, table
from tests.plots.visits import visit_log
from tests.record.logs import forge

#: Installed beside this Python, activated or not, or somewhere else on the machine.
_PLACES = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
VALIDATOR = shutil.which("bids-validator-deno", path=_PLACES) or shutil.which("bids-validator")
SESSIONS = re.compile(r"sub-[A-Za-z0-9]+_sessions\.(tsv|json)")
NAME = re.compile(
    r"sub-[A-Za-z0-9]+_ses-[A-Za-z0-9]+_task-[A-Za-z0-9]+(_run-[0-9]+)?"
    r"(_beh\.(tsv|json)|_recording-[A-Za-z0-9]+_physio\.(tsv\.gz|json))"
)


@pytest.fixture(scope="module")
def folder(visits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bids") / "dataset"
    assert export(visits, made, "bids") == (made,)
    return made


def tsv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text("utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.skipif(VALIDATOR is None, reason="the BIDS validator is not installed: pip install bids-validator-deno")
def test_the_validator_finds_no_error(folder: Path) -> None:
    assert errors_in(folder) == ""


def errors_in(folder: Path) -> str:
    """What the validator says, if it says that something is wrong."""
    result = subprocess.run([str(VALIDATOR), str(folder)], capture_output=True, text=True, check=False, timeout=120)
    said = result.stdout + result.stderr
    return said if result.returncode != 0 or "[ERROR]" in said else ""


def test_files_stand_where_their_names_say(folder: Path) -> None:
    files = [path for path in folder.rglob("sub-*/**/*") if path.is_file()]
    assert files
    for path in files:
        if SESSIONS.fullmatch(path.name):
            assert path.parent == folder / path.name.split("_", maxsplit=1)[0]
            continue
        assert NAME.fullmatch(path.name), path
        subject, session = path.name.split("_")[:2]
        assert path.parent == folder / subject / session / "beh"


def test_every_attempt_is_a_row_and_every_column_is_described(folder: Path, visits: Dataset) -> None:
    tables = sorted(folder.rglob("*_beh.tsv"))
    assert len(tables) == len(visits.visits)
    assert sum(len(tsv(path)) for path in tables) == len(visits.trials)
    for path in tables:
        sidecar = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        head = path.read_text("utf-8").splitlines()[0].split("\t")
        assert all(sidecar[name]["Description"] for name in head)
        assert sidecar["modality"]["Levels"] == {"pressure": "pressure", "heat": "heat", "cold": "cold"}
        assert re.sub("[^A-Za-z0-9]", "", sidecar["TaskName"]) in path.name
        assert all(cell for row in tsv(path) for cell in row.values())  # n/a, never blank


def test_every_visit_is_a_session_and_every_column_is_described(folder: Path, visits: Dataset) -> None:
    rows = {name: tsv(folder / f"sub-{name}/sub-{name}_sessions.tsv") for name in ("P01", "P02")}
    assert [row["session_id"] for row in rows["P01"]] == ["ses-01", "ses-02"]
    for subject, shown in rows.items():
        sidecar = json.loads((folder / f"sub-{subject}/sub-{subject}_sessions.json").read_text(encoding="utf-8"))
        assert all(sidecar[name]["Description"] for row in shown for name in row)
        assert ("Levels" in sidecar["outcome"]) == (subject == "P01")
    first, second = (row for row in visits.visits.dicts() if row["participant_id"] == "P02")
    (both,) = rows["P02"]
    assert (both["n_logs"], both["participant_id"]) == ("2", "P02")
    for name in ("session_uuid", "n_attempts"):
        assert set(both[name].split(" | ")) == {str(first[name]), str(second[name])}


@pytest.fixture
def early(tmp_path: Path) -> Dataset:
    """A visit, one that ended before its first attempt, one whose last attempt was cut off; another early one of P02."""
    whole = visit_log("demo-quick").splitlines(keepends=True)
    begun = next(number for number, line in enumerate(whole) if line.startswith(b'{"type":"trial_start"'))
    ended = next(number for number, line in enumerate(whole) if line.startswith(b'{"type":"trial",'))
    for visit, n_lines in ((1, len(whole)), (2, begun), (3, ended), (4, begun)):
        log = b"".join(whole[:n_lines])
        uuid = b'"session_uuid":"00000000-0000-4000-8000-%012d"' % visit
        log = re.sub(rb'"session_uuid":"[^"]*"', uuid, log, count=1).replace(b'"visit":1', b'"visit":%d' % visit, 1)
        if visit == 4:
            log = log.replace(b'"participant_id":"P01"', b'"participant_id":"P02"', 1)
        (tmp_path / f"{visit}.jsonl").write_bytes(forge(log, b"", b""))
    return qst.read(tmp_path)


def test_a_visit_without_attempts_is_a_session(early: Dataset, tmp_path: Path) -> None:
    export(early, tmp_path / "bids", "bids")
    rows = tsv(tmp_path / "bids" / "sub-P01" / "sub-P01_sessions.tsv")
    assert [(row["session_id"], row["n_attempts"]) for row in rows] == [
        ("ses-01", "4"),
        ("ses-02", "0"),
        ("ses-03", "1"),
    ]
    assert rows[1]["outcome"] == "interrupted"
    assert not (tmp_path / "bids" / "sub-P01" / "ses-02").exists()
    assert [row["session_id"] for row in tsv(tmp_path / "bids" / "sub-P02" / "sub-P02_sessions.tsv")] == ["ses-04"]
    assert "4 visit logs" in (tmp_path / "bids" / "README.md").read_text(encoding="utf-8")


def test_the_samples_of_an_attempt_that_was_cut_off_are_there(early: Dataset, tmp_path: Path) -> None:
    export(early, tmp_path / "bids", "bids")
    (table_path,) = (tmp_path / "bids" / "sub-P01" / "ses-03" / "beh").glob("*_beh.tsv")
    (shown,) = tsv(table_path)
    assert shown["outcome"] == "interrupted"
    (path,) = table_path.parent.glob(f"*_recording-{shown['recording']}_physio.tsv.gz")
    (row,) = (row for row in early.trials.dicts() if row["visit"] == 3)
    samples = {line.split("\t")[1] for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()}
    assert len(samples) == len(early.traces(row).time_s) > 2


@pytest.mark.skipif(VALIDATOR is None, reason="the BIDS validator is not installed: pip install bids-validator-deno")
def test_the_validator_takes_a_session_without_files(early: Dataset, tmp_path: Path) -> None:
    export(early, tmp_path / "bids", "bids")
    assert errors_in(tmp_path / "bids") == ""


def test_the_participants_keep_their_pseudonyms(folder: Path) -> None:
    assert tsv(folder / "participants.tsv") == [
        {"participant_id": "sub-P01", "pseudonym": "P-01"},
        {"participant_id": "sub-P02", "pseudonym": "P02"},
    ]


def test_a_trace_has_every_sample_as_it_was_recorded(folder: Path, visits: Dataset) -> None:
    wanted = [row for row in visits.trials.dicts() if row["participant_id"] == "P-01" and row["visit"] == 2]
    (table_path,) = folder.glob("sub-P01/ses-02/beh/*_beh.tsv")
    for row, shown in zip(wanted, tsv(table_path), strict=True):
        traces = visits.traces(row)
        stem = table_path.name.removesuffix("_beh.tsv")
        path = table_path.with_name(f"{stem}_recording-{shown['recording']}_physio.tsv.gz")
        sidecar = json.loads(path.with_name(path.name.replace(".tsv.gz", ".json")).read_text(encoding="utf-8"))
        lines = [line.split("\t") for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()]
        assert sidecar["Columns"][1] == "time"
        assert sidecar[sidecar["Columns"][0]]["UnitUCUM"] == row["unit_ucum"]
        samples = {float(time): float(value) for value, time in lines}
        assert list(samples) == traces.time_s.tolist()
        assert list(samples.values()) == traces.value.tolist()
        assert sidecar["SamplesNotShown"] == 0
        assert sidecar["StartTime"] == pytest.approx(float(shown["onset"]) + traces.time_s[0])


@settings(deadline=None)
@given(st.lists(st.integers(11, 2000), min_size=1, max_size=50), st.floats(0, 1000))
def test_a_trace_held_on_a_grid_shows_every_sample_at_its_time(gaps: list[int], start: float) -> None:
    times = np.array([start + sum(gaps[:count]) / 10_000 for count in range(len(gaps) + 1)])
    frequency_hz, shown = hold(times)
    grid = times[0] + np.arange(len(shown)) / frequency_hz
    assert set(shown.tolist()) == set(range(len(times)))
    assert (times[shown] <= grid + 1e-6).all()
    following = times[np.minimum(shown + 1, len(times) - 1)]
    assert ((following > grid - 1e-6) | (shown == len(times) - 1)).all()


def test_an_even_trace_is_its_own_grid() -> None:
    frequency_hz, shown = hold(np.array([0.0812 + tick * 0.02 for tick in range(120)]))
    assert (frequency_hz, shown.tolist()) == (50, list(range(120)))


def study_and_protocol(*pairs: tuple[str, str]) -> Dataset:
    """A visit and an attempt of one participant for each study and protocol."""
    made = []
    for name in ("visits", "trials"):
        rows: list[list[Cell]] = []
        for study, protocol in pairs:
            known = {"study_id": study, "participant_id": "P01", "protocol_id": protocol}
            rows.append([known.get(column.name) for column in OF[name]])
        made.append(table(name, rows))
    return dataset(*made)


def test_two_people_of_two_studies_do_not_become_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="several studies: S1, S2") as refused:
        export(study_and_protocol(("S1", "heat"), ("S2", "heat")), tmp_path / "a", "bids")
    assert "in a BIDS folder two participants" in refused.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_protocols_that_would_get_one_label_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="protocols 'heat-pain' and 'heatpain' would both be task-heatpain"):
        export(study_and_protocol(("S1", "heat-pain"), ("S1", "heatpain")), tmp_path / "a", "bids")
    assert list(tmp_path.iterdir()) == []


def test_participants_that_would_get_one_label_are_refused(tmp_path: Path) -> None:
    at = [column.name for column in OF["trials"]].index("participant_id")
    rows = [[*[None] * at, name, *[None] * (len(OF["trials"]) - at - 1)] for name in ("P-1", "p1")]
    with pytest.raises(InputError, match="'P-1' and 'p1' would both be sub-p1"):
        export(dataset(table("trials", rows)), tmp_path / "bids", "bids")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_the_same_each_time(folder: Path, visits: Dataset, tmp_path: Path) -> None:
    export(visits, tmp_path / "again", "bids")
    for path in folder.rglob("*"):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(folder)).read_bytes() == path.read_bytes()
