"""Folders as sites deliver them: whatever stands in them, every log is read or named, and nothing waits for ever."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import qst
from qst.cli import _run
from qst.errors import InputError
from qst.record import folders as looked_through
from tests.analysis.test_dataset import folder, reasons, uuid
from tests.record.logs import write_visit

__all__ = ["folder"]

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="named pipes and such rights are those of POSIX")


@pytest.fixture
def locked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in the folder that nobody may list. An administrator may list everything: the refusal is made up."""
    inside = folder / "locked"
    inside.mkdir()
    write_visit(inside / "c.jsonl", session_uuid=uuid(3))
    inside.chmod(0)
    scan, read = os.scandir, looked_through.read_file

    def refused(path: Any) -> Any:
        if Path(path) == inside:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    def unread(path: Path) -> bytes:
        if path == inside:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(os, "scandir", refused)
    for module in ("qst.analysis.quick_rows", "qst.record.reader"):
        monkeypatch.setattr(f"{module}.read_file", unread)
    yield folder
    inside.chmod(0o700)


def test_a_folder_that_cannot_be_looked_into_is_named(locked: Path) -> None:
    data = qst.read(locked, helpers=0)
    assert reasons(data) == [("locked", "unreadable")]
    assert "Permission denied" in data.left_out[0].text
    assert len(data.visits) == 2


def test_verify_goes_on_behind_what_it_cannot_read(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["verify", str(locked), "--json"]) == 1
    reports = msgspec.json.decode(capsys.readouterr().out)
    assert [(Path(one["path"]).name, one["status"]) for one in reports] == [
        ("a.jsonl", "intact"),
        ("b.jsonl", "intact"),
        ("locked", "unreadable"),
    ]
    assert _run(["verify", str(locked)]) == 1
    assert "Permission denied" in capsys.readouterr().out


def test_a_folder_that_vanishes_meanwhile_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "gone").mkdir()
    scan = os.scandir

    def vanish(path: Any) -> Any:
        if Path(path) == folder / "gone":
            (folder / "gone").rmdir()
        return scan(path)

    monkeypatch.setattr(os, "scandir", vanish)
    assert reasons(qst.read(folder)) == [("gone", "unreadable")]


