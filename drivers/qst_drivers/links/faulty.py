"""A link that breaks on demand: silence, a closed line, garbage, replies cut short, replies that come too late.

It wraps any link and works on what the device sends, chunk by chunk as the inner link hands it over. It also keeps
account of what the driver did: every write, every open and close.
"""

from collections import deque
from collections.abc import Callable

from qst.clock import Clock
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst.instruments import Guard, Link, guard_of


class FaultyLink:
    """A link around ``inner``, sound until told otherwise.

    Args:
        inner: carries the bytes.
        clock: the visit's clock.

    Attributes:
        silent: nothing reaches the host; what the device sends is lost.
        refuses: the link cannot be opened.
        change: what becomes of each chunk from the device; None leaves it as it is.
        written: what the driver wrote, with its times.
        opened, closed: how often the driver opened and closed the link.
        is_open: whether the driver has it open.
    """

    def __init__(self, inner: Link, clock: Clock) -> None:
        self._inner = inner
        self._clock = clock
        self.silent = self.refuses = False
        self.change: Callable[[bytes], bytes] | None = None
        self.written: list[tuple[float, bytes]] = []
        self.opened = self.closed = 0
        self.is_open = False
        self._cut = False
        self._until_lost: int | None = None  # writes that pass before one is lost
        self._waiting: deque[float | None] = deque()  # what to do with the chunks to come: hold back so long, or pass
        self._late: deque[tuple[float, bytes]] = deque()  # chunks held back, with the time they arrive

    @property
    def description(self) -> str:
        """The inner link's."""
        return self._inner.description

    @property
    def guard(self) -> Guard | None:
        """Of the inner link."""
        return guard_of(self._inner)

    # ------------------------------------------------------------------------------------------------------- faults

    def hang_up(self) -> None:
        """The other side goes away: reads end with ``b""``, writes and opens fail, until :meth:`heal`."""
        self._cut = True
        self.refuses = True

    def hold_back(self, delay_s: float, *, after: int = 0) -> None:
        """The chunk after the next ``after`` ones reaches the host ``delay_s`` later, and those behind it wait for it.

        Bytes keep their order, as they do on every real wire; they also survive a close and an open, which is worse
        than any real wire.
        """
        self._waiting.extend([None] * after)
        self._waiting.append(delay_s)

    def lose_write(self, *, after: int = 0) -> None:
        """The write after the next ``after`` ones never reaches the device."""
        self._until_lost = after

    def heal(self) -> None:
        """The link is sound again. A chunk that is under way late still arrives."""
        self.silent = self.refuses = self._cut = False
        self._until_lost = None
        self.change = None
        self._waiting.clear()

    # ---------------------------------------------------------------------------------------------------- the link

    def open(self) -> None:
        """Open the inner link. Raises LinkOpenError."""
        self.opened += 1
        if self.refuses:
            raise LinkOpenError("nobody answers", where=self.description, remedy="check the cable and the device")
        self._inner.open()
        self.is_open = True

    def close(self) -> None:
        """Close the inner link."""
        self.closed += 1
        self.is_open = False
        self._inner.close()

    def write(self, data: bytes) -> None:
        """Send, unless the device is not to hear it. Raises LinkClosedError."""
        self.written.append((self._clock.monotonic(), data))
        if self._cut:
            raise LinkClosedError("the other side is gone", where=self.description)
        if self._until_lost is None:
            self._inner.write(data)
        elif self._until_lost:
            self._until_lost -= 1
            self._inner.write(data)
        else:
            self._until_lost = None

    def read(self, timeout_s: float) -> bytes:
        """As :meth:`qst.instruments.Link.read`, with the faults."""
        deadline_s = self._clock.monotonic() + timeout_s
        while True:
            if self._cut:
                return b""
            now_s = self._clock.monotonic()
            if data := self._arrived(now_s):
                return data
            if now_s >= deadline_s:
                raise LinkTimeoutError(f"no answer within {timeout_s:g} s", where=self.description)
            wake_s = min(deadline_s, self._late[0][0]) if self._late else deadline_s
            try:
                data = self._inner.read(max(wake_s - now_s, 0.0))
            except LinkTimeoutError:
                self._clock.sleep(wake_s - self._clock.monotonic())
                continue
            if data:
                data = self._passed(data)
                if data:
                    return data
            elif self.silent or self._late:
                self._clock.sleep(wake_s - self._clock.monotonic())  # the host does not see the hang-up either
            else:
                return b""

    def read_available(self) -> bytes:
        """As :meth:`qst.instruments.Link.read_available`, with the faults."""
        if self._cut:
            raise LinkClosedError("the other side is gone", where=self.description)
        data = self._inner.read_available()
        return self._arrived(self._clock.monotonic()) + (self._passed(data) if data else b"")

    def _arrived(self, now_s: float) -> bytes:
        """Chunks that were held back until now."""
        data = b""
        while self._late and self._late[0][0] <= now_s:
            data += self._late.popleft()[1]
        return data

    def _passed(self, data: bytes) -> bytes:
        """What the host gets of a chunk, now."""
        if self.silent:
            return b""
        delay_s = self._waiting.popleft() if self._waiting else None
        if delay_s is not None or self._late:
            due_s = self._clock.monotonic() + (delay_s or 0.0)
            self._late.append((max(due_s, self._late[-1][0]) if self._late else due_s, data))
            return b""
        return data if self.change is None else self.change(data)
