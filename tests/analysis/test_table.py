"""The trial table: one row an attempt, nothing left out, every column described."""

from pathlib import Path
from typing import Any

import pytest

from qst.analysis import trial_table
from qst.analysis.columns import COLUMNS, NAMES, TRIAL_COLUMNS, Kind
from qst.analysis.log_rows import rows_of
from qst.analysis.summary_columns import THRESHOLD_COLUMNS, VISIT_COLUMNS
from qst.clock import VirtualClock
from qst.instruments import Modality
from qst.record.log import LogWriter
from qst.record.reader import VisitLog, parse_log, read_log
from qst.record.records import End, Envelope, Header, InstrumentEntry, Record, Trial
from tests.record.logs import header, instruments, resume, start, trial, write_visit

#: The trial log recommended for the suite, group by group, in this order.
RECOMMENDED = """
schema_version study_id participant_id visit session_uuid protocol_id protocol_version protocol_sha256 software_version
is_simulated operator_id device_model device_serial firmware calibration_date tip_area_cm2 thermode_area_cm2 block step_id
attempt modality method site_code side sequence_index repeat_index is_practice start_value rate_commanded
rate_achieved_mean rate_achieved_sd cutoff return_rate settle_s isi_s value_at_response value_peak value_reported unit_ucum
response_latency_s ramp_duration_s outcome censoring valid invalid_reason supersedes note time_ge_43_s cem43_min omega
t_utc tz_offset t_mono_ns trace_file trace_sha256 prev_hash hash
""".split()  # noqa: SIM905 - a list of sixty quoted names would be harder to compare with its source

PYTHON = {Kind.TEXT: str, Kind.TIME: str, Kind.INTEGER: int, Kind.NUMBER: float, Kind.BOOLEAN: bool}


@pytest.fixture
def log(tmp_path: Path) -> VisitLog:
    write_visit(tmp_path / "a.jsonl")
    return read_log(tmp_path / "a.jsonl")


def write(path: Path, *records: Record) -> VisitLog:
    with LogWriter.create(path, VirtualClock(), sync=False) as writer:
        for record in records:
            writer.write(record)
    return read_log(path)


def rows(log: VisitLog) -> list[dict[str, Any]]:
    columns, _ = trial_table.build([rows_of(log.name, log)])
    return [{name: row[name] for name in NAMES} for row in trial_table.table(columns).dicts()]


def test_the_columns_are_the_recommended_ones_in_order() -> None:
    assert list(NAMES[: len(RECOMMENDED)]) == RECOMMENDED
    assert len(set(NAMES)) == len(NAMES)
    assert not {"condition", "arm", "group"} & set(NAMES)


def test_every_number_has_a_unit_or_says_where_it_stands() -> None:
    for column in COLUMNS:
        assert column.description.endswith(".")
        if column.kind is Kind.NUMBER:
            assert bool(column.unit) != bool(column.unit_column), column.name
        if column.unit_column:
            assert column.unit_column in NAMES


#: Columns that have another name than the field of the record, or are a part of a record's envelope.
RENAMED = {
    "is_simulated": "simulated",
    "device_model": "model",
    "device_serial": "serial",
    "t_utc": "utc",
    "started_utc": "utc",
    "ended_utc": "utc",
    "prev_hash": "prev",
    "last_hash": "hash",
    "outcome_reason": "reason",
}


def test_what_is_said_to_be_recorded_is_a_field_of_a_record() -> None:
    records = (Header, Trial, InstrumentEntry, End, Envelope)
    fields = {name for record in records for name in record.__struct_fields__}
    for one in (*TRIAL_COLUMNS, *THRESHOLD_COLUMNS, *VISIT_COLUMNS):
        assert one.derivation or RENAMED.get(one.name, one.name) in fields, one.name


def test_no_computed_column_is_said_to_be_recorded() -> None:
    computed = {
        "trials": "valid invalid_reason note superseded outcome t_mono_ns tz_offset rate_unit_ucum session trace_file",
        "visits": "complete missing_trials outcome n_attempts n_valid n_invalid n_interrupted n_censored n_deviations "
        "n_adverse_events n_faults n_sessions n_corrected torn_bytes log_file",
        "thresholds": " ".join(one.name for one in THRESHOLD_COLUMNS if one not in VISIT_COLUMNS),
    }
    tables = {"trials": TRIAL_COLUMNS, "visits": VISIT_COLUMNS, "thresholds": THRESHOLD_COLUMNS}
    for name, columns in tables.items():
        told = {one.name: one.derivation for one in columns}
        assert [one for one in computed[name].split() if not told[one]] == []
    assert {"n_valid", "n_censored", "n_missing", "complete", "sd", "median", "min", "max", "n_corrected"} <= set(
        computed["thresholds"].split()
    )


