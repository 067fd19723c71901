from importlib import resources
from importlib.metadata import entry_points
from typing import Any

import pytest
from ruamel.yaml import YAML

from qst.clock import VirtualClock
from qst_simulators.bench import Bench
from qst_simulators.profile import load_profile

NAMES = ("default", "paper", "tcs")


def read(name: str) -> dict[str, Any]:
    text = (resources.files("qst_simulators") / "stations" / f"{name}.yaml").read_text(encoding="utf-8")
    loaded = YAML(typ="safe", pure=True).load(text)
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_stations_name_installed_drivers_and_simulators(name: str) -> None:
    station = read(name)
    assert station["station"] == name
    assert set(station["instruments"]) == {"thermode", "algometer"}
    for instrument in station["instruments"].values():
        assert instrument["driver"] in entry_points(group="qst.drivers").names
        assert instrument["link"] == f"sim://{instrument['driver']}"
        assert instrument["driver"] in entry_points(group="qst.simulators").names


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_stations_can_be_put_together(name: str) -> None:
    instruments = read(name)["instruments"]
    devices = {role: (each["driver"], each["simulator"]) for role, each in instruments.items()}
    bench = Bench(VirtualClock(), seed=1, profile=load_profile("fibromyalgia"), devices=devices)
    bench.hands.place(role="thermode", modality="heat", site_code="THENAR", side="R", exposure=1, key="1/1")
    bench.hands.lift()
    assert bench.device("thermode").surface.temperature_c(bench.world.now_s) > 0
    assert bench.device("algometer") is not None
