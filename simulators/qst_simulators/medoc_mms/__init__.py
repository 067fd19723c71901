"""A simulated Medoc thermode behind a simulated Medoc Main Station (MMS).

``settings`` are checked values; ``safety`` is the time-at-temperature table; ``thermode`` is the plate and the physics
of a program; ``main_station`` is MMS: states, commands, replies; ``device`` is the byte side that a link talks to.
"""

from qst_simulators.medoc_mms.device import SimulatedMedocMms

__all__ = ["SimulatedMedocMms"]
