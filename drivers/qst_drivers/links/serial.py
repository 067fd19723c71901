"""``serial://PORT?baud=N``: a serial port, real or by any of pyserial's URL handlers.

``serial://COM3?baud=115200`` and ``serial:///dev/ttyACM0?baud=115200`` are ports of this computer;
``serial+socket://host:port``, ``serial+rfc2217://host:port?baud=9600``, ``serial+loop://``,
``serial+spy:///dev/ttyUSB0?baud=9600&file=spy.txt`` and so on go through pyserial's handler of that name, which also
gets every option that is not ours.

The speed is always stated: pyserial's own default is right for hardly any instrument, and a wrong speed shows as mere
silence.
"""

import errno
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import LinkClosedError, LinkOpenError, LinkTimeoutError
from qst_drivers.links.urls import LinkUrl, one_of, refuse_unknown, whole_number, wrong
from qst_drivers.links.waiting import LOOK_S, SLICE_S, unhurried

if TYPE_CHECKING:
    import serial

_OURS: Final = ("baud", "bits", "parity", "stopbits", "flow")
#: Handlers without a line whose speed could be set.
_NO_SPEED: Final = ("loop", "socket", "cp2110")
_PARITY: Final = {"none": "N", "even": "E", "odd": "O", "mark": "M", "space": "S"}
_STOP_BITS: Final = {"1": 1, "1.5": 1.5, "2": 2}
_FLOW: Final = ("none", "xonxoff", "rtscts", "dsrdtr")

#: Opening through a network handler may take its own 5 s.
_OPEN_S: Final = 6.0
#: Longest wait until the system takes the bytes of one command; its buffer is larger than any command.
#: Generous: pyserial also calls a write failed that went out whole, if the computer was too busy to return in time.
_WRITE_S: Final = 2.0
_MOST: Final = 65536

_UNPLUGGED: Final = "check that the cable is plugged in and the device is on; then connect again"


class SerialLink:
    """A serial port by pyserial.

    Args:
        url: see the module.
        clock: for deadlines.
        abort: ends every wait for an answer at once.

    Raises:
        StationFileError: an option is missing, unknown or impossible, or pyserial has no such handler.
    """

    def __init__(self, url: LinkUrl, clock: Clock, abort: AbortSwitch) -> None:
        self._description = url.text
        self._handler = url.scheme.partition("+")[2]
        self._settings = _line_settings(url, self._handler)
        self._target = _target(url, self._handler)
        self._clock = clock
        self._now = clock.monotonic
        self._abort = abort
        self._port: serial.Serial | None = None

    @property
    def description(self) -> str:
        """The URL."""
        return self._description

    def open(self) -> None:
        """Open the port, for this program alone.

        Raises:
            LinkOpenError: no such port, in use, not permitted, or the handler could not reach it.
        """
        self.close()
        self._port = unhurried(
            self._opened, self._clock, self._abort, within_s=_OPEN_S, where=self._description, discard=_close
        )

    def _opened(self) -> "serial.Serial":
        import serial  # noqa: PLC0415 - only who opens a port needs pyserial

        try:
            return serial.serial_for_url(
                self._target, timeout=SLICE_S, write_timeout=_WRITE_S, exclusive=True, **self._settings
            )
        except (OSError, ValueError) as failed:  # pyserial's own error is an OSError
            raise self._not_opened(failed) from failed

    def _not_opened(self, failed: Exception) -> LinkOpenError:
        code = getattr(failed, "errno", None)
        place = self._target
        if self._handler:
            what, remedy = f"it could not be opened: {failed}", "check the address and that the other side is running"
        elif code in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
            what, remedy = f"the port {place} is in use by another program", "close that program, then try again"
        elif code in (errno.EACCES, errno.EPERM):
            what = f"you may not use the port {place}"
            remedy = "on Linux, add yourself to the group that owns it (dialout or uucp) and log in again"
        elif code in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or (code is None and not _listed(place)):
            what = f"there is no port {place}"
            remedy = "plug the device in and switch it on; 'qst ports' lists the ports that are there"
        elif code is None:  # Windows tells no number; it lists the port and yet does not open it
            what = f"the port {place} is there, but it does not open: {failed}"
            remedy = "close every other program that may use it, then unplug the device and plug it in again"
        else:
            what, remedy = f"the port {place} does not open: {failed}", _UNPLUGGED
        return LinkOpenError(what, where=self._description, remedy=remedy)

    def write(self, data: bytes) -> None:
        """Send all of ``data``. An abort does not keep it back: it may be the very command that stops.

        Raises:
            LinkClosedError: not open, or the port is gone.
            LinkTimeoutError: the port takes no more bytes.
        """
        import serial  # noqa: PLC0415 - as above

        port = self._require_open()
        try:
            port.write(data)
        except serial.SerialTimeoutException as full:
            raise LinkTimeoutError(
                "the port takes no more bytes", where=self._description, remedy="check flow control and the cable"
            ) from full
        except OSError as gone:
            raise self._gone() from gone

    def read(self, timeout_s: float) -> bytes:
        """At least one byte, or ``b""`` when the port is gone (unplugged, or its other side closed).

        Raises:
            LinkTimeoutError: nothing came in time.
            LinkClosedError: not open.
        """
        port = self._require_open()
        deadline_s = self._now() + timeout_s
        if self._abort.shielded_now:
            return self._read(port, deadline_s, timeout_s)
        with self._abort.waking(getattr(port, "cancel_read", _nothing)):
            return self._read(port, deadline_s, timeout_s)

    def _read(self, port: "serial.Serial", deadline_s: float, timeout_s: float) -> bytes:
        while True:
            self._abort.check()
            left_s = deadline_s - self._now()
            try:
                if left_s < SLICE_S and not port.in_waiting:
                    if left_s <= 0.0:
                        raise LinkTimeoutError(f"no answer within {timeout_s:g} s", where=self._description)
                    # To shorten pyserial's own time-out would set the whole port up anew, each time.
                    self._abort.wait(min(left_s, LOOK_S))
                    continue
                data = port.read(1)
            except OSError:
                return b""
            if data:
                return self._with_waiting(port, data)

    def _with_waiting(self, port: "serial.Serial", data: bytes = b"") -> bytes:
        """``data``, and what else is there. Some handlers tell only whether there is anything.

        A port that fails behind its last bytes has failed for the next read: those bytes are not lost.
        """
        try:
            while (count := port.in_waiting) and len(data) < _MOST:
                data += port.read(count)
        except OSError:
            if not data:
                raise
        return data

    def read_available(self) -> bytes:
        """Whatever has arrived.

        Raises:
            LinkClosedError: not open, or the port is gone.
        """
        port = self._require_open()
        try:
            return self._with_waiting(port)
        except OSError as gone:
            raise self._gone() from gone

    def modem_line(self, name: str) -> bool:
        """Whether the other side asserts this modem status line: ``cts``, ``dsr``, ``ri`` or ``cd``.

        Raises:
            LinkClosedError: not open, the port is gone, or it has no such lines (a pseudo-terminal).
        """
        port = self._require_open()
        try:
            # On Windows a lost port reads as having every line off, without an error; this question fails there.
            _ = port.in_waiting
            return bool(getattr(port, name))
        except OSError as gone:
            raise self._gone() from gone

    def close(self) -> None:
        """Close the port."""
        if self._port is not None:
            port, self._port = self._port, None
            _close(port)

    def _require_open(self) -> "serial.Serial":
        if self._port is None:
            raise LinkClosedError("the link is not open", where=self._description)
        return self._port

    def _gone(self) -> LinkClosedError:
        return LinkClosedError("the port is gone", where=self._description, remedy=_UNPLUGGED)


