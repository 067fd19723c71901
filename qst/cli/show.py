"""``qst protocols``, ``qst devices``, ``qst schema``: what there is."""

import json
from importlib.metadata import entry_points
from typing import Any

import click
import msgspec
from rich.table import Table

from qst.cli.output import wide_console
from qst.errors import InputError
from qst.instruments import Capabilities, DriverClass
from qst.protocol.loader import load_protocol
from qst.protocol.schema import protocol_schema
from qst.protocol.shipped import shipped
from qst.station import driver_class, driver_names, station_schema


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def protocols(as_json: bool) -> None:
    """List the shipped protocols."""
    loaded = {name: load_protocol(name).protocol for name in shipped()}
    if as_json:
        rows = [
            {"name": name, "version": p.version, "title": p.title, "citation": p.citation} for name, p in loaded.items()
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for name, protocol in loaded.items():
        click.echo(f"{name:<22} {protocol.version:<8} {protocol.title}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def devices(as_json: bool) -> None:
    """List installed drivers and simulators and what they can do."""
    simulators = sorted(point.name for point in entry_points(group="qst.simulators"))
    drivers, broken = _load_drivers()
    if as_json:
        rows = [
            {
                "driver": name,
                "title": driver.TITLE,
                "simulator": name in simulators,
                "capabilities": msgspec.to_builtins(driver.CAPABILITIES),
            }
            for name, driver in drivers.items()
        ]
        click.echo(json.dumps({"drivers": rows, "simulators": simulators, "broken": broken}, ensure_ascii=False))
        return
    table = Table("driver", "instrument", "can do", "ramp and readings", "simulator", title="Installed instruments")
    for name, driver in drivers.items():
        can = driver.CAPABILITIES
        there = "yes" if name in simulators else "no"
        table.add_row(name, driver.TITLE, _range(can), _manner(can), there)
    console = wide_console()
    console.print(table)
    for name, driver in drivers.items():
        for fact in driver.CAPABILITIES.unverified:
            console.print(f"{name}: unverified: {fact}", highlight=False, markup=False, soft_wrap=True)
    for text in broken:
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def _load_drivers() -> tuple[dict[str, DriverClass], list[str]]:
    """The installed drivers, and what is wrong with those that cannot be loaded."""
    drivers, broken = {}, []
    for name in driver_names():
        try:
            drivers[name] = driver_class(name)
        except InputError as error:
            broken.append(str(error))
    return drivers, broken


def _range(can: Capabilities) -> str:
    unit = "°C" if can.kind == "thermode" else "kPa"
    text = f"{can.value_min:g} to {can.value_max:g} {unit}, resolution {can.resolution:g} {unit}"
    if can.kind == "thermode":
        text += f"\n{can.rate_min:g} to {can.rate_max:g} {unit}/s"
    if can.longest_stimulus_s is not None:
        text += f"\nat most {can.longest_stimulus_s:g} s"
    return text


def _manner(can: Capabilities) -> str:
    ramps = {"free": "any ramp", "programs": "prepared programs only", "hand": "ramp made by hand"}
    readings = {"polled": "polled", "streamed": "streamed", "operator": "read by the operator"}
    lines = [ramps[can.programming.value], readings[can.reading.value]]
    if can.ends_ramp_on_button:
        lines.append("stops on the participant's button")
    if can.kind == "thermode":
        lines.append("returns by itself" if can.self_limiting else "does not return by itself")
    return "\n".join(lines)


@click.command()
@click.argument("kind", type=click.Choice(["protocol", "station"]))
def schema(kind: str) -> None:
    """Print the JSON Schema of protocol or station files."""
    made: dict[str, Any] = protocol_schema() if kind == "protocol" else station_schema()
    click.echo(json.dumps(made, indent=2, ensure_ascii=False))
