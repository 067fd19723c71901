"""A simulated QST.Lab TCS II."""

from qst_simulators.qstlab_tcs.device import SimulatedQstlabTcs

__all__ = ["SimulatedQstlabTcs"]
