"""``qst ports`` and ``qst probe``."""

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pyvisa
import serial
from serial.tools import list_ports

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.cli import bench
from qst.clock import VirtualClock
from qst.errors import InstrumentFaultError, LinkOpenError
from qst.instruments import Identity, Sample
from qst.rigs.simulated import find_station, shipped_stations
from qst.station import InstrumentSpec
from qst_drivers.links.capture import CaptureLink
from qst_drivers.links.sim import SimLink
from qst_drivers.links.timing import TimingLink
from qst_drivers.mark10 import Mark10
from qst_drivers.medoc_mms import MedocMms
from tests.mark10.rig import Rig

STATION = """station: bench
instruments:
  thermode:
    driver: medoc-mms
    link: {thermode}
    settings:
      programs: [{{word: 100, baseline: 32 °C, rate: 0.3 °C/s, cutoff: 48 °C, return_rate: 8 °C/s}}]
  algometer:
    driver: {algometer}
    settings: {{tip_area: 1 cm²}}
"""
READ = "jtech-commander\n    link: 'operator:'"


def station_file(tmp_path: Path, thermode: str, algometer: str = READ) -> str:
    path = tmp_path / "bench.yaml"
    path.write_text(STATION.format(thermode=thermode, algometer=algometer), encoding="utf-8")
    return str(path)


