"""A chosen protocol on a chosen station, checked before anybody starts anything. Connects nothing."""

import msgspec

from qst.errors import QstError
from qst.protocol.check import ERROR, CheckReport, check_plan
from qst.protocol.loader import load_protocol
from qst.protocol.planner import make_plan
from qst.rigs.simulated import find_station, unconnected_instruments
from qst.sites import SITES
from qst.station import capabilities_of
from qst.units import format_duration
from qst.visit.session import station_problems


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What the start screen shows of a plan; ``error`` is the whole story when there is none."""

    error: str = ""
    title: str = ""
    protocol_id: str = ""
    simulated: bool = True
    station: str = ""
    n_trials: int = 0
    n_practice: int = 0
    duration: str = ""
    longest: str = ""
    asked: tuple[str, ...] = ()
    doses: tuple[tuple[str, str], ...] = ()
    problems: tuple[tuple[str, str], ...] = ()  # severity, text

    @property
    def ok(self) -> bool:
        """Whether a visit may start."""
        return not self.error and all(severity != ERROR for severity, _ in self.problems)


def check_choice(protocol: str, station: str) -> Checked:
    """Check a protocol on a station; what is wrong with them is part of the answer."""
    try:
        bench = find_station(station)
        plan = make_plan(load_protocol(protocol), 0)
        instruments = unconnected_instruments(bench)
        report = check_plan(plan, capabilities_of(instruments, "thermode"), capabilities_of(instruments, "algometer"))
        refused = station_problems(plan, instruments, bench)
    except QstError as error:
        return Checked(error=error.report())
    return Checked(
        title=report.title,
        protocol_id=plan.protocol_id,
        simulated=bench.station.simulated,
        station=bench.station.title or bench.station.id,
        n_trials=report.n_trials,
        n_practice=report.n_practice,
        duration=format_duration(report.duration.expected_s),
        longest=format_duration(report.duration.longest_s),
        asked=_asked(report),
        doses=tuple(
            (SITES[dose.site_code].label(dose.side), f"{dose.dose.cem43_min:.2f} CEM43 min")
            for dose in report.site_doses
        ),
        problems=(
            *((ERROR, text) for text in refused),
            *((problem.severity, problem.text) for problem in report.problems),
        ),
    )


def _asked(report: CheckReport) -> tuple[str, ...]:
    """What will be asked of the participant, block by block."""
    lines: dict[tuple[str, str], list[str]] = {}
    for trial in report.trials:
        label = SITES[trial.site_code].label(trial.side)
        places = lines.setdefault((trial.block, trial.modality.value), [])
        if label not in places:
            places.append(label)
    return tuple(
        f"{modality}: {', '.join(places) if len(places) <= 4 else f'{len(places)} places'}"  # noqa: PLR2004 - a line's worth
        for (_, modality), places in lines.items()
    )
