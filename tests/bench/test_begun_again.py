"""A visit on real instruments that can be resumed is not begun anew unseen, and its skin is charged for all of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qst.abort import AbortSwitch
from qst.cli import _run
from qst.clock import VirtualClock
from qst.console.checking import Checked
from qst.console.folder import open_visits
from qst.console.offer import make_offer
from qst.console.pages.start import StartScreen
from qst.errors import InputError
from qst.instruments import Modality, ThermalRamp
from qst.record.log import LogWriter
from qst.record.reader import read_log
from qst.record.records import Deviation, End, Note, TrialStart, VisitOutcome
from qst.rigs.earlier import real_logs
from qst.rigs.job import Manner, ResumeRequest, VisitRequest, prepare_resume, prepare_visit
from qst.safety import worst_case_dose
from qst.visit.history import History
from qst.visit.site_dose import SiteDose
from tests.record.logs import header
from tests.visit.fakes import Visit
from tests.visit.plans import planned

PROTOCOL = Path(__file__).parents[1] / "visits" / "any_visit.yaml"
#: Real, as far as its file says; nothing connects to it here.
STATION = """station: room
instruments:
  thermode:
    driver: qstlab-tcs
    link: tcp://127.0.0.1:9
button: keyboard
"""
WORST_MIN = worst_case_dose(
    ThermalRamp(start_c=36.0, rate_c_per_s=1.0, cutoff_c=44.0, return_rate_c_per_s=1.6)
).cem43_min


@pytest.fixture
def room(tmp_path: Path) -> Path:
    (tmp_path / "room.yaml").write_text(STATION, encoding="utf-8")
    return tmp_path


def request(room: Path, **changes: Any) -> VisitRequest:
    fields: dict[str, Any] = {
        "protocol": str(PROTOCOL),
        "station": str(room / "room.yaml"),
        "participant": "P01",
        "operator": "op",
        "seed": 1,
        "data": str(room / "data"),
        "manner": Manner(),
    }
    return VisitRequest(**(fields | changes))


def begin(room: Path, *, outcome: VisitOutcome | None = None, attempts: int = 1, **changes: Any) -> Path:
    """A log whose process died in the middle of a heat attempt, or that ended like this."""
    job = prepare_visit(request(room, **changes), AbortSwitch())
    heat = next(trial for trial in job.plan.trials if trial.modality is Modality.HEAT)
    with job.log as log:
        for attempt in range(1, attempts + 1):
            log.write(
                TrialStart(
                    sequence_index=heat.sequence_index,
                    attempt=attempt,
                    step_id=heat.step_id,
                    block=heat.block,
                    modality=heat.modality,
                    site_code=heat.site_code,
                    side=heat.side,
                    repeat_index=heat.repeat_index,
                    is_practice=heat.is_practice,
                )
            )
        if outcome is not None:
            log.write(End(outcome=outcome, reason="", n_trials=0, summary=()))
    return job.path


@pytest.mark.parametrize("outcome", [None, VisitOutcome.INTERRUPTED, VisitOutcome.FAILED])
def test_a_real_visit_that_can_be_resumed_is_not_begun_anew(room: Path, outcome: VisitOutcome | None) -> None:
    path = begin(room, outcome=outcome)
    with pytest.raises(InputError, match=f"begun already, and can be resumed after 0 of 2 trials: {path.name}") as said:
        prepare_visit(request(room), AbortSwitch())
    assert said.value.where == str(path)
    assert f"'qst resume {path}'" in said.value.remedy
    assert "--again" in said.value.remedy
    assert list((room / "data").iterdir()) == [path]


@pytest.mark.parametrize("changes", [{"visit": 2}, {"participant": "P02"}])
def test_another_visit_or_participant_is_no_matter_of_it(room: Path, changes: dict[str, Any]) -> None:
    begin(room)
    job = prepare_visit(request(room, **changes), AbortSwitch())
    job.log.close()
    assert job.history is None


def test_with_another_protocol_it_is_the_same_visit_and_the_same_skin(room: Path) -> None:
    begin(room)
    other = room / "other.yaml"
    other.write_text(PROTOCOL.read_text(encoding="utf-8").replace("id: any-visit", "id: other"), encoding="utf-8")
    with pytest.raises(InputError, match="begun already"):
        prepare_visit(request(room, protocol=str(other)), AbortSwitch())


def test_a_reason_begins_it_anew_is_on_record_and_the_doses_count_on(room: Path) -> None:
    first = begin(room, attempts=3)
    job = prepare_visit(request(room, again="the computer was exchanged"), AbortSwitch())
    job.log.close()
    assert job.path != first
    assert job.earlier_log == first
    assert job.history is not None
    (dose,) = job.history.elsewhere
    assert (dose.site_code, dose.side) == ("thenar", "R")
    assert dose.cem43_min == pytest.approx(3 * WORST_MIN)
    assert job.n_done == 0
    log = read_log(job.path, verify=True)
    deviation, note = (one for one in log.records if isinstance(one, Deviation | Note))
    assert isinstance(deviation, Deviation)
    assert isinstance(note, Note)
    assert (deviation.kind, "the computer was exchanged" in deviation.text) == ("again", True)
    assert first.name in note.text
    assert f"thenar R {3 * WORST_MIN:.2f}" in note.text


def test_a_visit_that_was_completed_may_be_followed_and_is_charged_too(room: Path) -> None:
    begin(room, outcome=VisitOutcome.COMPLETED)
    job = prepare_visit(request(room), AbortSwitch())
    job.log.close()
    assert job.history is not None
    assert job.history.elsewhere[0].cem43_min == pytest.approx(WORST_MIN)
    with pytest.raises(InputError, match="nothing to begin again") as said:
        prepare_visit(request(room, again="for fun", visit=7), AbortSwitch())
    assert "leave out --again" in said.value.remedy


def test_who_resumes_is_charged_with_the_other_logs_and_not_twice_with_its_own(room: Path) -> None:
    first = begin(room, attempts=2)
    begin(room, attempts=1, again="the computer was exchanged")
    job = prepare_resume(ResumeRequest(log=str(first)), AbortSwitch())
    job.log.close()
    assert job.history is not None
    assert [dose.cem43_min for dose in job.history.elsewhere] == [pytest.approx(WORST_MIN)]
    assert len(job.history.unrecorded) == 2


def test_the_engine_reckons_with_what_other_logs_charge() -> None:
    """Another 1.9 would still be allowed at this site, and the worst case of this ramp is 2.6."""
    visit = Visit(planned(), history=History(elsewhere=(SiteDose("thenar", "R", 10.0), SiteDose("thenar", "R", 8.1))))
    visit.run()
    assert visit.trials() == []
    (deviation,) = visit.log.of(Deviation)
    assert isinstance(deviation, Deviation)
    assert deviation.kind == "dose_refused"


def test_a_damaged_log_of_this_visit_is_no_rested_skin(room: Path) -> None:
    path = begin(room)
    path.write_bytes(path.read_bytes().replace(b"thenar", b"fingers", 1))
    with pytest.raises(InputError, match="damaged") as said:
        prepare_visit(request(room), AbortSwitch())
    assert said.value.where == str(path)


def test_simulated_visits_begin_as_often_as_one_likes(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(room)  # a real one of the same number changes nothing for them
    changes = {"station": "tcs", "participant": "P01", "seed": 1, "manner": Manner(speed="max", attended=False)}
    for _ in range(2):
        job = prepare_visit(request(room, **changes), AbortSwitch())
        job.log.close()
        assert job.history is None
    assert len(real_logs(room / "data", "P01", 1)) == 1
    arguments = ["run", "demo-quick", "--simulate", "--data", str(room / "toys"), "--again", "for fun"]
    assert _run(arguments) == 2
    assert "leave out --again" in capsys.readouterr().err


def test_the_command_says_what_to_do(room: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    begin(room)
    monkeypatch.setattr("qst.cli.run.require_terminal", lambda: None)
    arguments = ["run", str(PROTOCOL), "--station", str(room / "room.yaml"), "--participant", "P01"]
    assert _run([*arguments, "--operator", "op", "--data", str(room / "data")]) == 2
    assert "qst resume" in capsys.readouterr().err


# -- the start screen ----------------------------------------------------------------------------------------------------


def screen(room: Path, **chosen: str) -> StartScreen:
    """The start screen with a form that is filled in; nothing is drawn."""
    hub = SimpleNamespace(offer=make_offer((), (), "op"), data=room / "data", refused=None)
    made = StartScreen(SimpleNamespace(hub=hub, refresh=lambda: None))  # type: ignore[arg-type] # of the page it needs no more
    made._checked = Checked(simulated=chosen["nature"] == "simulated", protocol_id="any-visit")
    made._open = open_visits(room / "data")
    for name, value in chosen.items():
        setattr(made, name, value)
    return made


def test_the_start_screen_refuses_in_the_same_words_and_knows_what_to_resume(room: Path) -> None:
    path = begin(room, outcome=VisitOutcome.FAILED)
    form = screen(room, nature="real", participant="P01", visit="1")
    assert form._missing().startswith("This visit was begun already, and can be resumed after 0 of 2 trials")
    assert path.name in form._missing()
    unfinished = form._unfinished()
    assert unfinished is not None
    assert unfinished.log == str(path)
    for other in ({"visit": "2"}, {"participant": "P02"}):
        assert screen(room, **({"nature": "real", "participant": "P01", "visit": "1"} | other))._missing() == ""


def test_another_one_may_be_meant_in_a_simulation_and_of_a_real_visit_that_is_over(room: Path) -> None:
    begin(room)
    real = screen(room, nature="real", participant="P01", visit="1")
    real._mean_another()
    assert "begun already" in real._missing()  # what was only interrupted is not begun anew, whatever is meant
    simulated = screen(room, nature="simulated", participant="P01", visit="1")
    simulated._mean_another()
    assert simulated._missing() == ""
    begin(room, visit=3, outcome=VisitOutcome.COMPLETED)
    over = screen(room, nature="real", participant="P01", visit="3")
    assert "has a log already" in over._missing()
    over._mean_another()
    assert over._missing() == ""


def test_a_simulated_log_does_not_stand_in_the_way_of_a_real_visit(room: Path) -> None:
    path = room / "data" / "P01_visit-1_any-visit.jsonl"
    with LogWriter.create(path, VirtualClock(), sync=False) as log:
        log.write(header(visit=1, simulated=True))
    job = prepare_visit(request(room), AbortSwitch())
    job.log.close()
    assert job.history is None
