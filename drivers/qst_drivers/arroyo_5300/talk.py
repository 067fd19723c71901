"""Questions and answers on the line to the controller, and never an answer to another question.

Nothing on this line names what it answers, but answers come in the order of their questions. So after any doubt (a
deadline passed, a byte nobody asked for, a wait that was broken off) everything is thrown away until the answer to
``*IDN?``, which looks like no other. It may be late itself: while one is owed no other one is asked for, so that the
last one to come is the answer to the last question.
"""

import contextlib
from collections.abc import Callable
from typing import Final, TypeVar

from qst.clock import Clock
from qst.errors import (
    InstrumentFaultError,
    LinkClosedError,
    LinkError,
    LinkTimeoutError,
    RemoteProtocolError,
)
from qst.instruments import Link
from qst_drivers.wire.arroyo import (
    ERROR_TEXTS,
    Command,
    Identification,
    LineDecoder,
    Query,
    decode_errors,
    decode_identity,
    decode_integer,
    decode_number,
    encode,
)

#: What was under way when the host looked away has come after so long.
QUIET_S: Final = 0.1
#: The longest wait for the answer that brings the line back in step.
RESYNC_S: Final = 1.0
#: An answer to ``*IDN?`` that is owed for longer than this never comes.
LOST_S: Final = 4.0
_LINES_MAX: Final = 64
_REMEDY: Final = "check the cable; if the plate does not return to its start, lift it off the skin"
_GONE: Final = (
    "lift the thermode off the skin now: the controller goes on to its set-point and stays there; then check the cable"
)
_DID: Final = "the line counts as out of step and is brought back in step before the next question"

_TEMPERATURE: Final = encode(Query("TEC:T"))
_CONDITION: Final = encode(Query("TEC:COND"))
_ERRORS: Final = encode(Query("ERR"))
_IDENTITY: Final = encode(Query("*IDN"))

_T = TypeVar("_T")
_E = TypeVar("_E", LinkError, RemoteProtocolError)


