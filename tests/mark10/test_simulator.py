"""The simulated gauge does what the guides say of the real one."""

from typing import Any

import pytest

from qst_simulators.load_cell import greatest_mean_n, rounded_half_away
from tests.mark10.force import LinearForce
from tests.mark10.rig import EXACT, Rig


def lines(rig: Rig) -> list[str]:
    return rig.gauge.transmit(rig.clock.monotonic()).decode().splitlines()


def test_no_echo_and_no_answer_to_settings() -> None:
    rig = Rig()
    for text in ("N", "Z", "CLR", "FULL", "CUR", "AOFF0", "FLTC3", "FLTP3", "IPOL0", "OPOL0", "MEM", "SAVE", "MITD"):
        assert not rig.ask(text), text
    assert rig.gauge.saved
    assert rig.ask("?") == "0.00 N\r\n"


def test_a_bare_cr_ends_a_command_and_pieces_are_joined() -> None:
    rig = Rig()
    for piece in (b"?", b"C\r", b"N\r?", b"C\r\n"):
        rig.gauge.receive(piece, rig.clock.monotonic())
    rig.clock.sleep(0.1)
    assert lines(rig) == ["0.00 lbF", "0.00 N"]


@pytest.mark.parametrize(
    ("text", "code"), [("AOUT3", "*21"), ("?CW", "*11"), ("z", "*10"), ("AOFF99", "*22"), ("MN", "*11")]
)
def test_errors(text: str, code: str) -> None:
    assert Rig().ask(text) == f"{code}\r\n"


def test_units_have_their_own_decimals_and_steps() -> None:
    rig = Rig()
    rig.force.points = [(0.0, 10.0)]
    assert rig.ask("?C") == "2.25 lbF\r\n"
    assert (rig.ask("KG"), rig.ask("?C")) == ("", "1.020 kgF\r\n")
    assert (rig.ask("N"), rig.ask("?C")) == ("", "10.00 N\r\n")
    assert (rig.ask("NUM"), rig.ask("?C")) == ("", "10.00\r\n")
    rig.gauge.press_unit_key()
    assert rig.ask("?") == "2.25\r\n"


def test_polarity_commands_and_wiring() -> None:
    rig = Rig({**EXACT, "start": {"unit": "N", "display_filter": 3}})
    rig.force.points = [(0.0, 10.0)]
    rig.ask("IPOL1")
    assert rig.ask("?") == "-10.00 N\r\n"
    rig.ask("OPOL1")
    assert rig.ask("?") == "10.00 N\r\n"
    wired = Rig({**EXACT, "inverted_wiring": True, "start": {"unit": "N"}})
    wired.force.points = [(0.0, 10.0)]
    assert wired.ask("?C") == "-10.00 N\r\n"
    assert (wired.ask("?PC"), wired.ask("?PT")) == ("0.00 N\r\n", "-10.00 N\r\n")


def test_peaks_follow_the_current_stream_and_zero_clears_them() -> None:
    rig = Rig()
    rig.ask("N")
    rig.press(rate_n_per_s=100.0, seconds=0.5, release_s=0.01)
    rig.clock.sleep(1.0)
    peak_n = float(rig.ask("?PC").split()[0])
    assert 49.9 <= peak_n <= 50.0
    rig.ask("PC")
    assert rig.ask("?") == f"{peak_n:.2f} N\r\n"  # the display shows the peak
    assert rig.ask("?C") == "0.00 N\r\n"
    rig.ask("CLR")
    assert rig.ask("?PC") == "0.00 N\r\n"


def test_zero_takes_a_steady_load_away_and_clear_does_not() -> None:
    rig = Rig()
    rig.ask("N")
    rig.force.points = [(0.0, 5.0)]
    rig.ask("CLR")
    assert rig.ask("?C") == "5.00 N\r\n"
    rig.gauge.press_zero_key()
    assert (rig.ask("?C"), rig.ask("?PC")) == ("0.00 N\r\n", "0.00 N\r\n")


def test_the_display_filter_delays_a_ramp_by_half_its_window() -> None:
    rig = Rig({**EXACT, "start": {"unit": "N"}})
    rig.force.points = [(0.0, 0.0), (10.0, 100.0)]
    rig.clock.sleep(5.0)
    slow_n, fast_n = float(rig.ask("?").split()[0]), float(rig.ask("?C").split()[0])
    assert slow_n == pytest.approx(50.0 - 10 * 512 / 7000 / 2, abs=0.03)
    assert fast_n == pytest.approx(50.5, abs=0.03)  # 50 ms later, and hardly delayed


@pytest.mark.parametrize(
    ("command", "per_s"), [("AOUT1", 50), ("AOUT2", 2), ("AOUT50", 50), ("AOUT125", 125), ("AOUT250", 250)]
)
def test_streams_have_their_rate_however_rarely_one_looks(command: str, per_s: int) -> None:
    often, rarely = Rig(), Rig()
    for rig in (often, rarely):
        rig.force.points = [(0.0, 0.0), (1.0, 30.0)]
        rig.gauge.receive(f"{command}\r".encode(), 0.0)
    taken = []
    for _ in range(100):
        often.clock.sleep(0.01)
        taken += lines(often)
    rarely.clock.sleep(often.clock.monotonic())
    assert taken == lines(rarely)
    assert per_s - 1 <= len(taken) <= per_s


def test_a_stream_ends_and_a_question_adds_a_line() -> None:
    rig = Rig()
    rig.gauge.receive(b"AOUT50\r\n", 0.0)
    rig.clock.sleep(0.105)
    rig.gauge.receive(b"?\r\n", rig.clock.monotonic())
    rig.clock.sleep(0.01)
    assert lines(rig) == ["0.00 lbF"] * 6
    rig.gauge.receive(b"AOUT0\r\n", rig.clock.monotonic())
    rig.clock.sleep(1.0)
    assert lines(rig) == []
    assert rig.gauge.next_transmit_s() is None


