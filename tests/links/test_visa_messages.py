"""``visa://`` to devices that carry messages: a strict simulated bus, and pyvisa-sim."""

import sys
import threading
from pathlib import Path

import pytest

from qst.abort import Aborted, AbortSwitch
from qst.clock import performance_seconds
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst.instruments import Link
from qst_drivers.links.visa_messages import VisaMessageLink
from tests.links import message_bus
from tests.links.message_bus import Device, MessageBus
from tests.links.peers import SOON_S, link_to, opened, read_all, thrown_while_waiting

NAMES = [
    "GPIB0::5::INSTR",
    "GPIB0::5::3::INSTR",
    "USB0::0x1234::0x5678::SN1::0::INSTR",
    "TCPIP0::192.0.2.1::inst0::INSTR",
    "TCPIP0::192.0.2.1::hislip0::INSTR",
]
NAME = NAMES[0]


@pytest.fixture(autouse=True)
def bus(monkeypatch: pytest.MonkeyPatch) -> dict[str, Device]:
    """The strict bus, as the backend ``@strict``; one device behind each name."""
    devices = {name: Device() for name in NAMES}
    monkeypatch.setitem(sys.modules, "pyvisa_strict", message_bus)
    monkeypatch.setattr(MessageBus, "devices", devices)
    return devices


def url(name: str = NAME, options: str = "") -> str:
    return f"visa://{name}?backend=@strict{options}"


def made(text: str, abort: AbortSwitch | None = None) -> Link:
    return link_to(text, abort)


@pytest.mark.parametrize("name", NAMES)
def test_question_and_answer(name: str, bus: dict[str, Device]) -> None:
    with opened(url(name)) as link:
        for text in (b"*IDN?\n", b"\x00\xff\n\x80", b"x" * 50_000):
            link.write(text)
            assert read_all(link, len(text)) == text
        assert link.read_available() == b""
    assert bus[name].improper_reads == 0
    assert bus[name].heard == [b"*IDN?\n", b"\x00\xff\n\x80", b"x" * 50_000]


def test_a_device_that_thinks_is_not_read_before_it_has_something_to_say(bus: dict[str, Device]) -> None:
    device = bus[NAME]
    device.at_once = False
    with opened(url()) as link:
        link.write(b"TEC:T?\n")
        assert link.read_available() == b""
        with pytest.raises(LinkTimeoutError, match=r"no answer within 0\.03 s"):
            link.read(0.03)
        threading.Timer(0.02, device.finish).start()
        assert link.read(SOON_S) == b"TEC:T?\n", "nothing was lost by the time-out"
    assert device.improper_reads == 0
    assert device.reads == 1


def test_what_is_available_is_one_message(bus: dict[str, Device]) -> None:
    with opened(url()) as link:
        link.write(b"1\n")
        link.write(b"2\n")
        assert link.read_available() == b"1\n"
        assert link.read_available() == b"2\n"


def test_an_abort_ends_the_wait_for_a_message(bus: dict[str, Device]) -> None:
    bus[NAME].at_once = False
    abort = AbortSwitch()
    with opened(url(), abort) as link, thrown_while_waiting(abort) as thrown_s:
        link.write(b"?\n")
        with pytest.raises(Aborted):
            link.read(60.0)
        assert performance_seconds() - thrown_s() < 1.0
        with abort.shielded():
            link.write(b"STOP\n")
    assert bus[NAME].heard[-1] == b"STOP\n"


@pytest.mark.parametrize(("option", "end"), [("", b""), ("&end=lf", b"\n"), ("&end=crlf", b"\r\n")])
def test_a_message_that_ends_by_end_alone(option: str, end: bytes, bus: dict[str, Device]) -> None:
    bus[NAME].answer = lambda data: b"32.00" if data == b"TEC:T?" else b"Arroyo\n"
    with opened(url(options=option)) as link:
        link.write(b"TEC:T?")
        assert link.read(SOON_S) == b"32.00" + end
        link.write(b"*IDN?")
        assert link.read(SOON_S) == b"Arroyo\n"


@pytest.mark.parametrize("by", ["library", "station"])
def test_without_status_byte_one_read_waits_for_the_whole_message(by: str, bus: dict[str, Device]) -> None:
    device = bus[NAME]
    device.has_status = by != "library"
    device.at_once = False
    with opened(url(options="&stb=no" if by == "station" else "")) as link:
        assert isinstance(link, VisaMessageLink)
        link.write(b"x" * 30_000)
        assert link.read_available() == b""
        threading.Timer(0.02, device.finish).start()
        assert link.read(SOON_S) == b"x" * 30_000
        assert device.improper_reads == 1
        with pytest.raises(LinkTimeoutError):
            link.read(0.02)


def test_a_device_that_is_gone(bus: dict[str, Device]) -> None:
    with opened(url()) as link:
        bus[NAME].gone = True
        for use in (lambda: link.write(b"?"), lambda: link.read(0.1), link.read_available):
            with pytest.raises(LinkClosedError, match="has failed"):
                use()


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(LinkOpenError, match="does not open") as caught:
        made(url("GPIB0::9::INSTR")).open()
    assert "qst ports" in caught.value.remedy


def test_a_closed_link() -> None:
    link = made(url())
    link.close()
    for use in (lambda: link.write(b"?"), lambda: link.read(0.1), link.read_available):
        with pytest.raises(LinkClosedError, match="not open"):
            use()


def test_ivi_is_asked_for_by_name() -> None:
    with pytest.raises(LinkOpenError, match="does not open"):
        made("visa://GPIB0::5::INSTR?backend=ivi").open()  # no such library is installed here


SIMULATED = """spec: "1.1"
devices:
  supply:
    eom:
      GPIB INSTR: {q: "\\n", r: "\\n"}
      USB INSTR: {q: "\\n", r: "\\n"}
      TCPIP INSTR: {q: "\\n", r: "\\n"}
    error: ERROR
    dialogues:
      - {q: "*IDN?", r: "Arroyo 5305 SIM-1 3.06 4012"}
resources:
  GPIB0::8::INSTR: {device: supply}
  USB0::0x1111::0x2222::0x4445::0::INSTR: {device: supply}
  TCPIP0::localhost::inst0::INSTR: {device: supply}
"""


@pytest.mark.parametrize(
    "name", ["GPIB0::8::INSTR", "USB0::0x1111::0x2222::0x4445::0::INSTR", "TCPIP0::localhost::inst0::INSTR"]
)
def test_pyvisa_sim_answers(name: str, tmp_path: Path) -> None:
    library = tmp_path / "devices.yaml"
    library.write_text(SIMULATED, encoding="utf-8")
    with opened(f"visa://{name}?backend={library.as_posix()}@sim") as link:
        link.write(b"*IDN?\n")
        assert link.read(SOON_S) == b"Arroyo 5305 SIM-1 3.06 4012\n"
        with pytest.raises(LinkTimeoutError):
            link.read(0.02)
