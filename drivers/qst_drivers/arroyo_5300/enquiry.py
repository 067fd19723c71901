"""Is there an Arroyo controller? Asked by ``*IDN?`` alone."""

from typing import Final

from qst.clock import Clock
from qst.instruments import Enquiry, Identity, Link
from qst_drivers.arroyo_5300.talk import RESYNC_S, ArroyoTalk
from qst_drivers.wire.marks import serial_says_simulated


def identify(link: Link, clock: Clock) -> Identity:
    """End whatever half a line is in its buffer, and ask.

    Raises:
        LinkError: the port does not open, or nobody answers.
        RemoteProtocolError: somebody answers who is no Arroyo.
    """
    link.open()
    try:
        talk = ArroyoTalk(link, clock, RESYNC_S)
        talk.send(b"\r\n")
        answer = talk.resynchronise()
    finally:
        link.close()
    return Identity(
        model=f"{answer.maker} {answer.model}",
        serial=answer.serial,
        firmware=answer.firmware,
        simulated=serial_says_simulated(answer.serial),
    )


ENQUIRY: Final = Enquiry(
    identify=identify,
    sends="an empty line and *IDN?, each ended by CR LF",
    serial_options="baud=38400",
    usb=("0403:",),  # FTDI's
)
