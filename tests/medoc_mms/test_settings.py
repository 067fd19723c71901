"""What a station file may say about a Medoc thermode."""

from typing import Any

import pytest

from qst.errors import StationFileError
from qst_drivers.medoc_mms.settings import Settings
from tests.medoc_mms.rig import COLD, HEAT, HEAT_PROGRAM, PROGRAMS


def test_defaults() -> None:
    settings = Settings.from_mapping({"programs": PROGRAMS})
    assert (settings.model, settings.auto_start, settings.begin_with) == ("Pathway ATS", False, "trigger")
    assert (settings.pretest_s, settings.command_gap_s) == (5.0, 0.5)
    assert (settings.reply_timeout_s, settings.status_timeout_s) == (2.0, 0.5)
    assert [program.word for program in settings.programs if program.matches(HEAT)] == [100]
    assert [program.word for program in settings.programs if program.matches(COLD)] == [101]


def test_everything_can_be_chosen() -> None:
    settings = Settings.from_mapping(
        {
            "programs": [HEAT_PROGRAM],
            "model": "TSA-2",
            "auto_start": True,
            "begin_with": "start",
            "pretest": "12 s",
            "command_gap": "100 ms",
            "reply_timeout": "5 s",
            "status_timeout": "1 s",
            "obeyed_within": "2 s",
        }
    )
    assert (settings.model, settings.auto_start, settings.begin_with) == ("TSA-2", True, "start")
    assert (settings.pretest_s, settings.command_gap_s, settings.obeyed_within_s) == (12.0, 0.1, 2.0)


def test_a_word_may_be_written_as_mms_shows_it() -> None:
    settings = Settings.from_mapping({"programs": [{**HEAT_PROGRAM, "word": "01100100"}]})
    assert settings.programs[0].word == 100


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "needs programs"),
        ({"programs": []}, "needs programs"),
        ({"programs": "all"}, "needs programs"),
        ({"programs": ["100"]}, "a program is"),
        ({"programs": PROGRAMS, "port": 20121}, "does not know the setting port"),
        ({"programs": PROGRAMS, "model": "TSA-II"}, "model must be one of"),
        ({"programs": PROGRAMS, "auto_start": "yes"}, "auto_start must be"),
        ({"programs": PROGRAMS, "auto_start": 1}, "auto_start must be"),
        ({"programs": PROGRAMS, "begin_with": "stop"}, "begin_with must be"),
        ({"programs": PROGRAMS, "pretest": 5}, "pretest"),
        ({"programs": PROGRAMS, "pretest": "5 °C"}, "pretest"),
        ({"programs": PROGRAMS, "pretest": "-5 s"}, "pretest must not be negative"),
        ({"programs": [{**HEAT_PROGRAM, "word": 4}]}, "16 to 255"),
        ({"programs": [{**HEAT_PROGRAM, "word": 1100100}]}, "16 to 255"),
        ({"programs": [{**HEAT_PROGRAM, "word": "100"}]}, "16 to 255"),
        ({"programs": [{**HEAT_PROGRAM, "word": True}]}, "16 to 255"),
        ({"programs": [{**HEAT_PROGRAM, "baseline": "32"}]}, "program 100, baseline"),
        ({"programs": [{**HEAT_PROGRAM, "rate": "0.3 °C"}]}, "program 100, rate"),
        ({"programs": [{**HEAT_PROGRAM, "cutoff": "32 °C"}]}, "program 100: a ramp needs"),
        ({"programs": [{**HEAT_PROGRAM, "cut_off": "32 °C"}]}, "unknown \\['cut_off'\\]"),
        ({"programs": [{"word": 100}]}, "missing \\['baseline', 'cutoff', 'rate', 'return_rate'\\]"),
        ({"programs": [HEAT_PROGRAM, {**HEAT_PROGRAM, "cutoff": "47 °C"}]}, "two programs have the word 100"),
        ({"programs": [HEAT_PROGRAM, {**HEAT_PROGRAM, "word": 50}]}, "programs 100 and 50 are the same ramp"),
    ],
)
def test_wrong_settings_say_what_is_wrong(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(StationFileError, match=says):
        Settings.from_mapping(settings)
