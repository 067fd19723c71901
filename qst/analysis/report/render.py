"""The report laid out as HTML. Everything is escaped, except the pictures, which are drawn here."""

from collections.abc import Sequence
from pathlib import Path

from qst.analysis.export.libraries import needed_for
from qst.analysis.report.content import Report
from qst.analysis.report.figures import Figure


def render(report: Report, figures: Sequence[Figure]) -> str:
    """The page.

    Raises:
        InputError: jinja2 is not installed.
    """
    with needed_for("Reports", ""):
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - large, and needed here only
        from markupsafe import Markup  # noqa: PLC0415 - as above
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    drawn = [figure._replace(svg=Markup(figure.svg)) for figure in figures]  # noqa: S704 - drawn by matplotlib, escaped by it
    return environment.get_template("report.html.jinja").render(report=report, results=report.results, figures=drawn)
