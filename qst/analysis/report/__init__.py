"""The report of a visit for the study file: one HTML page that needs no network, no scripts and no other file.

::

    Path("visit.html").write_text(report_html("P01_visit-1.jsonl"), encoding="utf-8")

Everything that a person typed is escaped; the page forbids its reader's browser to run or fetch anything.
"""

from pathlib import Path

from qst.analysis.report.content import Report, content_of, source_of
from qst.analysis.report.figures import figures_of
from qst.analysis.report.render import render

__all__ = ["Report", "report_html"]


def report_html(log_path: str | Path) -> str:
    """The report of one visit log.

    A log that does not verify gets a report that says so, with every finding, and without any value: a number from a
    changed file would look as good as another.

    Args:
        log_path: the visit log.

    Returns:
        The whole page.

    Raises:
        InputError: the log cannot be read, or a library is not installed.
    """
    source = source_of(Path(log_path))
    figures = figures_of(source.view, source.log) if source.view is not None else ()
    return render(content_of(source), figures)
