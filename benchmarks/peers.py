"""One question, one answer, one number: this suite's driver and simulator beside PyMeasure and pyvisa-sim, in one run.

Run from the checkout: ``python -m benchmarks.peers``. The peers are installed into an environment of their own, in a
temporary folder, so this needs a package index; ``--environment`` keeps it for the next time.

Both sides ask a simulated gauge for its force and give a float. Theirs answers a fixed text from a table; ours measures
a simulated sensor with its noise on a clock of its own. Both are timed by their best repeat, one after the other.
"""

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import click
import msgspec

from benchmarks.figures import Figure, show, show_machine
from benchmarks.round_trips import best_per_s, mark10

PEERS = ("pymeasure", "pyvisa-sim", "pyvisa-py")
HERE = Path(__file__).parent
CALLS, REPEATS = 2000, 5


class Peer(msgspec.Struct, frozen=True):
    """What the peer's process printed."""

    queries_per_s: float
    versions: dict[str, str]


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def install(environment: Path) -> None:
    """Make the environment with the peers in it, unless it is there."""
    if python_of(environment).exists():
        return
    venv.create(environment, with_pip=True)
    pip = (str(python_of(environment)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, *PEERS], check=True)


def measure_peer(environment: Path) -> Peer:
    """Queries a second of the peer."""
    command = [python_of(environment), HERE / "pymeasure_gauge.py", HERE / "pymeasure_gauge.yaml", CALLS, REPEATS]
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    return parse_peer(done.stdout)


def parse_peer(output: str) -> Peer:
    """The JSON object on the last line of the peer's output."""
    return msgspec.convert(json.loads(output.splitlines()[-1]), Peer)


@click.command()
@click.option("--environment", type=click.Path(path_type=Path), help="Where the peers are, or are to stay, installed.")
def main(environment: Path | None) -> None:
    """Measure both and print them side by side."""
    show_machine()
    with tempfile.TemporaryDirectory() as name:
        place = environment or Path(name)
        install(place)
        peer = measure_peer(place)
    ours = best_per_s(lambda: mark10()[0].current_kpa)
    show(Figure(f"peer: {', '.join(' '.join(item) for item in peer.versions.items())}", peer.queries_per_s, "/s"))
    show(Figure("this suite: mark10 driver and simulator, ?C", ours, "/s", at_least=peer.queries_per_s))


if __name__ == "__main__":
    main()
