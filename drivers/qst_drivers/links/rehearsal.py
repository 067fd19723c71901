"""``fault+tcp://HOST:PORT?fault=silence&after_s=20``: any link, with one fault of the wire at a chosen moment.

For rehearsals, and for testing a driver over the link that it will really have. The rest of the address is the inner
link's, its options included. Only simulated devices take part: a visit refuses such a link in front of anything that
does not say that it is simulated.

==============  ====================================================================================================
option          meaning
==============  ====================================================================================================
``fault``       ``silence``, ``disconnect``; of replies ``garbage``, ``truncated``, ``duplicated``, ``delayed``,
                ``stale`` (the one before, once more); of requests ``lost_write``
``after_s``     so long (s) after the link was first opened; 0 is at once
``for_s``       so long (s), then the link is sound again; without it for good (``silence`` and ``disconnect``)
``count``       so many replies (1)
``delay_s``     how much later a ``delayed`` reply comes (1 s)
==============  ====================================================================================================
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

from qst.clock import Clock
from qst.instruments import Guard, Link
from qst_drivers.links.faulty import FaultyLink
from qst_drivers.links.urls import LinkUrl, one_of, whole_number, wrong

PREFIX: Final = "fault+"
_OPTIONS: Final = ("fault", "after_s", "for_s", "count", "delay_s")
_LASTING: Final = ("silence", "disconnect")
_SPOILT: Final = ("garbage", "truncated", "duplicated", "stale", "delayed")
_FAULTS: Final = (*_LASTING, *_SPOILT, "lost_write")
_DELAY_S: Final = 1.0

#: What becomes of a reply. Garbage keeps the length and has the top bit of every byte turned over.
_CHANGES: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "garbage": lambda data: bytes(byte ^ 0x80 for byte in data),
    "truncated": lambda data: data[: len(data) // 2],
    "duplicated": lambda data: data * 2,
}


class RehearsalLink:
    """A link with one fault to come.

    Args:
        url: ``fault+…``; see the module.
        make: makes the inner link of an address.
        clock: the visit's clock.

    Raises:
        StationFileError: an unknown fault, an option that it does not have, or a wrong inner link.
    """

    def __init__(self, url: LinkUrl, make: Callable[[str], Link], clock: Clock) -> None:
        self.description = url.text
        self._fault = one_of(url, "fault", "", _FAULTS)
        self._after_s = _seconds(url, "after_s", 0.0)
        self._for_s = _seconds(url, "for_s", math.inf)
        self._delay_s = _seconds(url, "delay_s", _DELAY_S)
        self._left = whole_number(url, "count") if "count" in url.options else 1
        _refuse_senseless(url, self._fault)
        self._link = FaultyLink(make(_inner(url)), clock)
        self._now = clock.monotonic
        self._opened_s: float | None = None
        self._over = False
        self._striking = False
        self._before = b""  # the reply before
        if self._fault not in (*_LASTING, "delayed", "lost_write"):
            self._link.change = self._changed

    @property
    def guard(self) -> Guard | None:
        """Of the inner link."""
        return self._link.guard

    def open(self) -> None:
        """As the inner link, unless it is disconnected now."""
        if self._opened_s is None:
            self._opened_s = self._now()
        self._come_up_to_now()
        self._link.open()

    def write(self, data: bytes) -> None:
        """As the inner link."""
        self._come_up_to_now()
        self._link.write(data)

    def read(self, timeout_s: float) -> bytes:
        """As the inner link."""
        self._come_up_to_now()
        return self._link.read(timeout_s)

    def read_available(self) -> bytes:
        """As the inner link."""
        self._come_up_to_now()
        return self._link.read_available()

    def close(self) -> None:
        """As the inner link."""
        self._link.close()

    def _come_up_to_now(self) -> None:
        """Let the fault strike, or be over, if it is time. A lasting one begins anew with every look."""
        if self._over or self._opened_s is None:
            return
        since_s = self._now() - self._opened_s - self._after_s
        if since_s < 0.0:
            return
        if self._fault not in _LASTING:
            self._over = True
            self._spoil()
        elif since_s < self._for_s:
            self._link.silent = self._fault == "silence"
            if self._fault == "disconnect":
                self._link.hang_up()
        else:
            self._over = True
            self._link.heal()

    def _spoil(self) -> None:
        if self._fault == "delayed":
            for _ in range(self._left):
                self._link.hold_back(self._delay_s)
        elif self._fault == "lost_write":
            self._link.lose_write()
        else:
            self._striking = True

    def _changed(self, data: bytes) -> bytes:
        before, self._before = self._before, data
        if not self._striking:
            return data
        self._left -= 1
        if not self._left:
            self._link.change = None
        return before if self._fault == "stale" else _CHANGES[self._fault](data)


def _inner(url: LinkUrl) -> str:
    """The address without ``fault+`` and what belongs to it, everything else as it was written."""
    head, _, query = url.text[len(PREFIX) :].partition("?")
    kept = [part for part in query.split("&") if part and part.partition("=")[0] not in _OPTIONS]
    return f"{head}?{'&'.join(kept)}" if kept else head


def _refuse_senseless(url: LinkUrl, fault: str) -> None:
    senseless = {"for_s": fault not in _LASTING, "count": fault not in _SPOILT, "delay_s": fault != "delayed"}
    for name, is_senseless in senseless.items():
        if is_senseless and name in url.options:
            raise wrong(url.text, f"'{name}' means nothing to '{fault}'", f"leave {name} out")


def _seconds(url: LinkUrl, name: str, default: float) -> float:
    text = url.options.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0.0):
        raise wrong(url.text, f"'{name}={text}' is no time in seconds", f"write it like {name}=2.5")
    return value
