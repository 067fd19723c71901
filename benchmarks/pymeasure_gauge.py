"""The peer's side of ``peers.py``: a PyMeasure instrument on a pyvisa-sim gauge. Runs in an environment of its own.

Prints one JSON object: the best number of queries a second, and the versions that were measured.
"""

import json
import sys
import timeit
from importlib.metadata import version

# Installed only in the environment that peers.py makes.
from pymeasure.adapters import VISAAdapter  # type: ignore[import-not-found]
from pymeasure.instruments import Instrument  # type: ignore[import-not-found]


class Gauge(Instrument):  # type: ignore[misc]
    """The least PyMeasure instrument that can read a force."""

    force_n = Instrument.measurement(
        "?C",
        "The force on the tip in N.",
        preprocess_reply=lambda text: text.removesuffix("N"),
    )


def main(description: str, calls: int, repeats: int) -> None:
    """Measure."""
    adapter = VISAAdapter(
        "ASRL1::INSTR", visa_library=f"{description}@sim", read_termination="\r\n", write_termination="\r\n"
    )
    gauge = Gauge(adapter, "gauge", includeSCPI=False)
    if gauge.force_n != 0.0:
        raise RuntimeError(f"the simulated gauge reads {gauge.force_n!r}, not 0 N")
    best_s = min(timeit.repeat(lambda: gauge.force_n, number=calls, repeat=repeats))
    names = ("PyMeasure", "PyVISA", "PyVISA-sim")
    print(json.dumps({"queries_per_s": calls / best_s, "versions": {name: version(name) for name in names}}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
