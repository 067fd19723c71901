"""What a choice of protocol and station comes to, before anything begins."""

from qst.console.checking import Checked
from qst.console.pages.parts.elements import box, text


def plan(checked: Checked | None) -> None:
    """The checked plan, or what is wrong with it; None while it is being checked."""
    with box("section", "card", aria_label="The checked plan"):
        text("h2", "The plan" if checked is None or checked.error else checked.title)
        if checked is None:
            text("p", "is being checked …")
        elif checked.error:
            text("p", checked.error, "problem")
        else:
            _figures(checked)


def _figures(checked: Checked) -> None:
    with box("div", "figures"):
        for number, label in (
            (str(checked.n_trials), "trials"),
            (str(checked.n_practice), "for practice"),
            (checked.duration, f"expected (longest {checked.longest})"),
        ):
            with box("div"):
                text("b", number)
                text("span", label)
    text("p", f"{'Simulated' if checked.simulated else 'Real'} station: {checked.station}")
    for line in checked.asked:
        text("p", line)
    for place, dose in checked.doses:
        text("p", f"Dose if nobody ever responds, {place}: {dose}", "faint")
    for severity, problem in checked.problems:
        text("p", f"{severity}: {problem}", "problem" if severity == "error" else "faint")
