"""Whether the summary values that a visit recorded at its end are those that its trials come to."""

import math
from collections.abc import Iterator
from pathlib import Path

from qst.analysis.scores import score_all
from qst.errors import InputError
from qst.protocol.loader import load_bytes
from qst.protocol.plan import Plan
from qst.protocol.planner import make_plan
from qst.record.assemble import assemble
from qst.record.records import End, Header, Score, Trial
from qst.record.rules import RULES, Finding
from qst.record.verify import VerifyReport, verify_log
from qst.record.visit_log import VisitLog

_CONTRADICTION = "The log contradicts itself. Ask who wrote it, and do not use it until that is known."
_EARLIER = "An earlier version wrote it. In tables this attempt does not count: its rejection may be what is lost."
_UNCHECKED = "The trials can be used; the summary of the end record is none of their proofs."


def verify_visit(path: Path) -> VerifyReport:
    """As :func:`qst.record.verify.verify_log`; the recorded summary is computed once more from the trials as well.

    Raises:
        InputError: the file cannot be read at all.
    """
    return verify_log(path, rules=(*RULES, summary))


def summary(log: VisitLog) -> Iterator[Finding]:
    """Every end record has the summary values of the trials, and the judgements on them, that stand before it.

    Earlier versions counted an attempt whose judgement was lost when the visit went on; that is said, and is no damage.
    """
    for place, entry in enumerate(log.entries):
        end = entry.record
        if not isinstance(end, End) or log.header is None:
            continue
        seen = _until(log, place)
        lost = [attempt for attempt in seen.attempts if attempt.decision_lost]
        try:
            plan = _plan(log.header)
            expected = score_all(plan, seen.trials)
            earlier = score_all(plan, _counting(seen)) if lost else expected
        except (InputError, ValueError):
            if end.summary:
                what = "the protocol cannot be scored by this version, so the recorded summary was not checked"
                yield Finding(line=entry.line, kind="end_unscored", what=what, means=_UNCHECKED, damage=False)
            continue
        if lost and any(_differences(expected, end.summary)) and not any(_differences(earlier, end.summary)):
            named = ", ".join(f"attempt {one.attempt} at trial {one.sequence_index}" for one in lost)
            what = f"the recorded summary counts what nobody judged: {named}"
            yield Finding(line=entry.line, kind="end_not_judged", what=what, means=_EARLIER, damage=False)
            continue
        for what in _differences(expected, end.summary):
            yield Finding(line=entry.line, kind="end_summary", what=what, means=_CONTRADICTION)


def _plan(header: Header) -> Plan:
    return make_plan(load_bytes(header.protocol_text.encode("utf-8"), "protocol"), header.seed)


def _until(log: VisitLog, place: int) -> VisitLog:
    """The log as it stood when the entry at ``place`` had been written."""
    known = {name: getattr(log, name) for name in log.__struct_fields__ if name not in _ASSEMBLED}
    return assemble(log.entries[: place + 1], (), **known)


def _counting(log: VisitLog) -> list[Trial]:
    """The trials, those whose judgement is lost as they were recorded."""
    recorded = [(attempt, attempt.trial) for attempt in log.attempts if attempt.trial is not None]
    judged = zip(recorded, log.trials, strict=True)
    return [trial if attempt.decision_lost else verdict for (attempt, trial), verdict in judged]


_ASSEMBLED = frozenset({"header", "entries", "sessions", "attempts", "damage"})


def _differences(expected: tuple[Score, ...], recorded: tuple[Score, ...]) -> Iterator[str]:
    if [score.id for score in expected] != [score.id for score in recorded]:
        names = (", ".join(score.id for score in scores) or "none" for scores in (recorded, expected))
        yield "the end record has the summary values {}; the protocol has {}".format(*names)
        return
    for right, found in zip(expected, recorded, strict=True):
        for name in right.__struct_fields__:
            wanted, stated = getattr(right, name), getattr(found, name)
            if not _equal(wanted, stated):
                yield f"the end record states {right.id}, {name}: {stated}; the trials come to {wanted}"


def _equal(wanted: object, stated: object) -> bool:
    """The same; of numbers, as far as two versions of Python's own arithmetic agree."""
    if isinstance(wanted, float) and isinstance(stated, float):
        return math.isclose(wanted, stated, rel_tol=1e-9, abs_tol=1e-9)
    return wanted == stated
