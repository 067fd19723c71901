"""``qst ports``: what is there without a byte sent; who is there by one harmless question, where somebody agreed."""

import errno
import json
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import pyvisa
import serial
from click.testing import CliRunner
from serial.tools import list_ports

from qst.abort import AbortSwitch
from qst.cli.ports import ports
from qst.clock import RealClock, VirtualClock
from qst.errors import InputError, InstrumentError, LinkError, LinkOpenError, WireError
from qst.rigs.ports import ask, enquiries, enquiry_of, links_to_ask, listen, serial_ports
from qst_drivers.links.sim import SimLink
from qst_simulators.bench import find_simulator
from qst_simulators.server import SimulatorServer
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World
from tests.servers.rig import PROGRAMS, needs_pty


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


def run(*arguments: str, typed: str = "") -> Any:
    return CliRunner().invoke(ports, list(arguments), input=typed, standalone_mode=False)


# -- listing --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_hardware")
def test_ports_as_json() -> None:
    found = json.loads(run("--json").stdout)
    assert [(p["device"], p["usb"], p["serial_number"], p["hints"]) for p in found["serial"]] == [
        ("COM1", "", "", []),
        ("COM3", "0403:6001", "A50285BI", ["arroyo-5300"]),
        ("COM4", "1a86:7523", "", ["qstlab-tcs"]),
        ("COM5", "0483:a1ad", "", ["mark10"]),
    ]
    assert found["visa"] == {"library": "a library", "resources": ["ASRL3::INSTR", "ASRL4::INSTR"], "problem": ""}


@pytest.mark.usefixtures("no_hardware")
def test_ports_as_a_table() -> None:
    out = run().stdout
    for said in ("COM3", "USB Serial Port, FTDI", "0403:6001", "A50285BI", "visa://ASRL3::INSTR", "[gauge]"):
        assert said in out
    for said in ("mark10 (baud=115200)", "arroyo-5300 (baud=38400)", "may be", "Other things have the same adapters"):
        assert said in out


@pytest.mark.usefixtures("no_hardware")
def test_a_bench_without_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise LinkOpenError("no library")

    monkeypatch.setattr(list_ports, "comports", list)
    monkeypatch.setattr(pyvisa, "ResourceManager", broken)
    out = run().stdout
    assert "No serial port" in out
    assert "VISA lists nothing: no library" in out


def test_the_ports_of_this_computer_can_be_read() -> None:
    assert all(found.device for found in serial_ports())


# -- asking ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench() -> Iterator[SimulatorServer]:
    devices: list[str | tuple[str, dict[str, Any]]] = [
        ("medoc-mms", {"programs": PROGRAMS}),
        "qstlab-tcs",
        "mark10",
        "arroyo-5300",
    ]
    with SimulatorServer(devices) as server:
        yield server


DRIVERS = {
    "medoc-mms": ("thermode", "Medoc Main Station"),
    "qstlab-tcs": ("thermode-2", "QST.Lab TCS II"),
    "mark10": ("algometer", "M5-50"),
    "arroyo-5300": ("thermode-3", "Arroyo 5305"),
}


@pytest.mark.parametrize("driver", DRIVERS)
def test_who_answers_is_printed(driver: str, bench: SimulatorServer) -> None:
    role, model = DRIVERS[driver]
    done = run("--ask", driver, "--port", bench.addresses[role], "--yes", "--json")
    (answer,) = json.loads(done.stdout)["answers"]
    assert done.return_value == 0
    assert answer["identity"]["model"] == model
    assert answer["identity"]["simulated"] is True
    out = run("--ask", driver, "--port", bench.addresses[role], "--yes").stdout
    assert model in out
    assert "says that it is simulated" in out


@needs_pty
def test_a_gauge_is_found_at_a_serial_port_among_others() -> None:
    with SimulatorServer(["mark10"], listen=["pty:"]) as server:
        place = server.addresses["algometer"].removeprefix("pty:")
        done = run("--ask", "mark10", "--port", place, "--port", "/dev/no-such-port", "--yes")
        assert done.return_value == 0
        assert "SIM-3512345" in done.stdout
        assert "QST-210" in done.stdout
        assert f"serial://{place}?baud=115200" in done.stdout


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        done = run("--ask", "mark10", "--port", place, "--yes")
    assert done.return_value == 1
    assert "nobody" in done.stdout
    assert "QST-220" in done.stdout


@pytest.mark.usefixtures("no_hardware")
@pytest.mark.parametrize("typed", ["", "n\n", "\n"])
def test_without_consent_nothing_is_opened(typed: str) -> None:
    done = run("--ask", "mark10", typed=typed)
    assert isinstance(done.exception, InputError)
    assert done.exception.did == "sent nothing, opened nothing"
    for said in ("RM, RS, RV", "serial://COM5?baud=115200", "touches anybody"):
        assert said in done.stderr
    assert "COM3" not in done.stderr, "only what looks like a gauge"


@pytest.mark.usefixtures("no_hardware")
def test_with_consent_the_ports_that_look_like_it_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def refused(name: str, **_: Any) -> None:
        opened.append(name)
        raise OSError(errno.ENOENT, "no port")

    monkeypatch.setattr("serial.serial_for_url", refused)
    assert run("--ask", "qstlab-tcs", typed="y\n").return_value == 1
    assert opened == ["COM4"]


