"""Whether a visit log can be believed: its bytes, its order, and whether its records agree with each other."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from qst.record.chain import Damage, DamageKind
from qst.record.reader import parse_log, read_bytes
from qst.record.records import VisitOutcome
from qst.record.rules import RULES, Finding, Rule, repeated_keys
from qst.record.visit_log import Torn, VisitLog

__all__ = ["Finding", "Status", "VerifyReport", "verify_log"]


class Status(StrEnum):
    """The verdict on a log; the first that applies, in this order from the worst."""

    UNREADABLE = "unreadable"  # given by those who look at many logs; ``verify_log`` raises
    DAMAGED = "damaged"  # the file is not what was written, or contradicts itself
    TORN = "torn"  # it ends inside a line, as after a crash; everything before that is whole
    INTERRUPTED = "interrupted"  # whole, but without the record that a session writes when it ends by itself
    INTACT = "intact"  # whole and ended; the visit's own outcome is another matter


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict and the reasons for it. ``n_trials`` counts trial records, ``n_lines`` whole lines that verify."""

    path: str
    status: Status
    findings: tuple[Finding, ...]
    n_lines: int
    n_trials: int
    outcome: VisitOutcome


_MEANING = {
    DamageKind.EDITED: "Somebody or something changed the file after it was written. The line is not used.",
    DamageKind.MISSING: "Lines were removed. What follows them is not used, because a decision may be among them.",
    DamageKind.DUPLICATED: "Something was copied into the file twice.",
    DamageKind.OUT_OF_ORDER: "Lines were moved. The log's own order is known and was used.",
    DamageKind.FOREIGN: "Something else was written into the file.",
    DamageKind.OTHER_LOG: "Files were joined, or two copies of one visit were continued separately.",
    DamageKind.LINE_ENDINGS: "Copy the file again in binary mode.",
    DamageKind.NEWER_SCHEMA: "This version of the software must not interpret it.",
    DamageKind.INVALID: "It was not written by this suite, or by a defect of it.",
    DamageKind.NOT_A_LOG: "Check the file's name.",
    DamageKind.EMPTY: "Nothing can be recovered from it.",
}


def verify_log(path: Path, rules: Sequence[Rule] = RULES) -> VerifyReport:
    """Check everything that the log's own records can tell.

    Args:
        path: the file.
        rules: what the records of a log that verifies must agree on.

    Raises:
        InputError: the file cannot be read at all.
    """
    data = read_bytes(path)
    log = parse_log(data, name=path.name, verify=True, traces=True)
    findings = [_from_damage(damage) for damage in log.damage]
    if not log.damage:
        findings += repeated_keys(data)
        for rule in rules:
            findings += rule(log)
    findings.sort(key=lambda finding: finding.line)
    if log.torn is not None:
        findings.append(_from_torn(log.torn))
    return VerifyReport(
        path=str(path),
        status=_status(log, findings),
        findings=tuple(findings),
        n_lines=len(log.entries),
        n_trials=len(log.trials),
        outcome=log.outcome,
    )


def _status(log: VisitLog, findings: list[Finding]) -> Status:
    if any(finding.damage for finding in findings):
        return Status.DAMAGED
    if log.torn is not None:
        return Status.TORN
    return Status.INTACT if log.ended else Status.INTERRUPTED


def _from_damage(damage: Damage) -> Finding:
    return Finding(line=damage.line, kind=damage.kind.value, what=damage.what, means=_MEANING[damage.kind])


def _from_torn(torn: Torn) -> Finding:
    if torn.n_bytes == 0:
        what, means = "the last line feed is missing", "The process was ended while writing. Nothing is lost."
    else:
        what = f"the last {torn.n_bytes} bytes, from byte {torn.offset} on, are the beginning of a line"
        means = "The process was ended while writing. This one record is lost; everything before it is whole."
    return Finding(line=torn.line, kind="torn", what=what, means=means, damage=False)
