"""What the suite is for stands where a person reads it: in the README, and above every real visit."""

from types import SimpleNamespace
from typing import Any, Self

import pytest

from qst.cli import run as command
from qst.record.records import VisitOutcome
from tests.docs.pages import ROOT


def test_the_readme_says_what_it_is_for_and_what_it_is_not() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").replace(">", " ").split())
    for words in (
        "Intended use",
        "Research software",
        "not a medical device",
        "not validated for diagnosis",
        "trained operator",
    ):
        assert words in text


@pytest.mark.parametrize("simulated", [False, True])
def test_it_stands_above_every_real_visit(
    simulated: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Nothing:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    begun: list[str] = []

    def conduct(*_: Any) -> Any:
        begun.append(capsys.readouterr().out)
        return SimpleNamespace(outcome=VisitOutcome.COMPLETED)

    monkeypatch.setattr(command, "abort_on_signals", lambda _: Nothing())
    monkeypatch.setattr(command, "_operator", lambda *_, **__: Nothing())
    monkeypatch.setattr(command, "conduct", conduct)
    monkeypatch.setattr(command, "print_result", lambda *_: None)
    job: Any = SimpleNamespace(simulated=simulated, title="a visit", seed=1, log=Nothing(), abort=None, path=None)
    command._conduct(job, SimpleNamespace(), as_json=False)  # type: ignore[arg-type]  # how it is run is not the subject
    before_anything = " ".join(begun[0].split())
    assert ("Research software, not a medical device; not validated for diagnosis." in before_anything) is not simulated
