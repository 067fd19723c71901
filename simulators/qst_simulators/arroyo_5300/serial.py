"""The byte side of a simulated Arroyo controller: lines in, answers out, each at its time.

Source: Arroyo, *Computer Interfacing Manual* (USB: 38 400 baud, 8N1). Unverified, our choices: 16 to 40 ms from the end
of a line to its effect or its answer, one line after the other (published drivers wait 100 ms after each write), and
that what the host sent before it closed the port is still carried out.
"""

from collections import deque

from qst_drivers.wire.arroyo_device import Order, OrderParser, Overflow
from qst_simulators.arroyo_5300.options import Options
from qst_simulators.world import Event, World

BYTE_S = 10 / 38_400
_READ = b"TEC:T?\r\n"
_READ_S = len(_READ) * BYTE_S
#: An answer to TEC:T? is taken to have as many bytes as "32.01" with its end has.
_READ_ANSWER_S = 7 * BYTE_S


class ArroyoSerial:
    """Serial line, buffer and answers; what a line does is for :meth:`_obey`.

    Args:
        world: time and chance.
        options: what was chosen.
    """

    def __init__(self, world: World, options: Options) -> None:
        self._world = world
        self.options = options
        self._chance = world.random("arroyo-5300", "timing").random
        self._spread_s = options.answer_max_s - options.answer_min_s
        self._parser = OrderParser()
        self._outbox: deque[tuple[float, bytes]] = deque()  # (when it has reached the host, what)
        self._lines: deque[float] = deque()  # when the lines under way take effect
        self._under_way: deque[Event] = deque()  # the same lines' events
        self._read_due_s: float | None = None  # a TEC:T? alone under way: measured when its answer is fetched
        self._echo = options.terminal
        self._connected = False
        self._busy_s = 0.0  # until when the device works on what came before
        self._host_line_s = 0.0  # until when the host's bytes occupy the wire
        self._own_line_s = 0.0  # until when our bytes occupy the wire

    def _obey(self, orders: list[Order] | Overflow) -> bytes:
        """Carry out one line now; its answers."""
        raise NotImplementedError

    def _reading(self, time_s: float) -> bytes:
        """The answer to TEC:T? at ``time_s``."""
        raise NotImplementedError

    def connect(self, now_s: float) -> None:
        """The host opens the port."""
        self._world.advance(now_s)
        self._connected = True

    def disconnect(self, now_s: float) -> None:
        """The host closes the port; the device goes on with what it does: nothing watches the host."""
        self._world.advance(now_s)
        self._connected = False
        self._outbox.clear()
        self._read_due_s = None

    def hung_up(self, now_s: float) -> bool:  # noqa: ARG002 - the interface's name
        """Never: a serial line has no other side that closes it."""
        return False

    def receive(self, data: bytes, now_s: float) -> None:
        """Characters from the host. Lines are worked on one after the other."""
        self._world.advance(now_s)
        if data == _READ and self._read_due_s is None and not (self._lines or self._echo or self._parser.pending):
            self._host_line_s = max(now_s, self._host_line_s) + _READ_S
            self._read_due_s = self._due_s()
            return
        self._settle_reading()
        for byte in data:
            self._host_line_s = max(now_s, self._host_line_s) + BYTE_S
            if self._echo:
                self._outbox.append((self._host_line_s, bytes((byte,))))
            for line in self._parser.feed(bytes((byte,))):
                self._schedule(line)

    def _due_s(self) -> float:
        """When a line whose end has just come takes effect."""
        begun_s = max(self._host_line_s, self._busy_s)
        self._busy_s = begun_s + self.options.answer_min_s + self._spread_s * self._chance()
        return self._busy_s

    def _settle_reading(self) -> None:
        """A reading under way becomes a line like any other: another line comes behind it."""
        if self._read_due_s is not None:
            due_s, self._read_due_s = self._read_due_s, None
            self._await(due_s, [Order("TEC:T", query=True)])

    def _schedule(self, line: list[Order] | Overflow) -> None:
        self._await(self._due_s(), line)

    def _await(self, due_s: float, line: list[Order] | Overflow) -> None:
        self._lines.append(due_s)
        self._under_way.append(self._world.at(due_s, lambda: self._act(line)))

    def _act(self, line: list[Order] | Overflow) -> None:
        self._lines.popleft()
        self._under_way.popleft()
        self._send(self._obey(line), self._world.now_s)

    def _send(self, answer: bytes, now_s: float) -> None:
        if answer and self._connected:
            self._own_line_s = max(now_s, self._own_line_s) + len(answer) * BYTE_S
            self._outbox.append((self._own_line_s, answer))

    def _forget_lines(self) -> None:
        """The device starts anew: what it had heard, and was about to say, is gone."""
        for event in self._under_way:
            event.cancel()
        self._under_way.clear()
        self._lines.clear()
        self._outbox.clear()
        self._parser.clear()
        self._read_due_s = None
        self._echo = self.options.terminal

    def transmit(self, now_s: float) -> bytes:
        """What has reached the host."""
        due_s = self._read_due_s
        if due_s is not None and now_s >= due_s + _READ_ANSWER_S:
            self._world.advance(due_s)
            self._read_due_s = None
            answer = self._reading(due_s)
            self._world.advance(now_s)
            return self._fetch(now_s) + answer if self._outbox else answer
        self._world.advance(now_s)
        return self._fetch(now_s)

    def _fetch(self, now_s: float) -> bytes:
        outbox = self._outbox
        data = b""
        while outbox and outbox[0][0] <= now_s:
            data += outbox.popleft()[1]
        return data

    def next_transmit_s(self) -> float | None:
        """When the next bytes reach the host, or, before that is known, when it will be."""
        if self._outbox:
            return self._outbox[0][0]
        if self._read_due_s is not None:
            return self._read_due_s + _READ_ANSWER_S
        return self._lines[0] if self._lines else None
