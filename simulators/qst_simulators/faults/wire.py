"""A device behind a wire on which things go wrong.

:class:`FaultyDevice` wraps any simulated device and has the same byte side; everything else is passed on to the device.
While nothing is wrong the device's own methods are used as they are, so a healthy bench pays nothing for it.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from qst_simulators.faults.arming import arm
from qst_simulators.faults.button import FaultyButton
from qst_simulators.faults.moments import Moments
from qst_simulators.faults.names import WIRE_FAULTS, Fault, fault_named, refuse
from qst_simulators.faults.table import FaultTable
from qst_simulators.world import World

_REFUSALS = {
    Fault.DISCONNECT: "the cable is out: there is no such port",
    Fault.PORT_BUSY: "the port is busy: another program has it open",
    Fault.PERMISSION_DENIED: "permission denied: this account may not open the port",
}
_BYTE_SIDE = ("connect", "disconnect", "receive", "transmit", "next_transmit_s", "hung_up")
_RECONNECT_S = 1.0
_DELAY_S = 1.0
_FOR_GOOD = float("inf")


class FaultyDevice:
    """A simulated device, its wire, and what goes wrong with either.

    The device may have ``fault_table`` (:class:`FaultTable`: what only the device itself can do wrong), ``moments``
    (:class:`Moments`), and ``WIRE_FAULTS``, where its wire cannot have all of them.

    Args:
        device: a simulated device; its byte side as in ``qst_drivers.links.sim.ByteDevice``.
        world: its time and chance.
        name: names this wire's stream of chance, and the device in messages.
        button: the participant's button, whose faults are then injected here, too.

    Attributes:
        injected: every fault that has struck, as (time_s, fault), oldest first.
    """

    connect: Callable[[float], None]
    disconnect: Callable[[float], None]
    receive: Callable[[bytes, float], None]
    transmit: Callable[[float], bytes]
    next_transmit_s: Callable[[], float | None]
    hung_up: Callable[[float], bool]

    def __init__(self, device: Any, world: World, name: str, button: FaultyButton | None = None) -> None:  # noqa: ANN401 - each simulator has its own class
        self.device = device
        self.injected: list[tuple[float, Fault]] = []
        self._world = world
        self._name = name
        self._tables = [self._wire_table(getattr(device, "WIRE_FAULTS", WIRE_FAULTS))]
        owners: tuple[Any, ...] = (device, button)
        self._tables += [owner.fault_table for owner in owners if hasattr(owner, "fault_table")]
        self._random_bytes = world.random(name, "garbage").randbytes
        self._silent_until_s = -1.0
        self._out_until_s = -1.0
        self._hung_up = False  # the connection that was open when the cable came out is gone for good
        self._refused = ""
        self._spoil: deque[Callable[[bytes], bytes]] = deque()  # what becomes of the next replies
        self._again = b""  # the reply that stale ones repeat
        self._late: deque[tuple[float, bytes]] = deque()  # on its way to the host: (when it arrives, what)
        self._delay_s = 0.0
        self._pass_through()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the device has
        return getattr(self.device, name)

    @property
    def faults_possible(self) -> frozenset[Fault]:
        """Every fault that this device, its wire and the button can have."""
        return frozenset[Fault]().union(*(table.names for table in self._tables))

    def inject(
        self,
        name: str,
        *,
        at_s: float | None = None,
        when: str | None = None,
        after_s: float = 0.0,
        **options: Any,  # noqa: ANN401 - plain data from a station file
    ) -> None:
        """Let a fault strike: now, at ``at_s`` (world time, s), or ``after_s`` after the moment ``when`` is entered.

        Args:
            name: one of :class:`Fault`.
            at_s: see above.
            when: ``connect``, ``adapt``, ``settle``, ``ramp`` or ``return``; of a device that tells its moments.
            after_s: see above.
            options: ``count`` (1: so many replies) of garbage, truncated, duplicated, delayed and stale; ``delay_s``
                (1); ``keep`` bytes of a truncated reply (half); ``for_s`` of silence, disconnect (for good) and
                reconnect (1), port_busy and permission_denied (for good). Others are the device's and the button's.

        Raises:
            ValueError: a fault that makes no sense for this device (the message names those that do), an unknown
                option, or an unknown moment.
        """
        fault = fault_named(name)
        tables = [table for table in self._tables if fault in table]
        if not tables:
            refuse(name, f"the {self._name}", self.faults_possible)
        tables[0].check(name, options)

        def strike() -> None:
            self.injected.append((self._world.now_s, fault))
            tables[0].strike(fault, options)

        moments: Moments | None = getattr(self.device, "moments", None)
        arm(self._world, moments, strike, at_s=at_s, when=when, after_s=after_s)

    def _wire_table(self, possible: frozenset[Fault]) -> FaultTable:
        strikes: dict[Fault, Callable[..., None]] = {
            Fault.SILENCE: self._silence,
            Fault.DISCONNECT: self._pull_out,
            Fault.RECONNECT: self._pull_out_and_in,
            Fault.GARBAGE: self._garble,
            Fault.TRUNCATED: self._truncate,
            Fault.DUPLICATED: self._duplicate,
            Fault.DELAYED: self._postpone,
            Fault.STALE: self._make_stale,
            Fault.PORT_BUSY: lambda for_s=_FOR_GOOD: self._refuse(Fault.PORT_BUSY, for_s),
            Fault.PERMISSION_DENIED: lambda for_s=_FOR_GOOD: self._refuse(Fault.PERMISSION_DENIED, for_s),
        }
        return FaultTable(
            f"the wire of the {self._name}", {fault: strikes[fault] for fault in Fault if fault in possible}
        )

    # -- the faults -------------------------------------------------------------------------------------------------

    def _silence(self, *, for_s: float = _FOR_GOOD) -> None:
        self._silent_until_s = self._world.now_s + for_s
        self._intercept()

    def _pull_out(self, *, for_s: float = _FOR_GOOD) -> None:
        self._refuse(Fault.DISCONNECT, for_s)
        self._hung_up = True
        self._late.clear()

    def _pull_out_and_in(self, *, for_s: float = _RECONNECT_S) -> None:
        self._pull_out(for_s=for_s)

    def _refuse(self, why: Fault, for_s: float) -> None:
        self._out_until_s = self._world.now_s + for_s
        self._refused = _REFUSALS[why]
        self._intercept()

    def _garble(self, *, count: int = 1) -> None:
        self._spoil_next([lambda data: self._random_bytes(len(data))] * count)

    def _truncate(self, *, count: int = 1, keep: int | None = None) -> None:
        self._spoil_next([lambda data: data[: len(data) // 2 if keep is None else keep]] * count)

    def _duplicate(self, *, count: int = 1) -> None:
        self._spoil_next([lambda data: data * 2] * count)

    def _make_stale(self, *, count: int = 1) -> None:
        """The next reply still is right; it is the one that is repeated."""
        self._spoil_next([self._remember, *[lambda _data: self._again] * count])

    def _remember(self, data: bytes) -> bytes:
        self._again = data
        return data

    def _postpone(self, *, count: int = 1, delay_s: float = _DELAY_S) -> None:
        def late(data: bytes) -> bytes:
            self._delay_s = delay_s
            return data

        self._spoil_next([late] * count)

    def _spoil_next(self, ways: list[Callable[[bytes], bytes]]) -> None:
        self._spoil.extend(ways)
        self._intercept()

    # -- the byte side ----------------------------------------------------------------------------------------------

    def _pass_through(self) -> None:
        for name in _BYTE_SIDE:
            if hasattr(self.device, name):
                setattr(self, name, getattr(self.device, name))

    def _intercept(self) -> None:
        self.connect, self.disconnect, self.receive = self._connect, self._disconnect, self._receive
        self.transmit, self.next_transmit_s, self.hung_up = self._transmit, self._next_transmit_s, self._is_hung_up

    def _recover(self, now_s: float) -> None:
        """Take the device's own methods again when nothing is wrong any more."""
        wrong = self._hung_up or self._spoil or self._late
        if not wrong and now_s >= self._out_until_s and now_s >= self._silent_until_s:
            self._pass_through()

    def _connect(self, now_s: float) -> None:
        self._world.advance(now_s)
        if now_s < self._out_until_s:
            raise ConnectionRefusedError(self._refused)
        self._hung_up = False
        self._late.clear()
        self.device.connect(now_s)
        self._recover(now_s)

    def _disconnect(self, now_s: float) -> None:
        self._late.clear()
        self.device.disconnect(now_s)

    def _receive(self, data: bytes, now_s: float) -> None:
        self._world.advance(now_s)
        if not self._hung_up:
            self.device.receive(data, now_s)

    def _transmit(self, now_s: float) -> bytes:
        data: bytes = self.device.transmit(now_s)
        if self._hung_up or now_s < self._silent_until_s:
            return b""
        if data:
            self._send(data, now_s)
        arrived = b""
        while self._late and self._late[0][0] <= now_s:
            arrived += self._late.popleft()[1]
        self._recover(now_s)
        return arrived

    def _send(self, data: bytes, now_s: float) -> None:
        """Spoil a reply and put it on the wire, behind what is still on it: no wire changes the order."""
        self._delay_s = 0.0
        if self._spoil:
            data = self._spoil.popleft()(data)
        due_s = now_s + self._delay_s
        if self._late:
            due_s = max(due_s, self._late[-1][0])
        if data:
            self._late.append((due_s, data))

    def _next_transmit_s(self) -> float | None:
        next_s: float | None = self.device.next_transmit_s()
        if self._hung_up or (next_s is not None and next_s < self._silent_until_s):
            return None
        if self._late and self._late[0][0] >= self._silent_until_s:
            return self._late[0][0] if next_s is None else min(next_s, self._late[0][0])
        return next_s

    def _is_hung_up(self, now_s: float) -> bool:
        if self._hung_up:
            return True
        gone: bool = self.device.hung_up(now_s)
        # A silent device's goodbye is not heard either.
        return gone and not self._late and now_s >= self._silent_until_s