def refused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def run(command: Any, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    result = command.main(args=list(arguments), standalone_mode=False)
    return result or 0, capsys.readouterr().out


# -- probe --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped_stations())
def test_a_simulated_station_is_well(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(bench.probe, capsys, name, "--json")
    found = json.loads(out)
    assert (code, found["ok"], found["simulated"]) == (0, True, True)
    for instrument in found["instruments"]:
        assert instrument["model"]
        assert instrument["code"] == instrument["what"] == ""
        if instrument["role"] == "thermode":
            assert 20.0 < instrument["reading"] < 35.0
            assert instrument["round_trips"] >= 20
            assert 0.1 < instrument["round_trip_ms"] < 100.0


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(bench.probe, capsys, "tcs")
    assert code == 0
    for said in ("SIMULATED", "QST.Lab TCS II", "firmware 14.52", "0 to 50 °C", "ready", "Nobody was stimulated"):
        assert said in out


class Spy:
    """What every driver wrote."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: dict[str, list[bytes]] = {}
        write = SimLink.write

        def spied(link: SimLink, data: bytes) -> None:
            self.written.setdefault(link.description, []).append(data)
            write(link, data)

        monkeypatch.setattr(SimLink, "write", spied)


def test_mms_is_asked_for_its_state_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    bench.probe_station(find_station("default"), AbortSwitch())
    assert {data[8] for data in spy.written["sim://medoc-mms"]} == {0}


def test_a_tcs_gets_no_command_that_moves_its_plate(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    bench.probe_station(find_station("tcs"), AbortSwitch())
    said = b"".join(spy.written["sim://qstlab-tcs"])
    assert b"A" in said
    assert not set(said) & set(b"LONCVRDWXIT"), "no start, baseline, set-point, speed, duration, or trigger"


def test_an_instrument_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    station = station_file(tmp_path, f"tcp://127.0.0.1:{refused_port()}")
    code, out = run(bench.probe, capsys, station, "--json")
    thermode, algometer = json.loads(out)["instruments"]
    assert code == 1
    assert (thermode["ok"], thermode["code"], thermode["round_trip_ms"]) == (False, "QST-210", None)
    assert "nobody listens" in thermode["what"]
    assert "start the program" in thermode["remedy"]
    assert algometer["ok"], "the others are probed all the same"


def test_a_failure_is_said_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(bench.probe, capsys, station_file(tmp_path, f"tcp://127.0.0.1:{refused_port()}"))
    assert code == 1
    assert "SIMULATED" not in out
    for said in ("nobody", "FAILED", "thermode: QST-210: tcp://127.0.0.1", "To do: start the program"):
        assert said in out


@pytest.mark.parametrize(
    ("link", "what"),
    [("serial://COM3", "speed is not stated"), ("ftp://x", "no kind of link"), ("replay://gone", "cannot read")],
)
def test_a_wrong_link_is_refused_before_anything_is_connected(link: str, what: str, tmp_path: Path) -> None:
    from qst.cli import _run  # noqa: PLC0415 - the exit code is what is tested here

    path = station_file(tmp_path, link)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MedocMms, "connect", lambda _: pytest.fail("connected"))
        assert _run(["probe", path]) == 2
    with pytest.raises(Exception, match=what):
        bench.probe_station(find_station(path), AbortSwitch())


def test_a_wrong_link_is_named_by_file_and_instrument(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from qst.cli import _run  # noqa: PLC0415 - as above

    path = station_file(tmp_path, "serial://COM3")
    assert _run(["probe", path]) == 2
    assert f"{path}: instruments.thermode.link" in capsys.readouterr().err


def test_a_real_instrument_by_its_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rig = Rig()
    recorder = CaptureLink(rig.link, tmp_path / "gauge.jsonl", rig.clock)
    driver = Mark10(recorder, {"tip_area": "1 cm²"}, rig.clock)
    driver.connect()
    driver.close()
    recorder.finish()
    recording = (tmp_path / "gauge.jsonl").as_posix()
    station = station_file(tmp_path, f"tcp://127.0.0.1:{refused_port()}", f"mark10\n    link: replay://{recording}")
    _, out = run(bench.probe, capsys, station, "--json")
    found = json.loads(out)["instruments"][1]
    assert found["ok"], found
    assert found["serial"] == "SIM-3512345"
    assert found["round_trips"] >= 5


class FakeThermode:
    """Answers as told; remembers whether it was closed."""

    capabilities = MedocMms.CAPABILITIES

    def __init__(self, *, pressed: bool = False, fails: BaseException | None = None) -> None:
        self.pressed = pressed
        self.fails = fails
        self.closed = False

    def connect(self) -> Identity:
        return Identity(model="fake")

    def poll(self) -> Sequence[Sample]:
        if self.fails is not None:
            raise self.fails
        return [Sample(0.0, 32.0, self.pressed)]

    def close(self) -> None:
        self.closed = True


def probe_one(instrument: FakeThermode, abort: AbortSwitch | None = None) -> bench.Finding:
    clock = VirtualClock()
    link = TimingLink(Rig().link, clock)
    spec = InstrumentSpec(driver="medoc-mms", link="tcp://x:1")
    fake: Any = instrument
    return bench._probe("thermode", spec, fake, link, clock, abort or AbortSwitch())


def test_a_button_that_is_down_is_a_failure() -> None:
    found = probe_one(FakeThermode(pressed=True))
    assert (found.ok, found.button) == (False, "pressed")
    assert "button" in found.what
    assert "let go" in found.remedy


def test_a_fault_while_looking() -> None:
    thermode = FakeThermode(fails=InstrumentFaultError("too hot", did="nothing", remedy="wait"))
    found = probe_one(thermode)
    assert (found.ok, found.code, found.what, found.did, found.remedy) == (
        False,
        "QST-430",
        "too hot",
        "nothing",
        "wait",
    )
    assert found.model == "fake"
    assert thermode.closed


def test_an_abort_closes_the_instrument() -> None:
    thermode = FakeThermode(fails=Aborted(AbortCause.INTERRUPT))
    with pytest.raises(Aborted):
        probe_one(thermode)
    assert thermode.closed


def test_an_interrupted_probe_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise Aborted(AbortCause.INTERRUPT)

    monkeypatch.setattr(bench, "probe_station", interrupted)
    assert run(bench.probe, capsys, "default")[0] == 1


# -- ports --------------------------------------------------------------------------------------------------------


def port(device: str, description: str, vid: int | None = None, pid: int | None = None, **more: str) -> Any:
    made = {"device": device, "description": description, "vid": vid, "pid": pid, "manufacturer": None}
    return SimpleNamespace(**{**made, "serial_number": None, **more})


PORTS = [
    port("COM4", "USB-SERIAL CH340 (COM4)", 0x1A86, 0x7523, manufacturer="wch.cn"),
    port("COM3", "USB Serial Port", 0x0403, 0x6001, manufacturer="FTDI", serial_number="A50285BI"),
    port("COM1", "n/a"),
    port("COM5", "[gauge]", 0x0483, 0xA1AD),
]


@pytest.fixture
def no_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_ports, "comports", lambda: PORTS)
    monkeypatch.setattr(serial.Serial, "open", lambda _: pytest.fail("a port was opened"))
    manager = SimpleNamespace(visalib="a library", list_resources=lambda _: ("ASRL4::INSTR", "ASRL3::INSTR"))
    monkeypatch.setattr(pyvisa, "ResourceManager", lambda: manager)


@pytest.mark.usefixtures("no_hardware")
def test_ports_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(bench.ports, capsys, "--json")
    found = json.loads(out)
    assert code == 0
    assert [(p["device"], p["usb"], p["serial_number"]) for p in found["serial"]] == [
        ("COM1", "", ""),
        ("COM3", "0403:6001", "A50285BI"),
        ("COM4", "1a86:7523", ""),
        ("COM5", "0483:a1ad", ""),
    ]
    hints = [p["hint"] for p in found["serial"]]
    assert hints[0] == ""
    assert all("perhaps" in hint for hint in hints[1:]), "a chip is no instrument"
    assert found["visa"] == {"library": "a library", "resources": ["ASRL3::INSTR", "ASRL4::INSTR"], "problem": ""}


@pytest.mark.usefixtures("no_hardware")
def test_ports_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = run(bench.ports, capsys)
    for said in ("COM3", "USB Serial Port, FTDI", "0403:6001", "A50285BI", "visa://ASRL3::INSTR", "[gauge]"):
        assert said in out


@pytest.mark.usefixtures("no_hardware")
def test_a_bench_without_anything(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise LinkOpenError("no library")

    monkeypatch.setattr(list_ports, "comports", list)
    monkeypatch.setattr(pyvisa, "ResourceManager", broken)
    code, out = run(bench.ports, capsys)
    assert code == 0
    assert "No serial port" in out
    assert "VISA lists nothing: no library" in out


def test_the_ports_of_this_computer_can_be_read() -> None:
    for found in bench.serial_ports():
        assert found.device in found.link
