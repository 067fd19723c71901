"""The participant's button at a serial port: edges, bounces, and what becomes of a visit when it is lost."""

import itertools
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from qst.abort import AbortSwitch
from qst.clock import Clock, RealClock, VirtualClock
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst.instruments import ButtonEdge, ConnectedButton
from qst.record import records
from qst.record.records import Outcome, VisitOutcome
from qst.response_button import parse_button
from qst.rigs.job import Manner, VisitRequest, conduct, prepare_visit
from qst.rigs.probing import probe_button
from qst.visit.operator import Answered, AutomaticOperator, Choice
from qst_drivers.links.serial import SerialLink
from qst_drivers.links.urls import parse_url
from qst_drivers.serial_line_button import BOUNCE_S, LOOK_S, SILENT_S, Contact, SerialLineButton, serial_line_button
from tests.visit.fakes import Visit
from tests.visit.plans import planned

PATIENCE_S = 20.0


class FakePort:
    """A serial port whose line somebody sets."""

    description = "serial-line://COM5"

    def __init__(self) -> None:
        self.asserted = False
        self.lost = False
        self.opened = 0
        self.closed = 0
        self.hanging = threading.Event()
        self.hanging.set()

    def open(self) -> None:
        if self.lost:
            raise LinkOpenError("there is no port COM5", where=self.description)
        self.opened += 1

    def modem_line(self, name: str) -> bool:
        self.hanging.wait(PATIENCE_S)
        if self.lost:
            raise LinkClosedError("the port is gone", where=self.description)
        return self.asserted and name == "cts"

    def close(self) -> None:
        self.closed += 1


class Asked(SerialLineButton):
    """Looks when it is asked instead of in a thread: on virtual time."""

    def _begin_to_look(self) -> None:
        pass

    def edges(self) -> Sequence[ButtonEdge]:
        self.look()
        return super().edges()

    def pressed(self) -> bool:
        self.look()
        return super().pressed()


def asked(port: FakePort, clock: Clock, *, pressed_when: bool = True) -> Asked:
    return Asked(port, "cts", pressed_when=pressed_when, clock=clock)


def until(button: SerialLineButton, count: int) -> list[ButtonEdge]:
    """Edges until there are so many."""
    clock, found = RealClock(), list[ButtonEdge]()
    while len(found) < count:
        found += button.edges()
        assert clock.monotonic() < PATIENCE_S
        clock.sleep(LOOK_S)
    return found


# -- a contact --------------------------------------------------------------------------------------------------------


def test_a_press_is_taken_at_its_first_touch_and_its_bounces_are_not() -> None:
    contact = Contact(0.0, down=False)
    seen = [(0.1, True), (0.102, False), (0.104, True), (0.106, False), (0.108, True), (0.13, True), (0.5, False)]
    edges = [edge for at_s, down in seen if (edge := contact.look(at_s, down=down))]
    assert edges == [ButtonEdge(0.1, pressed=True), ButtonEdge(0.5, pressed=False)]


def test_a_press_shorter_than_the_bounces_is_a_press_with_its_release() -> None:
    contact = Contact(0.0, down=False)
    looks = [(0.002 * number, number == 5) for number in range(30)]
    down, up = [edge for at_s, seen in looks if (edge := contact.look(at_s, down=seen))]
    assert (down.pressed, up.pressed) == (True, False)
    assert down.time_s == 0.01
    assert BOUNCE_S - 1e-9 <= up.time_s - down.time_s <= BOUNCE_S + 2 * LOOK_S


# -- its thread -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pressed_when", [True, False])
def test_edges_come_with_the_visits_time(pressed_when: bool) -> None:
    port, clock = FakePort(), RealClock()
    port.asserted = not pressed_when
    button = SerialLineButton(port, "cts", pressed_when=pressed_when, clock=clock)
    assert isinstance(button, ConnectedButton)
    button.connect()
    assert not button.pressed()
    before_s = clock.monotonic()
    port.asserted = pressed_when
    (down,) = until(button, 1)
    assert down.pressed
    assert before_s <= down.time_s <= clock.monotonic()
    assert button.pressed()
    port.asserted = not pressed_when
    (up,) = until(button, 1)
    assert up.time_s > down.time_s
    button.close()
    assert "participant's button" not in [thread.name for thread in threading.enumerate()]


