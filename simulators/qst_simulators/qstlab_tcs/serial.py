"""The byte side of a simulated TCS: characters in, packets out, each at its time.

Source: TCS 2.2 User's Manual (115 200 baud, one scan of the port a millisecond below firmware 14). Unverified, our
choice: a reply begins 1 to 2 ms after the tick that acts on its query, and the USB bridge hands over what it has when
the line pauses.
"""

import math
from collections import deque

from qst_drivers.wire.tcs_host import HostParser, Order
from qst_drivers.wire.tcs_replies import REPLY_BYTES
from qst_simulators.qstlab_tcs.options import Faults, Options
from qst_simulators.world import World

BYTE_S = 10 / 115_200  # 8N1
TICK_S = 0.001
PACKET_BYTES = 64
_SCANNED_BELOW = 14  # firmware that takes one character a tick and loses faster ones
_ROUNDING_S = 1e-9


class TcsSerial:
    """Serial line and parser; what an order does is for :meth:`_obey`.

    Args:
        world: time and chance.
        options: what was chosen.
    """

    def __init__(self, world: World, options: Options) -> None:
        self._world = world
        self.options = options
        self.faults = Faults()
        self._timing = world.random("qstlab-tcs", "timing").random
        self._scanned = int(options.firmware.split(".")[0]) < _SCANNED_BELOW
        self._parser = HostParser()
        self._outbox: deque[tuple[float, bytes]] = deque()  # (when it has reached the host, what)
        self._ticks: deque[float] = deque()  # when the answers to the orders heard, but not yet acted on, are due
        self._connected = False
        self._unplugged = False
        self._host_line_s = 0.0  # until when the host's bytes occupy the wire
        self._own_line_s = 0.0  # until when our bytes occupy the wire
        self._accepted_s = -1.0
        self._answered_s = -1.0  # the tick that was answered last
        self._pause_s = 0.0  # before the answer to the present tick

    def _obey(self, order: Order) -> None:
        """Do what ``order`` says, now."""
        raise NotImplementedError

    def _greet(self) -> None:
        """The host has opened the port."""

    def connect(self, now_s: float) -> None:
        """The host opens the port."""
        self._world.advance(now_s)
        if self._unplugged:
            raise ConnectionRefusedError("the TCS is not plugged in")
        self._connected = True
        self._greet()

    def disconnect(self, now_s: float) -> None:
        """The host closes the port; the device goes on with what it does."""
        self._world.advance(now_s)
        self._connected = False
        self._outbox.clear()

    def unplug(self) -> None:
        """The cable is pulled out now; the device goes on with what it does."""
        self._unplugged, self._connected = True, False
        self._outbox.clear()

    def hung_up(self, now_s: float) -> bool:  # noqa: ARG002 - the cable is in or out, whatever the time
        """True after :meth:`unplug`."""
        return self._unplugged

    def receive(self, data: bytes, now_s: float) -> None:
        """Characters from the host; each takes its time on the wire and is acted on at the next tick."""
        self._world.advance(now_s)
        if self._unplugged:
            return
        arrival_s = max(now_s, self._host_line_s)
        batch: list[Order] = []
        batch_tick = 0
        push = self._parser.push
        for byte in data:
            arrival_s += BYTE_S
            if (self._scanned or self.faults.lose) and self._lost(arrival_s):
                continue
            order = push(byte)
            if order is None:
                continue
            tick = math.ceil(arrival_s * 1000)
            if batch and tick != batch_tick:
                self._schedule(batch, batch_tick)
                batch = []
            batch_tick = tick
            batch.append(order)
        self._host_line_s = arrival_s
        if batch:
            self._schedule(batch, batch_tick)

    def _lost(self, arrival_s: float) -> bool:
        if self._scanned and arrival_s - self._accepted_s < TICK_S - _ROUNDING_S:
            return True
        if self.faults.lose:
            self.faults.lose -= 1
            return True
        self._accepted_s = arrival_s
        return False

    def _schedule(self, orders: list[Order], tick: int) -> None:
        tick_s = tick * TICK_S
        pause_s = TICK_S * (1 + self._timing()) + self.faults.delay_s
        size = 0
        for order in orders:
            size += REPLY_BYTES.get(order.name, 0)
        self._ticks.append(tick_s + pause_s + size * BYTE_S if size else tick_s)
        self._world.at(tick_s, lambda: self._act(orders, pause_s))

    def _act(self, orders: list[Order], pause_s: float) -> None:
        self._ticks.popleft()
        self._pause_s = pause_s
        for order in orders:
            self._obey(order)

    def _answer(self, data: bytes) -> None:
        """Send ``data``: a pause, then byte after byte; answers of one tick follow each other without a pause."""
        faults = self.faults
        if faults.silent or not self._connected:
            return
        if faults.garbage:
            data, faults.garbage = faults.garbage + data, b""
        now_s = self._world.now_s
        outbox = self._outbox
        if self._answered_s == now_s and outbox and len(outbox[-1][1]) + len(data) <= PACKET_BYTES:
            self._own_line_s += len(data) * BYTE_S
            outbox[-1] = (self._own_line_s, outbox[-1][1] + data)
            return
        start_s = max(self._own_line_s, now_s if self._answered_s == now_s else now_s + self._pause_s)
        self._answered_s = now_s
        for at in range(0, len(data), PACKET_BYTES):
            packet = data[at : at + PACKET_BYTES]
            start_s += len(packet) * BYTE_S
            outbox.append((start_s, packet))
        self._own_line_s = start_s

    def transmit(self, now_s: float) -> bytes:
        """What has reached the host."""
        self._world.advance(now_s)
        outbox = self._outbox
        if not outbox or outbox[0][0] > now_s:
            return b""
        data = outbox.popleft()[1]
        while outbox and outbox[0][0] <= now_s:
            data += outbox.popleft()[1]
        return data

    def next_transmit_s(self) -> float | None:
        """When the next bytes reach the host, or, before that is known, when it will be."""
        if self._outbox:
            return self._outbox[0][0]
        if self._ticks:
            return self._ticks[0]
        return None
