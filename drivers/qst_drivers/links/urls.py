"""Where a link leads, as a station file writes it: ``scheme:place?option=value&option=value``.

Everything that is wrong with such a text is said before anything is opened: unknown schemes and options, options given
twice or empty, numbers that are none.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from qst.errors import StationFileError


class LinkUrl(NamedTuple):
    """A link's address, taken apart.

    ``scheme`` is in lower case; ``place`` is everything between it and the options, exactly as written (ports and
    files may distinguish upper and lower case); ``text`` is the whole.
    """

    scheme: str
    place: str
    options: Mapping[str, str]
    text: str


def parse_url(text: str) -> LinkUrl:
    """Take an address apart.

    Raises:
        StationFileError: no scheme, or an option that is empty, given twice or has no value.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or not scheme:
        raise wrong(text, "it has no scheme", "write it like serial://COM3?baud=115200 or tcp://192.168.0.2:20121")
    place, _, query = rest.removeprefix("//").partition("?")
    return LinkUrl(scheme.lower(), place, _options(query, text), text)


def _options(query: str, text: str) -> dict[str, str]:
    if not query:
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise wrong(text, "its options are not readable", "write options like ?baud=115200&parity=none") from error
    options: dict[str, str] = {}
    for name, value in pairs:
        if name in options:
            raise wrong(text, f"'{name}' is given twice", "give each option once")
        if not value:
            raise wrong(text, f"'{name}' has no value", f"write {name}=VALUE, or leave it out")
        options[name] = value
    return options


def wrong(text: str, what: str, remedy: str) -> StationFileError:
    """The error about an address."""
    return StationFileError(f"the link '{text}' cannot be used: {what}", did="connected nothing", remedy=remedy)


def refuse_unknown(url: LinkUrl, *known: str) -> None:
    """Refuse every option that is not known. Raises StationFileError."""
    for name in url.options:
        if name not in known:
            listed = ", ".join(known) if known else "none"
            raise wrong(url.text, f"'{name}' is no option of {url.scheme}", f"known options: {listed}")


def whole_number(url: LinkUrl, name: str) -> int:
    """An option that is a positive whole number. Raises StationFileError."""
    text = url.options[name]
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise wrong(url.text, f"'{name}={text}' is no positive whole number", f"write it like {name}=115200")
    return int(text)


def one_of(url: LinkUrl, name: str, default: str, allowed: tuple[str, ...]) -> str:
    """An option with few possible values. Raises StationFileError."""
    value = url.options.get(name, default).lower()
    if value not in allowed:
        raise wrong(url.text, f"'{value}' is no {name}", f"write one of: {', '.join(allowed)}")
    return value
