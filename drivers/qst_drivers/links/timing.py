"""A stopwatch around any link: how long a device takes to answer."""

from qst.clock import Clock
from qst.instruments import Guard, Link, guard_of


class TimingLink:
    """Passes everything on to another link, and times from a question to the first byte of its answer.

    Args:
        link: the link to time.
        clock: the visit's clock.
    """

    def __init__(self, link: Link, clock: Clock) -> None:
        self._link = link
        self._now = clock.monotonic
        self._asked_s: float | None = None
        self.round_trips_s: list[float] = []  #: in the order of the questions; questions without an answer have none
        self.bytes_read = 0

    @property
    def description(self) -> str:
        """Of the timed link."""
        return self._link.description

    @property
    def guard(self) -> Guard | None:
        """Of the timed link."""
        return guard_of(self._link)

    def open(self) -> None:
        """As the timed link."""
        self._link.open()

    def write(self, data: bytes) -> None:
        """As the timed link; the last write before an answer is what the answer is counted from."""
        self._asked_s = self._now()
        self._link.write(data)

    def read(self, timeout_s: float) -> bytes:
        """As the timed link."""
        data = self._link.read(timeout_s)
        self._answered(data)
        return data

    def read_available(self) -> bytes:
        """As the timed link. Bytes found by looking have waited to be found, and are not timed."""
        data = self._link.read_available()
        self.bytes_read += len(data)
        return data

    def close(self) -> None:
        """As the timed link."""
        self._asked_s = None
        self._link.close()

    def _answered(self, data: bytes) -> None:
        self.bytes_read += len(data)
        if data and self._asked_s is not None:
            self.round_trips_s.append(self._now() - self._asked_s)
            self._asked_s = None
