"""``replay://FILE``: a recorded conversation in place of the device.

A driver that says the recorded bytes gets the recorded answers, at the recorded times. Where it says something else,
the link shows where the bytes part: direction, offset, what was recorded and what came instead.

How the bytes were cut into writes does not matter. What matters is their order: which bytes went out before which came
in. Requests that carry the time of day (those of Medoc Main Station do) are the same again only on a virtual clock.
"""

from pathlib import Path
from typing import Final, NoReturn

import msgspec

from qst import errors
from qst.clock import Clock
from qst.errors import InputError, LinkClosedError, LinkError, LinkTimeoutError
from qst_drivers.links.capture import VERSION, CaptureEvent, CaptureHeader

_INCOMING: Final = ("read", "arrived")
_SHOWN: Final = 16  # bytes around a difference
_ERRORS: Final[dict[str, type[LinkError]]] = {
    kind.code: kind for kind in (errors.LinkError, errors.LinkOpenError, LinkTimeoutError, LinkClosedError)
}
#: Times are sums of floats: a reading may be asked for a rounding error too early.
_DUE_S: Final = 1e-9


class ReplayLink:
    """Serves a capture file.

    Args:
        path: the file.
        clock: serves the answers at their recorded times; None: at once.

    Raises:
        InputError: the file cannot be read, or is no capture.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock
        self._events = _read_events(path)
        self._next = 0
        self._part = 0  # bytes of the next event that have been written already
        self._sent = 0  # bytes that have gone out so far
        self._shift_s: float | None = None  # this clock minus the recorded one
        self._open = False

    @property
    def description(self) -> str:
        """The URL."""
        return f"replay://{self._path}"

    @property
    def unplayed(self) -> tuple[CaptureEvent, ...]:
        """What was recorded and has not happened again, but for closing."""
        return tuple(event for event in self._events[self._next :] if event.do != "close")

    def open(self) -> None:
        """Open, where the recording opens.

        Raises:
            LinkOpenError: as recorded. LinkError: the recording does something else here.
        """
        event = self._peek()
        if event is None or event.do != "open":
            self._differs("opens")
        self._next += 1
        if self._shift_s is None:
            self._shift_s = 0.0 if self._clock is None else self._clock.monotonic() - event.t
        self._raise_recorded(event)
        self._open = True

    def write(self, data: bytes) -> None:
        """Compare ``data`` with what was recorded.

        Raises:
            LinkError: it differs, or the recording does something else here.
        """
        self._require_open()
        rest = data
        while rest:
            event = self._peek()
            if event is None or event.do != "write":
                self._differs(f"writes {_shown(rest)}")
            if event.code:
                self._next += 1
                self._raise_recorded(event)
            rest = self._compare(event, rest)

    def _compare(self, event: CaptureEvent, data: bytes) -> bytes:
        """Take what this event records off ``data``."""
        expected = bytes.fromhex(event.hex)[self._part :]
        common = min(len(expected), len(data))
        for index in range(common):
            if expected[index] != data[index]:
                raise self._difference(
                    f"byte {self._sent + index} from host to device differs: recorded "
                    f"{_shown(expected[index:])}, written {_shown(data[index:])}"
                )
        self._sent += common
        self._part += common
        if common == len(expected):
            self._next += 1
            self._part = 0
        return data[common:]

    def read(self, timeout_s: float) -> bytes:
        """The recorded answer.

        Raises:
            LinkTimeoutError: as recorded, or the answer was recorded later than this.
            LinkError: the recording does something else here.
        """
        self._require_open()
        event = self._peek()
        if event is None or event.do not in _INCOMING:
            self._differs("waits for bytes")
        if event.code == LinkTimeoutError.code:
            self._sleep(timeout_s)
        elif not self._wait_for(event, timeout_s):
            raise LinkTimeoutError(f"no answer within {timeout_s:g} s", where=self.description)
        self._next += 1
        self._raise_recorded(event)
        return bytes.fromhex(event.hex)

    def read_available(self) -> bytes:
        """The recorded bytes, if they have come by now."""
        self._require_open()
        event = self._peek()
        if event is None or event.do not in _INCOMING or self._missing_s(event) > 0.0:
            return b""
        if event.do == "read" and not event.hex:  # only a wait finds out about silence or a hang-up
            return b""
        self._next += 1
        self._raise_recorded(event)
        return bytes.fromhex(event.hex)

    def close(self) -> None:
        """Go on behind the place where the recording closes; see :attr:`unplayed` for what it had in between."""
        event = self._peek()
        if event is not None and event.do == "close":
            self._next += 1
        self._open = False

    # -- time -----------------------------------------------------------------------------------------------------

    def _missing_s(self, event: CaptureEvent) -> float:
        """Seconds until the event is due."""
        if self._clock is None or self._shift_s is None:
            return 0.0
        missing_s = event.t + self._shift_s - self._clock.monotonic()
        return missing_s if missing_s > _DUE_S else 0.0

    def _wait_for(self, event: CaptureEvent, timeout_s: float) -> bool:
        missing_s = self._missing_s(event)
        self._sleep(min(missing_s, timeout_s))
        return missing_s <= timeout_s + _DUE_S

    def _sleep(self, seconds: float) -> None:
        if self._clock is not None:
            self._clock.sleep(seconds)

    # -- what went wrong ------------------------------------------------------------------------------------------

    def _peek(self) -> CaptureEvent | None:
        return self._events[self._next] if self._next < len(self._events) else None

    def _require_open(self) -> None:
        if not self._open:
            raise LinkClosedError("the link is not open", where=self.description)

    def _raise_recorded(self, event: CaptureEvent) -> None:
        if event.code:
            raise _ERRORS.get(event.code, LinkError)(event.what, where=self.description)

    def _differs(self, does: str) -> NoReturn:
        event = self._peek()
        if event is None:
            recorded = "the recording is over"
        else:
            recorded = f"the recording has '{event.do} {_shown(bytes.fromhex(event.hex)[self._part :])}'".rstrip(" '")
            recorded += "'"
        raise self._difference(f"the host {does} after {self._sent} bytes from host to device, where {recorded}")

    def _difference(self, what: str) -> LinkError:
        return LinkError(
            what,
            where=f"{self._path}:{self._next + 2}",  # the header is line 1
            remedy="record anew if the change is meant; otherwise the driver has changed what it says",
        )


def _shown(data: bytes) -> str:
    return data[:_SHOWN].hex(" ") + (" …" if len(data) > _SHOWN else "")


def _read_events(path: Path) -> list[CaptureEvent]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(
            f"cannot read the capture: {error.strerror}", where=str(path), remedy="check the path"
        ) from error
    number = 1
    try:
        header = msgspec.json.decode(lines[0] if lines else b"", type=CaptureHeader)
        if header.capture != VERSION:
            raise _no_capture(path, 1, f"version {header.capture} is not known")
        decoder = msgspec.json.Decoder(CaptureEvent)
        events = []
        for number, line in enumerate(lines[1:], start=2):  # noqa: B007 - the message needs it
            event = decoder.decode(line)
            bytes.fromhex(event.hex)
            events.append(event)
    except (msgspec.DecodeError, ValueError) as error:
        raise _no_capture(path, number, str(error)) from error
    return events


def _no_capture(path: Path, line: int, why: str) -> InputError:
    return InputError(
        f"this is no capture: {why}", where=f"{path}:{line}", remedy="name a file that was written by a capture"
    )
