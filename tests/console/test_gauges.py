"""Gauges in a hand: the pace of one that is read, the value that is typed in, the rate bar, the alarms."""

import re
from pathlib import Path
from typing import Any

from qst.record.reader import read_log
from qst.record.records import Answer, Prompt
from tests.console.pages import assert_accessible, assert_in_sight, begin, place, to_the_placement, wait_for_text
from tests.console.running import PATIENCE_S, Console

PROTOCOL = """\
language: 1
id: one-press
version: 1.0.0
title: One slow pressure trial
citation: none
description: One pressure trial, slow enough to look at.
scripts:
  always: You may stop at any time, with the button or by saying stop, and you need not give a reason.
  pressure: >-
    I will press slowly on one spot at a time. At first you feel only pressure. Press the button at the very first
    moment at which the pressure starts to hurt. This is no test of how much you can bear; I stop as soon as you press.
blocks:
  - id: pressure
    rests: { between_trials: 5 s }
    stimuli:
      - id: press
        modality: pressure
        site: TRP
        side: right
        rate: 0.3 kg/cm²/s
        cutoff: 6 kg/cm²
        scoring: { id: PPT, label: Pressure pain threshold }
"""
#: Collects what is shown and sounded, instead of making a noise.
LISTEN = """() => {
  window.shown = []; window.beats = [];
  QST.tone = (hertz) => { if (hertz === 880) window.beats.push(Math.floor(QST.picture.elapsed)); };
  new MutationObserver(() => window.shown.push(document.getElementById("pace-expected").textContent))
    .observe(document.getElementById("pace-expected"), { childList: true, characterData: true, subtree: true });
}"""
#: One picture drawn with readings that rise at so many times the rate that is asked for.
PRESS = """([share, changes]) => {
  const scale = { modality: "pressure", start: 0, cutoff: 588, rate: 98, band: 0.25, per_unit: 98.0665, unit: "kg/cm²",
                  decimals: 1, hand: true, read: false };
  const before = [QST.picture, QST.readings, QST.tone];
  const sounds = [];
  class Silent { constructor() { this.currentTime = 0; this.destination = {}; }
    createOscillator() { const one = { frequency: {}, connect: (to) => to, start: () => sounds.push(one.frequency.value), stop() {} }; return one; }
    createGain() { return { gain: {}, connect: (to) => to }; } }
  const audio = QST.audio;
  QST.audio = new Silent();
  QST.toned = -10000; QST.alarmed = "";
  QST.tone = (hertz) => sounds.push(hertz);
  QST.picture = { phase: "running", state: "ramp", live: true, since: 0, scale, ...changes };
  QST.readings = Array.from({ length: 60 }, (_, index) => [index / 100, share * 98 * index / 100]);
  QST.draw();
  const box = (id) => document.getElementById(id).getBoundingClientRect();
  const found = { word: document.getElementById("rate-word").textContent, sounds, hidden: document.getElementById("rate").hidden,
                  alarm: document.getElementById("alarm").textContent, value: document.getElementById("value").textContent,
                  inside: box("rate-needle").x + 3 >= box("rate-band").x && box("rate-needle").x + 3 <= box("rate-band").right };
  [QST.picture, QST.readings, QST.tone] = before; QST.audio = audio;
  QST.draw();
  return found;
}"""


def question(page: Any) -> str:
    """The text of the question that stands."""
    return str(page.text_content(".do"))


def type_value(page: Any, value: str, answer: str) -> None:
    """Type a value, and wait for what the page says to it."""
    page.fill("input[name=value]", value)
    page.press("input[name=value]", "Enter")
    wait_for_text(page, ".do", answer)


def test_a_gauge_that_is_read_by_the_operator(browser: Any, tmp_path: Path) -> None:
    protocol = tmp_path / "one-press.yaml"
    protocol.write_text(PROTOCOL, encoding="utf-8")
    with Console(tmp_path / "data", "--protocol", str(protocol)) as console:
        context = browser.new_context()
        context.set_default_timeout(PATIENCE_S * 1000)
        page = context.new_page()
        page.goto(console.link)
        page.wait_for_selector("header.banner")
        begin(page, station="paper", protocol=str(protocol), speed="1")
        page.wait_for_selector("#pace", state="attached")
        page.evaluate(LISTEN)
        to_the_placement(page)
        assert_in_sight(page, "a long text to read aloud")
        assert "give a reason.\n\nI will press" in page.inner_text(".aloud"), "two texts are two paragraphs"
        place(page)
        page.wait_for_selector("input[name=value]")
        assert_in_sight(page, "entering a value")
        assert_accessible(page, "entering a value")

        shown = [float(text.split()[0]) for text in page.evaluate("window.shown") if text]
        assert len(set(shown)) > 3
        assert shown == sorted(shown)
        beats = page.evaluate("window.beats")
        assert len(beats) > 1
        assert beats == sorted(set(beats)), "one for each second"
        (simulated,) = re.findall(r"shows ([0-9.]+)\.\)", question(page))
        value = float(simulated)

        type_value(page, "much", "'much' is not a number")
        type_value(page, f"{value} parsecs", ", not parsecs")
        type_value(page, f"{value + 0.013:.3f}", "The display cannot show")
        type_value(page, "999", "beyond the range of the gauge")
        type_value(page, f"{3 * value:.1f}", "If it is right, type it once more")
        assert_drawn(page)
        type_value(page, f"{value:.1f}", "Judge this attempt.")
        assert "kg/cm²" in page.text_content(".result")
        context.close()
        (path,) = console.logs()
        log = read_log(path)
        asked = [record.prompt for record in log.records if isinstance(record, Prompt) and record.kind == "enter_value"]
        typed = [record.answer for record in log.records if isinstance(record, Answer) and record.prompt in asked]
        assert len(typed) == 6  # what was refused stays on record
        (attempt,) = log.attempts
        assert attempt.trial is not None
        assert attempt.trial.source == "operator"
        assert attempt.trial.raw_text == f"{value:.1f}"


def assert_drawn(page: Any) -> None:
    """The rate bar, its sounds and the alarms, drawn from made-up readings on the run screen."""
    slow, good, fast = (page.evaluate(PRESS, [share, {}]) for share in (0.5, 1.0, 1.6))
    assert (slow["word"], slow["sounds"], slow["inside"]) == ("press FASTER", [330], False)
    assert (good["word"], good["sounds"], good["inside"]) == ("GOOD", [], True)
    assert (fast["word"], fast["sounds"], fast["inside"]) == ("press SLOWER", [990], False)
    assert good["value"] == "0.6 kg/cm²"
    assert page.evaluate(PRESS, [1.0, {"live": False}])["value"] == ""
    let_go = page.evaluate(PRESS, [1.6, {"release": True}])
    assert (let_go["word"], let_go["sounds"]) == ("LET GO", [])
    warned = page.evaluate(PRESS, [1.0, {"alarm": "slower: 160 kPa/s", "urgent": False}])
    assert (warned["alarm"], warned["sounds"]) == ("slower: 160 kPa/s", [700])
    urgent = page.evaluate(PRESS, [1.0, {"alarm": "LET GO: above the cut-off for 2.0 s", "urgent": True}])
    assert (urgent["alarm"], urgent["sounds"]) == ("LET GO: above the cut-off for 2.0 s", [1400])
    assert page.evaluate(PRESS, [1.0, {"scale": None}])["hidden"]
