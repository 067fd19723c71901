"""The JSON Schema of the protocol language, for editors.

It is made from the types of :mod:`qst.protocol.model` and published in the package as ``protocol.schema.json``; a
protocol names it in its first comment. What needs arithmetic (a cut-off above the start, a dose) is left to
``qst check``.
"""

import json
from typing import Any

import msgspec

from qst.protocol.model import LANGUAGE, Protocol

#: Name of the published file in this package.
FILE_NAME = "protocol.schema.json"


def protocol_schema() -> dict[str, Any]:
    """The schema as plain data, JSON Schema draft 2020-12."""
    schema = msgspec.json.schema(Protocol)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"QST visit protocol, language version {LANGUAGE}",
        **schema,
    }


def protocol_schema_text() -> str:
    """The published file's text."""
    return json.dumps(protocol_schema(), indent=2, ensure_ascii=False) + "\n"
