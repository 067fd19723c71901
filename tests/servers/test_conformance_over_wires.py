"""The shipped conformance suite, for a pair on each kind of link, with every byte passing through a real wire.

The suite's checks are made of virtual time: patience of minutes, aborts to the microsecond. So time stays virtual here,
and the wire becomes real: what the driver writes goes through the link that a station would name into a socket or a
pseudo-terminal, is taken out at its other end, and only then reaches the simulated device; its answers come back the
same way, each at its own virtual time. Nothing waits for real time but the system's own moving of bytes.

Plain pytest runs a part of the checks, those that move most bytes; all of them run nightly.
"""

import functools
import os
import socket
import weakref
from typing import Any

import pytest

from qst.abort import AbortSwitch
from qst.clock import Clock, RealClock
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst.instruments import Link, PressureRamp, ThermalRamp
from qst.testing import Conformance, algometer_conformance, thermode_conformance
from qst.testing.conformance.suite import check_names
from qst_drivers.links import open_link
from tests.links.peers import PseudoTerminal, posix_only

HEAT = ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=48.0, return_rate_c_per_s=8.0)
SLOW_RETURN = ThermalRamp(start_c=32.0, rate_c_per_s=1.0, cutoff_c=48.0, return_rate_c_per_s=1.5)
SLOW = ThermalRamp(start_c=32.0, rate_c_per_s=0.3, cutoff_c=48.0, return_rate_c_per_s=1.5)
PRESS = PressureRamp(rate_kpa_per_s=98.0665, cutoff_kpa=588.399)
PROGRAMS = [{"word": 100, "baseline": "32 °C", "rate": "1 °C/s", "cutoff": "48 °C", "return_rate": "8 °C/s"}]

#: For bytes that are already on their way through this computer.
SOON_S = 10.0
#: What plain pytest runs of each pair; beginnings of names.
SAMPLE = (
    "test_identity",
    "test_samples_are_true_and_in_order",
    "test_fault_in_the_ramp",
    "test_hiccup",
    "test_late_reply_is_never",
    "test_disconnect",
    "test_link_that_cannot_be_opened",
)
#: Of a slow link.
SMALL_SAMPLE = ("test_identity", "test_samples_are_true_and_in_order", "test_hiccup")


class Socket:
    """The device's end of a loopback socket."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(SOON_S)
        self._peer: socket.socket | None = None
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def accept(self) -> None:
        self._peer, _ = self._listener.accept()
        self._peer.settimeout(SOON_S)
        self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def take(self, count: int) -> bytes:
        assert self._peer is not None
        data = b""
        while len(data) < count:
            more = self._peer.recv(count - len(data))
            assert more
            data += more
        return data

    def put(self, data: bytes) -> None:
        assert self._peer is not None
        self._peer.sendall(data)

    def hang_up(self) -> None:
        if self._peer is not None:
            self._peer.close()
            self._peer = None

    def close(self) -> None:
        self.hang_up()
        self._listener.close()


class Terminal:
    """The device's end of a pseudo-terminal."""

    def __init__(self) -> None:
        self._terminal = PseudoTerminal()
        self.place = self._terminal.device

    def accept(self) -> None:
        """A terminal is there whether somebody has opened it or not."""

    def take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += os.read(self._terminal.master, count - len(data))
        return data

    def put(self, data: bytes) -> None:
        os.write(self._terminal.master, data)

    def hang_up(self) -> None:
        """A serial device does not hang up."""

    def close(self) -> None:
        self._terminal.hang_up()


