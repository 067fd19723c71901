"""The participant's key on the page, where it is a pedal's; before that, an instrument that fails."""

from pathlib import Path
from typing import Any

from qst.record.reader import read_log
from qst.rigs.simulated import simulated_station
from tests.console.pages import (
    assert_accessible,
    assert_in_sight,
    assert_offers,
    begin,
    into_the_ramp,
    place,
    to_the_placement,
    wait_for_text,
)
from tests.console.running import PATIENCE_S, Console

PROTOCOL = """\
language: 1
id: one-heat
version: 1.0.0
title: One heat trial
citation: none
description: One heat trial on a plate that returns slowly.
scripts: { always: You may stop at any time. }
blocks:
  - id: heat
    rests: { between_trials: 5 s }
    stimuli:
      - id: heat
        modality: heat
        site: thenar
        side: right
        start: 32 °C
        rate: 0.3 °C/s
        cutoff: 48 °C
        return_rate: 1.5 °C/s
        settle: { within: 1 °C, for: 1 s }
        scoring: { id: HPT, label: Heat pain threshold }
"""
#: One answer of the controller that is no text, in the first ramp.
FAULT = "{faults: [{name: garbage, when: ramp, after_s: 1}]}"


def test_a_pedals_key_ends_a_ramp_also_while_a_note_is_typed(browser: Any, tmp_path: Path) -> None:
    """On a thermode without a button of its own. The space bar is an ordinary key then."""
    station, protocol = tmp_path / "pedal.yaml", tmp_path / "one-heat.yaml"
    text = simulated_station("peltier").text.replace("button: simulated", "button: keyboard?key=page-down")
    text = text.replace("simulator: {}", f"simulator: {FAULT}", 1)
    station.write_text(text, encoding="utf-8")
    protocol.write_text(PROTOCOL, encoding="utf-8")
    with Console(tmp_path / "data", "--station", str(station), "--protocol", str(protocol)) as console:
        context = browser.new_context()
        context.set_default_timeout(PATIENCE_S * 1000)
        page = context.new_page()
        page.goto(console.link)
        page.wait_for_selector(".figures")
        begin(page, station=str(station), protocol=str(protocol), speed="10")
        to_the_placement(page)
        place(page)
        wait_for_text(page, ".now", "An instrument failed.")
        assert_offers(page, "an instrument failed")
        assert_in_sight(page, "an instrument failed")
        assert_accessible(page, "an instrument failed")
        page.keyboard.press("r")
        page.click("button:has-text('disturbed')")
        into_the_ramp(page)
        page.keyboard.press(" ")
        page.keyboard.press("n")
        page.wait_for_selector("input[name=reason]")
        page.keyboard.type("a b")
        page.keyboard.press("PageDown")
        wait_for_text(page, ".result", "°C")
        assert page.input_value("input[name=reason]") == "a b"
        context.close()
        (log,) = console.logs()
        outcomes = [attempt.trial and attempt.trial.outcome for attempt in read_log(log).attempts]
        assert outcomes == ["device_fault", "response"]
