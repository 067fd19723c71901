"""``qst verify``: whether visit logs are whole and unedited."""

from pathlib import Path

import click
import msgspec

from qst.analysis.files import MISNAMED, find, misnamed
from qst.analysis.recorded_summary import verify_visit
from qst.cli.log_files import PATHS
from qst.errors import InputError
from qst.record.records import VisitOutcome
from qst.record.verify import Finding, Status, VerifyReport


@click.command()
@click.argument("logs", type=PATHS, nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(logs: tuple[Path, ...], as_json: bool) -> int:
    """Check that visit LOGS are whole and unedited. A folder stands for the logs in it.

    Exit code 1 when a log is damaged, torn, cannot be read, or has no end.
    """
    files = find(logs)
    named = {Path(file).resolve() for file in files}
    others = [path for path in misnamed(logs) if Path(path).resolve() not in named]
    reports = [*map(_report, files), *(_unread(path, "other_ending", MISNAMED) for path in others)]
    if as_json:
        click.echo(msgspec.json.encode(reports))
    else:
        for report in reports:
            _print_verdict(report)
    return 0 if all(report.status is Status.INTACT for report in reports) else 1


def _report(path: str) -> VerifyReport:
    """The verdict on one of many: one that cannot be read must not hide those on the others."""
    try:
        return verify_visit(Path(path))
    except InputError as error:
        return _unread(path, "unreadable", error.what, error.remedy)


def _unread(path: str, kind: str, what: str, means: str = "") -> VerifyReport:
    return VerifyReport(
        path=path,
        status=Status.UNREADABLE,
        findings=(Finding(line=0, kind=kind, what=what, means=means),),
        n_lines=0,
        n_trials=0,
        outcome=VisitOutcome.INTERRUPTED,
    )


def _print_verdict(report: VerifyReport) -> None:
    what = "" if report.status is Status.UNREADABLE else "not a visit log"
    if report.n_lines:
        what = f"visit {report.outcome.value}, {report.n_trials} results in {report.n_lines} lines"
    click.echo(f"{report.status.value:<12} {report.path}   {what}".rstrip())
    for finding in report.findings:
        place = f"line {finding.line}: " if finding.line else ""
        click.echo(f"    {place}{finding.what}. {finding.means}".rstrip())
