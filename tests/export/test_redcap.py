"""A REDCap import whose rows satisfy the dictionary that it ships with, by REDCap's rules."""

import csv
import json
import shutil
from pathlib import Path

import pyarrow.csv
import pyreadstat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qst
from qst.analysis.columnar import Cell, Table
from qst.analysis.columns import Column
from qst.analysis.dataset import Dataset
from qst.analysis.export import export
from qst.analysis.export.csv_format import lines
from qst.errors import InputError
from tests.export.redcap_rules import check_project, read
from tests.export.tables import OF, cells, dataset, numbers, table


@pytest.fixture(scope="module")
def project(visits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("redcap") / "project"
    assert export(visits, folder, "redcap") == (folder,)
    return folder


def rows_of(folder: Path) -> list[dict[str, str]]:
    head, *rows = read(folder / "data.csv")
    return [dict(zip(head, row, strict=True)) for row in rows]


def test_the_rows_satisfy_the_dictionary(project: Path) -> None:
    assert check_project(project) == []


def test_every_attempt_score_and_visit_is_there_once(project: Path, visits: Dataset) -> None:
    forms = [row["redcap_repeat_instrument"] for row in rows_of(project)]
    assert forms.count("qst_trial") == len(visits.trials)
    assert forms.count("qst_score") == len(visits.thresholds)
    assert forms.count("qst_visit") == len(visits.visits)
    assert forms.count("") == len(set(visits.visits.column("participant_id")))


def test_values_arrive(project: Path, visits: Dataset) -> None:
    wanted = [
        row for row in visits.trials.dicts() if row["participant_id"] == "P02" and row["protocol_id"] == "demo-quick"
    ]
    found = [row for row in rows_of(project) if row["qst_protocol_id"] == "demo-quick" and row["record_id"] == "P02"]
    assert [row["qst_step_id"] for row in found] == [row["step_id"] for row in wanted]
    for row, cells_ in zip(found, wanted, strict=True):
        assert row["redcap_event_name"] == "visit_1_arm_1"
        assert float(row["qst_value_at_response"]) == cells_["value_at_response"]
        assert "e" not in row["qst_omega"]
        assert row["qst_modality"] == {"pressure": "1", "heat": "2", "cold": "3"}[str(cells_["modality"])]
        moment = f"{row['qst_t_utc'].replace(' ', 'T')}.{int(row['qst_t_utc_ms']):03d}Z"
        assert moment == cells_["t_utc"]


def test_instances_follow_the_time_of_the_visits_and_not_the_names_of_files(
    logs: Path, project: Path, tmp_path: Path
) -> None:
    renamed = tmp_path / "logs"
    renamed.mkdir()
    for number, log in enumerate(sorted(logs.glob("*.jsonl"), reverse=True)):
        shutil.copy(log, renamed / f"{number}.jsonl")
    export(qst.read(renamed, simulated="both"), tmp_path / "again", "redcap")

    def without_file(row: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in row.items() if not name.endswith(("log_file", "trace_file"))}

    assert [*map(without_file, rows_of(tmp_path / "again"))] == [*map(without_file, rows_of(project))]


def test_the_machine_readable_dictionary_names_the_fields(project: Path) -> None:
    content = json.loads((project / "dictionary.json").read_text(encoding="utf-8"))
    described = {column["name"]: column for part in content["tables"] for column in part["columns"]}
    fields = {row[0] for row in read(project / "data_dictionary.csv")[1:]}
    assert fields <= set(described)
    assert set(described) == set(read(project / "data.csv")[0])
    first = described["qstv_started_utc_ms"]
    assert (first["label"], first["type"]) == ("First record. Milliseconds of that second.", "integer")
    assert (first["unit_ucum"], first["stored_as"]) == ("ms", "integer")
    assert described["qstv_started_utc"]["type"] == "time"
    assert described["record_id"]["derivation"] == "participant_id"
    rows = {part["in"]: part["rows"] for part in content["tables"]}
    assert rows["data.csv"] == len(read(project / "data.csv")) - 1
    assert rows["data.csv, qst_participant"] == 2
    assert described["qst_value_reported"]["unit_column"] == "qst_unit_ucum"


def test_no_rate_that_nobody_compared_is_within_the_band(tmp_path: Path) -> None:
    """Of an interrupted attempt, or one that was cut off, there is no flag, and not the one of 'within the band'."""
    folder = Path(__file__).parents[1] / "record" / "fixtures" / "v1"
    data = qst.read(folder / "every-record.jsonl", simulated="both")
    assert data.trials.column("rate_flag") == ["", "", "", "", "", "slow"]  # as it always read
    export(data, tmp_path / "redcap", "redcap")
    forms = [row for row in rows_of(tmp_path / "redcap") if row["redcap_repeat_instrument"] == "qst_trial"]
    wanted = [(row["qst_outcome"], row["qst_rate_flag"]) for row in forms]
    response, cutoff, interrupted = "1", "2", "9"
    assert wanted == [*[(response, "0")] * 3, (cutoff, ""), (interrupted, ""), (response, "1")]
    export(data, tmp_path / "a.sav")
    frame, _ = pyreadstat.read_sav(tmp_path / "a.sav", user_missing=True)
    assert frame["rate_flag"].tolist() == [0, 0, 0, -9, -9, 1]
    export(data, tmp_path / "a.csv")
    options = pyarrow.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""])
    read_back = pyarrow.csv.read_csv(tmp_path / "a.csv", convert_options=options)
    assert read_back["rate_flag"].to_pylist() == ["", "", "", None, None, "slow"]
    assert "".join(lines(data.trials)) == (tmp_path / "a.csv").read_bytes().decode("utf-8")  # what is printed


