"""The simulated controller, spoken to in bytes."""

from typing import Any

import pytest

from qst_drivers.wire.arroyo import Bit
from qst_simulators.arroyo_5300 import SimulatedArroyo5300
from qst_simulators.surroundings import ButtonLine, Surroundings
from qst_simulators.world import World


class Host:
    """Somebody with a terminal program, on whole lines."""

    def __init__(self, settings: dict[str, Any] | None = None) -> None:
        self.world = World(1)
        chosen = {"noise_c": 0.0, "start_c": 32.0, **(settings or {})}
        self.device = SimulatedArroyo5300(self.world, chosen, Surroundings(ButtonLine(self.world)))
        self.now_s = 0.0
        self.device.connect(0.0)

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        self.world.advance(self.now_s)

    def say(self, text: str, end: str = "\r\n") -> str:
        """Send, and take what has come after 0.1 s for each line."""
        self.device.receive((text + end).encode("latin-1"), self.now_s)
        self.now_s += 0.1 * (1 + text.count("\n"))
        return self.device.transmit(self.now_s).decode("ascii")

    @property
    def true_c(self) -> float:
        return self.device.surface.temperature_c(self.now_s)


def test_worked_examples() -> None:
    host = Host({"start_c": 32.01})
    assert host.say("*IDN?") == "Arroyo 5305 SIM-53051234 3.06 4012\r\n"
    assert host.say("TEC:T?") == "32.01\r\n"
    assert host.say("TEC:LIM:THI 50.5;TLO -0.5;ITE 4") == ""
    assert [host.say(f"TEC:LIM:{name}?") for name in ("THI", "TLO", "ITE")] == ["50.50\r\n", "-0.50\r\n", "4\r\n"]
    for rate in (18, 60, 300):
        host.say(f"TEC:TRATE {rate}")
    assert host.say("ERR?") == "201\r\n"
    assert host.say("TEC:TRATE?") == "60\r\n"
    host.say("TEC:MODE:T;:TEC:T 32")
    host.say("TEC:OUT 1")
    assert host.say("TEC:COND?") == "1536\r\n"
    host.wait(10.0)
    assert host.say("TEC:COND?") == "1024\r\n"
    host.say("TEC:T 60")
    assert [host.say("ERR?"), host.say("ERR?")] == ["201\r\n", "0\r\n"]
    host.say("TEC:T 60")
    assert host.say("ERRSTR?") == '201,"Out of range"\r\n'
    assert host.say("TEC:SET:T?") == "32.00\r\n"


def test_identity_with_commas() -> None:
    assert Host({"idn_commas": True}).say("*IDN?") == "Arroyo,5305,SIM-53051234,3.06,4012\r\n"


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("TEC:TEMP 32", "123"),
        ("SYST:ERR?", "123"),
        ("TEC:T", "126"),
        ("TEC:T 1,2", "126"),
        ("TEC:TOL 0.1", "126"),
        ("TEC:COND? 1", "126"),
        ("*CLS 1", "126"),
        ("TEC:MODE:T;T 32", "126"),
        ("TEC:T warm", "124"),
        ("TEC:T nan", "124"),
        ("TEC:OUT 2", "201"),
        ("TEC:TRATE -1", "201"),
        ("TEC:T 200", "201"),
        ("TEC:LIM:THI 300", "201"),
        ("TERM 8", "201"),
        ("X" * 200, "102"),
        ("TEC:TEMP 1;:TEC:TRATE 300;:TEC:T", "123,201,126"),
    ],
)
def test_what_is_wrong_gets_into_the_queue_and_changes_nothing(line: str, codes: str) -> None:
    host = Host()
    before = [host.say(f"{name}?") for name in ("TEC:SET:T", "TEC:TRATE", "TEC:OUT", "TEC:LIM:THI")]
    assert host.say(line) == ""
    assert host.say("*STB?") == "128\r\n"
    assert host.say("ERR?") == f"{codes}\r\n"
    assert host.say("ERR?") == "0\r\n"
    assert [host.say(f"{name}?") for name in ("TEC:SET:T", "TEC:TRATE", "TEC:OUT", "TEC:LIM:THI")] == before


