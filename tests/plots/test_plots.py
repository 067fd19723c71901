"""Pictures: what stands on them, what is never joined, and that equal logs give equal bytes."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
from click.testing import CliRunner

import qst
from qst.analysis.plots import KINDS, body_map, drawing, pictures, plot, rates, traces
from qst.analysis.plots.canvas import image
from qst.analysis.plots.points import Status, points
from qst.analysis.plots.visit import VisitView, visits_of
from qst.cli import qst as command
from qst.errors import InputError, LogDamagedError
from qst.record.reader import read_log
from tests.plots.seen import texts, words, xs, ys
from tests.plots.visits import DEMO, one_visit, other_order, visit_log

EVERY_RECORD = Path(__file__).parents[1] / "record" / "fixtures" / "v1" / "every-record.jsonl"
OPERATOR_READ = EVERY_RECORD.with_name("operator-read.jsonl")


def view_of(folder: Path) -> VisitView:
    return visits_of(one_visit(folder))[0]


def changed(view: VisitView, changes: dict[int, dict[str, Any]], without: Sequence[int] = ()) -> VisitView:
    """The visit with other cells in some rows, by sequence index, and without some rows."""
    rows = [
        {**row, **changes.get(row["sequence_index"], {})} for row in view.rows if row["sequence_index"] not in without
    ]
    return VisitView(facts=view.facts, rows=rows, plan=view.plan)


@pytest.mark.parametrize(
    ("kind", "suffix"), [*((kind, ".svg") for kind in KINDS), ("visits", ".png"), ("visits", ".pdf")]
)
def test_equal_logs_give_equal_bytes(kind: str, suffix: str, tmp_path: Path) -> None:
    data = one_visit(tmp_path, DEMO)
    first, second = (plot(data, kind, tmp_path / f"{name}{suffix}") for name in ("a", "b"))
    assert first == (tmp_path / f"a{suffix}",)
    assert first[0].read_bytes() == second[0].read_bytes()
    assert len(first[0].read_bytes()) > 5000


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_bits_of_the_layout_are_in_no_file(kind: str, tmp_path: Path) -> None:
    """They differ from run to run, and would change the identifiers in an SVG file."""
    with drawing():
        (picture,) = pictures(one_visit(tmp_path, DEMO), kind)
        image(picture.figure, "svg")
    corners = [float(number) for axes in picture.figure.axes for number in axes.get_position(original=True).extents]
    assert len(corners) >= 4
    assert corners == pytest.approx([round(number, 9) for number in corners], rel=0, abs=1e-13)


def test_settings_of_the_analyst_neither_leak_in_nor_change(tmp_path: Path) -> None:
    data = one_visit(tmp_path, DEMO)
    plot(data, "rates", tmp_path / "a.svg")
    with mpl.rc_context({"font.size": 30.0, "svg.hashsalt": "mine", "axes.facecolor": "red"}):
        plot(data, "rates", tmp_path / "b.svg")
        assert (mpl.rcParams["font.size"], mpl.rcParams["svg.hashsalt"]) == (30.0, "mine")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_simulated_stands_on_every_picture_and_on_no_other(kind: str, tmp_path: Path) -> None:
    with drawing():
        (simulated,) = pictures(one_visit(tmp_path, DEMO), kind)
        assert words(simulated).count("SIMULATED") == 2  # across the picture, and in its title
        for real in pictures(qst.read(EVERY_RECORD), kind):
            assert "SIMULATED" not in words(real)


def test_the_body_map_prints_every_threshold_on_the_participants_own_side(tmp_path: Path) -> None:
    view = view_of(tmp_path)
    with drawing():
        picture = body_map.draw(view)
        labels = {text.get_text(): text.get_position() for text in texts(picture)}
    for row in view.rows:
        if row["modality"] != "pressure" or row["is_practice"]:
            continue
        code, side, value = row["site_code"], row["side"], f"{row['value_display']:.1f}"
        place = next(position for text, position in labels.items() if f"{code} {side}" in text and value in text)
        front = code in {"LCE", "RB2", "LEP", "KNE"}
        assert (place[0] < 0.5) == (side == ("R" if front else "L"))
    for word in ("FRONT", "BACK", "participant's\nRIGHT", "participant's\nLEFT"):
        assert word in labels
    assert "right trapezius" in picture.alt


def test_what_was_not_measured_has_a_shape_and_words_of_its_own(tmp_path: Path) -> None:
    cut = {"outcome": "cutoff", "censoring": "right", "value_display": None, "value_reported": None}
    slipped = {"valid": False, "invalid_reason": "slipped"}
    view = changed(
        view_of(tmp_path), {10: cut, 11: slipped, 6: {**cut, "outcome": "pain_at_baseline", "censoring": "left"}}, [12]
    )
    by_place = {(tuple(one.place), one.modality.value): one for one in points(view)}
    occiput_r, occiput_l = by_place[("OCC", "R"), "pressure"], by_place[("OCC", "L"), "pressure"]
    assert (occiput_r.status, occiput_r.text) == (Status.ABOVE, "> 6.0")
    assert (occiput_l.status, occiput_l.text) == (Status.INVALID, "invalid")
    assert by_place[("TRP", "R"), "pressure"].status is Status.MISSING
    cold = by_place[("thenar", "L"), "cold"]
    assert cold.counted == " (2 of 3 trials, 1 censored)"
    assert cold.value == pytest.approx(sum(_values(view, "cold")) / 2)
    with drawing():
        picture = body_map.draw(view)
        said = words(picture)
        shapes = [line.get_marker() for line in picture.figure.axes[1].lines if line.get_marker() not in ("None", "")]
    assert {"^", "X", "s", "o"} <= set(shapes)
    for text in ("> 6.0  OCC R", "OCC L  invalid", "not done  TRP R"):
        assert text in said


def test_a_value_stands_at_the_site_where_it_was_measured(tmp_path: Path) -> None:
    """Paired with the plan by its place in the visit alone, it would stand on the other side of the body."""
    (tmp_path / "visit.jsonl").write_bytes(other_order(visit_log(DEMO)))
    (view,) = visits_of(qst.read(tmp_path))
    assert view.plan is None
    measured = {row["side"]: row["value_display"] for row in view.rows if row["modality"] == "pressure"}
    assert measured["L"] != measured["R"]
    assert {one.place.side: one.value for one in points(view) if one.modality.value == "pressure"} == measured


def _values(view: VisitView, modality: str) -> list[float]:
    rows = [row for row in view.rows if row["modality"] == modality and not row["is_practice"]]
    return [row["value_display"] for row in rows if row["value_display"] is not None]


def test_traces_mark_response_and_cutoff_and_name_what_does_not_count(tmp_path: Path) -> None:
    view = changed(view_of(tmp_path), {3: {"valid": False, "invalid_reason": "talked"}})
    with drawing():
        picture = traces.draw(view)
        axes = {panel.get_title(loc="left").split(" · ")[0]: panel for panel in picture.figure.axes}
        said = words(picture)
        row = view.rows[9]
        panel = axes[str(row["sequence_index"])]
        marked = [(xs(line)[0], ys(line)[0]) for line in panel.lines if line.get_marker() == "o"]
    assert "no. 1: invalid: talked" in said
    ((time_s, value),) = marked
    assert time_s == pytest.approx(row["response_latency_s"])
    assert value * 98.0665 == pytest.approx(row["value_at_response"])
    measured = max(panel.lines, key=lambda line: len(xs(line)))
    assert len(xs(measured)) == row["n_samples"]
    assert any(text.get_text().startswith("cut-off 6") for text in panel.texts)
    commanded = next(line for line in panel.lines if line.get_linewidth() == 0.6)
    assert xs(commanded) == pytest.approx([0.0, 6.0])


def test_the_mark_of_a_response_lies_on_its_trace(tmp_path: Path) -> None:
    """Also in a press: its time counts from the contact, which comes after the gauge was ready."""
    view = view_of(tmp_path)
    log = read_log(tmp_path / "visit.jsonl", traces=True)
    answered = [row for row in view.rows if row["outcome"] == "response"]
    assert {row["modality"] for row in answered} == {"heat", "cold", "pressure"}
    for row in answered:
        samples = traces.samples_of(log, row)
        near = min(range(len(samples.time_s)), key=lambda at: abs(samples.time_s[at] - row["response_latency_s"]))
        allowed = 4.0 if row["modality"] == "pressure" else 0.15  # kPa, °C: two samples of the ramp, and their noise
        assert samples.value[near] == pytest.approx(row["value_at_response"], abs=allowed), row["step_id"]


def test_traces_refuse_a_log_that_has_changed_since(tmp_path: Path) -> None:
    view = view_of(tmp_path)
    log = tmp_path / "visit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"valid":true', b'"valid":null', 1))
    with drawing(), pytest.raises(LogDamagedError, match="not what it was"):
        traces.draw(view)


def test_an_attempt_without_samples_says_so() -> None:
    with drawing():
        for view in visits_of(qst.read(OPERATOR_READ)):
            assert "read by the operator:\nno samples" in words(traces.draw(view))
        (view,) = visits_of(qst.read(EVERY_RECORD))
        said = words(traces.draw(view))
    assert "invalid: interrupted" in said
    assert "cut-off reached, > 50.00 °C" in said


def test_rates_have_the_protocols_band_and_flag_in_words(tmp_path: Path) -> None:
    view = changed(
        view_of(tmp_path), {10: {"rate_flag": "fast"}, 11: {"valid": False}, 12: {"rate_achieved_mean": None}}
    )
    with drawing():
        picture = rates.draw(view)
        said = words(picture)
        band = picture.figure.axes[0].collections[0].get_paths()[0].get_extents()
    assert [band.ymin, band.ymax] == pytest.approx([0.75, 1.25])
    for word in ("fast", "invalid", "not measured", "OCC R", "KNE L", "commanded"):
        assert word in said
    assert "OCC R fast" in picture.alt


def test_several_visits_are_pages_of_a_pdf_and_files_of_their_own_otherwise(tmp_path: Path) -> None:
    one_visit(tmp_path, DEMO)
    (tmp_path / "other.jsonl").write_bytes(EVERY_RECORD.read_bytes())
    data = qst.read(tmp_path, simulated="both")
    names = {path.name for path in plot(data, "rates", tmp_path / "r.svg")}
    assert names == {"r.P01_visit-1.svg", "r.P21_visit-2.svg"}
    (pages,) = plot(data, "rates", tmp_path / "r.pdf")
    assert len(re.findall(rb"/Type /Page\b(?!s)", pages.read_bytes())) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_visit_without_attempts_is_drawn_without_a_warning(kind: str, tmp_path: Path) -> None:
    whole = visit_log(DEMO).splitlines(keepends=True)
    begun = next(number for number, line in enumerate(whole) if line.startswith(b'{"type":"trial_start"'))
    (tmp_path / "early.jsonl").write_bytes(b"".join(whole[:begun]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot(qst.read(tmp_path), kind, tmp_path / "a.png")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_visit(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(command, ["plot", "bodymap", "visit.jsonl", "--out", "map.svg"], standalone_mode=False)
    assert (done.return_value, done.output) == (0, "wrote map.svg\n")
    for out, problem in (("map.bmp", "no kind of picture"), ("no/map.svg", "cannot be written")):
        with pytest.raises(InputError, match=problem):
            command.main(["plot", "rates", "visit.jsonl", "--out", out], standalone_mode=False)


def test_no_picture_speaks_of_a_condition(tmp_path: Path) -> None:
    with drawing():
        for kind in KINDS:
            for picture in pictures(one_visit(tmp_path, DEMO), kind):
                assert not re.search(r"\b(condition|placebo|arm)\b", words(picture) + picture.alt, re.IGNORECASE)
