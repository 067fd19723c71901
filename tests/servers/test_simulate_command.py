"""``qst simulate`` as a process, and what it refuses."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec
import pytest
import serial

from qst.cli.simulate import _device, simulate
from qst.errors import InputError
from qst_simulators.server import SimulatorServer
from tests.servers.rig import FORMS, PATIENCE_S, Control, dial, host_and_port, mms, needs_pty, until


class Served(NamedTuple):
    process: "subprocess.Popen[str]"
    lines: list[str]


@contextlib.contextmanager
def served(*arguments: str, lines: int) -> Iterator[Served]:
    program = "from qst.cli.simulate import simulate; raise SystemExit(simulate(standalone_mode=False))"
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        try:
            yield Served(process, [process.stdout.readline().rstrip("\n") for _ in range(lines)])
        finally:
            process.kill()


def test_one_line_a_device_then_the_control_address_then_service_until_quit() -> None:
    with served("medoc-mms", "mark10", "--speed", "20", lines=3) as (process, lines):
        found = dict(line.split(maxsplit=1) for line in lines)
        assert list(found) == ["medoc-mms", "mark10", "control"]
        assert mms(found["medoc-mms"], FORMS["CANlab"](1, 100)).return_code == 0, "programs of the shipped station"
        with dial(found["mark10"]) as wire:
            wire.sendall(b"LIST\r\n")
            assert wire.recv(200).startswith(b"V1.00;LBF")
        with Control(host_and_port(found["control"])) as control:
            assert control.do("quit")["ok"]
            assert process.wait(PATIENCE_S) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a process without asking it")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
def test_json_and_an_orderly_end_by_signal(number: str) -> None:
    with served("mark10=noise=false,cell_errors=false", "--json", "--seed", "5", lines=1) as (process, lines):
        told = msgspec.json.decode(lines[0])
        assert (told["seed"], told["speed"]) == (5, 1.0)
        (device,) = told["devices"]
        assert (device["device"], device["role"]) == ("mark10", "algometer")
        with dial(device["address"]) as wire:
            wire.sendall(b"?\r\n")
            assert wire.recv(200) == b"0.00 lbF\r\n"
        process.send_signal(getattr(signal, number))
        assert process.wait(PATIENCE_S) == 0


def test_a_fixed_port_is_the_one_that_is_asked_for() -> None:
    with SimulatorServer(["mark10"]) as server:
        free = server.addresses["algometer"]
    with served("mark10", "--listen", free, lines=2) as (_, lines):
        assert lines[0].split() == ["mark10", free]


def test_settings_come_from_the_shipped_station_a_file_or_the_command_line(tmp_path: Path) -> None:
    words = [program["word"] for program in _device("medoc-mms")[1]["programs"]]
    assert words == [100, 101]
    assert _device("mark10")[1] == {}
    assert _device("mark10=noise=false,baud=9600") == ("mark10", {"noise": False, "baud": 9600})
    assert _device("qstlab-tcs=firmware='12.51'") == ("qstlab-tcs", {"firmware": "12.51"})
    assert _device("medoc-mms=round_trip_s=0")[1]["programs"], "one setting leaves the others as they are"
    path = tmp_path / "gauge.yaml"
    path.write_text("noise: false\nstart: {unit: N}\n", encoding="utf-8")
    assert _device(f"mark10={path}") == ("mark10", {"noise": False, "start": {"unit": "N"}})


#: Arguments, and a part of what is said about them.
WRONG = {
    "no such device": (["nothing-like-it"], "nothing-like-it"),
    "no wire": (["jtech-commander"], "reads its display"),
    "setting": (["mark10=loud"], "'loud' is not a setting"),
    "value": (["mark10=baud=3"], "baud"),
    "not YAML": (["mark10=start=["], "not YAML"),
    "number for text": (["qstlab-tcs=firmware=14"], "firmware"),
    "no file": (["mark10=nowhere.yaml"], "nowhere.yaml"),
    "address": (["mark10", "--listen", "com5"], "com5"),
    "too many addresses": (["mark10", "--listen", "tcp://127.0.0.1:0", "--listen", "tcp://127.0.0.1:0"], "2 address"),
    "control": (["mark10", "--control", "0.0.0.0:0"], "this computer only"),
    "speed": (["mark10", "--speed", "nan"], "speed"),
    "participant": (["mark10", "--participant-model", "nobody"], "nobody"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_refused_with_a_remedy_or_a_reason(case: str) -> None:
    arguments, told = WRONG[case]
    with pytest.raises(InputError, match=r".") as refused:
        simulate(arguments, standalone_mode=False)
    assert told in refused.value.report()


@pytest.mark.parametrize("text", ["[1, 2]", "1: 2", "", "\x00", "a: [", "&a [*a]"])
def test_a_settings_file_that_is_no_mapping_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError):
        simulate([f"mark10={path}"], standalone_mode=False)


def test_a_settings_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="UTF-8"):
        simulate([f"mark10={path}"], standalone_mode=False)


def test_no_device_is_a_usage_error() -> None:
    with pytest.raises(click.UsageError):
        simulate([], standalone_mode=False)


# -- the other wires --------------------------------------------------------------------------------------------------


@pytest.fixture
def cable() -> Iterator[tuple[int, str]]:
    """A null-modem cable: our end, and the name of the port at the other."""
    ours, theirs = os.openpty()
    wire = serial.Serial(os.ttyname(theirs))  # leaves it raw
    yield ours, os.ttyname(theirs)
    wire.close()
    os.close(ours)
    os.close(theirs)


@needs_pty
def test_a_device_behind_a_serial_port(cable: tuple[int, str]) -> None:
    ours, port = cable
    settings: dict[str, Any] = {"noise": False, "cell_errors": False, "baud": 9600}
    with SimulatorServer([("mark10", settings)], listen=[f"serial:{port}@9600"], speed=20) as server:
        assert server.addresses["algometer"] == f"serial:{port}@9600"
        assert server.links == {}
        os.write(ours, b"?\r\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += os.read(ours, 100)
        assert answer == b"0.00 lbF\r\n"


def test_a_socket_client_that_never_reads_does_not_stop_the_others() -> None:
    with SimulatorServer(["mark10", "qstlab-tcs"], speed=500) as server, Control(server.control) as control:
        with dial(server.addresses["algometer"]) as deaf:
            deaf.sendall(b"AOFF0\r\nAOUT250\r\n")
            before_s = control.do("state")["now_s"]
            until(lambda: control.do("state")["now_s"] > before_s + 200.0)
        with dial(server.addresses["thermode"]) as wire:
            wire.sendall(b"FB")
            wire.settimeout(PATIENCE_S)
            assert wire.recv(100)


@needs_pty
def test_links_for_a_station_file_lead_to_the_devices() -> None:
    with SimulatorServer(["qstlab-tcs", "mark10"], listen=["pty:", "tcp://127.0.0.1:0"]) as server:
        terminal = server.addresses["thermode"].removeprefix("pty:")
        assert server.links == {
            "thermode": f"serial://{terminal}?baud=115200",
            "algometer": server.addresses["algometer"],
        }


@pytest.mark.skipif(sys.platform != "win32", reason="elsewhere there are pseudo-terminals")
def test_windows_is_told_what_to_use_instead_of_a_pseudo_terminal() -> None:
    with pytest.raises(InputError, match="no pseudo-terminals"):
        SimulatorServer(["mark10"], listen=["pty:"])


@needs_pty
def test_a_link_whose_name_is_taken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gauge"
    path.write_text("something of value", encoding="utf-8")
    with pytest.raises(InputError, match="gauge"):
        SimulatorServer(["mark10"], listen=[f"pty:{path}"])
    assert path.read_text(encoding="utf-8") == "something of value"
