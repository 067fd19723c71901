"""A visit made ready to run: the way that the terminal and the console share.

Everything is in order before anything is connected: protocol, station, plan, participant, log. A :class:`Job` has its
log open; whoever holds it runs it with :func:`conduct` and closes the log, whatever happens in between.
"""

import functools
import re
import secrets
from pathlib import Path

import msgspec

from qst import __version__
from qst.abort import AbortSwitch
from qst.analysis.scores import score_all
from qst.clock import Clock, PacedClock, RealClock, VirtualClock
from qst.errors import InputError, QstError, StationFileError
from qst.protocol.loader import load_bytes, load_protocol
from qst.protocol.plan import Plan
from qst.record.log import LogWriter, log_path
from qst.record.reader import read_log
from qst.record.records import Deviation, Header, Note, Resume, VisitOutcome
from qst.record.visit_log import VisitLog
from qst.rigs.build import make_rig
from qst.rigs.earlier import dose_note, doses_of, real_logs, refuse_begun_already
from qst.rigs.guards import reports_path, unheard_reports
from qst.rigs.present import tightened
from qst.rigs.simulated import find_station
from qst.station import LoadedStation, load_station_bytes
from qst.visit.defects import unforeseen
from qst.visit.engine import VisitResult
from qst.visit.history import History, history_of
from qst.visit.operator import Operator
from qst.visit.session import Rig, Who, checked_plan, header, run_session
from qst_simulators.profile import Profile, load_profile, parse_profile

#: The speed of virtual time: as fast as the computer can.
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

#: What the id of an operator or a study is made of.
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,32}")


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How a visit is run. ``speed``: ``max``, or so many visit seconds a second; ``attended``: an operator is there."""

    speed: str = "1"
    attended: bool = True

    def clock(self, abort: AbortSwitch) -> Clock:
        """The clock that this speed asks for."""
        if self.speed == FASTEST:
            return VirtualClock(abort)
        return RealClock(abort) if self.speed == "1" else PacedClock(abort, speed=float(self.speed))


class VisitRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a person chose for a new visit.

    Args:
        protocol: a shipped protocol's name, or a file.
        station: a shipped simulated station's name, or a file.
        participant: pseudonym; None only in simulation.
        visit: 1, 2, …
        operator: None only in simulation.
        study: study identifier, may be empty.
        seed: everything random follows from it; chosen when None.
        participant_model: who is simulated.
        data: folder for logs.
        capture: folder for files with every byte on the wires.
        manner: how it is run.
        simulated: what the person believes about the station; None when nobody said.
        again: why a real visit is begun anew although it could be resumed; empty when it is not.
    """

    protocol: str
    station: str
    participant: str | None = None
    visit: int = 1
    operator: str | None = None
    study: str = ""
    seed: int | None = None
    participant_model: str = "fibromyalgia"
    data: str = "qst-data"
    capture: str | None = None
    manner: Manner = Manner()
    simulated: bool | None = None
    again: str = ""


class ResumeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a person chose for the rest of an interrupted visit; ``manner`` None: as the visit was begun.

    ``stations``: names and files of stations as they are now; limits that are tighter there than in the log hold.
    """

    log: str
    operator: str | None = None
    capture: str | None = None
    manner: Manner | None = None
    stations: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A visit that is ready to run; its log is open and has its header (or its resume record).

    ``earlier_log``: a log of the same visit that existed already, if there is one.
    """

    rig: Rig
    plan: Plan
    who: Who
    seed: int
    log: LogWriter
    path: Path
    clock: Clock
    abort: AbortSwitch
    history: History | None = None
    earlier_log: Path | None = None

    @property
    def simulated(self) -> bool:
        """Whether there is nothing real on this bench."""
        return self.rig.station.station.simulated

    @property
    def title(self) -> str:
        """Protocol, participant and visit, for a heading."""
        return f"{self.plan.protocol_id} · {self.who.participant_id} · visit {self.who.visit}"

    @property
    def n_done(self) -> int:
        """How many trials are behind us."""
        return self.history.next_index - 1 if self.history is not None else 0


