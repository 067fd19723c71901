"""TCS and Mark-10 sequences of their makers and users, over real pseudo-terminals."""

import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from qst_simulators.server import SimulatorServer
from tests.servers.rig import Control, needs_pty, terminal, until

pytestmark = needs_pty
#: Time in which a device that has something to say has said it, s.
SILENCE_S = 0.05


def ask(wire: serial.Serial, query: bytes, size: int) -> bytes:
    wire.write(query)
    answer = wire.read(size)
    assert len(answer) == size
    return answer


def silent(wire: serial.Serial) -> bool:
    threading.Event().wait(SILENCE_S)
    return wire.in_waiting == 0


def drain(wire: serial.Serial) -> None:
    while not silent(wire):
        wire.reset_input_buffer()


# -- QST.Lab TCS ------------------------------------------------------------------------------------------------------


@pytest.fixture
def tcs() -> Iterator[SimulatorServer]:
    with SimulatorServer([("qstlab-tcs", {"noise_c": 0.0, "offsets": False})], listen=["pty:"], speed=20) as server:
        yield server


def zones(answer: bytes) -> list[float]:
    """Five readings of E by position: the sign stands before its zone."""
    text = answer.decode("ascii")
    assert text[0] == "\r"
    return [int(text[at : at + 4]) / 10 for at in range(4, 24, 4)]


def mute(wire: serial.Serial) -> None:
    """As every program begins: the display is on after power-on and would mix with the answers."""
    wire.write(b"F")
    threading.Event().wait(SILENCE_S)
    wire.reset_input_buffer()


def test_a_tcs_streams_until_it_is_muted_and_answers_queries(tcs: SimulatorServer) -> None:
    with terminal(tcs.addresses["thermode"]) as wire:
        assert wire.read(27) == b"+30.0+30.0+30.0+30.0+30.0\r\n"
        mute(wire)
        assert silent(wire)
        assert ask(wire, b"B", 14).endswith(b"v 080%")
        assert ask(wire, b"K", 3) == b"\r00"
        assert zones(ask(wire, b"E", 24)) == [30.0] * 5
        assert ask(wire, b"Q", 7) == b"\r000000"


def test_set_commands_are_never_acknowledged_and_are_read_back(tcs: SimulatorServer) -> None:
    orders = [b"N320", b"S11111", b"C0450", b"C3005", b"V00010", b"R00080", b"D023000", b"Om500", b"T255300"]
    with terminal(tcs.addresses["thermode"]) as wire:
        mute(wire)
        for order in orders:
            wire.write(order)
        assert silent(wire)
        wire.write(b"P")
        until(lambda: not silent(wire))
        until(lambda: wire.in_waiting > 100)
        listing = wire.read(wire.in_waiting)
        assert b"N320" in listing
        assert b"C1450" in listing, "all zones, one by one"
        assert b"C3005" in listing


def test_method_of_limits_as_labs_do_it(tcs: SimulatorServer) -> None:
    """Mute, ceiling, baseline, zones, ramp, L; poll E and K; A when the second digit of K is 1."""
    with terminal(tcs.addresses["thermode"]) as wire, Control(tcs.control) as control:
        mute(wire)
        duration_ms = math.ceil((50.0 - 32.0) / 1.0 * 1000)
        wire.write(b"Om500N320S11111V00010R00800C0500D0%05d" % duration_ms)
        until(lambda: zones(ask(wire, b"E", 24)) == [32.0] * 5)
        wire.write(b"L")
        until(lambda: zones(ask(wire, b"E", 24))[0] > 33.0)
        assert ask(wire, b"K", 3) == b"\r00"
        control.do("press")
        assert ask(wire, b"K", 3) == b"\r01"
        at_press = max(zones(ask(wire, b"E", 24)))
        wire.write(b"A")
        truth = control.do("state")["devices"]["thermode"]["temperature_c"]
        assert 33.0 < at_press < 50.0
        assert truth <= at_press + 1.0
        until(lambda: zones(ask(wire, b"E", 24)) == [32.0] * 5)