def test_an_overflow_discards_everything_and_the_next_line_is_heard() -> None:
    host = Host()
    host.device.receive(b"TEC:OUT 1;" * 20, host.now_s)
    host.wait(0.2)
    host.say("")
    assert host.say("TEC:OUT?") == "0\r\n"
    assert host.say("ERR?").startswith("102")


def test_words_and_other_bases_are_numbers() -> None:
    host = Host()
    for text, output in (("ON", "1"), ("off", "0"), ("TRUE", "1"), ("#H0", "0"), ("#B1", "1")):
        host.say(f"TEC:OUT {text}")
        assert host.say("TEC:OUT?") == f"{output}\r\n"
    assert host.say("ERR?") == "0\r\n"


@pytest.mark.parametrize(
    ("code", "end"), [(0, "\r\n"), (1, "\r\n"), (2, "\r"), (3, "\r"), (4, "\n"), (5, "\n"), (6, "")]
)
def test_answers_end_as_they_are_told(code: int, end: str) -> None:
    host = Host()
    host.say(f"TERM {code}")
    assert host.say("TEC:T?") == f"32.00{end}"
    assert host.say("TEC:OUT?") == f"0{end}"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_any_terminator_ends_a_line(end: str) -> None:
    assert Host().say("TEC:T?", end) == "32.00\r\n"


def test_echo() -> None:
    host = Host({"terminal": True})
    assert host.say("TEC:T?") == "TEC:T?\r\n32.00\r\n"
    host.say("TERMINAL 0")
    assert host.say("TEC:T?") == "32.00\r\n"
    assert host.say("TERMINAL?") == "0\r\n"


def test_an_answer_takes_20_to_50_ms() -> None:
    host = Host()
    times = []
    for _ in range(50):
        begun_s = host.now_s
        host.device.receive(b"TEC:T?\r\n", begun_s)
        due_s = host.device.next_transmit_s()
        assert due_s is not None
        assert host.device.transmit(due_s - 1e-4) == b""
        assert host.device.transmit(due_s) == b"32.00\r\n"
        times.append(due_s - begun_s)
        host.now_s = due_s
    assert 0.018 < min(times) < 0.025
    assert 0.035 < max(times) < 0.05


def test_a_reading_under_way_is_answered_before_what_came_after_it() -> None:
    host = Host({"answer_min_s": 0.03, "answer_max_s": 0.03})
    host.device.receive(b"TEC:T?\r\n", host.now_s)
    host.device.receive(b"TEC:OUT?\r\n", host.now_s + 0.01)
    assert host.device.transmit(host.now_s + 1.0) == b"32.00\r\n0\r\n"


def test_lines_wait_for_each_other() -> None:
    host = Host({"answer_min_s": 0.03, "answer_max_s": 0.03})
    host.device.receive(b"TEC:T?\r\nTEC:OUT?\r\nTEC:T?\r\n", host.now_s)
    assert host.device.transmit(host.now_s + 0.05) == b"32.00\r\n"
    assert host.device.transmit(host.now_s + 0.08) == b"0\r\n"
    assert host.device.transmit(host.now_s + 0.11) == b"32.00\r\n"


def test_the_ramp_moves_in_degrees_per_minute() -> None:
    host = Host()
    host.say("TEC:T 32;OUT 1;TRATE 18")
    host.wait(5.0)
    host.say("TEC:T 48")
    begun_s = host.now_s
    host.wait(30.0)
    first_c = host.true_c
    host.wait(10.0)
    assert host.true_c - first_c == pytest.approx(3.0)
    assert 32 + 0.3 * (host.now_s - begun_s) - host.true_c == pytest.approx(0.3 * (0.8 + 0.15), abs=0.05)
    assert host.say("TEC:SET:T?") == "48.00\r\n"
    host.wait(30.0)
    assert host.true_c == pytest.approx(48.0, abs=1e-3)


def test_the_setpoint_may_be_told_as_it_moves() -> None:
    host = Host({"set_query": "moving"})
    host.say("TEC:TRATE 18;T 32;OUT 1")
    host.wait(5.0)
    host.say("TEC:T 48")
    host.wait(10.0)
    assert 34.5 < float(host.say("TEC:SET:T?")) < 35.5


