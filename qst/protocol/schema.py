"""The JSON Schema of the protocol language, for editors.

It is made from the types of :mod:`qst.protocol.model` and published in the package as ``protocol.schema.json``; a
protocol names it in its first comment. What needs arithmetic (a cut-off above the start, a dose) is left to
``qst check``.
"""

import json
from typing import Any

import msgspec

from qst.protocol.model import AS_WRITTEN, LANGUAGE, Protocol

#: Name of the published file in this package.
FILE_NAME = "protocol.schema.json"


def protocol_schema() -> dict[str, Any]:
    """The schema as plain data, JSON Schema draft 2020-12."""
    schema = as_written(msgspec.json.schema(Protocol))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"QST visit protocol, language version {LANGUAGE}",
        **schema,
    }


def protocol_schema_text() -> str:
    """The published file's text."""
    return json.dumps(protocol_schema(), indent=2, ensure_ascii=False) + "\n"


def as_written(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Describe the file, not the types: quantities are text, and a key that is optional is left out, never null."""
    if isinstance(node, list):
        return [as_written(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: as_written(value) for key, value in node.items()}
    others = [choice for choice in node.get("anyOf", []) if choice != {"type": "null"}]
    if len(others) == 1:
        del node["anyOf"]
        node = others[0] | {key: value for key, value in node.items() if value is not None}
    if AS_WRITTEN not in node:
        return node
    written = dict(node[AS_WRITTEN])
    kept = {key: node[key] for key in ("description", "default") if key in node}
    if "default" in kept:
        kept["default"] = _default_text(kept["default"], written.get("kind", ""))
    return kept | {key: value for key, value in written.items() if key != "kind"}


def _default_text(value: Any, kind: str) -> Any:  # noqa: ANN401 - JSON
    """A default as one would write it."""
    if kind == "duration":
        return f"{value:g} s"
    return f"{100 * value:g} %" if kind == "ratio" else value
