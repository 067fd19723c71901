"""Which instruments stand behind a guard, and what guards did that no session lived to hear of.

A guard's reports lie beside the visit's log, in a file of the same name that ends in ``.guard``. Whoever goes on with
the log puts on record what is not there yet.
"""

from pathlib import Path

from qst.abort import AbortSwitch
from qst.clock import Clock
from qst.errors import LinkError, PlanError
from qst.instruments import Capabilities, Instrument, Link, NeedsGuard, guard_of
from qst.record.records import Fault
from qst.record.visit_log import VisitLog
from qst.station import InstrumentSpec, LoadedStation, driver_class
from qst_drivers.guard import GuardedLink
from qst_drivers.guard.messages import Reason, Report
from qst_drivers.guard.reports import read_reports
from qst_drivers.links import open_link

_WHY = {
    Reason.SILENT: "the program sent nothing for {0:.2f} s",
    Reason.SESSION_GONE: "the program that drove it ended without closing it",
    Reason.LINK_LOST: "the device's link failed while it was away from its baseline",
    Reason.CLOSED_ARMED: "the program closed it while it was away from its baseline",
    Reason.DEFECT: "the guard itself failed",
}
#: Behind these nothing gets warm: they need no guard.
_NOTHING_REAL = ("sim:", "replay:", "operator:")


def reports_path(log: Path) -> Path:
    """Where the guards of a visit write what they did."""
    return log.with_suffix(".guard")


def needs_guard(can: Capabilities, url: str) -> bool:
    """Whether an instrument with these capabilities, behind this link, goes on when its host goes silent."""
    return can.kind == "thermode" and not can.self_limiting and not url.startswith(_NOTHING_REAL)


def station_link(spec: InstrumentSpec, clock: Clock, abort: AbortSwitch, reports: Path | None) -> Link:
    """The link of a station's instrument, behind a guard where its driver needs one. Raises StationFileError."""
    if needs_guard(driver_class(spec.driver).CAPABILITIES, spec.link):
        return GuardedLink(spec.link, clock, abort, reports)
    return open_link(spec.link, clock, abort)


def require_guarded(station: LoadedStation, role: str, instrument: Instrument, link: Link) -> None:
    """Refuse a thermode that nothing would bring back.

    Raises:
        PlanError: it does not return by itself, and there is no guard, or nothing that a guard could send.
    """
    url = station.station.roles()[role].link
    if not needs_guard(instrument.capabilities, url):
        return
    if not isinstance(instrument, NeedsGuard):
        what = "its driver has no safe script that a guard could send for it"
        remedy = "simulate it, or have its driver tell a safe script (docs/how-to/dead-host.md)"
    elif guard_of(link) is None:
        what = "as this station sets it up it has no guard, which its driver's general capabilities must ask for"
        remedy = "have the driver's class state self_limiting=False (docs/how-to/dead-host.md)"
    else:
        return
    raise PlanError(
        f"this thermode does not return by itself when the program that drives it dies, and {what}",
        where=f"{station.source}: instruments.{role}",
        did="connected nothing",
        remedy=remedy,
    )


def unheard_reports(log: Path, so_far: VisitLog) -> list[Fault]:
    """What guards did in this visit and its log does not tell yet, as the records to write, oldest first."""
    path = reports_path(log)
    try:
        reports, unreadable = read_reports(path)
    except OSError as error:
        return [_unreadable(path, f"the guard's reports cannot be read: {error.strerror}")]
    told = [record.where for record in so_far.records if isinstance(record, Fault)]
    faults = [_fault(report) for report in reports if not any(report.name in where for where in told)]
    if unreadable and not any(str(path.name) in where for where in told):
        faults.append(_unreadable(path, f"{unreadable} of the guard's reports cannot be read"))
    return faults


def _fault(report: Report) -> Fault:
    why = _WHY[report.reason].format(report.silent_s)
    did = "sent the device where it is safe" if report.sent else f"could not reach the device: {report.problem}"
    return Fault(
        code=LinkError.code,
        what=f"at {report.utc} the guard acted, because {why}",
        where=f"{report.link} ({report.name})",
        did=did,
        remedy="look at the skin before anything else",
    )


def _unreadable(path: Path, what: str) -> Fault:
    return Fault(code=LinkError.code, what=what, where=path.name, remedy="look at the skin before anything else")
