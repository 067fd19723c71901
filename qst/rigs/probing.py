"""Whether a station's instruments are there and well: connected, asked, closed. Nobody is stimulated.

The result is data, for a table in a terminal as for lights on a page.
"""

import statistics
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import InstrumentError, LinkError, QstError, RefusedError, StationFileError, WireError
from qst.instruments import (
    Capabilities,
    ConnectedButton,
    Health,
    Identity,
    Instrument,
    Link,
    Reading,
    Sample,
    TellsHealth,
)
from qst.rigs.simulated import simulated_bench
from qst.station import InstrumentSpec, LoadedStation, Station
from qst.visit.session import build_instruments, refuse_masquerade
from qst_drivers.links import open_link
from qst_drivers.links.sim import SimLink
from qst_drivers.links.timing import TimingLink
from qst_drivers.serial_line_button import serial_line_button
from qst_simulators.profile import load_profile

#: What became of an instrument: ready, ready with something to see to, not to be used.
Status = Literal["ok", "warn", "fail"]

#: So many looks at an instrument, so far apart (s), give its round trip.
_POLLS: Final = 20
_POLL_S: Final = 0.02
#: A battery below this may not last a visit.
_LOW_PERCENT: Final = 40
_FAILURES: Final = (LinkError, WireError, InstrumentError)


class Concern(msgspec.Struct, frozen=True, kw_only=True):
    """Something to see to: what, what was done about it, what to do. ``fails``: the instrument cannot be used so."""

    what: str
    code: str = ""
    did: str = ""
    remedy: str = ""
    fails: bool = False