@POSIX
def test_a_pipe_is_named_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jsonl")
    # In a process of its own: what waits for a pipe cannot be interrupted from within.
    for command in (["summary"], ["verify"]):
        ended = subprocess.run(
            [sys.executable, "-c", "from qst.cli import main; main()", *command, str(folder)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert ended.returncode == 1
        assert "pipe.jsonl" in ended.stdout + ended.stderr


@POSIX
def test_folders_behind_links_are_read_once(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("share")
    write_visit(elsewhere / "c.jsonl", session_uuid=uuid(3))
    (folder / "share").symlink_to(elsewhere)
    (folder / "round").symlink_to(folder)
    data = qst.read(folder)
    assert (len(data.visits), data.left_out) == (3, ())


def test_the_case_of_the_ending_does_not_matter(folder: Path) -> None:
    write_visit(folder / "C.JSONL", session_uuid=uuid(3))
    assert len(qst.read(folder).visits) == 3


def test_a_pattern_may_match_folders_as_in_a_shell(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "site").mkdir()
    write_visit(folder / "site" / "c.jsonl", session_uuid=uuid(3))
    for pattern in ("*", "**"):
        data = qst.read(str(folder / pattern))
        assert (len(data.visits), data.left_out) == (3, ()), pattern
    assert _run(["verify", str(folder / "*")]) == 0
    assert capsys.readouterr().out.count("intact") == 3


def test_a_name_that_no_system_knows_is_wrong_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["summary", "n" * 300]) == 2
    assert "no visit log here" in capsys.readouterr().err


def test_damage_says_where_it_is(folder: Path) -> None:
    path = folder / "a.jsonl"
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"valid":true', b'"valid":null', 1))
    line = data[: data.index(b'"valid":true')].count(b"\n") + 1
    assert qst.read(folder).left_out[0].text.startswith(f"line {line}: ")


def test_a_schema_version_that_never_was_gives_no_rows(folder: Path) -> None:
    write_visit(folder / "c.jsonl", session_uuid=uuid(3), schema_version=0)
    for verify in (True, False):
        assert reasons(qst.read(folder, verify=verify)) == [("c.jsonl", "invalid")]


# -- other endings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["c.jsonl.part", "c.jsonl (1)", "c.json", "c.txt", "c.BAK", "c.tmp", "c", "c.jsonl.gz", ".c.jsonl.Xy12ab"]
)
def test_a_log_with_another_ending_is_named(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "site").mkdir()
    write_visit(folder / "site" / "c.jsonl", session_uuid=uuid(3))
    (folder / "site" / "c.jsonl").rename(folder / "site" / name)
    data = qst.read(folder)
    assert reasons(data) == [(name, "other_ending")]
    assert "rename it" in data.left_out[0].text
    assert len(data.visits) == 2
    assert reasons(qst.read([folder, folder / "site" / name])) == []  # named by itself, it is meant
    assert _run(["verify", str(folder)]) == 1
    assert f"unreadable   {folder / 'site' / name}" in capsys.readouterr().out


def test_what_lies_beside_a_log_is_no_log(folder: Path) -> None:
    """The suite's own files, and those of others that begin otherwise; a pipe is not waited for."""
    for name in ("a.guard", "a.jsonl.guard", "a.html", "a.jsonl.html"):
        (folder / name).write_bytes((folder / "a.jsonl").read_bytes())
    (folder / "notes.txt").write_text("remember P03\n", encoding="utf-8")
    (folder / "corrections.jsonl.bak").write_bytes(b'{"who":"A. Analyst"}\n')
    (folder / "thermode.jsonl.bak").write_bytes(b'{"capture":1,"link":"sim://medoc-mms"}\n')
    (folder / "a.csv").write_bytes((folder / "a.jsonl").read_bytes())  # nobody's way of naming a log
    if sys.platform != "win32":
        os.mkfifo(folder / "pipe")
        (folder / "nowhere.txt").symlink_to(folder / "gone")
    assert qst.read(folder).left_out == ()
    assert _run(["verify", str(folder)]) == 0


def test_a_folder_with_nothing_else_says_what_is_there(tmp_path: Path) -> None:
    write_visit(tmp_path / "c.jsonl")
    (tmp_path / "c.jsonl").rename(tmp_path / "c.json")
    for paths in (tmp_path, f"{str(tmp_path)[:-1]}*", [tmp_path]):
        with pytest.raises(InputError, match=r"seem to be logs with another ending: .*c\.json") as refused:
            qst.read(paths)
        assert "end in .jsonl" in refused.value.remedy


def test_paths_may_come_one_by_one(folder: Path) -> None:
    write_visit(folder / "c.jsonl", session_uuid=uuid(3))
    (folder / "c.jsonl").rename(folder / "c.json")
    assert reasons(qst.read(path for path in [folder])) == [("c.json", "other_ending")]


def test_an_overlay_by_any_name_is_no_log(folder: Path) -> None:
    overlay = folder / "overlay.jsonl.txt"
    overlay.write_bytes(b"")
    assert qst.read(folder, corrections=overlay).left_out == ()


def test_lines_about_a_visit_with_another_ending_are_passed_over(folder: Path) -> None:
    write_visit(folder / "c.jsonl", session_uuid=uuid(3))
    (folder / "c.jsonl").rename(folder / "c.json")
    line = {"who": "A", "when": "2026-03-01", "why": "mistyped", "session_uuid": uuid(3), "field": "visit"}
    (folder / "corrections.jsonl").write_bytes(msgspec.json.encode({**line, "old": 2, "new": 3}))
    (passed_over,) = qst.read(folder, corrections=folder / "corrections.jsonl").passed_over
    assert "c.json is in no table" in passed_over
