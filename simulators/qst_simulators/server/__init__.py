"""Servers: simulated devices behind real sockets, pseudo-terminals and serial ports."""

from qst_simulators.server.simulator_server import ANYWHERE, SimulatorServer

__all__ = ["ANYWHERE", "SimulatorServer"]
