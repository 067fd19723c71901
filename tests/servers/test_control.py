"""The control channel: every command, and nothing that anybody sends ends the server."""

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qst.errors import InputError
from qst_simulators.server import SimulatorServer
from tests.servers.rig import PATIENCE_S, Control, dial, read_to_end, until


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(["qstlab-tcs", ("mark10", {"noise": False})], speed=50, seed=7) as server:
        yield server


@pytest.fixture
def control(server: SimulatorServer) -> Iterator[Control]:
    with Control(server.control) as control:
        yield control
        control.do("lift")
        control.do("release")


def test_the_button_goes_down_and_up(control: Control) -> None:
    assert control.do("press") == {"ok": True}
    assert control.do("state")["pressed"] is True
    assert control.do("release") == {"ok": True}
    assert control.do("state")["pressed"] is False


def test_a_placed_and_pushed_gauge_makes_the_participant_press(control: Control) -> None:
    placed = control.do("place", modality="pressure", site="TRP", side="R", key="trial 1")
    assert placed == {"ok": True, "role": "algometer", "key": "trial 1", "exposure": 1}
    assert control.do("push", rate_kpa_per_s=98.0665)["ok"]
    until(lambda: control.do("state")["pressed"])
    state = control.do("state")
    assert state["force_n"] > 0
    assert state["trial"]["value_at_press"] >= state["trial"]["threshold"]
    assert control.do("let_go")["ok"]
    until(lambda: control.do("state")["force_n"] == 0.0)


def test_the_same_seed_and_key_give_the_same_participant(control: Control) -> None:
    def threshold(port: Control) -> float:
        port.do("place", modality="heat", site="THN", side="R", key="k", exposure=1)
        found: float = port.do("state")["trial"]["threshold"]
        return found

    here = threshold(control)
    with SimulatorServer(["qstlab-tcs"], seed=7) as twin, Control(twin.control) as other:
        assert threshold(other) == here
    with SimulatorServer(["qstlab-tcs"], seed=8) as stranger, Control(stranger.control) as other:
        assert threshold(other) != here


def test_exposures_are_counted(control: Control) -> None:
    counts = [control.do("place", modality="cold", site="THN", side="L")["exposure"] for _ in range(3)]
    assert counts == [1, 2, 3]


def test_another_participant_takes_the_seat() -> None:
    with SimulatorServer(["qstlab-tcs"], seed=7) as server, Control(server.control) as control:
        thresholds = []
        for profile in ("fibromyalgia", "healthy"):
            assert control.do("participant", profile=profile)["ok"]
            control.do("place", modality="heat", site="THN", side="R", key="k", exposure=1)
            thresholds.append(control.do("state")["trial"]["threshold"])
        assert thresholds[1] > thresholds[0]


def test_the_state_tells_the_truth_about_every_device(control: Control) -> None:
    devices = control.do("state")["devices"]
    assert devices["thermode"]["device"] == "qstlab-tcs"
    assert 10.0 < devices["thermode"]["temperature_c"] < 40.0
    assert devices["algometer"]["menu_open"] is False


def test_faults_reach_the_device() -> None:
    quiet = {"noise": False, "cell_errors": False}
    with SimulatorServer([("mark10", quiet)], speed=50) as server, Control(server.control) as control:

        def fault(name: str, role: str = "algometer", **options: Any) -> dict[str, Any]:
            return control.do("fault", role=role, name=name, options=options)

        with dial(server.addresses["algometer"]) as wire:
            assert fault("duplicated") == {"ok": True}
            wire.sendall(b"?\r\n")
            received = b""
            while len(received) < 20:
                received += wire.recv(100)
            assert received == b"0.00 lbF\r\n" * 2
            assert fault("disconnect", for_s=5.0)["ok"]
            assert read_to_end(wire) == b""
        assert "nonsense" in fault("nonsense")["error"]
        assert "louder" in fault("silence", louder=True)["error"]
        # A fault may strike later, when nobody is there to be told that its options make no sense.
        for name, options in (
            ("truncated", {"count": "x", "after_s": 0.1}),
            ("truncated", {"keep": "x"}),
            ("truncated", {"at_s": "x"}),
            ("truncated", {"keep": [1]}),
            ("garbage", {"count": 1.5}),
            ("garbage", {"count": 10**9}),
            ("jumping_sensor", {"every_s": 0}),
            ("silence", {"for_s": -1}),
        ):
            assert not fault(name, **options)["ok"]
        assert "there is no thermode" in fault("silence", role="thermode")["error"]
        assert control.do("state")["ok"]