def test_the_button_stops_ol_in_firmware(tcs: SimulatorServer) -> None:
    with terminal(tcs.addresses["thermode"]) as wire, Control(tcs.control) as control:
        mute(wire)
        wire.write(b"Om500N320S11111V00010R03000C0450D060000Ol")
        until(lambda: zones(ask(wire, b"E", 24))[0] > 33.0)
        assert control.do("state")["devices"]["thermode"]["stimulating"]
        control.do("press")
        assert not control.do("state")["devices"]["thermode"]["stimulating"]
        until(lambda: zones(ask(wire, b"E", 24)) == [32.0] * 5)


def test_old_firmware_loses_characters_that_come_too_fast() -> None:
    """One scan of the port a millisecond: a whole string arrives, one character of it is heard."""
    settings = {"firmware": "12.51", "noise_c": 0.0, "offsets": False}
    with (
        SimulatorServer([("qstlab-tcs", settings)], listen=["pty:"]) as server,
        terminal(server.addresses["thermode"]) as wire,
    ):
        mute(wire)
        wire.write(b"BBBB")
        answer = wire.read(14)
        assert answer.endswith(b"%")
        assert silent(wire), "one B of four was heard"
        for byte in b"N320":  # ten times slower than it need be: the computer may be busy
            wire.write(bytes([byte]))
            threading.Event().wait(0.01)
        until(lambda: zones(ask(wire, b"E", 24))[0] > 30.0)


# -- Mark-10 ----------------------------------------------------------------------------------------------------------

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "mark10.json").read_text(encoding="utf-8"))


@pytest.fixture
def gauge() -> Iterator[SimulatorServer]:
    settings = {"noise": False, "cell_errors": False}
    with SimulatorServer([("mark10", settings)], listen=["pty:"], speed=20) as server:
        yield server


def line(wire: serial.Serial, command: bytes) -> bytes:
    wire.write(command + b"\r\n")
    return bytes(wire.readline())


def test_a_gauge_at_rest_answers_as_the_guide_prints(gauge: SimulatorServer) -> None:
    with terminal(gauge.addresses["algometer"]) as wire:
        assert line(wire, b"?") == b"0.00 lbF\r\n"
        wire.write(b"N\r\n")
        assert silent(wire), "a setting is not acknowledged"
        assert line(wire, b"?C") == b"0.00 N\r\n"
        wire.write(b"NUM\r\n")
        assert line(wire, b"?C") == b"0.00\r\n"
        assert line(wire, b"LIST").startswith(b"V1.00;N;CUR;FLTC")


def test_a_gauge_refuses_what_the_guide_says_it_refuses(gauge: SimulatorServer) -> None:
    with terminal(gauge.addresses["algometer"]) as wire:
        for refused in VECTORS["refused_by_gauge"]:
            assert line(wire, refused["text"].encode("ascii")) == bytes.fromhex(refused["error_hex"])


def test_a_pressure_trial_by_the_recommended_sequence(gauge: SimulatorServer) -> None:
    """Quiet, settings, zero, stream; a real push until the participant presses; the peak agrees with the stream."""
    with terminal(gauge.addresses["algometer"]) as wire, Control(gauge.control) as control:
        for command in (b"AOUT0", b"FULL", b"N", b"IPOL0", b"OPOL0", b"CUR", b"AOFF0", b"FLTC3", b"FLTP3", b"Z"):
            wire.write(command + b"\r\n")
        assert line(wire, b"?") == b"0.00 N\r\n"
        wire.write(b"AOUT50\r\n")
        assert control.do("place", modality="pressure", site="TRP", side="R")["ok"]
        assert control.do("push", rate="1 kg/cm²/s")["ok"]
        seen = [0.0]
        while not control.do("state")["pressed"]:
            seen.append(float(wire.readline().split()[0]))
        control.do("let_go")
        while seen[-1] > 1.0 or len(seen) < 5:
            seen.append(float(wire.readline().split()[0]))
        wire.write(b"AOUT0\r\n")
        drain(wire)
        peak = float(line(wire, b"?PC").split()[0])
        trial = control.do("state")["trial"]
        assert trial["modality"] == "pressure"
        assert trial["value_at_press"] > trial["threshold"] > 0
        assert peak >= max(seen) - 0.05
        # The hand goes on for its own release delay after the press; 10 N/s and at most a second of it.
        assert trial["value_at_press"] / 10 - 0.5 < peak < trial["value_at_press"] / 10 + 10.0


