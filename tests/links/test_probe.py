"""``qst probe``: whether a station's instruments are there and well; nobody is stimulated."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from qst.abort import AbortCause, Aborted, AbortSwitch
from qst.cli import _run
from qst.cli import probe as command
from qst.clock import RealClock, VirtualClock
from qst.errors import InstrumentFaultError, StationFileError
from qst.instruments import Health, Identity, Sample
from qst.rigs.probing import ProbeRow, probe, probe_instrument, worst
from qst.rigs.simulated import find_station, shipped_stations
from qst.station import InstrumentSpec, LoadedStation
from qst.testing.station import with_switches
from qst_drivers.links.capture import CaptureLink
from qst_drivers.links.sim import SimLink
from qst_drivers.links.tcp import TcpLink
from qst_drivers.links.timing import TimingLink
from qst_drivers.mark10 import Mark10
from qst_drivers.medoc_mms import MedocMms
from qst_simulators.server import SimulatorServer
from tests.mark10.rig import Rig
from tests.servers.rig import PROGRAMS
from tests.servers.wired import station_of

STATION = """station: bench
{word}instruments:
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


def station_file(tmp_path: Path, thermode: str, algometer: str = READ, *, word: str = "") -> str:
    path = tmp_path / "bench.yaml"
    path.write_text(STATION.format(thermode=thermode, algometer=algometer, word=word), encoding="utf-8")
    return str(path)


def refused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    result: int | None = command.probe.main(args=list(arguments), standalone_mode=False)
    return result or 0, capsys.readouterr().out


def probe_virtually(station: LoadedStation) -> dict[str, ProbeRow]:
    abort = AbortSwitch()
    return {row.role: row for row in probe(station, VirtualClock(abort), abort)}


@contextmanager
def served(device: str, settings: dict[str, Any]) -> Iterator[tuple[SimulatorServer, RealClock, AbortSwitch]]:
    """A device behind a socket, in a world that runs five times as fast."""
    abort = AbortSwitch()
    clock = RealClock(abort, speed=5.0)
    with SimulatorServer([(device, settings)], clock=clock, speed=5.0) as server:
        yield server, clock, abort


# -- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped_stations())
def test_a_simulated_station_is_well(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, name, "--json")
    found = json.loads(out)
    assert (code, found["status"], found["simulated"]) == (0, "ok", True)
    for instrument in found["instruments"]:
        assert instrument["model"]
        assert instrument["status"] == "ok"
        assert instrument["concerns"] == []
        if instrument["role"] == "thermode":
            assert 20.0 < instrument["reading"] < 35.0
            assert instrument["round_trips"] >= 20
            assert 0.1 < instrument["round_trip_ms"] <= instrument["round_trip_worst_ms"] < 200.0
            assert instrument["self_test"]


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "tcs")
    assert code == 0
    for said in ("SIMULATED", "QST.Lab TCS II", "firmware 14.52", "0 to 50 °C", "ready", "Nobody was stimulated"):
        assert said in out
    for said in ("battery 80 %", "battery step 0", "clock +0 s", "clock not told", "worst"):
        assert said in out
    assert "sound: battery" in out


def test_what_an_instrument_does_not_tell_is_not_guessed() -> None:
    rows = probe_virtually(find_station("paper"))
    for row in rows.values():
        assert (row.battery, row.battery_percent, row.clock_offset_s) == ("", None, None)
    assert rows["algometer"].round_trip_ms is None
    assert rows["algometer"].button == "none"


def test_the_devices_clock_is_compared_with_this_computers() -> None:
    with served("qstlab-tcs", {}) as (server, clock, abort):
        (row,) = probe(station_of({"thermode": ("qstlab-tcs", server.addresses["thermode"])}, simulated=True),
                       clock, abort)  # fmt: skip
    assert row.status == "ok", row
    assert row.clock_offset_s is not None
    assert row.clock_offset_s < -86_400 * 365 * 20, "the simulated device's clock begins in the year 2000"


@pytest.mark.parametrize(
    ("offset_s", "shown"),
    [
        (0.2, "+0 s"),
        (-0.2, "+0 s"),
        (-119.0, "-119 s"),
        (130.0, "+2 min"),
        (-7300.0, "-2 h"),
        (-848_688_132.0, "-9823 days"),
    ],
)
def test_an_offset_is_shown_in_a_unit_that_a_person_can_judge(offset_s: float, shown: str) -> None:
    assert command._offset(offset_s) == shown


# -- what is to be seen to --------------------------------------------------------------------------------------------


