"""The report of a visit: one page that is whole, escaped, accessible, and honest about its log."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from qst.analysis.report import report_html
from qst.cli import qst as command
from qst.clock import VirtualClock
from qst.errors import InputError
from qst.record.log import LogWriter
from qst.record.records import AdverseEvent, Decision, End, Note, VisitOutcome
from tests.plots.visits import one_visit
from tests.record import logs

EVERY_RECORD = Path(__file__).parents[1] / "record" / "fixtures" / "v1" / "every-record.jsonl"
EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(1)> & \"quoted\" '°'"
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """A parsed page: its elements, its text, and whether every element that was opened was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("report")
    one_visit(folder, "demo-quick")
    return Page(report_html(folder / "visit.jsonl"))


def evil_log(path: Path) -> Path:
    """A log in which a person has typed markup wherever a person can type."""
    writer = LogWriter.create(path, VirtualClock())
    writer.write(logs.header(simulated=False, clock="real", n_planned=1))
    writer.write(logs.instruments())
    writer.write(logs.start(1))
    writer.write(logs.trial(1, n_samples=0, trace_sha256=""))
    writer.write(Note(text=EVIL, by="<b>OP</b>", sequence_index=1))
    writer.write(AdverseEvent(text=EVIL, by="OP1"))
    writer.write(Decision(sequence_index=1, attempt=1, decision="invalid", reason=EVIL, by="OP1"))
    writer.write(End(outcome=VisitOutcome.COMPLETED, reason=EVIL, n_trials=1, summary=()))
    writer.close()
    return path


def test_the_page_is_well_formed_and_says_its_language(page: Page) -> None:
    assert (page.unbalanced, page.open) == ([], [])
    assert page.all("html") == [{"lang": "en"}]
    assert {"charset": "utf-8"} in page.all("meta")
    assert len(page.all("title")) == len(page.all("h1")) == len(page.all("main")) == 1


def test_the_page_needs_nothing_else_and_runs_nothing(page: Page) -> None:
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on"), f"{tag} has {name}"
            if name in {"src", "href", "xlink:href", "action"}:
                assert (value or "").startswith(("#", "data:")), f"{tag} {name}={value}"
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy is not None
    assert "default-src 'none'" in policy


def test_identifiers_are_unique_and_what_refers_to_them_finds_them(page: Page) -> None:
    found = [str(attributes["id"]) for _, attributes in page.elements if "id" in attributes]
    assert [name for name, count in Counter(found).items() if count > 1] == []
    referred = {str(value)[1:] for _, one in page.elements if (value := one.get("xlink:href")) and value[0] == "#"}
    clips = {name for _, one in page.elements for name in re.findall(r"url\(#([^)]+)\)", one.get("clip-path") or "")}
    assert referred
    assert clips
    assert referred | clips <= set(found)


def test_tables_have_heads_and_pictures_have_words(page: Page) -> None:
    assert all("scope" in attributes for attributes in page.all("th"))
    pictures = [one for one in page.all("div") if one.get("role") == "img"]
    assert len(pictures) == len(page.all("svg")) == 3
    assert all(len(one["aria-label"] or "") > 30 for one in pictures)


def test_everything_that_a_study_file_needs_is_there(page: Page, tmp_path: Path) -> None:
    data = one_visit(tmp_path, "demo-quick")
    (visit,) = data.visits.dicts()
    for name in ("participant_id", "protocol_sha256", "operator_id", "station_id", "software_version", "last_hash"):
        assert str(visit[name]) in page.text
    for score in data.thresholds.dicts():
        assert f"{score['score_label']} ({score['score_id']})" in page.text
        assert f"{score['n_valid']} / {score['n_planned']}" in page.text
        assert str(score["rule_id"]) in page.text
    for words in ("INTACT", "Adverse events None recorded.", "Deviations", "signature", "SIMULATED. Participant"):
        assert words in page.text
    for row in data.trials.dicts():
        assert str(row["device_model"]) in page.text
    assert len(page.all("details")) == 3
    assert "cut-off" in page.text


