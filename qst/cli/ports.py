"""``qst ports``: what is plugged in; and, where a person says so, who is there."""

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qst.abort import Aborted, AbortSwitch
from qst.cli.output import wide_console
from qst.cli.signals import abort_on_signals
from qst.clock import RealClock
from qst.errors import InputError
from qst.rigs.ports import (
    Answer,
    Heard,
    SerialPort,
    VisaResources,
    ask,
    enquiries,
    enquiry_of,
    links_to_ask,
    listen,
    serial_ports,
    visa_resources,
)

_WARNING = (
    "What is a harmless question to one instrument can be a command to another, also one that heats. "
    "See that no instrument touches anybody."
)


@click.command()
@click.option(
    "--ask",
    "driver",
    metavar="DRIVER",
    help="Send this driver's identification question, and nothing else, to the ports that look like it.",
)
@click.option(
    "--listen",
    "listen_s",
    type=click.FloatRange(min=0.1, max=60),
    metavar="SECONDS",
    help="Open ports and show what comes by itself; sends nothing.",
)
@click.option("--port", "named", multiple=True, metavar="PORT|LINK", help="At this port only, for --ask and --listen.")
@click.option("--baud", type=click.IntRange(min=1), default=115_200, show_default=True, help="For --listen.")
@click.option("--yes", is_flag=True, help="No instrument touches anybody: do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def ports(
    driver: str | None, listen_s: float | None, named: tuple[str, ...], baud: int, yes: bool, as_json: bool
) -> int | None:
    """List serial ports and VISA resources.

    Without --ask and --listen nothing is sent to any port and no port is opened: the same byte is a harmless question
    to one instrument and the start of a stimulus to another. (VISA itself may ask the network who is there.) What a
    port may be is told by how its USB adapter describes itself.

    With --ask DRIVER the question of one driver is sent, after consent, and what answered is printed; exit code 1 when
    nobody did. 'qst probe' tests the instruments of a station.
    """
    serial = serial_ports()
    if driver is not None and listen_s is not None:
        raise InputError("--ask and --listen are two things", remedy="do one after the other")
    if driver is not None:
        return _ask(driver, links_to_ask(driver, named, serial), yes=yes, as_json=as_json)
    if listen_s is not None:
        return _listen(listen_s, _links_to_hear(named, serial, baud), yes=yes, as_json=as_json)
    if named:
        raise InputError("--port belongs to --ask or --listen", remedy="add one of them, or leave --port out")
    visa = visa_resources()
    if as_json:
        click.echo(msgspec.json.encode({"serial": serial, "visa": visa}))
    else:
        _print_ports(serial, visa, wide_console())
    return None


def _consent(what: str, links: tuple[str, ...], *, yes: bool) -> None:
    if yes:
        return
    click.echo(f"{what}, to:\n  " + "\n  ".join(links), err=True)
    click.echo(_WARNING, err=True)
    try:
        agreed = click.confirm("Go on?", default=False, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise InputError("nobody agreed", did="sent nothing, opened nothing", remedy="answer y, or add --yes")


def _ask(driver: str, links: tuple[str, ...], *, yes: bool, as_json: bool) -> int:
    _consent(f"{driver} would send {enquiry_of(driver).sends}", links, yes=yes)
    abort = AbortSwitch()
    answers: list[Answer] = []
    try:
        with abort_on_signals(abort):
            answers += [ask(driver, link, RealClock(abort), abort) for link in links]
    except Aborted:
        click.echo("interrupted; all links are closed", err=True)
        return 1
    if as_json:
        click.echo(msgspec.json.encode({"driver": driver, "answers": answers}))
    else:
        _print_answers(driver, answers, wide_console())
    return 0 if any(answer.identity is not None for answer in answers) else 1


def _listen(seconds: float, links: tuple[str, ...], *, yes: bool, as_json: bool) -> int:
    _consent(f"Ports would be opened for {seconds:g} s, and nothing sent", links, yes=yes)
    abort = AbortSwitch()
    try:
        with abort_on_signals(abort):
            heard = [listen(link, seconds, RealClock(abort), abort) for link in links]
    except Aborted:
        click.echo("interrupted; all links are closed", err=True)
        return 1
    if as_json:
        click.echo(msgspec.json.encode({"heard": heard}))
    else:
        _print_heard(heard, wide_console())
    return 0


def _links_to_hear(named: tuple[str, ...], serial: list[SerialPort], baud: int) -> tuple[str, ...]:
    places = named or tuple(port.device for port in serial if port.usb)
    if not places:
        raise InputError(
            "no USB serial port to listen at", remedy="plug the instrument in, or name a port: --port COM3"
        )
    return tuple(place if "://" in place else f"serial://{place}?baud={baud}" for place in places)


def _print_ports(serial: list[SerialPort], visa: VisaResources, console: Console) -> None:
    if serial:
        known = enquiries()
        table = Table("port", "what the system says", "USB", "serial number", "may be", title="Serial ports")
        for port in serial:
            said = port.description
            if port.manufacturer not in said:
                said += f", {port.manufacturer}"
            hints = "\n".join(f"{name} ({known[name].serial_options})" for name in port.hints)
            table.add_row(*(escape(text) for text in (port.device, said, port.usb, port.serial_number, hints)))
        console.print(table)
        console.print("In a station file: link: serial://PORT?baud=115200", highlight=False, markup=False)
        console.print("Other things have the same adapters; 'qst ports --ask DRIVER' asks.", highlight=False)
    else:
        console.print("No serial port. Plug the instrument in and switch it on.", highlight=False)
    if visa.problem or not visa.resources:
        console.print(visa.problem or f"No VISA resource ({visa.library}).", highlight=False, markup=False)
    for resource in visa.resources:
        console.print(f"visa://{resource}", highlight=False, markup=False)


def _print_answers(driver: str, answers: list[Answer], console: Console) -> None:
    table = Table("link", "who answered", "serial number", "firmware", "more", title=f"Asked as {driver} asks")
    for answer in answers:
        who = answer.identity
        if who is None:
            cells = (answer.link, "nobody", "", "", f"{answer.code}: {answer.problem}")
        else:
            model = f"{who.model}\nsays that it is simulated" if who.simulated else who.model
            cells = (answer.link, model, who.serial, who.firmware, who.detail)
        table.add_row(*(escape(cell) for cell in cells))
    console.print(table)


def _print_heard(heard: list[Heard], console: Console) -> None:
    table = Table("link", "bytes", "they begin with", "as they come from", title="Heard")
    for each in heard:
        said = f"{each.code}: {each.problem}" if each.problem else each.text
        table.add_row(*(escape(cell) for cell in (each.link, str(each.n_bytes), said, ", ".join(each.recognised_by))))
    console.print(table)
