"""Faults that can be injected into every simulated device, its wire, and the participant's button.

``names`` lists them; ``wire`` wraps a device and spoils what passes over its wire; ``sensor`` spoils readings; what
only the device itself can do wrong is in each simulator (its ``fault_table``); ``button`` is a button that sticks,
bounces, or is pressed early or late; ``moments`` tells in which part of a trial a device is; ``arming`` decides when a
fault comes.
"""

from qst_simulators.faults.button import FaultyButton
from qst_simulators.faults.moments import Moment, Moments
from qst_simulators.faults.names import BUTTON_FAULTS, WIRE_FAULTS, Fault, refuse
from qst_simulators.faults.sensor import SensorFault, sensor_strikes
from qst_simulators.faults.table import FaultTable
from qst_simulators.faults.wire import FaultyDevice

__all__ = [
    "BUTTON_FAULTS",
    "WIRE_FAULTS",
    "Fault",
    "FaultTable",
    "FaultyButton",
    "FaultyDevice",
    "Moment",
    "Moments",
    "SensorFault",
    "refuse",
    "sensor_strikes",
]
