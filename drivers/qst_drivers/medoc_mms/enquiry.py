"""Does Medoc Main Station listen at this address? Asked by GET_STATUS, which it answers in every state."""

from typing import Final

from qst.clock import Clock
from qst.instruments import Enquiry, Identity, Link
from qst_drivers.medoc_mms.exchange import Exchange
from qst_drivers.medoc_mms.verdicts import state_text
from qst_drivers.wire.marks import message_says_simulated

_TIMEOUT_S: Final = 0.5


def identify(link: Link, clock: Clock) -> Identity:
    """One status. MMS tells neither model nor version.

    Raises:
        LinkError: nobody answers.
        RemoteProtocolError: somebody answers who is no MMS.
    """
    exchange = Exchange(link, clock, status_timeout_s=_TIMEOUT_S, reply_timeout_s=_TIMEOUT_S)
    try:
        reply = exchange.status()
    finally:
        exchange.close()
    return Identity(
        model="Medoc Main Station", detail=state_text(reply), simulated=message_says_simulated(reply.message)
    )


ENQUIRY: Final = Enquiry(identify=identify, sends="GET_STATUS, as one TCP request")
