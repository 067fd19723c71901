"""``qst simulate``: simulated devices that any program can talk to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from qst.abort import Aborted, AbortSwitch
from qst.cli.signals import abort_on_signals
from qst.errors import InputError
from qst.rigs.simulated import shipped_stations, simulated_station
from qst.station import SIMULATED
from qst_simulators.server import SimulatorServer

#: How often to look whether somebody sent "quit", s.
_LOOK_S = 0.1
_FILE_MAX = 1_000_000
_REMEDY = "write DEVICE, DEVICE=settings.yaml, or DEVICE=key=value,key=value; 'qst devices' lists devices"


@click.command()
@click.argument("devices", metavar="DEVICE[=SETTINGS]…", nargs=-1, required=True)
@click.option(
    "--listen",
    metavar="ADDRESS",
    multiple=True,
    help="For each device in turn: tcp://HOST:PORT (port 0: the system chooses), pty:[LINK], or serial:PORT[@BAUD].",
)
@click.option(
    "--speed", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="Time lapse."
)
@click.option(
    "--participant-model",
    metavar="fibromyalgia|healthy|FILE",
    default="fibromyalgia",
    show_default=True,
    help="Who is simulated.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of everything random.")
@click.option(
    "--control",
    metavar="HOST:PORT",
    default="127.0.0.1:0",
    show_default=True,
    help="Control channel on this computer: JSON lines that press the button, place, push, and tell the truth.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as one JSON object.")
def simulate(
    devices: tuple[str, ...],
    listen: tuple[str, ...],
    speed: float,
    participant_model: str,
    seed: int,
    control: str,
    as_json: bool,
) -> int:
    """Serve simulated DEVICEs until Ctrl-C, so that any program can talk to them.

    A device starts with the settings of the shipped simulated stations; DEVICE=settings.yaml or DEVICE=key=value,…
    changes single ones. The values are YAML: text that looks like a number needs quotes (firmware='12.51').
    Everything stands in one simulated world with one participant and one button.
    """
    server = SimulatorServer(
        [_device(text) for text in devices],
        listen=listen,
        speed=speed,
        seed=seed,
        profile=participant_model,
        control=control,
    )
    abort = AbortSwitch()
    with abort_on_signals(abort), server:
        click.echo(_as_json(server, seed, speed) if as_json else _as_lines(server))
        try:
            while not server.wait(0):
                abort.wait(_LOOK_S)
        except Aborted:
            pass  # the asked-for way to end
    return 0


# -- what is printed ----------------------------------------------------------------------------------------------


def _as_lines(server: SimulatorServer) -> str:
    """One line a device, and one for the control channel."""
    rows = [(server.devices[role], address) for role, address in server.addresses.items()]
    rows.append(("control", "{}:{}".format(*server.control)))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {address}" for name, address in rows)


def _as_json(server: SimulatorServer, seed: int, speed: float) -> str:
    return msgspec.json.encode(
        {
            "devices": [
                {"device": server.devices[role], "role": role, "address": address}
                for role, address in server.addresses.items()
            ],
            "control": "{}:{}".format(*server.control),
            "seed": seed,
            "speed": speed,
        }
    ).decode("utf-8")


# -- what is given ------------------------------------------------------------------------------------------------


def _device(text: str) -> tuple[str, Mapping[str, Any]]:
    """Name and settings of ``mark10``, ``mark10=gauge.yaml`` or ``mark10=noise=false,baud=9600``."""
    name, _, given = text.partition("=")
    if not given:
        changes: Mapping[str, Any] = {}
    elif given.endswith((".yaml", ".yml")):
        changes = _mapping(_read(Path(given)), given)
    else:
        changes = dict(_setting(part, text) for part in given.split(","))
    return name, {**_usual_settings(name), **changes}


def _usual_settings(name: str) -> Mapping[str, Any]:
    """What the shipped simulated stations say about this simulator; nothing when none has it."""
    for station in shipped_stations():
        for spec in simulated_station(station).station.roles().values():
            if spec.link == f"{SIMULATED}{name}":
                return spec.simulator
    return {}


def _setting(part: str, where: str) -> tuple[str, Any]:
    key, equals, value = part.partition("=")
    if not equals or not key:
        raise InputError(f"'{part}' is not a setting", where=where, remedy=_REMEDY)
    return key.strip(), _load(value, where)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _FILE_MAX:
            raise InputError("the file is far too long for settings", where=str(path), remedy="check the path")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"the settings cannot be read: {error.strerror}", where=str(path), remedy="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError("the file is not UTF-8 text", where=str(path), remedy="save it as UTF-8") from error


def _mapping(text: str, where: str) -> Mapping[str, Any]:
    loaded = _load(text, where)
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise InputError("settings are a mapping: one 'key: value' a line", where=where, remedy=_REMEDY)
    return loaded


def _load(text: str, where: str) -> Any:  # noqa: ANN401 - plain data of any kind
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f" line {mark.line + 1}"
        raise InputError(
            f"this is not YAML: {getattr(error, 'problem', None) or error}", where=f"{where}{line}"
        ) from error