class ProbeRow(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one instrument, or of the participant's button.

    Text that is empty, and None, mean: not told, or nobody was there to tell. ``range`` and ``reading`` (at rest, of
    instruments that are polled) are in the instrument's unit; ``round_trip_ms`` and ``round_trip_worst_ms`` are median
    and longest time from a question to the first byte of its answer, over ``round_trips`` of them; ``button``: ``up``,
    ``pressed``, or ``none`` when the instrument has none that it tells of; ``battery`` as the device tells it;
    ``clock_offset_s``: the device's clock minus this computer's; ``self_test``: what was asked and found sound;
    ``simulated``: whether the instrument says that it is (see :class:`qst.instruments.Identity`).
    """

    role: str
    driver: str
    link: str
    status: Status
    model: str = ""
    serial: str = ""
    firmware: str = ""
    detail: str = ""
    simulated: bool | None = None
    range: str = ""
    reading: float | None = None
    round_trip_ms: float | None = None
    round_trip_worst_ms: float | None = None
    round_trips: int = 0
    button: str = "none"
    battery: str = ""
    battery_percent: int | None = None
    clock_offset_s: float | None = None
    self_test: tuple[str, ...] = ()
    concerns: tuple[Concern, ...] = ()


_HELD: Final = Concern(
    what="the participant's button reads as pressed although nobody should touch it",
    remedy="let go of it; if it stays, check its plug and whether it sticks",
    fails=True,
)


def worst(rows: tuple[ProbeRow, ...]) -> Status:
    """What is to be said of the station as a whole."""
    order: tuple[Status, ...] = ("ok", "warn", "fail")
    return max((row.status for row in rows), key=order.index, default="ok")


def probe(station: LoadedStation, clock: Clock, abort: AbortSwitch, *, press_s: float = 0.0) -> tuple[ProbeRow, ...]:
    """Connect, ask and close each instrument in turn, and a participant's button with a link of its own.

    Args:
        station: whose instruments.
        clock: runs by itself, unless all of the station's devices are simulated in this process.
        abort: ends every wait.
        press_s: how long, s, somebody is given to press that button; nobody has to.

    Raises:
        StationFileError: a link or a driver's settings are wrong; nothing was connected.
        Aborted: the instruments are closed.
    """
    make = _link_maker(station, clock, abort)
    links: dict[str, TimingLink] = {}

    def timed(role: str, spec: InstrumentSpec) -> Link:
        links[role] = TimingLink(make(role, spec), clock)
        return links[role]

    instruments = build_instruments(station, timed, clock)
    specs = station.station.roles()
    rows = [
        probe_instrument(station.station, role, specs[role], instrument, links[role], clock, abort)
        for role, instrument in instruments.items()
    ]
    if station.station.response_button.kind == "serial-line":
        rows.append(probe_button(serial_line_button(station.station.response_button, clock, abort), clock, press_s))
    return tuple(rows)


def _link_maker(station: LoadedStation, clock: Clock, abort: AbortSwitch) -> Callable[[str, InstrumentSpec], Link]:
    if station.station.in_process:
        bench = simulated_bench(station, clock, seed=0, profile=load_profile("healthy"))
        return lambda role, spec: SimLink(bench.device(role), clock, spec.link)

    def real(role: str, spec: InstrumentSpec) -> Link:
        try:
            return open_link(spec.link, clock, abort)
        except StationFileError as error:
            where = error.where or f"{station.source}: instruments.{role}.link"
            raise StationFileError(error.what, where=where, did=error.did, remedy=error.remedy) from error

    return real


def probe_button(button: ConnectedButton, clock: Clock, press_s: float) -> ProbeRow:
    """Whether the participant's own button can be read and is up, and how often it was pressed within ``press_s``."""
    concerns: list[Concern] = []
    presses, state = 0, "none"
    try:
        button.connect()
        if button.pressed():
            concerns.append(_HELD)
        until_s = clock.monotonic() + press_s
        while clock.monotonic() < until_s:
            clock.sleep(_POLL_S)
            presses += sum(edge.pressed for edge in button.edges())
        state = "pressed" if button.pressed() else "up"
    except _FAILURES as error:
        concerns.append(_failure(error))
    finally:
        button.close()
    return ProbeRow(
        role="button",
        driver="serial-line",
        link=button.description,
        status=_status(concerns),
        detail="" if not press_s else f"pressed {presses} times" if presses else "nobody pressed it",
        button=state,
        concerns=tuple(concerns),
    )


def probe_instrument(
    station: Station,
    role: str,
    spec: InstrumentSpec,
    instrument: Instrument,
    link: TimingLink,
    clock: Clock,
    abort: AbortSwitch,
) -> ProbeRow:
    """Connect, ask and close one instrument over its timed link. Raises Aborted; the instrument is closed."""
    found: dict[str, Any] = {"range": _range(instrument.capabilities)}
    concerns: list[Concern] = []
    try:
        identity = instrument.connect()
        found |= _identified(identity)
        concerns += _masquerade(station, spec, identity)
        found |= _health(instrument, concerns)
        found |= _looked_at(instrument, clock, concerns)
    except _FAILURES as error:
        concerns.append(_failure(error))
    finally:
        with abort.shielded():
            instrument.close()
    found |= _timed(link, instrument.capabilities, concerns)
    return ProbeRow(
        role=role, driver=spec.driver, link=spec.link, status=_status(concerns), concerns=tuple(concerns), **found
    )


def _status(concerns: list[Concern]) -> Status:
    if not concerns:
        return "ok"
    return "fail" if any(concern.fails for concern in concerns) else "warn"


def _failure(error: QstError) -> Concern:
    return Concern(code=error.code, what=str(error), did=error.did, remedy=error.remedy, fails=True)


def _masquerade(station: Station, spec: InstrumentSpec, identity: Identity) -> list[Concern]:
    """A visit would be refused; everything else about the instrument is worth knowing all the same."""
    try:
        refuse_masquerade(station, spec, identity)
    except RefusedError as refused:
        return [_failure(refused)]
    return []


def _identified(identity: Identity) -> Mapping[str, Any]:
    return {
        "model": identity.model,
        "serial": identity.serial,
        "firmware": identity.firmware,
        "detail": identity.detail,
        "simulated": identity.simulated,
    }


def _health(instrument: Instrument, concerns: list[Concern]) -> Mapping[str, Any]:
    """What it tells about itself, if it tells anything."""
    if not isinstance(instrument, TellsHealth):
        return {}
    health: Health = instrument.health()
    concerns.extend(Concern(what=concern) for concern in health.concerns)
    percent = health.battery_percent
    if percent is not None and percent < _LOW_PERCENT:
        concerns.append(
            Concern(what=f"the battery is at {percent} %: it may not last a visit", remedy="charge it before the visit")
        )
    return {
        "battery": health.battery_text or ("" if percent is None else f"{percent} %"),
        "battery_percent": percent,
        "clock_offset_s": health.clock_offset_s,
        "self_test": health.checks,
    }


def _looked_at(instrument: Instrument, clock: Clock, concerns: list[Concern]) -> dict[str, Any]:
    """Look at a polled instrument some times: its last reading, and its button.

    Others are not looked at; their answers to ``connect`` have been timed.
    """
    last: Sample | None = None
    if instrument.capabilities.reading is Reading.POLLED:
        for _ in range(_POLLS):
            samples = instrument.poll()
            last = samples[-1] if samples else last
            clock.sleep(_POLL_S)
    if last is None:
        return {}
    if last.pressed:
        concerns.append(_HELD)
    button = "none" if last.pressed is None else "pressed" if last.pressed else "up"
    return {"reading": round(last.value, 3), "button": button}


def _timed(link: TimingLink, can: Capabilities, concerns: list[Concern]) -> dict[str, Any]:
    """Round trips; one that is longer than the instrument's readings may be apart would be a fault in a ramp."""
    trips_s = link.round_trips_s
    if not trips_s:
        return {}
    if max(trips_s) > can.reading_gap_s and can.reading is Reading.POLLED:
        concerns.append(
            Concern(
                what=f"one answer took {max(trips_s) * 1000:.0f} ms; in a ramp more than "
                f"{can.reading_gap_s * 1000:.0f} ms without a reading is a fault",
                remedy="see what else keeps this computer or its network busy, and probe again",
            )
        )
    return {
        "round_trip_ms": round(statistics.median(trips_s) * 1000, 3),
        "round_trip_worst_ms": round(max(trips_s) * 1000, 3),
        "round_trips": len(trips_s),
    }


def _range(can: Capabilities) -> str:
    unit = "°C" if can.kind == "thermode" else "kPa"
    return f"{can.value_min:g} to {can.value_max:g} {unit}"