BREAK: dict[str, tuple[str, int, str, str]] = {
    "unknown code": ("data.csv", -1, "qst_modality", "9"),
    "exponent": ("data.csv", -1, "qst_omega", "1e-9"),
    "below the range": ("data.csv", -1, "qst_settle_s", "-1"),
    "required and blank": ("data.csv", -1, "qst_step_id", ""),
    "no instance": ("data.csv", -1, "redcap_repeat_instance", ""),
    "unknown event": ("data.csv", -1, "redcap_event_name", "visit_77_arm_1"),
    "another form's value": ("data.csv", -1, "qstv_protocol_id", "x"),
    "not repeating": ("data.csv", -1, "redcap_repeat_instrument", "qst_participant"),
    "no record": ("data.csv", -1, "record_id", ""),
    "time": ("data.csv", -1, "qst_t_utc", "2026-03-29T01:00:00Z"),
    "name": ("data_dictionary.csv", 3, "Variable / Field Name", "Visit"),
    "type": ("data_dictionary.csv", 3, "Field Type", "number"),
    "validation": ("data_dictionary.csv", 3, "Text Validation Type OR Show Slider Number", "float"),
    "event's name": ("events.csv", 1, "unique_event_name", "visit1_arm_1"),
}


@pytest.mark.parametrize("what", BREAK)
def test_the_rules_find_what_redcap_would_refuse(what: str, project: Path, tmp_path: Path) -> None:
    """The check can fail."""
    folder = tmp_path / "broken"
    shutil.copytree(project, folder)
    file, line, column, value = BREAK[what]
    rows = read(folder / file)
    rows[line][rows[0].index(column)] = value
    with (folder / file).open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(rows)
    assert check_project(folder)


@st.composite
def tables(draw: st.DrawFn, name: str) -> Table:
    """The columns that say whose a row is, some others, and arbitrary cells."""
    whose = {"participant_id", "study_id", "session_uuid", "visit", "started_utc"}
    others = draw(st.sets(st.sampled_from([column.name for column in OF[name]]), max_size=6))
    columns = tuple(column for column in OF[name] if column.name in whose | others)
    return table(name, draw(st.lists(rows(columns), min_size=1, max_size=2)), columns)


