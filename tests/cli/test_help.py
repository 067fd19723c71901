"""``--help`` of every command reads as it was written."""

import pytest

from qst.cli import _COMMANDS, _run


@pytest.mark.parametrize("command", _COMMANDS)
def test_help_shows_no_mark_that_was_meant_for_its_formatter(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: qst {command}")
    assert "\\" not in shown
    assert "\b" not in shown


def test_lists_in_help_keep_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    _run(["plot", "--help"])
    _run(["correct", "--help"])
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "bodymap   pressure thresholds of a visit, front and back" in shown
    assert "FIELD of a visit:    study_id, participant_id, visit." in shown
