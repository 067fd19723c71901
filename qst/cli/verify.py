"""``qst verify``: whether visit logs are whole and unedited."""

from pathlib import Path

import click
import msgspec

from qst.cli.log_files import PATHS, files
from qst.record.verify import Status, VerifyReport, verify_log


@click.command()
@click.argument("logs", type=PATHS, nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(logs: tuple[Path, ...], as_json: bool) -> int:
    """Check that visit LOGS are whole and unedited. A folder stands for the logs in it.

    Exit code 1 when a log is damaged, torn, or has no end.
    """
    reports = [verify_log(path) for path in files(logs)]
    if as_json:
        click.echo(msgspec.json.encode(reports))
    else:
        for report in reports:
            _print_verdict(report)
    return 0 if all(report.status is Status.INTACT for report in reports) else 1


def _print_verdict(report: VerifyReport) -> None:
    what = "not a visit log"
    if report.n_lines:
        what = f"visit {report.outcome.value}, {report.n_trials} results in {report.n_lines} lines"
    click.echo(f"{report.status.value:<12} {report.path}   {what}")
    for finding in report.findings:
        click.echo(f"    line {finding.line}: {finding.what}. {finding.means}")