def prepare_visit(request: VisitRequest, abort: AbortSwitch) -> Job:
    """Get a new visit ready and create its log. Connects nothing.

    Raises:
        InputError: something that the person chose is wrong, or does not fit together, or a real visit that could be
            resumed is begun anew without a reason; no log was created.
        LogWriteError: the log cannot be written.
    """
    loaded = load_protocol(request.protocol)
    bench = find_station(request.station)
    _refuse_mistaken_identity(bench, request.simulated)
    _refuse_toys_on_real_instruments(bench, request.manner)
    who = _who(request, simulated=bench.station.simulated)
    seed = secrets.randbits(32) if request.seed is None else request.seed
    clock = request.manner.clock(abort)
    profile = load_profile(request.participant_model) if bench.station.in_process else None
    data = Path(request.data)
    path = log_path(data, who.participant_id, request.visit, loaded.protocol.id)
    earlier = () if bench.station.simulated else real_logs(data, who.participant_id, request.visit)
    refuse_begun_already(earlier, request.again)
    doses = doses_of(earlier)
    rig = _rig(bench, clock, abort, profile, request.manner, request.capture, path, seed=seed, visit=request.visit)
    plan = checked_plan(loaded, seed, rig)
    first = data / f"{who.participant_id}_visit-{request.visit}_{plan.protocol_id}.jsonl"
    log = LogWriter.create(path, clock, sync=clock.kind == "real")
    try:
        log.write(header(who, loaded, plan, rig, clock, seed=seed))
        if request.again:
            log.write(Deviation(kind="again", text=f"begun anew although it could be resumed: {request.again}"))
        if note := dose_note(earlier, doses):
            log.write(Note(text=note))
    except BaseException:
        log.close()
        raise
    return Job(
        rig=rig,
        plan=plan,
        who=who,
        seed=seed,
        log=log,
        path=path,
        clock=clock,
        abort=abort,
        history=History(elsewhere=doses) if doses else None,
        earlier_log=first if path != first else None,
    )


def prepare_resume(request: ResumeRequest, abort: AbortSwitch) -> Job:
    """Get the rest of an interrupted visit ready, in its own log. Connects nothing.

    Protocol, station, seed and simulated participant come from the log itself; limits that the station has by now are
    held where they are tighter, and a plan that is beyond them is refused.

    Raises:
        InputError: there is nothing to resume, it is beyond the limits by now, or somebody else writes this log.
        LogDamagedError: the log does not verify.
        LogWriteError: the log cannot be written.
    """
    path = Path(request.log)
    manner = request.manner or manner_of(path)
    clock = manner.clock(abort)
    log, so_far = LogWriter.resume(path, clock, sync=clock.kind == "real")
    try:
        return _resumed(request, manner, path, log, so_far, clock, abort)
    except BaseException:
        log.close()
        raise


def manner_of(path: Path, *, auto: bool = False, speed: str | None = None) -> Manner:
    """How an interrupted visit is to go on: unattended where nobody had attended it, or where ``auto`` asks for it.

    Raises:
        InputError: there is no visit to resume in this file.
    """
    begun_by = resumable(read_log(path), path).operator_id
    attended = not auto and begun_by != SIMULATED_OPERATOR
    return Manner(speed=speed or ("1" if attended else FASTEST), attended=attended)


def _resumed(
    request: ResumeRequest,
    manner: Manner,
    path: Path,
    log: LogWriter,
    so_far: VisitLog,
    clock: Clock,
    abort: AbortSwitch,
) -> Job:
    first = resumable(so_far, path)
    bench = load_station_bytes(first.station_text.encode("utf-8"), f"{path.name} (station)")
    bench = tightened(bench, request.stations)
    _refuse_toys_on_real_instruments(bench, manner)
    profile = _recorded_profile(first, path)
    rig = _rig(bench, clock, abort, profile, manner, request.capture, path, seed=first.seed, visit=first.visit)
    plan = checked_plan(load_bytes(first.protocol_text.encode("utf-8"), f"{path.name} (protocol)"), first.seed, rig)
    others = () if first.simulated else real_logs(path.parent, first.participant_id, first.visit, besides=path)
    history = msgspec.structs.replace(history_of(so_far), elsewhere=doses_of(others))
    # Judgements are signed by whoever makes them: nobody else's name stands under automatic ones.
    operator = request.operator or (first.operator_id if manner.attended else SIMULATED_OPERATOR)
    who = Who(
        participant_id=first.participant_id,
        visit=first.visit,
        operator_id=_identifier("operator", operator),
        study_id=first.study_id,
    )
    log.write(
        Resume(
            software_version=__version__,
            operator_id=who.operator_id,
            clock=clock.kind,
            seed=first.seed,
            torn=so_far.torn_text,
            next_sequence_index=history.next_index,
        )
    )
    for report in unheard_reports(path, so_far):
        log.write(report)
    return Job(
        rig=rig,
        plan=plan,
        who=who,
        seed=first.seed,
        log=log,
        path=path,
        clock=clock,
        abort=abort,
        history=history,
    )


