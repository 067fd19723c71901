"""``qst run`` and ``qst resume``."""

import contextlib
import functools
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec
from rich.console import Console

from qst import __version__
from qst.abort import AbortSwitch
from qst.analysis.scores import score_all
from qst.cli.keys import require_terminal, single_keys
from qst.cli.live import LineView, LiveView, Unbreakable, VisitConsole, json_result, print_result
from qst.cli.signals import abort_on_signals
from qst.cli.terminal import HELP, Keyboard, TerminalOperator
from qst.clock import Clock, RealClock, VirtualClock
from qst.errors import InputError, StationFileError
from qst.protocol.loader import load_bytes, load_protocol
from qst.protocol.plan import Plan
from qst.record.log import LogWriter, log_path
from qst.record.reader import read_log
from qst.record.records import Header, Resume, VisitOutcome
from qst.record.visit_log import VisitLog
from qst.rigs.build import make_rig
from qst.rigs.simulated import find_station, simulated_station
from qst.station import LoadedStation, load_station_bytes
from qst.visit.button import SpaceBar
from qst.visit.engine import History
from qst.visit.history import history_of
from qst.visit.operator import AutomaticOperator, Operator
from qst.visit.session import Rig, Who, checked_plan, header, run_session
from qst_simulators.profile import Profile, load_profile, parse_profile

FASTEST = "max"
#: Faster than this, a computer cannot keep up with the devices' own time-outs in real time.
FASTEST_REAL = 100
#: What stands above every real visit.
INTENDED_USE = (
    "Research software, not a medical device; not validated for diagnosis. A trained operator watches the participant; "
    "the instruments' own safety limits and stops stay in force."
)
#: What a simulated visit is called when nobody gives it a name.
SIMULATED_PARTICIPANT, SIMULATED_OPERATOR = "SIM", "simulated"


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


_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,32}")
_PATH = click.Path(path_type=Path)


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A visit that is ready to run."""

    rig: Rig
    plan: Plan
    who: Who
    seed: int
    path: Path
    history: History | None = None


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How the visit is run and shown."""

    speed: str
    unattended: bool
    as_json: bool

    def require_terminal(self) -> None:
        """An operator needs a terminal: its keys, and nothing else on its screen. Raises InputError."""
        if self.unattended:
            return
        if self.as_json:
            raise InputError("--json is for visits that nobody attends", remedy="leave it out, or add --auto")
        if self.speed == FASTEST:
            raise InputError("no operator is as fast as --speed max", remedy="use --speed 1, or add --auto")
        require_terminal()

    def clock(self, abort: AbortSwitch) -> Clock:
        """The clock that this speed asks for."""
        return VirtualClock(abort) if self.speed == FASTEST else RealClock(abort, speed=float(self.speed))


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
    as_json: bool,
) -> int:
    """Run a visit after PROTOCOL, a shipped protocol's name or a file.

    Exit code 0 when the visit was completed, 1 when it was not, 2 when the input is wrong.
    """
    loaded = load_protocol(protocol)
    bench = _station(station, simulate)
    seed = secrets.randbits(32) if seed is None else seed
    unattended = auto or simulate is not None
    manner = Manner(speed=speed or (FASTEST if unattended else "1"), unattended=unattended, as_json=as_json)
    _refuse_toys_on_real_instruments(bench, manner)
    manner.require_terminal()
    who = _who(participant, visit, operator, study, simulated=bench.station.simulated)
    abort = AbortSwitch()
    clock = manner.clock(abort)
    profile = load_profile(participant_model) if bench.station.simulated else None
    rig = make_rig(bench, clock, abort, profile, seed=seed, visit=visit, attended=not unattended, capture=capture)
    plan = checked_plan(loaded, seed, rig)
    path = log_path(data, who.participant_id, visit, plan.protocol_id)
    first = data / f"{who.participant_id}_visit-{visit}_{plan.protocol_id}.jsonl"
    if path != first and not as_json:
        click.echo(f"note: there is a log of this visit already, {first}; to go on with it, use 'qst resume'", err=True)
    with LogWriter.create(path, clock, sync=clock.kind == "real") as log:
        log.write(header(who, loaded, plan, rig, clock, seed=seed))
        return _conduct(Job(rig=rig, plan=plan, who=who, seed=seed, path=path), log, clock, abort, manner)


