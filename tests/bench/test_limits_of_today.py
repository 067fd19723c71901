"""A visit that goes on keeps the station of its log, and the limits of today where they are tighter."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qst.abort import AbortSwitch
from qst.cli import _run
from qst.console.hub import Hub
from qst.errors import PlanError, StationFileError
from qst.protocol.limits import StationLimits
from qst.rigs.job import ResumeRequest, prepare_resume
from tests.bench.test_begun_again import STATION, begin


def station(limits: str = "", name: str = "room") -> str:
    limits = f"\n    limits: {{{limits}}}" if limits else ""
    text = STATION.replace("link: tcp://127.0.0.1:9", f"link: tcp://127.0.0.1:9{limits}")
    return text.replace("station: room", f"station: {name}")


@pytest.fixture
def resume(tmp_path: Path) -> Any:
    """Begins a visit at a station with some limits, and goes on with it at one with others."""

    def go_on(then: str, now: str) -> Any:
        file = tmp_path / "room.yaml"
        file.write_text(then, encoding="utf-8")
        path = begin(tmp_path)
        file.write_text(now, encoding="utf-8")
        job = prepare_resume(ResumeRequest(log=str(path), stations=("default", str(file))), AbortSwitch())
        job.log.close()
        return job.rig.station.station.roles()["thermode"].limits

    return go_on


def test_a_plan_beyond_what_the_station_limits_by_now_does_not_go_on(resume: Any) -> None:
    with pytest.raises(PlanError, match="cut-off 44 °C is above this station's 43 °C"):
        resume(station(), station("heat_max: 43 °C"))


def test_the_tighter_one_of_each_limit_holds(resume: Any) -> None:
    found = resume(station("heat_max: 47 °C, cold_min: 5 °C"), station("heat_max: 49 °C, cold_min: 12 °C"))
    assert (found.heat_max, found.cold_min) == ("47 °C", "12 °C")


def test_limits_that_are_gone_by_now_hold_on(resume: Any) -> None:
    assert resume(station("heat_max: 47 °C"), station()).heat_max == "47 °C"


def test_another_station_says_nothing_of_this_one(resume: Any) -> None:
    assert resume(station(), station("heat_max: 43 °C", name="another")) is None


def test_a_station_file_that_nobody_can_read_limits_nobody_knows_what(resume: Any) -> None:
    with pytest.raises(StationFileError):
        resume(station(), "station: [room")


def test_the_tighter_one_whatever_its_unit() -> None:
    one, other = StationLimits(pressure_max="6 kg/cm²"), StationLimits(pressure_max="500 kPa", heat_max="47 °C")
    both = StationLimits(pressure_max="500 kPa", heat_max="47 °C")
    assert one.with_those_of(other) == other.with_those_of(one) == both
    assert one.with_those_of(None) == one


def test_the_command_takes_the_station_as_it_is_now_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr("qst.cli.run.require_terminal", lambda: None)
    file = tmp_path / "room.yaml"
    file.write_text(station(), encoding="utf-8")
    path = begin(tmp_path)
    file.write_text(station("heat_max: 43 °C"), encoding="utf-8")
    assert _run(["resume", str(path), "--station", str(file)]) == 2
    assert "above this station's 43 °C" in capsys.readouterr().err
    assert _run(["resume", str(path), "--station", "default"]) == 2
    assert "the visit was begun at 'room'" in capsys.readouterr().err


def test_the_console_goes_on_under_the_limits_of_the_stations_that_it_offers() -> None:
    sent: list[Any] = []
    hub: Any = SimpleNamespace(offer=SimpleNamespace(stations=("room.yaml", "default")), _start=sent.append)
    Hub.go_on(hub, ResumeRequest(log="a.jsonl"))
    assert sent[0].request == ResumeRequest(log="a.jsonl", stations=("room.yaml", "default"))
