"""A station's thermode and its guard: who gets one, who is refused, and what the log learns of it afterwards."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from qst.abort import AbortSwitch
from qst.clock import RealClock
from qst.errors import PlanError
from qst.instruments import guard_of
from qst.record.log import LogWriter
from qst.record.reader import read_log
from qst.record.records import Fault
from qst.record.verify import Status, verify_log
from qst.rigs.build import make_rig
from qst.rigs.guards import reports_path, unheard_reports
from qst.rigs.job import Manner, ResumeRequest, VisitRequest, prepare_resume, prepare_visit
from qst.station import load_station_bytes
from qst.visit.session import Rig
from qst_drivers.arroyo_5300 import Arroyo5300
from qst_drivers.guard import GuardedLink
from qst_drivers.guard.messages import Reason, Report
from qst_drivers.guard.reports import append_report
from qst_drivers.links import capture_links
from qst_drivers.links.tcp import TcpLink
from qst_drivers.links.urls import parse_url
from tests.guard.bench import HEAT, KINDS, protocol_text, station_text

NOWHERE = "tcp://127.0.0.1:9"
REPLAY = "replay://thermode.jsonl"
ATTENDED = Manner(speed="1", attended=True)


def rig_of(text: str, capture: Path | None = None) -> Rig:
    abort = AbortSwitch()
    station = load_station_bytes(text.encode("utf-8"), "station.yaml")
    return make_rig(station, RealClock(abort), abort, None, seed=1, visit=1, attended=True, capture=capture)


def link_of(rig: Rig) -> Any:
    return getattr(rig.instruments["thermode"], "_link")  # noqa: B009 - no interface tells an instrument's link


def report(reason: Reason = Reason.SESSION_GONE, n: int = 1, *, sent: bool = True) -> Report:
    return Report(
        guard="ab12",
        n=n,
        utc="2000-01-01T09:00:00.000+00:00",
        link=NOWHERE,
        reason=reason,
        silent_s=0.51,
        armed=True,
        sent=sent,
        problem="" if sent else "the port is gone",
    )


# -- who is refused ---------------------------------------------------------------------------------------------------


def test_a_driver_that_tells_no_safe_script_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Arroyo5300, "safe_script")
    with pytest.raises(PlanError, match="no safe script") as refused:
        rig_of(station_text("arroyo-5300", NOWHERE))
    assert "dead-host.md" in refused.value.remedy


def test_a_driver_whose_class_does_not_ask_for_a_guard_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    believed = msgspec.structs.replace(Arroyo5300.CAPABILITIES, self_limiting=True)
    monkeypatch.setattr(Arroyo5300, "CAPABILITIES", believed)
    with pytest.raises(PlanError, match="it has no guard"):
        rig_of(station_text("arroyo-5300", NOWHERE))


# -- who gets one -----------------------------------------------------------------------------------------------------


def test_a_thermode_that_does_not_return_by_itself_is_driven_through_a_guard(tmp_path: Path) -> None:
    assert isinstance(link_of(rig_of(station_text("arroyo-5300", NOWHERE))), GuardedLink)
    captured = link_of(rig_of(station_text("arroyo-5300", NOWHERE), tmp_path))
    assert isinstance(guard_of(captured), GuardedLink)
    captured.finish()


@pytest.mark.parametrize(("driver", "url"), [("medoc-mms", NOWHERE), ("qstlab-tcs", NOWHERE), ("arroyo-5300", REPLAY)])
def test_one_that_does_needs_none_and_a_recording_neither(
    driver: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    clock = RealClock()
    capture_links(TcpLink(parse_url(NOWHERE), clock, AbortSwitch()), "thermode", tmp_path, clock).finish()
    monkeypatch.setattr(GuardedLink, "__init__", _must_not_be)
    assert rig_of(station_text(driver, url)).instruments.keys() == {"thermode"}


def _must_not_be(self: GuardedLink, *arguments: object) -> None:
    raise AssertionError("a guard for nothing")


# -- what the log learns ----------------------------------------------------------------------------------------------


@pytest.fixture
def visit(tmp_path: Path) -> Path:
    """The log of a visit whose session died right after its header."""
    (tmp_path / "protocol.yaml").write_text(protocol_text(KINDS["arroyo-5300"], HEAT), encoding="utf-8")
    (tmp_path / "station.yaml").write_text(station_text("arroyo-5300", NOWHERE), encoding="utf-8")
    job = prepare_visit(
        VisitRequest(
            protocol=str(tmp_path / "protocol.yaml"),
            station=str(tmp_path / "station.yaml"),
            participant="P01",
            operator="op",
            data=str(tmp_path / "data"),
            manner=ATTENDED,
        ),
        AbortSwitch(),
    )
    link = link_of(job.rig)
    assert link._reports == reports_path(job.path)
    job.log.close()
    return job.path


def resumed(path: Path) -> list[Fault]:
    """The faults in a log after somebody went on with it."""
    prepare_resume(ResumeRequest(log=str(path), manner=ATTENDED), AbortSwitch()).log.close()
    assert verify_log(path).status is not Status.DAMAGED
    return [record for record in read_log(path).records if isinstance(record, Fault)]


def test_what_a_guard_did_after_its_session_died_is_put_on_record_once(visit: Path) -> None:
    append_report(reports_path(visit), report())
    (fault,) = resumed(visit)
    assert "the program that drove it ended without closing it" in fault.what
    assert "2000-01-01T09:00:00" in fault.what
    assert fault.did == "sent the device where it is safe"
    assert "look at the skin" in fault.remedy
    append_report(reports_path(visit), report(Reason.SILENT, 2, sent=False))
    first, second = resumed(visit)
    assert first == fault
    assert "sent nothing for 0.51 s" in second.what
    assert "could not reach the device: the port is gone" in second.did
    assert len(resumed(visit)) == 2


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_words(visit: Path, reason: Reason) -> None:
    append_report(reports_path(visit), report(reason))
    (fault,) = unheard_reports(visit, read_log(visit))
    assert fault.what.startswith("at 2000-01-01T09:00:00.000+00:00 the guard acted, because ")


def test_what_the_session_lived_to_tell_is_not_told_twice(visit: Path) -> None:
    append_report(reports_path(visit), report())
    log, _ = LogWriter.resume(visit, RealClock())
    log.close()
    assert len(resumed(visit)) == 1


def test_a_report_that_was_torn_is_told(visit: Path) -> None:
    reports_path(visit).write_bytes(b'{"guard":')
    (fault,) = resumed(visit)
    assert "1 of the guard's reports cannot be read" in fault.what
    assert len(resumed(visit)) == 1


def test_a_report_file_that_cannot_be_read_is_told(visit: Path) -> None:
    reports_path(visit).mkdir()
    (fault,) = resumed(visit)
    assert "cannot be read" in fault.what


def test_without_reports_there_is_nothing_to_tell(visit: Path) -> None:
    assert resumed(visit) == []
