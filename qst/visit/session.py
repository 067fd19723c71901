"""A whole session: instruments connected, plan run or continued, everything closed, one log.

Protocol, station, plan and log are in order before anything is connected; however the session ends, the instruments are
made safe and closed, and the log says how it ended.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import msgspec

from qst import __version__
from qst.abort import Aborted, AbortSwitch
from qst.clock import Clock
from qst.errors import LogWriteError, PlanError, QstError, RefusedError
from qst.instruments import (
    Algometer,
    Capabilities,
    ConnectedButton,
    Identity,
    Instrument,
    Link,
    ResponseButton,
    Thermode,
)
from qst.protocol.check import ERROR, check_plan
from qst.protocol.loader import LoadedProtocol
from qst.protocol.plan import Plan
from qst.protocol.planner import make_plan
from qst.record import records
from qst.record.records import SCHEMA_VERSION, VisitOutcome
from qst.station import InstrumentSpec, LoadedStation, Station, build_instrument
from qst.units import parse
from qst.visit.bench import Bench
from qst.visit.commands import INSTRUMENT_FAILURES, tell_unsafe
from qst.visit.defects import unforeseen
from qst.visit.desk import Desk, LogSink
from qst.visit.ending import Ending
from qst.visit.engine import Scorer, VisitEngine, VisitResult, judged
from qst.visit.history import History
from qst.visit.operator import Hands, Operator
from qst.visit.promptness import prompt_threads
from qst.visit.words import role_of


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Who does which visit with whom. Identifiers are pseudonyms, never names."""

    participant_id: str
    visit: int
    operator_id: str
    study_id: str = ""


class Rig(msgspec.Struct, frozen=True, kw_only=True):
    """A station's drivers, built and not yet connected, with what surrounds them.

    ``button`` and ``hands`` as in :class:`qst.visit.attempt.Bench`; ``participant_model`` is the text of the simulated
    participant, empty in a real visit.
    """

    station: LoadedStation
    instruments: Mapping[str, Instrument]
    button: ResponseButton | None
    hands: Hands | None
    participant_model: str = ""

    def capabilities(self, role: str) -> Capabilities | None:
        """What the instrument in this role can do; None when the station has none."""
        instrument = self.instruments.get(role)
        return None if instrument is None else instrument.capabilities

    def bench(self, identities: Mapping[str, Identity] | None = None) -> Bench:
        """What attempts work with; ``identities`` by role, as the instruments told them when they were connected."""
        specs = self.station.station.roles()
        return Bench(
            thermode=cast("Thermode | None", self.instruments.get("thermode")),
            algometer=cast("Algometer | None", self.instruments.get("algometer")),
            thermode_driver=specs["thermode"].driver if "thermode" in specs else "",
            algometer_driver=specs["algometer"].driver if "algometer" in specs else "",
            button=self.button,
            hands=self.hands,
            limits={role: spec.limits for role, spec in specs.items() if spec.limits is not None},
            identities=identities or {},
        )


def build_instruments(
    station: LoadedStation, link: Callable[[str, InstrumentSpec], Link], clock: Clock
) -> dict[str, Instrument]:
    """The drivers of a station by role, over the links that ``link`` makes. Opens nothing. Raises StationFileError."""
    return {
        role: build_instrument(station, role, link(role, spec), clock) for role, spec in station.station.roles().items()
    }


def checked_plan(loaded: LoadedProtocol, seed: int, rig: Rig) -> Plan:
    """The plan of a protocol and a seed, proved against the suite's limits and this station. Connects nothing.

    Raises:
        PlanError: with everything that may not, or cannot, be done.
    """
    plan = make_plan(loaded, seed)
    report = check_plan(plan, rig.capabilities("thermode"), rig.capabilities("algometer"))
    problems = [problem.text for problem in report.problems if problem.severity == ERROR]
    problems += station_problems(plan, rig.instruments, rig.station)
    if problems:
        raise PlanError(
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''}\n  " + "\n  ".join(problems),
            where=f"{loaded.source} on {rig.station.source}",
            did="connected nothing",
            remedy="change the protocol, or use a station that can do it; 'qst check' shows the whole plan",
        )
    return plan