#: What somebody may send, and a part of what it is told.
WRONG = {
    "not JSON": (b"press", "malformed"),
    "not UTF-8": (b'{"do":"\xff"}', ""),
    "a list": (b"[]", "object"),
    "nothing to do": (b"{}", "do"),
    "unknown": (b'{"do":"explode"}', "explode"),
    "too much": (b'{"do":"press","hard":true}', "hard"),
    "no rate": (b'{"do":"push"}', "1 kg/cm"),
    "two rates": (b'{"do":"push","rate":"1 kg/cm\xc2\xb2/s","rate_kpa_per_s":98}', "one rate"),
    "no unit": (b'{"do":"push","rate":"1"}', "unit"),
    "wrong dimension": (b'{"do":"push","rate":"1 \xc2\xb0C/s"}', ""),
    "negative rate": (b'{"do":"push","rate_kpa_per_s":-1}', "positive"),
    "huge rate": (b'{"do":"push","rate_kpa_per_s":1e999}', ""),
    "nothing placed": (b'{"do":"push","rate_kpa_per_s":98}', "placed"),
    "modality": (b'{"do":"place","modality":"vibration"}', "vibration"),
    "side": (b'{"do":"place","modality":"heat","side":"middle"}', "middle"),
    "exposure": (b'{"do":"place","modality":"heat","exposure":0}', "exposure"),
    "role": (b'{"do":"place","modality":"heat","role":"thermode-9"}', "thermode-9"),
    "heat with a gauge": (b'{"do":"place","modality":"heat","role":"algometer"}', "heat"),
    "pressure with a plate": (b'{"do":"place","modality":"pressure","role":"thermode"}', "pressure"),
    "participant": (b'{"do":"participant","profile":"nobody"}', "nobody"),
    "deep": (b'{"do":"fault","role":"algometer","name":"x","options":{"a":' + b"[" * 30_000, ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_answered_and_changes_nothing(case: str, control: Control) -> None:
    line, told = WRONG[case]
    answer = control.say(line)
    assert answer["ok"] is False
    assert told in answer["error"]
    assert control.do("state")["ok"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.binary(max_size=200).filter(lambda line: b"\n" not in line and line.strip()))
def test_any_line_gets_one_answer(line: bytes, server: SimulatorServer) -> None:
    with Control(server.control) as control:
        assert control.say(line)["ok"] is False
        assert control.do("state")["ok"]


def test_an_endless_line_is_refused_and_hung_up_on(server: SimulatorServer) -> None:
    with socket.create_connection(server.control, timeout=PATIENCE_S) as wire:
        wire.sendall(b"x" * 70_000)
        with contextlib.suppress(ConnectionResetError):
            assert b'"ok":false' in read_to_end(wire)
    with Control(server.control) as control:
        assert control.do("state")["ok"]


def test_half_a_line_is_waited_for(server: SimulatorServer) -> None:
    with socket.create_connection(server.control, timeout=PATIENCE_S) as wire:
        wire.sendall(b'{"do":')
        wire.sendall(b'"state"}\n{"do":"release"}\n')
        received = b""
        while received.count(b"\n") < 2:
            received += wire.recv(4096)
        assert received.count(b'"ok":true') == 2


def test_quit_ends_the_server() -> None:
    with SimulatorServer(["mark10"]) as server, Control(server.control) as control:
        assert not server.wait(0)
        assert control.do("quit") == {"ok": True}
        assert server.wait(PATIENCE_S)


def test_the_same_commands_can_be_given_in_the_process(server: SimulatorServer) -> None:
    assert server.do({"do": "state"})["pressed"] is False
    assert server.do({"do": "explode"})["ok"] is False


# -- what is refused before anything is opened ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"devices": []}, "device"),
        ({"devices": ["mark10"], "listen": ["tcp://127.0.0.1:0"] * 2}, "2 address"),
        ({"devices": ["nothing-like-it"]}, "nothing-like-it"),
        ({"devices": [("mark10", {"baud": 3})]}, "baud"),
        ({"devices": ["jtech-commander"]}, "display"),
        ({"devices": ["mark10"], "listen": ["com5"]}, "com5"),
        ({"devices": ["mark10"], "listen": ["tcp://127.0.0.1"]}, "127.0.0.1"),
        ({"devices": ["mark10"], "listen": ["tcp://127.0.0.1:65536"]}, "65535"),
        ({"devices": ["mark10"], "listen": ["serial:"]}, "serial"),
        ({"devices": ["mark10"], "listen": ["serial:nowhere"]}, "nowhere"),
        ({"devices": ["mark10"], "listen": ["serial:nowhere@fast"]}, "fast"),
        ({"devices": ["mark10"], "control": "0.0.0.0:0"}, "this computer only"),
        ({"devices": ["mark10"], "speed": 0.0}, "speed"),
        ({"devices": ["mark10"], "speed": float("nan")}, "speed"),
        ({"devices": ["mark10"], "profile": "nobody"}, "nobody"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        SimulatorServer(**arguments)


def test_a_port_that_is_taken_is_refused_and_the_rest_is_closed_again(server: SimulatorServer) -> None:
    with SimulatorServer(["mark10"]) as other:
        taken = other.addresses["algometer"]
        with pytest.raises(InputError, match="cannot listen"):
            SimulatorServer(["qstlab-tcs", "mark10"], listen=["tcp://127.0.0.1:0", taken])


def test_a_second_client_of_a_serial_device_is_turned_away_until_the_first_leaves() -> None:
    with SimulatorServer([("mark10", {"noise": False, "cell_errors": False})], speed=50) as server:
        address = server.addresses["algometer"]
        with dial(address) as first:
            first.sendall(b"?\r\n")
            assert first.recv(100) == b"0.00 lbF\r\n"
            with dial(address) as second:
                assert read_to_end(second) == b""
        with dial(address) as third:
            third.sendall(b"?\r\n")
            assert third.recv(100) == b"0.00 lbF\r\n"