def test_a_gauge_in_its_menu_is_silent(gauge: SimulatorServer) -> None:
    with terminal(gauge.addresses["algometer"]) as wire:
        with gauge.lock:
            gauge.bench.device("algometer").open_menu()
        wire.write(b"?\r\n")
        assert silent(wire)
        with gauge.lock:
            gauge.bench.device("algometer").close_menu()
        assert line(wire, b"?") == b"0.00 lbF\r\n"


# -- the terminal -----------------------------------------------------------------------------------------------------


def test_a_terminal_survives_clients_that_come_and_go(gauge: SimulatorServer) -> None:
    address = gauge.addresses["algometer"]
    for turn in range(30):
        with terminal(address) as wire:
            wire.write(b"?C\r\n")
            if turn % 3 == 1:  # the others leave without waiting for the answer
                wire.write(b"LIST\r\n")
                # As with a real gauge, a line for the client before may still come.
                until(lambda: wire.readline().startswith(b"V1.00;"))
    with terminal(address) as wire:
        drain(wire)
        assert line(wire, b"?") == b"0.00 lbF\r\n"


def test_a_client_that_only_listens_is_seen() -> None:
    with (
        SimulatorServer([("qstlab-tcs", {})], listen=["pty:"], speed=50) as server,
        terminal(server.addresses["thermode"]) as wire,
    ):
        assert wire.read(5)


def test_a_client_that_never_reads_does_not_stop_the_others(gauge: SimulatorServer) -> None:
    with terminal(gauge.addresses["algometer"]) as wire, Control(gauge.control) as control:
        wire.write(b"AOUT250\r\n")
        before_s = control.do("state")["now_s"]
        until(lambda: control.do("state")["now_s"] > before_s + 20.0)  # 50 000 bytes into a buffer of 4096


def test_a_gauge_that_switches_itself_off_takes_its_port_with_it() -> None:
    settings = {"auto_off": "hang_up", "start": {"auto_off_min": 1}}
    with SimulatorServer([("mark10", settings)], listen=["pty:"], speed=600) as server:
        with terminal(server.addresses["algometer"]) as wire, pytest.raises(OSError, match="Input/output"):
            until(lambda: wire.in_waiting < 0)
        with server.lock:
            server.bench.device("algometer").switch_on()
        until(lambda: _opens(server.addresses["algometer"]))


def _opens(address: str) -> bool:
    if address == "pty:":
        return False
    try:
        terminal(address).close()
    except serial.SerialException:
        return False
    return True


def test_a_terminal_goes_and_comes_with_the_cable(gauge: SimulatorServer) -> None:
    with terminal(gauge.addresses["algometer"]) as wire:
        assert line(wire, b"?") == b"0.00 lbF\r\n"
        assert gauge.do({"do": "fault", "role": "algometer", "name": "reconnect", "options": {"for_s": 10.0}})["ok"]
        with pytest.raises(OSError, match="Input/output"):
            until(lambda: wire.in_waiting < 0)
    until(lambda: _opens(gauge.addresses["algometer"]))
    with terminal(gauge.addresses["algometer"]) as wire:
        assert line(wire, b"?") == b"0.00 lbF\r\n"


def test_a_link_leads_to_the_terminal_and_is_gone_afterwards(tmp_path: Path) -> None:
    link = tmp_path / "gauge"
    with SimulatorServer([("mark10", {"noise": False, "cell_errors": False})], listen=[f"pty:{link}"]) as server:
        assert server.addresses["algometer"] == f"pty:{link}"
        with terminal(f"pty:{link}") as wire:
            assert line(wire, b"?") == b"0.00 lbF\r\n"
    assert not link.is_symlink()
