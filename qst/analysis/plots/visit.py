"""One visit as its pictures and its report see it: rows, plan, and what is said of an attempt in words."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from qst.analysis.dataset import Dataset
from qst.errors import InputError
from qst.protocol.plan import Plan, PlannedTrial
from qst.record.records import Censoring
from qst.sites import SITES, Placement
from qst.units import format_display, to_display

Row = Mapping[str, Any]

_ENDINGS: Final = {
    "response": "response",
    "cutoff": "cut-off reached",
    "timeout": "timed out",
    "pain_at_baseline": "pain at the start",
    "operator_stop": "stopped by the operator",
    "participant_withdrew": "participant withdrew",
    "device_fault": "instrument failed",
    "estop": "emergency stop",
    "interrupted": "interrupted, no result",
}


class VisitView(msgspec.Struct, frozen=True, kw_only=True):
    """A visit of a dataset.

    Attributes:
        facts: its row of the visit table.
        rows: its rows of the trial table, in their order.
        plan: what its protocol comes to; None when this version cannot read the protocol, or plans other trials.
    """

    facts: Row
    rows: Sequence[Row]
    plan: Plan | None

    @property
    def name(self) -> str:
        """For people: ``P01 · visit 2``."""
        return f"{self.facts['participant_id']} · visit {self.facts['visit']}"

    @property
    def origin(self) -> str:
        """Where the picture comes from: protocol and log, by their hashes."""
        facts = self.facts
        version = f" {facts['protocol_version']}" if facts["protocol_version"] else ""
        return (
            f"protocol {facts['protocol_id']}{version} (sha256 {facts['protocol_sha256'][:12]}…), "
            f"log {facts['session_uuid']} (last hash {facts['last_hash'][:12]}…)"
        )

    @property
    def is_simulated(self) -> bool:
        """Whether participant and instruments were simulated."""
        return bool(self.facts["is_simulated"])

    @property
    def standing(self) -> dict[int, Row]:
        """The attempt that counts for each planned trial, by sequence index."""
        return {row["sequence_index"]: row for row in self.rows if row["valid"] and not row["superseded"]}

    def planned(self, row: Row) -> PlannedTrial | None:
        """The planned trial of an attempt; None when there is no plan."""
        trials = self.plan.trials if self.plan is not None else ()
        return next((trial for trial in trials if trial.sequence_index == row["sequence_index"]), None)

    def value(self, row: Row) -> str:
        """The reported value with its unit, in as many digits as it was rounded to; empty when there is none."""
        if row["value_display"] is None:
            return ""
        trial = self.planned(row)
        step = trial.rounding.step if trial is not None else None
        return shown(row["value_display"], row["display_unit"], step)

    def ending(self, row: Row) -> str:
        """How an attempt ended, in a few words, with its value or its limit."""
        if row["outcome"] == "response":
            return self.value(row) or "response, no value"
        if row["censoring"] != Censoring.NONE and row["censoring"] is not None:
            return f"{_ENDINGS[row['outcome']]}, {self.beyond(row)}"
        return _ENDINGS[row["outcome"]]

    def said(self, row: Row) -> str:
        """As :meth:`ending`; of an attempt that does not count, why."""
        text = self.ending(row)
        return text if row["valid"] else f"invalid: {row['invalid_reason'] or text}"

    def beyond(self, row: Row) -> str:
        """Where a censored threshold lies: ``> 6.0 kg/cm²``."""
        trial = self.planned(row)
        unit = trial.rounding.display_unit if trial is not None else row["display_unit"] or row["unit_ucum"]
        falling = row["cutoff"] < row["start_value"]
        limit = row["cutoff"] if row["outcome"] == "cutoff" else row["start_value"]
        sign = "<" if falling == (row["outcome"] == "cutoff") else ">"
        step = trial.rounding.step if trial is not None else None
        return f"{sign} {shown(to_display(limit, unit), unit, step)}"


def visits_of(dataset: Dataset) -> list[VisitView]:
    """The visits of a dataset, in its order."""
    rows: dict[str, list[Row]] = {}
    for row in dataset.trials.dicts():
        rows.setdefault(str(row["session_uuid"]), []).append(row)
    views = []
    for facts in dataset.visits.dicts():
        uuid = str(facts["session_uuid"])
        views.append(VisitView(facts=facts, rows=rows.get(uuid, []), plan=_plan(dataset, uuid)))
    return views


def _plan(dataset: Dataset, session_uuid: str) -> Plan | None:
    try:
        return dataset.plan(session_uuid)
    except InputError:  # a visit of another version of the suite: its attempts can be shown all the same
        return None


def shown(value_display: float, display_unit: str, step: str | None = None) -> str:
    """A value in its display unit, in as many decimals as ``step`` has (the unit's usual number without one)."""
    digits = None if step is None else max(0, -int(Decimal(step).normalize().as_tuple().exponent))
    return format_display(value_display, display_unit, decimals=digits)


def place_name(row: Row) -> str:
    """The site with its side in words; a site that this version does not know by its code."""
    site = SITES.get(row["site_code"])
    if site is None:
        return f"{row['side']} {row['site_code']}".strip()
    return site.label(row["side"] or "")


def placement(row: Row) -> Placement:
    """The place of an attempt."""
    return Placement(row["site_code"], row["side"] or "")
