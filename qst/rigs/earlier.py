"""Other logs of the same visit: a visit on real instruments is begun once, and its skin is charged for all of it.

A visit that did not come to its end goes on in its own log. Begun anew instead, it would repeat stimuli that nobody
asked for, and take the skin for rested that has had half a visit already.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from qst.errors import InputError
from qst.protocol.loader import load_bytes
from qst.protocol.planner import make_plan
from qst.record.reader import read_log
from qst.record.records import Header, VisitOutcome
from qst.record.visit_log import VisitLog
from qst.visit.history import history_of
from qst.visit.site_dose import SiteDose, SiteDoses


class EarlierLog(msgspec.Struct, frozen=True, kw_only=True):
    """A log of this visit that was there already; ``header`` is the log's own."""

    path: Path
    log: VisitLog
    header: Header

    @property
    def is_open(self) -> bool:
        """Whether the visit in it did not come to its end."""
        return self.log.outcome in (VisitOutcome.INTERRUPTED, VisitOutcome.FAILED)


def real_logs(folder: Path, participant: str, visit: int, besides: Path | None = None) -> tuple[EarlierLog, ...]:
    """The logs of this visit with real instruments in ``folder``, whatever their protocol, without ``besides``.

    Raises:
        InputError: one of them is damaged, so that nobody knows what it holds.
    """
    found = []
    for path in sorted(folder.glob(f"{participant}_visit-{visit}_*.jsonl")):
        if besides is not None and path.resolve() == besides.resolve():
            continue
        log = read_log(path)
        if log.damage:
            raise InputError(
                f"a log of this visit is damaged: {log.damage[0].what}",
                where=str(path),
                did="connected nothing: what the skin has had already is not known",
                remedy="'qst verify' tells more; give the new visit another number",
            )
        if log.header is None or log.header.simulated:
            continue
        if (log.header.participant_id, log.header.visit) == (participant, visit):
            found.append(EarlierLog(path=path, log=log, header=log.header))
    return tuple(found)


def begun_already(log: str, n_done: int, n_planned: int) -> str:
    """What is wrong with beginning a visit anew; the terminal and the start screen say the same."""
    return f"this visit was begun already, and can be resumed after {n_done} of {n_planned} trials: {log}"


def refuse_begun_already(earlier: Sequence[EarlierLog], again: str) -> None:
    """A visit that can be resumed is not begun anew, unless a person says why.

    Raises:
        InputError: it was begun already, and no reason was given; or a reason for which there is no cause.
    """
    unfinished = [one for one in earlier if one.is_open]
    if again and not unfinished:
        raise InputError(
            "no earlier log of this visit can be resumed: there is nothing to begin again",
            did="connected nothing",
            remedy="leave out --again",
        )
    if unfinished and not again:
        last = unfinished[-1]
        n_done = len({trial.sequence_index for trial in last.log.trials})
        raise InputError(
            begun_already(last.path.name, n_done, last.header.n_planned),
            where=str(last.path),
            did="connected nothing",
            remedy=f"'qst resume {last.path}' goes on with it; a new visit has another number. Only where neither is "
            "right, --again REASON begins anew; the log keeps the reason, and what the skin has had counts on",
        )


def doses_of(logs: Iterable[EarlierLog]) -> tuple[SiteDose, ...]:
    """What these logs charge each site with, faults and lost processes in full.

    Raises:
        InputError: a protocol in one of them is none any more.
    """
    doses: list[SiteDose] = []
    for one in logs:
        name = f"{one.path.name} (protocol)"
        plan = make_plan(load_bytes(one.header.protocol_text.encode("utf-8"), name), one.header.seed)
        history = history_of(one.log)
        doses += SiteDoses(plan, history.trials, history.unrecorded).spent
    return tuple(doses)


def dose_note(logs: Sequence[EarlierLog], doses: Sequence[SiteDose]) -> str:
    """What the new log says of the old ones; empty when they have given no dose."""
    given = ", ".join(f"{dose.site_code} {dose.side} {dose.cem43_min:.2f}" for dose in doses if dose.cem43_min)
    names = ", ".join(one.path.name for one in logs)
    return f"charged from other logs of this visit ({names}), CEM43 min: {given}" if given else ""
