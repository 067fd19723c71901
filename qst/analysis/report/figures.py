"""The pictures of a report, as SVG inside the page."""

from typing import NamedTuple

from qst.analysis.plots import body_map, drawing, inline_svg, rates, traces
from qst.analysis.plots.visit import VisitView
from qst.record.visit_log import VisitLog


class Figure(NamedTuple):
    """A picture: its ``svg`` element, what it shows in words, its caption."""

    svg: str
    alt: str
    caption: str


def figures_of(view: VisitView, log: VisitLog) -> list[Figure]:
    """Body map and rates of a visit with pressure trials, and the traces of all its attempts.

    Raises:
        InputError: matplotlib is not installed.
    """
    captions = {
        "bodymap": "Pressure pain thresholds on the body.",
        "rates": "Achieved pressure rates against the commanded rate and the protocol's band.",
        "traces": "Every attempt: samples, commanded ramp, response and cut-off.",
    }
    has_pressure = any(row["modality"] == "pressure" for row in view.rows)
    with drawing():
        made = [body_map.draw(view), rates.draw(view)] if has_pressure else []
        if view.rows:
            made.append(traces.draw_log(view, log))
        return [Figure(inline_svg(picture), picture.alt, captions[picture.name]) for picture in made]
