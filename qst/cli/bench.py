"""``qst ports`` and ``qst probe``: what is plugged in, and whether it is well. Neither stimulates anybody."""

import statistics
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qst.abort import Aborted, AbortSwitch
from qst.cli.output import wide_console
from qst.cli.signals import abort_on_signals
from qst.clock import Clock, RealClock, VirtualClock
from qst.errors import InstrumentError, LinkError, StationFileError, WireError
from qst.instruments import Capabilities, Identity, Instrument, Link, Reading, Sample
from qst.rigs.simulated import find_station, simulated_bench
from qst.station import InstrumentSpec, LoadedStation
from qst.visit.session import build_instruments
from qst_drivers.links import open_link
from qst_drivers.links.sim import SimLink
from qst_drivers.links.timing import TimingLink
from qst_simulators.profile import load_profile

#: So many looks at an instrument, so far apart (s), give its round trip.
_POLLS: Final = 20
_POLL_S: Final = 0.02
_FAILURES: Final = (LinkError, WireError, InstrumentError)


# -- ports --------------------------------------------------------------------------------------------------------


class SerialPort(msgspec.Struct, frozen=True, kw_only=True):
    """A serial port as the system describes it; ``usb`` is vendor:product in hexadecimal, empty for no USB device."""

    device: str
    description: str
    manufacturer: str
    serial_number: str
    usb: str
    hint: str
    link: str


class VisaResources(msgspec.Struct, frozen=True, kw_only=True):
    """What VISA lists, by which library; ``problem`` says why nothing could be listed."""

    library: str = ""
    resources: tuple[str, ...] = ()
    problem: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def ports(as_json: bool) -> None:
    """List serial ports and VISA resources.

    Nothing is sent to any port: the same byte is a harmless question to one instrument and the start of a stimulus to
    another. (VISA itself may ask the network who is there.) Name the instruments in a station file, and ask 'qst probe'
    who answers.
    """
    serial = serial_ports()
    visa = visa_resources()
    if as_json:
        click.echo(msgspec.json.encode({"serial": serial, "visa": visa}))
        return
    _print_ports(serial, visa, wide_console())


def serial_ports() -> list[SerialPort]:
    """The serial ports of this computer, in order of their names."""
    from serial.tools import list_ports  # noqa: PLC0415 - only this command lists ports

    return sorted((_described(port) for port in list_ports.comports()), key=lambda port: port.device)


def _described(port: Any) -> SerialPort:  # noqa: ANN401 - pyserial's class differs between systems
    usb = "" if port.vid is None else f"{port.vid:04x}:{port.pid:04x}"
    return SerialPort(
        device=port.device,
        description=port.description or "",
        manufacturer=port.manufacturer or "",
        serial_number=port.serial_number or "",
        usb=usb,
        hint=_hint(usb, port.description or ""),
        link=f"serial://{port.device}?baud=…",
    )


def _hint(usb: str, description: str) -> str:
    """What a port may be. A chip is no instrument: many other things have the same one."""
    if "CH340" in description.upper():
        return "perhaps a QST.Lab TCS (some have this chip), baud=115200"
    if usb.startswith("0403:"):
        return "FTDI chip: perhaps an Arroyo controller, baud=38400"
    if usb == "0483:a1ad":
        return "perhaps a Mark-10 gauge (unverified), baud=115200"
    return ""


def visa_resources() -> VisaResources:
    """What an installed VISA library lists, or pyvisa-py where there is none."""
    import pyvisa  # noqa: PLC0415 - only this command lists resources

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyvisa-py says what it could list if more packages were installed
        try:
            manager = pyvisa.ResourceManager()
            library = str(manager.visalib)
            return VisaResources(library=library, resources=tuple(sorted(manager.list_resources("?*"))))
        except Exception as failed:  # noqa: BLE001 - backends raise anything; the serial ports are listed all the same
            return VisaResources(problem=f"VISA lists nothing: {failed}")


