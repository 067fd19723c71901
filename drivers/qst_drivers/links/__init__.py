"""Links: how bytes get to a device and back.

``open_link`` makes the link that a station file names. Each kind lives in its own module, which is imported only when a
station names it, so that a bench without VISA never loads PyVISA.
"""

from pathlib import Path

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import InputError, StationFileError
from qst.instruments import Link
from qst_drivers.links.capture import capture_links
from qst_drivers.links.urls import LinkUrl, parse_url, refuse_unknown, wrong

__all__ = ["capture_links", "open_link"]

#: As a person would write them, for messages.
_KNOWN = "serial://, serial+HANDLER://, tcp://, visa://, operator:, replay:// and fault+LINK"


def open_link(url: str, clock: Clock, abort: AbortSwitch) -> Link:
    """The link that ``url`` names: made and checked, not yet opened (``Link.open`` does that).

    Args:
        url: ``serial://PORT?baud=N``, ``serial+HANDLER://…``, ``tcp://HOST:PORT``, ``visa://RESOURCE``, ``operator:``
            or ``replay://FILE``; each of them behind ``fault+`` fails on purpose. ``sim://`` is not opened here: a
            simulator lives in the program that simulates.
        clock: the visit's clock; a real device needs one that runs by itself.
        abort: ends every wait.

    Raises:
        StationFileError: unknown scheme or option, or something missing; nothing was opened.
    """
    parsed = parse_url(url)
    scheme = parsed.scheme.partition("+")[0]
    if parsed.scheme.startswith("fault+"):
        from qst_drivers.links.rehearsal import RehearsalLink  # noqa: PLC0415 - only the kind that is named

        return RehearsalLink(parsed, lambda inner: open_link(inner, clock, abort), clock)
    if parsed.scheme == "operator":
        from qst_drivers.links.operator import OperatorLink  # noqa: PLC0415 - as above

        return OperatorLink(parsed)
    if parsed.scheme == "replay":
        return _replay(parsed, clock)
    if scheme in ("serial", "tcp", "visa") and clock.kind == "virtual":
        raise wrong(url, "a real device does not follow a virtual clock", "use real time, or a simulated station")
    if scheme == "serial":
        from qst_drivers.links.serial import SerialLink  # noqa: PLC0415 - as above

        return SerialLink(parsed, clock, abort)
    if parsed.scheme == "tcp":
        from qst_drivers.links.tcp import TcpLink  # noqa: PLC0415 - as above

        return TcpLink(parsed, clock, abort)
    if parsed.scheme == "visa":
        return _visa(parsed, clock, abort)
    if parsed.scheme == "sim":
        raise wrong(url, "a simulated device cannot be opened like a real one", "use sim:// for the whole station")
    raise wrong(url, f"'{parsed.scheme}' is no kind of link", f"kinds of link: {_KNOWN}")


def _visa(url: LinkUrl, clock: Clock, abort: AbortSwitch) -> Link:
    """A stream of bytes or messages: the resource's name says which."""
    from qst_drivers.links.visa import VisaLink  # noqa: PLC0415 - as above
    from qst_drivers.links.visa_messages import VisaMessageLink  # noqa: PLC0415 - as above
    from qst_drivers.links.visa_resource import carries  # noqa: PLC0415 - as above

    return VisaLink(url, clock, abort) if carries(url) == "bytes" else VisaMessageLink(url, clock, abort)


def _replay(url: LinkUrl, clock: Clock) -> Link:
    from qst_drivers.links.replay import ReplayLink  # noqa: PLC0415 - as above

    refuse_unknown(url)
    if not url.place:
        raise wrong(url.text, "it names no file", "write it like replay://captures/thermode.jsonl")
    try:
        return ReplayLink(Path(url.place), clock)
    except InputError as error:
        raise StationFileError(error.what, where=error.where, did="connected nothing", remedy=error.remedy) from error
