"""What the report of a visit says, as plain texts: everything that is to be known before it is laid out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

import qst
from qst.analysis.dataset import Dataset, read
from qst.analysis.plots.visit import VisitView, visits_of
from qst.analysis.recorded_summary import verify_visit
from qst.analysis.report.events import Group, events_of, moment
from qst.analysis.report.tables import Cells, device_table, recorded_scores, score_table, trial_table
from qst.record.reader import read_log
from qst.record.records import Header
from qst.record.rules import Finding
from qst.record.verify import Status, VerifyReport
from qst.record.visit_log import VisitLog

_VERDICTS: Final = {
    Status.INTACT: "Intact: every line has its hash and its place, the records agree with each other, and the end of "
    "the visit is recorded.",
    Status.INTERRUPTED: "Whole as far as it goes, but the end of the visit is not recorded: the program did not end "
    "by itself, or lines are missing at the end of the file.",
    Status.TORN: "Torn: the file ends inside a record. Everything before that is whole.",
    Status.DAMAGED: "Damaged: the file is not what was written, or contradicts itself. No value of it is shown here.",
}

_UNSCORED: Final = "These are the values that the visit recorded at its end, not made anew:"

Facts = Sequence[tuple[str, str]]


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """What a trusted log says. ``scores_note`` is empty, or says why the scores are not made anew."""

    completeness: Facts
    scores: Cells
    scores_note: str
    trials: Cells
    devices: Cells
    events: Sequence[Group]
    protocol_text: str
    station_text: str
    participant_model: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of a report; a log that does not verify has no ``results``."""

    title: str
    simulated: bool
    facts: Facts
    status: str
    verdict: str
    findings: Sequence[Finding]
    last_hash: str
    results: Results | None
    software: str


class Source(NamedTuple):
    """A log as the report needs it; ``view`` is None when it is not to be trusted."""

    log: VisitLog
    checked: VerifyReport
    dataset: Dataset | None
    view: VisitView | None


def source_of(path: Path) -> Source:
    """Read and verify a log.

    Raises:
        InputError: the file cannot be read.
    """
    log, checked = read_log(path, traces=True), verify_visit(path)
    if checked.status is Status.DAMAGED or log.header is None:
        return Source(log, checked, None, None)
    dataset = read(path, helpers=0)
    return Source(log, checked, dataset, visits_of(dataset)[0])


def content_of(source: Source) -> Report:
    """The texts of the report."""
    log, checked = source.log, source.checked
    header = log.header
    whose = f"{header.participant_id}, visit {header.visit}" if header is not None else log.name
    return Report(
        title=f"Visit report: {whose}",
        simulated=header is not None and header.simulated,
        facts=_facts(log, header) if header is not None else [("Log file", log.name)],
        status=checked.status.value,
        verdict=_VERDICTS[checked.status],
        findings=checked.findings,
        last_hash=log.last_hash,
        results=_results(source, header) if header is not None else None,
        software=f"qst-suite {qst.__version__}",
    )


def _facts(log: VisitLog, header: Header) -> Facts:
    end = log.sessions[-1].end if log.sessions else None
    began, ended = (moment(entry.utc, header.utc_offset_s) for entry in (log.entries[0], log.entries[-1]))
    reason = f": {end.reason}" if end is not None and end.reason else ""
    facts = [
        ("Participant", header.participant_id),
        ("Visit", str(header.visit)),
        ("Study", header.study_id or "none given"),
        ("Kind", "simulated participant and instruments" if header.simulated else "real"),
        ("Protocol", f"{header.protocol_id} {header.protocol_version}"),
        ("Protocol SHA-256", header.protocol_sha256),
        ("Operator", ", ".join(dict.fromkeys(session.operator_id for session in log.sessions))),
        ("Station", header.station_id),
        ("Began", began),
        ("Last record", ended),
        ("Outcome", f"{log.outcome.value}{reason}"),
        ("Sessions", _sessions(log)),
        ("Software", ", ".join(dict.fromkeys(f"qst-suite {session.software_version}" for session in log.sessions))),
        ("Schema of the log", str(header.schema_version)),
        ("Seed", str(header.seed)),
        ("Log", f"{log.name} ({header.session_uuid})"),
    ]
    if header.clock == "virtual":
        facts.insert(10, ("Clock", "virtual: its dates and times of day say nothing"))
    return facts


def _sessions(log: VisitLog) -> str:
    n_resumes = len(log.sessions) - 1
    return "one" if not n_resumes else f"{len(log.sessions)}: the visit was interrupted and resumed {n_resumes} time(s)"


def _results(source: Source, header: Header) -> Results | None:
    view, dataset = source.view, source.dataset
    if view is None or dataset is None:
        return None
    unscored = dataset.unscored
    return Results(
        completeness=_completeness(view),
        scores=recorded_scores(source.log) if unscored else score_table(dataset),
        scores_note=f"{_UNSCORED} {unscored[0].text}" if unscored else "",
        trials=trial_table(view),
        devices=device_table(source.log),
        events=events_of(source.log),
        protocol_text=header.protocol_text,
        station_text=header.station_text,
        participant_model=header.participant_model,
    )


def _completeness(view: VisitView) -> Facts:
    facts = view.facts
    missing = str(facts["missing_trials"] or "").replace(" ", ", ")
    return [
        ("Planned trials, practice too", str(facts["n_planned"])),
        ("with a valid attempt", str(facts["n_valid"])),
        ("of these without a threshold (censored)", str(facts["n_censored"])),
        ("Trials without a valid attempt", missing or "none"),
        ("Attempts", str(facts["n_attempts"])),
        ("Attempts that do not count", str(facts["n_invalid"])),
        ("Attempts that were interrupted", str(facts["n_interrupted"])),
        ("Deviations", str(facts["n_deviations"])),
        ("Adverse events", str(facts["n_adverse_events"])),
        ("Failures", str(facts["n_faults"])),
    ]
