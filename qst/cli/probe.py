"""``qst probe``: whether a station's instruments are there and well. Stimulates nobody."""

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from qst.abort import Aborted, AbortSwitch
from qst.cli.output import wide_console
from qst.cli.signals import abort_on_signals
from qst.clock import Clock, RealClock, VirtualClock
from qst.rigs.probing import Concern, ProbeRow, worst
from qst.rigs.probing import probe as probe_station
from qst.rigs.simulated import find_station
from qst.station import LoadedStation

_NOT_TOLD = "not told"
_WORDS = {"ok": "ready", "warn": "ready, see below", "fail": "FAILED"}


@click.command()
@click.argument("station", metavar="FILE|NAME")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--press",
    type=click.FloatRange(0, 60),
    default=0.0,
    metavar="S",
    help="Count how often the participant's button at a serial port is pressed within S seconds.",
)
def probe(station: str, as_json: bool, press: float) -> int:
    """Connect every instrument of a station, ask who it is, let it test itself, and close it again.

    Nobody is stimulated: nothing is adapted, and no ramp is prepared or begun. Exit code 1 when an instrument failed.
    """
    loaded = find_station(station)
    abort = AbortSwitch()
    clock: Clock = VirtualClock(abort) if loaded.station.in_process else RealClock(abort)
    try:
        with abort_on_signals(abort):
            if press and loaded.station.response_button.kind == "serial-line":
                click.echo(
                    f"Press the participant's button; after the instruments it is watched for {press:g} s.", err=True
                )
            rows = probe_station(loaded, clock, abort, press_s=press)
    except Aborted:
        click.echo("interrupted; the instruments are closed", err=True)
        return 1
    if as_json:
        click.echo(_as_json(loaded, rows))
    else:
        _print(loaded, rows, wide_console())
    return 1 if worst(rows) == "fail" else 0


def _as_json(loaded: LoadedStation, rows: tuple[ProbeRow, ...]) -> bytes:
    return msgspec.json.encode(
        {
            "station": loaded.station.id,
            "simulated": loaded.station.simulated,
            "status": worst(rows),
            "instruments": rows,
        }
    )


def _print(loaded: LoadedStation, rows: tuple[ProbeRow, ...], console: Console) -> None:
    simulated = "SIMULATED  " if loaded.station.simulated else ""
    table = Table("instrument", "who answered", "range and reading", "round trip", "battery, clock", "button", "result")
    table.title = escape(f"{simulated}{loaded.station.title or loaded.station.id}")
    for row in rows:
        place = f"{row.role}\n{row.driver}\n{row.link}"
        told = (_who(row), _readings(row), _round_trip(row), _battery_and_clock(row), _button(row), _result(row))
        table.add_row(*(escape(cell) for cell in (place, *told)))
    console.print(table)
    for row in rows:
        for concern in row.concerns:
            _print_concern(row, concern, console)
    console.print("Nobody was stimulated; all links are closed.")


def _print_concern(row: ProbeRow, concern: Concern, console: Console) -> None:
    code = f"{concern.code}: " if concern.code else ""
    lines = [f"{row.role}: {code}{concern.what}"]
    if concern.did:
        lines.append(f"  Done: {concern.did}")
    if concern.remedy:
        lines.append(f"  To do: {concern.remedy}")
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def _who(row: ProbeRow) -> str:
    if row.role == "button":
        return row.detail or "a switch"
    if not row.model:
        return "nobody"
    lines = [row.model]
    if row.simulated:
        lines.append("says that it is simulated")
    if row.serial:
        lines.append(f"serial number {row.serial}")
    if row.firmware:
        lines.append(f"firmware {row.firmware}")
    if row.detail:
        lines.append(row.detail)
    return "\n".join(lines)


def _readings(row: ProbeRow) -> str:
    unit = row.range.rpartition(" ")[2]
    return row.range if row.reading is None else f"{row.range}\nnow {row.reading:.2f} {unit}"


def _round_trip(row: ProbeRow) -> str:
    if row.round_trip_ms is None or row.round_trip_worst_ms is None:
        return "nothing to time"
    return f"{row.round_trip_ms:.2f} ms\nworst {row.round_trip_worst_ms:.2f} ms\nof {row.round_trips}"


def _battery_and_clock(row: ProbeRow) -> str:
    clock = _NOT_TOLD if row.clock_offset_s is None else _offset(row.clock_offset_s)
    return f"battery {row.battery or _NOT_TOLD}\nclock {clock}"


def _offset(seconds: float) -> str:
    """How far a clock is off, in a unit that a person can judge."""
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if abs(seconds) >= 2 * size:
            return f"{round(seconds / size):+d} {unit}"
    return f"{round(seconds):+d} s"


def _button(row: ProbeRow) -> str:
    return "not its own" if row.button == "none" else row.button


def _result(row: ProbeRow) -> str:
    lines = [_WORDS[row.status]]
    if row.self_test:
        lines.append(f"sound: {', '.join(row.self_test)}")
    return "\n".join(lines)
