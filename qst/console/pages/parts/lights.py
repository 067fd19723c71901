"""The traffic lights of a station's instruments: told apart by shape and word, not by colour alone."""

from qst.console.pages.parts.elements import box, text
from qst.console.probes import Probes
from qst.rigs.probing import ProbeRow

_SIGNS = {"ok": ("✔", "ready"), "warn": ("▲", "ready, but see"), "fail": ("✖", "NOT USABLE")}


def lights(probes: Probes) -> None:
    """What became of each instrument."""
    if probes.running:
        text("p", "The instruments are being tested …", role="status")
    if probes.problem:
        text("p", probes.problem, "problem", role="alert")
    for row in probes.rows:
        _light(row)


def _light(row: ProbeRow) -> None:
    sign, word = _SIGNS[row.status]
    with box("div", f"light {row.status}", role="status"):
        text("span", sign, "sign", aria_hidden="true")
        with box("div"):
            text("b", f"{row.role}: {word}")
            told = [
                row.model,
                row.serial and f"no. {row.serial}",
                row.firmware,
                row.battery and f"battery {row.battery}",
            ]
            if row.role == "button":
                told.append(f"now {row.button}")
            trip = "" if row.round_trip_ms is None else f"answers in {row.round_trip_ms:.3g} ms"
            text("p", " · ".join(filter(None, (*told, trip))), "faint")
            for concern in row.concerns:
                text("p", " ".join(filter(None, (f"{concern.code}:" if concern.code else "", concern.what))), "warned")
                if concern.remedy:
                    text("p", concern.remedy)