def test_one_row_an_attempt_valid_or_not(log: VisitLog) -> None:
    table = rows(log)
    assert [(r["sequence_index"], r["attempt"], r["valid"], r["superseded"], r["supersedes"]) for r in table] == [
        (1, 1, True, False, None),
        (2, 1, False, True, None),
        (2, 2, True, False, 1),
        (3, 1, True, False, None),
    ]
    assert table[1]["invalid_reason"] == "slipped"
    assert table[1]["note"] == "talked, “slipped” °"


def test_a_row_in_full(log: VisitLog) -> None:
    row = rows(log)[0]
    expected = {
        "participant_id": "P01",
        "visit": 2,
        "is_simulated": True,
        "operator_id": "OP1",
        "device_model": "TSA-2",
        "device_serial": "T1",
        "firmware": "1.2",
        "calibration_date": "1999-12-01",
        "tip_area_cm2": None,
        "thermode_area_cm2": 9.0,
        "modality": "heat",
        "site_code": "THE",
        "value_at_response": 37.86,
        "value_reported": 37.9,
        "unit_ucum": "Cel",
        "rate_unit_ucum": "K/s",
        "outcome": "response",
        "censoring": "none",
        "t_utc": "2000-01-01T09:00:01.000Z",
        "tz_offset": "+01:00",
        "t_mono_ns": 1_000_000_000,
        "trace_file": "a.jsonl",
        "seed": 7,
        "session": 1,
    }
    assert {name: row[name] for name in expected} == expected
    entry = next(entry for entry in log.entries if entry.record == log.trials[0])
    assert (row["prev_hash"], row["hash"]) == (entry.prev, entry.hash)


def test_values_have_their_columns_types(log: VisitLog) -> None:
    for row in rows(log):
        assert len(row) == len(COLUMNS)
        for column, cell in zip(COLUMNS, row.values(), strict=True):
            assert cell is None or type(cell) is PYTHON[column.kind], column.name
            if column.allowed and cell:
                assert cell in column.allowed


def test_an_attempt_that_was_never_recorded_is_a_row(tmp_path: Path) -> None:
    log = write(tmp_path / "a.jsonl", header(), instruments(), start(1, modality=Modality.PRESSURE))
    (row,) = rows(log)
    assert (row["outcome"], row["valid"], row["value_reported"]) == ("interrupted", False, None)
    assert (row["device_model"], row["tip_area_cm2"], row["unit_ucum"]) == ("M5-20", 1.0, "kPa")
    assert row["rate_unit_ucum"] == "kPa/s"
    assert row["invalid_reason"]
    for column, cell in zip(COLUMNS, rows(log)[0].values(), strict=True):
        assert cell is None or type(cell) is PYTHON[column.kind], column.name


def test_each_session_has_its_operator_and_version(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write(path, header(), instruments(), start(1), trial(1))
    writer, _ = LogWriter.resume(path, VirtualClock())
    for record in (resume(next_index=2), start(2), trial(2)):
        writer.write(record)
    writer.close()
    table = rows(read_log(path))
    assert [(r["operator_id"], r["software_version"], r["session"], r["device_model"]) for r in table] == [
        ("OP1", "0.1.0", 1, "TSA-2"),
        ("OP2", "0.2.0", 2, ""),
    ]


@pytest.mark.parametrize(("offset_s", "text"), [(0, "+00:00"), (-12600, "-03:30"), (20700, "+05:45")])
def test_time_zones(tmp_path: Path, offset_s: int, text: str) -> None:
    log = write(tmp_path / "a.jsonl", header(utc_offset_s=offset_s), start(1))
    assert rows(log)[0]["tz_offset"] == text


def test_a_damaged_log_is_no_source_of_rows(tmp_path: Path) -> None:
    data = write_visit(tmp_path / "a.jsonl")
    assert rows(parse_log(data.replace(b"slipped", b"slopped", 1))) == []
    assert rows(parse_log(data[:50])) == []


def test_a_torn_log_is_a_source_of_the_rows_that_it_has(tmp_path: Path) -> None:
    data = write_visit(tmp_path / "a.jsonl")
    assert len(rows(parse_log(data[:-30]))) == 4
