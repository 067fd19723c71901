"""Questions to a Mark-10 gauge, and which answer belongs to which.

The language has no sequence numbers: a line of a stream, the answer to ``?`` and a press of the gauge's own DATA key
look the same. So nothing is asked while a stream runs, old lines are thrown away before a question, and after a
time-out the wire must have been quiet and then answer questions whose answers look like no reading: an answer that
comes late is never taken for the next one.
"""

from collections.abc import Callable, Sequence
from typing import Final

from qst.clock import Clock
from qst.errors import InstrumentFaultError, LinkClosedError, LinkError, LinkTimeoutError, RemoteProtocolError
from qst.instruments import Link
from qst_drivers.wire import mark10 as wire
from qst_drivers.wire.mark10 import Command, ListReply, Unit

_ANSWER_S = 0.5  # longest wait for an answer
_QUIET_S = 0.2  # when nothing came for this long, nothing of an old stream is under way
_PATIENCE = 5  # so many times
_MARKS = 4  # so many attempts to get in step are told apart
_REMEDY: Final = (
    "Check the cable, the baud rate, and that no menu of the gauge is open; if it switched itself off, press its key."
)

_ASK_LIST: Final = wire.encode(Command("LIST"))
_ASK_MODEL: Final = wire.encode(Command("RM"))
_SILENCE: Final = wire.encode(Command("AOUT", 0))


