"""What session and guard tell each other: one JSON object a line."""

from enum import StrEnum
from typing import Final, Literal, TypeVar

import msgspec

from qst.errors import RemoteProtocolError
from qst.instruments import SafeScript

#: Shortest and longest silence of the session that a guard may be told to allow, s. A driver writes every 0.1 s; at
#: 2 s the fastest ramp of the suite's slow plates (1.67 °C/s) has gone on for 3 °C.
TIMEOUT_MIN_S, TIMEOUT_MAX_S = 0.2, 2.0
#: Longest line; a script is a few short commands.
_LINE_MAX: Final = 65_536

Channel = Literal["control", "data"]


class Reason(StrEnum):
    """Why a guard acted."""

    SILENT = "silent"  # armed, and nothing came from the session for the time-out
    SESSION_GONE = "session_gone"  # the session's process ended without closing the link
    LINK_LOST = "link_lost"  # armed, and the device's link failed
    CLOSED_ARMED = "closed_armed"  # the session closed the link while the device was away from its baseline
    DEFECT = "defect"  # the guard itself failed


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a guard is started with, on its standard input. ``reports`` names a file, or is empty."""

    guard: str
    url: str
    token: str
    reports: str


class Listening(msgspec.Struct, frozen=True):
    """The guard's only line on its standard output: where it waits for the session, on the loopback interface."""

    port: int


class Hello(msgspec.Struct, frozen=True):
    """First line on each connection: who has not got the token is not let in."""

    token: str
    channel: Channel


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a guard did.

    ``guard`` and ``n`` name the report; ``utc`` ISO 8601; ``silent_s`` how long nothing had come from the session;
    ``sent``: the whole script went to the device at least once; ``problem``: what stood in the way.
    """

    guard: str
    n: int
    utc: str
    link: str
    reason: Reason
    silent_s: float
    armed: bool
    sent: bool
    problem: str = ""

    @property
    def name(self) -> str:
        """By which it is known in logs."""
        return f"guard report {self.guard}-{self.n}"


class _ToGuard(msgspec.Struct, frozen=True, tag_field="do"):
    n: int


class Arm(_ToGuard, frozen=True, tag="arm"):
    """Act when nothing comes for ``timeout_s``. Answered by Done."""

    script: SafeScript
    timeout_s: float


class Disarm(_ToGuard, frozen=True, tag="disarm"):
    """Silence is allowed. Answered by Done."""


class Ping(_ToGuard, frozen=True, tag="ping"):
    """Answered by Done."""


class Acknowledge(_ToGuard, frozen=True, tag="acknowledge"):
    """The session knows that the guard has acted: its bytes may pass again. Not answered."""


class Close(_ToGuard, frozen=True, tag="close"):
    """Close the device's link and end. Not answered."""


ToGuard = Arm | Disarm | Ping | Acknowledge | Close


class _FromGuard(msgspec.Struct, frozen=True, tag_field="is"):
    """One line of the guard."""


class Opened(_FromGuard, frozen=True, tag="opened"):
    """The device's link is open."""


class NotOpened(_FromGuard, frozen=True, tag="not_opened"):
    """It is not; the guard ends."""

    what: str
    remedy: str = ""


class Done(_FromGuard, frozen=True, tag="done"):
    """Message ``n`` has been carried out."""

    n: int


class Acted(_FromGuard, frozen=True, tag="acted"):
    """The guard has acted; the session's bytes do not pass until it acknowledges."""

    report: Report


class Lost(_FromGuard, frozen=True, tag="lost"):
    """The device's link has failed."""

    what: str
    remedy: str = ""


FromGuard = Opened | NotOpened | Done | Acted | Lost

Message = TypeVar("Message")


class Lines(msgspec.Struct):
    """Bytes in, whole lines out."""

    rest: bytes = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now. Raises RemoteProtocolError for a line that does not end."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        if len(self.rest) > _LINE_MAX:
            self.rest = b""
            raise RemoteProtocolError("a line between session and guard does not end")
        return lines


def line(message: msgspec.Struct) -> bytes:
    """One message as it goes over."""
    return msgspec.json.encode(message) + b"\n"
