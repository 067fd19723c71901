"""Logs whose hashes are right and whose contents are none of the suite's: left out, or shown without any harm."""

import re
from pathlib import Path

import pytest

import qst
from qst.analysis.export import FORMATS, export
from qst.analysis.plots import plot
from qst.errors import InputError
from tests.export.tables import dataset, of_column
from tests.plots.visits import DEMO, visit_log
from tests.record.logs import forge

LARGEST = 2**63 - 1


def forged(folder: Path, name: str, value: bytes) -> Path:
    """Two logs that state another value in their first line, with hashes that fit."""
    for number in range(2):
        log = visit_log(DEMO)
        for field, stated in ((name, value), ("session_uuid", b'"00000000-0000-4000-8000-%012d"' % number)):
            found = re.compile(rb'"%b":("[^"]*"|[0-9]+)' % field.encode())
            log = found.sub(b'"%b":%b' % (field.encode(), stated), log, count=1)
        if name == "n_planned":  # a visit that calls itself completed would contradict itself
            log = log[: log.rindex(b'{"type":"end"')]
        (folder / f"{number}.jsonl").write_bytes(forge(log, b"", b""))
    return folder


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("seed", 2**64, "more than 64 bits"),
        ("seed", LARGEST + 1, "more than 64 bits"),
        ("visit", 2**70, "more than 64 bits"),
        ("n_planned", 10**12, "no visit has more than"),
    ],
)
def test_numbers_that_no_visit_was_given_make_a_log_invalid(tmp_path: Path, name: str, value: int, text: str) -> None:
    data = qst.read(forged(tmp_path, name, b"%d" % value))
    assert [one.reason for one in data.left_out] == ["invalid", "invalid"]
    assert f"{name} is {value}" in data.left_out[0].text
    assert text in data.left_out[0].text
    assert (len(data.trials), len(data.visits)) == (0, 0)


def test_the_largest_seed_goes_into_every_frame_and_file(tmp_path: Path) -> None:
    data = qst.read(forged(tmp_path, "seed", b"%d" % LARGEST))
    assert data.left_out == ()
    assert set(data.trials.to_polars()["seed"]) == set(data.trials.to_pandas()["seed"]) == {LARGEST}
    for format_name in FORMATS:
        export(data, tmp_path / format_name, format_name)


@pytest.mark.parametrize("format_name", ["csv", "parquet", "spss", "excel"])
def test_a_number_that_no_table_holds_is_refused_by_name(tmp_path: Path, format_name: str) -> None:
    """In a record of an attempt, of which only the types were looked at."""
    with pytest.raises(InputError, match="column t_mono_ns, row 2: 9223372036854775808 has more than 64 bits"):
        export(dataset(of_column("t_mono_ns", 1, LARGEST + 1, None)), tmp_path / "a", format_name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("participant", ["A/B", "../../x", "x" * 400])
@pytest.mark.parametrize("kind", ["rates", "visits"])
def test_no_pseudonym_leads_a_picture_elsewhere(tmp_path: Path, participant: str, kind: str) -> None:
    data = qst.read(forged(tmp_path, "participant_id", b'"%b"' % participant.encode()))
    (tmp_path / "made").mkdir()
    written = plot(data, kind, tmp_path / "made" / "p.svg")
    assert sorted((tmp_path / "made").iterdir()) == sorted(written)
    assert len(written) == (1 if kind == "visits" else 2)
    for path in written if kind != "visits" else ():
        assert re.fullmatch(r"p\.[A-Za-z0-9_-]+\.svg", path.name)