@pytest.mark.parametrize(("at_once", "expected_c"), [(True, 45.0), (False, 38.0)])
def test_a_new_rate_changes_a_ramp_that_runs_or_not(at_once: bool, expected_c: float) -> None:
    host = Host({"trate_at_once": at_once})
    host.say("TEC:TRATE 18;T 32;OUT 1")
    host.wait(5.0)
    host.say("TEC:T 48")
    host.wait(10.0)
    host.say("TEC:TRATE 60")
    host.wait(10.0)
    assert host.true_c == pytest.approx(expected_c, abs=1.2)


def test_a_limit_switches_the_output_off_and_says_so() -> None:
    host = Host()
    host.say("TEC:LIM:THI 40;:TEC:TRATE 60;T 40;OUT 1")
    host.device.overshoot(0.5)
    host.say("TEC:T 39.8")
    host.wait(20.0)
    assert host.say("TEC:OUT?") == "0\r\n"
    assert host.say("ERR?") == "407\r\n"
    assert int(host.say("TEC:EVE?")) & Bit.TEMPERATURE_HIGH
    assert host.say("TEC:EVE?") == "0\r\n"
    assert host.true_c < 40.0  # drifting to the sink
    host.say("TEC:LIM:THI 33")  # where it still is, the condition stays
    assert int(host.say("TEC:COND?")) == Bit.TEMPERATURE_HIGH


def test_when_the_host_is_silent_it_holds_its_setpoint_for_ever() -> None:
    host = Host()
    host.say("TEC:TRATE 60;T 48;OUT 1")
    host.device.disconnect(host.now_s)
    host.wait(36_000.0)
    assert host.true_c == pytest.approx(48.0)


@pytest.mark.parametrize(("how", "code", "reads"), [("open", "402", "-99.00"), ("short", "415", "250.00")])
def test_a_broken_sensor_switches_the_output_off(how: str, code: str, reads: str) -> None:
    host = Host()
    host.say("TEC:TRATE 60;T 20;OUT 1")
    host.wait(15.0)
    assert host.true_c < 21
    host.device.fail_sensor(how)
    assert host.say("TEC:T?") == f"{reads}\r\n"
    assert host.say("ERR?") == f"{code}\r\n"
    assert int(host.say("TEC:COND?")) & (Bit.SENSOR_OPEN | Bit.SENSOR_SHORT)
    host.wait(60.0)
    assert host.true_c > 33  # without power it drifts to its warm sink
    host.say("TEC:OUT 1")
    assert host.say("ERR?") == f"{code}\r\n"
    host.device.fail_sensor("sound")
    host.say("TEC:OUT 1")
    assert host.say("TEC:OUT?") == "1\r\n"


def test_a_change_of_mode_switches_the_output_off() -> None:
    host = Host()
    host.say("TEC:T 32;OUT 1")
    host.say("TEC:MODE:ITE")
    assert [host.say("ERR?"), host.say("TEC:MODE?"), host.say("TEC:OUT?")] == ["435\r\n", "ITE\r\n", "0\r\n"]


def test_a_unit_without_ramp_does_not_know_trate() -> None:
    host = Host({"has_trate": False})
    assert host.say("TEC:TRATE?") == ""
    host.say("TEC:TRATE 18")
    assert host.say("ERR?") == "123,123\r\n"


def test_status_registers_of_488() -> None:
    host = Host()
    assert host.say("*ESR?") == "128\r\n"  # power on
    host.say("*ESE 32;:TEC:TEMP 1")
    assert host.say("*STB?") == "160\r\n"
    assert host.say("*ESR?") == "32\r\n"
    host.say("TEC:T")
    host.say("*CLS")
    assert [host.say("ERR?"), host.say("*ESR?"), host.say("*STB?")] == ["0\r\n", "0\r\n", "0\r\n"]