def station_problems(plan: Plan, instruments: Mapping[str, Instrument], station: LoadedStation) -> list[str]:
    """What the station's limits, and its instruments as they are set up, refuse; each once."""
    problems: dict[str, None] = {}
    specs = station.station.roles()
    for trial in plan.trials:
        role = role_of(trial.modality)
        instrument = instruments.get(role)
        if instrument is None:
            problems[f"{trial.stimulus_id}: this station has no {role}"] = None
            continue
        limits = specs[role].limits
        if limits is not None and (problem := limits.problem(trial.ramp)):
            problems[f"{trial.stimulus_id}: {problem}"] = None
        try:
            instrument.check(trial.ramp)
        except RefusedError as error:
            problems[f"{trial.stimulus_id}: {error.what}; {error.remedy}" if error.remedy else str(error)] = None
    return list(problems)


def header(who: Who, loaded: LoadedProtocol, plan: Plan, rig: Rig, clock: Clock, *, seed: int) -> records.Header:
    """First record of the log. Without real links the visit's identifier follows from its seed; else it is random."""
    station = rig.station.station
    name = "/".join((str(seed), who.participant_id, str(who.visit), loaded.sha256, rig.station.text))
    return records.Header(
        schema_version=SCHEMA_VERSION,
        software_version=__version__,
        study_id=who.study_id,
        session_uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, name) if station.in_process else uuid.uuid4()),
        participant_id=who.participant_id,
        visit=who.visit,
        operator_id=who.operator_id,
        simulated=station.simulated,
        seed=seed,
        clock=clock.kind,
        utc_offset_s=clock.utc_offset_s(),
        protocol_id=plan.protocol_id,
        protocol_version=plan.protocol_version,
        protocol_sha256=plan.protocol_sha256,
        protocol_text=loaded.text,
        station_id=station.id,
        station_text=rig.station.text,
        participant_model=rig.participant_model,
        n_planned=len(plan.trials),
    )


def run_session(
    rig: Rig,
    plan: Plan,
    operator: Operator,
    log: LogSink,
    clock: Clock,
    abort: AbortSwitch,
    scorer: Scorer,
    *,
    operator_id: str,
    history: History | None = None,
) -> VisitResult:
    """Connect, run, close. The log already has its header (or its resume record).

    Raises:
        LogWriteError: the log cannot be written; the instruments are safe and closed.
        DefectError: something that nobody foresaw; the log has it, the instruments were made safe and closed.
    """
    before = _Before(history or History(), scorer)
    with _closing(rig, abort), prompt_threads(clock):
        connected: list[Instrument] = []
        try:
            log.commit()
            identities = _connect(rig, log, connected)
        except INSTRUMENT_FAILURES as error:
            with abort.shielded():
                return _not_started(log, error, abort, before)
        except Aborted:
            return _stopped_connecting(connected, operator, log, abort, before)
        except LogWriteError:
            raise
        except Exception as error:
            defect = unforeseen(error)
            with abort.shielded():
                _not_started(log, defect, abort, before)
            raise defect from error
        desk = Desk(operator, log, clock, abort, operator_id)
        engine = VisitEngine(plan, rig.bench(identities), desk, log, clock, abort, scorer, history)
        return engine.run()


class _Before(NamedTuple):
    """What the log holds already when a session ends before its first trial."""

    history: History
    scorer: Scorer

    def end(self, log: LogSink, outcome: VisitOutcome, reason: str) -> VisitResult:
        """The visit's last record: it speaks of the whole visit, not of this session."""
        trials = self.history.trials
        summary = self.scorer([judged(trial, self.history.rejected) for trial in trials])
        log.write(records.End(outcome=outcome, reason=reason, n_trials=len(trials), summary=summary))
        log.commit()
        return VisitResult(outcome=outcome, reason=reason, trials=trials, summary=summary)