@st.composite
def rows(draw: st.DrawFn, columns: tuple[Column, ...]) -> tuple[Cell, ...]:
    """A row of arbitrary cells that belongs to one of two participants."""
    fixed: dict[str, Cell] = {
        "participant_id": draw(st.sampled_from(["P1", "P" * 64])),
        "study_id": "S",
        "session_uuid": "uuid",
        "visit": draw(st.integers(1, 9999)),
    }
    return tuple(fixed[column.name] if column.name in fixed else draw(_in_range(column)) for column in columns)


def _in_range(column: Column) -> st.SearchStrategy[Cell]:
    """Cells within what the columns mean: durations, areas and counts are not negative, identifiers are there."""
    always = {"protocol_id", "is_simulated", "step_id", "attempt", "modality", "sequence_index", "outcome", "t_utc"}
    always |= {"score_id", "n_planned", "n_valid"}
    strategy: st.SearchStrategy[Cell] = cells(column)
    if column.kind == "integer":
        strategy = st.integers(1, 2**62)
    elif column.kind == "number":
        strategy = st.none() | numbers.map(abs)
    if column.name in always:
        strategy = strategy.filter(lambda cell: cell is not None and str(cell).strip() != "")
    return strategy


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_arbitrary_rows_satisfy_the_dictionary(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    made = [data.draw(tables(name)) for name in OF]
    folder = tmp_path_factory.mktemp("arbitrary") / "project"
    export(dataset(*made), folder, "redcap")
    assert check_project(folder) == []


def test_what_people_wrote_is_marked_as_a_possible_identifier(project: Path) -> None:
    head, *described = read(project / "data_dictionary.csv")
    marked = {line[0] for line in described if line[head.index("Identifier?")] == "y"}
    assert {"qst_note", "qst_corrected_by", "qst_corrected_why", "qst_corrected_from", "qstv_deviations"} <= marked
    assert "qst_modality" not in marked


def test_people_whose_pseudonyms_differ_in_capitals_only_are_refused(tmp_path: Path) -> None:
    at = [column.name for column in OF["trials"]].index("participant_id")
    rows = [[*[None] * at, name, *[None] * (len(OF["trials"]) - at - 1)] for name in ("P01", "p01")]
    with pytest.raises(InputError, match="participants 'P01' and 'p01' would both be the record p01"):
        export(dataset(table("trials", rows)), tmp_path / "project", "redcap")
    assert list(tmp_path.iterdir()) == []


def test_two_studies_are_not_one_project(tmp_path: Path) -> None:
    empty: list[Cell] = [None] * len(OF["visits"])
    trial: list[Cell] = [None] * len(OF["trials"])
    made = dataset(table("visits", [["A", *empty[1:]], ["B", *empty[1:]]]), table("trials", [trial]))
    with pytest.raises(InputError, match="several studies: A, B"):
        export(made, tmp_path / "project", "redcap")
    assert list(tmp_path.iterdir()) == []


def test_a_value_outside_the_dictionarys_range_is_refused_by_name(visits: Dataset, tmp_path: Path) -> None:
    at = [column.name for column in visits.trials.columns].index("settle_s")
    wrong = [[*row[:at], -1.0, *row[at + 1 :]] for row in visits.trials.rows()]
    made = dataset(visits.visits, visits.thresholds, table("trials", wrong, visits.trials.columns))
    with pytest.raises(InputError, match=r"column settle_s, row \d+: -1\.0 is outside 0"):
        export(made, tmp_path / "project", "redcap")


@pytest.mark.parametrize("name", ["", "P&1", " P1", "P" * 101])
def test_a_participant_that_cannot_name_a_record_is_refused(name: str, visits: Dataset, tmp_path: Path) -> None:
    at = [column.name for column in visits.visits.columns].index("participant_id")
    wrong = [[*row[:at], name, *row[at + 1 :]] for row in visits.visits.rows()]
    made = dataset(table("visits", wrong, visits.visits.columns), visits.thresholds, visits.trials)
    with pytest.raises(InputError, match="cannot be the name of a REDCap record"):
        export(made, tmp_path / "project", "redcap")