@pytest.mark.usefixtures("no_hardware")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ask", "mark11"], "mark10"),
        (["--ask", "jtech-commander"], "no harmless question"),
        (["--ask", "medoc-mms"], "no port here looks like"),
        (["--ask", "medoc-mms", "--port", "COM3"], "not reached over a serial port"),
        (["--ask", "mark10", "--listen", "1"], "two things"),
        (["--port", "COM3"], "belongs to"),
    ],
)
def test_wrong_requests_send_nothing(arguments: list[str], said: str) -> None:
    error = run(*arguments, "--yes").exception
    assert isinstance(error, InputError)
    assert said in error.report()


def test_a_named_port_is_taken_as_it_is() -> None:
    assert links_to_ask("mark10", ["COM9"], ()) == ("serial://COM9?baud=115200",)
    assert links_to_ask("arroyo-5300", ["COM9", "visa://ASRL1::INSTR?baud=9600"], ()) == (
        "serial://COM9?baud=38400",
        "visa://ASRL1::INSTR?baud=9600",
    )


# -- what a question does to somebody else's instrument ---------------------------------------------------------------

#: Brings a device to where a stray command would show: a stimulus that only waits for its start.
PRIMED = {
    "qstlab-tcs": b"FN320S11111C0450V00010R00010D020000",
    "arroyo-5300": b"TEC:TRATE 60;T 32;OUT 1\r\n",
    "mark10": b"",
    "medoc-mms": b"",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "qstlab-tcs": {"noise_c": 0.0},
    "arroyo-5300": {"noise_c": 0.0, "start_c": 32.0},
    "medoc-mms": {"programs": PROGRAMS},
    "mark10": {},
}


@pytest.mark.parametrize("asked", PRIMED)
@pytest.mark.parametrize("driver", list(enquiries()))
def test_no_question_moves_any_instrument(driver: str, asked: str) -> None:
    world, clock = World(1), VirtualClock()
    device = find_simulator(asked)(world, SETTINGS[asked], Surroundings(ButtonLine(world)))
    link = SimLink(device, clock, "sim://somebody")
    if PRIMED[asked]:
        link.open()
        link.write(PRIMED[asked])
        clock.sleep(10.0)
        link.read_available()
        link.close()
    surface = getattr(device, "surface", None)
    before = None if surface is None else surface.temperature_c(clock.monotonic())
    settings = getattr(device, "settings", None)
    try:
        identity = enquiry_of(driver).identify(link, clock)
        assert driver == asked, f"taken for {identity}"
    except (LinkError, WireError, InstrumentError):
        assert driver != asked, "its own driver's question is answered"
    for _ in range(300):
        clock.sleep(0.1)
        world.advance(clock.monotonic())
        if surface is not None:
            assert surface.temperature_c(clock.monotonic()) == pytest.approx(before, abs=0.05)
    assert not getattr(device, "stimulating", False)
    assert getattr(device, "settings", None) == settings


def test_a_gauges_other_question_would_have_started_a_stimulus() -> None:
    """Why ``LIST`` is not asked: its first letter starts the stimulus that a TCS holds ready."""
    world, clock = World(1), VirtualClock()
    device = find_simulator("qstlab-tcs")(world, SETTINGS["qstlab-tcs"], Surroundings(ButtonLine(world)))
    link = SimLink(device, clock, "sim://somebody")
    link.open()
    link.write(PRIMED["qstlab-tcs"])
    clock.sleep(10.0)
    link.write(b"LIST\r\n")
    clock.sleep(5.0)
    world.advance(clock.monotonic())
    assert device.surface.temperature_c(clock.monotonic()) > 35.0


def test_a_gauge_that_streams_is_still_told_apart() -> None:
    world, clock = World(1), VirtualClock()
    gauge = find_simulator("mark10")(world, {"start": {"auto_output": 50}}, Surroundings(ButtonLine(world)))
    link = SimLink(gauge, clock, "sim://gauge")
    link.open()
    link.write(b"AOUT50\r\n")
    identity = enquiry_of("mark10").identify(link, clock)
    assert (identity.model, identity.serial) == ("M5-50", "SIM-3512345")
    assert "by itself" in identity.detail


def test_an_echo_is_no_gauge() -> None:
    answer = ask("mark10", "serial+loop://", RealClock(), AbortSwitch())
    assert answer.identity is None
    assert "echoes" in answer.problem


# -- listening --------------------------------------------------------------------------------------------------------


@needs_pty
@pytest.mark.parametrize(("device", "driver"), [("qstlab-tcs", "qstlab-tcs"), ("mark10", "mark10")])
def test_what_comes_by_itself_is_shown_and_recognised(device: str, driver: str) -> None:
    with SimulatorServer([device], listen=["pty:"], speed=10) as server:
        role = next(iter(server.addresses))
        place = server.addresses[role].removeprefix("pty:")
        if device == "mark10":
            with serial.Serial(place, 115_200) as wire:
                wire.write(b"AOUT50\r\n")
                wire.flush()
                wire.read(10)
                done = run("--listen", "0.5", "--port", place, "--yes", "--json")
        else:
            done = run("--listen", "0.5", "--port", place, "--yes", "--json")
    (heard,) = json.loads(done.stdout)["heard"]
    assert heard["n_bytes"] > 10
    assert heard["recognised_by"] == [driver]


def test_silence_is_heard_as_silence(bench: SimulatorServer) -> None:
    heard = listen(bench.addresses["algometer"], 0.2, RealClock(), AbortSwitch())
    assert (heard.n_bytes, heard.recognised_by, heard.problem) == (0, (), "")


@pytest.mark.usefixtures("no_hardware")
def test_to_listen_needs_consent_too() -> None:
    done = run("--listen", "1", typed="n\n")
    assert isinstance(done.exception, InputError)
    assert "serial://COM3?baud=115200" in done.stderr
    assert "COM1" not in done.stderr, "no USB device"
