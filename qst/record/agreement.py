"""Whether the records of a log agree with each other, for whoever makes rows of them.

Two ways to the same answer: the rules by name, and, for a log without a hitch, a few looks at all its attempts at once.
Where those find anything odd, the rules say what it is.
"""

from collections.abc import Iterator
from operator import attrgetter, lt
from typing import Final

from qst.record.one_pass import Lines
from qst.record.records import Deviation, End, Header, VisitOutcome
from qst.record.rules import LEFT_OUT, Finding, Rule, ending, header, trials
from qst.record.visit_log import VisitLog

#: Rules that a log keeps whose rows can be used. The others are about samples, the order of lines, and clocks.
_OF_ROWS: Final[tuple[Rule, ...]] = (header, trials, ending)

_key = attrgetter("sequence_index", "attempt")


def contradictions(log: VisitLog) -> Iterator[Finding]:
    """What makes the rows of a log doubtful although nobody changed it after it was written."""
    return (finding for rule in _OF_ROWS for finding in rule(log) if finding.damage)


def agree(lines: Lines) -> bool:
    """Whether nothing in a log of one session, whose last line is its end, can break those rules.

    Args:
        lines: of such a log; each attempt has its result before the next one begins.
    """
    head, end = lines.others[0], lines.others[-1]
    if not isinstance(head, Header) or not isinstance(end, End):
        return False
    place_of = {_key(start): at for at, start in enumerate(lines.starts)}
    planned = {index for index, _ in place_of}
    begun = lines.begun_at_decisions
    return (
        (head.clock != "virtual" or head.simulated)
        and end.n_trials == len(lines.trials)
        and min(planned) >= 1
        and max(planned) <= head.n_planned
        and all(map(lt, map(place_of.get, map(_key, lines.decisions), begun), begun))
        and _replaced_exist(lines, place_of)
        and (end.outcome is not VisitOutcome.COMPLETED or _all_accounted_for(lines, planned, head.n_planned))
    )


def _replaced_exist(lines: Lines, place_of: dict[tuple[int, int], int]) -> bool:
    """Whether every attempt that replaces another one began after it."""
    for attempts in (lines.starts, lines.trials):
        for at, one in enumerate(attempts):
            if one.supersedes is not None and place_of.get((one.sequence_index, one.supersedes), at) >= at:
                return False
    return True


def _all_accounted_for(lines: Lines, planned: set[int], n_planned: int) -> bool:
    """Whether every planned trial began, or was left out for a recorded reason."""
    if len(planned) == n_planned:
        return True
    refused = {one.sequence_index for one in lines.others if isinstance(one, Deviation) and one.kind in LEFT_OUT}
    return len({index for index in planned | refused if index and 1 <= index <= n_planned}) == n_planned
