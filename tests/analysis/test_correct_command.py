"""``qst correct``: lines that apply when they are written, and nothing written otherwise."""

from pathlib import Path
from typing import Any, Self

import pytest

import qst
from qst.cli import _run
from tests.analysis.test_corrections import LOG, without_attempts
from tests.analysis.test_dataset import FIXTURES


def correct(folder: Path, *words: str, log: Path = LOG) -> int:
    arguments = ["correct", str(log), *words, "--who", "A. Analyst", "--why", "see the diary"]
    return _run([*arguments, "--file", str(folder / "overlay.jsonl")])


def test_the_command_adds_lines_that_apply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert correct(tmp_path, "valid=false", "--trial", "4") == 0
    assert "valid true -> false" in capsys.readouterr().out
    assert correct(tmp_path, "visit=2") == 0
    assert correct(tmp_path, "note=late", "--trial", "1", log=FIXTURES / "operator-read.jsonl") == 0
    assert correct(tmp_path, "valid=true", "--trial", "4") == 0
    assert len((tmp_path / "overlay.jsonl").read_bytes().splitlines()) == 4
    data = qst.read([LOG, FIXTURES / "operator-read.jsonl"], corrections=tmp_path / "overlay.jsonl")
    rows = list(data.trials.dicts())
    assert (rows[3]["corrected"], rows[3]["valid"]) == ("valid visit valid", True)
    assert rows[4]["note"] == "late"


def test_the_command_names_a_visit_without_attempts_anew(tmp_path: Path) -> None:
    log = without_attempts(tmp_path)
    assert correct(tmp_path, "participant_id=P12", log=log) == 0
    assert qst.read(log, corrections=tmp_path / "overlay.jsonl").visits.column("participant_id") == ("P12",)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["value_reported=1", "--trial", "4"], "cannot be corrected"),
        (["valid=false"], "cannot be corrected"),
        (["valid=no", "--trial", "4"], "true or false"),
        (["visit=two"], "whole number"),
        (["visit=0"], "number visits from 1"),
        (["participant_id=P 1/.."], "cannot be a participant_id"),
        (["participant_id="], "cannot be a participant_id"),
        (["study_id=Fibro Trial"], "cannot be a study_id"),
        (["valid=true", "--trial", "4"], "the same"),
        (["valid=false", "--trial", "9"], "nothing to correct"),
    ],
)
def test_the_command_refuses_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], what: str
) -> None:
    assert correct(tmp_path, *words) == 2
    assert what in capsys.readouterr().err
    assert not (tmp_path / "overlay.jsonl").exists()


def test_the_command_takes_back_what_does_not_apply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert correct(tmp_path, "valid=true", "--trial", "4", log=FIXTURES / "torn.jsonl") == 2
    assert "nothing to count" in capsys.readouterr().err
    assert not (tmp_path / "overlay.jsonl").exists()


def test_the_command_corrects_one_visit_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several it would have corrected whichever comes first."""
    for log in (LOG, FIXTURES / "operator-read.jsonl"):
        (tmp_path / log.name).write_bytes(log.read_bytes())
    for several in (tmp_path, tmp_path / "*.jsonl"):
        assert correct(tmp_path, "visit=2", log=several) == 2
        assert "these are 2 visits" in capsys.readouterr().err
    assert not (tmp_path / "overlay.jsonl").exists()


def test_a_line_without_its_end_is_not_run_into(tmp_path: Path) -> None:
    assert correct(tmp_path, "visit=2") == 0
    path = tmp_path / "overlay.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert correct(tmp_path, "visit=3") == 0
    assert qst.read(LOG, corrections=path).visits.column("visit") == (3,)


def test_what_was_corrected_so_far_survives_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert correct(tmp_path, "visit=2") == 0
    before = (tmp_path / "overlay.jsonl").read_bytes()
    opened = Path.open

    def full(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        file = opened(path, mode, *args, **kwargs)
        return FullDisk(file) if path.name == "overlay.jsonl" and set(mode) & set("wax+") else file

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", full)
        assert correct(tmp_path, "visit=3") == 2
    assert "No space left" in capsys.readouterr().err
    assert (tmp_path / "overlay.jsonl").read_bytes() == before


class FullDisk:
    """A file of which a disk takes the first bytes only."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> int:
        self._file.write(data[:9])
        self._file.flush()
        raise OSError(28, "No space left on device")