def _nothing() -> None:
    """For handlers that cannot be woken: their waits are short."""


def _close(port: "serial.Serial") -> None:
    port.close()


def _listed(place: str) -> bool:
    from serial.tools import list_ports  # noqa: PLC0415 - needed only to explain a failure

    return any(port.device.lower() == place.lower() for port in list_ports.comports())


def _line_settings(url: LinkUrl, handler: str) -> dict[str, Any]:
    if not handler:
        refuse_unknown(url, *_OURS)
        if not url.place:
            raise wrong(url.text, "it names no port", "write it like serial://COM3?baud=115200")
    elif handler not in _handlers():
        raise wrong(url.text, f"pyserial has no handler '{handler}'", f"handlers: {', '.join(_handlers())}")
    if "baud" not in url.options and handler not in _NO_SPEED:
        raise wrong(url.text, "its speed is not stated", "add ?baud=115200, or whatever the device is set to")
    flow = one_of(url, "flow", "none", _FLOW)
    return {
        "baudrate": whole_number(url, "baud") if "baud" in url.options else 115200,
        "bytesize": int(one_of(url, "bits", "8", ("5", "6", "7", "8"))),
        "parity": _PARITY[one_of(url, "parity", "none", tuple(_PARITY))],
        "stopbits": _STOP_BITS[one_of(url, "stopbits", "1", tuple(_STOP_BITS))],
        "xonxoff": flow == "xonxoff",
        "rtscts": flow == "rtscts",
        "dsrdtr": flow == "dsrdtr",
    }


def _handlers() -> tuple[str, ...]:
    """Names of the installed handlers; other packages may add some."""
    import serial  # noqa: PLC0415 - as above

    names: set[str] = set()
    for package in serial.protocol_handler_packages:
        folder = importlib.import_module(package).__path__
        names.update(module.name for module in pkgutil.iter_modules(folder))
    return tuple(sorted(name.removeprefix("protocol_") for name in names if name.startswith("protocol_")))


def _target(url: LinkUrl, handler: str) -> str:
    """What pyserial is given: the port, or the handler's own URL with the options that are not ours."""
    if not handler:
        return url.place
    theirs = {name: value for name, value in url.options.items() if name not in _OURS}
    if not theirs:
        return f"{handler}://{url.place}"
    mark = "&" if handler == "hwgrep" else "?"  # hwgrep's place is a regular expression
    return f"{handler}://{url.place}{mark}{urlencode(theirs, safe='/:')}"