@click.command()
@click.argument("log", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--operator", metavar="ID", help="Who runs the rest of the visit.")
@click.option("--speed", type=_Speed(), help="Simulated visits: max (virtual time), or 1 to watch in real time.")
@click.option("--auto", is_flag=True, help="Simulated visits: nobody is asked, even if an operator began the visit.")
@click.option("--capture", type=_PATH, metavar="DIR", help="Folder for files with every byte on the wires.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def resume(log: Path, operator: str | None, speed: str | None, auto: bool, capture: Path | None, as_json: bool) -> int:
    """Go on with the interrupted visit in LOG, at its next trial, in the same file.

    Nothing is repeated by itself: about a trial that was under way the operator is asked.
    """
    begun_by = _resumable(read_log(log), log).operator_id
    unattended = auto or begun_by == SIMULATED_OPERATOR
    manner = Manner(speed=speed or (FASTEST if unattended else "1"), unattended=unattended, as_json=as_json)
    abort = AbortSwitch()
    clock = manner.clock(abort)
    writer, so_far = LogWriter.resume(log, clock, sync=clock.kind == "real")
    with writer:
        first = _resumable(so_far, log)
        bench = load_station_bytes(first.station_text.encode("utf-8"), f"{log.name} (station)")
        _refuse_toys_on_real_instruments(bench, manner)
        manner.require_terminal()
        profile = _recorded_profile(first, log)
        rig = make_rig(
            bench, clock, abort, profile, seed=first.seed, visit=first.visit, attended=not unattended, capture=capture
        )
        plan = checked_plan(load_bytes(first.protocol_text.encode("utf-8"), f"{log.name} (protocol)"), first.seed, rig)
        history = history_of(so_far)
        who = Who(
            participant_id=first.participant_id,
            visit=first.visit,
            # Judgements are signed by whoever makes them: nobody else's name stands under automatic ones.
            operator_id=operator or (SIMULATED_OPERATOR if unattended else begun_by),
            study_id=first.study_id,
        )
        writer.write(
            Resume(
                software_version=__version__,
                operator_id=who.operator_id,
                clock=clock.kind,
                seed=first.seed,
                torn=so_far.torn_text,
                next_sequence_index=history.next_index,
            )
        )
        job = Job(rig=rig, plan=plan, who=who, seed=first.seed, path=log, history=history)
        return _conduct(job, writer, clock, abort, manner)


# -- what is given ------------------------------------------------------------------------------------------------


def _station(station: str | None, simulate: str | None) -> LoadedStation:
    if (station is None) == (simulate is None):
        raise InputError(
            "a visit needs one station",
            remedy="write --simulate to try it without instruments, or --station FILE for a bench of your own",
        )
    return find_station(station) if station is not None else simulated_station(simulate or "default")


def _refuse_toys_on_real_instruments(bench: LoadedStation, manner: "Manner") -> None:
    """Speed, an absent operator and a simulated button exist in simulation only."""
    if bench.station.simulated:
        return
    if manner.unattended or manner.speed != "1":
        raise InputError(
            "this station is real: a visit on it has an operator and runs in real time",
            where=bench.source,
            remedy="leave out --auto and --speed",
        )
    if bench.station.button == "simulated":
        raise StationFileError(
            "this station is real and its button is simulated", where=bench.source, remedy="write button: keyboard"
        )


def _who(participant: str | None, visit: int, operator: str | None, study: str, *, simulated: bool) -> Who:
    if not simulated and not (participant and operator):
        raise InputError("a real visit needs --participant and --operator")
    for name, value in (("operator", operator), ("study", study)):
        if value and not _IDENTIFIER.fullmatch(value):
            raise InputError(f"{value!r} cannot be the {name}'s id", remedy="use 1 to 32 letters, digits, '_' or '-'")
    return Who(
        study_id=study,
        participant_id=participant if participant is not None else SIMULATED_PARTICIPANT,
        visit=visit,
        operator_id=operator if operator is not None else SIMULATED_OPERATOR,
    )


def _resumable(so_far: VisitLog, path: Path) -> Header:
    """The header of a visit that can go on."""
    if so_far.header is None:
        what = so_far.damage[0].what if so_far.damage else "it ends inside its first record"
        raise InputError(
            f"there is no visit to resume in this file: {what}", where=str(path), remedy="begin a new visit"
        )
    if so_far.outcome in (VisitOutcome.COMPLETED, VisitOutcome.WITHDRAWN):
        raise InputError(
            f"this visit is {so_far.outcome.value}; there is nothing to resume",
            where=str(path),
            remedy="'qst summary' shows what it found",
        )
    return so_far.header


def _recorded_profile(first: Header, log: Path) -> Profile | None:
    """The simulated participant as the log's header has it; None in a real visit."""
    if not first.simulated:
        return None
    return parse_profile(first.participant_model, where=f"{log.name} (participant model)")


# -- the visit ----------------------------------------------------------------------------------------------------


def _conduct(job: "Job", log: LogWriter, clock: Clock, abort: AbortSwitch, manner: "Manner") -> int:
    """Run it, show it, and say how it ended."""
    console = VisitConsole(quiet=manner.as_json)
    simulated = job.rig.station.station.simulated
    title = f"{job.plan.protocol_id} · {job.who.participant_id} · visit {job.who.visit}"
    with contextlib.suppress(OSError):  # a lost screen does not decide a visit
        if not simulated:
            console.print(INTENDED_USE, highlight=False, style="bold")
        console.print(f"{'SIMULATED  ' if simulated else ''}{title}  (seed {job.seed})", highlight=False)
    with abort_on_signals(abort), _operator(job, console, clock, abort, manner, title) as operator:
        result = run_session(
            job.rig,
            job.plan,
            operator,
            log,
            clock,
            abort,
            functools.partial(score_all, job.plan),
            operator_id=job.who.operator_id,
            history=job.history,
        )
    if manner.as_json:
        click.echo(json_result(result, job.path, simulated=simulated))
    else:
        print_result(console, result, job.path)
    return 0 if result.outcome is VisitOutcome.COMPLETED else 1


@contextmanager
def _operator(
    job: "Job", console: Console, clock: Clock, abort: AbortSwitch, manner: "Manner", title: str
) -> Iterator[Operator]:
    """Who runs the visit, and what is seen of it: lines at full speed, a live picture in real time."""
    if manner.unattended and (manner.speed == FASTEST or manner.as_json):
        yield AutomaticOperator(clock, job.rig.hands, Unbreakable(LineView(console)))
        return
    if manner.unattended:
        with _live(job, console, title) as view:
            yield AutomaticOperator(clock, job.rig.hands, Unbreakable(view), follows_samples=True)
        return
    with single_keys() as read_keys, _live(job, console, title) as view:
        button = job.rig.button if isinstance(job.rig.button, SpaceBar) else None
        keyboard = Keyboard(abort, read_keys)
        keyboard.start()
        view.help = HELP
        yield TerminalOperator(keyboard, view.ask, Unbreakable(view), button)


def _live(job: "Job", console: Console, title: str) -> LiveView:
    banner = "SIMULATED  " if job.rig.station.station.simulated else ""
    n_done = job.history.next_index - 1 if job.history is not None else 0
    return LiveView(console, f"{banner}{title}", len(job.plan.trials), n_done)
