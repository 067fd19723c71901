"""``qst check``: the plan of a protocol, before anything is connected."""

import click
import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from qst.cli.output import wide_console
from qst.instruments import Instrument, PressureRamp
from qst.protocol.check import ERROR, CheckProblem, CheckReport, check_plan
from qst.protocol.loader import load_protocol
from qst.protocol.plan import Plan, PlannedTrial
from qst.protocol.planner import make_plan
from qst.rigs.simulated import find_station, unconnected_instruments
from qst.sites import SITES
from qst.station import LoadedStation, capabilities_of
from qst.units import format_duration, format_rate, format_value
from qst.visit.session import station_problems


@click.command()
@click.argument("protocol")
@click.option(
    "--station", metavar="FILE|NAME", help="Check against this station, too: a file, or default, paper, peltier or tcs."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides random orders.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(protocol: str, station: str | None, seed: int, as_json: bool) -> int:
    """Validate PROTOCOL, a shipped protocol's name or a file, and print its plan. Connects nothing.

    Exit code 1 when the visit must not start like this, 2 when the file itself is wrong.
    """
    plan = make_plan(load_protocol(protocol), seed)
    bench = None if station is None else find_station(station)
    instruments = {} if bench is None else unconnected_instruments(bench)
    report = check_plan(plan, capabilities_of(instruments, "thermode"), capabilities_of(instruments, "algometer"))
    if bench is not None:
        report = _with_station(report, plan, instruments, bench)
    if as_json:
        click.echo(msgspec.json.encode({"ok": report.ok, **msgspec.to_builtins(report)}))
    else:
        _print(report, wide_console())
    return 0 if report.ok else 1


def _with_station(
    report: CheckReport, plan: Plan, instruments: dict[str, Instrument], station: LoadedStation
) -> CheckReport:
    """The report with what the station, as it is set up, refuses; what it said already is not said twice."""
    refused = [CheckProblem(severity=ERROR, text=text) for text in station_problems(plan, instruments, station)]
    return msgspec.structs.replace(report, problems=(*refused, *report.problems))


def _print(report: CheckReport, console: Console) -> None:
    console.print(f"{report.title}\n", style="bold", highlight=False)
    console.print(_trials(report))
    duration = report.duration
    console.print(
        f"{report.n_trials} trials and {report.n_practice} practice trials; "
        f"about {format_duration(duration.expected_s)} "
        f"(shortest {format_duration(duration.shortest_s)}, longest {format_duration(duration.longest_s)})\n",
        highlight=False,
    )
    if report.site_doses:
        console.print(_doses(report))
    for problem in report.problems:
        console.print(f"{problem.severity}: {problem.text}", highlight=False, markup=False, soft_wrap=True)
    console.print("ready to run" if report.ok else "must not be run like this", style="bold", highlight=False)


def _trials(report: CheckReport) -> Table:
    table = Table("no.", "block", "what", "site and side", "trial", "ramp", box=SIMPLE_HEAD)
    for trial in report.trials:
        table.add_row(
            str(trial.sequence_index),
            trial.block,
            trial.modality.value,
            SITES[trial.site_code].label(trial.side),
            "practice" if trial.is_practice else str(trial.repeat_index),
            _ramp(trial),
        )
    return table


def _ramp(trial: PlannedTrial) -> str:
    """From where to where, how fast, and how fast back."""
    ramp = trial.ramp
    if isinstance(ramp, PressureRamp):
        unit = trial.rounding.display_unit
        return f"contact → {format_value(ramp.cutoff_kpa, unit, decimals=1)}, {format_rate(ramp.rate_kpa_per_s, unit)}"
    return (
        f"{ramp.start_c:g} → {ramp.cutoff_c:g} °C, {ramp.rate_c_per_s:g} °C/s, back {ramp.return_rate_c_per_s:g} °C/s"
    )


def _doses(report: CheckReport) -> Table:
    columns = (
        "if nobody ever responds",
        "trials",
        "≥ 43 °C",
        "≥ 47 °C",
        "≥ 49 °C",
        "≥ 50 °C",
        "CEM43",
        "with every repeat",
    )
    table = Table(*columns, box=SIMPLE_HEAD)
    for site in report.site_doses:
        dose = site.dose
        table.add_row(
            SITES[site.site_code].label(site.side),
            str(site.n_trials),
            *(f"{s:.1f} s" for s in (dose.time_ge_43_s, dose.time_ge_47_s, dose.time_ge_49_s, dose.time_ge_50_s)),
            f"{dose.cem43_min:.2f} min",
            f"{site.with_repeats_cem43_min:.2f} min",
        )
    return table