def _print_ports(serial: list[SerialPort], visa: VisaResources, console: Console) -> None:
    if serial:
        table = Table("port", "what the system says", "USB", "serial number", "hint", title="Serial ports")
        for port in serial:
            said = (
                port.description
                if port.manufacturer in port.description
                else f"{port.description}, {port.manufacturer}"
            )
            table.add_row(*(escape(text) for text in (port.device, said, port.usb, port.serial_number, port.hint)))
        console.print(table)
        console.print("In a station file: link: serial://PORT?baud=115200", highlight=False, markup=False)
    else:
        console.print("No serial port. Plug the instrument in and switch it on.", highlight=False)
    if visa.problem or not visa.resources:
        console.print(visa.problem or f"No VISA resource ({visa.library}).", highlight=False, markup=False)
    for resource in visa.resources:
        console.print(f"visa://{resource}", highlight=False, markup=False)


# -- probe --------------------------------------------------------------------------------------------------------


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one instrument.

    ``range`` and ``reading`` (at rest; None when it was not looked at) in the instrument's unit; ``round_trip_ms`` is
    the median from a question to the first byte of its answer over ``round_trips`` of them, None when nothing was
    answered; ``button``: ``up``, ``pressed``, or ``none`` when the instrument has none that it tells of;
    ``tells_time``: whether it stamps its readings with a clock of its own.
    ``code`` to ``remedy`` are empty when all is well.
    """

    role: str
    driver: str
    link: str
    ok: bool
    model: str = ""
    serial: str = ""
    firmware: str = ""
    detail: str = ""
    range: str = ""
    reading: float | None = None
    round_trip_ms: float | None = None
    round_trips: int = 0
    button: str = "none"
    tells_time: bool = False
    code: str = ""
    what: str = ""
    did: str = ""
    remedy: str = ""


@click.command()
@click.argument("station", metavar="FILE|NAME")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def probe(station: str, as_json: bool) -> int:
    """Connect every instrument of a station, ask who it is, let it test itself, and close it again.

    Nobody is stimulated: nothing is adapted, and no ramp is prepared or begun. Exit code 1 when an instrument failed.
    """
    loaded = find_station(station)
    abort = AbortSwitch()
    try:
        with abort_on_signals(abort):
            findings = probe_station(loaded, abort)
    except Aborted:
        click.echo("interrupted; the instruments are closed", err=True)
        return 1
    ok = all(finding.ok for finding in findings)
    if as_json:
        simulated = loaded.station.simulated
        click.echo(
            msgspec.json.encode(
                {"station": loaded.station.id, "simulated": simulated, "ok": ok, "instruments": findings}
            )
        )
    else:
        _print_findings(loaded, findings, wide_console())
    return 0 if ok else 1


def probe_station(loaded: LoadedStation, abort: AbortSwitch) -> list[Finding]:
    """Connect, ask and close each instrument in turn.

    Raises:
        StationFileError: a link or a driver's settings are wrong; nothing was connected.
        Aborted: the instruments are closed.
    """
    clock: Clock = VirtualClock(abort) if loaded.station.simulated else RealClock(abort)
    make = _link_maker(loaded, clock, abort)
    links: dict[str, TimingLink] = {}

    def timed(role: str, spec: InstrumentSpec) -> Link:
        links[role] = TimingLink(make(role, spec), clock)
        return links[role]

    instruments = build_instruments(loaded, timed, clock)
    specs = loaded.station.roles()
    return [_probe(role, specs[role], instruments[role], links[role], clock, abort) for role in instruments]


def _link_maker(loaded: LoadedStation, clock: Clock, abort: AbortSwitch) -> Callable[[str, InstrumentSpec], Link]:
    if loaded.station.simulated:
        bench = simulated_bench(loaded, clock, seed=0, profile=load_profile("healthy"))
        return lambda role, spec: SimLink(bench.device(role), clock, spec.link)

    def real(role: str, spec: InstrumentSpec) -> Link:
        try:
            return open_link(spec.link, clock, abort)
        except StationFileError as error:
            where = error.where or f"{loaded.source}: instruments.{role}.link"
            raise StationFileError(error.what, where=where, did=error.did, remedy=error.remedy) from error

    return real


def _probe(
    role: str, spec: InstrumentSpec, instrument: Instrument, link: TimingLink, clock: Clock, abort: AbortSwitch
) -> Finding:
    can = instrument.capabilities
    found: dict[str, Any] = {"range": _range(can), "tells_time": can.timestamps}
    try:
        found |= _identified(instrument.connect())
        found |= _looked_at(instrument, clock)
    except _FAILURES as error:
        found |= {"code": error.code, "what": str(error), "did": error.did, "remedy": error.remedy}
    finally:
        with abort.shielded():
            instrument.close()
    if found.get("button") == "pressed":
        found |= {
            "what": "the participant's button reads as pressed although nobody should touch it",
            "remedy": "let go of it; if it stays, check its plug and whether it sticks",
        }
    trips = link.round_trips_s
    return Finding(
        role=role,
        driver=spec.driver,
        link=spec.link,
        ok="what" not in found,
        round_trip_ms=round(statistics.median(trips) * 1000, 3) if trips else None,
        round_trips=len(trips),
        **found,
    )


def _identified(identity: Identity) -> Mapping[str, str]:
    return {
        "model": identity.model,
        "serial": identity.serial,
        "firmware": identity.firmware,
        "detail": identity.detail,
    }


def _looked_at(instrument: Instrument, clock: Clock) -> dict[str, Any]:
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
    button = "none" if last.pressed is None else "pressed" if last.pressed else "up"
    return {"reading": round(last.value, 3), "button": button}


def _range(can: Capabilities) -> str:
    unit = "°C" if can.kind == "thermode" else "kPa"
    return f"{can.value_min:g} to {can.value_max:g} {unit}"


def _print_findings(loaded: LoadedStation, findings: list[Finding], console: Console) -> None:
    simulated = "SIMULATED  " if loaded.station.simulated else ""
    table = Table("instrument", "who answered", "range and reading", "round trip", "button", "result")
    table.title = escape(f"{simulated}{loaded.station.title or loaded.station.id}")
    for finding in findings:
        place = f"{finding.role}\n{finding.driver}\n{finding.link}"
        result = "ready" if finding.ok else "FAILED"
        cells = (place, _who(finding), _readings(finding), _round_trip(finding), finding.button, result)
        table.add_row(*(escape(cell) for cell in cells))
    console.print(table)
    for finding in findings:
        if not finding.ok:
            _print_failure(finding, console)
    console.print("Nobody was stimulated; all links are closed.")


def _print_failure(finding: Finding, console: Console) -> None:
    code = f"{finding.code}: " if finding.code else ""
    lines = [f"{finding.role}: {code}{finding.what}"]
    if finding.did:
        lines.append(f"  Done: {finding.did}")
    if finding.remedy:
        lines.append(f"  To do: {finding.remedy}")
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _who(finding: Finding) -> str:
    if not finding.model:
        return "nobody"
    lines = [finding.model]
    if finding.serial:
        lines.append(f"serial number {finding.serial}")
    if finding.firmware:
        lines.append(f"firmware {finding.firmware}")
    if finding.detail:
        lines.append(finding.detail)
    return "\n".join(lines)


def _readings(finding: Finding) -> str:
    unit = finding.range.rpartition(" ")[2]
    return finding.range if finding.reading is None else f"{finding.range}\nnow {finding.reading:.2f} {unit}"


def _round_trip(finding: Finding) -> str:
    if finding.round_trip_ms is None:
        return "nothing to time"
    return f"{finding.round_trip_ms:.2f} ms\n(median of {finding.round_trips})"
