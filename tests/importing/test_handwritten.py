"""The template for handwritten thresholds, and everything that can be wrong in one."""

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.analysis.export.loose import export_table
from qst.analysis.importing.handwritten import Handwritten, field_help, read_handwritten, table_of, template
from qst.errors import InputError
from qst.protocol.loader import load_protocol
from qst.protocol.planner import make_plan

HEADER = "participant_id,visit,date,modality,site,side,repeat,value,unit,tip_area_cm2,outcome,valid,reason,note"


def read(tmp_path: Path, text: str | bytes) -> Handwritten:
    path = tmp_path / "hand.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_handwritten(path)


def line(**fields: str) -> str:
    known = {"participant_id": "P01", "visit": "1", "modality": "pressure", "site": "TRP", "side": "L"}
    known |= {"value": "1.2", "unit": "kgf/cm²"} | fields
    text = io.StringIO()
    csv.DictWriter(text, HEADER.split(","), restval="", lineterminator="\n").writerow(known)
    return text.getvalue()


def one(tmp_path: Path, **fields: str) -> Handwritten:
    return read(tmp_path, f"{HEADER}\n{line(**fields)}")


def test_a_filled_in_line_becomes_a_row_of_the_table_of_trials(tmp_path: Path) -> None:
    imported = one(tmp_path, site="trapezius", side="left", date="2026-03-31", note="cold room")
    assert not imported.problems
    (row,) = table_of(imported).dicts()
    assert row["value_reported"] == pytest.approx(1.2 * 98.0665)
    assert (row["value_display"], row["display_unit"], row["unit_ucum"]) == (1.2, "kgf/cm2", "kPa")
    assert (row["site_code"], row["side"], row["visit"], row["raw_text"]) == ("TRP", "L", 1, "1.2 kgf/cm²")
    assert (row["is_simulated"], row["source"], row["valid"], row["outcome"]) == (False, "operator", True, "response")
    assert (row["source_file"], row["source_line"], row["date"]) == ("hand.csv", 2, "2026-03-31")
    assert row["rate_achieved_mean"] is None
    assert row["rate_flag"] is None
    assert row["hash"] is None


@pytest.mark.parametrize(
    ("fields", "value", "display", "unit"),
    [
        ({"value": "1.2", "unit": "kg/cm²"}, 117.6798, 1.2, "kgf/cm2"),
        ({"value": "120", "unit": "kPa"}, 120.0, 120.0, "kPa"),
        ({"value": "12", "unit": "N/cm²"}, 120.0, 120.0, "kPa"),
        ({"value": "12", "unit": "N", "tip_area_cm2": "1"}, 120.0, 120.0, "kPa"),
        ({"value": "2", "unit": "kgf", "tip_area_cm2": "0.5"}, 392.266, 392.266, "kPa"),
        ({"value": "1.2", "unit": "kgf/cm²", "tip_area_cm2": "1"}, 117.6798, 1.2, "kgf/cm2"),
        ({"modality": "heat", "value": "38.5", "unit": "°C"}, 38.5, 38.5, "Cel"),
        ({"modality": "heat", "value": "99.5", "unit": "°F"}, 37.5, 37.5, "Cel"),
    ],
)
def test_units(tmp_path: Path, fields: dict[str, str], value: float, display: float, unit: str) -> None:
    (row,) = one(tmp_path, **fields).rows
    assert row.value == pytest.approx(value)
    assert row.value_display == pytest.approx(display)
    assert row.display_unit == unit


@pytest.mark.parametrize("minus", ["-", "\N{MINUS SIGN}", "\N{EN DASH}"])
def test_a_minus_as_spreadsheet_programs_write_it(tmp_path: Path, minus: str) -> None:
    (row,) = one(tmp_path, modality="cold", value=f"{minus}0.5", unit="°C").rows
    assert (row.value, row.value_display) == (-0.5, -0.5)
    commas = f"{HEADER}\n{line(modality='cold', value=f'{minus}0#5', unit='°C')}".replace(",", ";").replace("#", ",")
    assert read(tmp_path, commas).rows[0].value_display == -0.5


def test_a_number_in_superscripts_is_a_problem(tmp_path: Path) -> None:
    (problem,) = one(tmp_path, modality="heat", value="4²", unit="°C").problems
    assert (problem.field, problem.what) == ("value", "'4² °C' has a power of its number")


def test_with_semicolons_every_number_may_have_a_decimal_comma(tmp_path: Path) -> None:
    text = f"{HEADER}\n{line(value='12#5', unit='N', tip_area_cm2='0#5')}".replace(",", ";").replace("#", ",")
    imported = read(tmp_path, text)
    assert imported.problems == ()
    assert imported.rows[0].tip_area_cm2 == 0.5
    assert imported.rows[0].value == pytest.approx(250.0)


def test_no_column_of_an_imported_table_is_said_to_come_from_a_log(tmp_path: Path) -> None:
    export_table(table_of(one(tmp_path)), tmp_path / "a.csv")
    content = json.loads((tmp_path / "a.csv.dictionary.json").read_text(encoding="utf-8"))
    columns = {one["name"]: one for one in content["tables"][0]["columns"]}
    assert not any("as recorded" in one["derivation"] or "decision" in one["derivation"] for one in columns.values())
    assert columns["note"]["derivation"].startswith("as written in the file")
    assert "converted" in columns["value_reported"]["derivation"]


def test_one_pseudonym_in_two_studies_is_two_visits(tmp_path: Path) -> None:
    lines = "".join(f"{study},{line()}" for study in ("S1", "S2", ""))
    rows = table_of(read(tmp_path, f"study_id,{HEADER}\n{lines}")).dicts()
    seen = [(row["study_id"], row["session_uuid"], row["sequence_index"]) for row in rows]
    assert len({uuid for _, uuid, _ in seen}) == 3
    assert [index for _, _, index in seen] == [1, 1, 1]


