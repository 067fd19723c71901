"""``qst run`` and ``qst resume``."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from qst.abort import AbortSwitch
from qst.cli.keys import require_terminal, single_keys
from qst.cli.live import LineView, LiveView, Unbreakable, VisitConsole, json_result, print_result
from qst.cli.signals import abort_on_signals
from qst.cli.terminal import HELP, Keyboard, TerminalOperator
from qst.errors import InputError
from qst.record.reader import read_log
from qst.record.records import VisitOutcome
from qst.rigs.job import (
    FASTEST,
    FASTEST_REAL,
    INTENDED_USE,
    Job,
    Manner,
    ResumeRequest,
    VisitRequest,
    conduct,
    manner_of,
    prepare_resume,
    prepare_visit,
    resumable,
)
from qst.rigs.simulated import find_station
from qst.visit.button import KeyButton
from qst.visit.operator import AutomaticOperator, Operator


class _Speed(click.ParamType[str]):
    """How fast a simulated visit runs: ``max``, or a positive number of visit seconds a second."""

    name = "X|max"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value == FASTEST:
            return value
        try:
            possible = 0 < float(value) <= FASTEST_REAL
        except ValueError:
            possible = False
        if not possible:
            self.fail(f"'{value}' is not a speed; write max, or a number up to {FASTEST_REAL}, such as 1", param, ctx)
        return value


_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("protocol")
@click.option("--participant", metavar="ID", help="Participant's pseudonym: letters, digits, - and _.")
@click.option("--visit", type=click.IntRange(1, 9999), default=1, show_default=True, help="Number of the visit.")
@click.option("--operator", metavar="ID", help="Who runs the visit: letters, digits, - and _.")
@click.option("--study", metavar="ID", default="", help="Study identifier, for the tables.")
@click.option("--station", metavar="FILE|NAME", help="Station file, or a shipped simulated station, with an operator.")
@click.option(
    "--simulate",
    metavar="[NAME]",
    is_flag=False,
    flag_value="default",
    help="Unattended on a shipped simulated station: default, paper, peltier or tcs.",
)
@click.option(
    "--participant-model",
    metavar="fibromyalgia|healthy|FILE",
    default="fibromyalgia",
    show_default=True,
    help="Who is simulated.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Everything random follows from it; chosen if absent.")
@click.option("--data", type=_PATH, default=Path("qst-data"), show_default=True, help="Folder for logs.")
@click.option("--speed", type=_Speed(), help="Simulated visits: max (virtual time), or 1 to watch in real time.")
@click.option("--auto", is_flag=True, help="Simulated visits: nobody is asked anything.")
@click.option("--capture", type=_PATH, metavar="DIR", help="Folder for files with every byte on the wires.")
@click.option("--again", metavar="REASON", default="", help="Begin a real visit anew although it could be resumed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def run(
    protocol: str,
    participant: str | None,
    visit: int,
    operator: str | None,
    study: str,
    station: str | None,
    simulate: str | None,
    participant_model: str,
    seed: int | None,
    data: Path,
    speed: str | None,
    auto: bool,
    capture: Path | None,
    again: str,
    as_json: bool,
) -> int:
    """Run a visit after PROTOCOL, a shipped protocol's name or a file.

    Exit code 0 when the visit was completed, 1 when it was not, 2 when the input is wrong.
    """
    attended = not auto and simulate is None
    request = VisitRequest(
        protocol=protocol,
        station=_station(station, simulate),
        participant=participant,
        visit=visit,
        operator=operator,
        study=study,
        seed=seed,
        participant_model=participant_model,
        data=str(data),
        capture=None if capture is None else str(capture),
        manner=Manner(speed=speed or ("1" if attended else FASTEST), attended=attended),
        simulated=True if simulate is not None else None,
        again=again.strip(),
    )
    abort = AbortSwitch()
    _require_operator(request.manner, as_json=as_json)
    job = prepare_visit(request, abort)
    if job.earlier_log is not None and not as_json:
        note = f"note: there is a log of this visit already, {job.earlier_log}; to go on with it, use 'qst resume'"
        click.echo(note, err=True)
    return _conduct(job, request.manner, as_json=as_json)


@click.command()
@click.argument("log", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--operator", metavar="ID", help="Who runs the rest of the visit.")
@click.option(
    "--station", metavar="FILE|NAME", help="The station as it is now: limits that are tighter than then hold."
)
@click.option("--speed", type=_Speed(), help="Simulated visits: max (virtual time), or 1 to watch in real time.")
@click.option("--auto", is_flag=True, help="Simulated visits: nobody is asked, even if an operator began the visit.")
@click.option("--capture", type=_PATH, metavar="DIR", help="Folder for files with every byte on the wires.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def resume(
    log: Path,
    operator: str | None,
    station: str | None,
    speed: str | None,
    auto: bool,
    capture: Path | None,
    as_json: bool,
) -> int:
    """Go on with the interrupted visit in LOG, at its next trial, in the same file.

    Nothing is repeated by itself: about a trial that was under way the operator is asked.
    """
    manner = manner_of(log, auto=auto, speed=speed)
    _require_operator(manner, as_json=as_json)
    request = ResumeRequest(
        log=str(log),
        operator=operator,
        capture=None if capture is None else str(capture),
        manner=manner,
        stations=() if station is None else (_the_same(station, log),),
    )
    return _conduct(prepare_resume(request, AbortSwitch()), manner, as_json=as_json)


# -- what is given ------------------------------------------------------------------------------------------------


def _the_same(station: str, log: Path) -> str:
    """The station of this log, as it is now. Raises InputError when it is another one: its limits say nothing here."""
    found, begun_at = find_station(station).station.id, resumable(read_log(log), log).station_id
    if found != begun_at:
        raise InputError(
            f"this is the station '{found}', and the visit was begun at '{begun_at}'",
            where=station,
            did="connected nothing",
            remedy=f"give the file of '{begun_at}', or leave out --station",
        )
    return station


def _station(station: str | None, simulate: str | None) -> str:
    if station is not None and simulate is None:
        return station
    if simulate is not None and station is None:
        return simulate
    raise InputError(
        "a visit needs one station",
        remedy="write --simulate to try it without instruments, or --station FILE for a bench of your own",
    )


def _require_operator(manner: Manner, *, as_json: bool) -> None:
    """An operator needs a terminal: its keys, and nothing else on its screen. Raises InputError."""
    if not manner.attended:
        return
    if as_json:
        raise InputError("--json is for visits that nobody attends", remedy="leave it out, or add --auto")
    if manner.speed == FASTEST:
        raise InputError("no operator is as fast as --speed max", remedy="use --speed 1, or add --auto")
    require_terminal()


# -- the visit ----------------------------------------------------------------------------------------------------


def _conduct(job: Job, manner: Manner, *, as_json: bool) -> int:
    """Run it, show it, and say how it ended."""
    console = VisitConsole(quiet=as_json)
    with contextlib.suppress(OSError):  # a lost screen does not decide a visit
        if not job.simulated:
            console.print(INTENDED_USE, highlight=False, style="bold")
        console.print(f"{_title(job)}  (seed {job.seed})", highlight=False)
    with job.log, abort_on_signals(job.abort), _operator(job, console, manner, as_json=as_json) as operator:
        result = conduct(job, operator)
    if as_json:
        click.echo(json_result(result, job.path, simulated=job.simulated))
    else:
        print_result(console, result, job.path)
    return 0 if result.outcome is VisitOutcome.COMPLETED else 1


@contextmanager
def _operator(job: Job, console: Console, manner: Manner, *, as_json: bool) -> Iterator[Operator]:
    """Who runs the visit, and what is seen of it: lines at full speed, a live picture in real time."""
    if not manner.attended and (manner.speed == FASTEST or as_json):
        yield AutomaticOperator(job.clock, job.rig.hands, Unbreakable(LineView(console)))
        return
    if not manner.attended:
        with _live(job, console) as view:
            yield AutomaticOperator(job.clock, job.rig.hands, Unbreakable(view), follows_samples=True)
        return
    with single_keys() as read_keys, _live(job, console) as view:
        button = job.rig.button if isinstance(job.rig.button, KeyButton) else None
        keyboard = Keyboard(job.abort, read_keys)
        keyboard.start()
        view.help = HELP
        yield TerminalOperator(keyboard, view.ask, Unbreakable(view), button)


def _live(job: Job, console: Console) -> LiveView:
    return LiveView(console, _title(job), len(job.plan.trials), job.n_done)


def _title(job: Job) -> str:
    return f"{'SIMULATED  ' if job.simulated else ''}{job.title}"