def test_a_low_battery_is_a_warning_before_it_is_a_fault() -> None:
    row = probe_virtually(with_switches(find_station("tcs"), {"thermode": {"battery_percent": 35}}))["thermode"]
    assert (row.status, row.battery, row.battery_percent) == ("warn", "35 %", 35)
    assert "may not last" in row.concerns[0].what
    assert "charge" in row.concerns[0].remedy
    row = probe_virtually(with_switches(find_station("tcs"), {"thermode": {"battery_percent": 10}}))["thermode"]
    assert row.status == "fail"
    assert row.concerns[0].code == "QST-430"


def test_a_gauges_low_battery() -> None:
    loaded = with_switches(find_station("tcs"), {"algometer": {"start": {"battery": 2}}})
    row = probe_virtually(loaded)["algometer"]
    assert (row.status, row.battery) == ("warn", "step 2 (3 is empty)")


def test_the_whole_is_as_bad_as_its_worst() -> None:
    rows = [ProbeRow(role="r", driver="d", link="l", status=status) for status in ("ok", "warn", "fail")]
    assert worst(tuple(rows)) == "fail"
    assert worst(tuple(rows[:2])) == "warn"
    assert worst(()) == "ok"


# -- nobody is stimulated ---------------------------------------------------------------------------------------------


