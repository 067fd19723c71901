"""What is plugged into this computer, and, where a person says so, who is at a port.

To list ports sends nothing. What a port may be is told by how its USB adapter describes itself, which is a hint and no
more. Two things go further, each only at ports that a person has named or that look right, and only after consent: to
listen for a moment to what comes by itself, and to ask by the harmless question of one named driver
(docs/decisions/0012-who-is-at-a-port.md).
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import InputError, InstrumentError, LinkError, LinkTimeoutError, WireError
from qst.instruments import Enquiry, Identity
from qst.protocol.problems import did_you_mean
from qst.station import driver_class, driver_names
from qst_drivers.links import open_link

#: Longest line of what was heard, in characters.
_SHOWN = 60
#: How long a wait for the next byte is, while listening, s.
_LOOK_S = 0.1


class SerialPort(msgspec.Struct, frozen=True, kw_only=True):
    """A serial port as the system describes it; ``usb`` is vendor:product in hexadecimal, empty for no USB device.

    ``hints``: drivers whose instruments have adapters that describe themselves so.
    """

    device: str
    description: str = ""
    manufacturer: str = ""
    serial_number: str = ""
    usb: str = ""
    hints: tuple[str, ...] = ()


class VisaResources(msgspec.Struct, frozen=True, kw_only=True):
    """What VISA lists, by which library; ``problem`` says why nothing could be listed."""

    library: str = ""
    resources: tuple[str, ...] = ()
    problem: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at a link: an identity, or what came instead."""

    link: str
    identity: Identity | None = None
    code: str = ""
    problem: str = ""


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What came over a link by itself: how many bytes, their beginning as text, drivers that would know them."""

    link: str
    n_bytes: int = 0
    text: str = ""
    recognised_by: tuple[str, ...] = ()
    code: str = ""
    problem: str = ""


def enquiries() -> Mapping[str, Enquiry]:
    """Driver -> how it asks who is there, for the installed drivers that can."""
    found = {name: getattr(driver_class(name), "ENQUIRY", None) for name in driver_names()}
    return {name: enquiry for name, enquiry in found.items() if isinstance(enquiry, Enquiry)}


def enquiry_of(driver: str) -> Enquiry:
    """How this driver asks who is there. Raises InputError when there is no such driver, or it has no way to ask."""
    known = enquiries()
    if driver in known:
        return known[driver]
    if driver in driver_names():
        raise InputError(
            f"the driver '{driver}' has no harmless question",
            remedy=f"name it in a station file and use 'qst probe'; drivers that can ask: {', '.join(known)}",
        )
    raise InputError(f"no driver is called '{driver}'", remedy=did_you_mean(driver, tuple(known), always="drivers"))


def serial_ports() -> list[SerialPort]:
    """The serial ports of this computer, in order of their names. Sends nothing."""
    from serial.tools import list_ports  # noqa: PLC0415 - only who lists ports needs pyserial

    known = enquiries()
    return sorted((_described(port, known) for port in list_ports.comports()), key=lambda port: port.device)


def _described(port: Any, known: Mapping[str, Enquiry]) -> SerialPort:  # noqa: ANN401 - pyserial's class differs
    usb = "" if port.vid is None else f"{port.vid:04x}:{port.pid:04x}"
    description = port.description or ""
    return SerialPort(
        device=port.device,
        description=description,
        manufacturer=port.manufacturer or "",
        serial_number=port.serial_number or "",
        usb=usb,
        hints=tuple(name for name, enquiry in known.items() if _looks_like(enquiry, usb, description)),
    )


def _looks_like(enquiry: Enquiry, usb: str, description: str) -> bool:
    return any(
        usb.startswith(mark.lower()) if ":" in mark else mark.upper() in description.upper() for mark in enquiry.usb
    )


def visa_resources() -> VisaResources:
    """What an installed VISA library lists, or pyvisa-py where there is none. VISA itself may ask the network."""
    import pyvisa  # noqa: PLC0415 - only who lists resources needs PyVISA

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyvisa-py says what it could list if more packages were installed
        try:
            manager = pyvisa.ResourceManager()
            library = str(manager.visalib)
            return VisaResources(library=library, resources=tuple(sorted(manager.list_resources("?*"))))
        except Exception as failed:  # noqa: BLE001 - backends raise anything; the serial ports are listed all the same
            return VisaResources(problem=f"VISA lists nothing: {failed}")


def links_to_ask(driver: str, named: Sequence[str], ports: Sequence[SerialPort]) -> tuple[str, ...]:
    """Where a driver's question is to be sent: to what a person named, else to ports that look like its instruments.

    Args:
        driver: whose question.
        named: ports of this computer, or whole links.
        ports: what is there.

    Raises:
        InputError: nothing is named, and nothing looks like it; or a port is named for an instrument without one.
    """
    enquiry = enquiry_of(driver)
    wanted = tuple(named) or tuple(port.device for port in ports if driver in port.hints)
    if not wanted:
        raise InputError(
            f"no port here looks like one of '{driver}'",
            did="sent nothing",
            remedy="name the port: --port COM3, or a whole link such as --port tcp://192.168.0.2:20121",
        )
    return tuple(_link(each, driver, enquiry) for each in wanted)


def _link(place: str, driver: str, enquiry: Enquiry) -> str:
    if "://" in place:
        return place
    if not enquiry.serial_options:
        raise InputError(
            f"'{driver}' is not reached over a serial port",
            where=place,
            did="sent nothing",
            remedy="name a whole link, such as --port tcp://192.168.0.2:20121",
        )
    return f"serial://{place}?{enquiry.serial_options}"


def ask(driver: str, link: str, clock: Clock, abort: AbortSwitch) -> Answer:
    """Send one driver's harmless question over one link. Raises StationFileError for a wrong link, and Aborted."""
    try:
        return Answer(link=link, identity=enquiry_of(driver).identify(open_link(link, clock, abort), clock))
    except (LinkError, WireError, InstrumentError) as error:
        return Answer(link=link, code=error.code, problem=str(error))


def listen(link: str, seconds: float, clock: Clock, abort: AbortSwitch) -> Heard:
    """Send nothing, and take what comes for ``seconds``. Raises StationFileError for a wrong link, and Aborted.

    To open a serial port may reset what is behind it, where its control lines are wired so.
    """
    opened = open_link(link, clock, abort)
    data = b""
    try:
        opened.open()
        until_s = clock.monotonic() + seconds
        while clock.monotonic() < until_s:
            try:
                more = opened.read(_LOOK_S)
            except LinkTimeoutError:
                continue
            if not more:
                break
            data += more
    except LinkError as error:
        return Heard(link=link, code=error.code, problem=str(error))
    finally:
        opened.close()
    return Heard(link=link, n_bytes=len(data), text=_readable(data), recognised_by=_recognised(data))


def _recognised(data: bytes) -> tuple[str, ...]:
    return tuple(
        name for name, enquiry in enquiries().items() if enquiry.recognises is not None and enquiry.recognises(data)
    )


def _readable(data: bytes) -> str:
    """The beginning as text; what is no printable ASCII is shown as the number of its byte."""
    text = data[:_SHOWN].decode("ascii", "backslashreplace")
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)[:_SHOWN]
