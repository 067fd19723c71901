"""A simulated Mark-10 force gauge."""

from qst_simulators.mark10.device import SimulatedMark10

__all__ = ["SimulatedMark10"]