def test_bytes_take_their_time_on_the_wire() -> None:
    rig = Rig({**EXACT, "baud": 9600, "latency_s": 0.0})
    rig.gauge.receive(b"?C\r\n", 0.0)
    due_s = rig.gauge.next_transmit_s()
    assert due_s is not None
    assert due_s == pytest.approx((len("?C\r\n") + len("0.00 lbF\r\n")) * 10 / 9600)
    assert rig.gauge.transmit(due_s - 1e-6) == b""
    assert rig.gauge.transmit(due_s) == b"0.00 lbF\r\n"


@pytest.mark.parametrize(("slow_wire", "fewest", "most"), [("drop", 60, 96), ("queue", 95, 96)])
def test_a_slow_wire_has_no_room_for_fast_streams(slow_wire: str, fewest: int, most: int) -> None:
    rig = Rig({**EXACT, "baud": 9600, "slow_wire": slow_wire})
    rig.gauge.receive(b"AOUT250\r\n", 0.0)
    rig.clock.sleep(1.0)
    assert fewest <= len(lines(rig)) <= most


@pytest.mark.parametrize(("overload", "line"), [("word", "OVER\r\n"), ("clipped", "275.00 N\r\n")])
def test_overload(overload: str, line: str) -> None:
    rig = Rig({**EXACT, "overload": overload, "start": {"unit": "N"}})
    for newton, shown, damaged in ((270.0, "270.00 N\r\n", False), (280.0, line, False), (380.0, line, True)):
        rig.force.points = [(0.0, newton)]
        assert rig.ask("?C") == shown
        assert rig.gauge.readings.damaged is damaged


def test_silent_in_menus() -> None:
    rig = Rig()
    rig.gauge.receive(b"AOUT50\r\n", 0.0)
    rig.gauge.open_menu()
    rig.clock.sleep(1.0)
    assert rig.ask("?") == ""
    rig.gauge.close_menu()
    rig.clock.sleep(0.1)
    assert 4 <= len(lines(rig)) <= 5


@pytest.mark.parametrize("how", ["silent", "hang_up"])
def test_auto_off_after_five_unused_minutes(how: str) -> None:
    rig = Rig({**EXACT, "auto_off": how})
    rig.clock.sleep(299.0)
    assert rig.ask("?") == "0.00 lbF\r\n"
    rig.clock.sleep(301.0)
    assert rig.ask("?") == ""
    assert rig.gauge.hung_up(rig.clock.monotonic()) is (how == "hang_up")
    if how == "hang_up":
        with pytest.raises(ConnectionRefusedError):
            rig.gauge.connect(rig.clock.monotonic())
    rig.gauge.switch_on()
    assert rig.ask("?") == "0.00 lbF\r\n"


def test_aoff0_is_never() -> None:
    rig = Rig()
    rig.ask("AOFF0")
    rig.clock.sleep(100_000.0)
    assert rig.ask("?") == "0.00 lbF\r\n"


def test_list_tells_the_settings() -> None:
    rig = Rig()
    assert rig.ask("LIST") == "V1.00;LBF;CUR;FLTC9;FLTP3;AOUT00;AOFF5;FULL;IPOL0;OPOL0;MIT;POL;B0\r\n"
    for text in ("N", "PC", "FLTC3", "NUM", "OPOL1", "NPOL"):
        rig.ask(text)
    assert rig.ask("LIST") == "V1.00;N;PC;FLTC3;FLTP3;AOUT00;AOFF5;NUM;IPOL0;OPOL1;MIT;NPOL;B0\r\n"


def test_identity() -> None:
    rig = Rig({**EXACT, "serial": "SIM-77"})
    assert [rig.ask(text).strip() for text in ("RN", "RM", "RV", "RS")] == ["Series 5", "M5-50", "V1.00", "SIM-77"]


def test_noise_and_cell_errors_are_seeded_and_small() -> None:
    def readings(seed: int) -> list[float]:
        rig = Rig({"start": {"unit": "N"}}, seed=seed)
        rig.force.points = [(0.0, 100.0)]
        return [float(rig.ask("?C").split()[0]) for _ in range(50)]

    first = readings(1)
    assert first == readings(1)
    assert first != readings(2)
    assert len(set(first)) > 1
    assert all(abs(value - 100.0) < 0.5 for value in first)


@pytest.mark.parametrize(
    "settings",
    [{"baud": 300}, {"overload": "smoke"}, {"slow_wire": ""}, {"auto_off": "bang"}, {"start": {"unit": "mN"}}],
)
def test_impossible_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is one of"):
        Rig(settings)


@pytest.mark.parametrize(("value", "digits"), [(0.5, 1), (-0.5, -1), (1.49, 1), (-1.5, -2), (0.0, 0)])
def test_half_goes_away_from_zero(value: float, digits: int) -> None:
    assert rounded_half_away(value) == digits


def test_the_greatest_mean_is_found_wherever_it_is() -> None:
    force = LinearForce((0.0, 0.0), (3.0, 30.0), (3.1, 2.0), (6.0, 31.0), (6.0101, 0.0), (9.0, 5.0))
    window_s = 8 / 7000
    fine = max(force.mean_force_n(step / 20000 - window_s, step / 20000) for step in range(100, 180_000))
    assert greatest_mean_n(force, window_s, 9.0, window_s, 0.0025) == pytest.approx(fine, abs=0.02)
