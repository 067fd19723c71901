"""The test kit, for whoever writes a driver, a simulator, a protocol or an analysis: no hardware, no waiting.

* ``thermode_conformance`` and ``algometer_conformance`` make a test class that holds a driver, together with its
  simulator, to what the suite expects of every instrument. One line in a test module is enough.
* ``VirtualStation`` runs a whole visit on simulated instruments in this process, on a virtual clock.
* ``FaultyLink`` wraps any link and breaks it on demand; ``ScheduledClock`` is a virtual clock on which things happen;
  ``SteadyHand`` presses a gauge with an exactly known force.
* ``qst.testing.plugin`` is the pytest plugin with the fixtures ``virtual_clock``, ``simulated_participant`` and
  ``virtual_station``.

Names are loaded when they are first used: the plugin is part of every pytest run of everybody who has the suite.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qst.testing.conformance import algometer_conformance, thermode_conformance
    from qst.testing.conformance.suite import CheckResult, Conformance, run_checks
    from qst.testing.faulty_link import FaultyLink
    from qst.testing.hand import SteadyHand
    from qst.testing.scheduled_clock import ScheduledClock
    from qst.testing.station import VirtualStation, VirtualVisit

_HOMES = {
    "CheckResult": "qst.testing.conformance.suite",
    "Conformance": "qst.testing.conformance.suite",
    "FaultyLink": "qst.testing.faulty_link",
    "ScheduledClock": "qst.testing.scheduled_clock",
    "SteadyHand": "qst.testing.hand",
    "VirtualStation": "qst.testing.station",
    "VirtualVisit": "qst.testing.station",
    "algometer_conformance": "qst.testing.conformance",
    "run_checks": "qst.testing.conformance.suite",
    "thermode_conformance": "qst.testing.conformance",
}

__all__ = [
    "CheckResult",
    "Conformance",
    "FaultyLink",
    "ScheduledClock",
    "SteadyHand",
    "VirtualStation",
    "VirtualVisit",
    "algometer_conformance",
    "run_checks",
    "thermode_conformance",
]


def __getattr__(name: str) -> object:
    """Load a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'qst.testing' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
