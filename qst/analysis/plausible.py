"""Numbers in a log that no visit was ever given, and that no table can hold.

A chain of hashes says that a log was not changed after it was written, and not that the suite wrote it. Whole numbers
are unbounded in a log and in Python; data frames and files have 64 bits for them, and a list of the trials that are
missing has to end.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from qst.analysis.log_rows import OF_SESSION, LogRows

#: What a signed number of 64 bits can be.
_REPRESENTABLE: Final = range(-(2**63), 2**63)
_MOST_TRIALS: Final = 100_000


def plausible(log: LogRows) -> LogRows:
    """The same log; without rows, and with the reason ``invalid``, when it states what cannot be."""
    text = next(_problems(log), "")
    return LogRows(path=log.path, reason="invalid", text=text) if text else log


def _problems(log: LogRows) -> Iterator[str]:
    if log.facts is None:
        return
    stated: list[tuple[str, Any]] = list(msgspec.structs.asdict(log.facts).items())
    for shared in log.shared:
        stated += zip(OF_SESSION, shared, strict=True)
    for name, value in stated:
        if isinstance(value, int) and value not in _REPRESENTABLE:
            yield f"{name} is {value}, which has more than 64 bits"
    if log.facts.n_planned > _MOST_TRIALS:
        yield f"n_planned is {log.facts.n_planned}; no visit has more than {_MOST_TRIALS} trials"