def test_what_a_person_typed_is_text_and_never_markup(tmp_path: Path) -> None:
    text = report_html(evil_log(tmp_path / "evil.jsonl"))
    page = Page(text)
    assert (page.unbalanced, page.open) == ([], [])
    assert "<script" not in text
    assert "<b>OP</b>" not in text
    assert not page.all("img")
    assert page.text.count(" ".join(EVIL.split())) >= 4  # note, event, rejection, reason of the end


def test_events_and_rejected_attempts_are_told() -> None:
    text = Page(report_html(EVERY_RECORD)).text
    for words in (
        "rest shortened: by 3 s",
        "dizzy",
        "attempt 1 invalid: slipped",
        "stop by operator",
        "failure QST-430: no answer (mark10); done: stopped",
        "resumed at trial 4 by OP2",
        "paused",
        "went on",
        "talked, “slipped” °",
        "typed: 1,0",
        "not made anew",
        "cut-off reached, > 50.00 °C",
    ):
        assert words in text
    assert "SIMULATED" not in text


@pytest.mark.parametrize(
    ("spoil", "verdict", "has_values"),
    [
        (lambda data: data.replace(b"37.86", b"30.00", 1), "DAMAGED", False),
        (lambda data: data[:-200], "TORN", True),
        (lambda data: b"".join(data.splitlines(keepends=True)[:-1]), "INTERRUPTED", True),
        (lambda data: b"no log at all\n", "DAMAGED", False),
    ],
    ids=["edited", "torn", "interrupted", "no log"],
)
def test_a_log_that_is_not_intact_says_so_and_a_damaged_one_shows_no_value(
    tmp_path: Path, spoil: "object", verdict: str, has_values: bool
) -> None:
    assert callable(spoil)
    log = tmp_path / "log.jsonl"
    log.write_bytes(spoil(EVERY_RECORD.read_bytes()))
    done = CliRunner().invoke(command, ["report", str(log)], standalone_mode=False)
    assert done.return_value == 1
    text = (tmp_path / "log.html").read_text(encoding="utf-8")
    assert ("It vouches for every record" in text) == has_values
    page = Page(text)
    assert verdict in page.text
    assert ("37.90" in page.text) == has_values
    assert (len(page.all("svg")) > 0) == has_values


def test_the_command_never_writes_over_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.html"
    log.write_bytes(EVERY_RECORD.read_bytes())
    with pytest.raises(InputError, match="a log's place"):
        command.main(["report", str(log)], standalone_mode=False)
    assert log.read_bytes() == EVERY_RECORD.read_bytes()


@pytest.mark.parametrize("name", ["keep.csv", "report", "report.pdf"])
def test_the_command_replaces_nothing_but_a_page(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("kept", encoding="utf-8")
    with pytest.raises(InputError, match="is an HTML page") as refused:
        command.main(["report", str(EVERY_RECORD), "--out", str(tmp_path / name)], standalone_mode=False)
    assert ".htm" in refused.value.remedy
    assert (tmp_path / name).read_text(encoding="utf-8") == "kept"


def test_the_command_writes_a_page_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "page.HTM"
    command.main(["report", str(EVERY_RECORD), "--out", str(out)], standalone_mode=False)
    whole = out.read_bytes()
    assert whole.startswith(b"<!DOCTYPE html>")
    written = Path.write_text

    def full(path: Path, text: str, **how: str) -> int:
        written(path, text[:100], **how)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="No space left"):
        command.main(["report", str(EVERY_RECORD), "--out", str(out)], standalone_mode=False)
    assert out.read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["page.HTM"]


def test_equal_logs_give_equal_pages(tmp_path: Path) -> None:
    one_visit(tmp_path, "demo-quick")
    assert report_html(tmp_path / "visit.jsonl") == report_html(tmp_path / "visit.jsonl")
