"""How a simulated device says on its wire that it is one, where its protocol has a word for who it is.

A driver cannot know what is at the other end of a socket or a port; so the simulators say it, in fields that the
devices' protocols have, and drivers look. Serial number (Mark-10, Arroyo): begins with ``SIM-``. Probe identity of the
TCS (a 1-wire ROM of eight bytes): the bytes of the ASCII text ``SIMULATE``, whose last byte is not the checksum that a
genuine ROM ends with. MMS tells no identity at all: its replies to GET_STATUS carry the text ``SIMULATED`` as message.
"""

from typing import Final

SERIAL_MARK: Final = "SIM-"
#: Hexadecimal, as ``H`` prints it.
ROM_MARK: Final = "53 49 4D 55 4C 41 54 45"
#: Behind a reply's body. The blank is the TTL field of what an older generation's body is taken for.
MESSAGE_MARK: Final = b" SIMULATED"

_MESSAGE_WORD: Final = b"SIMULATED"


def serial_says_simulated(serial: str) -> bool | None:
    """Whether a serial number is a simulated device's; None when there is none."""
    return serial.upper().startswith(SERIAL_MARK) if serial.strip() else None


def rom_says_simulated(rom: str) -> bool | None:
    """Whether a probe identity is a simulated device's; None when there is none."""
    return rom.strip().upper() == ROM_MARK if rom.strip() else None


def message_says_simulated(message: bytes) -> bool | None:
    """Whether a status reply's message is a simulated device's; None: real devices send nothing that says so."""
    return True if message.strip(b" \0") == _MESSAGE_WORD else None
