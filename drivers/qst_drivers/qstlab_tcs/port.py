"""Questions and answers on the serial line of a TCS: pacing, deadlines, and never an answer to another question.

Nothing on this line names what it answers. Answers come in the order of their questions, so after any doubt (a
deadline passed, a byte nobody asked for) the port mutes the display, waits until the line is quiet, and asks so many
times for the battery, and once for the keys, that the answer looks like no other: everything before it is discarded.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from qst.clock import Clock
from qst.errors import InstrumentFaultError, LinkClosedError, LinkError, LinkTimeoutError, RemoteProtocolError
from qst.instruments import Link
from qst_drivers.wire.tcs_replies import (
    REPLY_BYTES,
    TEXT_LIMIT,
    Keys,
    Reply,
    ReplyDecoder,
    Temperatures,
    decode_clock,
)

#: Between two characters until the firmware is known to be 14 or later (it scans its port once a millisecond).
PACE_S: Final = 0.002
#: Fixed-length answers: 24 bytes take 2.1 ms, begin within 2 ms, USB adds up to 16 ms; ten times that.
ANSWER_S: Final = 0.25
QUIET_S: Final = 0.050
TEXT_QUIET_S: Final = 0.150
TEXT_S: Final = 2.0
#: An answer later than this after a doubt is treated as silence; the line stays in doubt.
RESYNC_S: Final = 1.0
ABORT_REPEATS: Final = 3
T = TypeVar("T")

#: What answers some ``B`` and one ``K``: batteries, then keys.
_MARKER = re.compile(rb"((?:\r\d\d\.\d{4}v \d{3}%)+)\r[01][01]\Z")
_BATTERY_BYTES = REPLY_BYTES["B"]
#: So many attempts to get in step are told apart.
_MARKERS = 8
_DID = "the line counts as out of step and is brought back in step before the next question"
_REMEDY = (
    "check the USB cable and the thermode's battery; if the plate does not return to baseline, lift it off the skin"
)


class TcsPort:
    """The line to one TCS.

    Args:
        link: an open link.
        clock: the visit's clock.
    """

    def __init__(self, link: Link, clock: Clock) -> None:
        self._link = link
        self._clock = clock
        self._decoder = ReplyDecoder()
        self.paced = True
        self.in_doubt = False
        self._attempt = 0  # of getting in step again
        self.asked_s = 0.0  #: when the last question of fixed length was written: its answer was measured then

    @property
    def where(self) -> str:
        """The link, for messages."""
        return self._link.description

    def send(self, data: bytes) -> None:
        """Write commands, one character each 2 ms while the firmware needs it."""
        if not self.paced:
            self._write(data)
            return
        for byte in data:
            self._write(bytes((byte,)))
            self._clock.sleep(PACE_S)

    def _write(self, data: bytes) -> None:
        try:
            self._link.write(data)
        except LinkError as gone:
            gone.remedy = gone.remedy or _REMEDY
            raise

    def abort(self) -> None:
        """``A``, three times: the first may fall into a command under way, and none of them can do harm."""
        self.send(b"A" * ABORT_REPEATS)

    def ask(self, queries: str) -> list[Reply]:
        """Answers to one-letter queries of fixed length.

        Raises:
            LinkTimeoutError: an answer is missing or short.
            LinkClosedError: the other side is gone.
            RemoteProtocolError: the answer has the wrong shape.
        """
        if self.in_doubt:
            self.resynchronise()
        return self._exchange(queries, queries.encode("ascii"))

    def ask_keys_and_temperatures(self) -> tuple[Keys, Temperatures]:
        """Buttons first, then temperatures, in one write: a button that is up was up when the temperature was taken."""
        if self.in_doubt:
            self.resynchronise()
        keys, temperatures = self._exchange("KE", b"KE")
        return keys, temperatures  # type: ignore[return-value]  # the decoder answers in the order asked

    def _exchange(self, queries: str, data: bytes) -> list[Reply]:
        decoder = self._decoder
        self.in_doubt = True  # until the answer is whole: also when an abort ends the wait
        self.asked_s = self._clock.monotonic()
        try:
            self.send(data)
            decoder.expect(queries)
            replies = decoder.feed(self._read(ANSWER_S))
            if not decoder.complete:
                self._read_rest(replies)
        except LinkTimeoutError as late:
            received = decoder.received
            self._doubt()
            raise self._broke_off(
                f"the answer to {queries} did not come in full ({received} bytes of a part)"
            ) from late
        except RemoteProtocolError as wrong:
            self._doubt()
            raise RemoteProtocolError(wrong.what, where=self._link.description, did=_DID, remedy=_REMEDY) from wrong
        self.in_doubt = False
        return replies

    def _read_rest(self, replies: list[Reply]) -> None:
        deadline_s = self._clock.monotonic() + ANSWER_S
        while not self._decoder.complete:
            replies += self._decoder.feed(self._read(max(deadline_s - self._clock.monotonic(), 0.0)))

    def _broke_off(self, what: str) -> LinkTimeoutError:
        return LinkTimeoutError(what, where=self._link.description, did=_DID, remedy=_REMEDY)

    def _read(self, timeout_s: float) -> bytes:
        data = self._link.read(timeout_s)
        if not data:
            raise LinkClosedError("the TCS is gone", where=self._link.description, remedy=_REMEDY)
        return data

    def _doubt(self) -> None:
        self.in_doubt = True
        self._decoder.clear()

    def text(self, query: str) -> bytes:
        """The free text that answers ``H`` or ``P``: everything until the line is quiet.

        Raises:
            LinkTimeoutError, LinkClosedError: nothing came.
            RemoteProtocolError: it does not end.
        """
        if self.in_doubt:
            self.resynchronise()
        self.in_doubt = True  # as above
        self.send(query.encode("ascii"))
        try:
            data = self._read(TEXT_S)
            data += self.drain(TEXT_QUIET_S)
        except LinkTimeoutError as late:
            self._doubt()
            raise self._broke_off(f"no answer to {query}") from late
        except RemoteProtocolError:
            self._doubt()
            raise
        self.in_doubt = False
        return data

    def decoded(self, query: str, decode: Callable[[bytes], T]) -> T:
        """The free text that answers ``query``, as ``decode`` reads it.

        Raises:
            LinkTimeoutError, LinkClosedError, RemoteProtocolError: as :meth:`text`, or it cannot be read.
        """
        data = self.text(query)
        try:
            return decode(data)
        except RemoteProtocolError as wrong:
            self._doubt()
            raise RemoteProtocolError(wrong.what, where=self._link.description, did=_DID, remedy=_REMEDY) from wrong

    def drain(self, quiet_s: float) -> bytes:
        """Take what comes until nothing has come for ``quiet_s``."""
        data = b""
        while True:
            try:
                data += self._read(quiet_s)
            except LinkTimeoutError:
                return data
            if len(data) > TEXT_LIMIT:
                raise RemoteProtocolError("the TCS does not stop sending", where=self._link.description, remedy=_REMEDY)

    def resynchronise(self) -> None:
        """Mute, wait for quiet, and find the answer to a question of our own.

        Raises:
            LinkTimeoutError: the device stays silent; the line stays in doubt.
            LinkClosedError: the other side is gone.
            RemoteProtocolError: it does not stop sending.
        """
        self._doubt()
        self.send(b"F")
        self.drain(QUIET_S)
        # Answers to an earlier attempt may still come: each attempt asks so that its answer looks like no earlier one.
        self._attempt = self._attempt % _MARKERS + 1
        self.send(b"B" * self._attempt + b"K")
        deadline_s = self._clock.monotonic() + RESYNC_S
        data = b""
        while not self._is_answered(data):
            left_s = deadline_s - self._clock.monotonic()
            data += self._read(max(left_s, 0.0))
            if len(data) > TEXT_LIMIT:
                raise RemoteProtocolError("the TCS sends garbage", where=self._link.description, remedy=_REMEDY)
        self.in_doubt = False
        self._attempt = 0

    def _is_answered(self, data: bytes) -> bool:
        found = _MARKER.search(data)
        return found is not None and len(found[1]) == self._attempt * _BATTERY_BYTES

    def battery_percent(self) -> int:
        """Charge of the battery."""
        (battery,) = self.ask("B")
        return battery.percent  # type: ignore[union-attr]  # B is answered by a Battery

    def clock(self) -> datetime | None:
        """Date and time of the device; None when it tells none that can be read."""
        try:
            return self.decoded("Xr", decode_clock)
        except (LinkTimeoutError, RemoteProtocolError):
            return None

    def require_battery(self, percent: int) -> None:
        """Refuse a battery below ``percent`` %.

        Raises:
            InstrumentFaultError: it is below.
        """
        found = self.battery_percent()
        if found < percent:
            raise InstrumentFaultError(
                f"the battery has {found} %; at least {percent} % are needed",
                where=self._link.description,
                did="nothing was started",
                remedy="charge the thermode, then take it off the charger: it does not stimulate while charging",
            )

    def require_sensors(self) -> None:
        """Refuse a probe with a sensor error.

        Raises:
            InstrumentFaultError: a sensor reports an error.
        """
        (sensors,) = self.ask("Q")
        if not sensors.sound:  # type: ignore[union-attr]  # Q is answered by Sensors
            raise InstrumentFaultError(
                f"the TCS reports a sensor error: {sensors}",
                where=self._link.description,
                did="no stimulus was started",
                remedy="check that the probe is plugged in; have it repaired if the error stays",
            )