def test_what_it_tells_about_itself() -> None:
    host = Host()
    assert host.say("SN?") == "SIM-53051234\r\n"
    assert host.say("VER?") == "3.06\r\n"
    host.wait(3700.0)
    assert host.say("TIME?").startswith("01:01:4")
    host.say("TIMER?")
    assert host.say("TIMER?").startswith(("00:00:00.0", "00:00:00.1"))
    for name in (
        "TEC:ITE",
        "TEC:V",
        "TEC:R",
        "TEC:PID",
        "TEC:CONST",
        "TEC:STB",
        "TEC:SEN",
        "HEXFLOAT",
        "RADIX",
        "TERM",
    ):
        assert host.say(f"{name}?").endswith("\r\n")
    assert host.say("TEC:ENAB:OUTOFF?") == "1240\r\n"
    assert host.say("ERR?") == "0\r\n"


def test_current_is_at_its_limit_while_the_plate_falls_behind() -> None:
    host = Host({"cooling_c_per_s": 0.5})
    host.say("TEC:TRATE 100;T 32;OUT 1")
    host.wait(8.0)
    host.say("TEC:T 10")
    host.wait(5.0)
    assert int(host.say("TEC:COND?")) & Bit.CURRENT_LIMIT
    assert float(host.say("TEC:ITE?")) == -4.0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"modle": "5305"}, "known"),
        ({"set_query": "both"}, "set_query"),
        ({"noise_c": -1.0}, "noise_c"),
        ({"noise_c": "0.1"}, "float"),
        ({"noise_c": float("inf")}, "finite"),
        ({"answer_min_s": 0.1}, "answer_min_s"),
        ({"tau_s": 0}, "tau_s"),
        ({"has_trate": 1}, "bool"),
    ],
)
def test_wrong_switches_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Host(wrong)


def test_noise_is_that_of_the_seed() -> None:
    hosts = [Host({"noise_c": 0.02}) for _ in range(2)]
    told = [[host.say("TEC:T?") for _ in range(20)] for host in hosts]
    assert told[0] == told[1]
    assert len(set(told[0])) > 3


def test_it_tells_the_moments_of_a_trial() -> None:
    host = Host()
    seen: list[str] = []
    host.device.moments.listeners.append(lambda moment: seen.append(moment.value))
    host.say("TEC:TRATE 90;:TEC:T 32;:TEC:OUT 1")
    host.wait(8.0)
    host.say("TEC:COND?")
    host.say("TEC:TRATE 18;:TEC:T 48")
    host.say("TEC:T 32;:TEC:TRATE 90;:TEC:T 32")
    assert seen == ["adapt", "settle", "ramp", "return"]


def test_faults_of_its_own() -> None:
    host = Host()
    host.say("TEC:TRATE 60;T 32;OUT 1")
    host.wait(8.0)
    host.device.inject("slow ramp", share=0.5)
    host.say("TEC:T 40")
    host.wait(4.0)
    assert 33.0 < host.true_c < 34.2
    host.device.inject("ignored stop")
    host.say("TEC:T 32")
    host.wait(30.0)
    assert host.true_c == pytest.approx(40.0, abs=0.01)
    host.device.inject("drifting sensor", rate=1.0)
    host.wait(2.0)
    assert float(host.say("TEC:T?")) > 41.9
    host.device.inject("device reboot")
    assert [host.say("TEC:OUT?"), host.say("TEC:TRATE?"), host.say("TEC:LIM:THI?")] == ["0\r\n", "0\r\n", "125.00\r\n"]
    with pytest.raises(ValueError, match="no fault"):
        host.device.inject("battery low")


def test_an_overshoot_goes_beyond_the_turn_and_beyond_the_target() -> None:
    host = Host()
    host.say("TEC:TRATE 60;T 32;OUT 1")
    host.wait(8.0)
    host.say("TEC:T 40")
    host.wait(4.0)
    host.device.inject("overshoot", by_c=0.5)
    here_c = host.true_c
    host.say("TEC:T 32")
    path = []
    for _ in range(2000):
        host.wait(0.01)
        path.append(host.true_c)
    assert max(path) > here_c + 0.25
    assert min(path) < 31.8
    assert path[-1] == pytest.approx(32.0, abs=0.01)
