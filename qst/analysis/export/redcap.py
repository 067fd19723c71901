"""A folder for REDCap: a data file for its import tool, the dictionary that it satisfies, and the project's setup.

One record a participant, one event a visit number, and three repeating instruments (visit logs, scores, attempts). The
names of all fields begin with ``qst``, so that they can join a project that exists.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from qst.analysis.columnar import Cell, Table
from qst.analysis.dataset import Dataset
from qst.analysis.export.cells import check
from qst.analysis.export.csv_format import field as csv_field
from qst.analysis.export.dictionary import Entry
from qst.analysis.export.redcap_entries import entries, of_every_row, of_participants
from qst.analysis.export.redcap_fields import (
    DICTIONARY_HEAD,
    FORMS,
    PARTICIPANT_FORM,
    RECORD_ID,
    Field,
    check_record_id,
    fields,
    participant_fields,
    value,
)
from qst.analysis.export.whose import only_study, refuse_alike

SUFFIXES: Final = ()
TITLE: Final = "REDCap files"
DICTIONARY_FILE: Final = "dictionary.json"

_KEYS: Final = (RECORD_ID, "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
_COMPLETE: Final = "2"


class _Row(NamedTuple):
    """One row of the data file, before it is text: whose, which visit, which form and instance, the form's values."""

    record_id: str
    visit: int
    form: str
    instance: int
    values: Mapping[str, str]


def write(dataset: Dataset, table: Table, path: Path) -> dict[str, tuple[Table, tuple[Entry, ...]]]:
    """Write the folder; returns what stands in its data file, for the dictionary.

    Raises:
        InputError: visits of several studies, or a value that REDCap would not take.
    """
    del table
    tables = (dataset.visits, dataset.thresholds, dataset.trials)
    for one in tables:
        check(one)
    study = only_study(dataset.visits, "REDCap")
    people = {str(person) for one in tables for person in one.column("participant_id")}
    refuse_alike({one: one for one in sorted(people)}, "participants", "the record {}: REDCap sees no capitals")
    rows = sorted(_all_rows(tables, study), key=lambda row: (row.record_id, row.visit, _order(row.form), row.instance))
    by_form = {PARTICIPANT_FORM: participant_fields(), **{FORMS[one.name].name: fields(one) for one in tables}}
    path.mkdir()
    _write_csv(path / "data.csv", _data(rows, by_form))
    _write_csv(path / "data_dictionary.csv", [DICTIONARY_HEAD, *(f.row() for form in by_form.values() for f in form)])
    _write_setup(path, sorted({row.visit for row in rows}), list(by_form))
    return {
        "data.csv": of_every_row(len(rows), _COMPLETE, list(by_form)),
        f"data.csv, {PARTICIPANT_FORM}": of_participants(sum(row.form == PARTICIPANT_FORM for row in rows)),
        **{f"data.csv, {FORMS[one.name].name}": (one, entries(one)) for one in tables},
    }


def _order(form: str) -> int:
    return [PARTICIPANT_FORM, *(form.name for form in FORMS.values())].index(form)


def _all_rows(tables: Sequence[Table], study: str) -> Iterator[_Row]:
    began = _beginnings(tables[0])
    first_visits: dict[str, int] = {}
    for table in tables:
        for row in _rows(table, began):
            first_visits[row.record_id] = min(row.visit, first_visits.get(row.record_id, row.visit))
            yield row
    for record_id, visit in first_visits.items():
        yield _Row(record_id, visit, PARTICIPANT_FORM, 0, {"qst_study_id": study})


def _beginnings(visits: Table) -> dict[Cell, tuple[str, str]]:
    """By log: when it began, and its identifier. Instances are numbered in this order, whatever the files' names."""
    pairs = zip(visits.column("session_uuid"), visits.column("started_utc"), strict=True)
    return {uuid: (str(started), str(uuid)) for uuid, started in pairs}


def _rows(table: Table, began: Mapping[Cell, tuple[str, str]]) -> Iterator[_Row]:
    """The rows of one form, numbered within record and event."""
    positions = {column.name: place for place, column in enumerate(table.columns)}
    uuid, person, visit = positions["session_uuid"], positions["participant_id"], positions["visit"]
    form_fields = [(field, positions[field.column.name]) for field in fields(table) if field.column is not None]
    numbered = sorted(enumerate(table.rows(), 1), key=lambda one: began.get(one[1][uuid], ("", str(one[1][uuid]))))
    counts: dict[tuple[str, int], int] = {}
    for number, cells in numbered:
        record_id, event = str(cells[person]), int(str(cells[visit]))
        check_record_id(record_id, table.columns[person], number)
        counts[record_id, event] = counts.get((record_id, event), 0) + 1
        values = {field.name: value(field, cells[place], number) for field, place in form_fields}
        yield _Row(record_id, event, FORMS[table.name].name, counts[record_id, event], values)


def _event(visit: int) -> str:
    """The unique name that REDCap gives the event 'Visit <n>' of the first arm."""
    return f"visit_{visit}_arm_1"


def _data(rows: Iterable[_Row], by_form: Mapping[str, Sequence[Field]]) -> Iterator[Sequence[str]]:
    names = [field.name for form in by_form.values() for field in form if field.name != RECORD_ID]
    complete = [f"{form}_complete" for form in by_form]
    yield [*_KEYS, *names, *complete]
    for row in rows:
        repeating = (row.form, str(row.instance)) if row.instance else ("", "")
        done = (_COMPLETE if form == row.form else "" for form in by_form)
        yield [row.record_id, _event(row.visit), *repeating, *(row.values.get(name, "") for name in names), *done]


def _write_setup(path: Path, visits: Sequence[int], forms: Sequence[str]) -> None:
    """What the project must know before data can come in: its events, which forms they have, which forms repeat."""
    events = [(f"Visit {visit}", "1", _event(visit)) for visit in visits]
    _write_csv(path / "events.csv", [("event_name", "arm_num", "unique_event_name"), *events])
    mapping = [("1", _event(visit), form) for visit in visits for form in forms]
    _write_csv(path / "instrument_event_mappings.csv", [("arm_num", "unique_event_name", "form"), *mapping])
    repeats = [(_event(visit), form.name, form.label) for visit in visits for form in FORMS.values()]
    _write_csv(path / "repeating_instruments.csv", [("event_name", "form_name", "custom_form_label"), *repeats])
    (path / "README.txt").write_text(_README, encoding="utf-8", newline="\r\n")


def _write_csv(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """As REDCap reads it: a blank field is blank, nothing else is quoted without need."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for row in rows:
            file.write(",".join(csv_field(text or None) for text in row) + "\r\n")


_README: Final = """\
Visits of quantitative sensory testing for REDCap

Set the project up in this order, then import:
1. Project Setup: switch on longitudinal data collection, and repeating instruments and events.
2. Data dictionary: upload data_dictionary.csv. In a project that exists, append its lines to your own dictionary
   first: an upload replaces the whole dictionary. If your record identifier is not called record_id, leave the line
   record_id out and rename the first column of data.csv.
3. Define my events: upload events.csv. If your events have other names, replace them in the files here.
4. Designate instruments: upload instrument_event_mappings.csv.
5. Repeating instruments: tick qst_visit, qst_score and qst_trial in every event; repeating_instruments.csv is the
   same for the programming interface.
6. Data import tool: upload data.csv, format of dates Y-M-D.

Blank means that there is no value. Times are UTC; the offset of local time stands in qst_tz_offset.
The fields are read-only on the forms: a correction belongs in the overlay file that the export was made with.
dictionary.json describes every field for programs.
"""