def test_it_is_looked_at_often_enough_for_five_milliseconds() -> None:
    """The median of many looks: a loaded computer makes some of them late, and nobody can promise otherwise."""
    clock = RealClock()
    looks: list[float] = []

    class Counting(FakePort):
        def modem_line(self, name: str) -> bool:
            looks.append(clock.monotonic())
            return super().modem_line(name)

    button = SerialLineButton(Counting(), "cts", pressed_when=True, clock=clock)
    button.connect()
    while len(looks) < 100:
        clock.sleep(0.01)
        assert clock.monotonic() < PATIENCE_S
    button.close()
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(looks))
    assert gaps[len(gaps) // 2] <= 0.005


def test_a_lost_port_is_told_again_and_again_but_a_press_before_it_first() -> None:
    port = FakePort()
    button = SerialLineButton(port, "cts", pressed_when=True, clock=RealClock())
    button.connect()
    port.asserted = True
    while not button.pressed():
        button.look()
    port.lost = True
    button.look()
    assert [edge.pressed for edge in button.edges()] == [True]
    for _ in range(2):
        with pytest.raises(LinkClosedError, match="the participant's button is lost"):
            button.edges()
        with pytest.raises(LinkClosedError, match="the participant's button is lost"):
            button.pressed()
    port.lost = False
    button.connect()
    assert button.edges() == []
    button.close()
    with pytest.raises(LinkClosedError, match="not connected"):
        button.edges()


def test_a_port_that_hangs_is_a_lost_button() -> None:
    port, seconds = FakePort(), [0.0]
    button = SerialLineButton(port, "cts", pressed_when=True, clock=RealClock(), stopwatch=lambda: seconds[0])
    button.connect()
    port.hanging.clear()
    seconds[0] = SILENT_S + 1.0
    clock = RealClock()
    with pytest.raises(LinkTimeoutError, match="has not been read"):  # noqa: PT012 - one look may still be under way
        while clock.monotonic() < PATIENCE_S:
            button.edges()
            seconds[0] += SILENT_S + 1.0
    port.hanging.set()
    button.close()


# -- real ports -------------------------------------------------------------------------------------------------------


def test_pyserials_own_loop_has_a_cts_line() -> None:
    link = SerialLink(parse_url("serial+loop://?baud=9600"), RealClock(), AbortSwitch())
    button = SerialLineButton(link, "cts", pressed_when=False, clock=RealClock())
    button.connect()
    assert link._port is not None
    link._port.rts = False  # in the loop, CTS follows RTS
    (down,) = until(button, 1)
    assert down.pressed
    link._port.rts = True
    assert [edge.pressed for edge in until(button, 1)] == [False]
    link._port.close()
    with pytest.raises(LinkClosedError, match="button is lost"):
        until(button, 1)
    button.close()


def test_dtr_and_rts_are_raised_because_they_supply_the_current() -> None:
    link = SerialLink(parse_url("serial+loop://?baud=9600"), RealClock(), AbortSwitch())
    link.open()
    assert link._port is not None
    assert (link._port.dtr, link._port.rts) == (True, True)
    assert link.modem_line("dsr")
    link.close()
    with pytest.raises(LinkClosedError):
        link.modem_line("dsr")


def test_a_station_files_button_opens_nothing_until_it_is_connected() -> None:
    button = serial_line_button(parse_button("serial-line:///dev/no-such-port"), RealClock(), AbortSwitch())
    assert button.description == "serial-line:///dev/no-such-port"
    with pytest.raises(LinkOpenError, match="there is no port"):
        button.connect()


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
def test_a_port_without_such_lines_is_refused() -> None:
    """A pseudo-terminal has none."""
    master, slave = os.openpty()
    try:
        button = serial_line_button(parse_button(f"serial-line://{os.ttyname(slave)}"), RealClock(), AbortSwitch())
        with pytest.raises(LinkOpenError, match="does not tell its line CTS"):
            button.connect()
    finally:
        os.close(master)
        os.close(slave)


# -- in a visit -------------------------------------------------------------------------------------------------------


def visit_with(port: FakePort, *, attempts_max: int = 1) -> tuple[Visit, Asked]:
    visit = Visit(planned(attempts_max=attempts_max))
    button = asked(port, visit.clock)
    button.connect()
    for name in ("edges", "pressed", "connect", "close"):
        setattr(visit.button, name, getattr(button, name))
    type(visit.button).description = "serial-line://COM5"  # type: ignore[attr-defined]  # to be a ConnectedButton
    return visit, button


def faults(visit: Visit) -> list[records.Fault]:
    return [record for record in visit.log.records if isinstance(record, records.Fault)]


def test_a_button_that_is_stuck_at_the_start_starts_nothing() -> None:
    port = FakePort()
    port.asserted = True
    visit, _ = visit_with(port)
    visit.run()
    (trial,) = visit.trials()
    assert trial.outcome is Outcome.DEVICE_FAULT
    assert "the participant's button is held down" in trial.invalid_reason
    assert "begin" not in visit.journal


def test_a_lost_button_starts_nothing() -> None:
    port = FakePort()
    visit, _ = visit_with(port)

    def unplug(_: float) -> tuple[()]:
        port.lost = True
        return ()

    visit.operator.script = unplug
    visit.run()
    assert all(trial.outcome is Outcome.DEVICE_FAULT for trial in visit.trials())
    assert "begin" not in visit.journal
    assert "the participant's button is lost" in faults(visit)[0].what
    assert "Take the instrument off" in faults(visit)[0].remedy


def test_a_button_that_is_lost_in_a_ramp_ends_it_at_once() -> None:
    port = FakePort()
    visit, _ = visit_with(port)
    lost_s: list[float] = []
    safe_s: list[float] = []
    make_safe = visit.thermode.make_safe

    def noted() -> None:
        safe_s.append(visit.clock.monotonic())
        make_safe()

    visit.thermode.make_safe = noted  # type: ignore[method-assign]  # to know when

    def unplug(now_s: float) -> tuple[()]:
        if now_s > 20.0:
            port.lost = True
            lost_s.append(now_s)
        return ()

    visit.operator.script = unplug
    visit.run()
    (trial,) = visit.trials()
    assert trial.outcome is Outcome.DEVICE_FAULT
    assert safe_s[0] - lost_s[0] <= 0.05
    after_begin = visit.journal[visit.journal.index("begin") :]
    assert "make_safe" in after_begin
    assert trial.value_at_response is None


def test_a_button_that_came_back_may_end_the_repeated_trial() -> None:
    port = FakePort()
    visit, _ = visit_with(port, attempts_max=2)
    visit.operator.answers["fault"] = Answered(prompt_id="q2", choice=Choice.REPEAT, reason="plugged in again")

    def plug(now_s: float) -> tuple[()]:
        port.lost = 20.0 < now_s < 20.2
        port.asserted = now_s > 60.0
        return ()

    visit.operator.script = plug
    visit.run()
    first, second = visit.trials()
    assert (first.outcome, second.outcome) == (Outcome.DEVICE_FAULT, Outcome.RESPONSE)
    assert port.opened == 2


@pytest.mark.parametrize("there", [True, False])
def test_a_session_opens_the_button_before_the_instruments_and_closes_it(tmp_path: Path, there: bool) -> None:
    request = VisitRequest(protocol="demo-quick", station="default", data=str(tmp_path), seed=1,
                           manner=Manner(speed="max", attended=False))  # fmt: skip
    job = prepare_visit(request, AbortSwitch())
    port = FakePort()
    port.lost = not there
    button = asked(port, job.clock)
    job = msgspec.structs.replace(job, rig=msgspec.structs.replace(job.rig, button=button))
    result = conduct(job, AutomaticOperator(job.clock, job.rig.hands))
    assert (port.opened, port.closed > 0) == (int(there), True)
    if there:
        assert result.outcome is VisitOutcome.COMPLETED
    else:
        assert result.outcome is VisitOutcome.FAILED
        assert "no port COM5" in result.reason
        assert result.trials == ()


# -- probed -----------------------------------------------------------------------------------------------------------


class Pressing(VirtualClock):
    """Somebody presses at some times."""

    def __init__(self, port: FakePort, presses_s: Sequence[float]) -> None:
        super().__init__()
        self._port, self._presses_s = port, presses_s

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._port.asserted = any(0.0 <= self.monotonic() - at_s < 0.2 for at_s in self._presses_s)


@pytest.mark.parametrize(("presses_s", "detail"), [([], "nobody pressed it"), ([1.0, 2.0], "pressed 2 times")])
def test_a_probe_counts_presses_and_requires_none(presses_s: list[float], detail: str) -> None:
    port = FakePort()
    clock = Pressing(port, presses_s)
    row = probe_button(asked(port, clock), clock, 5.0)
    assert (row.role, row.status, row.button, row.detail) == ("button", "ok", "up", detail)
    assert port.closed > 0


def test_a_probe_that_nobody_watches_only_reads_it() -> None:
    port, clock = FakePort(), VirtualClock()
    row = probe_button(asked(port, clock), clock, 0.0)
    assert (row.status, row.button, row.detail, clock.monotonic()) == ("ok", "up", "", 0.0)


def test_a_probe_finds_a_held_button_and_a_lost_one() -> None:
    port, clock = FakePort(), VirtualClock()
    port.asserted = True
    held = probe_button(asked(port, clock), clock, 0.0)
    assert (held.status, held.button) == ("fail", "pressed")
    assert "reads as pressed" in held.concerns[0].what
    port.lost = True
    lost = probe_button(asked(port, clock), clock, 0.0)
    assert (lost.status, lost.button) == ("fail", "none")
    assert "no port COM5" in lost.concerns[0].what
