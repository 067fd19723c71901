"""One call from folders of logs to tables: nothing mixed, nothing dropped in silence, nothing counted twice."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import qst
from qst.analysis import gather as gathering
from qst.analysis.columns import TRIAL_COLUMNS, Kind
from qst.analysis.dataset import Dataset
from qst.analysis.log_rows import rows_of
from qst.analysis.quick_rows import rows_of_bytes
from qst.analysis.summary_columns import THRESHOLD_COLUMNS, VISIT_COLUMNS
from qst.clock import VirtualClock
from qst.errors import InputError, LogDamagedError
from qst.record.assemble import NOT_JUDGED
from qst.record.log import LogWriter
from qst.record.reader import parse_log, read_log
from qst.record.records import Decision, End, VisitOutcome
from tests.record.logs import header, instruments, resume, start, trial, write_attempt, write_visit

FIXTURES = Path(__file__).parents[1] / "record" / "fixtures" / "v1"
PYTHON = {Kind.TEXT: str, Kind.TIME: str, Kind.INTEGER: int, Kind.NUMBER: float, Kind.BOOLEAN: bool}


def uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_visit(tmp_path / "a.jsonl", session_uuid=uuid(1))
    write_visit(tmp_path / "b.jsonl", session_uuid=uuid(2), participant_id="P02")
    return tmp_path


def reasons(data: Dataset) -> list[tuple[str, str]]:
    return [(Path(one.path).name, one.reason) for one in data.left_out]


# -- which files ---------------------------------------------------------------------------------------------------


def test_a_log_a_folder_a_pattern_or_several(folder: Path) -> None:
    (folder / "deeper").mkdir()
    write_visit(folder / "deeper" / "c.jsonl", session_uuid=uuid(3))
    assert len(qst.read(folder).visits) == 3
    assert len(qst.read(folder / "a.jsonl").visits) == 1
    assert len(qst.read(str(folder / "*.jsonl")).visits) == 2
    assert len(qst.read(str(folder / "**" / "*.jsonl")).visits) == 3
    twice = qst.read([folder / "b.jsonl", folder, folder / "deeper" / ".." / "a.jsonl"])
    assert [Path(str(path)).name for path in twice.visits.column("log_file")] == ["b.jsonl", "a.jsonl", "c.jsonl"]
    assert twice.left_out == ()


@pytest.mark.parametrize("name", ["nowhere", "*.txt", "empty"])
def test_nothing_there_is_an_input_error(folder: Path, name: str) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(InputError, match="no visit log"):
        qst.read(folder / name)


# -- tables --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.jsonl")), ids=lambda path: path.stem)
@pytest.mark.parametrize("verify", [True, False])
def test_the_quick_and_the_thorough_look_agree(path: Path, verify: bool) -> None:
    data = path.read_bytes()
    for size in (len(data), data.index(b'{"type":"decision"')):
        quick, thorough = rows_of_bytes("a.jsonl", data[:size], verify=verify), parse_log(data[:size], verify=verify)
        assert quick == rows_of("a.jsonl", thorough)


def test_every_value_has_its_columns_type() -> None:
    data = qst.read(FIXTURES, simulated="both")
    for table, columns in (
        (data.trials, TRIAL_COLUMNS),
        (data.thresholds, THRESHOLD_COLUMNS),
        (data.visits, VISIT_COLUMNS),
    ):
        assert table.columns == columns
        assert len(table) == len(list(table.rows())) > 0
        for column in columns:
            for cell in table.column(column.name):
                assert cell is not None or column.missing, (table.name, column.name)
                assert cell is None or type(cell) is PYTHON[column.kind], (table.name, column.name, cell)
                assert not column.allowed or not cell or cell in column.allowed
            if column.kind is Kind.NUMBER:
                assert bool(column.unit) != bool(column.unit_column), column.name
            if column.unit_column:
                assert column.unit_column in table.names
    with pytest.raises(KeyError):
        data.trials.column("condition")


def test_thresholds_are_those_that_the_visit_itself_recorded() -> None:
    path = FIXTURES / "completed.jsonl"
    end = read_log(path).sessions[-1].end
    assert end is not None
    found = [
        (row["score_id"], row["n_valid"], row["mean"], row["mean_unrounded"]) for row in thresholds(qst.read(path))
    ]
    assert found == [(score.id, score.n_valid, score.mean, score.mean_unrounded) for score in end.summary]
    (row,) = [row for row in thresholds(qst.read(path)) if row["score_id"] == "PPT_2_mean"]
    assert row["rule_id"] == "mean-of-reported-censored-excluded-v1"
    assert row["rounding"] == "half-up to 0.1 kgf/cm2"


def thresholds(data: Dataset) -> list[dict[str, Any]]:
    return list(data.thresholds.dicts())


def test_a_visit_that_this_version_cannot_score_is_named(folder: Path) -> None:
    data = qst.read(folder)
    assert len(data.thresholds) == 0
    assert [(Path(one.path).name, one.reason) for one in data.unscored] == [
        ("a.jsonl", "unscored"),
        ("b.jsonl", "unscored"),
    ]
    assert len(data.trials) == 8


def test_a_visit_in_a_row() -> None:
    (row,) = qst.read(FIXTURES / "every-record.jsonl").visits.dicts()
    expected = {
        "outcome": "completed",
        "complete": True,
        "n_planned": 4,
        "n_attempts": 6,
        "n_valid": 4,
        "n_invalid": 1,
        "n_interrupted": 1,
        "n_censored": 1,
        "n_deviations": 1,
        "deviations": "by 3 s",
        "n_adverse_events": 1,
        "adverse_events": "dizzy",
        "n_faults": 1,
        "n_sessions": 2,
        "operator_id": "OP1 | OP2",
        "software_version": "0.1.0 | 0.2.0",
        "is_simulated": False,
    }
    assert {name: row[name] for name in expected} == expected


def test_traces_are_read_when_they_are_asked_for(folder: Path) -> None:
    data = qst.read(folder)
    row = data.trials.to_polars().row(3, named=True)
    traces = data.traces(row)
    (trace,) = read_log(folder / "a.jsonl", traces=True).traces(3, 1)
    assert traces.time_s.tolist() == list(trace.t_s)
    assert traces.value.tolist() == list(trace.value)
    assert traces.unit == "Cel"
    with pytest.raises(KeyError):
        data.traces({**row, "attempt": 9})
    with pytest.raises(KeyError):
        data.traces({**row, "session_uuid": "somebody else"})
    (folder / "a.jsonl").write_bytes((folder / "b.jsonl").read_bytes())
    with pytest.raises(LogDamagedError, match="not what it was"):
        data.traces(row)
    (folder / "a.jsonl").unlink()
    with pytest.raises(InputError, match="cannot be read"):
        data.traces(row)


def test_frames_of_others(folder: Path) -> None:
    data = qst.read([folder, FIXTURES / "every-record.jsonl"], simulated="both")
    for table in (data.trials, data.visits):
        polars, pandas = table.to_polars(), table.to_pandas()
        assert polars.columns == list(pandas.columns) == list(table.names)
        assert polars.height == len(pandas) == len(table)
        for column in table.columns:
            if column.kind is Kind.TIME:
                assert str(polars[column.name].dtype) == "Datetime(time_unit='ms', time_zone='UTC')"
                assert polars[column.name].dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_list() == list(
                    table.column(column.name)
                )
                assert [f"{time.isoformat(timespec='milliseconds')[:-6]}Z" for time in pandas[column.name]] == list(
                    table.column(column.name)
                )
            else:
                assert polars[column.name].to_list() == list(table.column(column.name))
                present = pandas[column.name].notna()
                found = pandas[column.name].astype(object).where(present, None).to_list()
                assert found == list(table.column(column.name)), column.name
    assert data.trials.to_pandas().attrs["units"]["value_peak"] == "see unit_ucum"


def test_an_empty_table_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("no log\n", encoding="utf-8")
    data = qst.read(tmp_path)
    assert (len(data.trials), len(data.thresholds), len(data.visits)) == (0, 0, 0)
    assert reasons(data) == [("x.jsonl", "not_a_log")]
    assert data.trials.to_polars().shape == data.trials.to_pandas().shape == (0, len(TRIAL_COLUMNS))


# -- simulated and real --------------------------------------------------------------------------------------------


def test_simulated_and_real_visits_never_mix_unasked(folder: Path) -> None:
    write_visit(folder / "r.jsonl", session_uuid=uuid(3), simulated=False, clock="real")
    with pytest.raises(InputError, match="2 simulated and 1 real"):
        qst.read(folder)
    real, simulated, both = (qst.read(folder, simulated=kind) for kind in ("real", "simulated", "both"))
    assert [len(one.visits) for one in (real, simulated, both)] == [1, 2, 3]
    assert [Path(path).name for path in real.set_aside] == ["a.jsonl", "b.jsonl"]
    assert set(both.trials.column("is_simulated")) == {True, False}
    assert both.set_aside == ()
    assert real.left_out == ()
    with pytest.raises(InputError, match="unknown"):
        qst.read(folder, simulated="real ones")  # type: ignore[arg-type]  # what a person may type


# -- what is wrong with logs ---------------------------------------------------------------------------------------


def test_every_kind_of_damage_is_named_and_counted(folder: Path) -> None:
    data = (folder / "a.jsonl").read_bytes()
    lines = data.splitlines(keepends=True)
    other = write_visit(folder.parent / "other.jsonl", session_uuid=uuid(9))
    damaged = {
        "edited": data.replace(b"slipped", b"slopped", 1),
        "missing": b"".join(lines[:5] + lines[6:]),
        "duplicated": b"".join([*lines[:5], lines[4], *lines[5:]]),
        "out_of_order": b"".join([*lines[:5], lines[6], lines[5], *lines[7:]]),
        "foreign": b"".join([*lines[:5], b"hello\n", *lines[5:]]),
        "other_log": data + other,
        "line_endings": data.replace(b"\n", b"\r\n"),
        "newer_schema": newer(folder),
        "not_a_log": b"participant;threshold\n1;2\n",
        "empty": b"",
    }
    for reason, content in damaged.items():
        (folder / f"x-{reason}.jsonl").write_bytes(content)
    found = qst.read(folder)
    assert reasons(found) == [(f"x-{reason}.jsonl", reason) for reason in sorted(damaged)]
    assert all(one.text and one.n_rows_kept == 0 for one in found.left_out)
    assert len(found.trials) == 8


@pytest.mark.parametrize("reason", ["line_endings", "newer_schema", "not_a_log", "empty", "torn"])
def test_what_needs_no_hash_is_named_without_verification_too(folder: Path, reason: str) -> None:
    data = (folder / "a.jsonl").read_bytes()
    content = {
        "line_endings": data.replace(b"\n", b"\r\n"),
        "newer_schema": newer(folder),
        "not_a_log": b"participant;threshold\n1;2\n",
        "empty": b"",
        "torn": data[:-9],
    }[reason]
    (folder / "a.jsonl").write_bytes(content)
    assert reasons(qst.read(folder, verify=False)) == [("a.jsonl", reason)]


def newer(folder: Path) -> bytes:
    content = write_visit(folder / "newer.jsonl", schema_version=2)
    (folder / "newer.jsonl").unlink()
    return content


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "c.jsonl").mkdir()  # a folder with a log's name: nothing that can be opened
    assert reasons(qst.read(folder)) == [("c.jsonl", "unreadable")]


def test_a_torn_log_keeps_its_whole_rows_and_says_so(folder: Path) -> None:
    data = (folder / "a.jsonl").read_bytes()
    (folder / "a.jsonl").write_bytes(data[:-30])
    found = qst.read(folder)
    (torn,) = found.left_out
    assert (torn.reason, torn.n_rows_kept) == ("torn", 4)
    assert "the 4 attempts before them" in torn.text
    assert len(found.trials) == 8
    torn_bytes = dict(zip(found.visits.column("participant_id"), found.visits.column("torn_bytes"), strict=True))
    assert torn_bytes["P02"] == 0
    assert torn_bytes["P01"] == len(data.splitlines()[-1]) + 1 - 30


def test_a_log_that_is_torn_in_its_first_record_has_no_rows(folder: Path) -> None:
    (folder / "b.jsonl").write_bytes((folder / "b.jsonl").read_bytes()[:100])
    found = qst.read(folder)
    assert reasons(found) == [("b.jsonl", "torn")]
    assert found.left_out[0].n_rows_kept == 0


@pytest.mark.parametrize("torn", [b"", b'{"type":"deci'])
def test_the_last_attempt_of_a_log_that_breaks_off_does_not_count_unjudged(tmp_path: Path, torn: bytes) -> None:
    """The lost record may be its rejection."""
    path = tmp_path / "a.jsonl"
    with LogWriter.create(path, VirtualClock(), sync=False) as writer:
        for record in (
            header(),
            instruments(),
            start(1),
            trial(1),
            Decision(sequence_index=1, attempt=1, decision="accept"),
        ):
            writer.write(record)
        writer.write(start(2))
        writer.write(trial(2))
    path.write_bytes(path.read_bytes() + torn)
    data = qst.read(path)
    assert [(row["valid"], row["invalid_reason"]) for row in data.trials.dicts()] == [(True, ""), (False, NOT_JUDGED)]
    assert data.visits.column("n_valid")[0] == 1


def test_an_attempt_that_a_session_left_unjudged_does_not_count_where_the_next_one_broke_off(tmp_path: Path) -> None:
    """The operator ended the first session instead of judging; the answer in the second one may be what is lost."""
    path = tmp_path / "a.jsonl"
    with LogWriter.create(path, VirtualClock(), sync=False) as writer:
        writer.write(header())
        writer.write(start(1))
        writer.write(trial(1))
        writer.write(End(outcome=VisitOutcome.INTERRUPTED, reason="", n_trials=1, summary=()))
    assert qst.read(path).trials.column("valid") == [True]
    writer, _ = LogWriter.resume(path, VirtualClock())
    with writer:
        writer.write(resume())
    assert qst.read(path).trials.column("invalid_reason") == [NOT_JUDGED]


# -- copies --------------------------------------------------------------------------------------------------------


def test_identical_copies_count_once(folder: Path) -> None:
    (folder / "z.jsonl").write_bytes((folder / "a.jsonl").read_bytes())
    found = qst.read(folder)
    assert reasons(found) == [("z.jsonl", "duplicate")]
    assert len(found.trials) == 8


@pytest.mark.parametrize("cut", [0, 40])
def test_a_half_copied_log_gives_way_to_the_whole_one(folder: Path, cut: int) -> None:
    data = (folder / "a.jsonl").read_bytes()
    half = data[: data.index(b'{"type":"trial_start"', 3000) + cut]
    (folder / "0.jsonl").write_bytes(half)
    found = qst.read(folder)
    assert reasons(found) == [("0.jsonl", "half_copied")]
    assert len(found.trials) == 8


def test_copies_that_went_on_differently_are_all_left_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        path, clock = tmp_path / f"{name}.jsonl", VirtualClock()
        with LogWriter.create(path, clock, sync=False) as writer:
            writer.write(header())
            write_attempt(writer, clock, 1)
        writer, _ = LogWriter.resume(path, VirtualClock())
        writer.write(resume(next_index=2))
        write_attempt(writer, VirtualClock(), 2, value_reported=38.0 if name == "a" else 39.0)
        writer.close()
    found = qst.read(tmp_path)
    assert reasons(found) == [("a.jsonl", "diverging"), ("b.jsonl", "diverging")]
    assert len(found.trials) == 0


# -- helpers -------------------------------------------------------------------------------------------------------


def test_helpers_change_nothing(folder: Path) -> None:
    (folder / "c.jsonl").write_bytes(b"x\n")
    alone = qst.read([folder, FIXTURES], simulated="both", helpers=0)
    helped = qst.read([folder, FIXTURES], simulated="both", helpers=2)
    assert helped.trials == alone.trials
    assert helped.visits == alone.visits
    assert helped.left_out == alone.left_out


def test_a_helper_that_fails_costs_nothing_but_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = qst.read(folder, helpers=0).trials
    for program in ("no-python", "/bin/false" if sys.platform != "win32" else "where.exe"):
        monkeypatch.setattr(sys, "executable", program)
        assert qst.read(folder, helpers=1).trials == expected


@pytest.mark.parametrize("end", ["sys.exit(1)", "print('!', end='')", "print('!x', end=''); sys.exit(3)"])
def test_what_a_helper_says_that_it_has_read_and_never_tells_is_read_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    expected = qst.read(folder, helpers=0).trials
    code = f"import sys; print('.' * 9, end='', flush=True); sys.stdin.read(); {end}"

    def start(_: object) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE
        return subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    monkeypatch.setattr(gathering._Helper, "_start", staticmethod(start))
    assert qst.read(folder, helpers=1).trials == expected


def test_importing_the_package_loads_nothing() -> None:
    code = "import qst, sys; print([m for m in sys.modules if m.startswith(('msgspec', 'qst.'))])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
    code = "import qst, sys; qst.read; print([m for m in ('numpy', 'polars', 'pandas', 'pint') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'reed'"):
        qst.__getattr__("reed")
