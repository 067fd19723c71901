"""``qst correct``: one more line in an analyst's overlay of corrections; the visit log stays as it is."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from qst.analysis.corrections import OF_ATTEMPT, OF_VISIT, Correction, problem_of
from qst.analysis.dataset import Dataset, read_visit
from qst.cli.log_files import PATHS
from qst.clock import RealClock
from qst.errors import InputError


@click.command()
@click.argument("log", type=PATHS)
@click.argument("change", metavar="FIELD=NEW")
@click.option("--trial", type=int, help="The planned trial, by its sequence_index; without it the whole visit.")
@click.option("--attempt", type=int, default=1, show_default=True, help="Which attempt at it.")
@click.option("--who", required=True, help="Who corrects.")
@click.option("--why", required=True, help="Why.")
@click.option(
    "--file", type=PATHS, default="corrections.jsonl", show_default=True, help="The overlay; made or continued."
)
def correct(log: Path, change: str, trial: int | None, attempt: int, who: str, why: str, file: Path) -> int:
    """Add a correction of LOG to an overlay file. The log itself is not touched.

    \b
    FIELD of an attempt: valid (true or false), invalid_reason, note.
    FIELD of a visit:    study_id, participant_id, visit.
    """  # noqa: D301 - click wants the character itself: it keeps the lines below it apart
    field, _, text = change.partition("=")
    fields = OF_VISIT if trial is None else OF_ATTEMPT
    if field not in fields:
        raise InputError(f"{field!r} cannot be corrected", remedy=f"Here these can: {', '.join(fields)}.")
    row = _row(read_visit(log, file), log, trial, attempt)
    made = Correction(
        who=who,
        when=RealClock().utc().isoformat(timespec="seconds"),
        why=why,
        session_uuid=row["session_uuid"],
        sequence_index=trial,
        attempt=None if trial is None else attempt,
        hash=None if trial is None else row["hash"],
        field=field,
        old=row[field],
        new=_value(field, text, fields[field]),
    )
    if problem := problem_of(made):
        raise InputError(problem, where=str(log), did="nothing was written")
    read_visit(log, file, made)
    _append(file, msgspec.json.encode(made) + b"\n")
    click.echo(f"{file}: {field} {_shown(made.old)} -> {_shown(made.new)}")
    return 0


def _row(data: Dataset, log: Path, trial: int | None, attempt: int) -> dict[str, Any]:
    """What is to be corrected: a row of the trial table, or that of the visit, which needs no attempt for it."""
    if trial is None:
        found = list(data.visits.dicts())
    else:
        key = (trial, attempt)
        found = [row for row in data.trials.dicts() if (row["sequence_index"], row["attempt"]) == key]
    if not found:
        why = data.left_out[0].text if data.left_out else f"it has no attempt {attempt} at trial {trial}"
        raise InputError(f"there is nothing to correct: {why}", where=str(log))
    return found[0]


def _value(field: str, text: str, kind: type) -> str | int | bool:
    try:
        if kind is bool:
            return {"true": True, "false": False}[text]
        return int(text) if kind is int else text
    except (KeyError, ValueError):
        expected = "true or false" if kind is bool else "a whole number"
        raise InputError(f"{field} cannot be {text!r}", remedy=f"Say {expected}.") from None


def _append(file: Path, line: bytes) -> None:
    """Add the line. What stands in the file is never written again: a disk that is full must not cost a correction."""
    size = -1
    try:
        with file.open("a+b") as overlay:
            size = overlay.seek(0, os.SEEK_END)
            overlay.seek(max(0, size - 1))
            ended = overlay.read() in (b"", b"\n")
            overlay.write(line if ended else b"\n" + line)
    except OSError as error:
        if size >= 0:
            with suppress(OSError):
                os.truncate(file, size)
        raise InputError(
            f"the overlay cannot be written: {error.strerror}", where=str(file), did="nothing was written"
        ) from error


def _shown(value: str | int | bool) -> str:
    return msgspec.json.encode(value).decode("utf-8")
