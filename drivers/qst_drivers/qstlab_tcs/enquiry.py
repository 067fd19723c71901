"""Is there a TCS? Asked by muting its display and asking for its help text; nothing is set, nothing aborted."""

import re
from typing import Final

from qst.clock import Clock
from qst.instruments import Enquiry, Identity, Link
from qst_drivers.qstlab_tcs.port import QUIET_S, TcsPort
from qst_drivers.wire.marks import rom_says_simulated
from qst_drivers.wire.tcs_replies import Header, decode_header

_OPEN_WAIT_S: Final = 0.2
#: A line of the display: five temperatures, each with its sign.
_LINE: Final = re.compile(rb"(?:[+\- ]\d\d\.\d){5}")


def identity_of(header: Header) -> Identity:
    """What the help text says."""
    return Identity(
        model="QST.Lab TCS II",
        serial=header.probe_id,
        firmware=header.firmware,
        detail=f"probe type {header.probe_type}; the serial number is the probe's",
        simulated=rom_says_simulated(header.probe_id),
    )


def identify(link: Link, clock: Clock) -> Identity:
    """``F``, because answers are mixed with the display otherwise, and ``H``; one character each 2 ms.

    Raises:
        LinkError: the port does not open, or nobody answers.
        RemoteProtocolError: somebody answers who is no TCS.
    """
    link.open()
    try:
        port = TcsPort(link, clock)
        clock.sleep(_OPEN_WAIT_S)
        for _ in range(2):
            port.send(b"F")
            port.drain(QUIET_S)
        return identity_of(port.decoded("H", decode_header))
    finally:
        link.close()


ENQUIRY: Final = Enquiry(
    identify=identify,
    sends="F (mute the temperature display), twice, and H (help text with firmware and probe)",
    serial_options="baud=115200",
    usb=("CH340",),  # some units, by labs' reports
    recognises=lambda data: _LINE.search(data) is not None,
)