class Spy:
    """What every driver wrote, over links in this process and over sockets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: dict[str, list[bytes]] = {}
        for kind in (SimLink, TcpLink):
            self._spy_on(monkeypatch, kind)

    def _spy_on(self, monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
        write = kind.write

        def spied(link: Any, data: bytes) -> None:
            self.written.setdefault(link.description, []).append(data)
            write(link, data)

        monkeypatch.setattr(kind, "write", spied)


def test_mms_is_asked_for_its_state_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    probe_virtually(find_station("default"))
    assert {data[8] for data in spy.written["sim://medoc-mms"]} == {0}


def test_a_tcs_gets_no_command_that_moves_its_plate(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    probe_virtually(find_station("tcs"))
    said = b"".join(spy.written["sim://qstlab-tcs"])
    assert b"A" in said
    assert not set(said.replace(b"Xr", b"")) & set(b"LONCVRDWXIT"), "no start, baseline, set-point, speed, or trigger"


def test_an_arroyo_gets_no_set_point_and_no_power(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch)
    probe_virtually(find_station("peltier"))
    said = b"".join(spy.written["sim://arroyo-5300"])
    assert b"TEC:COND?" in said
    for command_ in (b"TEC:T ", b"OUT 1", b"TRATE ", b"LIM:"):
        assert command_ not in said


DEVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "medoc-mms": ("thermode", {"programs": PROGRAMS, "noise_c": 0.0}),
    "qstlab-tcs": ("thermode", {"noise_c": 0.0}),
    "arroyo-5300": ("thermode", {"noise_c": 0.0, "start_c": 32.0}),
    "mark10": ("algometer", {}),
}


@pytest.mark.parametrize("driver", DEVICES)
def test_over_a_real_link_an_instrument_is_identified_and_its_plate_stays(driver: str) -> None:
    """Also one that a visit would drive through a guard only."""
    role, settings = DEVICES[driver]
    with served(driver, settings) as (server, clock, abort):
        before = server.do({"do": "state"})["devices"][role].get("temperature_c")
        station = station_of({role: (driver, server.addresses[role])}, simulated=True)
        (row,) = probe(station, clock, abort)
        after = server.do({"do": "state"})["devices"][role].get("temperature_c")
    assert row.status in ("ok", "warn"), row.concerns  # a busy computer may take long for one answer
    assert row.model
    assert row.simulated is True
    assert row.round_trips >= 5
    assert after == (None if before is None else pytest.approx(before, abs=0.05))


def test_a_station_that_takes_a_simulator_for_real_is_told_so() -> None:
    abort = AbortSwitch()
    with SimulatorServer(["mark10"]) as server:
        (row,) = probe(station_of({"algometer": ("mark10", server.addresses["algometer"])}), RealClock(abort), abort)
    assert (row.status, row.model, row.simulated, row.self_test) == ("fail", "M5-50", True, ("settings read back",))
    assert "simulated: true" in row.concerns[0].remedy


# -- what failed ------------------------------------------------------------------------------------------------------


def test_an_instrument_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, station_file(tmp_path, f"tcp://127.0.0.1:{refused_port()}"), "--json")
    thermode, algometer = json.loads(out)["instruments"]
    assert code == 1
    (concern,) = thermode["concerns"]
    assert (thermode["status"], concern["code"], thermode["round_trip_ms"]) == ("fail", "QST-210", None)
    assert "nobody listens" in concern["what"]
    assert "start the program" in concern["remedy"]
    assert algometer["status"] == "ok", "the others are probed all the same"


def test_a_failure_is_said_in_full(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, station_file(tmp_path, f"tcp://127.0.0.1:{refused_port()}"))
    assert code == 1
    assert "SIMULATED" not in out
    for said in ("nobody", "FAILED", "thermode: QST-210: tcp://127.0.0.1", "To do: start the program"):
        assert said in out


@pytest.mark.parametrize(
    ("link", "what"),
    [
        ("serial://COM3", "speed is not stated"),
        ("ftp://x", "no kind of link"),
        ("replay://gone", "cannot read"),
        ("fault+tcp://h:1?fault=fire", "is no fault"),
    ],
)
def test_a_wrong_link_is_refused_before_anything_is_connected(
    link: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = station_file(tmp_path, link, word="simulated: true\n")
    monkeypatch.setattr(MedocMms, "connect", lambda _: pytest.fail("connected"))
    assert _run(["probe", path]) == 2
    with pytest.raises(StationFileError, match=what):
        probe(find_station(path), RealClock(), AbortSwitch())


def test_a_wrong_link_is_named_by_file_and_instrument(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = station_file(tmp_path, "serial://COM3")
    assert _run(["probe", path]) == 2
    assert f"{path}: instruments.thermode.link" in capsys.readouterr().err


def test_a_real_instrument_by_its_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rig = Rig()
    recorder = CaptureLink(rig.link, tmp_path / "gauge.jsonl", rig.clock)
    driver = Mark10(recorder, {"tip_area": "1 cm²"}, rig.clock)
    driver.connect()
    driver.health()
    driver.close()
    recorder.finish()
    recording = (tmp_path / "gauge.jsonl").as_posix()
    station = station_file(
        tmp_path,
        f"tcp://127.0.0.1:{refused_port()}",
        f"mark10\n    link: replay://{recording}",
        word="simulated: true\n",
    )
    _, out = run(capsys, station, "--json")
    found = json.loads(out)["instruments"][1]
    assert found["status"] == "ok", found
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

    def health(self) -> Health:
        return Health(checks=("everything",), concerns=("dust",))

    def poll(self) -> Sequence[Sample]:
        if self.fails is not None:
            raise self.fails
        return [Sample(0.0, 32.0, self.pressed)]

    def close(self) -> None:
        self.closed = True


def probe_one(instrument: FakeThermode, trips_s: Sequence[float] = ()) -> ProbeRow:
    clock = VirtualClock()
    link = TimingLink(Rig().link, clock)
    link.round_trips_s += trips_s
    spec = InstrumentSpec(driver="medoc-mms", link="tcp://x:1")
    station = station_of({"thermode": ("medoc-mms", "tcp://x:1")}).station
    fake: Any = instrument
    return probe_instrument(station, "thermode", spec, fake, link, clock, AbortSwitch())


def test_a_button_that_is_down_is_a_failure() -> None:
    row = probe_one(FakeThermode(pressed=True))
    assert (row.status, row.button) == ("fail", "pressed")
    assert "button" in row.concerns[-1].what
    assert "let go" in row.concerns[-1].remedy


def test_an_answer_that_took_too_long_is_a_warning() -> None:
    row = probe_one(FakeThermode(), [0.01] * 20)
    assert [concern.what for concern in row.concerns] == ["dust"]
    row = probe_one(FakeThermode(), [0.01] * 20 + [9.0])
    assert (row.status, row.round_trip_ms, row.round_trip_worst_ms) == ("warn", 10.0, 9000.0)
    assert "9000 ms" in row.concerns[-1].what


def test_a_fault_while_looking() -> None:
    thermode = FakeThermode(fails=InstrumentFaultError("too hot", did="nothing", remedy="wait"))
    row = probe_one(thermode)
    concern = row.concerns[-1]
    assert msgspec.structs.astuple(concern) == ("too hot", "QST-430", "nothing", "wait", True)
    assert (row.status, row.model) == ("fail", "fake")
    assert thermode.closed


def test_an_abort_closes_the_instrument() -> None:
    thermode = FakeThermode(fails=Aborted(AbortCause.INTERRUPT))
    with pytest.raises(Aborted):
        probe_one(thermode)
    assert thermode.closed


def test_an_interrupted_probe_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, press_s: float) -> None:
        raise Aborted(AbortCause.INTERRUPT)

    monkeypatch.setattr(command, "probe_station", interrupted)
    assert run(capsys, "default")[0] == 1