class OverWire:
    """A link to a simulated device, on a virtual clock, whose bytes pass through ``end`` and a real link."""

    description = "sim://behind-a-wire"

    def __init__(self, device: Any, clock: Clock, kind: type[Any], url: str) -> None:
        self._device, self._clock, self._kind, self._url = device, clock, kind, url
        self._is_open = False
        self._made = False

    def _make(self) -> None:
        """Only a bench that is connected needs a wire: pytest makes others to look at them."""
        self._made = True
        self._end = self._kind()
        place = self._end.place.replace(":", "::") if self._url.startswith("visa") else self._end.place
        self._wire: Link = open_link(self._url.format(place), RealClock(), AbortSwitch())
        weakref.finalize(self, _close_both, self._wire, self._end)  # not every check closes its driver

    def open(self) -> None:
        if not self._made:
            self._make()
        try:
            self._device.connect(self._clock.monotonic())
        except ConnectionRefusedError as refused:
            raise LinkOpenError(str(refused)) from refused
        self._wire.open()
        self._end.accept()
        self._is_open = True

    def write(self, data: bytes) -> None:
        self._require_open()
        self._wire.write(data)
        self._device.receive(self._end.take(len(data)), self._clock.monotonic())

    def read(self, timeout_s: float) -> bytes:
        self._require_open()
        deadline_s = self._clock.monotonic() + timeout_s
        while True:
            now_s = self._clock.monotonic()
            data = self._device.transmit(now_s)
            if data:
                return self._through(data)
            if self._device.hung_up(now_s):
                self._end.hang_up()
                return b""
            if now_s >= deadline_s:
                raise LinkTimeoutError(f"no answer within {timeout_s:g} s")
            next_s = self._device.next_transmit_s()
            wake_s = deadline_s if next_s is None else min(next_s, deadline_s)
            self._clock.sleep(max(wake_s - now_s, 1e-9))

    def read_available(self) -> bytes:
        self._require_open()
        data = self._device.transmit(self._clock.monotonic())
        return self._through(data) if data else b""

    def _through(self, data: bytes) -> bytes:
        """The bytes that come out of the real link when these are put into its other end."""
        self._end.put(data)
        out = b""
        while len(out) < len(data):
            more = self._wire.read(SOON_S)
            assert more
            out += more
        return out

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._wire.close()
            self._end.hang_up()
            self._device.disconnect(self._clock.monotonic())

    def _require_open(self) -> None:
        if not self._is_open:
            raise LinkClosedError("the link is not open")


def _close_both(wire: Link, end: Any) -> None:
    wire.close()
    end.close()


def over(suite: type[Conformance], kind: type[Any], url: str, sample: tuple[str, ...] = SAMPLE) -> type[Conformance]:
    """The suite with its links replaced; the checks outside the sample are marked nightly."""

    class WiredRig(suite.RIG):  # type: ignore[name-defined, misc]  # the rig that fits the instrument
        def inner_link(self, clock: Clock) -> Link:
            return OverWire(self.device, clock, kind, url)

    names = {method for _, method, _ in check_names(suite)}
    marked = {name: _nightly(getattr(suite, name)) for name in names if not name.startswith(sample)}
    return type(suite.__name__, (suite,), {"RIG": WiredRig, "__module__": __name__, **marked})


def _nightly(check: Any) -> Any:
    """A copy of a check, so that the suite itself is left as it is."""

    @pytest.mark.nightly
    @functools.wraps(check)
    def marked(*arguments: Any, **named: Any) -> None:
        check(*arguments, **named)

    return marked


TestMedocMmsOverTcp = over(
    thermode_conformance(
        "medoc-mms",
        settings={"programs": PROGRAMS},
        simulator="medoc-mms",
        simulator_settings={"programs": PROGRAMS, "noise_c": 0.0},
        ramps=[HEAT],
    ),
    Socket,
    "tcp://{}",
)

TestQstlabTcsOverSerial = posix_only(
    over(
        thermode_conformance(
            "qstlab-tcs",
            simulator="qstlab-tcs",
            simulator_settings={"offsets": False, "noise_c": 0.0},
            ramps=[HEAT],
        ),
        Terminal,
        "serial://{}?baud=115200",
    )
)

TestMark10OverSerial = posix_only(
    over(
        algometer_conformance(
            "mark10",
            settings={"tip_area": "1 cm²"},
            simulator="mark10",
            simulator_settings={"noise": False, "cell_errors": False},
            ramps=[PRESS],
            exempt={"test_hiccup_gives_no_wrong_sample[first-byte-lost]": "as in process"},
        ),
        Terminal,
        "serial://{}?baud=115200",
    )
)

TestArroyo5300OverVisa = over(
    thermode_conformance(
        "arroyo-5300",
        simulator="arroyo-5300",
        simulator_settings={"noise_c": 0.0},
        ramps=[SLOW_RETURN, SLOW],
        coasting_c=0.5,
    ),
    Socket,
    "visa://TCPIP::{}::SOCKET?backend=py",
    SMALL_SAMPLE,
)
