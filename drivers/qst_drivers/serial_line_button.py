"""A participant's button between two pins of a serial port: a switch that closes, or opens, a modem status line.

A thread of its own looks at the line every 2 ms, so a press is stamped within 5 ms unless the whole computer is
overloaded, and the visit never waits for the port. What the adapter itself adds (FTDI's latency timer, for example)
no program can see.

A contact bounces. Its first change is taken at once, so that no press is ever late; then the line is not believed for
:data:`BOUNCE_S`, and if it reads differently after that, that is the next edge. A single disturbed look is therefore
a press: it ends a stimulus too early rather than too late.

A button that cannot be read is no button: whoever is on the instrument could not stop it. So ``edges`` and
``pressed`` raise when the port is lost, and when nobody has looked at it for :data:`SILENT_S`.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from qst.abort import AbortSwitch
from qst.clock import Clock, nap, performance_seconds
from qst.errors import LinkClosedError, LinkError, LinkOpenError, LinkTimeoutError
from qst.instruments import ButtonEdge
from qst.response_button import ButtonSpec
from qst_drivers.links.serial import SerialLink
from qst_drivers.links.urls import LinkUrl

#: Time between two looks at the line, s.
LOOK_S: Final = 0.002
#: So long after an edge the line is not believed, s. Contacts of push buttons bounce for some milliseconds.
BOUNCE_S: Final = 0.02
#: So long without a look, s, and the button counts as lost.
SILENT_S: Final = 0.5

_REMEDY: Final = "Take the instrument off the participant. Check the button's plug and adapter; try the button; repeat."


class StatusLine(Protocol):
    """What is needed of a serial port."""

    @property
    def description(self) -> str:
        """As the station file names it."""

    def open(self) -> None:
        """Open it, DTR and RTS raised: they supply the current. Raises LinkOpenError."""

    def modem_line(self, name: str) -> bool:
        """Whether this line is asserted. Raises LinkClosedError."""

    def close(self) -> None:
        """Close it. Idempotent."""


class Contact:
    """From looks at a contact to its edges. Pure.

    Args:
        now_s: when it was first looked at.
        down: what was seen then.
    """

    def __init__(self, now_s: float, *, down: bool) -> None:
        self.down = down
        self._believed_from_s = now_s

    def look(self, now_s: float, *, down: bool) -> ButtonEdge | None:
        """The edge that this look shows, if it does."""
        if down is self.down or now_s < self._believed_from_s:
            return None
        self.down = down
        self._believed_from_s = now_s + BOUNCE_S
        return ButtonEdge(now_s, pressed=down)


class SerialLineButton:
    """Implements :class:`qst.instruments.ConnectedButton`.

    Args:
        port: the serial port.
        line: ``cts``, ``dsr``, ``ri`` or ``cd``.
        pressed_when: whether the line is asserted while the button is pressed.
        clock: stamps the edges.
        stopwatch: tells how long nobody has looked, s; the visit's clock may run at another speed.
    """

    def __init__(
        self,
        port: StatusLine,
        line: str,
        *,
        pressed_when: bool,
        clock: Clock,
        stopwatch: Callable[[], float] = performance_seconds,
    ) -> None:
        self._port = port
        self._line = line
        self._pressed_when = pressed_when
        self._clock = clock
        self._stopwatch = stopwatch
        self._contact = Contact(0.0, down=False)
        self._edges: deque[ButtonEdge] = deque()
        self._lost: LinkError | None = LinkClosedError("the participant's button is not connected")
        self._looked_s = 0.0
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def description(self) -> str:
        """As the station file names its port."""
        return self._port.description

    def connect(self) -> None:
        """Open the port and begin to look.

        Raises:
            LinkOpenError: it does not open, or has no such line.
        """
        self.close()
        self._port.open()
        try:
            down = self._port.modem_line(self._line) is self._pressed_when
        except LinkClosedError as none:
            self._port.close()
            raise LinkOpenError(
                f"this port does not tell its line {self._line.upper()}",
                where=self.description,
                remedy="use a serial port, or an adapter, that has modem status lines",
            ) from none
        self._contact = Contact(self._clock.monotonic(), down=down)
        self._edges.clear()
        self._looked_s, self._lost = self._stopwatch(), None
        self._ending.clear()
        self._begin_to_look()

    def _begin_to_look(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="participant's button", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while self._lost is None and not self._ending.is_set():
            self.look()
            nap(LOOK_S)

    def look(self) -> None:
        """Look at the line once; what fails is told to whoever asks next."""
        try:
            down = self._port.modem_line(self._line) is self._pressed_when
        except LinkError as lost:
            self._lost = LinkClosedError("the participant's button is lost", where=lost.where, remedy=_REMEDY)
            return
        edge = self._contact.look(self._clock.monotonic(), down=down)
        if edge is not None:
            self._edges.append(edge)
        self._looked_s = self._stopwatch()

    def edges(self) -> Sequence[ButtonEdge]:
        """Edges since the last call. A press that came before the button was lost is told first.

        Raises:
            LinkClosedError: the port is lost, or was never opened.
            LinkTimeoutError: the port has not answered for too long.
        """
        found = [self._edges.popleft() for _ in range(len(self._edges))]
        if not found:
            self._require()
        return found

    def pressed(self) -> bool:
        """Whether it is down now. Raises as :meth:`edges` does."""
        self._require()
        return self._contact.down

    def _require(self) -> None:
        if self._lost is not None:
            raise self._lost
        silent_s = self._stopwatch() - self._looked_s
        if silent_s > SILENT_S:
            raise LinkTimeoutError(
                f"the participant's button has not been read for {silent_s:.1f} s",
                where=self.description,
                remedy=_REMEDY,
            )

    def close(self) -> None:
        """End looking and close the port. Idempotent."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(SILENT_S)
            self._thread = None
        self._lost = LinkClosedError("the participant's button is not connected", where=self.description)
        self._port.close()


def serial_line_button(spec: ButtonSpec, clock: Clock, abort: AbortSwitch) -> SerialLineButton:
    """The button that a station file names. Opens nothing. Raises StationFileError."""
    # No byte passes; pyserial wants a speed all the same.
    url = LinkUrl(spec.scheme, spec.port, {"baud": "9600"}, spec.text)
    return SerialLineButton(SerialLink(url, clock, abort), spec.line, pressed_when=spec.pressed_when, clock=clock)
