"""Logs of every past schema version read to the tables that they always read to; and the schema changes only by rule."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import qst
from qst.record.records import SCHEMA_VERSION
from qst.record.verify import Status, verify_log
from tests.record.schema_snapshot import snapshot

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = sorted(folder.name for folder in FIXTURES.iterdir() if folder.is_dir())
LOGS = [pytest.param(path, id=f"{path.parent.name}-{path.stem}") for path in sorted(FIXTURES.glob("v*/*.jsonl"))]
CURRENT = FIXTURES / f"v{SCHEMA_VERSION}"

RULE = (
    "the schema of the visit log changed. A new optional field that old readers may ignore goes into 'added' of "
    f"{CURRENT.name}/schema.json; every other change raises SCHEMA_VERSION (docs/visit-log.md, Versions)"
)


def test_every_version_has_its_logs() -> None:
    assert [f"v{number}" for number in range(1, SCHEMA_VERSION + 1)] == VERSIONS
    for version in VERSIONS:
        assert (FIXTURES / version / "golden.json").exists()
        assert any((FIXTURES / version).glob("*.jsonl"))


@pytest.mark.parametrize("version", VERSIONS)
def test_nobody_made_them_again(version: str) -> None:
    lines = (FIXTURES / version / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    sums = {name: digest for digest, name in map(str.split, lines)}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (FIXTURES / version).glob("*.jsonl")}
    assert found == sums


@pytest.mark.parametrize("path", LOGS)
def test_a_past_log_verifies(path: Path) -> None:
    assert verify_log(path).status in (Status.INTACT, Status.TORN)


@pytest.mark.parametrize("path", LOGS)
def test_a_past_log_reads_to_its_table(path: Path) -> None:
    golden = json.loads((path.parent / "golden.json").read_text(encoding="utf-8"))[path.name]
    data = qst.read(path)
    assert [[one.reason, one.n_rows_kept] for one in data.left_out] == golden["left_out"]
    assert len(data.unscored) == golden["unscored"]
    for name in ("trials", "thresholds", "visits"):
        found = [dict(row) for row in getattr(data, name).dicts()]
        assert [_known(row, old) for row, old in zip(found, golden[name], strict=True)] == golden[name], name


def _known(row: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """The columns that were there when the golden table was made; later versions may have more."""
    return {name: row[name] for name in old}


def test_the_schema_changes_only_by_rule() -> None:
    kept = json.loads((CURRENT / "schema.json").read_text(encoding="utf-8"))
    frozen, added = kept["frozen"], kept["added"]
    now = snapshot()
    assert set(now) == set(frozen), RULE
    for name, fields in now.items():
        new = {field: what for field, what in fields.items() if field not in frozen[name]}
        assert {field: what for field, what in fields.items() if field not in new} == frozen[name], f"{name}: {RULE}"
        assert new == added.get(name, {}), f"{name}: {RULE}"
        assert not any(what["required"] for what in new.values()), f"{name}: {RULE}"
    assert set(added) <= set(now)
