"""One request and one reply over one connection, and the only request that is ever repeated blindly: GET_STATUS."""

from typing import Never

from qst.clock import Clock
from qst.errors import LinkClosedError, LinkError, LinkTimeoutError, RemoteProtocolError
from qst.instruments import Link
from qst_drivers.wire.mms import U32_MAX, Command, Request, encode_request
from qst_drivers.wire.mms_reply import Reply, ReplyDecoder

#: How often a status is asked before its failure is believed.
STATUS_ATTEMPTS = 2

_REMEDY = (
    "If a test may be running, take the thermode off the skin first. See that the MMS computer is on, shows its test "
    "screen and has External Control ticked, and check the network cable."
)


class Exchange:
    """Talks to MMS. A reply counts only when it echoes the time stamp and the command of its own request.

    Args:
        link: opened for each request, closed after its reply: MMS takes one request a connection.
        clock: for deadlines, and for time stamps at the start.
        status_timeout_s: for GET_STATUS.
        reply_timeout_s: for commands, which MMS answers after it carried them out.
    """

    def __init__(self, link: Link, clock: Clock, *, status_timeout_s: float, reply_timeout_s: float) -> None:
        self._link = link
        self._now = clock.monotonic
        self._status_timeout_s = status_timeout_s
        self._reply_timeout_s = reply_timeout_s
        # Unix seconds as every client sends them, but never twice the same: a late reply must not fit a later request.
        self._unix_origin_s = clock.utc().timestamp() - clock.monotonic()
        self._timestamp = 0
        self._generation: int | None = None
        self.written_s = 0.0
        self.replied_s = 0.0

    @property
    def where(self) -> str:
        """The link, for messages."""
        return self._link.description

    def pin_generation(self, reply: Reply) -> None:
        """Read all later replies as this one, if it has no message that could hide which generation it is."""
        self._generation = None if reply.message else reply.generation

    def status(self) -> Reply:
        """GET_STATUS, asked again once when it fails.

        Raises:
            LinkError, RemoteProtocolError: of the last attempt.
        """
        for _ in range(STATUS_ATTEMPTS - 1):
            try:
                return self._once(Command.GET_STATUS, None, self._status_timeout_s)
            except (LinkError, RemoteProtocolError):
                continue
        return self._once(Command.GET_STATUS, None, self._status_timeout_s)

    def command(self, command: Command, parameter: int | None = None) -> Reply:
        """Any command, sent once, whatever happens.

        Raises:
            LinkError: no reply: whether MMS carried the command out is not known.
            RemoteProtocolError: a reply that is not one, or not to this request.
        """
        return self._once(command, parameter, self._reply_timeout_s)

    def close(self) -> None:
        """Close the link, which is open only during a request."""
        self._link.close()

    def _once(self, command: int, parameter: int | None, timeout_s: float) -> Reply:
        timestamp = self._next_timestamp()
        frame = encode_request(Request(command, timestamp, parameter))
        try:
            reply = self._carried(frame, timeout_s)
        except (LinkError, RemoteProtocolError) as error:
            error.where, error.remedy = error.where or self.where, error.remedy or _REMEDY
            raise
        if reply.timestamp != timestamp or reply.command != command:
            raise RemoteProtocolError(
                f"a reply to another request came: command {reply.command}, time stamp {reply.timestamp}, "
                f"expected command {command}, time stamp {timestamp}",
                where=self.where,
                did="The reply was not used.",
                remedy=_REMEDY,
            )
        return reply

    def _carried(self, frame: bytes, timeout_s: float) -> Reply:
        """One connection: the frame out, the reply back."""
        link = self._link
        link.open()
        try:
            self.written_s = self._now()
            link.write(frame)
            reply = self._read(self.written_s + timeout_s)
            self.replied_s = self._now()
        finally:
            link.close()
        return reply

    def _read(self, deadline_s: float) -> Reply:
        decoder = ReplyDecoder(self._generation)
        link, now = self._link, self._now
        while True:
            remaining_s = deadline_s - now()
            if remaining_s <= 0:
                raise LinkTimeoutError("MMS began a reply and did not finish it in time", where=self.where)
            data = link.read(remaining_s)
            if not data:
                self._hung_up(decoder.pending)
            replies = decoder.feed(data)
            if replies:
                if len(replies) > 1 or decoder.pending:
                    raise RemoteProtocolError("MMS sent more than one reply to one request", where=self.where)
                return replies[0]

    def _hung_up(self, pending: int) -> Never:
        if pending:
            raise RemoteProtocolError(f"MMS hung up after {pending} bytes of a reply", where=self.where)
        raise LinkClosedError("MMS hung up without a reply", where=self.where)

    def _next_timestamp(self) -> int:
        unix_s = int(self._unix_origin_s + self._now())
        self._timestamp = max(unix_s, self._timestamp + 1) & U32_MAX
        return self._timestamp
