"""Is there a Mark-10 gauge? Asked without any command that would set something, here or in another instrument.

``RM``, ``RS`` and ``RV`` alone: ``LIST`` begins with the letter that starts a stimulus in a TCS, and ``AOUT0`` with the
one that sends its plate to its baseline.
"""

import re
from collections.abc import Callable
from typing import Final

from qst.clock import Clock
from qst.errors import LinkClosedError, LinkTimeoutError, RemoteProtocolError
from qst.instruments import Enquiry, Identity, Link
from qst_drivers.wire import mark10 as wire
from qst_drivers.wire.mark10 import Command
from qst_drivers.wire.marks import serial_says_simulated

_LISTEN_S: Final = 0.1  # a stream has a line each 20 ms at its slowest but one
_ANSWER_S: Final = 0.5
_LINE: Final = re.compile(rb"(?:^|\n)-?[0-9]{1,4}\.[0-9]{1,4} (?:lbF|ozF|kgF|gF|N|mN|kN)\r\n")


def identify(link: Link, clock: Clock) -> Identity:
    """Ask for model, serial number and firmware; lines of a stream are left aside.

    Raises:
        LinkError: the port does not open, or nobody answers.
        RemoteProtocolError: somebody answers who is no Mark-10 gauge.
    """
    link.open()
    try:
        streams = _streams(link)
        model, serial, firmware = (_ask(link, clock.monotonic, name, streams=streams) for name in ("RM", "RS", "RV"))
    finally:
        link.close()
    return Identity(
        model=model or "a gauge that knows no question for its model",
        serial=serial,
        firmware=firmware,
        detail="it sends readings by itself" if streams else "",
        simulated=serial_says_simulated(serial),
    )


def _streams(link: Link) -> bool:
    try:
        return bool(link.read(_LISTEN_S))
    except LinkTimeoutError:
        return False


def _ask(link: Link, now: Callable[[], float], name: str, *, streams: bool) -> str:
    """One question; the first line that may be its answer. Empty: the gauge refuses the question."""
    decoder = wire.ReplyDecoder()
    link.write(wire.encode(Command(name)))
    deadline_s = now() + _ANSWER_S
    while True:
        data = link.read(max(deadline_s - now(), 0.0))
        if not data:
            raise LinkClosedError("the port is gone", where=link.description)
        for reply in decoder.feed(data):
            if isinstance(reply, wire.ErrorReply):
                return ""
            if isinstance(reply, wire.Text) or (isinstance(reply, wire.Reading) and not streams):
                if reply.text.strip() == name:
                    raise RemoteProtocolError("what is there only echoes", where=link.description)
                return reply.text.strip()
        if now() >= deadline_s:
            raise LinkTimeoutError(f"no answer to {name} within {_ANSWER_S:g} s", where=link.description)


ENQUIRY: Final = Enquiry(
    identify=identify,
    sends="RM, RS, RV (model, serial number, firmware), each ended by CR LF",
    serial_options="baud=115200",
    usb=("0483:a1ad",),  # unverified: from Opentrons' driver, whose own comment doubts it
    recognises=lambda data: _LINE.search(data) is not None,
)
