"""The page about the log names every record and field, and its reader works."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from qst.record.chain import DamageKind
from qst.record.lines import TraceHasher
from qst.record.records import Censoring, InstrumentEntry, Outcome, Record, Score, VisitOutcome
from tests.record.logs import write_visit

PAGE = (Path(__file__).parents[2] / "docs" / "visit-log.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("record", [*get_args(Record), InstrumentEntry, Score], ids=lambda record: record.__name__)
def test_every_record_and_field_is_on_the_page(record: type[msgspec.Struct]) -> None:
    tag = record.__struct_config__.tag
    headings = " ".join(line for line in PAGE.splitlines() if line.startswith("### "))
    assert tag is None or re.search(rf"\b{tag}\b", headings)
    for field in msgspec.structs.fields(record):
        assert f"`{field.encode_name}`" in PAGE, field.name


def test_every_word_with_a_meaning_is_on_the_page() -> None:
    for words in (Outcome, Censoring, VisitOutcome, DamageKind):
        for word in words:
            assert f"`{word.value}`" in PAGE


def test_the_reader_on_the_page_reads_and_refuses(tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(compile(code[1], "visit-log.md", "exec"), names)  # noqa: S102 - the page's own example
    read = names["read"]
    data = write_visit(tmp_path / "a.jsonl")
    records = read(data)
    assert [record["seq"] for record in records] == list(range(1, data.count(b"\n") + 1))
    for bad in (data[:-5], data.replace(b"37.9", b"38.9", 1), data.replace(b"\n", b"\n" + data, 1)):
        with pytest.raises(ValueError, match="line"):
            read(bad)
    hasher = TraceHasher()
    for record in records:
        if record["type"] == "trace" and (record["sequence_index"], record["attempt"]) == (2, 2):
            hasher.add(record["hash"])
    (vouched,) = [r["trace_sha256"] for r in records if r["type"] == "trial" and r["supersedes"] == 1]
    assert vouched == hasher.hexdigest()
