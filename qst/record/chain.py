"""What happened to a log whose lines do not follow each other: the slow and thorough look.

Every line names its predecessor's hash, so the log's true order can be walked from its first line whatever was done
to the file. What that walk does not reach, or reaches out of place, is damage, and each piece is named. Only lines that
the walk reaches belong to the log; a line that cannot be tied to it is never taken for data.
"""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

from qst.record.lines import HEADER_PREFIX, PREFIX, ZERO_HASH, hash_of, hashes_of_changed, is_bound, prev_of

_HEAD = re.compile(rb'\{"type":"[a-z_]{1,40}","seq":(\d{1,15}),(?:"utc":"([0-9TZ:.-]{24})",)?')


class DamageKind(StrEnum):
    """What is wrong with a log, as far as the file alone can tell."""

    EDITED = "edited"  # the bytes of a line do not give its hash
    MISSING = "missing"  # lines were taken out
    DUPLICATED = "duplicated"  # a line, or the record of an attempt, is there twice
    OUT_OF_ORDER = "out_of_order"  # a whole line, but not in its place
    FOREIGN = "foreign"  # not a line of a visit log
    OTHER_LOG = "other_log"  # a whole line that belongs to another log, or to another continuation of this one
    LINE_ENDINGS = "line_endings"  # a text-mode copy changed every line feed to CR LF
    NEWER_SCHEMA = "newer_schema"  # written by a later version of the suite
    INVALID = "invalid"  # unchanged, but not what this version calls a record
    NOT_A_LOG = "not_a_log"
    EMPTY = "empty"


class Damage(NamedTuple):
    """One piece of damage: at ``line`` (1, 2, …; ``n_lines`` from there on), with the ``seq`` it states, if any."""

    line: int
    seq: int | None
    kind: DamageKind
    what: str
    n_lines: int = 1


class _Line(NamedTuple):
    whole: bool
    prev: bytes
    hash: bytes
    data: bytes


def seq_of(line: bytes) -> int | None:
    """The sequence number that a line states, if it can be read."""
    found = _HEAD.match(line)
    return int(found[1]) if found else None


def utc_of(line: bytes) -> str:
    """When a line was written, as it states it; empty if that cannot be read."""
    found = _HEAD.match(line)
    return found[2].decode("ascii") if found and found[2] else ""


def walk(lines: Sequence[bytes]) -> tuple[list[int], list[Damage]]:
    """Indices of the lines that belong to the log, in the log's own order, and everything that is wrong."""
    seen = [
        _Line(line.startswith(PREFIX) and is_bound(line, prev_of(line)), prev_of(line), hash_of(line), line)
        for line in lines
    ]
    order = _follow(seen)
    return order, list(_name_damage(seen, order))


def _follow(seen: Sequence[_Line]) -> list[int]:
    successor: dict[bytes, int] = {}
    for index, line in enumerate(seen):
        if line.whole:
            successor.setdefault(line.prev, index)
    order: list[int] = []
    at: int | None = successor.pop(ZERO_HASH.encode("ascii"), None)
    if at is None:
        at = _bridge(seen, -1, successor)
    while at is not None:
        order.append(at)
        following = successor.pop(seen[at].hash, None)
        at = _bridge(seen, at, successor) if following is None else following
    return order


def _bridge(seen: Sequence[_Line], at: int, successor: dict[bytes, int]) -> int | None:
    """The line that follows the changed lines right behind ``at``: it names the hash that the last of them had."""
    changed = b"".join(line.data for line in takewhile(lambda line: not line.whole, seen[at + 1 :]))
    before = seen[at].hash if at >= 0 else ZERO_HASH.encode("ascii")
    for was in hashes_of_changed(changed, before) if changed else ():
        if was in successor:
            return successor.pop(was)
    return None


def _name_damage(seen: Sequence[_Line], order: Sequence[int]) -> Iterator[Damage]:
    place = {index: position for position, index in enumerate(order)}
    known = {seen[index].hash for index in order}
    last_seq = max((seq_of(seen[index].data) or 0 for index in order), default=0)
    furthest = -1
    index = 0
    while index < len(seen):
        count = 1
        if index in place:
            if place[index] < furthest:
                yield _damage(seen, index, DamageKind.OUT_OF_ORDER, "this line is whole, but it is not in its place")
            furthest = max(furthest, place[index])
        elif not seen[index].whole:
            yield _changed(seen, index)
        elif seen[index].hash in known:
            yield _damage(seen, index, DamageKind.DUPLICATED, "this line is there twice; it counts once")
        else:
            count = _run_length(seen, index)
            yield _untied(seen, index, count, last_seq)
        index += count


def _damage(seen: Sequence[_Line], index: int, kind: DamageKind, what: str, n_lines: int = 1) -> Damage:
    return Damage(index + 1, seq_of(seen[index].data), kind, what, n_lines)


def _changed(seen: Sequence[_Line], index: int) -> Damage:
    data = seen[index].data
    if data.startswith(PREFIX) or b'","hash":"' in data:
        return _damage(seen, index, DamageKind.EDITED, "the bytes of this line were changed after it was written")
    return _damage(seen, index, DamageKind.FOREIGN, "this line was never a line of a visit log")


def _run_length(seen: Sequence[_Line], index: int) -> int:
    """How many whole lines from ``index`` on follow each other."""
    end = index + 1
    while end < len(seen) and seen[end].whole and seen[end].prev == seen[end - 1].hash:
        end += 1
    return end - index


def _untied(seen: Sequence[_Line], index: int, count: int, last_seq: int) -> Damage:
    """A run of whole lines that nothing ties to the log's beginning."""
    seq = seq_of(seen[index].data) or 0
    if seen[index].data.startswith(HEADER_PREFIX):
        what = f"another visit log begins here; its {count} lines were left out"
        return _damage(seen, index, DamageKind.OTHER_LOG, what, count)
    if seq > last_seq + 1:
        what = (
            f"{seq - 1 - last_seq} lines are missing before this one; without them the {count} lines from here on "
            "cannot be tied to this log and were left out"
        )
        return _damage(seen, index, DamageKind.MISSING, what, count)
    what = f"these {count} lines belong to another log, or to another continuation of this one; they were left out"
    return _damage(seen, index, DamageKind.OTHER_LOG, what, count)
