"""Round trips a second over loopback TCP and a pseudo-terminal, against simulator servers in a process of their own.

Run from the checkout: ``python -m benchmarks.real_wires``. Clients are plain sockets and file descriptors, as a client
that is not ours would use; the driver's links are measured beside them. A device's own slowness (round trip of MMS
0.85 ms, 115 200 baud) is no cost of the server: it is lapsed away by the speed of the simulated world, and shown once
at its real pace.
"""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import msgspec

from benchmarks.figures import Figure, seconds, show, show_machine, undisturbed
from qst.abort import AbortSwitch
from qst.clock import RealClock
from qst.instruments import Link
from qst_drivers.links import open_link

#: Budget of issue 3, round trips a second.
LIMIT_PER_S = 5_000.0
REPEATS = 5
CALLS = 4000
#: So fast that a device's own latency is a few microseconds.
LAPSE = 1000.0
_STATUS = bytes.fromhex("0500000000F1536500")
_N_LENGTH = 4

Call = Callable[[], object]


@contextlib.contextmanager
def served(device: str, listen: str, speed: float) -> Iterator[str]:
    """A simulator server in another process; its device's address."""
    program = "from qst.cli.simulate import simulate; simulate()"
    command = [sys.executable, "-c", program, device, "--listen", listen, "--speed", str(speed), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        if process.stdout is None:
            raise RuntimeError("the server has no output")
        try:
            yield msgspec.json.decode(process.stdout.readline())["devices"][0]["address"]
        finally:
            process.terminate()


def tcp(address: str) -> tuple[str, int]:
    """Host and port of a ``tcp://`` address."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return host, int(port)


# -- what is called -----------------------------------------------------------------------------------------------


def _is_whole(reply: bytes) -> bool:
    """Whether a reply of MMS is as long as it says; its length depends on what the device tells of itself."""
    return len(reply) > _N_LENGTH and len(reply) == _N_LENGTH + int.from_bytes(reply[:_N_LENGTH], "little")


@contextlib.contextmanager
def mms_by_socket(address: str) -> Iterator[Call]:
    """Connect, GET_STATUS, read until MMS closes."""
    place = tcp(address)

    def call() -> None:
        with socket.create_connection(place) as wire:
            wire.sendall(_STATUS)
            reply = b""
            while data := wire.recv(64):
                reply += data
        if not _is_whole(reply):
            raise RuntimeError(f"{len(reply)} bytes of a reply")

    yield call


@contextlib.contextmanager
def line_by_socket(address: str) -> Iterator[Call]:
    """``?C`` and its line on a connection that stays open."""
    with socket.create_connection(tcp(address)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield _line(wire.sendall, lambda: wire.recv(64))


@contextlib.contextmanager
def line_by_terminal(address: str) -> Iterator[Call]:
    """``?C`` and its line on a pseudo-terminal."""
    end = os.open(address.removeprefix("pty:"), os.O_RDWR | os.O_NOCTTY)
    try:
        yield _line(lambda data: os.write(end, data), lambda: os.read(end, 64))
    finally:
        os.close(end)


@contextlib.contextmanager
def keys_by_terminal(address: str) -> Iterator[Call]:
    """``K`` and its three bytes on a pseudo-terminal."""
    end = os.open(address.removeprefix("pty:"), os.O_RDWR | os.O_NOCTTY)
    try:
        os.write(end, b"F")
        _drain(end)

        def call() -> None:
            os.write(end, b"K")
            received = b""
            while len(received) < 3:
                received += os.read(end, 64)

        yield call
    finally:
        os.close(end)


def _drain(end: int) -> None:
    """Ask until the answer comes alone: before it, the display may still have been on."""
    os.write(end, b"K")
    while not os.read(end, 4096).endswith((b"\r00", b"\r01")):
        pass


def _line(write: Callable[[bytes], object], read: Callable[[], bytes]) -> Call:
    def call() -> None:
        write(b"?C\r\n")
        received = b""
        while not received.endswith(b"\n"):
            received += read()

    return call


@contextlib.contextmanager
def by_link(url: str, request: bytes, *, whole: Callable[[bytes], bool], reopen: bool = False) -> Iterator[Call]:
    """The driver's side: one of our links, opened anew for every request where the device wants that."""
    link: Link = open_link(url, RealClock(), AbortSwitch())
    if not reopen:
        link.open()

    def call() -> None:
        if reopen:
            link.open()
        link.write(request)
        received = b""
        while not whole(received):
            received += link.read(1.0)
        if reopen:
            link.close()

    yield call
    link.close()


# -- measuring ----------------------------------------------------------------------------------------------------


def best_per_s(call: Call) -> float:
    """Most calls a second over the repeats."""
    rates = []
    for _ in range(REPEATS):
        with undisturbed():
            rates.append(CALLS / seconds(lambda: [call() for _ in range(CALLS)]))
    return max(rates)


def measure(
    name: str, device: str, listen: str, client: Callable[[str], contextlib.AbstractContextManager[Call]]
) -> None:
    """Print the round trips a second with the device's own latency lapsed away."""
    with served(device, listen, LAPSE) as address, client(address) as call:
        show(Figure(name, best_per_s(call), "/s", at_least=LIMIT_PER_S))


def at_its_own_pace(
    name: str, device: str, listen: str, client: Callable[[str], contextlib.AbstractContextManager[Call]]
) -> None:
    """Print the mean round trip at the device's real speed."""
    calls = 500
    with served(device, listen, 1.0) as address, client(address) as call, undisturbed():
        show(Figure(name, seconds(lambda: [call() for _ in range(calls)]) / calls * 1000, "ms"))


def main() -> None:
    """Measure and print."""
    show_machine()
    anywhere = "tcp://127.0.0.1:0"
    measure("medoc-mms: GET_STATUS by TCP, connecting for each", "medoc-mms", anywhere, mms_by_socket)
    measure("mark10: ?C by TCP", "mark10", anywhere, line_by_socket)
    measure(
        "medoc-mms: GET_STATUS by our tcp:// link, connecting for each",
        "medoc-mms",
        anywhere,
        lambda address: by_link(address, _STATUS, whole=_is_whole, reopen=True),
    )
    measure(
        "mark10: ?C by our tcp:// link",
        "mark10",
        anywhere,
        lambda address: by_link(address, b"?C\r\n", whole=lambda data: data.endswith(b"\n")),
    )
    if sys.platform != "win32":
        measure("mark10: ?C by pseudo-terminal", "mark10", "pty:", line_by_terminal)
        measure("qstlab-tcs: K by pseudo-terminal", "qstlab-tcs", "pty:", keys_by_terminal)
        measure(
            "mark10: ?C by our serial:// link on a pseudo-terminal",
            "mark10",
            "pty:",
            lambda address: by_link(
                f"serial://{address.removeprefix('pty:')}?baud=115200",
                b"?C\r\n",
                whole=lambda data: data.endswith(b"\n"),
            ),
        )
    at_its_own_pace(
        "medoc-mms: one GET_STATUS at its own pace (0.85 ms + connect)", "medoc-mms", anywhere, mms_by_socket
    )
    at_its_own_pace("mark10: one ?C at its own pace (1 ms + 15 bytes)", "mark10", anywhere, line_by_socket)


if __name__ == "__main__":
    main()
