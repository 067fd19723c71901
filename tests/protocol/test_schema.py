"""The published JSON Schema: current, valid, named by the files, and of one mind with the reader."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

import qst.protocol
from qst.protocol import schema, shipped
from tests.protocol.texts import RIGHT, spoiled

PUBLISHED = Path(qst.protocol.__path__[0]) / schema.FILE_NAME


def data(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema.protocol_schema())


def test_the_published_schema_is_current() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == schema.protocol_schema_text()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.protocol_schema())


@pytest.mark.parametrize("name", list(shipped.shipped()))
def test_shipped_protocols_agree_and_name_the_schema(name: str) -> None:
    file = shipped.shipped()[name]
    text = file.read_text(encoding="utf-8")
    validator().validate(data(text))
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (file.parent / first.partition("=")[2]).resolve() == PUBLISHED.resolve()


def test_a_right_text_agrees() -> None:
    validator().validate(data(RIGHT))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("repeats: 3", "repeets: 3"),
        ("repeats: 3", "repeats: 0"),
        ("start: 32 °C", "start: 32"),
        ("start: 32 °C", "start: '32'"),
        ("side: right", "side: middle"),
        ("modality: heat", "modality: hot"),
        ("order: random", "order: rondom"),
        ("title: Small protocol\n", ""),
        ("sites: tender-points", "sites: []"),
    ],
)
def test_the_schema_sees_wrong_forms_too(old: str, new: str) -> None:
    assert not validator().is_valid(data(spoiled(old, new)))
