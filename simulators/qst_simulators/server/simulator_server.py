"""Simulated devices as processes that any client can talk to, over sockets, pseudo-terminals and serial ports."""

import contextlib
import math
import select
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import msgspec

from qst.clock import Clock, RealClock
from qst.errors import InputError
from qst_simulators.bench import Bench
from qst_simulators.profile import Profile, load_profile
from qst_simulators.server import commands
from qst_simulators.server.address import Address, PtyAddress, TcpAddress, link_to, parse_address, parse_tcp
from qst_simulators.server.at_the_bench import LockedButton, LockedHands
from qst_simulators.server.control import ControlPort, obeying
from qst_simulators.server.port import ByteDevice, Port, Source, manners_of
from qst_simulators.server.pty_port import PtyPort
from qst_simulators.server.serial_port import SerialPort
from qst_simulators.server.stage import Device, Stage
from qst_simulators.server.tcp_port import TcpPort

ANYWHERE = "tcp://127.0.0.1:0"
#: The loop looks round at least this often, s of the computer: a device may hang up without being asked.
_LOOK_ROUND_S = 0.25
_JOIN_S = 5.0


class SimulatorServer:
    """Serves simulated devices on the real clock, all in one simulated world, until it is stopped.

    One thread drives every wire: it sleeps until a client says something, a device's next byte is due or the world's
    next event is, whichever comes first. Everything that touches the world holds one lock.

    Used as a context manager::

        with SimulatorServer(["medoc-mms", ("mark10", {"noise": False})], listen=[ANYWHERE, "pty:"]) as bench:
            connect(bench.addresses["thermode"])
            bench.do({"do": "press"})

    Args:
        devices: names of installed simulators, each alone or with its settings.
        listen: an address for each device, in the same order; a loopback port of the system's choice where it ends.
        speed: seconds of the simulated world in one second of the computer.
        clock: the world's clock, if it is shared with somebody; it runs at ``speed``.
        seed: everything random follows from it.
        profile: the participant: a shipped profile's name, a file, or a profile.
        control: loopback address of the control channel.
        visit: number of the visit; the participant differs a little from visit to visit.
        tip_area_cm2: area of the algometer's tip.

    Raises:
        InputError: a device, an address or the profile is wrong, or taken. Nothing is left open.
    """

    def __init__(
        self,
        devices: Sequence[str | tuple[str, Mapping[str, Any]]],
        *,
        listen: Sequence[str] = (),
        speed: float = 1.0,
        clock: Clock | None = None,
        seed: int = 0,
        profile: str | Profile = "fibromyalgia",
        control: str = "127.0.0.1:0",
        visit: int = 1,
        tip_area_cm2: float = 1.0,
    ) -> None:
        if not devices or len(listen) > len(devices):
            raise InputError(
                f"{len(listen)} address(es) for {len(devices)} device(s)",
                remedy="name the devices, then as many --listen",
            )
        if not (math.isfinite(speed) and speed > 0):
            raise InputError(f"the speed must be a positive number, not {speed:g}")
        self.clock: Clock = clock or RealClock(speed=speed)
        self.lock = threading.RLock()
        self._speed = speed
        self._stage = Stage(
            self.clock,
            [Device(each) if isinstance(each, str) else Device(*each) for each in devices],
            seed=seed,
            profile=load_profile(profile) if isinstance(profile, str) else profile,
            visit=visit,
            tip_area_cm2=tip_area_cm2,
        )
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._ports: dict[str, Port] = {}
        self._opened = contextlib.ExitStack()
        self._opened.callback(self._bell.close)
        self._opened.callback(self._ringer.close)
        try:
            self._control = ControlPort(parse_tcp(control), obeying(self._obey))
            self._opened.callback(self._control.close)
            self._open([*listen, *[ANYWHERE] * (len(devices) - len(listen))])
        except BaseException:
            self._opened.close()
            raise

    # -- what can be asked --------------------------------------------------------------------------------------------

    @property
    def devices(self) -> dict[str, str]:
        """Role -> name of the simulator, in the order given."""
        return {role: device.name for role, device in self._stage.roles.items()}

    @property
    def addresses(self) -> dict[str, str]:
        """Role -> where a client finds it: ``tcp://127.0.0.1:20121``, ``pty:/dev/pts/3``, ``serial:COM5@9600``."""
        return {role: port.address for role, port in self._ports.items()}

    @property
    def links(self) -> dict[str, str]:
        """Role -> the link of a station file that leads there; roles behind a serial port have none."""
        found = {role: link_to(address) for role, address in self.addresses.items()}
        return {role: link for role, link in found.items() if link is not None}

    @property
    def control(self) -> tuple[str, int]:
        """Host and port of the control channel."""
        return self._control.address

    @property
    def bench(self) -> Bench:
        """The simulated bench; hold :attr:`lock` while touching it."""
        return self._stage.bench

    @property
    def hands(self) -> LockedHands:
        """The operator's hands, for a visit in the same process."""
        return LockedHands(lambda: self._stage.bench.hands, self._at_the_bench)

    @property
    def button(self) -> LockedButton:
        """The participant's button, for a visit in the same process."""
        return LockedButton(self._stage.bench.button, self.lock)

    def do(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a command of the control channel and give its answer: ``{"ok": True, …}`` or with ``error``."""
        return obeying(self._obey)(msgspec.json.encode(command))

    # -- its life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to serve."""
        self._thread = threading.Thread(target=self._serve, name="simulator server", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait until it is asked to end, at most ``seconds``; whether it was."""
        return self._stopping.wait(seconds)

    def stop(self) -> None:
        """Stop serving and close everything. Idempotent.

        Raises:
            BaseException: whatever had ended the serving thread before.
        """
        self._stopping.set()
        if self._thread is not None:
            self._ring()
            self._thread.join(_JOIN_S)
        self._close()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _open(self, listen: Sequence[str]) -> None:
        for (role, device), text in zip(self._stage.roles.items(), listen, strict=True):
            port = self._port(device.name, self._stage.device(role), parse_address(text))
            self._opened.callback(port.close)
            self._ports[role] = port

    def _port(self, name: str, device: ByteDevice, address: Address) -> Port:
        now = self.clock.monotonic
        if isinstance(address, TcpAddress):
            return TcpPort(device, address, now, manners_of(name))
        if isinstance(address, PtyAddress):
            return PtyPort(device, address, now)
        return SerialPort(device, address, now, self._ring)

    def _close(self) -> None:
        with self.lock:
            self._opened.close()

    def _obey(self, command: commands.Command) -> dict[str, Any]:
        with self._at_the_bench():
            answer = self._stage.obey(command)
        if isinstance(command, commands.Quit):
            self._stopping.set()
        return answer

    @contextlib.contextmanager
    def _at_the_bench(self) -> Iterator[None]:
        """Hold the lock, and let the loop look again afterwards: the world may have other plans now."""
        with self.lock:
            yield
        self._ring()

    def _ring(self) -> None:
        """Wake the loop. A full pipe has woken it already; a closed one has nobody to wake."""
        with contextlib.suppress(OSError):
            self._ringer.send(b"!")

    def _serve(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
        except BaseException as failure:  # noqa: BLE001 - raised again by stop(), in the thread that asked for the server
            self._failure = failure
            self._stopping.set()

    def _turn(self) -> None:
        ports = self._ports.values()
        with self.lock:
            sources: list[Source] = [self._bell, *self._control.sources()]
            for port in ports:
                sources += port.sources()
            pause_s = self._pause_s()
        ready: Sequence[Source] = select.select(sources, (), (), pause_s)[0]
        with self.lock:
            if self._bell in ready:
                self._bell.recv(4096)
            self._stage.bench.world.advance(self.clock.monotonic())
            for port in ports:
                port.serve(ready)
            self._control.serve(ready)

    def _pause_s(self) -> float:
        """How long nothing will happen unless somebody says something, s of the computer."""
        now_s = self.clock.monotonic()
        pause_s = _LOOK_ROUND_S
        next_s = self._stage.bench.world.next_event_s()
        if next_s is not None:
            pause_s = min(pause_s, (next_s - now_s) / self._speed)
        for port in self._ports.values():
            due_s = port.wake_s()
            if due_s is not None:
                pause_s = min(pause_s, (due_s - now_s) / self._speed)
            if port.look_again_s is not None:
                pause_s = min(pause_s, port.look_again_s)
        return max(pause_s, 0.0)