class Mark10Talk:
    """One conversation over a link.

    Args:
        link: to the gauge.
        clock: the visit's clock.
    """

    __slots__ = ("_attempt", "_decoder", "_feed", "_link", "_now", "_read_available", "_sleep", "_suspect")

    def __init__(self, link: Link, clock: Clock) -> None:
        self._link = link
        self._now: Callable[[], float] = clock.monotonic
        self._sleep: Callable[[float], None] = clock.sleep
        self._read_available = link.read_available
        self._attempt = 0  # of getting in step again
        self._suspect = False  # lines of the past may still be under way
        self._renew()

    def _renew(self) -> None:
        self._decoder = wire.ReplyDecoder()
        self._feed = self._decoder.feed

    def send(self, data: bytes) -> None:
        """Write. Raises LinkError."""
        try:
            self._link.write(data)
        except LinkError as error:
            self._explain(error)
            raise

    def _explain(self, error: LinkError | RemoteProtocolError) -> None:
        """Links and codecs do not know what they belong to; who reads the message must."""
        error.where = error.where or self._link.description
        error.remedy = error.remedy or _REMEDY

    def silence(self) -> None:
        """Tell the gauge to end its stream, without waiting. What it has already sent is not believed any more."""
        self._suspect = True
        self.send(_SILENCE)

    def settle(self) -> None:
        """Bring question and answer in step again; what comes meanwhile is thrown away.

        First nothing may come for a while: half a line must not be taken for a whole one. But an answer can be later
        than any wait; so then settings and model are asked for. Their answers look like no reading, and a wire keeps
        its order: what was asked for earlier has come before them.

        Raises:
            RemoteProtocolError: the gauge does not stop talking.
            LinkError: it does not answer; the line stays out of step.
        """
        self._read_available()
        for _ in range(_PATIENCE):
            self._sleep(_QUIET_S)
            if not self._read_available():
                self._renew()
                self._find_mark()
                return
        raise RemoteProtocolError(
            "the gauge keeps sending although it was told to be silent",
            where=self._link.description,
            remedy="Press the gauge's DATA key once, or switch it off and on, then try again.",
        )

    def end_stream(self) -> None:
        """End the stream and wait for its last line: the answers to the questions asked then come behind it.

        Raises:
            LinkError.
        """
        self.silence()
        self._find_mark()

    def _find_mark(self) -> None:
        """Ask for the settings and then the model, and throw away everything before their answers.

        Answers to an earlier attempt may still come, so each attempt asks for the settings another number of times.

        Raises:
            LinkError, RemoteProtocolError.
        """
        self._suspect = True
        self._attempt = self._attempt % _MARKS + 1
        self.send(_ASK_LIST * self._attempt + _ASK_MODEL)
        deadline_s = self._now() + _ANSWER_S
        lists, found = 0, False
        while not found:
            for reply in self._receive(deadline_s):
                # The smaller models answer the question for their model with an error.
                found = lists == self._attempt and isinstance(reply, wire.Text | wire.ErrorReply)
                lists = lists + 1 if isinstance(reply, ListReply) else 0
        self._suspect = False
        self._attempt = 0

    def arrived(self) -> Sequence[wire.Reply]:
        """Whatever has arrived. Never waits.

        Raises:
            LinkError, RemoteProtocolError.
        """
        try:
            data = self._read_available()
            return self._feed(data) if data else ()
        except (LinkError, RemoteProtocolError) as error:
            self._explain(error)
            raise

    def begin_stream(self, frame: bytes) -> None:
        """Throw old lines away and send ``frame``, which starts a stream."""
        self._make_sure()
        self.send(frame)

    def ask(self, frame: bytes) -> wire.Reply:
        """One question, one answer.

        Raises:
            InstrumentFaultError: the gauge refused it.
            LinkError: no answer; RemoteProtocolError: more than one, or no text.
        """
        self._make_sure()
        self.send(frame)
        replies = self._receive(self._now() + _ANSWER_S)
        if len(replies) > 1:
            self._suspect = True
            raise RemoteProtocolError(
                "the gauge sent more lines than it was asked for", where=self._link.description, remedy=_REMEDY
            )
        return replies[0]

    def ask_newton(self, frame: bytes) -> float:
        """Ask for a reading in N.

        Raises:
            InstrumentFaultError: refused, overloaded, or in another unit.
            LinkError, RemoteProtocolError.
        """
        reply = self.ask(frame)
        if type(reply) is wire.Reading and reply.unit is Unit.N:
            return reply.value
        raise self.not_a_reading(reply)

    def ask_text(self, command: Command) -> str:
        """Ask for a text; empty when the gauge knows no such question (the smaller models).

        Raises:
            LinkError, RemoteProtocolError.
        """
        reply = self.ask(wire.encode(command))
        return reply.text if isinstance(reply, wire.Text | wire.Reading) else ""

    def settings(self) -> ListReply:
        """Ask for the settings.

        Raises:
            InstrumentFaultError: a command before this one was refused.
            LinkError, RemoteProtocolError.
        """
        reply = self.ask(_ASK_LIST)
        if isinstance(reply, ListReply):
            return reply
        self._suspect = True
        raise self.not_a_reading(reply)

    def not_a_reading(self, reply: wire.Reply) -> InstrumentFaultError | RemoteProtocolError:
        """What a reply means that should have been a reading in N."""
        if isinstance(reply, wire.Overload):
            return self.overloaded(reply.text)
        if isinstance(reply, wire.ErrorReply):
            return self.fault(f"the gauge refused a command: {reply.error.value}")
        if isinstance(reply, wire.Reading):
            return self.fault(
                f"the gauge shows another unit than N: '{reply.text}'",
                remedy="Leave the unit key alone, then repeat.",
            )
        return RemoteProtocolError(
            "the gauge sent no reading where one belongs", where=self._link.description, remedy=_REMEDY
        )

    def overloaded(self, text: str) -> InstrumentFaultError:
        """The gauge is loaded beyond its capacity."""
        return self.fault(
            f"the gauge is overloaded: '{text}'",
            remedy="Remove the load at once. Loaded beyond 150 % of its capacity a gauge needs a new calibration.",
        )

    def fault(
        self,
        what: str,
        *,
        did: str = "The reading was not used.",
        remedy: str = _REMEDY,
        kind: type[InstrumentFaultError] = InstrumentFaultError,
    ) -> InstrumentFaultError:
        """A fault of this gauge."""
        return kind(what, where=self._link.description, did=did, remedy=remedy)

    def _make_sure(self) -> None:
        """No old line may be taken for the answer to the next question."""
        if self._suspect or self._read_available():
            self.settle()

    def _receive(self, deadline_s: float) -> list[wire.Reply]:
        """At least one reply."""
        doubtful, self._suspect = self._suspect, True  # until it is here: also when an abort ends the wait
        try:
            while True:
                data = self._link.read(max(deadline_s - self._now(), 0.0))
                if not data:
                    raise LinkClosedError("the gauge's port is gone", where=self._link.description)
                replies = self._feed(data)
                if replies:
                    self._suspect = doubtful
                    return replies
        except LinkTimeoutError as silent:
            raise LinkTimeoutError(
                f"the gauge does not answer: {silent.what}",
                where=self._link.description,
                remedy="See that the gauge is on, shows its main screen (it is silent in menus) and listens to this "
                "port (menu 'Serial/USB Settings').",
            ) from silent
        except (LinkError, RemoteProtocolError) as error:
            self._explain(error)
            raise
