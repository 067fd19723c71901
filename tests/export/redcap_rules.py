"""What REDCap accepts: a reader of its dictionary and data files that knows its rules and nothing of the suite."""

import csv
import itertools
import re
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

HEAD = (
    '"Variable / Field Name","Form Name","Section Header","Field Type","Field Label",'
    '"Choices, Calculations, OR Slider Labels","Field Note","Text Validation Type OR Show Slider Number",'
    '"Text Validation Min","Text Validation Max","Identifier?","Branching Logic (Show field only if...)",'
    '"Required Field?","Custom Alignment","Question Number (surveys only)","Matrix Group Name","Matrix Ranking?",'
    '"Field Annotation"'
)
TYPES = {
    "text",
    "notes",
    "radio",
    "dropdown",
    "yesno",
    "truefalse",
    "calc",
    "checkbox",
    "file",
    "slider",
    "descriptive",
    "sql",
}
KEYS = ("record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
RESERVED = {
    *KEYS[1:],
    "redcap_data_access_group",
    "redcap_survey_identifier",
    "redcap_survey_timestamp",
    "redcap_csrf_token",
}
NAME = re.compile(r"[a-z](?:[a-z0-9_]*[a-z0-9])?")
CODE = re.compile(r"[A-Za-z0-9_]+")
VALID = {
    "number": re.compile(r"-?(?:\d+\.?\d*|\.\d+)"),
    "integer": re.compile(r"[-+]?\d+"),
    "datetime_seconds_ymd": re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
    "": re.compile(r"(?s).*"),
}


class Field(NamedTuple):
    name: str
    form: str
    type: str
    choices: tuple[str, ...]
    validation: str
    min: str
    max: str
    required: bool


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


def check_project(folder: Path) -> list[str]:
    """Everything that REDCap would refuse; empty when the files fit."""
    problems: list[str] = []
    fields = _dictionary(read(folder / "data_dictionary.csv"), problems)
    forms = list(dict.fromkeys(field.form for field in fields))
    events = _events(read(folder / "events.csv"), problems)
    mapped = {tuple(row[1:]) for row in read(folder / "instrument_event_mappings.csv")[1:]}
    repeats = {tuple(row[:2]) for row in read(folder / "repeating_instruments.csv")[1:]}
    problems += [
        f"unknown event or form {pair}" for pair in mapped | repeats if pair[0] not in events or pair[1] not in forms
    ]
    problems += [f"{pair} repeats and is not in the event" for pair in repeats if pair not in mapped]
    _data(read(folder / "data.csv"), fields, events, mapped, repeats, problems)
    return problems


def _dictionary(rows: list[list[str]], problems: list[str]) -> list[Field]:
    if rows[0] != next(csv.reader([HEAD])):
        problems.append("not the 18 columns of the template")
    fields = [_field(row, problems) for row in rows[1:]]
    names = [field.name for field in fields]
    problems += [f"name used twice: {name}" for name in set(names) if names.count(name) > 1]
    if not fields or fields[0].name != "record_id" or fields[0].type != "text":
        problems.append("the first field is not the record's identifier")
    forms = [field.form for field in fields]
    changes = sum(a != b for a, b in itertools.pairwise(forms)) + 1
    if changes != len(set(forms)):
        problems.append("the fields of a form do not stand together")
    problems += [
        f"name taken by REDCap: {name}" for name in names if name in RESERVED | {f"{form}_complete" for form in forms}
    ]
    return fields


def _field(row: list[str], problems: list[str]) -> Field:
    name, form, _, kind, label, choices, _, validation, smallest, largest, identifier, _, required = row[:13]
    wrong = {
        "name": not NAME.fullmatch(name) or "__" in name or len(name) > 26,
        "form": not NAME.fullmatch(form),
        "type": kind not in TYPES,
        "label": not label.strip(),
        "validation": validation not in VALID or (bool(validation) and kind != "text"),
        "identifier": identifier not in ("", "y"),
        "required": required not in ("", "y"),
        "choices": bool(choices) != (kind in {"radio", "dropdown", "checkbox"}),
        "range": any(
            bound and not VALID.get(validation, VALID["number"]).fullmatch(bound) for bound in (smallest, largest)
        ),
        "width": len(row) != 18,
    }
    problems += [f"{name}: wrong {what}" for what, is_wrong in wrong.items() if is_wrong]
    return Field(name, form, kind, _codes(name, choices, problems), validation, smallest, largest, required == "y")


def _codes(name: str, choices: str, problems: list[str]) -> tuple[str, ...]:
    pairs = [choice.strip().split(",", 1) for choice in choices.split("|")] if choices else []
    codes = tuple(pair[0].strip() for pair in pairs)
    if any(len(pair) != 2 or not pair[1].strip() or not CODE.fullmatch(pair[0].strip()) for pair in pairs):
        problems.append(f"{name}: a choice is not 'code, label'")
    if len(set(codes)) != len(codes):
        problems.append(f"{name}: a code comes twice")
    return codes


def _events(rows: list[list[str]], problems: list[str]) -> set[str]:
    """REDCap makes the unique name of an event itself: its label in small letters, 18 characters, and the arm."""
    for label, arm, unique in rows[1:]:
        made = re.sub(r"[^a-z0-9]+", "_", label.lower())[:18].strip("_") + f"_arm_{arm}"
        if made != unique:
            problems.append(f"event '{label}' would be {made}, not {unique}")
    return {row[2] for row in rows[1:]}


def _data(
    rows: list[list[str]],
    fields: list[Field],
    events: set[str],
    mapped: set[tuple[str, ...]],
    repeats: set[tuple[str, ...]],
    problems: list[str],
) -> None:
    head, *body = rows
    by_name = {field.name: field for field in fields}
    complete = {f"{form}_complete": form for form in {field.form for field in fields}}
    if tuple(head[:4]) != KEYS:
        problems.append("the data do not begin with the keys of a longitudinal project with repeating instruments")
    problems += [f"no such field: {name}" for name in head[4:] if name not in by_name and name not in complete]
    keys = [tuple(row[:4]) for row in body]
    problems += [f"row comes twice: {key}" for key in set(keys) if keys.count(key) > 1]
    for row in body:
        values = dict(zip(head, row, strict=True))
        here = {name: value for name, value in values.items() if name not in KEYS and value != ""}
        forms = {
            by_name[name].form if name in by_name else complete[name]
            for name in here
            if name in by_name or name in complete
        }
        problems += _key_problems(values, forms, events, mapped, repeats)
        problems += [
            f"{row[:4]} {name}: {why}" for name, value in here.items() if (why := _wrong(by_name.get(name), value))
        ]
        problems += [
            f"{row[:4]} {field.name}: required and blank"
            for field in fields
            if field.required and field.form in forms and not values.get(field.name)
        ]


def _key_problems(
    values: dict[str, str],
    forms: set[str],
    events: set[str],
    mapped: set[tuple[str, ...]],
    repeats: set[tuple[str, ...]],
) -> list[str]:
    record, event, form, instance = (values[key] for key in KEYS)
    wrong = {
        "no record": not record or record != record.strip() or len(record) > 100,
        f"unknown event {event}": event not in events,
        f"forms not in the event: {forms}": any((event, one) not in mapped for one in forms),
        "instrument without instance, or the reverse": bool(form) != bool(instance),
        "instance is no number from 1": bool(instance) and not re.fullmatch("[1-9][0-9]*", instance),
        f"{form} does not repeat": bool(form) and (event, form) not in repeats,
        f"values of another form than {form}": bool(form) and forms != {form},
        "a repeating form without instance": not form and any((event, one) in repeats for one in forms),
    }
    return [f"{record} {event} {form} {instance}: {what}" for what, is_wrong in wrong.items() if is_wrong]


def _wrong(field: Field | None, value: str) -> str:
    """Why REDCap would refuse a value; empty when it would not."""
    if field is None:
        return "" if value in {"0", "1", "2"} else f"{value} is no status of a form"
    if field.type in {"radio", "dropdown"}:
        return "" if value in field.choices else f"{value} is no choice"
    if field.type == "yesno":
        return "" if value in {"0", "1"} else f"{value} is neither 0 nor 1"
    if not VALID.get(field.validation, VALID["number"]).fullmatch(value):
        return f"{value} is no {field.validation}"
    if field.validation == "datetime_seconds_ymd":
        datetime.strptime(value, "%Y-%m-%d %H:%M:%S")
    elif (field.min and float(value) < float(field.min)) or (field.max and float(value) > float(field.max)):
        return f"{value} is outside {field.min} to {field.max}"
    return ""
