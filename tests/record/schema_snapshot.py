"""The schema of the visit log as plain data: what every record holds, of which type, and whether it must be there."""

from typing import Any, get_args

import msgspec

from qst.record.records import Envelope, Record


def snapshot() -> dict[str, dict[str, Any]]:
    """Type by type: fields with their types and whether they are required; enumerations with their words."""
    types = (*get_args(Record), Envelope)
    _, components = msgspec.json.schema_components(types, ref_template="{name}")
    return {name: _plain(component) for name, component in sorted(components.items())}


def _plain(component: dict[str, Any]) -> dict[str, Any]:
    if "enum" in component:
        return {"words": sorted(component["enum"])}
    required = set(component.get("required", ()))
    return {
        name: {"type": _type(field), "required": name in required} for name, field in component["properties"].items()
    }


def _type(field: dict[str, Any]) -> Any:
    """The type alone: defaults and texts are no part of it."""
    kept = {key: value for key, value in field.items() if key not in ("default", "description", "title")}
    return {key: [_type(one) for one in value] if key == "anyOf" else value for key, value in kept.items()}
