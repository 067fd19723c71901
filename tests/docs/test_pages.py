"""The documentation is complete where completeness can be counted, and its links lead somewhere."""

import re
from dataclasses import fields
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec
import pytest

from qst.cli.terminal import HELP
from qst.protocol.schema import protocol_schema
from qst.record.records import Outcome, VisitOutcome
from qst.sites import SITES
from qst.station import driver_class, driver_names
from qst.visit.states import TrialState
from qst_drivers.medoc_mms.settings import Settings as MmsSettings
from qst_drivers.qstlab_tcs.program import TcsSettings
from qst_simulators.medoc_mms.settings import Settings as MmsSwitches
from qst_simulators.qstlab_tcs.options import Faults, Options
from tests.docs.pages import DOCS, PAGES, ROOT, prose

LONGEST_PAGE = 210
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]+)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name} links to {target}{anchor}"


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as the usual viewers make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_index() -> None:
    reached = {target for target, _ in LINK.findall((DOCS / "README.md").read_text(encoding="utf-8"))}
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} - {"README.md"}
    assert pages <= reached


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_no_page_is_long(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= LONGEST_PAGE


@pytest.mark.parametrize("name", driver_names())
def test_every_unverified_fact_is_told(name: str) -> None:
    text = prose("devices.md")
    for fact in driver_class(name).CAPABILITIES.unverified:
        assert " ".join(fact.split()) in text


def _keys(schema: Any) -> set[str]:
    """Every property name in a JSON Schema."""
    if isinstance(schema, list):
        return set().union(*map(_keys, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", {})) | set().union(*map(_keys, schema.values()), set())


def test_every_key_of_a_protocol_is_explained() -> None:
    text = prose("protocols.md")
    assert [key for key in sorted(_keys(protocol_schema())) if f"`{key}`" not in text] == []


def test_every_site_is_listed() -> None:
    text = prose("protocols.md")
    assert [code for code in SITES if f"`{code}`" not in text] == []


def test_every_setting_and_switch_is_explained() -> None:
    text = prose("stations.md")
    mms = {entry.name.removesuffix("_s") for entry in fields(MmsSettings)}
    tcs = {"thermode_area", "zones", "min_temperature", "max_temperature", "max_rate", "max_return_rate"}
    assert len(tcs) + 1 == len(TcsSettings._fields)  # and the battery
    switches = {entry.name for entry in fields(MmsSwitches) if entry.init} | {entry.name for entry in fields(Options)}
    names = mms | tcs | {"min_battery_percent"} | switches
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []
    assert {entry.name for entry in fields(Faults)}.isdisjoint(switches), "stations.md says that faults are no switches"


def test_every_installed_simulator_has_its_switches() -> None:
    text = (DOCS / "stations.md").read_text(encoding="utf-8").partition("## Switches of the simulators")[2]
    for point in entry_points(group="qst.simulators"):
        assert f"**`{point.name}`**" in text


def test_states_outcomes_and_keys_are_explained() -> None:
    text = prose("how-a-visit-runs.md")
    words = [*Outcome, *TrialState, *VisitOutcome]
    assert [word.value for word in words if f"`{word.value}`" not in text] == []
    keys = [entry.split()[0] for entry in HELP.split(" · ")]
    assert [key for key in keys if f"`{key}`" not in text] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(page.name[:4]) for page in sorted((DOCS / "decisions").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_struct_of_the_protocol_is_forgotten_by_the_schema() -> None:
    """The check above sees every key only if the schema names them all; it is made from the model itself."""
    assert "repeats" in _keys(protocol_schema())
    assert msgspec.json.decode(msgspec.json.encode(protocol_schema()))
