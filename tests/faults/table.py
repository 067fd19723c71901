"""The table of docs/faults.md, from the matrix's own data.

``python -m tests.faults.table`` writes them into the page.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from qst_simulators.faults import Fault
from tests.faults.matrix import NOT_APPLICABLE, SENSOR, WHERE, Cell, Found, results

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
_HEAD = (
    "| fault | driver | what is detected | code | noticed after, s | what the participant feels (mid-ramp) | the log |"
)

_UNSEEN = {
    Fault.EARLY_PRESS: "nothing: in mid-ramp it looks like an answer",
    Fault.LATE_PRESS: "nothing: it looks like a late answer",
}
_LONGEST = 90


def table() -> str:
    """One row a fault and driver; then one for each reason why others do not apply."""
    lines = [_HEAD, "|" + "---|" * 7]
    for fault, drivers in WHERE.items():
        for driver in drivers:
            found = {cell: what for cell, what in results().items() if (cell.fault, cell.driver) == (fault, driver)}
            lines.append(f"| {fault.value} | {driver} | {' | '.join(_columns(found))} |")
    return "\n".join([*lines, *_not_applicable()]) + "\n"


def _not_applicable() -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for fault, reasons in NOT_APPLICABLE.items():
        for reason in dict.fromkeys(reasons.values()):
            drivers = ", ".join(driver for driver in reasons if reasons[driver] == reason)
            groups.setdefault((drivers, reason), []).append(fault.value)
    for (drivers, reason), faults in groups.items():
        yield f"| {', '.join(faults)} | {drivers} | not applicable: {reason} |" + " – |" * 4


def _columns(found: dict[Cell, Found]) -> Iterator[str]:
    main = _main(found)
    yield _detected(found)
    yield ", ".join(sorted({what.codes[0] for what in found.values() if what.codes})) or "–"
    yield ", ".join(f"{_where(cell)} {_seconds(what)}" for cell, what in found.items())
    yield found[main].felt or "–"
    yield _logged(found)


def _main(found: dict[Cell, Found]) -> Cell:
    """The cell that speaks for a row: mid-ramp if there is one, as it usually is."""
    return min(found, key=lambda cell: (cell.moment != "ramp", cell.variant != ""))


def _detected(found: dict[Cell, Found]) -> str:
    main = _main(found)
    order = [main, *(cell for cell in found if cell != main)]
    told = next((found[cell].whats[0] for cell in order if found[cell].whats), None)
    if told is not None:
        return _plain(told)
    invalid = any("invalid" in attempt for what in found.values() for attempt in what.attempts)
    if invalid:
        return "no fault of the device: the attempt is not valid"
    if (main.fault, main.driver) == (Fault.JUMPING_SENSOR, "arroyo-5300"):
        return "nothing: a reading beside the way is left out"
    return _UNSEEN.get(main.fault, "nothing: harmless") if main.driver != "jtech-commander" else _unseen_by_hand(main)


def _unseen_by_hand(cell: Cell) -> str:
    return "nothing: only the operator sees the display" if cell.fault in SENSOR else _UNSEEN.get(cell.fault, "nothing")


def _plain(text: str) -> str:
    """As one cell of a table; bytes by chance are left out."""
    text = re.sub(r"b(['\"]).*\1|; it began with .*|\d{6,}", "…", text.replace("|", "/"))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1].rstrip() + "…"


def _where(cell: Cell) -> str:
    return f"{cell.moment} ({cell.variant})" if cell.variant else cell.moment


def _seconds(what: Found) -> str:
    return "–" if what.after_s is None else f"{what.after_s:.1f}"


def _logged(found: dict[Cell, Found]) -> str:
    """Outcomes of the attempts and of the visit; the moments that share them stand together."""
    groups: dict[str, list[str]] = {}
    for cell, what in found.items():
        attempts = ", ".join(attempt.replace("_", " ") for attempt in what.attempts) or "no attempt"
        groups.setdefault(f"{attempts}; visit {what.visit}", []).append(_where(cell))
    return "; ".join(f"{', '.join(cells)}: {text}" for text, cells in groups.items())


def written() -> str:
    """The table that stands in the page."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    """Put the table into the page."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(head + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
