"""The plugin's fixtures, also where the suite is not installed with its entry points."""

from qst.testing.plugin import simulated_participant, virtual_clock, virtual_station

__all__ = ["simulated_participant", "virtual_clock", "virtual_station"]