def test_semicolons_and_a_decimal_comma_as_excel_writes_them_elsewhere(tmp_path: Path) -> None:
    text = f"{HEADER}\n{line(value='1#2', note='a b')}".replace(",", ";").replace("#", ",")
    (row,) = read(tmp_path, b"\xef\xbb\xbf" + text.encode("utf-8")).rows
    assert row.value == pytest.approx(1.2 * 98.0665)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"value": "1.2*"}, "value", "marks belong into"),
        ({"value": "1,2"}, "value", "point as decimal"),
        ({"value": ""}, "value", "nothing stands here"),
        ({"value": "120"}, "value", "no pressure threshold"),
        ({"unit": ""}, "value", "no unit"),
        ({"unit": "N"}, "value", "force"),
        ({"unit": "°C"}, "value", "not a pressure"),
        ({"modality": "heat", "value": "60", "unit": "°C"}, "value", "no heat threshold"),
        ({"modality": "warm"}, "modality", "pressure, heat or cold"),
        ({"site": "knie"}, "site", "unknown site"),
        ({"side": "both"}, "side", "one line is about one side"),
        ({"side": ""}, "side", "unknown side"),
        ({"site": "forehead"}, "side", "midline"),
        ({"visit": "0"}, "visit", "from 1"),
        ({"repeat": "one"}, "repeat", "from 1"),
        ({"participant_id": "Anna Müller"}, "participant_id", "never a name"),
        ({"date": "31.3.2026"}, "date", "year-month-day"),
        ({"outcome": "pain"}, "outcome", "no outcome"),
        ({"outcome": "estop"}, "outcome", "no outcome"),
        ({"valid": "perhaps"}, "valid", "yes or no"),
        ({"valid": "no"}, "reason", "needs a reason"),
        ({"tip_area_cm2": "40", "unit": "N"}, "tip_area_cm2", "no tip"),
    ],
)
def test_each_mistake_is_named_with_its_line(tmp_path: Path, fields: dict[str, str], field: str, words: str) -> None:
    imported = one(tmp_path, **fields)
    assert not imported.rows
    (problem,) = [problem for problem in imported.problems if problem.field == field]
    assert problem.line == 2
    assert words in str(problem)


def test_one_wrong_line_keeps_every_other_line_out(tmp_path: Path) -> None:
    text = f"{HEADER}\n{line()}{line(side='R', value='x')}{line(side='R', visit='2')}"
    imported = read(tmp_path, text)
    assert [problem.line for problem in imported.problems] == [3]
    assert not imported.rows


def test_the_same_threshold_twice_is_refused(tmp_path: Path) -> None:
    imported = read(tmp_path, f"{HEADER}\n{line()}\n{line(value='1.4')}")
    assert [str(problem).partition(";")[0] for problem in imported.problems] == [
        "line 4, repeat: line 2 is about the same participant, visit, modality, site, side and repeat"
    ]


def test_an_unusual_value_is_kept_and_warned_about(tmp_path: Path) -> None:
    imported = one(tmp_path, value="0.05")
    assert len(imported.rows) == 1
    assert [warning.line for warning in imported.warnings] == [2]


def test_censored_and_missing_values(tmp_path: Path) -> None:
    text = (
        f"{HEADER}\n"
        + line(outcome="cutoff", value="6")
        + line(side="R", value="", unit="", outcome="participant_withdrew")
        + line(site="GLU", value="1.1", valid="no", reason="tip slipped")
    )
    cutoff, withdrew, slipped = read(tmp_path, text).rows
    assert (cutoff.censoring, cutoff.valid) == ("right", True)
    assert (withdrew.value, withdrew.valid) == (None, False)
    assert (slipped.valid, slipped.reason) == (False, "tip slipped")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (HEADER.encode() + b"\nP01,1,,heat,\xb0", "not in UTF-8"),
        (b"name,value\n", "unknown column 'name'"),
        (HEADER.replace("note", "unit").encode() + b"\n", "'unit' stands there twice"),
        (HEADER.replace("value,", "").encode() + b"\n", "no column 'value'"),
        (HEADER.encode() + b'\n"P01,1\n', "no CSV"),
    ],
)
def test_what_is_no_table_is_refused_as_a_whole(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, data)


def test_a_header_alone_is_not_an_import(tmp_path: Path) -> None:
    assert [problem.what for problem in read(tmp_path, HEADER + "\n").problems] == ["there is no filled-in line"]


def test_the_template_has_every_column_and_a_line_a_trial(tmp_path: Path) -> None:
    plan = make_plan(load_protocol("fibromyalgia-visit"), 1)
    lines = list(csv.DictReader(io.StringIO(template(plan))))
    assert list(lines[0]) == list(field_help())
    assert len(lines) == 24
    # Filled in with a participant and values it is a valid file.
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]))
    writer.writeheader()
    for row in lines:
        value = {"pressure": "1.0", "heat": "38", "cold": "17"}[row["modality"]]
        writer.writerow(row | {"participant_id": "P01", "value": value})
    imported = read(tmp_path, text.getvalue())
    assert not imported.problems
    assert len(table_of(imported)) == 24


@given(st.lists(st.text(alphabet='abP01,;"\n.*°é-', max_size=30), max_size=6))
def test_garbage_is_named_and_never_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    path = tmp_path_factory.mktemp("hand") / "hand.csv"
    path.write_text("\n".join([HEADER, *lines]), encoding="utf-8", newline="")
    try:
        imported = read_handwritten(path)
    except InputError:
        return
    assert imported.problems
    assert not imported.rows
