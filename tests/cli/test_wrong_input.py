"""Wrong input: exit code 2, where and what and what to do, no trace-back, and nothing begun."""

import errno
import os
from pathlib import Path

import pytest

from qst.cli import _run
from qst.protocol.shipped import shipped
from qst.record.reader import read_log
from qst.record.verify import Status, verify_log

DEMO = shipped()["demo-quick"].read_text(encoding="utf-8")


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def refused(capsys: pytest.CaptureFixture[str], data: Path, *arguments: str) -> str:
    """Run, expect a refusal, and give what it said."""
    assert _run(["run", *arguments, "--data", str(data)]) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert not data.exists() or not list(data.iterdir())
    return captured.err


#: (what stands in the file, what stands there instead, what the message must say)
WRONG = {
    "unknown key": ("cutoff: 48 °C", "cutof: 48 °C", ["unknown key 'cutof'", "cutoff"]),
    "missing unit": ("rate: 0.3 °C/s", "rate: 0.3", ["unit", "0.3"]),
    "wrong dimension": ("start: 32 °C", "start: 32 kPa", ["32 kPa", "temperature"]),
    "no rate": ("rate: 0.3 °C/s", "rate: 0.3 °C", ["0.3 °C", "0.3 °C/s"]),
    "falling heat": ("rate: 0.3 °C/s", "rate: -0.3 °C/s", ["-0.3 °C/s"]),
    "cut-off below start": ("cutoff: 48 °C", "cutoff: 30 °C", ["cut-off", "start"]),
    "cut-off above 50": ("cutoff: 48 °C", "cutoff: 50.5 °C", ["50.5 °C", "50 °C"]),
    "unknown site": ("site: thenar", "site: thenor", ["unknown site 'thenor'", "thenar"]),
    "side middle": ("side: right", "side: middle", ["middle", "left"]),
    "zero repeats": ("cutoff: 48 °C", "cutoff: 48 °C\n        repeats: 0", ["repeats: 0", "1 to 100"]),
    "unsafe tag": ("id: demo-quick", "id: !!python/object/apply:os.system demo", ["tag"]),
    "tab": ("        site: thenar", "\tsite: thenar", ["a tab"]),
    "syntax": ("start: 32 °C", "start: [32 °C", ["YAML"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_protocol_names_file_line_text_and_remedy(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right, wrong, said = WRONG[case]
    assert right in DEMO, "the demo protocol has changed; adapt this test"
    path = tmp_path / "visit.yaml"
    text = DEMO.replace(right, wrong, 1)
    path.write_text(text, encoding="utf-8")
    message = refused(capsys, tmp_path / "data", str(path), "--simulate")
    for part in said:
        assert part in message
    assert "QST-110" in message
    assert "To do:" in message
    if case != "syntax":  # the parser notices an open bracket further down
        assert f"visit.yaml:{line_of(text, wrong.splitlines()[-1])}" in message


def test_duplicate_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "visit.yaml"
    path.write_text(DEMO.replace("- id: cold", "- id: heat", 1), encoding="utf-8")
    message = refused(capsys, tmp_path / "data", str(path), "--simulate")
    assert "heat" in message
    assert "visit.yaml:" in message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"# nothing but a comment\n", "empty"),
        (b"x" * 10_000_000, "larger than 1 MB"),
        ("id: ü".encode("latin-1"), "not UTF-8"),
        (b"\x00\x01\x02", "visit.yaml:1"),
        (b"- a\n- b\n", "visit.yaml:1"),
    ],
)
def test_files_that_are_no_protocol(
    content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "visit.yaml"
    path.write_bytes(content)
    assert said in refused(capsys, tmp_path / "data", str(path), "--simulate")


@pytest.mark.parametrize("name", ["fibro", "no/such/file.yaml", "."])
def test_a_protocol_that_is_not_there(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "QST-1" in refused(capsys, tmp_path / "data", name, "--simulate")


def test_a_station_whose_thermode_cannot_do_the_ramp(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station = tmp_path / "bench.yaml"
    program = "- {word: 100, baseline: 32 °C, rate: 1 °C/s, cutoff: 48 °C, return_rate: 8 °C/s}"
    station.write_text(
        "station: bench\n"
        "instruments:\n"
        "  thermode:\n"
        "    driver: medoc-mms\n"
        "    link: sim://medoc-mms\n"
        f"    settings:\n      programs:\n        {program}\n"
        f"    simulator:\n      programs:\n        {program}\n"
        "button: simulated\n",
        encoding="utf-8",
    )
    message = refused(capsys, tmp_path / "data", "demo-quick", "--station", str(station), "--auto")
    assert "QST-130" in message
    assert "0.3 °C/s" in message
    assert "Programs there now" in message
    assert "this station has no algometer" in message


@pytest.mark.parametrize("name", ["../P1", "P 1", "a/b", "a\\b", "", ".", "P1\n", "x" * 33, "C:P1", "ü"])
def test_participant_ids_are_safe_file_names(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(capsys, tmp_path / "data", "demo-quick", "--simulate", "--participant", name)
    assert "participant id" in message


def test_a_data_directory_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder", encoding="utf-8")
    assert _run(["run", "demo-quick", "--simulate", "--data", str(blocked / "data")]) == 2
    captured = capsys.readouterr()
    assert "cannot be created" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo-quick"],
        ["demo-quick", "--simulate", "--station", "x.yaml"],
        ["demo-quick", "--simulate", "nowhere"],
        ["demo-quick", "--simulate", "--speed", "0"],
        ["demo-quick", "--simulate", "--speed", "fast"],
        ["demo-quick", "--simulate", "--visit", "0"],
        ["demo-quick", "--simulate", "--participant-model", "somebody"],
        ["demo-quick", "--simulate", "--seed", "-1"],
        ["--simulate", "demo-quick"],
    ],
)
def test_options_that_make_no_sense(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys, tmp_path / "data", *arguments)


STATIONS = {
    "unknown driver": ("driver: qstlab-tcs", "driver: qstlab-tsc", "no driver is called 'qstlab-tsc'"),
    "driver in the wrong role": ("driver: qstlab-tcs", "driver: mark10", "'mark10' is no thermode"),
    "unknown key": ("link: sim://qstlab-tcs", "lnik: sim://qstlab-tcs", "unknown key 'lnik'"),
    "mixed": ("link: sim://qstlab-tcs", "link: serial://COM3", "mixes simulated and real"),
    "unknown simulator": ("link: sim://qstlab-tcs", "link: sim://tcs", "no simulator is called 'tcs'"),
    "settings": ("settings: {}", "settings: {max_temperature: 60 °C}", "max_temperature"),
    "tip": ("tip_area: 1 cm²", "tip_area: 1 cm", "area"),
}


@pytest.mark.parametrize("case", STATIONS)
def test_a_wrong_station_names_its_file(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from importlib import resources  # noqa: PLC0415 - only here

    right, wrong, said = STATIONS[case]
    file = resources.files("qst_simulators").joinpath("stations", "tcs.yaml")
    text = file.read_text(encoding="utf-8")
    assert right in text
    station = tmp_path / "bench.yaml"
    station.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    message = refused(capsys, tmp_path / "data", "demo-quick", "--station", str(station), "--auto")
    assert said in message


def test_a_disk_that_fills_up_stops_safely_and_leaves_the_log_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io  # noqa: PLC0415 - only here

    written = 0
    real_write = io.FileIO.write

    class FullDisk(io.FileIO):
        def write(self, data: bytes) -> int:  # type: ignore[override]
            nonlocal written
            written += len(data)
            if written > 20_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real_write(self, data)

    real_open = Path.open

    def open_path(self: Path, mode: str = "r", buffering: int = -1, **options: object) -> object:
        if "b" in mode and buffering == 0:
            return FullDisk(self, mode.replace("b", ""))
        return real_open(self, mode, buffering, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", open_path)
    assert _run(["run", "demo-quick", "--simulate", "--seed", "3", "--data", str(tmp_path)]) == 1
    monkeypatch.undo()
    message = capsys.readouterr().err
    assert "QST-610" in message
    assert "Traceback" not in message
    (path,) = tmp_path.glob("*.jsonl")
    assert verify_log(path).status is Status.INTERRUPTED
    had = [(trial.sequence_index, trial.attempt) for trial in read_log(path).trials]
    assert _run(["resume", str(path)]) == 0
    now = [(trial.sequence_index, trial.attempt) for trial in read_log(path).trials]
    assert now[: len(had)] == had
    assert {index for index, _ in now} == {1, 2, 3, 4}