def conduct(job: Job, operator: Operator) -> VisitResult:
    """Connect, run, make safe, close; the log is closed when this returns.

    Raises:
        LogWriteError: the log cannot be written; the instruments are safe and closed.
        DefectError: something that nobody foresaw: a message for a person, and no trace-back.
    """
    with job.log:
        try:
            return run_session(
                job.rig,
                job.plan,
                operator,
                job.log,
                job.clock,
                job.abort,
                functools.partial(score_all, job.plan),
                operator_id=job.who.operator_id,
                history=job.history,
            )
        except QstError:
            raise
        except Exception as error:
            raise unforeseen(error) from error


# -- what is given ------------------------------------------------------------------------------------------------


def _rig(
    bench: LoadedStation,
    clock: Clock,
    abort: AbortSwitch,
    profile: Profile | None,
    manner: Manner,
    capture: str | None,
    log: Path,
    *,
    seed: int,
    visit: int,
) -> Rig:
    folder = None if capture is None else Path(capture)
    return make_rig(
        bench,
        clock,
        abort,
        profile,
        seed=seed,
        visit=visit,
        attended=manner.attended,
        capture=folder,
        guard_reports=reports_path(log),
    )


def _refuse_mistaken_identity(bench: LoadedStation, believed: bool | None) -> None:
    """Nobody is tested on a toy, and nobody tries a button out on a person."""
    if believed is None or believed == bench.station.simulated:
        return
    really, meant = ("simulated", "real") if bench.station.simulated else ("real", "simulated")
    raise InputError(
        f"this station is {really}, and a {meant} visit was asked for",
        where=bench.source,
        did="connected nothing",
        remedy=f"choose a {meant} station, or say that the visit is {really}",
    )


def _refuse_toys_on_real_instruments(bench: LoadedStation, manner: Manner) -> None:
    """Speed, an absent operator and a simulated button exist in simulation only."""
    if bench.station.in_process:
        return
    if not manner.attended or manner.speed != "1":
        raise InputError(
            "the links of this station are real: a visit over them has an operator and runs in real time",
            where=bench.source,
            remedy="leave out --auto and --speed",
        )
    if bench.station.button == "simulated":
        raise StationFileError(
            "the links of this station are real and its button is simulated",
            where=bench.source,
            remedy="write button: keyboard",
        )


def _who(request: VisitRequest, *, simulated: bool) -> Who:
    if not simulated and not (request.participant and request.operator):
        raise InputError("a real visit needs --participant and --operator")
    return Who(
        study_id=request.study and _identifier("study", request.study),
        participant_id=request.participant if request.participant is not None else SIMULATED_PARTICIPANT,
        visit=request.visit,
        operator_id=_identifier("operator", request.operator) if request.operator else SIMULATED_OPERATOR,
    )


def _identifier(name: str, value: str) -> str:
    if not IDENTIFIER.fullmatch(value):
        raise InputError(f"{value!r} cannot be the {name}'s id", remedy="use 1 to 32 letters, digits, '_' or '-'")
    return value


def resumable(so_far: VisitLog, path: Path) -> Header:
    """The header of a visit that can go on. Raises InputError when there is none."""
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


def _recorded_profile(first: Header, path: Path) -> Profile | None:
    """The simulated participant as the log's header has it; None in a visit over real links."""
    if not first.participant_model:
        return None
    return parse_profile(first.participant_model, where=f"{path.name} (participant model)")
