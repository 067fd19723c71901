"""Every wrong address is refused before anything is opened, and says what would be right."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qst.abort import AbortSwitch
from qst.clock import RealClock, VirtualClock
from qst.errors import LinkError, StationFileError
from qst.instruments import Link
from qst_drivers.links import open_link
from qst_drivers.links.tcp import TcpLink


def make(url: str) -> Link:
    return open_link(url, RealClock(), AbortSwitch())


@pytest.mark.parametrize(
    "url",
    [
        "serial://COM3?baud=115200",
        "serial:///dev/ttyACM0?baud=9600&parity=odd&stopbits=1.5&bits=8&flow=xonxoff",
        "serial+loop://",
        "serial+socket://192.0.2.1:4001",
        "serial+rfc2217://192.0.2.1:4001?baud=9600&ign_set_control=1",
        "tcp://192.0.2.1:20121",
        "tcp://[::1]:20121",
        "TCP://mms-pc:20121",
        "visa://ASRL3::INSTR?baud=38400&backend=@py",
        "visa://TCPIP0::192.0.2.1::10001::SOCKET",
        "visa://GPIB0::5::INSTR?backend=ivi",
        "visa://GPIB0::5::3::INSTR?stb=no&end=lf",
        "visa://USB0::0x1234::0x5678::SN123::INSTR",
        "visa://TCPIP::192.0.2.1::INSTR",
        "visa://TCPIP::192.0.2.1::hislip0::INSTR",
        "operator:",
    ],
)
def test_made_and_described_as_written(url: str) -> None:
    assert make(url).description == url


@pytest.mark.parametrize(
    ("url", "what", "remedy"),
    [
        ("COM3", "no scheme", "serial://COM3"),
        ("", "no scheme", "serial://"),
        ("usb://x", "'usb' is no kind of link", "serial://"),
        ("sim://mark10", "cannot be opened like a real one", "whole station"),
        ("serial://", "names no port", "serial://COM3"),
        ("serial://COM3", "speed is not stated", "baud=115200"),
        ("serial://COM3?baud=fast", "'baud=fast' is no positive whole number", "baud=115200"),
        ("serial://COM3?baud=0", "no positive whole number", "baud="),
        ("serial://COM3?baud=²", "no positive whole number", "baud="),
        ("serial://COM3?baud=9600&baud=9600", "given twice", "once"),
        ("serial://COM3?baud=", "'baud' has no value", "baud=VALUE"),
        ("serial://COM3?baud", "options are not readable", "?baud="),
        ("serial://COM3?baud=9600&speed=1", "'speed' is no option of serial", "baud, bits"),
        ("serial://COM3?baud=9600&parity=yes", "'yes' is no parity", "none, even"),
        ("serial://COM3?baud=9600&stopbits=3", "'3' is no stopbits", "1, 1.5, 2"),
        ("serial://COM3?baud=9600&bits=9", "'9' is no bits", "5, 6, 7, 8"),
        ("serial+nothing://x", "no handler 'nothing'", "socket"),
        ("serial+rfc2217://192.0.2.1:4001", "speed is not stated", "baud="),
        ("tcp://192.0.2.1", "needs a host and a port", "tcp://192.168.0.2:20121"),
        ("tcp://:20121", "needs a host and a port", "tcp://"),
        ("tcp://192.0.2.1:70000", "its port is none", "tcp://"),
        ("tcp://192.0.2.1:x", "its port is none", "tcp://"),
        ("tcp://192.0.2.1:80/x", "nothing else", "tcp://"),
        ("tcp://192.0.2.1:20121?timeout=1", "'timeout' is no option of tcp", "none"),
        ("visa://GPIB0::INTFC", "carries neither bytes nor messages", "visa://ASRL3::INSTR"),
        ("visa://USB0::0x1234::0x5678::SN::RAW", "carries neither bytes nor messages", "USB0::"),
        ("visa://thermode", "is no name of a VISA resource", "visa://GPIB0::5::INSTR"),
        ("visa://", "is no name of a VISA resource", "visa://"),
        ("visa://GPIB0::5::INSTR?baud=9600", "'baud' is no option of visa", "backend, stb, end"),
        ("visa://GPIB0::5::INSTR?end=cr", "'cr' is no end", "none, lf, crlf"),
        ("visa://GPIB0::5::INSTR?stb=maybe", "'maybe' is no stb", "yes, no"),
        ("visa://ASRL3::INSTR", "speed is not stated", "baud="),
        ("visa://TCPIP::192.0.2.1::10001::SOCKET?baud=9600", "'baud' is no option of visa", "backend"),
        ("operator:anna", "has no address", "operator:"),
        ("operator:?a=b", "'a' is no option", "none"),
        ("replay://", "names no file", "replay://"),
        ("replay://no-such-file.jsonl", "cannot read the capture", "path"),
    ],
)
def test_refused_with_a_remedy(url: str, what: str, remedy: str) -> None:
    with pytest.raises(StationFileError) as caught:
        make(url)
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert caught.value.did == "connected nothing"


@given(st.text(max_size=40) | st.text(max_size=30).map(lambda text: f"tcp://{text}"))
def test_any_text_is_an_address_or_a_clear_refusal(text: str) -> None:
    with contextlib.suppress(StationFileError):
        assert make(text).description == text


@pytest.mark.parametrize("url", ["serial+loop://", "tcp://127.0.0.1:1", "visa://ASRL1::INSTR?baud=9600"])
def test_a_real_device_needs_time_that_runs_by_itself(url: str) -> None:
    with pytest.raises(StationFileError, match="virtual clock"):
        open_link(url, VirtualClock(), AbortSwitch())


def test_a_display_that_is_read_carries_no_bytes() -> None:
    link = make("operator:")
    link.open()
    assert link.read_available() == b""
    for use in (lambda: link.write(b"?"), lambda: link.read(1.0)):
        with pytest.raises(LinkError, match="read by the operator"):
            use()
    link.close()


def test_a_bench_without_serial_ports_or_visa_loads_neither() -> None:
    code = (
        "import sys; from qst.abort import AbortSwitch; from qst.clock import RealClock\n"
        "from qst_drivers.links import open_link\n"
        "open_link('tcp://127.0.0.1:1', RealClock(), AbortSwitch())\n"
        "sys.exit(any(name in sys.modules for name in ('serial', 'pyvisa')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2]).returncode == 0


def test_schemes_do_not_care_about_case_but_places_do() -> None:
    link = make("TCP://MMS-PC:20121")
    assert isinstance(link, TcpLink)
    assert link._port == 20121
