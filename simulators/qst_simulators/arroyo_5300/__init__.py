"""A simulated Arroyo 5300-family temperature controller with a laboratory-built Peltier plate."""

from qst_simulators.arroyo_5300.device import SimulatedArroyo5300

__all__ = ["SimulatedArroyo5300"]