def _stopped_connecting(
    connected: Sequence[Instrument], operator: Operator, log: LogSink, abort: AbortSwitch, before: _Before
) -> VisitResult:
    """A stop before the first trial. Nothing was driven, but who stops wants safety, not our opinion."""
    ending = Ending(log, abort)
    if not ending.make_safe(connected):
        tell_unsafe(operator)
    with abort.shielded():
        ending.record("connecting")
        return before.end(log, *ending.stopped())


@contextlib.contextmanager
def _closing(rig: Rig, abort: AbortSwitch) -> Iterator[None]:
    try:
        yield
    finally:
        with abort.shielded(), contextlib.ExitStack() as all_of_them:
            # Each is closed, whatever another one's driver raises.
            if isinstance(rig.button, ConnectedButton):
                all_of_them.callback(rig.button.close)
            for instrument in rig.instruments.values():
                all_of_them.callback(instrument.close)


def _connect(rig: Rig, log: LogSink, connected: list[Instrument]) -> dict[str, Identity]:
    """Connect every instrument and record who answered; ``connected`` grows by each that may have been reached."""
    if isinstance(rig.button, ConnectedButton):
        rig.button.connect()
    specs = rig.station.station.roles()
    identities, entries = {}, []
    for role, instrument in rig.instruments.items():
        connected.append(instrument)
        identity = identities[role] = instrument.connect()
        refuse_masquerade(rig.station.station, specs[role], identity)
        entries.append(_entry(role, specs[role], instrument, identity))
    log.write(records.Instruments(instruments=tuple(entries)))
    return identities


def refuse_masquerade(station: Station, spec: InstrumentSpec, identity: Identity) -> None:
    """Nothing simulated passes as real, nothing real as simulated, and no link to anything real fails on purpose.

    Raises:
        RefusedError: what the instrument says about itself is not what its station says about it.
    """
    if identity.simulated and not station.simulated:
        raise RefusedError(
            f"this {identity.model} says that it is simulated, and the station does not",
            where=spec.link,
            did="stimulated nobody",
            remedy="write 'simulated: true' in the station file, or connect the real instrument",
        )
    may_be_real = not (identity.simulated or spec.simulated or spec.recording)
    if may_be_real and spec.rehearsal:
        raise RefusedError(
            f"this {identity.model} does not say that it is simulated, and its link fails on purpose",
            where=spec.link,
            did="stimulated nobody",
            remedy="rehearse faults with simulated instruments only; for this one take 'fault+' out of its link",
        )
    if may_be_real and identity.simulated is False and station.simulated:
        raise RefusedError(
            f"this {identity.model} ({identity.serial}) is real, and the station says that it is simulated",
            where=spec.link,
            did="stimulated nobody",
            remedy="take 'simulated: true' out of the station file, or connect the simulated instrument",
        )


def _entry(role: str, spec: InstrumentSpec, instrument: Instrument, identity: Identity) -> records.InstrumentEntry:
    area = spec.settings.get("thermode_area")
    return records.InstrumentEntry(
        role=role,
        driver=spec.driver,
        link=spec.link,
        model=identity.model,
        serial=identity.serial,
        firmware=identity.firmware,
        detail=identity.detail,
        calibration_date=str(spec.settings.get("calibration_date", "")),
        tip_area_cm2=getattr(instrument, "tip_area_cm2", None),
        thermode_area_cm2=parse(str(area), "area") if area is not None else None,
    )


def _not_started(log: LogSink, error: QstError, abort: AbortSwitch, before: _Before) -> VisitResult:
    ending = Ending(log, abort)
    ending.record("connecting")  # stops that came while what had failed was being closed
    log.write(
        records.Fault(
            code=error.code,
            what=error.what,
            where=error.where,
            did="ended the visit before its first stimulus",
            remedy=error.remedy,
        )
    )
    if ending.withdrawn:
        return before.end(log, *ending.stopped())
    return before.end(log, VisitOutcome.FAILED, f"an instrument, or the button, did not connect: {error}")