class ArroyoTalk:
    """The line to one controller.

    Args:
        link: an open link.
        clock: the visit's clock.
        timeout_s: for one answer.
    """

    def __init__(self, link: Link, clock: Clock, timeout_s: float) -> None:
        self._link = link
        self._clock = clock
        self._now: Callable[[], float] = clock.monotonic
        self._timeout_s = timeout_s
        self._decoder = LineDecoder()
        self._name_asked_s: float | None = None  # when a name was asked for that has not come
        self.in_doubt = True
        self.identified = False  #: an Arroyo has told its name: it may be told to go home
        self.asked_s = 0.0  #: when the last question was written
        self.answered_s = 0.0  #: when its answer was read

    @property
    def where(self) -> str:
        """The link, for messages."""
        return self._link.description

    def send(self, frame: bytes) -> None:
        """Write a line, whatever state the conversation is in. Nothing answers it."""
        try:
            self._link.write(frame)
        except LinkError as gone:
            raise self._explained(gone) from gone.__cause__

    def _explained(self, error: _E) -> _E:
        """Links and codecs do not know what they belong to; who reads the message must."""
        remedy = _GONE if isinstance(error, LinkClosedError) else _REMEDY
        error.where, error.remedy = error.where or self.where, error.remedy or remedy
        return error

    def order(self, *commands: Command) -> None:
        """Write commands as one line, and see what the error queue says about them.

        Raises:
            InstrumentFaultError: it says something.
            LinkError, RemoteProtocolError: it cannot be read.
        """
        self.send(encode(*commands))
        self.refuse_errors(" and ".join([command.text() for command in commands]))

    def refuse_errors(self, after: str) -> None:
        """Raise InstrumentFaultError when the error queue is not empty."""
        errors = self.errors()
        if errors:
            raise InstrumentFaultError(
                f"the controller reports {describe_errors(errors)} after {after}",
                where=self.where,
                remedy="see the controller's display; prepare again",
            )

    def errors(self) -> tuple[int, ...]:
        """The error queue, which is empty then."""
        return self._ask(_ERRORS, decode_errors)

    def temperature_c(self) -> float:
        """The measured temperature."""
        return self._ask(_TEMPERATURE, decode_number)

    def condition(self) -> int:
        """The condition bits."""
        return self._ask(_CONDITION, decode_integer)

    def number(self, name: str) -> float:
        """The answer to a query that is a number."""
        return self._ask(encode(Query(name)), decode_number)

    def integer(self, name: str) -> int:
        """The answer to a query that is a whole number, such as a mask."""
        return self._ask(encode(Query(name)), decode_integer)

    def text(self, name: str) -> str:
        """The answer to a query, as it is."""
        return self._ask(encode(Query(name)), str)

    def _ask(self, frame: bytes, decode: Callable[[str], _T]) -> _T:
        """One question, one line.

        Raises:
            LinkTimeoutError: no answer, or half of one.
            LinkClosedError: the other side is gone.
            RemoteProtocolError: an answer of the wrong shape, or more than one.
        """
        link = self._link
        if self.in_doubt or self._something_came():
            self.resynchronise()
        self.in_doubt = True  # until the answer is whole: also when an abort ends the wait
        self.asked_s = self._now()
        self.send(frame)
        try:
            lines = self._feed(link.read(self._timeout_s))
            if len(lines) != 1 or self._decoder.pending:
                self._read_rest(lines)
            answer = decode(lines[0])
        except LinkTimeoutError as late:
            raise LinkTimeoutError(
                f"no answer to {_shown(frame)} within {self._timeout_s:g} s",
                where=self.where,
                did=_DID,
                remedy=_REMEDY,
            ) from late
        except RemoteProtocolError as wrong:
            raise RemoteProtocolError(
                f"{_shown(frame)}: {wrong.what}", where=self.where, did=_DID, remedy=_REMEDY
            ) from wrong
        self.answered_s = self._now()
        self.in_doubt = False
        return answer

    def _something_came(self) -> bool:
        try:
            data = self._link.read_available()
        except LinkError as gone:
            raise self._explained(gone) from gone.__cause__
        self._throw_away(data)
        return bool(data)

    def _feed(self, data: bytes) -> list[str]:
        """Whole lines; a name among them is the one that is owed."""
        lines = self._decoder.feed(data)
        if self._name_asked_s is not None and any(map(_is_name, lines)):
            self._name_asked_s = None
        return lines

    def _throw_away(self, data: bytes) -> None:
        """Nobody needs these bytes; that they hold the name that is owed is worth knowing."""
        with contextlib.suppress(RemoteProtocolError):
            self._feed(data)

    def _read_rest(self, lines: list[str]) -> None:
        """An answer that comes in pieces. Two answers to one question are none."""
        deadline_s = self.asked_s + self._timeout_s
        while not lines:
            lines += self._feed(self._read(max(deadline_s - self._now(), 0.0)))
        if len(lines) > 1 or self._decoder.pending:
            raise RemoteProtocolError(f"more than one answer came: {lines[:3]}")

    def _read(self, timeout_s: float) -> bytes:
        data = self._link.read(timeout_s)
        if not data:
            raise LinkClosedError("the controller is gone", where=self.where, remedy=_GONE)
        return data

    def resynchronise(self) -> Identification:
        """Throw away what comes until the answer to a question of our own.

        Raises:
            LinkTimeoutError: the device stays silent; the line stays in doubt.
            LinkClosedError: the other side is gone.
            RemoteProtocolError: it does not stop sending, or it is no Arroyo.
        """
        self.in_doubt = True
        self.drain()
        if self._name_asked_s is None or self._now() - self._name_asked_s > LOST_S:
            self.send(_IDENTITY)
            self._name_asked_s = self._now()
        deadline_s = self._now() + RESYNC_S
        refused: RemoteProtocolError | None = None
        for _ in range(_LINES_MAX):
            try:
                data = self._read(max(deadline_s - self._now(), 0.0))
            except LinkTimeoutError:
                raise refused or LinkTimeoutError(
                    f"no answer to *IDN? within {RESYNC_S:g} s", where=self.where, remedy=_REMEDY
                ) from None
            identity, refused = self._find_identity(data, refused)
            if identity is not None and not self._decoder.pending:
                self.in_doubt, self.identified = False, True
                return identity
        raise RemoteProtocolError("the controller does not stop sending", where=self.where, remedy=_REMEDY)

    def _find_identity(
        self, data: bytes, refused: RemoteProtocolError | None
    ) -> tuple[Identification | None, RemoteProtocolError | None]:
        """The last line, if it is the answer; a line that is none may be an old one, or another device's name."""
        try:
            lines = self._feed(data)
        except RemoteProtocolError as garbage:
            return None, self._explained(garbage)
        identity = None
        for line in lines:
            try:
                identity = decode_identity(line)
            except RemoteProtocolError as wrong:
                identity, refused = None, self._explained(wrong)
        return identity, refused

    def drain(self) -> None:
        """Take what comes until nothing has come for a while.

        Raises:
            RemoteProtocolError: it does not stop.
            LinkClosedError: the other side is gone.
        """
        for _ in range(_LINES_MAX):
            try:
                self._throw_away(self._read(QUIET_S))
            except LinkTimeoutError:
                self._decoder.clear()
                return
        raise RemoteProtocolError("the controller does not stop sending", where=self.where, remedy=_REMEDY)


def _is_name(line: str) -> bool:
    try:
        decode_identity(line)
    except RemoteProtocolError:
        return False
    return True


def _shown(frame: bytes) -> str:
    return frame.decode("ascii").strip()


def describe_errors(errors: tuple[int, ...]) -> str:
    """Error codes for a person: ``E-407 (temperature limit, output off)``."""
    return ", ".join(f"E-{code:03d} ({ERROR_TEXTS.get(code, 'see the manual')})" for code in errors)
